"""The behaviour of DRF's authtoken today, and this project's instead: T1 … T10.

test_stock_beside_ours_both.py says how to read a pair.
"""

from contextlib import nullcontext
from datetime import timedelta

import pytest
import time_machine
from django.contrib.admin import AdminSite, ModelAdmin
from django.contrib.admin.models import DELETION, LogEntry
from django.contrib.auth.models import User
from django.core import serializers
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction
from django.db.models.signals import post_save, pre_save
from django.test.utils import CaptureQueriesContext
from django.urls import path, reverse
from rest_framework.authentication import TokenAuthentication
from rest_framework.authtoken.admin import TokenAdmin
from rest_framework.authtoken.management.commands import drf_create_token as stock_command
from rest_framework.authtoken.models import Token, TokenProxy
from rest_framework.authtoken.views import ObtainAuthToken
from rest_framework.response import Response
from rest_framework.settings import api_settings
from rest_framework.views import APIView

from auth_core import revocation
from config.views import WhoAmIView
from tests.support.accounts import change_password
from tests.support.clients import new_client
from tests.support.stock import (
    LOGIN,
    ThreePerMinute,
    beside,
    by_the_library,
    installed,
    postgresql_only,
    serve,
    whoami,
)
from tests.support.threads import at_once
from tokens import models, signals
from tokens.management.commands import drf_create_token as our_command


@pytest.fixture
def without_our_signals():
    """Disconnect the project's signals, so that only the library watches the user."""
    pre_save.disconnect(sender=User, dispatch_uid="auth_core.revocation.before")
    post_save.disconnect(sender=User, dispatch_uid="auth_core.revocation.after")
    post_save.disconnect(sender=User, dispatch_uid="tokens.create")
    yield
    revocation.connect()
    post_save.connect(signals.create_token, sender=User, dispatch_uid="tokens.create")


# --- T1 ------------------------------------------------------------------------------------------


def serve_admin(settings, client, staff, model_admin: type[ModelAdmin]):
    """Serve an admin of DRF's TokenProxy on a site of its own, and return a logged-in client."""
    site = AdminSite()
    site.register(TokenProxy, model_admin)
    middleware = settings.MIDDLEWARE
    serve(settings, path("admin/", site.urls))
    settings.MIDDLEWARE = middleware
    client.force_login(staff)
    return client


@pytest.fixture
def stock_admin(settings, client, staff):
    """Serve DRF's own TokenAdmin."""
    return serve_admin(settings, client, staff, TokenAdmin)


@pytest.fixture
def our_admin(client, staff):
    client.force_login(staff)
    return client


@pytest.mark.parametrize(
    ("pages", "model", "shown"),
    [
        pytest.param("stock_admin", "authtoken_tokenproxy", True, id="T1-stock"),
        pytest.param("our_admin", "tokens_opaquetoken", False, id="T1-ours"),
    ],
)
def test_whether_the_admin_shows_a_key_and_writes_it_into_its_log(request, user, pages, model, shown):
    client = request.getfixturevalue(pages)
    key = Token.objects.get(user=user).key
    for url in (reverse(f"admin:{model}_changelist"), reverse(f"admin:{model}_delete", args=[user.pk])):
        response = client.get(url)
        assert response.status_code == 200
        assert key[:8] in response.content.decode()
        assert (key in response.content.decode()) == shown
    Token.objects.all().delete()
    assert client.post(reverse(f"admin:{model}_add"), {"user": user.pk}).status_code == 302
    (entry,) = LogEntry.objects.all()
    key = Token.objects.get(user=user).key
    assert (entry.object_repr == key) == shown
    assert (key in f"{entry.object_repr} {entry.object_id} {entry.change_message}") == shown


# --- T2 ------------------------------------------------------------------------------------------

CLIENTS, ROUNDS = 8, 20


