"""What is told of each step of a credential's life, in every row; never the credential, nor what was rolled back."""

import json
import logging
import re
import uuid
from collections import Counter
from datetime import timedelta
from io import StringIO

import pytest
import time_machine
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils.module_loading import import_string
from rest_framework.authtoken.models import Token
from rest_framework.test import APIRequestFactory

from auth_core import events, revocation
from config.schemes import SCHEMES
from config.views import WhoAmIView
from jwt_auth import models as logins
from telemetry.instrumented import instrumented
from telemetry.logs import FIELDS, JsonFormatter, TextFormatter
from tests.support import servers
from tests.support.accounts import PASSWORD
from tests.support.threads import at_once
from tokens import hashed
from tokens import models as tokens
from tokens.hashed_views import TokenView
from tokens.models import HashedToken

pytestmark = pytest.mark.django_db(transaction=True)  # events wait for a commit

User = get_user_model()
OPAQUE = ("token", "token-hashed", "token-cached")
PAIRS = ("jwt", "jwt-stateless")
OURS = OPAQUE + PAIRS
STOCK = ("drf-token", "simplejwt", "simplejwt-stateless")


class Told(logging.Handler):
    """The events so far, each a dictionary of its fields, `event` with them."""

    def __init__(self):
        super().__init__()
        self.events: list[dict[str, str]] = []

    def emit(self, record):
        fields = {name: getattr(record, name) for name in FIELDS if hasattr(record, name)}
        self.events.append({"event": record.getMessage(), **fields})

    def words(self) -> list[str]:
        """Each event with its reason, and forget them."""
        told, self.events = self.events, []
        return [" ".join(filter(None, (event["event"], event.get("reason")))) for event in told]


@pytest.fixture
def told():
    handler = Told()
    logging.getLogger("auth").addHandler(handler)
    yield handler
    logging.getLogger("auth").removeHandler(handler)


def enable(settings, name: str):
    """Make the scheme the only one that opens the API by default."""
    classes = [SCHEMES[name].authentication]
    settings.REST_FRAMEWORK = {**settings.REST_FRAMEWORK, "DEFAULT_AUTHENTICATION_CLASSES": classes}


@pytest.fixture
def row(door, settings):
    """The Door of each row in turn, which is the only one enabled."""
    enable(settings, door.scheme.name)
    return door


def post(door, path, data=None, credential=None):
    headers = {"Authorization": f"{door.scheme.keyword} {credential}"} if credential else {}
    return door.client.post(path, data or {}, headers=headers)


def obtain(door, password=PASSWORD) -> dict:
    path = "/api-token-auth/" if door.scheme.keyword == "Token" else "/api/token/"
    return post(door, path, {"username": "ada", "password": password}).json()


def refresh(door, token) -> dict:
    return post(door, "/api/token/refresh/", {"refresh": token}).json()


# --- the steps ---------------------------------------------------------------------------------------


def log_in(door, user):
    obtain(door)


def wrong_password(door, user):
    obtain(door, "not the password")


def disabled_login(door, user):
    User.objects.update(is_active=False)
    obtain(door)


def no_password(door, user):
    post(door, "/api-token-auth/" if door.scheme.keyword == "Token" else "/api/token/", {"username": "ada"})


def use(door, user):
    assert door.get("/whoami/", door.credential(user)).status_code == 200


def no_credential(door, user):
    assert door.get("/whoami/").status_code == 401


def unknown_keyword(door, user):
    assert door.get("/whoami/", "abc", keyword="Basic").status_code == 401


def garbage(door, user):
    assert door.get("/whoami/", "garbage").status_code == 401


def two_words(door, user):
    assert door.get("/whoami/", "two words").status_code == 401


def expired(door, user):
    credential = door.credential(user)
    with time_machine.travel(timedelta(days=2)):
        door.get("/whoami/", credential)


def disabled_use(door, user):
    credential = door.credential(user)
    User.objects.update(is_active=False)
    door.get("/whoami/", credential)


