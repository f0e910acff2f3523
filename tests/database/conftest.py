"""Fixtures: a PostgreSQL of the test's own, and a lookup that psycopg has prepared there."""

import pytest

from tests.support import servers
from tests.support.direct import is_direct
from tests.support.groups import asking, with_groups


@pytest.fixture(scope="module")
def url():
    return servers.start_postgresql()


@pytest.fixture
def other(url):
    """Yield another connection, on which the tables are new."""
    with with_groups(url) as connection:
        yield connection


@pytest.fixture
def plan(url, other, django_db_blocker):
    with django_db_blocker.unblock(), asking(url) as plan:
        assert is_direct(plan, "staff")
        yield plan
