"""The expiry of a hashed token, and how the service notes its use."""

from datetime import timedelta

import pytest
import time_machine
from django.db import connection, transaction
from django.utils import timezone
from rest_framework.test import APIClient

from tests.support.hashed import COMMITTED, LOGIN, User, delete, header, obtain, own, rotate, whoami
from tokens import hashed, issue
from tokens.models import HashedToken


@pytest.fixture
def api(door_to) -> APIClient:
    """Return a client of the URLs as they are with AUTH_SCHEMES=token-hashed."""
    return door_to("token-hashed").client


def test_a_token_dies_at_the_end_of_its_lifetime_and_a_rotation_starts_it_anew(api, user, settings):
    settings.TOKEN_LIFETIME = timedelta(hours=1)
    with time_machine.travel("2030-01-01T12:00:00Z", tick=False) as clock:
        kept, rotated = obtain(api), obtain(api)
        clock.shift(timedelta(minutes=59))
        assert whoami(api, kept) == 200
        rotated = rotate(api, rotated).json()["token"]
        assert {each["expires"] for each in own(api, kept)} == {"2030-01-01T13:00:00Z", "2030-01-01T13:59:00Z"}
        clock.shift(timedelta(minutes=1))
        assert api.get("/whoami/", headers=header(kept)).json()["detail"] == "The token has expired."
        assert rotate(api, kept).status_code == 401
        assert whoami(api, rotated) == 200
        clock.shift(timedelta(minutes=59))
        assert whoami(api, rotated) == 401


@COMMITTED
def test_a_token_that_nobody_uses_dies_and_use_keeps_it_alive(api, user, settings):
    settings.TOKEN_IDLE_LIFETIME = timedelta(minutes=10)
    with time_machine.travel("2030-01-01T12:00:00Z", tick=False) as clock:
        used, unused = obtain(api), obtain(api)
        for _ in range(2):
            clock.shift(timedelta(minutes=9))
            assert whoami(api, used) == 200
        assert whoami(api, unused) == 401
        assert own(api, used)[-1]["expires"] == "2030-01-01T12:28:00Z"
        clock.shift(timedelta(minutes=10))
        assert whoami(api, used) == 401


@COMMITTED
def test_use_does_not_outlast_the_lifetime(api, user, settings):
    settings.TOKEN_LIFETIME, settings.TOKEN_IDLE_LIFETIME = timedelta(minutes=15), timedelta(minutes=10)
    with time_machine.travel("2030-01-01T12:00:00Z", tick=False) as clock:
        key = obtain(api)
        clock.shift(timedelta(minutes=9))
        assert whoami(api, key) == 200
        clock.shift(timedelta(minutes=6))
        assert whoami(api, key) == 401


LIFETIMES = [None, timedelta(minutes=5), timedelta(minutes=20)]


@pytest.mark.parametrize("lifetime", LIFETIMES)
@pytest.mark.parametrize("idle", LIFETIMES)
def test_what_is_expired_is_the_same_to_a_request_and_to_the_database(user, settings, lifetime, idle):
    settings.TOKEN_LIFETIME, settings.TOKEN_IDLE_LIFETIME = lifetime, idle
    with time_machine.travel("2030-01-01T12:00:00Z", tick=False):
        now = timezone.now()
        for age in (0, 4, 5, 6, 19, 20, 21):
            for unused in (minutes for minutes in (0, 4, 5, 6, 20) if minutes <= age):
                token = hashed.obtain(user)
                HashedToken.objects.filter(pk=token.pk).update(
                    created=now - timedelta(minutes=age), last_used=now - timedelta(minutes=unused), label="old"
                )
            for token in HashedToken.objects.all():
                assert hashed.is_expired(token) == HashedToken.objects.expired().filter(pk=token.pk).exists()
                assert hashed.is_expired(token) != HashedToken.objects.living().filter(pk=token.pk).exists()


@COMMITTED
def test_use_is_noted_once_a_minute_and_otherwise_a_request_is_one_query(api, user, django_assert_num_queries):
    with time_machine.travel("2030-01-01T12:00:00Z", tick=False) as clock:
        key = obtain(api)
        for seconds, statements in ((0, 1), (59, 1), (1, 4), (0, 1), (59, 1), (1, 4)):
            clock.shift(seconds)
            with django_assert_num_queries(statements) as captured:  # 4: the UPDATE is in a transaction
                assert whoami(api, key) == 200
            assert sum(query["sql"].startswith("UPDATE") for query in captured) == (statements == 4)
        assert HashedToken.objects.get().last_used == timezone.now()


