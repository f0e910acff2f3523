"""The lab measures what the service serves: both keep one connection per thread."""

import json
import os
import re
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import psycopg
import pytest
from django.db import ConnectionHandler, OperationalError

from auth_core.database_errors import is_database_away
from benchmarks.messages import DATABASE_VARIABLE
from benchmarks.servers import server as lab_servers
from config.databases.sqlite3.base import DatabaseWrapper
from tests.support import servers
from tests.support.http_client import MAKE_USER, PASSWORD, USER, Client

pytestmark = pytest.mark.once  # each uses a database of its own

LOGIN = {"username": USER, "password": PASSWORD}
THREADS = lab_servers.threads()


@pytest.fixture(scope="module")
def postgresql():
    return servers.start_postgresql()


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def url(request, tmp_path_factory):
    """Yield the URL of a database with one user and the catalogue."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path_factory.mktemp('served')}/file.sqlite3"
    else:
        url = request.getfixturevalue("postgresql")
    for arguments in (
        ["migrate", "--verbosity", "0"],
        ["shell", "--verbosity", "0", "-c", MAKE_USER],
        ["load_tracks"],
    ):
        done = servers.run("manage.py", *arguments, DATABASE_URL=url)
        assert done.returncode == 0, done.stderr
    return url


@contextmanager
def counting(url: str, module: str, **switches):
    """Serve with the settings of this module.

    Yield the address, and a function that returns how often a database was opened so far.
    """
    environment = servers.environment(DATABASE_URL=url, LOGIN_THROTTLE="none", **switches) | {
        "DJANGO_SETTINGS_MODULE": module,
        DATABASE_VARIABLE: url,
    }
    application = "tests.support.counting_application:application"
    with lab_servers.started("granian", application, environment, None) as running:
        running.first_answer("/health/")
        yield f"127.0.0.1:{running.port}", lambda: int(running.first_answer("/opened"))


def credential(address: str) -> str:
    with Client(address) as client:
        status, answer = client.post("/api-token-auth/", LOGIN)
        assert status == 200, answer
    return f"Token {answer['token']}"


def whoami(address: str, header: str, times: int = 1) -> list[int]:
    with Client(address) as client:
        return [client.request("GET", "/whoami/", Authorization=header)[0] for _ in range(times)]


def at_once(step, count: int) -> list:
    """Return the results of `count` threads that take the step at the same moment."""
    barrier = threading.Barrier(count)

    def run(_):
        barrier.wait(60)  # seconds
        return step()

    with ThreadPoolExecutor(count) as threads:
        return list(threads.map(run, range(count)))


@pytest.mark.parametrize("module", ["config.settings", "benchmarks.settings"])
def test_no_thread_opens_the_database_more_than_once(url, module):
    shown = servers.run("manage.py", "drf_create_token", USER, DATABASE_URL=url).stdout
    header = f"Token {re.search('[0-9a-f]{40}', shown)[0]}"
    with counting(url, module) as (address, opened):
        for statuses in at_once(lambda: whoami(address, header, 25), 2 * THREADS):
            assert statuses == [200] * 25
        assert 1 <= opened() <= THREADS
        assert whoami(address, header, 100) == [200] * 100
        assert opened() <= THREADS


_POLICY = """
import json, {module} as settings
database = settings.DATABASES["default"]
print(json.dumps([
    database["ENGINE"], database["OPTIONS"],
    {{name: database[name] for name in ("CONN_MAX_AGE", "ATOMIC_REQUESTS", "CONN_HEALTH_CHECKS") if name in database}},
    settings.MIDDLEWARE, settings.REST_FRAMEWORK, settings.INSTALLED_APPS,
]))
"""


@pytest.mark.parametrize("url", ["sqlite:////tmp/nothing.sqlite3", "postgresql://h/d"])
def test_the_lab_has_the_services_connections_middleware_and_classes(url):
    served, measured = (
        servers.run("-c", _POLICY.format(module=module), DATABASE_URL=url, **{DATABASE_VARIABLE: url})
        for module in ("config.settings", "benchmarks.settings")
    )
    assert served.returncode == measured.returncode == 0, (served.stderr, measured.stderr)
    assert json.loads(measured.stdout) == json.loads(served.stdout)


# --- SQLite: a file that has been removed ---------------------------------------------------------


@pytest.fixture
def sqlite(tmp_path, django_db_blocker):
    """Yield a connection of the service's backend to a file of its own, and the file."""
    file = tmp_path / "a b%20.sqlite3"
    settings = {"ENGINE": "config.databases.sqlite3", "NAME": file, "CONN_MAX_AGE": None}
    connection = ConnectionHandler({"default": settings})["default"]
    with django_db_blocker.unblock():
        yield connection, file
        connection.close()


