"""Hashed tokens under simultaneous requests."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone
from rest_framework.test import APIClient

from auth_core import revocation
from tests.support.accounts import PASSWORD
from tests.support.hashed import COMMITTED, CONCURRENT, LOGIN, User, change_password, delete, obtain, rotate, whoami
from tests.support.threads import at_once
from tokens import hashed, issue, wire
from tokens.models import HashedToken, HashedTokenQuerySet


@pytest.fixture
def api(door_to) -> APIClient:
    """Return a client of the URLs as they are with AUTH_SCHEMES=token-hashed."""
    return door_to("token-hashed").client


def statuses(responses) -> list[int]:
    return sorted(response.status_code for response in responses)


@CONCURRENT
def test_of_many_rotations_one_wins_and_its_token_lives(api, user):
    key, clients = obtain(api), 16
    for _ in range(2):
        responses = at_once(*[lambda key=key: rotate(APIClient(), key)] * clients)
        assert statuses(responses) == [200] + [401] * (clients - 1)
        (key,) = [response.json()["token"] for response in responses if response.status_code == 200]
        assert whoami(api, key) == 200
        assert HashedToken.objects.count() == 1


@CONCURRENT
def test_many_logins_at_once_exceed_no_limit(api, user, settings):
    settings.TOKENS_PER_USER = 5
    for _ in range(2):
        HashedToken.objects.all().delete()
        responses = at_once(*[lambda: APIClient().post("/api-token-auth/", LOGIN)] * 12)
        assert statuses(responses) == [200] * 5 + [409] * 7
        assert HashedToken.objects.count() == 5


def log_out_everywhere():
    revocation.revoke_all_credentials(User.objects.get(username="ada").pk, revocation.LOGOUT_EVERYWHERE)


@CONCURRENT
@pytest.mark.parametrize("end", [change_password, log_out_everywhere])
def test_no_rotation_saves_a_token_from_its_end(api, end):
    for _ in range(3):
        User.objects.all().delete()
        key = issue.hashed_token(User.objects.create_user("ada", password=PASSWORD))
        *responses, _ = at_once(*[lambda key=key: rotate(APIClient(), key)] * 4, end)
        assert not HashedToken.objects.exists()
        assert set(statuses(responses)) <= {200, 401}


@CONCURRENT
def test_no_login_with_the_old_password_outlives_the_change(api):
    for _ in range(3):
        User.objects.all().delete()
        User.objects.create_user("ada", password=PASSWORD)
        *responses, _ = at_once(*[lambda: APIClient().post("/api-token-auth/", LOGIN)] * 4, change_password)
        assert set(statuses(responses)) <= {200, 400}
        assert not HashedToken.objects.exists()


@CONCURRENT
def test_a_token_deleted_by_its_id_while_it_is_rotated_is_dead_with_its_successor(api, user):
    owner = obtain(api)
    for _ in range(5):
        key = obtain(api)
        pk = HashedToken.objects.get(digest=wire.digest(key)).pk
        rotated, deleted = at_once(
            lambda key=key: rotate(APIClient(), key), lambda pk=pk: delete(APIClient(), owner, pk)
        )
        assert deleted == 204
        assert rotated.status_code in (200, 401)
        assert HashedToken.objects.count() == 1


@pytest.fixture
def written(monkeypatch) -> list[int]:
    """Return a list that collects how many rows each UPDATE of hashed tokens changed."""
    counts, update = [], HashedTokenQuerySet.update
    monkeypatch.setattr(
        HashedTokenQuerySet, "update", lambda self, **values: counts.append(update(self, **values)) or counts[-1]
    )
    return counts


@CONCURRENT
def test_of_many_requests_at_once_one_notes_the_use_and_all_are_answered(api, user, written):
    key = obtain(api)
    HashedToken.objects.all().update(last_used=timezone.now() - timedelta(minutes=2))
    written.clear()
    assert at_once(*[lambda: whoami(APIClient(), key)] * 16) == [200] * 16
    assert sum(written) == 1


@COMMITTED
def test_of_requests_that_read_the_token_before_any_noted_its_use_one_does(user, written):
    key = issue.hashed_token(user)
    with time_machine.travel(timezone.now() + timedelta(minutes=2)):
        for token in [hashed.find(key) for _ in range(3)]:
            hashed.note_use(token)
    assert written == [1, 0, 0]