@COMMITTED
def test_a_dead_token_is_not_noted_as_used(api, user, settings):
    settings.TOKEN_LIFETIME = timedelta(hours=1)
    key = obtain(api)
    noted = HashedToken.objects.get().last_used
    User.objects.update(is_active=False)
    with time_machine.travel(noted + timedelta(minutes=5)):
        assert whoami(api, key) == 401
    User.objects.update(is_active=True)
    with time_machine.travel(noted + timedelta(hours=1)):
        assert whoami(api, key) == 401
    assert HashedToken.objects.get().last_used == noted


READ_ONLY = {
    "sqlite": ("PRAGMA query_only = ON", "PRAGMA query_only = OFF"),
    "postgresql": ("SET default_transaction_read_only = on", "SET default_transaction_read_only = off"),
}


@COMMITTED
def test_a_database_that_cannot_be_written_costs_the_note_and_not_the_request(api, user, caplog):
    key = obtain(api)
    begin, end = READ_ONLY[connection.vendor]
    HashedToken.objects.update(last_used=timezone.now() - timedelta(minutes=2))
    with connection.cursor() as cursor:
        cursor.execute(begin)
        status = whoami(api, key)
        cursor.execute(end)
    assert status == 200
    assert "not noted" in caplog.text
    assert key not in caplog.text


@COMMITTED
def test_a_request_in_a_transaction_notes_the_use_once_it_is_committed(api, user):
    """An earlier note would hold a lock on the token, while other requests lock the user first."""
    key = obtain(api)
    long_ago = timezone.now() - timedelta(minutes=2)
    HashedToken.objects.update(last_used=long_ago)
    with transaction.atomic():
        assert whoami(api, key) == 200
        assert HashedToken.objects.get().last_used == long_ago
    assert HashedToken.objects.get().last_used > long_ago


def test_a_user_has_as_many_living_tokens_as_the_switch_says(api, user, staff, settings):
    settings.TOKENS_PER_USER = 2
    settings.TOKEN_LIFETIME = timedelta(hours=1)
    with time_machine.travel("2030-01-01T12:00:00Z", tick=False) as clock:
        first, _ = obtain(api), obtain(api)
        response = api.post("/api-token-auth/", LOGIN)
        assert response.status_code == 409
        assert response.json() == {
            "detail": "This user has 2 valid tokens, as many as TOKENS_PER_USER allows. Revoke one first."
        }
        assert issue.hashed_token(staff)
        assert rotate(api, first).status_code == 200
        assert delete(api, obtain_after_revoking(api), 0) == 404
        clock.shift(timedelta(hours=1))
        assert whoami(api, obtain(api)) == 200
        # Expired tokens do not count, and are deleted a day later.
        assert HashedToken.objects.filter(user=user).count() == 3
        clock.shift(timedelta(days=1))
        obtain(api)
        assert HashedToken.objects.filter(user=user).count() == 2


def test_a_login_while_the_clock_is_ahead_deletes_no_token_that_has_not_expired(api, user, settings):
    settings.TOKEN_LIFETIME, settings.TOKEN_IDLE_LIFETIME = timedelta(hours=2), timedelta(hours=1)
    with time_machine.travel("2030-01-01T12:00:00Z", tick=False) as clock:
        key = obtain(api)
        for ahead in (timedelta(hours=1), timedelta(hours=23)):
            clock.shift(ahead)
            assert whoami(api, key) == 401
            obtain(api)
            clock.shift(-ahead)
            assert whoami(api, key) == 200


@COMMITTED
def test_a_use_noted_while_the_clock_was_ahead_is_written_over(api, user, settings):
    settings.TOKEN_IDLE_LIFETIME = timedelta(days=1)
    with time_machine.travel("2030-01-01T12:00:00Z", tick=False) as clock:
        key = obtain(api)
        clock.shift(timedelta(hours=1))
        assert whoami(api, key) == 200
        clock.shift(timedelta(hours=-1))
        assert whoami(api, key) == 200
        assert HashedToken.objects.get().last_used == timezone.now()
        clock.shift(timedelta(days=1))
        assert whoami(api, key) == 401


def test_a_token_issued_while_the_clock_was_ahead_works_and_ends_by_so_much_later(api, user, settings):
    settings.TOKEN_LIFETIME = timedelta(hours=2)
    with time_machine.travel("2030-01-01T13:00:00Z", tick=False) as clock:
        key = obtain(api)
        clock.shift(timedelta(hours=-1))
        assert whoami(api, key) == 200
        clock.shift(timedelta(hours=3))
        assert whoami(api, key) == 401


def obtain_after_revoking(api) -> str:
    HashedToken.objects.filter(user__username="ada").first().delete()
    return obtain(api)


def test_without_a_limit_there_is_none(user, settings):
    settings.TOKENS_PER_USER = None
    for _ in range(60):
        hashed.obtain(user)
    assert HashedToken.objects.count() == 60
