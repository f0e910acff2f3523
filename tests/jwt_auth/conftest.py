"""Fixtures of several files of this folder."""

import pytest

from tests.support.logins import at


@pytest.fixture
def noon(user):
    """Stop the clock at NOON. The user logs in at that time."""
    with at():
        yield
