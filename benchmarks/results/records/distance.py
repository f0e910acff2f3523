"""What `distance` found: costs with the database farther away."""

from dataclasses import dataclass
from typing import ClassVar

from benchmarks.messages import RoundTrip
from benchmarks.results.records.measured import ByTurns
from benchmarks.stats.intervals import Interval
from benchmarks.stats.overhead import Table


@dataclass(frozen=True, slots=True)
class Away:
    """What schemes add if the database's answers come later by `distance_ms`."""

    distance_ms: float
    table: Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Distance(ByTurns):
    """The result of `distance`.

    `distances`    in ascending order
    `round_trips`  times of a query, directly and at each distance
    `waits`        scheme -> round trips to the database that its request waits for
    `controls`     distance -> anonymous's request there minus that at the nearest
    """

    command: ClassVar[str] = "distance"

    distances: tuple[Away, ...]
    round_trips: tuple[RoundTrip, ...]
    waits: dict[str, Interval]
    controls: dict[str, Interval]
    control_level: float

    def __post_init__(self) -> None:
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
