"""What `load` found: requests per second and response times of a real server."""

from dataclasses import dataclass
from typing import ClassVar

from benchmarks.results.records.common import Record
from benchmarks.stats.verdicts import Verdict


@dataclass(frozen=True, slots=True)
class RoundTrip:
    """Of one small question to the database; `asked_ms` None: directly."""

    asked_ms: float | None
    median_us: float
    adds_us: float | None


@dataclass(frozen=True, slots=True)
class Step:
    """Some seconds at one rate; None: as many as were answered, in a closed loop.

    `p50_us`, `p99_us`   from when a request was to be sent; `sent_p99_us` from when it was
    `late_p99_us`        by how much the generator itself was late
    `from_intended`, `from_sent` HdrHistograms of microseconds, in the encoding of that library (V2, base64)
    """

    offered_per_second: float | None
    per_second: float
    answered: int
    unanswered: int
    statuses: dict[str, int]
    p50_us: float
    p99_us: float
    sent_p99_us: float
    late_p99_us: float
    generator_share: float
    from_intended: str
    from_sent: str


@dataclass(frozen=True, slots=True)
class Series:
    """`server_share`: of its core, at saturation. `highest_per_second`: within the bound; None: none was."""

    saturation: Step
    server_share: float | None
    steps: tuple[Step, ...]
    highest_per_second: float | None


@dataclass(frozen=True, slots=True)
class Loaded:
    """`distance_ms`: how far the database is away; None: as near as it is."""

    name: str
    scheme: str
    server: str
    distance_ms: float | None
    turns: tuple[Series, ...]


@dataclass(frozen=True, slots=True)
class LoadPlan:
    url: str
    connections: int
    seconds: float
    bound_us: float


@dataclass(frozen=True, slots=True)
class Load(Record):
    """`ceiling_per_second`: what the generator sends at the most."""

    command: ClassVar[str] = "load"

    plan: LoadPlan
    contenders: tuple[Loaded, ...]
    ceiling_per_second: float
    verdict: Verdict
    round_trips: tuple[RoundTrip, ...] = ()

    def __post_init__(self):
        if not self.contenders or not self.contenders[0].turns:
            raise ValueError("contenders must not be empty, nor their turns")
        asked = {trip.asked_ms for trip in self.round_trips}
        for each in self.contenders:
            if len(each.turns) != len(self.contenders[0].turns):
                raise ValueError(f"{each.name!r} needs {len(self.contenders[0].turns)} turns, as many as the first has")
            if any(not step.offered_per_second for series in each.turns for step in series.steps):
                raise ValueError(f"{each.name!r}: a step at no rate")
            if each.distance_ms is not None and each.distance_ms not in asked:
                raise ValueError(f"no round trip of {each.distance_ms:g} ms, at which {each.name!r} is")
