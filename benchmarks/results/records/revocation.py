"""What `revocation` found: when a credential stops working."""

from dataclasses import dataclass
from typing import Any, ClassVar

from benchmarks.results.records.common import Record
from benchmarks.stats.search import End as End  # part of this record


@dataclass(frozen=True, slots=True)
class Event:
    """An event that may end credentials. `how`: what is done."""

    name: str
    how: str


@dataclass(frozen=True, slots=True)
class Cell(End):
    """The end of a credential after one event.

    `how`      what was done, if that depends on the scheme; else empty
    `refresh`  the end of the refresh token; None: there is none
    """

    how: str = ""
    refresh: End | None = None

    @classmethod
    def of(cls, end: End, refresh: End | None = None, how: str = "") -> "Cell":
        """Return the cell with the end of a credential, and with that of its refresh token."""
        return cls(end.kind, end.seconds, end.status, how, refresh)


@dataclass(frozen=True, slots=True)
class Ends:
    """When the credentials of one scheme end: by themselves, and after each event.

    `access_seconds`   lifetime without any event; None: no end before the last moment asked about
    `refresh_seconds`  the same for the refresh token; None also: there is none
    """

    scheme: str
    access_seconds: int | None
    refresh_seconds: int | None
    cells: dict[str, Cell]


@dataclass(frozen=True, slots=True)
class Delay:
    """When a credential ends in another process than the one in which the event happened.

    `alone`           without Valkey
    `alone_ms`        without Valkey, from the event to the first refusal, in each trial; empty: the
                      database does not tell the other process of it, and `alone` is by the clock
    `with_valkey_ms`  the same with Valkey; empty: not measured
    """

    scheme: str
    event: str
    alone: End
    with_valkey_ms: tuple[float, ...] = ()
    alone_ms: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Revocation(Record):
    """The result of `revocation`.

    `asked_until_seconds`  after the event, the last moment asked about
    `elsewhere`            the schemes that answer from memory, in another process
    """

    command: ClassVar[str] = "revocation"

    seconds: float
    service: dict[str, Any]
    asked_until_seconds: int
    events: tuple[Event, ...]
    rows: tuple[Ends, ...]
    elsewhere: tuple[Delay, ...] = ()
