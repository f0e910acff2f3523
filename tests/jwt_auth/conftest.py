"""Fixtures of several files of this folder."""

import pytest

from tests.support.logins import at


@pytest.fixture
def noon(user):
    """Stop the clock at NOON, when the user logs in."""
    with at():
        yield
