"""Tokens and keys of SimpleJWT, and of this project: J9 … J18.

test_stock_beside_ours_both.py says how to read a pair.
"""

import base64
from datetime import timedelta
from io import StringIO

import jwt as pyjwt
import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from jwt.warnings import InsecureKeyLengthWarning
from rest_framework_simplejwt import state
from rest_framework_simplejwt.backends import TokenBackend
from rest_framework_simplejwt.settings import DEFAULTS
from rest_framework_simplejwt.token_blacklist.models import OutstandingToken

from auth_core.conf import derived_signing_key
from config.schemes import SCHEMES
from jwt_auth.models import RefreshFamily
from tests.support import servers
from tests.support.accounts import deactivate, delete
from tests.support.keys import a_key, forge, public_pem
from tests.support.logins import at, claims, refresh, verify
from tests.support.stock import beside, postgresql_only
from tests.support.stock_jwt import check_ids, whoami

# --- J9 ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", [deactivate, delete])
@beside("J9", ("simplejwt-stateless", 200), ("jwt", 401))
def test_how_long_an_access_token_outlives_its_users_account(log_in, user, ending, row, expected):
    with at():
        door, pair = log_in(row)
        assert whoami(door, pair) == 200
        ending(user)
        assert whoami(door, pair) == expected
    with at(minutes=4, seconds=59):
        assert whoami(door, pair) == expected
    with at(minutes=5, seconds=10):  # our leeway has passed
        assert whoami(door, pair) == 401


@pytest.mark.once
def test_what_stateless_costs_is_written_down():
    """J9"""
    decisions = " ".join((servers.ROOT / "docs/explanation/decisions.md").read_text().split())
    assert "a disabled or deleted user is served until the access token expires" in decisions
    assert "no query" in SCHEMES["simplejwt-stateless"].summary


# --- J10, J11 ------------------------------------------------------------------------------------


@pytest.mark.parametrize("keyword", ["bearer", "BEARER"])
@beside("J10", ("simplejwt", 401), ("jwt", 200))
def test_the_keyword_in_another_case(log_in, keyword, row, expected):
    door, pair = log_in(row)
    assert door.get("/whoami/", pair["access"], keyword="Bearer").status_code == 200
    assert door.get("/whoami/", pair["access"], keyword=keyword).status_code == expected


@pytest.mark.parametrize(
    ("row", "ahead", "expected"),
    [
        pytest.param("simplejwt", 5, 401, id="J11-stock"),
        pytest.param("jwt", 5, 200, id="J11-ours"),
        pytest.param("jwt", 11, 401, id="J11-ours-beyond-the-stated-leeway"),
    ],
)
def test_an_issuer_whose_clock_is_ahead(log_in, settings, row, ahead, expected):
    assert timedelta(seconds=10) == settings.JWT_LEEWAY
    with at(seconds=ahead):
        door, pair = log_in(row)
    with at():
        assert whoami(door, pair) == expected
        assert refresh(door.client, pair).status_code == expected


# --- J12 -----------------------------------------------------------------------------------------


HOSTILE = [
    pytest.param({"exp": "9999999999"}, id="exp a number as text"),
    pytest.param({"exp": 1e20}, id="exp 1e20"),
    pytest.param({"user_id": {"id": 1}}, id="user_id a dict"),
    pytest.param({"user_id": "\0"}, id="user_id NUL"),
]
HOSTILE_TO_REFRESH = [pytest.param({"jti": "\0"}, id="jti NUL"), pytest.param({"jti": "x" * 300}, id="jti 300 long")]


@pytest.mark.parametrize("changes", HOSTILE)
@beside("J12", ("simplejwt", 500), ("jwt", 401))
def test_a_well_signed_hostile_claim(log_in, changes, row, expected):
    door, pair = log_in(row)
    forged = {kind: forge(pair[kind], **changes) for kind in ("access", "refresh")}
    assert whoami(door, forged) == expected
    assert refresh(door.client, forged).status_code == expected


@pytest.mark.parametrize("changes", HOSTILE_TO_REFRESH)
@pytest.mark.parametrize(
    ("row", "expected"),
    [
        pytest.param("simplejwt", 500, id="J12-stock", marks=postgresql_only),
        pytest.param("jwt", 401, id="J12-ours"),
    ],
)
def test_a_well_signed_hostile_id(log_in, changes, row, expected):
    door, pair = log_in(row)
    assert refresh(door.client, {"refresh": forge(pair["refresh"], **changes)}).status_code == expected


# --- J13 -----------------------------------------------------------------------------------------


P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def padded(token: str) -> str:
    return token + "=" * (-len(token.rpartition(".")[2]) % 4)


