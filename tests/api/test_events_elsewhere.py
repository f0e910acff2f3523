"""Events of the admin, the commands and the throttle, and of simultaneous requests."""

from collections import Counter
from datetime import timedelta
from io import StringIO

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.db import OperationalError, transaction
from django.test import Client
from django.urls import reverse
from rest_framework.authtoken.models import Token
from rest_framework.test import APIRequestFactory

from auth_core import events, revocation
from jwt_auth import models as logins
from jwt_auth.views import SessionView
from tests.support.accounts import PASSWORD
from tests.support.events import OURS, User, change_password, deactivate, enable, obtain, post, refresh
from tests.support.threads import at_once
from tokens import hashed
from tokens import models as tokens
from tokens.hashed_views import TokenView
from tokens.models import HashedToken

pytestmark = pytest.mark.django_db(transaction=True)  # events are logged on commit


# --- the admin, commands, sessions, the throttle, services that are away --------------------------


@pytest.fixture
def admin(staff, logged):
    client = Client(raise_request_exception=False)
    client.force_login(staff)
    logged.words()
    return client


def act(client, changelist, action, chosen):
    path = reverse(changelist)
    assert client.post(path, {"action": action, "_selected_action": [str(chosen)], "post": "yes"}).status_code == 302


def test_what_the_admin_ends_is_told_with_the_admins_address(admin, user, logged):
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
    assert {event["scheme"] for event in logged.events} == {"token"}
    assert logged.words() == ["token.rotated admin", "token.revoked admin", "token.revoked admin"]

    act(admin, "admin:tokens_hashedtoken_changelist", "delete_selected", token())
    delete("tokens_hashedtoken", token())
    # The scheme is not `token`, although `token` is the enabled row of the keyword.
    assert {event["scheme"] for event in logged.events} == {"token-hashed"}
    assert all("token" in event and event["user"] == str(user.pk) for event in logged.events)
    assert logged.words() == ["token.revoked admin"] * 2

    changelist = "admin:jwt_auth_refreshfamily_changelist"
    ended = [family(), family()]
    for each in (*ended, *ended):
        act(admin, changelist, "end", each)
    delete("jwt_auth_refreshfamily", ended[0])
    act(admin, changelist, "delete_selected", ended[1])
    delete("jwt_auth_refreshfamily", family())
    act(admin, changelist, "delete_selected", family())
    assert not logins.RefreshFamily.objects.exists()
    assert {event["address"] for event in logged.events} == {"127.0.0.1"}
    assert logged.words() == ["login.ended admin"] * 4

    act(admin, "admin:auth_user_changelist", "log_out_everywhere", user.pk)
    assert logged.events[0]["user"] == str(user.pk)
    assert logged.events[0]["address"] == "127.0.0.1"
    assert logged.words() == ["credentials.ended admin"]
    delete("auth_user", user.pk)
    assert logged.words() == ["credentials.ended deletion"]


def test_a_token_deleted_by_its_id_is_told_once(door_to, user, logged, settings):
    enable(settings, "token-hashed")
    door = door_to("token-hashed")
    keeper, other = hashed.obtain(user), hashed.obtain(user)
    header = {"Authorization": f"Token {keeper.key}"}
    for status in (204, 404):
        assert door.client.delete(f"/api-token-auth/tokens/{other.pk}/", headers=header).status_code == status
    (event,) = logged.events
    assert event["token"] == str(other.pk)
    assert logged.words() == ["token.revoked logout"]


@pytest.mark.parametrize("name", ["jwt", "jwt-pushed", "jwt-stateless"])
def test_a_login_ended_by_its_id_is_told_once(door_to, user, logged, settings, name):
    enable(settings, name)
    door = door_to(name)
    header = {"Authorization": f"Bearer {door.credential(user)}"}
    other = logins.log_in(user).access.sid
    for status in (204, 404):
        assert door.client.delete(f"/api/token/sessions/{other}/", headers=header).status_code == status
    (event,) = logged.events
    assert event == {
        "event": "login.ended",
        "scheme": name,
        "user": str(user.pk),
        "family": str(other),
        "reason": "logout",
        "address": "127.0.0.1",
    }


def test_of_two_who_end_one_login_the_winner_is_told(user, logged):
    view = SessionView()
    view.request = APIRequestFactory().delete("/")
    sid = logins.log_in(user).access.sid
    for found in [logins.RefreshFamily.objects.get(pk=sid) for _ in range(2)]:
        view.perform_destroy(found)
    assert logged.words() == ["login.ended logout"]


def test_of_two_who_delete_one_token_the_winner_is_told(user, logged):
    view = TokenView()
    view.request = APIRequestFactory().delete("/")
    pk = hashed.obtain(user).pk
    for found in [HashedToken.objects.get(pk=pk) for _ in range(2)]:
        view.perform_destroy(found)
    assert logged.words() == ["token.revoked logout"]


