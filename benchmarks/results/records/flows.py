"""What `flows` found: the cost of logging in, refreshing and logging out."""

from dataclasses import dataclass, field
from typing import Any, ClassVar

from benchmarks.messages import Stored
from benchmarks.results.records.measured import Measured
from benchmarks.stats.intervals import Interval


@dataclass(frozen=True, slots=True)
class Growth:
    """The rows that one call inserts into a table, and deletes from it."""

    inserted: int
    deleted: int


@dataclass(frozen=True, slots=True)
class Flow:
    """The cost of one flow of a scheme.

    `besides_hash_us`  time without the password's hash; None: the flow takes no password
    `tables`           tables that grow or shrink by one call; None: not counted
    `fsyncs`           how often the call forced the write-ahead log to the disk; None: not counted
    `reference`        the stock scheme of the same keyword that has this flow; None: there is none
    `ratio`            its time, without the hash, to that of `reference`; None: it is that one
    `to_body`          by cookie: its time, without the hash, to that of the same flow with the
                       refresh token in the body; None: it is no such flow
    """

    scheme: str
    flow: str
    time_us: Interval
    besides_hash_us: Interval | None
    statements: int
    rows_written: int
    bytes_written: int
    tables: dict[str, Growth] | None
    fsyncs: int | None = None
    reference: str | None = None
    ratio: Interval | None = None
    to_body: Interval | None = None


@dataclass(frozen=True, slots=True)
class Costs:
    """A scheme's cost of one request, one figure for each of the curve's `requests`."""

    cost_us: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Curve:
    """The cost of a request by the number of requests per access lifetime."""

    requests: tuple[float, ...]
    schemes: dict[str, Costs]

    def __post_init__(self) -> None:
        for name, costs in self.schemes.items():
            if {len(costs.cost_us), len(costs.low), len(costs.high)} != {len(self.requests)}:
                raise ValueError(f"{name!r} needs {len(self.requests)} figures, as many as there are requests")
        if not self.requests or min(self.requests) <= 0 or list(self.requests) != sorted(self.requests):
            raise ValueError("requests must be above 0 and in ascending order, one at least")
        if not self.schemes:
            raise ValueError("a curve of no scheme")


@dataclass(frozen=True, slots=True)
class Crossing:
    """The number of requests, with its interval, at which two schemes cost the same."""

    first: str
    second: str
    requests: float
    low: float | None
    high: float | None
    cheaper_below: str
    cheaper_above: str

    def __post_init__(self) -> None:
        if self.requests <= 0:
            raise ValueError(f"{self.requests:g} requests")


@dataclass(frozen=True, slots=True)
class Uncrossed:
    """Two schemes whose curves do not cross, or not certainly.

    `cheaper_below`  the cheaper one at one request; None: no difference is shown
    `cheaper_above`  the cheaper one with many requests; None: no difference is shown
    """

    first: str
    second: str
    cheaper_below: str | None
    cheaper_above: str | None
    requests: None = None


@dataclass(frozen=True, slots=True)
class PasswordHash:
    """The service's password hasher. `time_us`: to check one password."""

    algorithm: str
    iterations: int | None
    time_us: Interval


@dataclass(frozen=True, slots=True)
class Hasher:
    """A password hasher, and what a login would cost with it.

    `iterations`  None: the hasher has no such number
    `default_of`  the release of Django whose default it is; empty: of none
    `time_us`     to make one hash, or to check one password
    `is_own`      whether it is the service's own
    `ratio`       to the service's own; None: it is that one, or the interval has no bounds
    `renewal_us`  hashing at a user's first login after the change to it: the old hash is checked
                  and a new one made; None: it is the service's own
    `logins_us`   scheme -> a login of a user without a credential
    """

    algorithm: str
    iterations: int | None
    default_of: str
    is_own: bool
    time_us: Interval
    ratio: Interval | None
    renewal_us: Interval | None
    logins_us: dict[str, Interval]


@dataclass(frozen=True, slots=True)
class FlowProcess:
    """One fresh process: PYTHONHASHSEED, the seed of its orders, and its times, one for each round.

    `request_ns`        contender -> 25th percentile of a block of requests
    `flow_ns`           scheme -> flow -> 25th percentile of a block of calls
    `password_hash_ns`  to verify one password
    `hashers_ns`        to make one hash, for each of the result's `hashers`
    """

    hash_seed: int
    seed: int
    request_ns: dict[str, tuple[float, ...]]
    flow_ns: dict[str, dict[str, tuple[float, ...]]]
    password_hash_ns: int
    hashers_ns: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Flows(Measured):
    """The result of `flows`.

    `population`          users in the database besides those who are timed
    `bytes_written`       what is counted as a flow's bytes
    `endpoints`           scheme -> the scheme whose endpoints it shares
    `hashers`             the service's own and those that Django ships; empty: an older result
    `requests_us`         what authentication adds to GET /whoami/
    `anonymous_us`        GET /whoami/ without authentication
    `request_statements`  scheme, or anonymous -> SQL statements of GET /whoami/
    `control`             a copy of anonymous minus anonymous
    """

    command: ClassVar[str] = "flows"

    population: int = 0
    stored: Stored | None = None
    plan: dict[str, Any]
    lifetimes_seconds: dict[str, float]
    flows: tuple[Flow, ...]
    bytes_written: str
    endpoints: dict[str, str]
    password_hash: PasswordHash | None
    hashers: tuple[Hasher, ...] = ()
    requests_us: dict[str, Interval] = field(default_factory=dict)
    anonymous_us: float | None = None
    request_statements: dict[str, int] = field(default_factory=dict)
    curve: Curve
    crossings: tuple[Crossing, ...]
    without_crossing: tuple[Uncrossed, ...]
    control: Interval
    processes: tuple[FlowProcess, ...]

    def __post_init__(self) -> None:
        for crossing in self.crossings:
            for name in (crossing.first, crossing.second):
                if name not in self.curve.schemes:
                    raise ValueError(f"a crossing of {name!r}, which has no curve")