def rotate(door, user):
    key = door.credential(user)
    assert post(door, "/api-token-auth/new/", credential=key).status_code == 200
    assert post(door, "/api-token-auth/new/", credential=key).status_code == 401


def revoke(door, user):
    key = door.credential(user)
    assert post(door, "/api-token-auth/revoke/", credential=key).status_code == 204
    assert post(door, "/api-token-auth/revoke/", credential=key).status_code == 401


def revoke_everywhere(door, user):
    post(door, "/api-token-auth/revoke/", {"everywhere": True}, door.credential(user))


def refresh_until_reuse(door, user):
    first = str(logins.log_in(user).refresh)
    second = refresh(door, first)["refresh"]
    assert refresh(door, first)["refresh"] == second
    third = refresh(door, second)
    refresh(door, first)
    refresh(door, first)
    assert door.get("/whoami/", third["access"]).status_code in (200, 401)


def refresh_garbage(door, user):
    post(door, "/api/token/refresh/", {"refresh": "garbage"})


def refresh_expired(door, user):
    pair = obtain(door)
    with time_machine.travel(timedelta(days=2)):
        refresh(door, pair["refresh"])


def verify_spent(door, user):
    first = str(logins.log_in(user).refresh)
    second = refresh(door, first)["refresh"]
    refresh(door, second)
    post(door, "/api/token/verify/", {"token": first})


def log_out(door, user):
    pair = logins.log_in(user)
    for _ in range(2):
        assert post(door, "/api/token/logout/", {"refresh": str(pair.refresh)}).status_code == 204


def log_out_everywhere(door, user):
    post(door, "/api/token/logout/", {"refresh": str(logins.log_in(user).refresh), "everywhere": True})


def change_password(door, user):
    user.set_password("another")
    user.save()


def deactivate(door, user):
    user.is_active = False
    user.save()


def delete(door, user):
    user.delete()


# What each step tells, by the rows that have it; every row of a step stands here.
TOLD = {
    log_in: {OURS: ["login.succeeded"], STOCK: []},
    wrong_password: {OURS + STOCK: ["login.failed password"]},
    disabled_login: {OURS + STOCK: ["login.failed password"]},
    no_password: {OURS + STOCK: []},
    use: {OURS + STOCK: []},
    no_credential: {OURS + STOCK: []},
    unknown_keyword: {OURS + STOCK: []},
    garbage: {OURS + STOCK: ["credential.refused invalid"]},
    two_words: {
        (*OURS, "simplejwt", "simplejwt-stateless"): ["credential.refused malformed"],
        ("drf-token",): ["credential.refused invalid"],
    },
    expired: {
        OURS: ["credential.refused expired"],
        ("simplejwt", "simplejwt-stateless"): ["credential.refused invalid"],
        ("drf-token",): [],
    },
    disabled_use: {
        (*OPAQUE, "jwt"): ["credential.refused inactive"],
        ("drf-token",): ["credential.refused invalid"],
        ("simplejwt",): ["credential.refused user_inactive"],
        ("jwt-stateless", "simplejwt-stateless"): [],
    },
    rotate: {OPAQUE: ["token.rotated", "credential.refused invalid"]},
    revoke: {OPAQUE: ["token.revoked logout", "credential.refused invalid"]},
    revoke_everywhere: {OPAQUE: ["credentials.ended logout_everywhere"]},
    refresh_until_reuse: {
        ("jwt",): [
            "refresh.rotated",
            "refresh.repeated",
            "refresh.rotated",
            "refresh.reused",
            "credential.refused reused",
            "credential.refused ended",
            "credential.refused ended",
        ],
        ("jwt-stateless",): [
            "refresh.rotated",
            "refresh.repeated",
            "refresh.rotated",
            "refresh.reused",
            "credential.refused reused",
            "credential.refused ended",
        ],
    },
    refresh_garbage: {(*PAIRS, "simplejwt", "simplejwt-stateless"): ["credential.refused invalid"]},
    refresh_expired: {
        PAIRS: ["login.succeeded", "credential.refused expired"],
        ("simplejwt", "simplejwt-stateless"): ["credential.refused expired"],
    },
    verify_spent: {PAIRS: ["refresh.rotated", "refresh.rotated", "credential.refused reused"]},
    log_out: {PAIRS: ["login.ended logout"]},
    log_out_everywhere: {PAIRS: ["credentials.ended logout_everywhere"]},
    change_password: {OURS + STOCK: ["credentials.ended password_change"]},
    deactivate: {OURS + STOCK: ["credentials.ended deactivation"]},
    delete: {OURS + STOCK: ["credentials.ended deletion"]},
}
CASES = [(step, name, words) for step, by_row in TOLD.items() for names, words in by_row.items() for name in names]

