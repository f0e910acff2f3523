"""What each command's result holds, as far as others read it: the report, and docs/reference/results.schema.json.

Times are in microseconds unless a name says otherwise.
"""

from dataclasses import dataclass, field
from typing import Any, Literal

from benchmarks.stats.intervals import Interval

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


@dataclass(frozen=True, slots=True)
class StoredTable:
    """Bytes on disk; None: the database does not tell them apart."""

    table: str
    rows: int
    table_bytes: int | None
    index_bytes: int | None


@dataclass(frozen=True, slots=True)
class Stored:
    tables: tuple[StoredTable, ...]
    database_bytes: int
    seconds: float


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


Outcome = Literal["faster", "slower", "equivalent", "inconclusive"]


@dataclass(frozen=True, slots=True)
class Contest:
    """`difference` is `second` minus `first`; `verdict` is on `first`."""

    first: str
    second: str
    difference: Interval
    verdict: Outcome

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
    margin_us: float | None = None
    switching: Interval | None = None


@dataclass(frozen=True, slots=True)
class Contender:
    name: str
    is_stock: bool = False
    summary: str = ""


@dataclass(frozen=True, slots=True)
class Overhead:
    """`tables`: one at least."""

    tables: tuple[Table, ...]
    verdict: Verdict
    answer: str
    contenders: tuple[Contender, ...] = ()
    plan: dict[str, Any] = field(default_factory=dict)
    steal: float | None = None
    stored: Stored | None = None

    def __post_init__(self):
        if not self.tables:
            raise ValueError("tables must not be empty")


# --- wire -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Beside:
    """What a contender adds in process and over the wire, of anonymous the whole request; `difference`: wire minus
    in process. `verdict`: what it is in process, compared with the wire.
    """

    url: str
    name: str
    in_process: Interval
    wire: Interval
    difference: Interval
    verdict: Outcome


@dataclass(frozen=True, slots=True)
class Wire(Overhead):
    """`tables` are of the wire. `unlike`: where the run beside it is of something else, and hardly comparable."""

    beside: tuple[Beside, ...] = field(kw_only=True)
    unlike: tuple[str, ...] = field(default=(), kw_only=True)


# --- revocation -----------------------------------------------------------------------------------

Kind = Literal["at once", "within", "at access expiry", "at refresh expiry", "never", "-"]


@dataclass(frozen=True, slots=True)
class Event:
    name: str
    how: str = ""


@dataclass(frozen=True, slots=True)
class End:
    """When a token stops to work after an event; "-": there is no such event.

    `seconds`  from the event; of an expiry it may be left out
    `status`   of the refusal
    """

    kind: Kind
    seconds: float | None = None
    status: int | None = None

    def __post_init__(self):
        if self.kind == "within" and self.seconds is None:
            raise ValueError("within how many seconds?")


@dataclass(frozen=True, slots=True)
class Cell(End):
    """The End of the credential, and that of the refresh token where there is one. `how` is for this scheme."""

    refresh: End | None = None
    how: str = ""


@dataclass(frozen=True, slots=True)
class Life:
    """How long the tokens of a scheme live without any event; None: for ever, or there is none."""

    scheme: str
    cells: dict[str, Cell]
    access_seconds: float | None = None
    refresh_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Delay:
    """In another process than the one in which it happened; `alone` without Valkey, the others measured with it."""

    scheme: str
    event: str
    alone: End
    with_valkey_ms: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Revocation:
    """`elsewhere` has the schemes that answer from memory."""

    events: tuple[Event, ...]
    rows: tuple[Life, ...]
    elsewhere: tuple[Delay, ...] = ()
    verdict: Verdict | None = None


# --- flows ----------------------------------------------------------------------------------------


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
class Flows:
    """`requests_us`: what authentication adds to a request; of all requests, `anonymous_us` and `request_statements`
    (scheme, or anonymous) tell of GET /whoami/.
    """

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


# --- ladder, instructions -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Rung:
    """`adds` to the rung below it; statements and signature checks are of the whole request up to here."""

    name: str
    adds: Interval
    sql_statements: int | None = None
    signature_checks: int | None = None


@dataclass(frozen=True, slots=True)
class Whole:
    """What the untouched class adds to anonymous, timed apart from any rungs."""

    scheme: str
    url: str
    whole: Interval
    facts: dict[str, Any] = field(default_factory=dict, kw_only=True)


@dataclass(frozen=True, slots=True)
class OneLadder(Whole):
    """`rest` is what the whole takes beyond the `sum` of the rungs."""

    rungs: tuple[Rung, ...]
    sum: Interval
    rest: Interval
    adds_up: bool


@dataclass(frozen=True, slots=True)
class Ladder:
    """`without_steps`: of the classes that do not tell their steps."""

    ladders: tuple[OneLadder, ...]
    without_steps: tuple[Whole, ...] = ()
    verdict: Verdict | None = None