def tables(connection) -> list[str]:
    connection.close_if_unusable_or_obsolete()  # Django does this when a request starts
    return connection.introspection.table_names()


def make(file, table: str):
    with sqlite3.connect(file) as database:
        database.execute(f"CREATE TABLE {table} (id)")
    database.close()


def test_a_file_that_is_replaced_is_opened_again_and_one_that_stays_is_not(sqlite, tmp_path):
    connection, file = sqlite
    make(file, "first")
    assert tables(connection) == ["first"]
    opened = connection.connection
    make(file, "second")
    assert tables(connection) == ["first", "second"]
    assert connection.connection is opened
    make(tmp_path / "other", "third")
    os.replace(tmp_path / "other", file)
    assert tables(connection) == ["third"]
    file.unlink()
    assert tables(connection) == []  # this connection may create a new file


def test_a_replaced_file_is_not_opened_beside_the_log_of_the_old_one(sqlite, tmp_path):
    """SQLite would read the old file's log into the new one, and damage it."""
    connection, file = sqlite
    connection.settings_dict["OPTIONS"] = {"init_command": "PRAGMA journal_mode=WAL"}
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE old (text)")
        cursor.execute("INSERT INTO old VALUES ('of the old file')")
    log = file.with_name(f"{file.name}-wal")
    assert log.stat().st_size
    make(tmp_path / "other", "new")
    content = (tmp_path / "other").read_bytes()
    os.replace(tmp_path / "other", file)
    beside = ConnectionHandler({"default": connection.settings_dict})["default"]  # another thread's connection
    for each in (connection, beside, connection):
        with pytest.raises(OperationalError, match="belongs to the old file") as raised:
            tables(each)
        assert is_database_away(raised.value)
    assert file.read_bytes() == content
    log.unlink()
    file.with_name(f"{file.name}-shm").unlink()
    assert tables(connection) == tables(beside) == ["new"]
    assert tables(connection) == ["new"]
    beside.close()


def test_a_connection_that_made_its_file_keeps_it(sqlite):
    connection, file = sqlite
    assert tables(connection) == []
    opened = connection.connection
    assert file.exists()
    assert tables(connection) == []
    assert connection.connection is opened


@pytest.mark.parametrize("of_the_request", ["answered from memory", "asks twice"])
def test_the_file_is_looked_at_before_the_first_use_and_not_at_every_request(sqlite, monkeypatch, of_the_request):
    """A system call per request would release the GIL and starve the listener of token-cached."""
    connection, file = sqlite
    make(file, "there")
    tables(connection)
    looked = []
    monkeypatch.setattr(
        "config.databases.sqlite3.base._identity", lambda path: looked.append(path) or connection._opened
    )
    connection.close_if_unusable_or_obsolete()
    if of_the_request == "asks twice":
        for _ in range(2):
            connection.introspection.table_names()
    assert looked == ([] if of_the_request == "answered from memory" else [str(file)])


def test_a_file_named_by_a_uri_is_looked_for_in_its_place(sqlite):
    connection, file = sqlite
    make(file, "there")
    connection.settings_dict["NAME"] = f"{file.as_uri()}?mode=rw"  # as config.wsgi sets it
    assert isinstance(connection, DatabaseWrapper)
    assert tables(connection) == ["there"]
    opened = connection.connection
    assert tables(connection) == ["there"]
    assert connection.connection is opened


# --- PostgreSQL: connections that another session ends, locks or makes read-only ------------------


CUT = (
    "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity "
    "WHERE pid <> pg_backend_pid() AND datname = current_database()"
)


@pytest.fixture(scope="module")
def served(postgresql):
    """Yield the address of a server on PostgreSQL."""
    for arguments in (["migrate", "--verbosity", "0"], ["load_tracks"]):
        assert servers.run("manage.py", *arguments, DATABASE_URL=postgresql).returncode == 0
    servers.run("manage.py", "shell", "--verbosity", "0", "-c", MAKE_USER, DATABASE_URL=postgresql)
    switches = {"GRANIAN_BLOCKING_THREADS": "8", "LOGIN_THROTTLE": "none", "STATEMENT_TIMEOUT": "1s"}
    with servers.granian(DATABASE_URL=postgresql, **switches) as base:
        yield base.removeprefix("http://")