# Whose they are is not known, or Django does not tell.
NOBODYS = {"login.failed password", "credential.refused invalid", "credential.refused malformed"}
NOBODYS |= {"credential.refused user_inactive"}


@pytest.mark.parametrize(("step", "name", "words"), CASES, ids=lambda value: getattr(value, "__name__", None))
def test_each_step_tells_this_and_no_more_in_this_row(door_to, user, told, settings, step, name, words):
    settings.TOKEN_LIFETIME = timedelta(days=1)
    enable(settings, name)
    user_id = str(user.pk)
    step(door_to(name), user)
    for event in told.events:
        by_request = step not in (change_password, deactivate, delete)
        assert event.get("address") == ("127.0.0.1" if by_request else None)
        assert event.get("scheme") == (None if event["event"] == events.CREDENTIALS_ENDED else name)
        word = f"{event['event']} {event.get('reason', '')}"
        if word not in NOBODYS and word != "credential.refused expired":
            assert event["user"] == user_id, event
        if name == "token-hashed" and "user" in event and event["event"] != events.CREDENTIALS_ENDED:
            assert event["token"].isdigit()
        if event["event"].startswith(("refresh.", "login.ended")) or (word == "login.succeeded " and name in PAIRS):
            assert uuid.UUID(event["family"]) == logins.RefreshFamily.objects.get().pk
    assert told.words() == words


def test_every_row_has_every_step_that_all_have():
    for step, by_row in TOLD.items():
        named = Counter(name for names in by_row for name in names)
        assert set(named.values()) == {1}, step
        missing = set(SCHEMES) - set(named)
        assert missing in ({*STOCK, *OPAQUE}, {*STOCK, *PAIRS}, {"drf-token", *OPAQUE}, set()), step


# --- accepted, by switch -----------------------------------------------------------------------------


def test_what_a_request_is_opened_by_is_told_by_switch_at_the_same_queries(row, user, told):
    def get(authentication):
        header = f"{row.scheme.keyword} {row.credential(user)}"
        request = APIRequestFactory().get("/whoami/", headers={"Authorization": header})
        view = WhoAmIView.as_view(authentication_classes=[authentication])
        with CaptureQueriesContext(
            connection,
        ) as queries:
            response = view(request)
        assert response.status_code == 200
        assert response.data["scheme"] == row.scheme.name
        return len(queries)

    authentication = import_string(row.scheme.authentication)
    refused = WhoAmIView.as_view(authentication_classes=[instrumented(authentication, events.Logged)])
    assert refused(APIRequestFactory().get("/whoami/")).status_code == 401
    plain = get(instrumented(authentication))
    assert told.events == []
    if row.scheme.name != "token-cached":  # its second request asks nothing
        assert get(instrumented(authentication, events.Logged)) == plain
    else:
        get(instrumented(authentication, events.Logged))
    assert told.events == [
        {
            "event": "credential.accepted",
            "scheme": row.scheme.name,
            "user": str(user.pk),
            "address": "127.0.0.1",
        }
    ]


# --- the admin, commands, sessions, the throttle, what is away ---------------------------------------


@pytest.fixture
def admin(staff, told):
    client = Client(raise_request_exception=False)
    client.force_login(staff)
    told.words()
    return client


