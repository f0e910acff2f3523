"""A table that changes while the service runs: PostgreSQL refuses statements planned before.

Django's own migrations alter columns, for example when auth_user's names became longer. The
statements that each connection has prepared are then stale (psycopg 3.3.9, PostgreSQL 18).
"""

import threading
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from django.db import OperationalError

from auth_core.database_errors import is_database_away
from tests.support import servers
from tests.support.http_client import MAKE_USER, PASSWORD, USER, Client
from tests.support.own_connections import connection_to, transaction_on, value

pytestmark = pytest.mark.once  # each uses a PostgreSQL of its own

ASKED = "SELECT text FROM altered WHERE text <> %s"  # psycopg prepares the same text at its sixth use
TYPES = ("varchar(254)", "varchar(200)", "text", "varchar(150)")


@pytest.fixture(scope="module")
def url():
    return servers.start_postgresql()


@pytest.fixture
def connection(url, django_db_blocker):
    """Yield a connection that has prepared ASKED."""
    with psycopg.connect(url, autocommit=True) as other:
        other.execute("DROP TABLE IF EXISTS altered")
        other.execute("CREATE TABLE altered (text varchar(10))")
        other.execute("INSERT INTO altered VALUES ('there')")
    with django_db_blocker.unblock(), connection_to(url, prepare_threshold=5) as connection:
        for _ in range(10):
            assert value(connection, ASKED, "") == "there"
        yield connection


def alter(url, column_type: str = "varchar(20)", table: str = "altered", column: str = "text"):
    with psycopg.connect(url, autocommit=True) as other:
        other.execute(f"ALTER TABLE {table} ALTER COLUMN {column} TYPE {column_type}")


def prepared(connection) -> list[str]:
    """Return the names under which the server has prepared ASKED.

    The query itself is not prepared.
    """
    with psycopg.ClientCursor(connection.connection) as cursor:
        cursor.execute("SELECT name FROM pg_prepared_statements WHERE statement LIKE 'SELECT text FROM altered%'")
        return [name for (name,) in cursor.fetchall()]


def test_a_statement_that_became_stale_is_asked_once_more_and_prepared_again(url, connection):
    pid = connection.connection.info.backend_pid
    for column_type in TYPES:
        alter(url, column_type)
        assert [value(connection, ASKED, "") for _ in range(10)] == ["there"] * 10
        assert len(prepared(connection)) == 1
    assert connection.connection.info.backend_pid == pid


def test_so_is_one_that_the_server_does_not_know_any_more(connection):
    (name,) = prepared(connection)
    with psycopg.ClientCursor(connection.connection) as cursor:
        cursor.execute(f"DO $$ BEGIN EXECUTE 'DEALLOCATE {name}'; END $$")  # as a pooler may, unknown to psycopg
    assert value(connection, ASKED, "") == "there"


def test_so_is_one_whose_name_somebody_else_has_taken(url, django_db_blocker):
    with django_db_blocker.unblock(), connection_to(url, prepare_threshold=5) as connection:
        connection.ensure_connection()
        with psycopg.ClientCursor(connection.connection) as cursor:
            cursor.execute('PREPARE "_pg3_0" AS SELECT 1')  # another client of a pooler may do this
        assert [value(connection, "SELECT %s::int", 1) for _ in range(20)] == [1] * 20


def test_so_is_one_that_became_stale_after_all_were_deallocated_when_there_were_none(url, connection):
    """Psycopg 3.3.9 looks at a DEALLOCATE ALL only if it did not count its text before."""
    with connection.connection.cursor() as cursor:
        for _ in range(2):
            cursor.execute("DEALLOCATE ALL")
    for column_type in TYPES:
        assert [value(connection, ASKED, "") for _ in range(10)] == ["there"] * 10
        alter(url, column_type)
    assert value(connection, ASKED, "") == "there"


def test_inside_a_transaction_it_is_a_database_that_is_away_and_the_next_transaction_succeeds(url, connection):
    alter(url)
    with pytest.raises(OperationalError) as lost, transaction_on(connection):
        value(connection, ASKED, "")
    assert is_database_away(lost.value)
    with transaction_on(connection):
        assert value(connection, ASKED, "") == "there"


@pytest.fixture(scope="module")
def service(url):
    """Yield a server with four threads and its user's two credentials."""
    switches = {"DATABASE_URL": url, "LOGIN_THROTTLE": "none", "GRANIAN_BLOCKING_THREADS": "4"} | servers.QUICK
    for arguments in (
        ["migrate", "--verbosity", "0"],
        ["shell", "--verbosity", "0", "-c", MAKE_USER],
        ["load_tracks"],
    ):
        done = servers.run("manage.py", *arguments, **switches)
        assert done.returncode == 0, done.stderr
    with servers.granian(**switches) as base:
        address = base.removeprefix("http://")
        with Client(address) as client:
            login = {"username": USER, "password": PASSWORD}
            headers = [
                f"Token {client.post('/api-token-auth/', login)[1]['token']}",
                f"Bearer {client.post('/api/token/', login)[1]['access']}",
            ]
        yield address, headers


def test_under_load_no_request_fails_for_a_column_that_is_altered(url, service):
    """Every guarded read succeeds. A request in a transaction may get a 503 and need a retry."""
    address, headers = service
    login = {"username": USER, "password": PASSWORD}
    track = {"title": "t", "album": "a", "artist": "b", "genre": "Rock", "duration_ms": 1}
    requests = [
        *(("GET", path, None, header) for header in headers for path in ("/whoami/", "/tracks/?page_size=1")),
        *(("POST", "/tracks/", track, header) for header in headers),
        ("POST", "/api-token-auth/", login, None),
        ("POST", "/api/token/", login, None),
    ]
    is_over = threading.Event()
    answered = {}

    def ask(number: int):
        with Client(address) as client:
            rounds = 0
            while not is_over.is_set() or rounds < 8:  # enough rounds for each statement to be prepared
                for method, path, body, header in requests:
                    status, _ = client.request(method, path, body, **({"Authorization": header} if header else {}))
                    answered.setdefault((method, path, (header or "")[:6]), []).append(status)
                rounds += 1

    with ThreadPoolExecutor(4) as threads:
        asking = [threads.submit(ask, number) for number in range(4)]
        for column_type in TYPES * 3:
            for column in ("first_name", "last_name"):
                alter(url, column_type, "auth_user", column)
            alter(url, column_type.replace("150", "200"), "tracks_track", "title")
        is_over.set()
        for each in asking:
            each.result()
    for (method, path, scheme), statuses in answered.items():
        allowed = {200} if method == "GET" else {200, 201, 503}
        assert set(statuses) <= allowed, (method, path, scheme, set(statuses))
