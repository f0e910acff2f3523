"""SimpleJWT's behaviour today, and this project's instead: J1 … J8, J18.

test_stock_beside_ours_both.py says how to read a pair.
"""

from datetime import timedelta

import pytest
from django.apps import apps
from django.contrib.admin import AdminSite
from django.db import connection
from django.urls import path, reverse
from rest_framework_simplejwt import serializers as stock_serializers
from rest_framework_simplejwt.exceptions import TokenError
from rest_framework_simplejwt.serializers import TokenRefreshSerializer
from rest_framework_simplejwt.token_blacklist.admin import OutstandingTokenAdmin
from rest_framework_simplejwt.token_blacklist.models import OutstandingToken
from rest_framework_simplejwt.tokens import RefreshToken, SlidingToken
from rest_framework_simplejwt.views import TokenRefreshSlidingView

from jwt_auth import models
from jwt_auth.models import RefreshFamily
from jwt_auth.tokens import RefreshToken as OurRefreshToken
from tests.support import servers
from tests.support.accounts import change_password, deactivate, delete
from tests.support.clients import new_client
from tests.support.keys import forge
from tests.support.logins import claims, refresh, verify
from tests.support.stock import beside, by_the_library, postgresql_only, serve
from tests.support.stock_jwt import check_ids, whoami
from tests.support.tables import dump
from tests.support.threads import at_once

# --- J1 ------------------------------------------------------------------------------------------


@beside("J1", ("simplejwt", 500), ("jwt", 401))
def test_a_refresh_for_a_deleted_user(log_in, user, row, expected):
    door, pair = log_in(row)
    user.delete()
    assert refresh(door.client, pair).status_code == expected


@beside("J1", ("simplejwt", 500), ("jwt", 401))
def test_a_user_id_that_cannot_be_one(log_in, row, expected):
    door, pair = log_in(row)
    forged = {kind: forge(pair[kind], user_id="ada") for kind in ("access", "refresh")}
    assert whoami(door, forged) == expected
    assert refresh(door.client, forged).status_code == expected


# --- J2 ------------------------------------------------------------------------------------------


CLIENTS, ROUNDS = 8, 20


@pytest.fixture(params=[False, True], ids=["autocommit", "ATOMIC_REQUESTS"])
def atomic_requests(request, transactional_db, monkeypatch):
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", request.param)


def refresh_at_once(pair) -> list[dict]:
    """Return the pairs that CLIENTS simultaneous refreshes of one token receive."""
    responses = at_once(*[lambda: refresh(new_client(), pair)] * CLIENTS)
    assert {response.status_code for response in responses} <= {200, 401}
    return [response.json() for response in responses if response.status_code == 200]


@postgresql_only
def test_stock_lets_several_of_many_simultaneous_refreshes_win_and_every_winner_lives(atomic_requests, log_in):
    """J2"""
    for _ in range(ROUNDS):
        door, pair = log_in("simplejwt")
        winners = refresh_at_once(pair)
        if len(winners) > 1:
            assert {refresh(door.client, winner).status_code for winner in winners} == {200}
            return
    pytest.fail(f"{ROUNDS} rounds with one winner each")


def test_ours_lets_exactly_one_of_many_simultaneous_refreshes_win(atomic_requests, log_in, settings):
    """J2"""
    settings.JWT_REUSE_GRACE = timedelta(0)
    for _ in range(5):
        _, pair = log_in("jwt")
        assert len(refresh_at_once(pair)) == 1


def test_stock_answers_two_that_were_verified_before_either_was_spent(log_in):
    """J2, in slow motion: blacklist() reports the late request, and its caller ignores that."""
    door, pair = log_in("simplejwt")
    children = []
    for verified in (RefreshToken(pair["refresh"]), RefreshToken(pair["refresh"])):
        serializer = TokenRefreshSerializer(data={"refresh": pair["refresh"]})
        serializer.token_class = lambda text, verified=verified: verified
        assert serializer.is_valid()
        children.append(serializer.validated_data)
    assert [refresh(door.client, child).status_code for child in children] == [200, 200]


def test_ours_answers_one_of_two_that_were_verified_before_either_was_spent(log_in, settings):
    """J2, in slow motion."""
    settings.JWT_REUSE_GRACE = timedelta(0)
    _, pair = log_in("jwt")
    first, second = OurRefreshToken(pair["refresh"]), OurRefreshToken(pair["refresh"])
    assert models.refresh(first)
    with pytest.raises(TokenError):
        models.refresh(second)


# --- J3 ------------------------------------------------------------------------------------------