def act(client, changelist, action, chosen):
    path = reverse(changelist)
    assert client.post(path, {"action": action, "_selected_action": [str(chosen)], "post": "yes"}).status_code == 302


def test_what_the_admin_ends_is_told_with_the_admins_address(admin, user, told):
    def delete(name, pk):
        assert admin.post(reverse(f"admin:{name}_delete", args=[pk]), {"post": "yes"}).status_code == 302

    def family():
        return logins.log_in(user).refresh.sid

    def token():
        return hashed.obtain(user).pk

    act(admin, "admin:tokens_opaquetoken_changelist", "rotate", user.pk)
    act(admin, "admin:tokens_opaquetoken_changelist", "revoke", user.pk)
    tokens.obtain(user)
    delete("tokens_opaquetoken", user.pk)
    assert {event["scheme"] for event in told.events} == {"token"}
    assert told.words() == ["token.rotated admin", "token.revoked admin", "token.revoked admin"]

    act(admin, "admin:tokens_hashedtoken_changelist", "delete_selected", token())
    delete("tokens_hashedtoken", token())
    # Not `token`, though that is the enabled row of the keyword.
    assert {event["scheme"] for event in told.events} == {"token-hashed"}
    assert all("token" in event and event["user"] == str(user.pk) for event in told.events)
    assert told.words() == ["token.revoked admin"] * 2

    changelist = "admin:jwt_auth_refreshfamily_changelist"
    ended = [family(), family()]
    for each in (*ended, *ended):
        act(admin, changelist, "end", each)
    delete("jwt_auth_refreshfamily", ended[0])
    act(admin, changelist, "delete_selected", ended[1])
    delete("jwt_auth_refreshfamily", family())
    act(admin, changelist, "delete_selected", family())
    assert not logins.RefreshFamily.objects.exists()
    assert {event["address"] for event in told.events} == {"127.0.0.1"}
    assert told.words() == ["login.ended admin"] * 4

    act(admin, "admin:auth_user_changelist", "log_out_everywhere", user.pk)
    assert told.events[0]["user"] == str(user.pk)
    assert told.events[0]["address"] == "127.0.0.1"
    assert told.words() == ["credentials.ended admin"]
    delete("auth_user", user.pk)
    assert told.words() == ["credentials.ended deletion"]


def test_a_token_deleted_by_its_id_is_told_once(door_to, user, told, settings):
    enable(settings, "token-hashed")
    door = door_to("token-hashed")
    keeper, other = hashed.obtain(user), hashed.obtain(user)
    header = {"Authorization": f"Token {keeper.key}"}
    for status in (204, 404):
        assert door.client.delete(f"/api-token-auth/tokens/{other.pk}/", headers=header).status_code == status
    (event,) = told.events
    assert event["token"] == str(other.pk)
    assert told.words() == ["token.revoked logout"]


def test_of_two_who_delete_one_token_the_winner_is_told(user, told):
    view = TokenView()
    view.request = APIRequestFactory().delete("/")
    pk = hashed.obtain(user).pk
    for found in [HashedToken.objects.get(pk=pk) for _ in range(2)]:
        view.perform_destroy(found)
    assert told.words() == ["token.revoked logout"]


def test_a_login_with_as_many_tokens_as_allowed_is_a_failed_one(door_to, user, told, settings):
    settings.TOKENS_PER_USER = 1
    enable(settings, "token-hashed")
    hashed.obtain(user)
    obtain(door_to("token-hashed"))
    assert told.words() == ["login.failed token_limit"]


@pytest.mark.parametrize("name", OURS)
def test_a_password_changed_while_it_is_checked_is_a_failed_login(door_to, user, told, settings, monkeypatch, name):
    enable(settings, name)
    monkeypatch.setattr(revocation, "lock_if_unchanged", lambda user: False)
    obtain(door_to(name))
    assert told.events[0]["scheme"] == name
    assert told.words() == ["login.failed changed"]


def test_a_reset_by_the_command_is_told_once(user, told):
    for arguments in (["-r"], []):
        call_command("drf_create_token", *arguments, "ada", stdout=StringIO())
    assert told.words() == ["token.rotated command"]


