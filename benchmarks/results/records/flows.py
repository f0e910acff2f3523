"""What `flows` found: the cost of logging in, refreshing and logging out."""

from dataclasses import dataclass, field
from typing import ClassVar

from benchmarks.messages import Stored
from benchmarks.results.records.common import Record
from benchmarks.stats.intervals import Interval
from benchmarks.stats.verdicts import Verdict


@dataclass(frozen=True, slots=True)
class Gain:
    """Rows of one table."""

    inserted: int
    deleted: int


@dataclass(frozen=True, slots=True)
class Flow:
    """`tables`: those that grow or shrink by one call; None: not counted."""

    scheme: str
    flow: str
    time_us: Interval
    besides_hash_us: Interval | None = None
    statements: int | None = None
    rows_written: int | None = None
    bytes_written: int | None = None
    tables: dict[str, Gain] | None = None


@dataclass(frozen=True, slots=True)
class Costs:
    """One figure for each of the curve's `requests`."""

    cost_us: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Curve:
    requests: tuple[float, ...]
    schemes: dict[str, Costs]

    def __post_init__(self):
        for name, costs in self.schemes.items():
            if {len(costs.cost_us), len(costs.low), len(costs.high)} != {len(self.requests)}:
                raise ValueError(f"{name!r} needs {len(self.requests)} figures, as many as there are requests")
        if not self.requests or min(self.requests) <= 0 or list(self.requests) != sorted(self.requests):
            raise ValueError("requests must be above 0 and in ascending order, one at least")
        if not self.schemes:
            raise ValueError("a curve of no scheme")


@dataclass(frozen=True, slots=True)
class Crossing:
    """At `requests`, with an interval where it is known, both cost the same."""

    first: str
    second: str
    requests: float
    cheaper_below: str
    cheaper_above: str
    low: float | None = None
    high: float | None = None

    def __post_init__(self):
        if self.requests <= 0:
            raise ValueError(f"{self.requests:g} requests")


@dataclass(frozen=True, slots=True)
class PasswordHash:
    """`time_us`: what it takes to check one password."""

    algorithm: str
    time_us: Interval
    iterations: int | None = None


@dataclass(frozen=True, slots=True)
class Flows(Record):
    """`requests_us`: what authentication adds to a request; of all requests, `anonymous_us` and `request_statements`
    (scheme, or anonymous) tell of GET /whoami/.
    """

    command: ClassVar[str] = "flows"

    flows: tuple[Flow, ...]
    curve: Curve
    crossings: tuple[Crossing, ...] = ()
    lifetimes_seconds: dict[str, float | None] = field(default_factory=dict)
    password_hash: PasswordHash | None = None
    verdict: Verdict | None = None
    requests_us: dict[str, Interval] = field(default_factory=dict)
    anonymous_us: float | None = None
    request_statements: dict[str, int] = field(default_factory=dict)
    stored: Stored | None = None

    def __post_init__(self):
        for crossing in self.crossings:
            for name in (crossing.first, crossing.second):
                if name not in self.curve.schemes:
                    raise ValueError(f"a crossing of {name!r}, which has no curve")
