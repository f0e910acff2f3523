"""What a report shows of each command's result: the shapes that benchmarks/shapes.py reads them by.

Times are in microseconds unless a name says otherwise.
"""

from dataclasses import dataclass, field
from typing import Any, Literal

from benchmarks.intervals import Interval

# --- every result ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Verdict:
    conclusive: bool
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Environment:
    python: str
    processor: str
    cores: int | None
    kernel: str
    packages: dict[str, str]
    load_average: tuple[float, ...] = ()
    commit: str | None = None
    uncommitted_changes: bool = False


@dataclass(frozen=True, slots=True)
class Head:
    date: str
    environment: Environment
    command_line: tuple[str, ...] = ()
    service: dict[str, Any] = field(default_factory=dict)


# --- overhead -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Facts:
    sql_statements: int
    header_bytes: int
    response_bytes: int


@dataclass(frozen=True, slots=True)
class Row:
    name: str
    overhead: Interval
    request: float
    facts: Facts
    reference: str | None = None
    ratio: Interval | None = None


@dataclass(frozen=True, slots=True)
class Contest:
    """`difference` is `second` minus `first`; `verdict` is on `first`."""

    first: str
    second: str
    difference: Interval
    verdict: Literal["faster", "slower", "equivalent", "inconclusive"]

    def reversed(self) -> "Contest":
        minus = Interval(-self.difference.estimate, -self.difference.high, -self.difference.low)
        other = {"faster": "slower", "slower": "faster"}.get(self.verdict, self.verdict)
        return Contest(self.second, self.first, minus, other)


@dataclass(frozen=True, slots=True)
class Table:
    url: str
    rounds: int
    anonymous: Row
    rows: tuple[Row, ...]
    control: Interval
    control_level: float
    contests: tuple[Contest, ...] = ()
    switching: Interval | None = None


@dataclass(frozen=True, slots=True)
class Contender:
    name: str
    is_stock: bool = False
    summary: str = ""


@dataclass(frozen=True, slots=True)
class Overhead:
    tables: tuple[Table, ...]
    verdict: Verdict
    answer: str
    contenders: tuple[Contender, ...] = ()
    plan: dict[str, Any] = field(default_factory=dict)
    steal: float | None = None
    seconds: float | None = None


# --- revocation -----------------------------------------------------------------------------------

Kind = Literal["at once", "within", "at access expiry", "never", "-"]


@dataclass(frozen=True, slots=True)
class Event:
    name: str
    how: str = ""


@dataclass(frozen=True, slots=True)
class End:
    """When a token stops to work; `seconds` for "within"."""

    kind: Kind
    seconds: float | None = None

    def __post_init__(self):
        if self.kind == "within" and self.seconds is None:
            raise ValueError("within how many seconds?")


@dataclass(frozen=True, slots=True)
class Cell(End):
    """When the credential stops to work, and the refresh token, where there is one."""

    refresh: End | None = None


@dataclass(frozen=True, slots=True)
class Life:
    """`access_seconds`: the life of an access token, None where the credential has no end of its own."""

    scheme: str
    cells: dict[str, Cell]
    access_seconds: float | None = None

    def __post_init__(self):
        ends = [end for cell in self.cells.values() for end in (cell, cell.refresh) if end is not None]
        if self.access_seconds is None and any(end.kind == "at access expiry" for end in ends):
            raise ValueError("at access expiry, but access_seconds is not given")


@dataclass(frozen=True, slots=True)
class Revocation:
    events: tuple[Event, ...]
    rows: tuple[Life, ...]
    verdict: Verdict | None = None


# --- flows ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Flow:
    scheme: str
    flow: str
    time_us: Interval
    statements: int | None = None
    rows_written: int | None = None
    bytes_written: int | None = None


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
        if any(requests <= 0 for requests in self.requests):
            raise ValueError("requests must be above 0")


@dataclass(frozen=True, slots=True)
class Crossing:
    first: str
    second: str
    requests: float
    cheaper_below: str
    cheaper_above: str


@dataclass(frozen=True, slots=True)
class Flows:
    flows: tuple[Flow, ...]
    curve: Curve
    crossings: tuple[Crossing, ...] = ()
    lifetimes_seconds: dict[str, float | None] = field(default_factory=dict)
    password_hash: dict[str, Any] = field(default_factory=dict)
    verdict: Verdict | None = None


# --- ladder, instructions -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Rung:
    name: str
    adds: Interval


@dataclass(frozen=True, slots=True)
class OneLadder:
    """`rest` is what the `whole` takes beyond the `sum` of its rungs."""

    scheme: str
    url: str
    rungs: tuple[Rung, ...]
    whole: Interval
    sum: Interval
    rest: Interval
    adds_up: bool
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ladder:
    ladders: tuple[OneLadder, ...]
    verdict: Verdict | None = None


@dataclass(frozen=True, slots=True)
class Counted:
    scheme: str
    instructions_per_request: float
    over_anonymous: float


@dataclass(frozen=True, slots=True)
class Instructions:
    rows: tuple[Counted, ...]
    valgrind: str = ""


KINDS = {
    "overhead": Overhead,
    "revocation": Revocation,
    "flows": Flows,
    "ladder": Ladder,
    "instructions": Instructions,
}
