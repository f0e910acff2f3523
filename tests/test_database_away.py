"""A PostgreSQL that is away: who waits for it."""

from contextlib import contextmanager

import environ
import pytest
from django.db import ConnectionHandler, OperationalError

from config.postgresql.base import DatabaseWrapper
from tests import servers

pytestmark = pytest.mark.once  # each brings its own database, or none


@contextmanager
def connection_to(url: str):
    """A connection of the service's backend, through a pool of its own that waits a tenth of a second."""
    options = {"pool": {"min_size": 1, "timeout": 0.1, "reconnect_timeout": 0.1}}  # seconds
    database = {**environ.Env.db_url_config(url), "ENGINE": "config.postgresql"}
    database["OPTIONS"] = {**database.get("OPTIONS", {}), **options}
    connection = ConnectionHandler({"default": database})["default"]
    connection.alias = f"beside the tests {id(connection)}"
    try:
        yield connection
    finally:
        connection.close()
        connection.close_pool()


@pytest.fixture(autouse=True)
def _back(django_db_blocker):
    with django_db_blocker.unblock():
        yield
    DatabaseWrapper._is_away = False


def asked(connection) -> int:
    """How many requests have asked the pool for a connection."""
    return connection.pool.get_stats().get("requests_num", 0)


def test_of_the_requests_that_need_a_server_that_is_away_one_waits_and_the_others_fail_at_once():
    with connection_to("postgresql://x:y@127.0.0.1:1/z") as connection:
        for number in (1, 2):  # nobody else waits: each does
            with pytest.raises(OperationalError, match="couldn't get a connection"):
                connection.ensure_connection()
            assert asked(connection) == number
        with DatabaseWrapper._asking, pytest.raises(OperationalError, match="another request is asking"):
            connection.ensure_connection()
        assert asked(connection) == 2


def test_a_server_that_is_back_is_asked_by_everybody_again():
    DatabaseWrapper._is_away = True
    with connection_to(servers.start_postgresql()) as connection:
        connection.settings_dict["OPTIONS"]["pool"]["timeout"] = 30  # it starts when it starts
        connection.ensure_connection()
        connection.close()
        with DatabaseWrapper._asking:
            connection.ensure_connection()
        assert asked(connection) == 2
