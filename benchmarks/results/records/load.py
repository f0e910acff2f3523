"""What `load` found: requests per second and response times of a real server."""

from dataclasses import dataclass
from typing import ClassVar

from benchmarks.messages import RoundTrip, Stored
from benchmarks.results.records.measured import Measured


@dataclass(frozen=True, slots=True)
class Step:
    """Some seconds at one rate.

    `offered_per_second`  None: in a closed loop, as many as were answered
    `per_second`          requests answered within the time
    `unanswered`          requests without an answer when the grace was over
    `resent`              requests sent again, because the server had closed the connection
    `p50_us`, `p99_us`    from when a request was due
    `sent_p99_us`         from when it was sent, which hides a stall
    `late_p99_us`         delay of the generator itself, while a connection was free
    `generator_share`     share of its core that the generator used
    `from_intended`, `from_sent`  HdrHistograms of microseconds in their own encoding (V2, base64)
    """

    offered_per_second: float | None
    per_second: float
    answered: int
    unanswered: int
    statuses: dict[str, int]
    resent: int
    p50_us: float
    p99_us: float
    sent_p99_us: float
    late_p99_us: float
    generator_share: float
    from_intended: str
    from_sent: str

    def is_within(self, bound_us: float) -> bool:
        """Return whether the 99th percentile is within the bound, and every answer was 200."""
        return self.p99_us <= bound_us and not self.unanswered and set(self.statuses) == {"200"}


@dataclass(frozen=True, slots=True)
class Series:
    """One contender in one turn.

    `server_share`        share of its core that the server used at saturation; None: unknown
    `highest_per_second`  highest rate offered that stayed within the bound; None: no rate did
    """

    saturation: Step
    server_share: float | None
    steps: tuple[Step, ...]
    highest_per_second: float | None


@dataclass(frozen=True, slots=True)
class Loaded:
    """A contender.

    `distance_ms`  delay of the database's answers; None: none was added
    `again`        whether it is the A/A control, a second series of the stock contender
    """

    name: str
    scheme: str
    server: str
    distance_ms: float | None
    turns: tuple[Series, ...]
    again: bool = False


@dataclass(frozen=True, slots=True)
class LoadPlan:
    """What each contender must do.

    `connections`  kept connections that carry the requests
    `seconds`      duration of a step
    `bound_us`     the most that the 99th percentile may be
    """

    url: str
    connections: int
    seconds: float
    bound_us: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Load(Measured):
    """The result of `load`.

    `population`          users in the database besides the one who logs in
    `threads`             of the server
    `server_core`         the server's own core; None: it shared cores with the generator
    `ceiling_per_second`  the most requests that the generator sends
    `round_trips`         directly, and at each distance; empty: there were no distances
    """

    command: ClassVar[str] = "load"

    load_average_after: tuple[float, ...]
    population: int
    stored: Stored | None
    plan: LoadPlan
    threads: int
    server_core: int | None
    ceiling_per_second: float
    round_trips: tuple[RoundTrip, ...]
    contenders: tuple[Loaded, ...]

    def __post_init__(self) -> None:
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