@pytest.mark.parametrize("arguments", [[], ["-r"]])
def test_a_token_made_by_the_command_is_told_and_one_that_was_there_is_not(user, told, arguments):
    Token.objects.all().delete()
    call_command("drf_create_token", *arguments, "ada", stdout=StringIO())
    (event,) = told.events
    assert (event["scheme"], event["user"]) == ("token", str(user.pk))
    assert told.words() == ["token.issued command"]
    call_command("drf_create_token", "ada", stdout=StringIO())
    assert told.words() == []


def test_an_expired_token_that_the_command_replaces_is_told_as_issued(user, told, settings):
    settings.TOKEN_LIFETIME = timedelta(days=1)
    Token.objects.update(created="2020-01-01T00:00:00Z")
    call_command("drf_create_token", "ada", stdout=StringIO())
    assert told.words() == ["token.issued command"]


def test_a_hashed_token_issued_by_the_command_is_told_by_its_id(user, told):
    call_command("issue_token", "ada", stdout=StringIO())
    (event,) = told.events
    assert (event["scheme"], event["user"]) == ("token-hashed", str(user.pk))
    assert event["token"] == str(HashedToken.objects.get().pk)
    assert told.words() == ["token.issued command"]


def test_a_command_that_issues_nothing_tells_nothing(user, told, settings):
    settings.TOKENS_PER_USER = 1
    hashed.obtain(user)
    User.objects.update(is_active=False)
    for command in ("issue_token", "drf_create_token"):
        with pytest.raises(CommandError):
            call_command(command, "ada", stdout=StringIO())
    User.objects.update(is_active=True)
    with pytest.raises(CommandError):
        call_command("issue_token", "ada", stdout=StringIO())
    assert told.words() == []


@pytest.mark.parametrize(("name", "scheme"), [("tokens_opaquetoken", "token"), ("tokens_hashedtoken", "token-hashed")])
def test_a_token_added_in_the_admin_is_told_with_the_admins_address(admin, user, told, name, scheme):
    Token.objects.all().delete()
    told.words()
    page = reverse(f"admin:{name}_add")
    assert admin.post(page, {"user": "0", "label": ""}).status_code == 200  # the form again
    assert told.words() == []
    assert admin.post(page, {"user": user.pk, "label": ""}).status_code in (200, 302)
    (event,) = told.events
    assert (event["scheme"], event["user"], event["address"]) == (scheme, str(user.pk), "127.0.0.1")
    assert told.words() == ["token.issued admin"]


def test_a_spent_parent_that_the_clock_cannot_judge_is_told_apart(door_to, user, told):
    door = door_to("jwt")
    with time_machine.travel("2030-01-01T12:00:00Z"):
        parent = str(logins.log_in(user).refresh)
    with time_machine.travel("2030-01-01T13:00:00Z"):
        refresh(door, parent)
    with time_machine.travel("2030-01-01T12:01:00Z"):
        refresh(door, parent)
    assert told.words() == ["refresh.rotated", "credential.refused clock"]


def test_the_admins_sessions_are_logins_too(staff, told):
    client = Client()
    for password in ("wrong", PASSWORD):
        client.post("/admin/login/", {"username": "grace", "password": password})
    client.post("/admin/logout/")
    assert [event["scheme"] for event in told.events] == ["session"] * 3
    assert [event.get("user") for event in told.events] == [None, str(staff.pk), str(staff.pk)]
    assert [event["address"] for event in told.events] == ["127.0.0.1"] * 3
    assert told.words() == ["login.failed password", "login.succeeded", "login.ended logout"]


