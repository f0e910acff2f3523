"""The living logins of one process: what it remembers, and when it drops it."""

import pytest

from jwt_auth.pushed import logins
from tests.support.accounts import PASSWORD
from tests.support.pushed import (
    ENDINGS,
    HIT,
    MISS,
    REFUSED,
    another,
    asked,
    begin,
    hear,
    remember,
    remembers,
    wait_until,
)

pytestmark = pytest.mark.usefixtures("no_logins")


@pytest.fixture
def no_logins(transactional_db, settings):
    settings.JWT_REUSE_GRACE = settings.JWT_REUSE_GRACE * 0
    begin(settings)
    hear()
    yield
    logins.close()


@pytest.fixture
def door(door_to):
    return door_to("jwt-pushed")


@pytest.fixture
def pair(door, user):
    answer = door.client.post("/api/token/", {"username": user.username, "password": PASSWORD})
    assert answer.status_code == 200
    return answer.json()


def test_a_hit_takes_no_query(door, pair):
    assert [asked(door, pair["access"]) for _ in range(3)] == [MISS, HIT, HIT]


@pytest.mark.parametrize("ending", ENDINGS)
def test_what_ends_a_login_ends_it_in_every_process(door, user, pair, ending):
    remember(logins, pair["access"])
    with another() as other:
        remember(other, pair["access"])
        ending(door, user, pair)
        assert asked(door, pair["access"])[0] == REFUSED
        wait_until(lambda: not remembers(other, pair["access"]))
        assert len(other) == 0
