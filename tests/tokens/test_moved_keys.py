"""`manage.py move_drf_tokens`: DRF's keys go on working, and none is left in clear."""

import re
from datetime import timedelta
from io import StringIO

import pytest
import time_machine
from django.core.management import CommandError, call_command
from rest_framework.authtoken.models import Token
from rest_framework.test import APIClient

from tests.support.hashed import CONCURRENT, change_password, header, rotate, whoami
from tests.support.threads import at_once
from tokens import models, wire
from tokens.models import HashedToken


@pytest.fixture
def api(door_to) -> APIClient:
    """Return a client of the URLs as they are with AUTH_SCHEMES=token-hashed."""
    return door_to("token-hashed").client


@pytest.fixture(autouse=True)
def row(settings):
    """Enable token-hashed by its setting too, which the command reads."""
    row = "tokens.authentication.HashedTokenAuthentication"
    settings.REST_FRAMEWORK = {**settings.REST_FRAMEWORK, "DEFAULT_AUTHENTICATION_CLASSES": [row]}


def move(*arguments) -> str:
    out = StringIO()
    call_command("move_drf_tokens", *arguments, stdout=out)
    return out.getvalue().strip()


def counts() -> tuple[int, int]:
    """Return how many rows DRF's table has, and the table of hashed tokens."""
    return Token.objects.count(), HashedToken.objects.count()


def test_keys_go_on_working_when_they_are_moved_and_none_is_left_in_clear(api, user, staff):
    keys = {user: user.auth_token.key, staff: staff.auth_token.key}
    created = user.auth_token.created
    assert [whoami(api, key) for key in keys.values()] == [401, 401]
    assert move("--batch", "1") == "2 keys moved, none left in clear"
    assert not Token.objects.exists()
    for owner, key in keys.items():
        assert api.get("/whoami/", headers=header(key)).json()["id"] == owner.pk
    token = HashedToken.objects.get(user=user)
    assert (token.created, token.label, token.last_four) == (created, "moved from authtoken", keys[user][-4:])
    assert move() == "0 keys moved, none left in clear"


def test_a_moved_key_takes_one_query_and_is_rotated_into_the_new_form(api, user, django_assert_num_queries):
    key = user.auth_token.key
    move()
    with django_assert_num_queries(1):
        assert whoami(api, key) == 200
    new = rotate(api, key).json()["token"]
    assert re.fullmatch(wire.PATTERN, new)
    assert (whoami(api, key), whoami(api, new)) == (401, 200)


def test_a_moved_key_ends_as_any_other(api, user, settings):
    key = user.auth_token.key
    move()
    settings.TOKEN_LIFETIME = timedelta(hours=1)
    with time_machine.travel(HashedToken.objects.get().created + timedelta(hours=1)):
        assert whoami(api, key) == 401
    assert whoami(api, key) == 200
    change_password()
    assert whoami(api, key) == 401


def test_a_key_that_came_back_with_a_restored_table_is_moved_again_and_doubles_nothing(user):
    before = Token.objects.get(user=user)
    move()
    Token.objects.bulk_create([before])
    move()
    assert counts() == (0, 1)


@CONCURRENT
def test_a_key_that_is_revoked_while_all_are_moved_is_dead_or_was_moved_first(api, user):
    for _ in range(5):
        HashedToken.objects.all().delete()
        key = Token.objects.get_or_create(user=user)[0].key
        revoked, _ = at_once(lambda key=key: models.revoke(key), move)
        assert not Token.objects.exists()
        assert HashedToken.objects.count() == (0 if revoked else 1)


@pytest.mark.parametrize("batch", ["0", "10001"])
def test_a_batch_that_is_none_is_refused(db, batch):
    with pytest.raises(CommandError, match=f"--batch {batch}: allowed: 1 to 10000"):
        move("--batch", batch)


@pytest.mark.parametrize("key", ["abcd1234", "A" * 40, "0" * 39, "é" * 40])
def test_a_key_that_no_row_accepts_is_named_by_its_user_and_nothing_is_moved(key, user, staff):
    """A key in DRF's table works under `drf-token` whatever its shape, if somebody wrote it."""
    Token.objects.filter(user=staff).delete()
    Token.objects.create(user=staff, key=key)
    with pytest.raises(CommandError, match=f"Ids of their users: {staff.pk}$") as refused:
        move("--batch", "1")
    assert key not in str(refused.value)
    assert counts() == (2, 0)
    Token.objects.filter(key=key).delete()
    assert move() == "1 keys moved, none left in clear"


def test_a_malformed_key_that_comes_in_between_stays_with_its_batch(user, staff, monkeypatch):
    from tokens.management.commands.move_drf_tokens import Command

    Token.objects.filter(user=user).update(key="abcd1234")
    check = Command._refuse_malformed
    looks = iter([lambda keys: None, check])  # the first look comes before it
    monkeypatch.setattr(Command, "_refuse_malformed", staticmethod(lambda keys: next(looks)(keys)))
    with pytest.raises(CommandError, match="1 keys do not have 40 lowercase hexadecimal digits"):
        move()
    assert counts() == (2, 0)


def test_keys_are_not_moved_where_no_enabled_class_would_accept_them(api, user, settings):
    key = user.auth_token.key
    row = "tokens.authentication.TokenAuthentication"
    settings.REST_FRAMEWORK = {**settings.REST_FRAMEWORK, "DEFAULT_AUTHENTICATION_CLASSES": [row]}
    with pytest.raises(CommandError, match=r"DEFAULT_AUTHENTICATION_CLASSES.*AUTH_SCHEMES=token-hashed.*--force"):
        move()
    assert counts() == (1, 0)
    assert move("--force") == "1 keys moved, none left in clear"
    assert whoami(api, key) == 200
