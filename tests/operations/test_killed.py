"""The service is killed in the middle of a rotation, a refresh or a logout."""

import itertools
from collections.abc import Callable, Iterator

import pytest

from tests.support.faults import CLIENTS, NAME, OWN, RUNS, Opaque, Pair
from tests.support.mortal import Service, call

pytestmark = pytest.mark.django_db  # the tests need only its tables, which are copied
rows = pytest.mark.parametrize("scheme", OWN, ids=NAME)


def logins(
    service: Service, client: Opaque | Pair, users: Iterator[str], times: int, first: Callable[[list[str]], None]
) -> Iterator[tuple[str, list[str]]]:
    """Yield a new user, logged in `times` times, and the credentials, as often as needed.

    It calls `first` with the names of the next users before they log in.
    """
    while True:
        names = list(itertools.islice(users, 12))
        first(names)
        answers = service.ask(*(client.log_in(name) for name in names for _ in range(times)))
        assert {answer.status for answer in answers} == {200}, answers
        credentials = map(client.credential, answers)
        for name in names:
            yield name, list(itertools.islice(credentials, times))


# --- the server is killed -------------------------------------------------------------------------


def killed(
    service: Service,
    client: Opaque | Pair,
    users: Iterator[str],
    ask: Callable[..., dict],
    times: int = 1,
    first: Callable[[list[str]], None] = lambda names: None,
):
    """Serve the request `ask(*credentials)` and kill the process, once at each step.

    Yield (life, user's name, credentials) for each. The last step is the one before the response is
    sent: the work is done, and the client does not know. Short runs kill at every other step only,
    because the database is the same after a statement as before the next.
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
        assert login.status == 200  # a client that missed its new token can log in again
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