@dataclass(frozen=True, slots=True)
class Counted:
    scheme: str
    instructions_per_request: float
    over_anonymous: float


@dataclass(frozen=True, slots=True)
class Instructions:
    """`valgrind`: its version; None: it is not installed, and nothing was counted."""

    rows: tuple[Counted, ...]
    valgrind: str | None
    url: str = ""


# --- compare --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Change:
    """`difference`: after minus before. `verdict`: what it was before, compared with now."""

    url: str
    name: str
    before: Interval
    after: Interval
    difference: Interval
    verdict: Outcome


@dataclass(frozen=True, slots=True)
class Run:
    file: str
    date: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """`unlike`, `versions`: what else is different, and what may be the cause; `inconclusive`: of the two runs."""

    before: Run
    after: Run
    changes: tuple[Change, ...]
    margin_us: float
    unlike: tuple[str, ...] = ()
    versions: tuple[str, ...] = ()
    inconclusive: tuple[str, ...] = ()

    @property
    def verdict(self) -> Verdict:
        reasons = (*self.inconclusive, *(f"unlike environments: {line}" for line in self.unlike))
        return Verdict(not reasons, reasons)


# --- scale, versus --------------------------------------------------------------------------------


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
class Scale:
    """`controls`: population -> by how much anonymous's request differs from that beside the fewest; `refreshes`: of
    each login.
    """

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


@dataclass(frozen=True, slots=True)
class Revision:
    name: str
    commit: str


@dataclass(frozen=True, slots=True)
class Versus:
    """`before`: a request of the service at the revision; `after`: of this checkout's. `ratio`: after to before.

    `now`      what the checkout is, compared with the revision
    `control`  this checkout's copy minus this checkout
    `unlike`   where their bodies part; empty: they are the same
    """

    revision: Revision
    url: str
    contender: str
    before: Interval
    after: Interval
    difference: Interval
    ratio: Interval | None
    now: Outcome
    control: Interval
    facts: dict[str, Facts]
    margin_us: float
    verdict: Verdict
    unlike: str = ""


# --- plan -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Crowd:
    """The population that is planned for.

    `refreshes_per_user_per_day`  of a scheme that refreshes
    `peak`                        the busiest hour's rate to the mean
    `utilisation`                 which part of their time the cores work at the peak: above 0, at most 1
    """

    users: float
    requests_per_user_per_day: float
    logins_per_user_per_day: float
    active_minutes_per_day: float
    access_lifetime_seconds: float
    peak: float
    utilisation: float
    database_rtt_ms: float
    refreshes_per_user_per_day: float


@dataclass(frozen=True, slots=True)
class Planned:
    """What one scheme takes; cores, statements, rows and connections at the peak. None: not measured.

    `cores`, `connections_busy`  without the password's hash
    `rows_per_day`               by table: inserted less deleted
    `bytes_per_day`              of those tables and their indexes
    `latency_ms`                 a request, a login, a refresh: what the way to the database adds
    `revoked`                    when nothing is answered any more after the worst event; `revoked_seconds` None: never
    """

    scheme: str
    cores: Interval
    statements_per_second: float
    rows_written_per_second: float | None
    connections_busy: Interval
    latency_ms: dict[str, float]
    rows_per_day: dict[str, float] | None = None
    bytes_per_day: float | None = None
    revoked: str | None = None
    revoked_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """`service_cores`: of the requests without authentication; `hash_cores`: of the passwords. `formulae`: with the
    numbers of one scheme; `remarks`: what must be known to read it.
    """

    crowd: Crowd
    url: str
    service_cores: float
    hash_cores: Interval | None
    schemes: tuple[Planned, ...]
    bytes_per_row: dict[str, float]
    formulae: tuple[str, ...]
    remarks: tuple[str, ...]
    verdict: Verdict


# --- load, distance ------------------------------------------------------------------------------


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
class Load:
    """`ceiling_per_second`: what the generator sends at the most."""

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


@dataclass(frozen=True, slots=True)
class Away:
    """What schemes add where the database is so far away, as `overhead` has it."""

    distance_ms: float
    table: Table


@dataclass(frozen=True, slots=True)
class Distance:
    """`round_trips`: of a question. `waits`: scheme -> how many of them its request waits for more than anonymous's."""

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


# What a report shows.
KINDS = {
    "overhead": Overhead,
    "revocation": Revocation,
    "flows": Flows,
    "ladder": Ladder,
    "instructions": Instructions,
    "load": Load,
    "distance": Distance,
    "scale": Scale,
    "plan": Plan,
    "compare": Comparison,
}

# Every kind that is read, or described in the schema.
RESULTS = {**KINDS, "versus": Versus, "wire": Wire}
