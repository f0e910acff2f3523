"""Fixtures of several files of this folder."""

from datetime import timedelta

import pytest

from tests.support.logins import at
from tests.support.pushed import begin, hear, log_in


@pytest.fixture
def noon(user):
    """Stop the clock at NOON. The user logs in at that time."""
    with at():
        yield


# --- jwt-pushed -----------------------------------------------------------------------------------


@pytest.fixture
def heard(transactional_db, settings):
    """Remember no login, and hear of every end, without Valkey.

    What is read in a transaction is not remembered, so these tests run without one.
    """
    settings.JWT_REUSE_GRACE = timedelta(0)
    begin(settings)
    hear()


@pytest.fixture
def pushed_door(door_to):
    return door_to("jwt-pushed")


@pytest.fixture
def pair(user) -> dict[str, str]:
    return log_in(user)