def test_the_throttle_tells_which_limit_it_was(api, user, told, settings):
    settings.LOGIN_THROTTLE = "1/hour"
    for address in ("192.0.2.1", "192.0.2.1", "192.0.2.2"):
        api.post("/api/token/", {"username": "ada", "password": PASSWORD}, REMOTE_ADDR=address)
    for _ in range(2):
        api.post("/api/token/refresh/", {"refresh": "garbage"}, REMOTE_ADDR="192.0.2.3")
    Client().post("/admin/login/", {"username": "ada", "password": PASSWORD}, REMOTE_ADDR="192.0.2.1")
    throttled = [event for event in told.events if event["event"] == events.REQUEST_THROTTLED]
    assert [(event["scheme"], event["reason"], event["address"]) for event in throttled] == [
        ("jwt", "login-address", "192.0.2.1"),
        ("jwt", "login-username", "192.0.2.2"),
        ("jwt", "refused-address", "192.0.2.3"),
        ("session", "login-address", "192.0.2.1"),
    ]
    assert len(told.events) == 4 + 2  # a login, and a refusal


def test_a_refusal_beyond_the_limit_is_one_event_and_a_reuse_still_ends_the_login(api, user, told, settings):
    def refresh(token):
        return api.post("/api/token/refresh/", {"refresh": token})

    grandparent = api.post("/api/token/", {"username": "ada", "password": PASSWORD}).json()["refresh"]
    parent = refresh(grandparent).json()["refresh"]
    child = refresh(parent).json()["refresh"]
    settings.LOGIN_THROTTLE = "1/hour"
    told.words()
    assert [refresh("garbage").status_code, refresh("garbage").status_code] == [401, 429]
    assert told.words() == ["credential.refused invalid", "request.throttled refused-address"]
    assert refresh(grandparent).status_code == 429
    assert told.words() == ["refresh.reused", "request.throttled refused-address"]
    assert refresh(child).status_code == 429  # its login has ended
    assert told.words() == ["request.throttled refused-address"]


@pytest.mark.parametrize(
    ("proxies", "forwarded", "address"),
    [
        (0, "203.0.113.9", "127.0.0.1"),
        (1, "198.51.100.1, 203.0.113.9", "203.0.113.9"),
        (1, "203.0.113.9:4711", "203.0.113.9"),
        (1, "2001:db8::1", "2001:db8::/64"),
        (1, "203.0.113.9\nforged", "127.0.0.1"),
    ],
)
def test_the_address_is_the_one_that_is_throttled(api, user, told, monkeypatch, proxies, forwarded, address):
    monkeypatch.setattr("rest_framework.settings.api_settings.NUM_PROXIES", proxies)
    headers = {"X-Forwarded-For": forwarded}
    api.post("/api/token/", {"username": "ada", "password": "wrong"}, headers=headers)
    assert [event["address"] for event in told.events] == [address]


def test_a_database_that_is_away_is_told(api, user, told, monkeypatch):
    key = user.auth_token.key

    def fail(*arguments):
        raise OperationalError("away")

    monkeypatch.setattr(tokens, "find", fail)
    assert api.get("/whoami/", headers={"Authorization": f"Token {key}"}).status_code == 503
    assert told.words() == ["service.unavailable database"]


# --- once, and only what is true ---------------------------------------------------------------------


def test_of_many_who_present_one_key_one_rotation_is_told(door_to, user, told):
    for name in ("token", "token-hashed"):
        door = door_to(name)
        key = door.credential(user)
        at_once(
            *[lambda door=door, key=key: post(door_to(door.scheme.name), "/api-token-auth/new/", credential=key)] * 8
        )
        assert Counter(told.words()) == {"token.rotated": 1, "credential.refused invalid": 7}


def test_of_many_refreshes_one_rotation_is_told_and_the_others_as_repeated(door_to, user, told, settings):
    settings.JWT_REUSE_GRACE = timedelta(minutes=1)
    token = str(logins.log_in(user).refresh)
    at_once(*[lambda: refresh(door_to("jwt"), token)] * 8)
    assert Counter(told.words()) == {"refresh.rotated": 1, "refresh.repeated": 7}