def test_a_login_with_as_many_tokens_as_allowed_is_a_failed_one(door_to, user, logged, settings):
    settings.TOKENS_PER_USER = 1
    enable(settings, "token-hashed")
    hashed.obtain(user)
    obtain(door_to("token-hashed"))
    assert logged.words() == ["login.failed token_limit"]


@pytest.mark.parametrize("name", OURS)
def test_a_password_changed_while_it_is_checked_is_a_failed_login(door_to, user, logged, settings, monkeypatch, name):
    enable(settings, name)
    check = User.check_password

    def check_and_change(self, raw_password):
        is_correct = check(self, raw_password)
        User.objects.filter(pk=self.pk).update(password="another hash")
        return is_correct

    monkeypatch.setattr(User, "check_password", check_and_change)
    obtain(door_to(name))
    assert logged.events[0]["scheme"] == name
    assert logged.words() == ["login.failed changed"]


def test_a_reset_by_the_command_is_told_once(user, logged):
    for arguments in (["-r"], []):
        call_command("drf_create_token", *arguments, "ada", stdout=StringIO())
    assert logged.words() == ["token.rotated command"]


@pytest.mark.parametrize("arguments", [[], ["-r"]])
def test_a_token_made_by_the_command_is_told_and_one_that_was_there_is_not(user, logged, arguments):
    Token.objects.all().delete()
    call_command("drf_create_token", *arguments, "ada", stdout=StringIO())
    (event,) = logged.events
    assert (event["scheme"], event["user"]) == ("token", str(user.pk))
    assert logged.words() == ["token.issued command"]
    call_command("drf_create_token", "ada", stdout=StringIO())
    assert logged.words() == []


def test_an_expired_token_that_the_command_replaces_is_told_as_issued(user, logged, settings):
    settings.TOKEN_LIFETIME = timedelta(days=1)
    Token.objects.update(created="2020-01-01T00:00:00Z")
    call_command("drf_create_token", "ada", stdout=StringIO())
    assert logged.words() == ["token.issued command"]


def test_a_hashed_token_issued_by_the_command_is_told_by_its_id(user, logged):
    call_command("issue_token", "ada", stdout=StringIO())
    (event,) = logged.events
    assert (event["scheme"], event["user"]) == ("token-hashed", str(user.pk))
    assert event["token"] == str(HashedToken.objects.get().pk)
    assert logged.words() == ["token.issued command"]


def test_a_command_that_issues_nothing_tells_nothing(user, logged, settings):
    settings.TOKENS_PER_USER = 1
    hashed.obtain(user)
    User.objects.update(is_active=False)
    for command in ("issue_token", "drf_create_token"):
        with pytest.raises(CommandError):
            call_command(command, "ada", stdout=StringIO())
    User.objects.update(is_active=True)
    with pytest.raises(CommandError):
        call_command("issue_token", "ada", stdout=StringIO())
    assert logged.words() == []


@pytest.mark.parametrize(("name", "scheme"), [("tokens_opaquetoken", "token"), ("tokens_hashedtoken", "token-hashed")])
def test_a_token_added_in_the_admin_is_told_with_the_admins_address(admin, user, logged, name, scheme):
    Token.objects.all().delete()
    logged.words()
    page = reverse(f"admin:{name}_add")
    assert admin.post(page, {"user": "0", "label": ""}).status_code == 200  # the form is shown again
    assert logged.words() == []
    assert admin.post(page, {"user": user.pk, "label": "", "scope": "read"}).status_code in (200, 302)
    (event,) = logged.events
    assert (event["scheme"], event["user"], event["address"]) == (scheme, str(user.pk), "127.0.0.1")
    assert logged.words() == ["token.issued admin"]


def test_a_spent_parent_that_the_clock_cannot_judge_is_told_apart(door_to, user, logged):
    door = door_to("jwt")
    with time_machine.travel("2030-01-01T12:00:00Z"):
        parent = str(logins.log_in(user).refresh)
    with time_machine.travel("2030-01-01T13:00:00Z"):
        refresh(door, parent)
    with time_machine.travel("2030-01-01T12:01:00Z"):
        refresh(door, parent)
    assert logged.words() == ["refresh.rotated", "credential.refused clock"]


def test_the_admins_sessions_are_logins_too(staff, logged):
    client = Client()
    for password in ("wrong", PASSWORD):
        client.post("/admin/login/", {"username": "grace", "password": password})
    client.post("/admin/logout/")
    assert [event["scheme"] for event in logged.events] == ["session"] * 3
    assert [event.get("user") for event in logged.events] == [None, str(staff.pk), str(staff.pk)]
    assert [event["address"] for event in logged.events] == ["127.0.0.1"] * 3
    assert logged.words() == ["login.failed password", "login.succeeded", "login.ended logout"]


