"""A PostgreSQL that is away: who waits for it."""

from contextlib import contextmanager

import environ
import psycopg
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


@pytest.fixture(scope="module")
def url():
    return servers.start_postgresql()


def test_a_server_that_is_back_is_asked_by_everybody_again(url):
    DatabaseWrapper._is_away = True
    with connection_to(url) as connection:
        connection.settings_dict["OPTIONS"]["pool"]["timeout"] = 30  # it starts when it starts
        connection.ensure_connection()
        connection.close()
        with DatabaseWrapper._asking:
            connection.ensure_connection()
        assert asked(connection) == 2


def test_without_a_pool_nobody_waits_and_nothing_is_remembered(url):
    DatabaseWrapper._is_away = True
    with connection_to(url) as connection:
        del connection.settings_dict["OPTIONS"]["pool"]
        connection.ensure_connection()
        assert DatabaseWrapper._is_away


@pytest.fixture
def connected(url):
    """A connection of the pool that has been used, and how to end it as the server does: from its side."""
    with connection_to(url) as connection:
        connection.settings_dict["OPTIONS"]["pool"]["timeout"] = 30  # seconds
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            (pid,) = cursor.fetchone()

        def hang_up():
            with psycopg.connect(url, autocommit=True) as other:
                other.execute("SELECT pg_terminate_backend(%s, 10000)", [pid])  # milliseconds

        yield connection, hang_up


def test_a_connection_that_the_server_closed_in_the_pool_is_given_to_nobody(connected):
    connection, hang_up = connected
    connection.close()
    hang_up()
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    assert not DatabaseWrapper._is_away


def test_when_a_connection_is_lost_in_use_one_request_waits_and_those_for_whom_one_is_ready_do_not(connected):
    connection, hang_up = connected
    hang_up()
    with pytest.raises(OperationalError, match="terminat"), connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    connection.close()
    assert DatabaseWrapper._is_away
    connection.pool.wait(30)  # seconds, for the one that takes its place
    with DatabaseWrapper._asking:
        connection.ensure_connection()
    assert not DatabaseWrapper._is_away
