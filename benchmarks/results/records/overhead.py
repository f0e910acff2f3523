"""What `overhead` found: the cost that each scheme adds to a request."""

from dataclasses import dataclass
from typing import Any, ClassVar

from benchmarks.messages import Blocks, Entry, Stored
from benchmarks.results.records.common import Record
from benchmarks.stats.overhead import Table
from benchmarks.stats.verdicts import Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Tabulated(Record):
    """The fields that `overhead` and `wire` share.

    `service`             versions, database, connection policy and switches of the service
    `steal`               share of the processors' time that the hypervisor took; None: unknown
    `waited`              share of their time that the processes waited for a processor
    `disturbed`           share of blocks during which other programs had the processor, even when
                          they were timed again; None: it cannot be told
    `population`          users in the database besides the one who is timed
    `widest_us`           half-width of the widest interval
    `tables`              one for each URL, at least one
    """

    seconds: float
    service: dict[str, Any]
    steal: float | None
    waited: float | None = None
    disturbed: float | None = None
    load_average_after: tuple[float, ...]
    population: int = 0
    stored: Stored | None = None
    plan: dict[str, Any]
    widest_us: float
    tables: tuple[Table, ...]
    verdict: Verdict
    answer: str
    contenders: tuple[Entry, ...]

    def __post_init__(self) -> None:
        if not self.tables:
            raise ValueError("tables must not be empty")


@dataclass(frozen=True, slots=True)
class Process:
    """One fresh process: PYTHONHASHSEED, the seed of its orders, and its blocks by URL."""

    hash_seed: int
    seed: int
    warm_up: dict[str, int]
    blocks: dict[str, Blocks]


@dataclass(frozen=True, slots=True, kw_only=True)
class Overhead(Tabulated):
    """The result of `overhead`."""

    command: ClassVar[str] = "overhead"

    processes: tuple[Process, ...]
