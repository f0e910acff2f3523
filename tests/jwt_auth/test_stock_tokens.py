"""SimpleJWT's own tokens while JWT_ACCEPT_STOCK_UNTIL accepts them, and after it."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.core.checks import run_checks
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework_simplejwt import state
from rest_framework_simplejwt import tokens as simplejwt
from rest_framework_simplejwt.backends import TokenBackend
from rest_framework_simplejwt.token_blacklist.models import BlacklistedToken, OutstandingToken
from rest_framework_simplejwt.utils import get_md5_hash_password

from jwt_auth import models
from jwt_auth.models import RefreshFamily, StockCutoff, StockToken
from tests.support.accounts import ENDINGS, PASSWORD, change_password
from tests.support.events import enable
from tests.support.keys import a_key, public_pem
from tests.support.logins import NOON, at, claims, reason, refresh, verify, whoami
from tests.support.stock_tokens import log_out, stock_access, stock_forge, stock_pair, stock_refresh
from tests.support.tables import dump


@pytest.fixture(autouse=True)
def accepted(settings):
    settings.JWT_ACCEPT_STOCK_UNTIL = date(2031, 12, 31)


@pytest.fixture
def pair(user):
    """Return SimpleJWT's pair of a login at NOON, where the clock stands."""
    with at():
        yield stock_pair(user)


def statuses(api, pair) -> list[int]:
    """Return how the pair fares at the API and, last, at the refresh, which may spend it."""
    doors = [whoami(api, pair["access"]), verify(api, pair["access"]), verify(api, pair["refresh"]), refresh(api, pair)]
    return [door.status_code for door in doors]


# --- access ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "number"), [("jwt", 1), ("jwt-pushed", 1), ("jwt-stateless", 0)])
def test_an_access_token_of_simplejwt_opens_the_api_at_no_query_more(door_to, user, name, number):
    door, access = door_to(name), stock_access(user)
    for _ in range(2):
        with CaptureQueriesContext(
            connection,
        ) as queries:
            answer = door.get("/whoami/", access)
        assert (answer.status_code, answer.json()["id"], len(queries)) == (200, user.pk, number)


@pytest.mark.parametrize(
    ("until", "before", "after"),
    [
        (date(2030, 1, 1), {"hours": 11, "minutes": 59}, {"hours": 12}),
        (datetime(2030, 1, 1, 14, tzinfo=UTC), {"minutes": 119}, {"minutes": 120}),
    ],
)
@pytest.mark.parametrize("name", ["jwt", "jwt-pushed", "jwt-stateless"])
def test_they_are_accepted_until_the_date_and_no_longer(door_to, settings, user, logged, name, until, before, after):
    settings.JWT_ACCEPT_STOCK_UNTIL = until
    door = door_to(name)
    for later, status in ((before, 200), (after, 401)):
        with at(**later):
            pair = stock_pair(user)
            assert set(statuses(door.client, pair)) == {status}, later
    refused = [event["reason"] for event in logged.events if event["event"] == "credential.refused"]
    assert refused[0] == refused[-1] == "stock"


@pytest.mark.parametrize("name", ["jwt", "jwt-pushed", "jwt-stateless"])
def test_without_the_switch_they_are_refused(door_to, settings, user, name):
    settings.JWT_ACCEPT_STOCK_UNTIL = None
    assert set(statuses(door_to(name).client, stock_pair(user))) == {401}


@pytest.mark.parametrize("name", ["jwt", "jwt-pushed", "jwt-stateless"])
def test_an_expired_one_is_refused_as_expired(door_to, user, pair, logged, name):
    with at(minutes=5):
        assert door_to(name).get("/whoami/", pair["access"]).status_code == 401
    assert [event["reason"] for event in logged.events] == ["expired"]


def test_a_user_id_that_is_a_number_is_read_as_simplejwt_wrote_it_before_5_5(api, user, pair):
    pair = {kind: stock_forge(token, user_id=user.pk) for kind, token in pair.items()}
    assert statuses(api, pair) == [200] * 4


def test_the_list_of_logins_has_no_present_one_for_it(api, user, pair):
    models.log_in(user)
    (login,) = api.get("/api/token/sessions/", headers={"Authorization": f"Bearer {pair['access']}"}).json()
    assert login["current"] is False


# --- refresh --------------------------------------------------------------------------------------