def twin(token: str) -> str:
    """Return the token with the signature (r, n - s), which is valid wherever (r, s) is."""
    signed, _, signature = token.rpartition(".")
    raw = base64.urlsafe_b64decode(signature + "==")
    s = P256_ORDER - int.from_bytes(raw[32:], "big")
    return f"{signed}.{base64.urlsafe_b64encode(raw[:32] + s.to_bytes(32, 'big')).rstrip(b'=').decode()}"


SPELLINGS = pytest.mark.parametrize(
    ("algorithm", "respell"), [("HS256", padded), ("ES256", padded), ("ES256", twin)], ids=["HS256=", "ES256==", "twin"]
)


@pytest.fixture
def sign_with(settings, monkeypatch):
    """Return sign_with(algorithm), which makes both rows sign with a key of this algorithm."""

    def sign_with(algorithm):
        key = a_key(algorithm)
        settings.JWT_ALGORITHM, settings.JWT_SIGNING_KEY, settings.JWT_VERIFYING_KEYS = algorithm, key, ()
        public = "" if algorithm.startswith("HS") else public_pem(key)
        monkeypatch.setattr(state, "token_backend", TokenBackend(algorithm, key, public))

    return sign_with


@SPELLINGS
@pytest.mark.parametrize("row", [pytest.param("simplejwt", id="J13-stock"), pytest.param("jwt", id="J13-ours")])
def test_another_spelling_of_a_token_is_as_good_as_the_token(log_in, sign_with, algorithm, respell, row):
    sign_with(algorithm)
    door, pair = log_in(row)
    assert respell(pair["access"]) != pair["access"]
    assert whoami(door, {"access": respell(pair["access"])}) == 200
    assert refresh(door.client, {"refresh": respell(pair["refresh"])}).status_code == 200


@SPELLINGS
def test_ours_takes_another_spelling_for_the_token_it_is_and_it_dies_with_its_family(
    log_in, sign_with, settings, algorithm, respell
):
    """J13"""
    settings.JWT_REUSE_GRACE = timedelta(0)
    sign_with(algorithm)
    door, pair = log_in("jwt")
    assert refresh(door.client, pair).status_code == 200
    # A token spent in one spelling is spent in every other: this is a reuse, and ends the login.
    assert refresh(door.client, {"refresh": respell(pair["refresh"])}).status_code == 401
    assert RefreshFamily.objects.get().reason == "reuse"
    for token in (pair["access"], respell(pair["access"])):
        assert whoami(door, {"access": token}) == 401
        assert verify(door.client, token).status_code == 401


# --- J14 -----------------------------------------------------------------------------------------


@beside("J14", ("simplejwt", (13, 3)), ("jwt", (2, 1)))
def test_the_statements_of_a_refresh_and_how_often_they_read_the_user(log_in, row, expected):
    door, pair = log_in(row)
    with CaptureQueriesContext(connection) as captured:
        assert refresh(door.client, pair).status_code == 200
    statements = [query["sql"] for query in captured]
    of_the_user = [sql for sql in statements if sql.startswith("SELECT") and '"auth_user"."password"' in sql]
    assert (len(statements), len(of_the_user)) == expected


# --- J15 -----------------------------------------------------------------------------------------


def test_a_new_key_kills_every_stock_token(log_in, monkeypatch):
    """J15"""
    door, pair = log_in("simplejwt")
    assert "kid" not in pyjwt.get_unverified_header(pair["access"])
    monkeypatch.setattr(state, "token_backend", TokenBackend("HS256", a_key("HS256", 1)))
    assert whoami(door, pair) == 401
    assert refresh(door.client, pair).status_code == 401


def test_a_new_key_of_ours_keeps_the_tokens_of_the_old_one(log_in, settings):
    """J15"""
    door, pair = log_in("jwt")
    settings.JWT_SIGNING_KEY, settings.JWT_VERIFYING_KEYS = a_key("HS256", 1), (settings.JWT_SIGNING_KEY,)
    assert whoami(door, pair) == 200
    child = refresh(door.client, pair).json()
    assert whoami(door, child) == 200
    kids = [pyjwt.get_unverified_header(one["access"])["kid"] for one in (pair, child)]
    assert kids[0] != kids[1]


# --- J16 -----------------------------------------------------------------------------------------


def test_stock_signs_with_a_short_key_under_a_mere_warning_and_by_default_with_secret_key(settings):
    """J16"""
    with pytest.warns(InsecureKeyLengthWarning):
        token = TokenBackend("HS256", "short").encode({"user_id": "1"})
    assert token.count(".") == 2
    assert DEFAULTS["SIGNING_KEY"] == settings.SECRET_KEY


def test_ours_never_signs_with_secret_key_itself(log_in, settings):
    """J16"""
    _, pair = log_in("jwt")
    assert derived_signing_key(settings.SECRET_KEY) == settings.JWT_SIGNING_KEY
    with pytest.raises(pyjwt.InvalidSignatureError):
        pyjwt.decode(pair["access"], settings.SECRET_KEY, algorithms=["HS256"])