@beside("T2", ("drf-token", 404), ("token", 200))
def test_whether_there_is_an_endpoint_that_rotates(door_to, user, row, expected):
    door = door_to(row)
    key = door.credential(user)
    response = door.client.post("/api-token-auth/new/", headers={"Authorization": f"Token {key}"})
    assert response.status_code == expected


def usual_recipe(user) -> str:
    """Rotate a token in the usual way with DRF's own classes."""
    Token.objects.filter(user=user).delete()
    return Token.objects.create(user=user).key


class UsualRecipeView(APIView):
    atomic = False

    def post(self, request):
        with transaction.atomic() if self.atomic else nullcontext():
            return Response({"token": usual_recipe(request.user)})


def rotate_at_once(client, user) -> tuple[int, int, int]:
    """Return how many requests got a 200, how many of these a dead token, and how many a 500."""
    header = {"Authorization": f"Token {Token.objects.get_or_create(user=user)[0].key}"}
    responses = at_once(*[lambda: new_client().post("/api-token-auth/new/", headers=header)] * CLIENTS)
    keys = [response.json()["token"] for response in responses if response.status_code == 200]
    dead = [key for key in keys if whoami(client, f"Token {key}").status_code == 401]
    return len(keys), len(dead), sum(response.status_code == 500 for response in responses)


@postgresql_only
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("atomic", [False, True], ids=["T2-stock-autocommit", "T2-stock-atomic"])
def test_the_usual_recipe_fails_or_hands_out_dead_tokens_under_several_clients(settings, user, atomic):
    by_token = {"authentication_classes": (TokenAuthentication,)}
    client = serve(
        settings,
        path("api-token-auth/new/", by_the_library(UsualRecipeView, **by_token, atomic=atomic)),
        path("whoami/", by_the_library(WhoAmIView, **by_token)),
    )
    for _ in range(ROUNDS):
        _, dead, failed = rotate_at_once(client, user)
        if dead or failed:
            return
    pytest.fail(f"{ROUNDS} rounds without a defect")


@pytest.mark.django_db(transaction=True)
def test_our_rotation_has_one_winner_whose_token_lives_under_several_clients(door_to, user):
    """T2"""
    client = door_to("token").client
    assert [rotate_at_once(client, user) for _ in range(5)] == [(1, 0, 0)] * 5


@pytest.mark.parametrize(
    ("rotate", "handed_out", "living"),
    [
        pytest.param(lambda key: usual_recipe(User.objects.get(username="ada")), 2, 1, id="T2-stock"),
        pytest.param(models.rotate, 1, 1, id="T2-ours"),
    ],
)
def test_how_many_are_handed_a_token_of_two_that_were_let_in_with_the_same_one(user, rotate, handed_out, living):
    key = Token.objects.get(user=user).key
    keys = [new_key for new_key in (rotate(key), rotate(key)) if new_key]
    assert len(keys) == handed_out
    assert Token.objects.filter(key__in=keys).count() == living


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("command", "kept"),
    [pytest.param(stock_command, False, id="T2-stock"), pytest.param(our_command, True, id="T2-ours")],
)
def test_whether_a_user_still_has_a_token_after_a_reset_that_broke_off_at_the_new_one(user, command, kept):
    key = Token.objects.get(user=user).key

    def break_off(execute, sql, *rest):
        if sql.startswith(("INSERT", "UPDATE")):
            raise InterruptedError
        return execute(sql, *rest)

    with pytest.raises(InterruptedError), connection.execute_wrapper(break_off):
        call_command(command.Command(), "ada", "-r")
    assert Token.objects.filter(key=key).exists() == kept


# --- T3 ------------------------------------------------------------------------------------------


def attempts(client, url="/api-token-auth/", count=5, of=lambda n: {}, **login) -> list[int]:
    """Return the statuses of wrong passwords. `of(n)` returns the options of the nth request."""
    body = LOGIN | {"password": "wrong"} | login
    return [client.post(url, body, **of(number)).status_code for number in range(count)]