def test_of_requests_at_once_after_the_server_cut_idle_connections_none_is_refused(postgresql, served):
    address = served
    for header in [credential(address), f"Bearer {log_in(address)['access']}"] * 4:
        assert at_once(lambda header=header: whoami(address, header), 8) == [[200]] * 8
        with psycopg.connect(postgresql, autocommit=True) as other:
            other.execute(CUT)
        assert at_once(lambda header=header: whoami(address, header), 8) == [[200]] * 8


def log_in(address: str) -> dict[str, str]:
    with Client(address) as client:
        status, pair = client.post("/api/token/", LOGIN)
        assert status == 200, pair
        return pair


def changes(address: str, token: str, pair: dict[str, str]) -> dict[str, int]:
    """Return the status of each endpoint that writes, with either kind of credential."""
    track = {"title": "t", "album": "a", "artist": "b", "genre": "Rock", "duration_ms": 1}
    bearer = f"Bearer {pair['access']}"
    with Client(address) as client:
        return {
            "obtain pair": client.post("/api/token/", LOGIN)[0],
            "obtain token": client.post("/api-token-auth/", LOGIN)[0],
            "create by token": client.post("/tracks/", track, Authorization=token)[0],
            "create by pair": client.post("/tracks/", track, Authorization=bearer)[0],
            "refresh": client.post("/api/token/refresh/", {"refresh": pair["refresh"]})[0],
            "logout": client.post("/api/token/logout/", Authorization=bearer)[0],
            "rotate": client.post("/api-token-auth/new/", Authorization=token)[0],
        }


CHANGED = [200, 200, 201, 201, 200, 204, 200]


def refused(statuses: dict[str, int]) -> bool:
    """Return True if each change was a 503. A login that finds a token only reads."""
    return statuses.pop("obtain token") == 200 and set(statuses.values()) == {503}


@contextmanager
def altered(url: str, setting: str):
    """Have each new session of this database begin with the setting."""
    with psycopg.connect(url, autocommit=True) as other:
        name = other.execute("SELECT current_database()").fetchone()[0]
        other.execute(f"ALTER DATABASE {name} SET {setting}")
        other.execute(CUT)
        try:
            yield
        finally:
            other.execute(f"ALTER DATABASE {name} RESET ALL")
            other.execute(CUT)


@contextmanager
def locked(url: str, sql: str):
    """Hold the statement's locks, as an abandoned session does."""
    with psycopg.connect(url, options="-c transaction_timeout=0") as other:
        other.execute(sql)
        yield
        other.rollback()


USERS = "SELECT * FROM auth_user FOR UPDATE"


def test_a_server_that_a_failover_made_read_only_is_503_at_every_endpoint_that_writes(postgresql, served):
    address = served
    token, pair = credential(address), log_in(address)
    with altered(postgresql, "default_transaction_read_only = on"):
        assert refused(changes(address, token, pair))
        assert whoami(address, token) == [200]  # reading still works
    assert list(changes(address, token, pair).values()) == CHANGED


def test_a_transaction_that_takes_too_long_for_the_server_is_503(postgresql, served):
    address = served
    token, pair = credential(address), log_in(address)
    tables = "LOCK TABLE auth_user, authtoken_token, jwt_auth_refreshfamily, tracks_track IN EXCLUSIVE MODE"
    with altered(postgresql, "transaction_timeout = 300"), locked(postgresql, tables):  # milliseconds
        assert refused(changes(address, token, pair))
    assert list(changes(address, token, pair).values()) == CHANGED


def test_a_row_that_another_session_keeps_locked_takes_no_thread_for_long(postgresql, served):
    """Every thread waits for the row and gives up after lock_timeout.

    After that the service answers requests that need no lock.
    """
    address = served
    token = credential(address)

    def ask():
        with Client(address) as client:
            return client.post("/api/token/", LOGIN)[0]

    with locked(postgresql, USERS), ThreadPoolExecutor(1) as beside:
        waiting = beside.submit(at_once, ask, 8)
        with Client(address) as client:
            assert client.request("GET", "/health/")[0] == 200
        assert waiting.result() == [503] * 8
        assert whoami(address, token) == [200]


def test_a_search_that_takes_too_long_is_given_up(postgresql, served):
    address = served
    token = credential(address)
    with locked(postgresql, "LOCK TABLE tracks_track IN ACCESS EXCLUSIVE MODE"), Client(address) as client:
        status, answer = client.request("GET", "/tracks/?search=love", Authorization=token)
    assert (status, list(answer)) == (503, ["detail"])
