"""A PostgreSQL that is away: which requests wait, and that no thread uses a broken connection."""

import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from django.db import DatabaseError, InterfaceError, OperationalError
from django.db.utils import DatabaseErrorWrapper

from auth_core.database_errors import is_database_away
from config.databases.postgresql.base import DatabaseWrapper
from tests.support import servers
from tests.support.own_connections import connection_to, transaction_on, value

pytestmark = pytest.mark.once  # each uses a database of its own, or none

NOBODY = "postgresql://x:y@127.0.0.1:1/z"


@pytest.fixture(autouse=True)
def _back(django_db_blocker):
    with django_db_blocker.unblock():
        yield
    DatabaseWrapper._is_away = False


@pytest.fixture(scope="module")
def url():
    return servers.start_postgresql()


def test_of_the_requests_that_need_a_server_that_is_away_one_asks_and_the_others_fail_soon(monkeypatch):
    monkeypatch.setattr(DatabaseWrapper, "PATIENCE", 0.05)  # seconds
    with connection_to(NOBODY) as connection:
        for _ in range(2):  # no other request is connecting, so each one tries
            with pytest.raises(OperationalError, match="refused"):
                connection.ensure_connection()
        with DatabaseWrapper._asking, pytest.raises(OperationalError, match="another request is trying to connect"):
            connection.ensure_connection()


def test_the_first_to_find_a_server_that_is_back_lets_all_others_in(url):
    """They wait for its result and then connect at the same time. None of them is refused."""
    DatabaseWrapper._is_away = True
    barrier = threading.Barrier(8)

    def ask(_):
        with connection_to(url) as connection:
            barrier.wait(60)  # seconds
            return value(connection, "SELECT 1")

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(ask, range(8))) == [1] * 8
    assert not DatabaseWrapper._is_away


@pytest.fixture
def connected(url):
    """Yield a connection that has been used, and a function that ends it from the server's side."""
    with connection_to(url) as connection:
        pid = value(connection, "SELECT pg_backend_pid()")

        def hang_up():
            with psycopg.connect(url, autocommit=True) as other:
                other.execute("SELECT pg_terminate_backend(%s, 10000)", [pid])  # milliseconds

        yield connection, hang_up


def test_a_connection_that_the_server_closed_while_it_lay_idle_is_replaced_before_a_request_uses_it(connected):
    connection, hang_up = connected
    pid = value(connection, "SELECT pg_backend_pid()")
    hang_up()
    connection.close_if_unusable_or_obsolete()  # Django does this when a request starts
    assert value(connection, "SELECT pg_backend_pid()") != pid
    assert not DatabaseWrapper._is_away  # otherwise threads would connect one by one


def test_a_connection_that_is_lost_while_a_cursor_closes_is_a_database_that_is_away(url, connected):
    """Django wraps the errors of every cursor method but `close()`, which calls the server too."""
    connection, hang_up = connected
    connection.set_autocommit(False)
    cursor = connection.chunked_cursor()
    cursor.execute("SELECT generate_series(1, 10)")
    cursor.fetchmany(1)
    hang_up()
    with pytest.raises(OperationalError) as lost:
        cursor.close()
    assert is_database_away(lost.value)
    cursor.cursor._closed = True  # or psycopg warns of it later


def test_a_good_connection_is_kept_and_asked_nothing(url, connected):
    connection, _ = connected
    pid = value(connection, "SELECT pg_backend_pid()")
    for _ in range(3):
        connection.close_if_unusable_or_obsolete()
        connection.close_if_health_check_failed()
    with psycopg.connect(url) as other:
        asked = other.execute("SELECT query FROM pg_stat_activity WHERE pid = %s", [pid]).fetchone()
    assert asked == ("SELECT pg_backend_pid()",)
    assert value(connection, "SELECT pg_backend_pid()") == pid


def test_when_a_connection_is_lost_in_use_one_request_at_a_time_asks_whether_the_server_is_back(connected):
    connection, hang_up = connected
    hang_up()
    with pytest.raises(OperationalError, match="terminat"):
        value(connection, "SELECT 1")
    connection.close_if_unusable_or_obsolete()
    assert DatabaseWrapper._is_away
    assert value(connection, "SELECT 1") == 1
    assert not DatabaseWrapper._is_away