def another_forwarded_address(number):
    return {"headers": {"X-Forwarded-For": f"192.0.2.{number}"}}


def another_address(number):
    return {"REMOTE_ADDR": f"192.0.2.{number}"}


def test_stock_obtain_escapes_a_throttle_set_for_the_whole_project(door_to, user, monkeypatch):
    """T3"""
    monkeypatch.setattr(APIView, "throttle_classes", (ThreePerMinute,))
    assert attempts(door_to("drf-token").client) == [400] * 5
    # The throttle is active: it limits another view that takes a password.
    assert attempts(door_to("simplejwt").client, "/api/token/") == [401] * 3 + [429] * 2


def test_our_obtain_is_throttled(door_to, user, settings):
    """T3"""
    settings.LOGIN_THROTTLE = "3/min"
    assert attempts(door_to("token").client) == [400] * 3 + [429] * 2


def test_a_changing_x_forwarded_for_defeats_the_stock_throttle(settings, user, monkeypatch):
    """T3"""
    monkeypatch.setattr(api_settings, "NUM_PROXIES", None)  # DRF's default
    client = serve(
        settings, path("api-token-auth/", by_the_library(ObtainAuthToken, throttle_classes=(ThreePerMinute,)))
    )
    assert attempts(client, of=another_forwarded_address) == [400] * 5
    assert attempts(client) == [400] * 3 + [429] * 2


def test_a_changing_x_forwarded_for_does_not_defeat_ours(door_to, user, settings):
    """T3"""
    settings.LOGIN_THROTTLE = "3/min"
    client = door_to("token").client
    assert attempts(client, of=another_forwarded_address) == [400] * 3 + [429] * 2


@pytest.mark.parametrize(("row", "url", "refused"), [("token", "/api-token-auth/", 400), ("jwt", "/api/token/", 401)])
def test_ours_counts_by_user_name_whatever_the_address(door_to, user, settings, row, url, refused):
    """T3"""
    settings.LOGIN_THROTTLE = "3/min"
    client = door_to(row).client
    assert attempts(client, url, of=another_address) == [refused] * 3 + [429] * 2
    assert attempts(client, url, count=1, of=lambda _: another_address(99), username="grace") == [refused]


# --- T4 ------------------------------------------------------------------------------------------

NUL_IN_A_KEY = f"Token {'a' * 39}\0"


@postgresql_only
def test_stock_fails_on_a_nul_in_the_token(settings, user):
    """T4"""
    client = serve(settings, path("whoami/", by_the_library(WhoAmIView, authentication_classes=(TokenAuthentication,))))
    assert whoami(client, NUL_IN_A_KEY).status_code == 500


def test_ours_refuses_a_nul_in_the_token_without_a_query(door_to, user, django_assert_num_queries):
    """T4"""
    client = door_to("token").client
    with django_assert_num_queries(0):
        assert whoami(client, NUL_IN_A_KEY).status_code == 401


# --- T5: expiry only; `token` shares DRF's table, with plain keys and one per user ----------------


@beside("T5", ("drf-token", 200), ("token", 401))
def test_whether_a_token_is_dead_after_its_lifetime(door_to, user, settings, row, expected):
    settings.TOKEN_LIFETIME = timedelta(hours=1)
    door = door_to(row)
    key = door.credential(user)
    assert door.get("/whoami/", key).status_code == 200
    with time_machine.travel(user.auth_token.created + timedelta(days=10_000), tick=False):
        assert door.get("/whoami/", key).status_code == expected


# --- T6 ------------------------------------------------------------------------------------------


def test_a_stock_token_survives_a_change_of_password(without_our_signals, door_to, user):
    """T6"""
    door = door_to("drf-token")
    key = door.credential(user)
    change_password(user)
    assert door.get("/whoami/", key).status_code == 200