def test_a_refresh_token_becomes_a_login_of_ours_once(api, user, pair):
    child = refresh(api, pair).json()
    family = RefreshFamily.objects.get()
    assert claims(child["refresh"])["sid"] == family.pk.hex
    assert (family.user, family.label, family.created_at) == (user, "moved from SimpleJWT", NOON)
    assert whoami(api, child["access"]).json()["id"] == user.pk
    with at(seconds=9):
        again = refresh(api, pair).json()
        assert again["refresh"] == child["refresh"]
        assert verify(api, pair["refresh"]).json() == {"token_type": "refresh"}
    with at(seconds=10):
        assert verify(api, pair["refresh"]).status_code == 401
        assert whoami(api, child["access"]).status_code == 200
        assert refresh(api, pair).status_code == 401
        assert whoami(api, child["access"]).status_code == 401
        assert refresh(api, child).status_code == 401
    assert reason() == models.REUSE


def test_a_use_after_its_child_was_spent_ends_the_login_also_within_the_grace(api, pair):
    child = refresh(api, pair).json()
    grandchild = refresh(api, child).json()
    assert refresh(api, pair).status_code == 401
    assert refresh(api, grandchild).status_code == 401
    assert reason() == models.REUSE


def test_a_clock_that_is_set_back_ends_nothing(api, pair):
    child = refresh(api, pair).json()
    pair["refresh"] = stock_forge(pair["refresh"], iat=claims(pair["refresh"])["iat"] - 3600)
    with at(seconds=-60):
        assert refresh(api, pair).status_code == 401
    assert refresh(api, child).status_code == 200


def test_the_access_token_goes_on_until_it_expires(api, pair):
    assert refresh(api, pair).status_code == 200
    assert whoami(api, pair["access"]).status_code == 200


@pytest.mark.parametrize("delete", ["in the admin", "by the command"])
def test_no_deletion_of_the_login_makes_the_token_valid_again(api, settings, user, delete):
    with at():
        pair = {"refresh": stock_forge(stock_refresh(user), exp=int((NOON + timedelta(days=200)).timestamp()))}
        assert refresh(api, pair).status_code == 200
    with at(days=40):
        if delete == "by the command":
            call_command("flush_refresh_families")
        else:
            RefreshFamily.objects.all().delete()
        assert not RefreshFamily.objects.exists()
        assert refresh(api, pair).status_code == verify(api, pair["refresh"]).status_code == 401
        assert log_out(api, {"refresh": pair["refresh"]}).status_code == 204


def test_the_command_deletes_what_was_spent_a_day_after_it_expired(api, pair, capsys):
    assert refresh(api, pair).status_code == 200
    for later, said, left in (
        ({"days": 2}, "", 1),
        ({"days": 2, "seconds": 11}, "1 spent tokens of SimpleJWT deleted\n", 0),
    ):
        with at(**later):
            call_command("flush_refresh_families")
        assert capsys.readouterr().out.endswith(f"expired logins deleted\n{said}")
        assert StockToken.objects.count() == left


# --- SimpleJWT's blacklist ------------------------------------------------------------------------


def test_a_blacklisted_token_is_refused(api, pair):
    simplejwt.RefreshToken(pair["refresh"]).blacklist()
    assert refresh(api, pair).status_code == verify(api, pair["refresh"]).status_code == 401
    assert log_out(api, {"refresh": pair["refresh"]}).status_code == 204
    assert not RefreshFamily.objects.exists()


def test_what_is_spent_here_is_blacklisted_there_and_no_raw_token_is_written(api, user, pair):
    OutstandingToken.objects.all().delete()  # as in a project that installed the app later
    assert refresh(api, pair).status_code == 200
    assert BlacklistedToken.objects.get().token.jti == claims(pair["refresh"])["jti"]
    tables = "".join(dump().values())
    assert pair["refresh"].rpartition(".")[2] not in tables
    with pytest.raises(simplejwt.TokenError, match="blacklisted"):
        simplejwt.RefreshToken(pair["refresh"])


# --- logout ---------------------------------------------------------------------------------------


def test_a_logout_by_the_refresh_token_spends_it(api, pair):
    assert (
        log_out(api, {"refresh": pair["refresh"]}).status_code
        == log_out(api, {"refresh": pair["refresh"]}).status_code
        == 204
    )
    assert refresh(api, pair).status_code == verify(api, pair["refresh"]).status_code == 401
    assert not RefreshFamily.objects.exists()
    # The access token names no login.
    assert whoami(api, pair["access"]).status_code == 200