def test_of_many_refreshes_at_grace_0_one_rotation_and_one_reuse_are_told(door_to, user, told, settings):
    settings.JWT_REUSE_GRACE = timedelta(0)
    for _ in range(3):
        token = str(logins.log_in(user).refresh)
        at_once(*[lambda token=token: refresh(door_to("jwt"), token)] * 8)
        words = Counter(told.words())
        assert words["refresh.rotated"] == words["refresh.reused"] == 1
        # Who came after the end was refused since it had ended.
        assert words["credential.refused reused"] + words["credential.refused ended"] == 7


def test_of_many_logouts_of_one_login_one_is_told(door_to, user, told):
    token = str(logins.log_in(user).refresh)
    at_once(*[lambda: post(door_to("jwt"), "/api/token/logout/", {"refresh": token})] * 8)
    assert told.words() == ["login.ended logout"]


ENDS = {
    "everywhere": (lambda user: revocation.revoke_all_credentials(user.pk, revocation.LOGOUT_EVERYWHERE)),
    "password": lambda user: change_password(None, user),
    "deactivation": lambda user: deactivate(None, user),
    "deletion": lambda user: user.delete(),
    "token": lambda user: tokens.log_event(events.TOKEN_REVOKED, user.auth_token),
    "hashed": lambda user: hashed.log_event(events.TOKEN_REVOKED, hashed.obtain(user)),
    "login": lambda user: log_out_of(logins.log_in(user)),
    "refresh": lambda user: logins.refresh(logins.log_in(user).refresh),
}


def log_out_of(pair):
    logins.log_event(events.LOGIN_ENDED, logins.family_of(pair.refresh), reason=logins.LOGOUT)


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_nothing_is_told_of_what_is_rolled_back_and_all_once_it_is_committed(user, told, end):
    with transaction.atomic():
        end(User.objects.get())
        transaction.set_rollback(True)
    assert told.words() == []
    with transaction.atomic():
        end(User.objects.get())
        assert told.words() == []
    assert len(told.words()) == 1


def test_a_request_that_is_rolled_back_tells_nothing(api, user, told):
    with transaction.atomic():
        answer = api.post("/api-token-auth/revoke/", headers={"Authorization": f"Token {user.auth_token.key}"})
        transaction.set_rollback(True)
    assert answer.status_code == 204
    assert Token.objects.exists()
    assert told.words() == []


# --- how they are written ----------------------------------------------------------------------------


class FullDisk(StringIO):
    def write(self, text):
        raise OSError(28, "No space left on device")


def test_a_log_that_cannot_be_written_costs_no_login_and_is_not_silent(api, user, capsys):
    handler = logging.StreamHandler(FullDisk())
    logging.getLogger("auth").addHandler(handler)
    try:
        answer = api.post("/api-token-auth/", {"username": "ada", "password": PASSWORD})
    finally:
        logging.getLogger("auth").removeHandler(handler)
    assert answer.status_code == 200
    assert "No space left on device" in capsys.readouterr().err


def written(formatter, step) -> list[str]:
    stream = StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter)
    logging.root.addHandler(handler)
    try:
        step()
    finally:
        logging.root.removeHandler(handler)
    # As whoever reads it may split it.
    return stream.getvalue().splitlines()