@beside("J3", ("simplejwt", 200), ("jwt", 401))
def test_the_descendants_of_a_refresh_token_that_is_used_again(atomic_requests, log_in, settings, row, expected):
    settings.JWT_REUSE_GRACE = timedelta(0)
    door, stolen = log_in(row)
    child = refresh(door.client, stolen).json()
    assert refresh(door.client, stolen).status_code == 401
    assert whoami(door, child) == expected
    assert refresh(door.client, child).status_code == expected


# --- J4 ------------------------------------------------------------------------------------------


@beside("J4", ("simplejwt", True), ("jwt", False))
def test_whether_a_reader_of_the_database_finds_a_refresh_token_to_replay(log_in, user, row, expected):
    door, pair = log_in(row)
    child = refresh(door.client, pair).json()
    tables = "".join(dump().values())
    assert "ada" in tables
    for token in (pair["refresh"], child["refresh"]):
        assert (token in tables) == expected
        assert (token.rpartition(".")[2] in tables) == expected
    if expected:
        found = OutstandingToken.objects.latest("id").token
        assert refresh(door.client, {"refresh": found}).status_code == 200


@beside("J4", (OutstandingToken, True), (RefreshFamily, False), names="model, outlives")
def test_whether_what_is_kept_of_a_login_outlives_its_user(log_in, user, model, outlives):
    log_in("simplejwt" if model is OutstandingToken else "jwt")
    assert model.objects.exists()
    user.delete()
    assert model.objects.exists() == outlives


def test_the_stock_admin_shows_a_refresh_token_to_replay(log_in, settings, client, staff):
    """J4"""
    door, pair = log_in("simplejwt")
    site, urls, middleware = AdminSite(), settings.ROOT_URLCONF, settings.MIDDLEWARE
    site.register(OutstandingToken, OutstandingTokenAdmin)
    serve(settings, path("admin/", site.urls))
    settings.MIDDLEWARE = middleware
    client.force_login(staff)
    page = client.get(
        reverse("admin:token_blacklist_outstandingtoken_change", args=[OutstandingToken.objects.get().pk])
    )
    assert pair["refresh"] in page.content.decode()
    settings.ROOT_URLCONF = urls
    assert refresh(door.client, pair).status_code == 200


def test_our_admin_shows_no_refresh_token(obtain_pair, client, staff):
    """J4"""
    pair = obtain_pair()
    client.force_login(staff)
    family = RefreshFamily.objects.get()
    pages = [
        client.get(reverse("admin:jwt_auth_refreshfamily_changelist")),
        client.get(reverse("admin:jwt_auth_refreshfamily_change", args=[family.pk])),
    ]
    for page in pages:
        assert page.status_code == 200
        assert "ada" in page.content.decode()
        for part in (*pair["refresh"].split(".")[1:], family.current_jti):
            assert part not in page.content.decode()
    assert client.get("/admin/token_blacklist/outstandingtoken/").status_code == 404


# --- J5 ------------------------------------------------------------------------------------------


WITHOUT_ITS_APP = """
import django
from django.conf import settings
settings.configure(
    SECRET_KEY="k" * 50,
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "rest_framework"],
    SIMPLE_JWT={"ROTATE_REFRESH_TOKENS": True, "BLACKLIST_AFTER_ROTATION": True},
)
django.setup()
from django.contrib.auth.models import User
from django.core.management import call_command
from rest_framework.test import APIRequestFactory
from rest_framework_simplejwt.tokens import RefreshToken
from rest_framework_simplejwt.views import TokenRefreshView
call_command("check", fail_level="WARNING")
call_command("migrate", verbosity=0)
token = str(RefreshToken.for_user(User.objects.create(username="ada")))
request = lambda: APIRequestFactory().post("/", {"refresh": token})
print([TokenRefreshView.as_view()(request()).status_code for _ in range(3)])
"""


@pytest.mark.once
def test_stock_without_the_blacklists_app_lets_old_refresh_tokens_work_and_says_nothing():
    """J5"""
    done = servers.run("-c", WITHOUT_ITS_APP)
    assert done.stderr == ""
    assert done.stdout.splitlines()[-1] == "[200, 200, 200]"


@pytest.mark.once
def test_ours_without_the_blacklists_app_does_not_pass_the_checks(monkeypatch):
    """J5"""
    is_installed = apps.is_installed
    assert "jwt_auth.E005" not in check_ids()
    monkeypatch.setattr(apps, "is_installed", lambda name: "token_blacklist" not in name and is_installed(name))
    assert "jwt_auth.E005" in check_ids()


@pytest.mark.once
@pytest.mark.parametrize(("app", "starts"), [("", True), ("rest_framework_simplejwt.token_blacklist", False)])
def test_ours_without_the_blacklists_app_does_not_start(app, starts):
    """J5"""
    start = f"""
from config import settings
settings.INSTALLED_APPS = [name for name in settings.INSTALLED_APPS if name != {app!r}]
import config.wsgi
"""
    done = servers.run("-c", start)
    assert (done.returncode == 0) == starts
    assert ("ImproperlyConfigured" in done.stderr) != starts