@pytest.mark.parametrize("row", ["token", "drf-token"])
def test_under_our_rule_a_token_dies_with_the_password_a_stock_rows_too(door_to, user, row):
    """T6"""
    door = door_to(row)
    key = door.credential(user)
    assert door.get("/whoami/", key).status_code == 200
    change_password(user)
    assert door.get("/whoami/", key).status_code == 401


# --- T7 ------------------------------------------------------------------------------------------


def test_stock_cannot_save_a_token_under_another_key(user):
    """T7"""
    token = Token.objects.get(user=user)
    token.key = Token.generate_key()
    with pytest.raises(IntegrityError), transaction.atomic():
        token.save()


def test_our_rotation_replaces_the_key_where_it_stands(user):
    """T7"""
    old = Token.objects.get(user=user)
    with CaptureQueriesContext(connection) as captured:
        new_key = models.rotate(old.key)
    assert [query["sql"].split()[0] for query in captured] == ["UPDATE"]
    assert list(Token.objects.values_list("key", "user")) == [(new_key, user.pk)]


# --- T8 ------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("row", [pytest.param("drf-token", id="T8-stock"), pytest.param("token", id="T8-ours")])
def test_obtaining_is_free_of_races_in_both(door_to, user, row):
    door_to(row)
    for _ in range(3):
        Token.objects.all().delete()
        responses = at_once(*[lambda: new_client().post("/api-token-auth/", LOGIN)] * CLIENTS)
        assert {response.status_code for response in responses} == {200}
        assert {response.json()["token"] for response in responses} == {Token.objects.get().key}


# --- T9 ------------------------------------------------------------------------------------------


@pytest.fixture
def dump(user, tmp_path):
    """Return the file of a dump of a user and the token, which the database no longer has."""
    file = tmp_path / "dump.json"
    file.write_text(serializers.serialize("json", [user, Token.objects.get(user=user)]))
    user.delete()
    return file


def create_auth_token(sender, instance=None, created=False, **kwargs):
    """Create a token as the receiver in DRF's documentation does ("Generating Tokens")."""
    if created:
        Token.objects.create(user=instance)


def test_the_documented_auto_create_breaks_loaddata(dump, without_our_signals):
    """T9"""
    post_save.connect(create_auth_token, sender=User)
    try:
        with pytest.raises(IntegrityError), transaction.atomic():
            call_command("loaddata", dump, verbosity=0)
    finally:
        post_save.disconnect(create_auth_token, sender=User)


def test_our_auto_create_respects_loaddata_and_goes_with_a_user_who_is_rolled_back(dump):
    """T9"""
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        assert User.objects.create_user("byron").auth_token
        raise ZeroDivisionError
    assert not Token.objects.exists()
    call_command("loaddata", dump, verbosity=0)
    assert Token.objects.get().key in dump.read_text()


# --- T10 -----------------------------------------------------------------------------------------

# Before, a proxy's delete() looked for a key that is the user's id. DRF's own admin knew of that.
DELETES = installed("djangorestframework") >= (3, 18, 2)


@pytest.fixture
def plain_admin(settings, client, staff):
    """Serve an admin of one's own for DRF's TokenProxy, which does not derive from DRF's."""
    return serve_admin(settings, client, staff, ModelAdmin)


@pytest.mark.parametrize(
    ("pages", "model", "names", "deleted"),
    [
        pytest.param("plain_admin", "authtoken_tokenproxy", "key", DELETES, id="T10-stock"),
        pytest.param("our_admin", "tokens_opaquetoken", "user_id", True, id="T10-ours"),
    ],
)
def test_whether_the_admin_deletes_the_token_that_it_says_it_has_deleted(request, user, pages, model, names, deleted):
    client = request.getfixturevalue(pages)
    token = Token.objects.get(user=user)
    response = client.post(reverse(f"admin:{model}_delete", args=[getattr(token, names)]), {"post": "yes"})
    assert response.status_code == 302
    assert LogEntry.objects.filter(action_flag=DELETION).count() == 1
    assert Token.objects.filter(key=token.key).exists() != deleted
