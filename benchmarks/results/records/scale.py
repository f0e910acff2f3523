"""What `scale` found: costs at several populations."""

from dataclasses import dataclass
from typing import ClassVar

from benchmarks.messages import Stored
from benchmarks.results.records.measured import ByTurns
from benchmarks.stats.intervals import Interval
from benchmarks.stats.overhead import Table
from benchmarks.stats.verdicts import Outcome


@dataclass(frozen=True, slots=True)
class LoginCosts:
    """What logins cost with one number of other users.

    `flows_us`         scheme -> flow -> time without the password's hash
    `flush_us`         clean-up command -> time for each expired login
    `bytes_per_login`  scheme -> bytes on disk, indexes included, for each user
    """

    flows_us: dict[str, dict[str, Interval]]
    flush_us: dict[str, Interval]
    bytes_per_login: dict[str, float]


@dataclass(frozen=True, slots=True)
class Size:
    """What schemes add with one number of other users, and what logins cost; None: not timed."""

    population: int
    stored: Stored
    table: Table
    upkeep: LoginCosts | None


@dataclass(frozen=True, slots=True)
class Growth:
    """What a scheme adds with a population, compared with what it adds with the smallest one.

    `verdict`  on the scheme with this population; the verdicts of a run hold together (Holm)
    """

    scheme: str
    population: int
    adds: Interval
    difference: Interval
    ratio: Interval | None
    verdict: Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale(ByTurns):
    """The result of `scale`.

    `refreshes`  of each login
    `tracks`     whether each user has a track
    `sizes`      in ascending order
    `controls`   population -> anonymous's request with it minus that with the smallest
    """

    command: ClassVar[str] = "scale"

    refreshes: int
    tracks: bool
    sizes: tuple[Size, ...]
    changes: tuple[Growth, ...]
    margin_us: float
    controls: dict[str, Interval]
    control_level: float

    def __post_init__(self) -> None:
        if not self.sizes:
            raise ValueError("sizes must not be empty")