# --- J6 ------------------------------------------------------------------------------------------


@beside("J6", ("simplejwt", 200), ("jwt", 401))
def test_a_pair_after_a_change_of_password(log_in, user, row, expected):
    door, pair = log_in(row)
    change_password(user)
    assert whoami(door, pair) == expected
    assert refresh(door.client, pair).status_code == expected


def test_stock_with_its_revocation_check_still_refreshes_to_a_dead_pair(log_in, user, monkeypatch):
    """J6"""
    monkeypatch.setattr(stock_serializers.api_settings, "CHECK_REVOKE_TOKEN", True)
    door, pair = log_in("simplejwt")
    assert whoami(door, pair) == 200
    change_password(user)
    assert whoami(door, pair) == 401
    response = refresh(door.client, pair)
    assert response.status_code == 200
    assert whoami(door, response.json()) == 401


@beside("J6", ("simplejwt", 401, "password_changed"), ("jwt", 200, None), names="row, expected, code")
def test_an_earlier_pair_when_a_later_login_renews_the_hash(log_in, user, settings, monkeypatch, row, expected, code):
    """Each user's first login does this after a new version of Django raises the rounds."""
    monkeypatch.setattr(stock_serializers.api_settings, "CHECK_REVOKE_TOKEN", True)
    door, pair = log_in(row)
    settings.PASSWORD_HASHERS = ["tests.support.hashers.TwoRounds", *settings.PASSWORD_HASHERS]
    _, later = log_in(row)
    answer = door.get("/whoami/", pair["access"])
    assert (answer.status_code, answer.json().get("code")) == (expected, code)
    # The stock refresh token still works, but the service refuses the access tokens it returns.
    response = refresh(door.client, pair)
    assert response.status_code == 200
    assert whoami(door, response.json()) == expected
    assert whoami(door, later) == 200


# --- J7 ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", [deactivate, delete])
def test_stock_refreshes_a_sliding_token_whatever_became_of_the_user(settings, user, ending):
    """J7"""
    token = str(SlidingToken.for_user(user))
    ending(user)
    client = serve(settings, path("refresh/", by_the_library(TokenRefreshSlidingView)))
    response = client.post("/refresh/", {"token": token})
    assert response.status_code == 200
    assert claims(response.json()["token"])["user_id"] == claims(token)["user_id"]


def test_ours_offers_no_sliding_token(log_in, user):
    """J7"""
    door, pair = log_in("jwt")
    sliding = forge(pair["refresh"], token_type="sliding", refresh_exp=claims(pair["refresh"])["exp"])
    for token in (sliding, str(SlidingToken.for_user(user))):
        assert whoami(door, {"access": token}) == 401
        assert refresh(door.client, {"refresh": token}).status_code == 401
        assert verify(door.client, token).status_code == 401
    assert door.client.post("/api/token/refresh/", {"token": pair["refresh"]}).status_code == 400


# --- J8 ------------------------------------------------------------------------------------------


@beside("J8", ("simplejwt", 200), ("jwt", 401))
def test_verify_of_a_token_whose_user_is_deleted(log_in, user, row, expected):
    door, pair = log_in(row)
    user.delete()
    assert verify(door.client, pair["access"]).status_code == expected


@pytest.mark.parametrize(
    ("row", "blacklist_after_rotation", "expected"),
    [
        pytest.param("simplejwt", True, 400, id="J8-stock-blacklist-after-rotation"),
        pytest.param("simplejwt", False, 200, id="J8-stock"),
        pytest.param("jwt", False, 401, id="J8-ours"),
    ],
)
def test_verify_of_a_refresh_token_that_was_revoked(log_in, monkeypatch, row, blacklist_after_rotation, expected):
    monkeypatch.setattr(stock_serializers.api_settings, "BLACKLIST_AFTER_ROTATION", blacklist_after_rotation)
    door, pair = log_in(row)
    if row == "jwt":
        assert door.client.post("/api/token/logout/", {"refresh": pair["refresh"]}).status_code == 204
    else:
        RefreshToken(pair["refresh"]).blacklist()
    assert refresh(door.client, pair).status_code == 401
    assert verify(door.client, pair["refresh"]).status_code == expected


@beside("J8", ("simplejwt", {}), ("jwt", {"token_type": "refresh"}))
def test_what_verify_says_of_a_refresh_token(log_in, row, expected):
    door, pair = log_in(row)
    response = verify(door.client, pair["refresh"])
    assert response.status_code == 200
    assert response.json() == expected