def test_the_throttle_tells_which_limit_it_was(api, user, logged, settings):
    settings.LOGIN_THROTTLE = "1/hour"
    for address in ("192.0.2.1", "192.0.2.1", "192.0.2.2"):
        api.post("/api/token/", {"username": "ada", "password": PASSWORD}, REMOTE_ADDR=address)
    for _ in range(2):
        api.post("/api/token/refresh/", {"refresh": "garbage"}, REMOTE_ADDR="192.0.2.3")
    Client().post("/admin/login/", {"username": "ada", "password": PASSWORD}, REMOTE_ADDR="192.0.2.1")
    throttled = [event for event in logged.events if event["event"] == events.REQUEST_THROTTLED]
    assert [(event["scheme"], event["reason"], event["address"]) for event in throttled] == [
        ("jwt", "login-address", "192.0.2.1"),
        ("jwt", "login-username", "192.0.2.2"),
        ("jwt", "refused-address", "192.0.2.3"),
        ("session", "login-address", "192.0.2.1"),
    ]
    assert len(logged.events) == 4 + 2  # one login and one refusal


def test_a_refusal_beyond_the_limit_is_one_event_and_a_reuse_still_ends_the_login(api, user, logged, settings):
    def refresh(token):
        return api.post("/api/token/refresh/", {"refresh": token})

    grandparent = api.post("/api/token/", {"username": "ada", "password": PASSWORD}).json()["refresh"]
    parent = refresh(grandparent).json()["refresh"]
    child = refresh(parent).json()["refresh"]
    settings.LOGIN_THROTTLE = "1/hour"
    logged.words()
    assert [refresh("garbage").status_code, refresh("garbage").status_code] == [401, 429]
    assert logged.words() == ["credential.refused invalid", "request.throttled refused-address"]
    assert refresh(grandparent).status_code == 429
    assert logged.words() == ["refresh.reused", "request.throttled refused-address"]
    assert refresh(child).status_code == 429  # its login has ended
    assert logged.words() == ["request.throttled refused-address"]


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
def test_the_address_is_the_one_that_is_throttled(api, user, logged, monkeypatch, proxies, forwarded, address):
    monkeypatch.setattr("rest_framework.settings.api_settings.NUM_PROXIES", proxies)
    headers = {"X-Forwarded-For": forwarded}
    api.post("/api/token/", {"username": "ada", "password": "wrong"}, headers=headers)
    assert [event["address"] for event in logged.events] == [address]


def test_a_database_that_is_away_is_told(api, user, logged, monkeypatch):
    key = user.auth_token.key

    def fail(*arguments):
        raise OperationalError("away")

    monkeypatch.setattr(tokens, "find", fail)
    assert api.get("/whoami/", headers={"Authorization": f"Token {key}"}).status_code == 503
    assert logged.words() == ["service.unavailable database"]


# --- each event once, and only if it is true ------------------------------------------------------


def test_of_many_who_present_one_key_one_rotation_is_told(door_to, user, logged):
    for name in ("token", "token-hashed"):
        door = door_to(name)
        key = door.credential(user)
        at_once(
            *[lambda door=door, key=key: post(door_to(door.scheme.name), "/api-token-auth/new/", credential=key)] * 8
        )
        assert Counter(logged.words()) == {"token.rotated": 1, "credential.refused invalid": 7}


def test_of_many_refreshes_one_rotation_is_told_and_the_others_as_repeated(door_to, user, logged, settings):
    settings.JWT_REUSE_GRACE = timedelta(minutes=1)
    token = str(logins.log_in(user).refresh)
    at_once(*[lambda: refresh(door_to("jwt"), token)] * 8)
    assert Counter(logged.words()) == {"refresh.rotated": 1, "refresh.repeated": 7}


def test_of_many_refreshes_at_grace_0_one_rotation_and_one_reuse_are_told(door_to, user, logged, settings):
    settings.JWT_REUSE_GRACE = timedelta(0)
    for _ in range(3):
        token = str(logins.log_in(user).refresh)
        at_once(*[lambda token=token: refresh(door_to("jwt"), token)] * 8)
        words = Counter(logged.words())
        assert words["refresh.rotated"] == words["refresh.reused"] == 1
        # A request that came after the end of the login was refused for that reason.
        assert words["credential.refused reused"] + words["credential.refused ended"] == 7


def test_of_many_logouts_of_one_login_one_is_told(door_to, user, logged):
    token = str(logins.log_in(user).refresh)
    at_once(*[lambda: post(door_to("jwt"), "/api/token/logout/", {"refresh": token})] * 8)
    assert logged.words() == ["login.ended logout"]


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
def test_nothing_is_told_of_what_is_rolled_back_and_all_once_it_is_committed(user, logged, end):
    with transaction.atomic():
        end(User.objects.get())
        transaction.set_rollback(True)
    assert logged.words() == []
    with transaction.atomic():
        end(User.objects.get())
        assert logged.words() == []
    assert len(logged.words()) == 1


def test_a_request_that_is_rolled_back_tells_nothing(api, user, logged):
    with transaction.atomic():
        answer = api.post("/api-token-auth/revoke/", headers={"Authorization": f"Token {user.auth_token.key}"})
        transaction.set_rollback(True)
    assert answer.status_code == 204
    assert Token.objects.exists()
    assert logged.words() == []