def test_a_logout_by_a_spent_token_ends_the_login_that_it_became(api, pair):
    child = refresh(api, pair).json()
    assert log_out(api, {"refresh": pair["refresh"]}).status_code == 204
    assert refresh(api, child).status_code == 401
    assert reason() == models.LOGOUT


def test_a_logout_by_an_access_token_alone_says_what_to_send(api, pair):
    answer = log_out(api, access=pair["access"])
    assert answer.status_code == 400
    assert "names no login" in answer.json()["refresh"][0]
    assert statuses(api, pair) == [200] * 4


@pytest.mark.parametrize("by", ["refresh", "access"])
def test_a_logout_everywhere_ends_every_token_of_either_kind(api, user, pair, by):
    ours = models.log_in(user)
    other = stock_pair(user)
    body = {"everywhere": True} | ({"refresh": pair["refresh"]} if by == "refresh" else {})
    assert log_out(api, body, pair["access"] if by == "access" else None).status_code == 204
    assert set(statuses(api, pair) + statuses(api, other)) == {401}
    assert whoami(api, str(ours.access)).status_code == 401
    with at(seconds=1):
        assert statuses(api, stock_pair(user)) == [200] * 4


# --- what ends all credentials --------------------------------------------------------------------


@pytest.mark.parametrize("ending", ENDINGS)
def test_what_ends_all_credentials_ends_those_of_simplejwt(api, user, pair, ending):
    spent = stock_pair(user)
    child = refresh(api, spent).json()
    with at(seconds=60):
        late = stock_pair(user)  # in the same second
        ending(user)
        for each in (pair, late, child):
            assert whoami(api, each["access"]).status_code == 401
            assert verify(api, each["access"]).status_code == verify(api, each["refresh"]).status_code == 401
            assert refresh(api, each).status_code == 401
        assert refresh(api, spent).status_code == 401
        assert log_out(api, {"refresh": pair["refresh"]}).status_code == (401 if user.pk is None else 204)
    if user.pk is not None:
        user.is_active = True
        user.save()
        with at(seconds=61):
            assert set(statuses(api, pair)) == set(statuses(api, late)) == {401}
            assert statuses(api, stock_pair(user)) == [200] * 4


@pytest.mark.parametrize("is_set", [True, False])
def test_the_moment_is_written_only_while_the_switch_is_set(settings, user, is_set):
    if not is_set:
        settings.JWT_ACCEPT_STOCK_UNTIL = None
    change_password(user)
    assert StockCutoff.objects.count() == is_set


def test_a_clock_that_is_set_back_moves_no_moment_back(user):
    with at():
        change_password(user)
    with at(hours=-1):
        change_password(user)
    assert StockCutoff.objects.get().ended_at == NOON


def test_a_hash_that_is_renewed_ends_nothing(api, user, pair, settings):
    settings.PASSWORD_HASHERS = ["tests.support.hashers.TwoRounds", *settings.PASSWORD_HASHERS]
    assert api.post("/api/token/", {"username": "ada", "password": PASSWORD}).status_code == 200
    before, user = user.password, type(user).objects.get()
    assert user.password != before
    assert statuses(api, pair) == [200] * 4


def test_with_check_revoke_token_simplejwts_claim_counts(api, user, pair, settings):
    settings.SIMPLE_JWT = {**settings.SIMPLE_JWT, "CHECK_REVOKE_TOKEN": True}
    assert statuses(api, pair) == [401] * 4
    hashed = get_md5_hash_password(user.password)
    pair = {kind: stock_forge(token, hash_password=hashed) for kind, token in pair.items()}
    type(user).objects.update(password="md5$another$hash")
    assert statuses(api, pair) == [401] * 4
    type(user).objects.update(password=user.password)
    assert statuses(api, pair) == [200] * 4


# --- ours are not theirs --------------------------------------------------------------------------


def test_no_token_of_ours_passes_for_one_of_simplejwt(api, user):
    """Both are signed with the same key, and only ours end with their login."""
    pair = models.log_in(user)
    texts = {"access": str(pair.access), "refresh": str(pair.refresh)}
    models.end(models.LOGOUT, pk=pair.access.sid)
    without_kid = {kind: stock_forge(token) for kind, token in texts.items()}
    without_sid = {kind: stock_forge(token, sid=...) for kind, token in texts.items()}
    assert set(statuses(api, texts) + statuses(api, without_kid)) == {401}
    assert statuses(api, without_sid) == [200] * 4  # what SimpleJWT itself would have signed


