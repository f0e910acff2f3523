"""What `scale` found: costs at several populations."""

from dataclasses import dataclass
from typing import ClassVar

from benchmarks.messages import Stored
from benchmarks.results.records.common import Record
from benchmarks.stats.intervals import Interval
from benchmarks.stats.overhead import Table
from benchmarks.stats.verdicts import Outcome, Verdict


@dataclass(frozen=True, slots=True)
class Upkeep:
    """`flows_us` without the password's hash: scheme -> flow -> time; `flush_us`: command -> for each expired login;
    `bytes_per_login`: scheme -> bytes on disk for each user.
    """

    flows_us: dict[str, dict[str, Interval]]
    flush_us: dict[str, Interval]
    bytes_per_login: dict[str, float]


@dataclass(frozen=True, slots=True)
class Size:
    """What schemes add beside so many other users, as `overhead` has it, and what their logins take."""

    population: int
    stored: Stored
    table: Table
    upkeep: Upkeep | None = None


@dataclass(frozen=True, slots=True)
class Growth:
    """`difference`, `ratio`: to what the scheme adds beside the fewest. `verdict`: what it is, compared with that."""

    scheme: str
    population: int
    adds: Interval
    difference: Interval
    ratio: Interval | None
    verdict: Outcome


@dataclass(frozen=True, slots=True)
class Scale(Record):
    """`controls`: population -> by how much anonymous's request differs from that beside the fewest; `refreshes`: of
    each login.
    """

    command: ClassVar[str] = "scale"

    sizes: tuple[Size, ...]
    changes: tuple[Growth, ...]
    controls: dict[str, Interval]
    control_level: float
    margin_us: float
    verdict: Verdict
    refreshes: int = 1

    def __post_init__(self):
        if not self.sizes:
            raise ValueError("sizes must not be empty")