FORGED = "2026-11-27 10:00:00,000 INFO auth login.succeeded scheme=token user=1"
LINE_ENDS = ["\n", "\r", "\r\n", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u2029"]


@pytest.mark.parametrize("formatter", [TextFormatter, JsonFormatter])
@pytest.mark.parametrize("end", LINE_ENDS, ids=ascii)
def test_nothing_that_a_client_chooses_makes_a_line(api, user, formatter, end):
    text = f"x{end}{FORGED}"

    def speak():
        api.post("/api-token-auth/", {"username": text, "password": text})
        api.post("/api/token/", {"username": "ada", "password": "wrong"}, headers={"X-Forwarded-For": text})
        api.get("/whoami/", headers={"Authorization": "Token garbage", "User-Agent": text})
        api.get(f"/nowhere/{text}")
        logging.getLogger("django.request").warning("refused: %s", text)
        events.log_event(events.CREDENTIAL_REFUSED, scheme=text, reason=text)
        try:
            raise ValueError(text)
        except ValueError:
            logging.getLogger("django.request").exception("failed: %s", text)

    lines = written(formatter(), speak)
    assert "credential.refused" in "".join(lines)
    assert not any(line.startswith(FORGED) for line in lines)
    if formatter is JsonFormatter:
        for line in lines:
            assert json.loads(line)["logger"]
    else:
        # A record's beginning, or a line of a traceback.
        assert all(line[:4].isdigit() or line.startswith("    ") for line in lines)


def test_an_event_is_one_line_of_text_with_its_fields(user, api):
    lines = written(TextFormatter(), lambda: obtain_by(api, "/api/token/"))
    (line,) = [line for line in lines if "login.succeeded" in line]
    family = logins.RefreshFamily.objects.get().pk
    head, _, fields = line.partition(" login.succeeded ")
    assert head.endswith(" INFO auth")
    assert fields == f"scheme=jwt user={user.pk} family={family} address=127.0.0.1"


def test_an_event_is_one_json_object_with_its_fields(user, api):
    lines = written(JsonFormatter(), lambda: obtain_by(api, "/api/token/"))
    (line,) = [json.loads(line) for line in lines if "login.succeeded" in line]
    assert line.pop("timestamp").endswith("+00:00")
    assert line == {
        "level": "INFO",
        "logger": "auth",
        "message": "login.succeeded",
        "scheme": "jwt",
        "user": str(user.pk),
        "family": str(logins.RefreshFamily.objects.get().pk),
        "address": "127.0.0.1",
    }


def obtain_by(api, path):
    assert api.post(path, {"username": "ada", "password": PASSWORD}).status_code == 200


def test_a_json_line_holds_no_query_string(api, db):
    lines = written(JsonFormatter(), lambda: api.get("/nowhere/?token=xyzzy"))
    assert "/nowhere/" in "".join(lines)
    assert "xyzzy" not in "".join(lines)


_A_LOGIN = """
import django; django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
from django.contrib.auth import get_user_model
from django.test import Client
get_user_model().objects.create_user("ada", password="x")
client = Client(headers={"host": "localhost"})
key = client.post("/api-token-auth/", {"username": "ada", "password": "x"}).json()["token"]
client.get("/whoami/", headers={"Authorization": f"Token {key}"})
client.get("/whoami/", headers={"Authorization": "Token garbage"})
"""


def log_of_a_process(tmp_path, **switches) -> list[str]:
    url = f"sqlite:///{tmp_path}/scratch.sqlite3"
    done = servers.run("-c", _A_LOGIN, DJANGO_SETTINGS_MODULE="config.settings", DATABASE_URL=url, **switches)
    assert done.returncode == 0, done.stderr
    return done.stderr.splitlines()


def test_a_process_logs_as_the_switch_says(tmp_path):
    (tmp_path / "text").mkdir()
    (tmp_path / "json").mkdir()
    lines = log_of_a_process(tmp_path / "text")
    expected = ["login.succeeded", "credential.refused"]
    assert [line.split()[4] for line in lines if " auth " in line] == expected
    assert "reason=invalid address=127.0.0.1" in lines[1] + lines[2]
    lines = log_of_a_process(tmp_path / "json", LOG_FORMAT="json", LOG_AUTHENTICATIONS="on")
    told = [line["message"] for line in map(json.loads, lines) if line["logger"] == "auth"]
    assert told == ["login.succeeded", "credential.accepted", "credential.refused"]


def test_every_event_is_explained_and_no_other():
    section = (servers.ROOT / "docs/reference/events-and-metrics.md").read_text().partition("\n## What to watch\n")[2]
    first_cells = [line.split(" | ")[0] for line in section.splitlines() if line.startswith("| `")]
    explained = re.findall(r"`([a-z]+\.[a-z]+)`", " ".join(first_cells))
    known = [value for name, value in vars(events).items() if name.isupper() and isinstance(value, str)]
    known.remove(events.SESSION)
    assert sorted(explained) == sorted(known)