# --- events and checks ----------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("name", ["jwt", "jwt-pushed", "jwt-stateless"])
def test_an_operator_sees_who_still_sends_them(door_to, settings, user, logged, name):
    enable(settings, name)
    door, pair = door_to(name), stock_pair(user)
    for _ in range(2):
        assert door.get("/whoami/", pair["access"]).status_code == 200
    refresh(door.client, pair)
    refresh(door.client, pair)
    settings.JWT_REUSE_GRACE = timedelta(0)
    refresh(door.client, pair)
    assert logged.words() == [
        "stock.accepted",
        "stock.exchanged",
        "refresh.repeated",
        "refresh.reused",
        "credential.refused reused",
    ]
    log_out(door.client, {"refresh": stock_refresh(user)})
    log_out(door.client, {"refresh": stock_refresh(user), "everywhere": True})
    assert logged.words() == ["login.ended logout", "credentials.ended logout_everywhere"]


@pytest.mark.once
@pytest.mark.parametrize(
    ("until", "ids"),
    [
        (None, []),
        (date(2031, 1, 1), []),
        (datetime(2031, 1, 1, tzinfo=UTC), []),
        (datetime(2031, 1, 1), ["jwt_auth.E007"]),  # noqa: DTZ001 - that is the fault
        ("2031-01-01", ["jwt_auth.E007"]),
        (True, ["jwt_auth.E007"]),
        (date(2020, 1, 1), ["jwt_auth.W003"]),
        (datetime(2020, 1, 1, tzinfo=UTC), ["jwt_auth.W003"]),
    ],
)
def test_a_check_tells_a_wrong_end_and_one_that_has_passed(settings, until, ids):
    settings.JWT_ACCEPT_STOCK_UNTIL = until
    assert [message.id for message in run_checks() if message.id.startswith("jwt_auth")] == ids


@pytest.mark.once
@pytest.mark.parametrize(
    ("algorithm", "key", "is_right"),
    [
        ("HS256", "k" * 64, True),
        *[("HS256", key, False) for key in ("", None, a_key("ES256"))],
        *[(algorithm, public_pem(a_key(algorithm)), True) for algorithm in ("RS256", "ES256", "EdDSA")],
        *[(algorithm, key, False) for algorithm in ("RS256", "ES256", "EdDSA") for key in ("", None, "nonsense")],
        ("ES256", public_pem(a_key("RS256")), False),
    ],
)
def test_a_check_tells_of_a_key_that_verifies_nothing(settings, monkeypatch, algorithm, key, is_right):
    """Otherwise anybody's token without `kid` would be answered by an error of the server."""
    monkeypatch.setattr(state, "token_backend", TokenBackend(algorithm, key, key))
    assert ("jwt_auth.E007" not in [each.id for each in run_checks()]) is is_right


@pytest.mark.once
@pytest.mark.parametrize(
    ("simple_jwt", "secret_key", "length"),
    [
        ({"SIGNING_KEY": "secret"}, "s" * 50, 6),
        ({"SIGNING_KEY": b"\xe4" * 31, "ALGORITHM": "HS384"}, "s" * 50, 31),
        ({}, "s" * 31, 31),
        ({"SIGNING_KEY": "k" * 32}, "s" * 31, None),
        ({}, "s" * 32, None),
        ({"SIGNING_KEY": "short", "ALGORITHM": "RS256"}, "s" * 50, None),
    ],
)
def test_a_check_tells_of_a_secret_that_can_be_guessed(settings, simple_jwt, secret_key, length):
    settings.JWT_ACCEPT_STOCK_UNTIL = date(2031, 1, 1)
    settings.SIMPLE_JWT, settings.SECRET_KEY = simple_jwt, secret_key
    warnings = [message.msg for message in run_checks() if message.id == "jwt_auth.W005"]
    assert [f"has {length} bytes." in text for text in warnings] == ([True] if length else [])


def test_a_check_tells_that_clients_may_not_keep_what_a_refresh_returns(settings):
    settings.SIMPLE_JWT = {**settings.SIMPLE_JWT, "ROTATE_REFRESH_TOKENS": False}
    assert "jwt_auth.W004" in [message.id for message in run_checks()]


@pytest.mark.once
def test_the_keys_at_a_url_may_verify_them_until_the_end(settings):
    settings.SIMPLE_JWT = {**settings.SIMPLE_JWT, "JWK_URL": "https://host.example/jwks.json"}
    assert "jwt_auth.E006" not in [message.id for message in run_checks()]
    settings.JWT_ACCEPT_STOCK_UNTIL = None
    assert "jwt_auth.E006" in [message.id for message in run_checks()]
