"""The events of a credential in every row: none holds a secret or reports a rolled-back step."""

import uuid
from collections import Counter
from datetime import timedelta

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils.module_loading import import_string
from rest_framework.test import APIRequestFactory

from auth_core import events
from config.schemes import SCHEMES
from config.views import WhoAmIView
from jwt_auth import models as logins
from telemetry.instrumented import instrumented
from tests.support.events import (
    OPAQUE,
    OURS,
    PAIRS,
    User,
    change_password,
    deactivate,
    delete,
    enable,
    garbage,
    log_out_everywhere,
    obtain,
    post,
    refresh,
    revoke,
    rotate,
)

pytestmark = pytest.mark.django_db(transaction=True)  # events are logged on commit
STOCK = ("drf-token", "simplejwt", "simplejwt-stateless")


@pytest.fixture
def row(door, settings):
    """Yield the Door of each row in turn, with that row alone enabled."""
    enable(settings, door.scheme.name)
    return door


# --- the steps ------------------------------------------------------------------------------------


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


# The events of each step, by row. A step lists every row that has it.
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
        (*OPAQUE, "jwt", "jwt-pushed"): ["credential.refused inactive"],
        ("drf-token",): ["credential.refused invalid"],
        ("simplejwt",): ["credential.refused user_inactive"],
        ("jwt-stateless", "simplejwt-stateless"): [],
    },
    rotate: {OPAQUE: ["token.rotated", "credential.refused invalid"]},
    revoke: {OPAQUE: ["token.revoked logout", "credential.refused invalid"]},
    revoke_everywhere: {OPAQUE: ["credentials.ended logout_everywhere"]},
    refresh_until_reuse: {
        ("jwt", "jwt-pushed"): [
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
# Events without a user: the user is unknown, or Django does not name it.
NOBODYS = {"login.failed password", "credential.refused invalid", "credential.refused malformed"}
NOBODYS |= {"credential.refused user_inactive"}


@pytest.mark.once
@pytest.mark.parametrize(("step", "name", "words"), CASES, ids=lambda value: getattr(value, "__name__", None))
def test_each_step_tells_this_and_no_more_in_this_row(door_to, user, logged, settings, step, name, words):
    settings.TOKEN_LIFETIME = timedelta(days=1)
    enable(settings, name)
    user_id = str(user.pk)
    step(door_to(name), user)
    for event in logged.events:
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
    assert logged.words() == words


def test_every_row_has_every_step_that_all_have():
    for step, by_row in TOLD.items():
        named = Counter(name for names in by_row for name in names)
        assert set(named.values()) == {1}, step
        missing = set(SCHEMES) - set(named)
        assert missing in ({*STOCK, *OPAQUE}, {*STOCK, *PAIRS}, {"drf-token", *OPAQUE}, set()), step


# --- accepted, by switch --------------------------------------------------------------------------


def test_what_a_request_is_opened_by_is_told_by_switch_at_the_same_queries(row, user, logged):
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
    assert logged.events == []
    if row.scheme.name not in ("token-cached", "jwt-pushed"):  # their second request makes no query
        assert get(instrumented(authentication, events.Logged)) == plain
    else:
        get(instrumented(authentication, events.Logged))
    assert logged.events == [
        {
            "event": "credential.accepted",
            "scheme": row.scheme.name,
            "user": str(user.pk),
            "address": "127.0.0.1",
        }
    ]
