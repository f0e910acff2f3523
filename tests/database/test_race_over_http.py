"""Many HTTP clients use one credential at once, against a server with two worker processes.

The stock rows run beside ours. `make race` is the run of the project's claim: 64 clients, 20
rounds, PostgreSQL. `make test` runs a shorter one on each database.
"""

import os
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from threading import Barrier

import pytest

from tests.support import servers
from tests.support.http_client import MAKE_USER, PASSWORD, USER, Client

CLIENTS = int(os.environ.get("RACE_CLIENTS", "16"))
ROUNDS = int(os.environ.get("RACE_ROUNDS", "3"))


@pytest.fixture(scope="module")
def database_url(tmp_path_factory):
    """Return a database of the run's kind for the server, migrated, with one user."""
    url = servers.scratch_database(tmp_path_factory.mktemp("race"))
    for arguments in (["migrate", "--verbosity", "0"], ["shell", "--verbosity", "0", "-c", MAKE_USER]):
        done = servers.run("manage.py", *arguments, DATABASE_URL=url, **servers.QUICK)
        assert done.returncode == 0, done.stderr
    return url


def race(clients: list[Client], step: Callable[[Client], tuple[int, dict]]) -> list[tuple[int, dict]]:
    """Let every client take the step at the same moment, and return the responses."""
    barrier = Barrier(len(clients))

    def run(client):
        barrier.wait(timeout=30)
        return step(client)

    with ThreadPoolExecutor(len(clients)) as pool:
        return list(pool.map(run, clients))


def log_in(client: Client) -> str:
    status, pair = client.post("/api/token/", {"username": USER, "password": PASSWORD})
    assert status == 200, pair
    return pair["refresh"]


def refresh(token: str) -> Callable[[Client], tuple[int, dict]]:
    return lambda client: client.post("/api/token/refresh/", {"refresh": token})


def rounds_of(database_url: str, play: Callable[[list[Client]], object], **switches: str) -> list:
    """Play each round against a fresh server, and return the results."""
    with (
        servers.granian(
            workers=2, DATABASE_URL=database_url, LOGIN_THROTTLE="none", **servers.QUICK, **switches
        ) as base,
        ExitStack() as connections,
    ):
        address = base.removeprefix("http://")
        clients = [connections.enter_context(Client(address)) for _ in range(CLIENTS)]
        return [play(clients) for _ in range(ROUNDS)]


def report(what: str, outcomes: list):
    print(f"\n{what}, {CLIENTS} clients, {ROUNDS} rounds: ", end="")
    print("; ".join(f"{count} x {outcome}" for outcome, count in Counter(outcomes).items()))


def play_refresh(clients: list[Client]) -> str:
    answers = race(clients, refresh(log_in(clients[0])))
    winners = [answer for status, answer in answers if status == 200]
    children = {answer["refresh"] for answer in winners}
    living = sum(refresh(child)(clients[0])[0] == 200 for child in children)
    others = Counter(status for status, _ in answers if status != 200)
    return f"{len(winners)} answered 200, {len(children)} children, {living} live, others {dict(others)}"


def play_rotate(clients: list[Client]) -> str:
    _, answer = clients[0].post("/api-token-auth/", {"username": USER, "password": PASSWORD})
    header = {"Authorization": f"Token {answer['token']}"}
    answers = race(clients, lambda client: client.post("/api-token-auth/new/", **header))
    winners = [answer["token"] for status, answer in answers if status == 200]
    living = [clients[0].post("/api-token-auth/new/", Authorization=f"Token {key}")[0] == 200 for key in winners]
    others = Counter(status for status, _ in answers if status != 200)
    return f"{len(winners)} answered 200, {sum(living)} live, others {dict(others)}"


def test_ours_at_grace_0_has_one_winner(database_url):
    outcomes = rounds_of(database_url, play_refresh, JWT_REUSE_GRACE="0")
    report("jwt refresh, grace 0", outcomes)
    # The losers reused a spent token, which ends the login.
    assert set(outcomes) == {f"1 answered 200, 1 children, 0 live, others {{401: {CLIENTS - 1}}}"}


def test_ours_within_the_grace_has_one_child(database_url):
    outcomes = rounds_of(database_url, play_refresh, JWT_REUSE_GRACE="10s")
    report("jwt refresh, grace 10 s", outcomes)
    assert set(outcomes) == {f"{CLIENTS} answered 200, 1 children, 1 live, others {{}}"}


def test_ours_rotates_for_one_winner(database_url):
    outcomes = rounds_of(database_url, play_rotate)
    report("token rotate", outcomes)
    assert set(outcomes) == {f"1 answered 200, 1 live, others {{401: {CLIENTS - 1}}}"}


def test_stock_simplejwt_hands_out_several_living_chains(database_url):
    outcomes = rounds_of(database_url, play_refresh, AUTH_SCHEMES="drf-token,simplejwt")
    report("simplejwt refresh (stock)", outcomes)
    if database_url.startswith("postgresql"):
        assert any(not outcome.startswith("1 answered") for outcome in outcomes)


def test_stock_drf_has_no_rotation_to_race_for(database_url):
    with (
        servers.granian(DATABASE_URL=database_url, AUTH_SCHEMES="drf-token", **servers.QUICK) as base,
        Client(base.removeprefix("http://")) as client,
    ):
        assert client.post("/api-token-auth/new/")[0] == 404
