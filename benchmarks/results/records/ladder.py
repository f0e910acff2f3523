"""What `ladder` found: the cost of each step of a scheme."""

from dataclasses import dataclass
from typing import Any, ClassVar

from benchmarks.messages import Stored
from benchmarks.results.records.common import Record
from benchmarks.stats.intervals import Interval
from benchmarks.stats.verdicts import Verdict


@dataclass(frozen=True, slots=True)
class Counts:
    """What is counted for one request.

    `sql_us`            time within the cursor's execute(), 25th percentile over requests that are
                        timed for nothing else
    `header_bytes`      the line that carries the credential with its CR LF (HTTP/1.1)
    `signature_checks`  by PyJWT
    """

    sql_statements: int
    sql_us: float
    header_bytes: int
    signature_checks: int


@dataclass(frozen=True, slots=True)
class Climb:
    """What one process found for one scheme.

    `rungs`          from the lowest to the highest; empty for a class that does not show its steps
    `counts`         for anonymous, each rung and the whole
    `round_seconds`  how long a round takes here
    `waited`         as in messages.Sample
    `p25_ns`         anonymous, each rung and the whole -> 25th percentile of its blocks
    """

    scheme: str
    rungs: list[str]
    counts: dict[str, Counts]
    round_seconds: float
    p25_ns: dict[str, list[float]]
    waited: float = 0.0

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "Climb":
        """Return the climb that a worker sent."""
        return cls(**{**data, "counts": {rung: Counts(**counts) for rung, counts in data["counts"].items()}})


@dataclass(frozen=True, slots=True)
class Rung:
    """A step. `adds`: on top of the rung below; the counts are for the whole request up to here."""

    name: str
    adds: Interval
    sql_statements: int
    signature_checks: int


@dataclass(frozen=True, slots=True)
class Whole:
    """What an untouched class adds to anonymous's `request` at one URL, timed without rungs."""

    scheme: str
    url: str
    rounds: int
    request: float
    whole: Interval
    facts: Counts


@dataclass(frozen=True, slots=True)
class OneLadder(Whole):
    """One scheme's ladder.

    `rest`     the whole minus the sum of the rungs, an interval at `rest_level`
    `why_not`  why the rungs do not add up to the whole; empty: they do
    """

    rungs: tuple[Rung, ...]
    sum: Interval
    rest: Interval
    rest_level: float
    adds_up: bool
    why_not: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ladder(Record):
    """The result of `ladder`.

    `without_steps`  the classes that do not show their steps
    `waited`         share of their time that the processes waited for a processor, 0 to 1
    `processes`      scheme -> climb, for each process
    """

    command: ClassVar[str] = "ladder"

    seconds: float
    service: dict[str, Any]
    steal: float | None
    waited: float | None = None
    population: int = 0
    stored: Stored | None = None
    plan: dict[str, Any]
    ladders: tuple[OneLadder, ...]
    without_steps: tuple[Whole, ...]
    verdict: Verdict
    processes: tuple[dict[str, Climb], ...]