@pytest.mark.parametrize(("switch", "error"), [("SECRET_KEY", "jwt_auth.E001"), ("JWT_SIGNING_KEY", "jwt_auth.E002")])
@pytest.mark.parametrize("length", [31, 32])
def test_ours_does_not_pass_the_checks_with_fewer_than_32_bytes(settings, switch, error, length):
    """J16"""
    setattr(settings, switch, "k" * length)
    if switch == "SECRET_KEY":
        settings.JWT_SIGNING_KEY = derived_signing_key("k" * length)
    assert (error in check_ids()) == (length < 32)


@pytest.mark.once
@pytest.mark.parametrize("switch", ["SECRET_KEY", "JWT_SIGNING_KEY"])
def test_ours_does_not_start_with_a_short_key(switch):
    """J16"""
    done = servers.run("-c", "import config.wsgi", **{switch: "k" * 31})
    assert done.returncode != 0
    assert "jwt_auth.E00" in done.stderr


# --- J17 -----------------------------------------------------------------------------------------


@beside("J17", ("simplejwt", 5), ("jwt", 60))
def test_a_lifetime_that_is_overridden_in_a_running_process(log_in, settings, row, expected):
    settings.SIMPLE_JWT = {**settings.SIMPLE_JWT, "ACCESS_TOKEN_LIFETIME": timedelta(hours=1)}
    settings.JWT_ACCESS_LIFETIME = timedelta(hours=1)
    with at():  # stock reads the clock once per claim
        _, pair = log_in(row)
    payload = claims(pair["access"])
    assert payload["exp"] - payload["iat"] == expected * 60


# --- J18 -----------------------------------------------------------------------------------------


def expired_logins(log_in, row, count):
    for _ in range(count):
        log_in(row)
    yesterday = timezone.now() - timedelta(days=2)
    OutstandingToken.objects.update(expires_at=yesterday)
    RefreshFamily.objects.update(refresh_expires_at=yesterday)


def statements_of(command, **options) -> list[str]:
    with CaptureQueriesContext(connection) as captured:
        call_command(command, stdout=StringIO(), **options)
    return [query["sql"] for query in captured]


def test_the_stock_flush_reads_and_deletes_everything_at_once(log_in):
    """J18"""
    expired_logins(log_in, "simplejwt", 5)
    statements = statements_of("flushexpiredtokens")
    (read,) = [sql for sql in statements if sql.startswith("SELECT")]
    assert "LIMIT" not in read
    assert f'"{OutstandingToken._meta.db_table}"."token"' in read  # the raw tokens too
    *_, last = [sql for sql in statements if sql.startswith("DELETE")]
    assert last.count(",") == 5 - 1
    assert not OutstandingToken.objects.exists()


def test_our_flush_reads_and_deletes_in_batches(log_in):
    """J18"""
    expired_logins(log_in, "jwt", 5)
    statements = statements_of("flush_refresh_families", batch=2)
    reads = [sql for sql in statements if sql.startswith("SELECT") and "COUNT" not in sql]
    assert all("LIMIT 2" in sql for sql in reads)
    assert sum(sql.startswith("DELETE") for sql in statements) == 3
    assert not RefreshFamily.objects.exists()


@beside(
    "J18",
    (OutstandingToken, "expires_at", False),
    (RefreshFamily, "refresh_expires_at", True),
    names="model, column, indexed",
)
def test_whether_what_the_flush_looks_for_is_indexed(db, model, column, indexed):
    with connection.cursor() as cursor:
        constraints = connection.introspection.get_constraints(cursor, model._meta.db_table).values()
    assert any(each["index"] and each["columns"] == [column] for each in constraints) == indexed


@beside("J18", ("simplejwt", 200), ("jwt", 401))
def test_whether_a_flush_brings_a_spent_token_back_to_life(log_in, settings, monkeypatch, row, expected):
    """Both rows have a leeway of a minute, in which they still accept an expired token."""
    monkeypatch.setattr(state, "token_backend", TokenBackend("HS256", settings.JWT_SIGNING_KEY, leeway=60))
    settings.JWT_LEEWAY = timedelta(minutes=1)
    with at():
        door, spent = log_in(row)
        assert refresh(door.client, spent).status_code == 200
        _, unspent = log_in(row)
    with at(days=1, seconds=30):
        assert refresh(door.client, spent).status_code == 401
        call_command("flushexpiredtokens" if row == "simplejwt" else "flush_refresh_families", stdout=StringIO())
        assert refresh(door.client, spent).status_code == expected
        assert refresh(door.client, unspent).status_code == 200