def test_a_notice_that_waits_on_a_connection_is_no_end_of_it(url):
    with connection_to(url) as connection, psycopg.connect(url, autocommit=True) as other:
        with connection.cursor() as cursor:
            cursor.execute("LISTEN something")
        pid = value(connection, "SELECT pg_backend_pid()")
        other.execute("NOTIFY something")
        end = time.monotonic() + 10  # seconds
        while not connection.connection.pgconn.notifies() and time.monotonic() < end:
            time.sleep(0.01)
            connection.close_if_unusable_or_obsolete()
            connection.close_if_health_check_failed()
        assert value(connection, "SELECT pg_backend_pid()") == pid


def test_a_server_that_has_become_read_only_is_left_for_the_one_that_the_address_leads_to(url):
    with connection_to(url) as connection:
        pid = value(connection, "SELECT pg_backend_pid()")
        with connection.cursor() as cursor:
            cursor.execute("SET default_transaction_read_only = on")
        with pytest.raises(Exception, match="read-only"), connection.cursor() as cursor:
            cursor.execute("CREATE TABLE nothing ()")
        connection.close_if_unusable_or_obsolete()
        assert value(connection, "SELECT pg_backend_pid()") != pid


def test_a_lock_and_a_statement_are_waited_for_as_long_as_the_settings_say_and_no_longer(url):
    with connection_to(url, lock_timeout=3000, statement_timeout=10_000) as connection:
        assert value(connection, "SHOW lock_timeout") == "3s"
        assert value(connection, "SHOW statement_timeout") == "10s"
    with connection_to(url) as connection:
        assert value(connection, "SHOW lock_timeout") == "0"


# --- passing a message through the database's own code --------------------------------------------

PASSES = """
08000 08001 08003 08004 08006 08007 08P01 25000 25001 25002 25006 25008 25P01 25P02 25P03 25P04 40001 40003 40P01
53000 53100 53200 53300 53400 55006 55P03 57000 57014 57P01 57P02 57P03 57P04 57P05 58000 58030 58P01 58P02 XX001 XX002
""".split()  # noqa: SIM905
STAYS = "0A000 22003 22021 22P02 23503 23505 2BP01 42501 42601 42703 42P01 54000 54001 55000 P0001 XX000".split()  # noqa: SIM905


@pytest.mark.parametrize("sqlstate", PASSES + STAYS)
def test_whether_trying_again_may_help_is_told_by_the_sqlstate(url, sqlstate):
    with connection_to(url) as connection, pytest.raises(DatabaseError) as raised:
        value(connection, f"DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '{sqlstate}'; END $$")
    assert raised.value.__cause__.sqlstate == sqlstate
    assert is_database_away(raised.value) == (sqlstate in PASSES)


def test_an_error_without_a_code_is_a_connection_that_broke_or_a_defect():
    def wrapped(error):
        with pytest.raises((DatabaseError, InterfaceError)) as raised, DatabaseErrorWrapper(DatabaseWrapper({})):
            raise error
        return raised.value

    assert is_database_away(wrapped(psycopg.OperationalError("the connection is lost")))
    assert is_database_away(wrapped(psycopg.InterfaceError("the connection is closed")))
    assert not is_database_away(wrapped(psycopg.ProgrammingError("the query has 2 placeholders")))
    assert not is_database_away(ValueError("of something else"))


def test_a_session_that_was_idle_in_its_transaction_for_too_long_passes(url):
    with connection_to(url) as connection, pytest.raises(DatabaseError) as raised, transaction_on(connection):
        value(connection, "SELECT set_config('idle_in_transaction_session_timeout', '10', false)")  # milliseconds
        time.sleep(0.1)
        value(connection, "SELECT 1")
    assert is_database_away(raised.value)


# Primary codes, and an extended one (SQLITE_IOERR_WRITE).
PASSES_ON_SQLITE = [
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_INTERRUPT,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_IOERR | 3 << 8,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_NOTADB,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_PROTOCOL,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_SCHEMA,
]
STAYS_ON_SQLITE = [sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_ERROR, sqlite3.SQLITE_MISMATCH, sqlite3.SQLITE_TOOBIG]


@pytest.mark.parametrize("code", PASSES_ON_SQLITE + STAYS_ON_SQLITE)
def test_on_sqlite_it_is_told_by_the_result_code(code):
    error = OperationalError()
    error.__cause__ = sqlite3.OperationalError()
    error.__cause__.sqlite_errorcode = code
    assert is_database_away(error) == (code in PASSES_ON_SQLITE)
