"""What `distance` found: costs with the database farther away."""

from dataclasses import dataclass
from typing import ClassVar

from benchmarks.results.records.common import Record
from benchmarks.results.records.load import RoundTrip
from benchmarks.stats.intervals import Interval
from benchmarks.stats.overhead import Table
from benchmarks.stats.verdicts import Verdict


@dataclass(frozen=True, slots=True)
class Away:
    """What schemes add where the database is so far away, as `overhead` has it."""

    distance_ms: float
    table: Table


@dataclass(frozen=True, slots=True)
class Distance(Record):
    """`round_trips`: of a question. `waits`: scheme -> how many of them its request waits for more than anonymous's."""

    command: ClassVar[str] = "distance"

    distances: tuple[Away, ...]
    round_trips: tuple[RoundTrip, ...]
    waits: dict[str, Interval]
    controls: dict[str, Interval]
    control_level: float
    verdict: Verdict

    def __post_init__(self):
        if not self.distances or not self.distances[0].table.rows:
            raise ValueError("distances must not be empty, nor their rows")
        names = [row.name for row in self.distances[0].table.rows]
        asked = {trip.asked_ms for trip in self.round_trips}
        for away in self.distances:
            if away.distance_ms not in asked:
                raise ValueError(f"no round trip of {away.distance_ms:g} ms")
            if [row.name for row in away.table.rows] != names:
                raise ValueError(f"other schemes at {away.distance_ms:g} ms than at the first distance")
        if set(self.waits) != set(names):
            raise ValueError(f"waits must be of the schemes: {', '.join(names)}")
