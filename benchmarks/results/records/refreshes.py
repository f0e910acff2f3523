"""What `refreshes` found: what one refresh writes, and what ends a login."""

from dataclasses import dataclass, field
from typing import Any, ClassVar

from benchmarks.results.records.common import Record
from benchmarks.results.records.revocation import Cell, Event


@dataclass(frozen=True, slots=True)
class RowsWritten:
    """The rows that one refresh inserts into a table, updates and deletes."""

    inserted: int
    updated: int
    deleted: int


@dataclass(frozen=True, slots=True)
class Written:
    """What one refresh writes.

    `statements`     without BEGIN and COMMIT
    `tables`         the written ones by name
    `bytes_written`  growth of the write-ahead log, the least of several refreshes
    `bytes_kept`     growth of all tables and indexes, packed, for each of many refreshes
    """

    statements: int
    tables: dict[str, RowsWritten]
    bytes_written: int
    bytes_kept: float


@dataclass(frozen=True, slots=True)
class Library:
    """A library in one setup.

    `package`          the distribution; empty: this project
    `settings`         what differs from the library's defaults
    `access_seconds`   lifetime without any event; None: no end before the last moment asked about
    `refresh_seconds`  the same for the refresh token; None also: there is none
    `cells`            event -> when both tokens end
    """

    name: str
    package: str
    version: str
    settings: str
    written: Written
    access_seconds: int | None
    refresh_seconds: int | None
    cells: dict[str, Cell]


@dataclass(frozen=True, slots=True, kw_only=True)
class Refreshes(Record):
    """The result of `refreshes`.

    `refreshes`            of one login, after which the kept bytes were measured
    `asked_until_seconds`  after the event, the last moment asked about
    `absent`               setup -> the package that was not installed
    """

    command: ClassVar[str] = "refreshes"

    seconds: float
    service: dict[str, Any]
    refreshes: int
    asked_until_seconds: int
    events: tuple[Event, ...]
    libraries: tuple[Library, ...]
    absent: dict[str, str] = field(default_factory=dict)
