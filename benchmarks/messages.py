"""What the command and its processes say to each other, as JSON."""

import json
from dataclasses import asdict, dataclass, field
from typing import Any

DATABASE_VARIABLE = "BENCHMARKS_DATABASE_URL"  # in a process's environment; DATABASE_URL is the developer's
CONNECTION_VARIABLE = "BENCHMARKS_CONNECTION"  # a key of databases.CONNECTIONS
SERVED = "served"  # the key of the service's own policy
CONTENDERS_VARIABLE = "BENCHMARKS_CONTENDERS"  # names in lineup.LINEUP that want something of the settings, by comma
SWITCHES_VARIABLE = "BENCHMARKS_SWITCHES"  # a JSON object: switches that this run pins otherwise
ASSIGNMENT_VARIABLE = "BENCHMARKS_ASSIGNMENT"  # of a server: whom it serves

ANONYMOUS = "anonymous"
CONTROL = "anonymous again"  # the A/A control: built anew in the same way, different in nothing

DONE = "done"  # kinds of lines a worker writes: {"done": blocks}, and one of the other two at its end
REFUSED = "refused"
SAMPLE = "sample"


class RefusedError(Exception):
    """A contender or a URL that must not be timed; the message says why."""


@dataclass(frozen=True, slots=True)
class Assignment:
    """What one worker process is to do.

    `schemes`  names in lineup.LINEUP, and `package.module:SCHEME` for one that is not there
    `rounds`   of blocks for each URL; none: prove, count and warm up only
    `block`    consecutive requests of one contender, of which the first `drop` are not looked at
    `plants`   contenders that are anonymous but for a known delay: name -> nanoseconds (see plants.py)
    `server`   a key of servers.SERVERS, which is asked over TCP; empty: none, the handler is called in process
    """

    schemes: tuple[str, ...]
    rounds: dict[str, int]
    block: int
    drop: int
    seed: int
    plants: dict[str, int] = field(default_factory=dict)
    server: str = ""

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Assignment":
        return cls(**json.loads(text))


@dataclass(frozen=True, slots=True)
class Population:
    """Users beside the one who is timed, how often each has refreshed, and whether each has a track."""

    population: int = 0
    refreshes: int = 1
    tracks: bool = False

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Population":
        return cls(**json.loads(text))


NOBODY = Population()


@dataclass(frozen=True, slots=True)
class StoredTable:
    """`table_bytes`, `index_bytes` on disk; None: the database does not tell them apart."""

    table: str
    rows: int
    table_bytes: int | None
    index_bytes: int | None


@dataclass(frozen=True, slots=True)
class Stored:
    """What the scratch database holds of users and their credentials; `database_bytes` is of everything in it.

    `seconds`  how long it took to load other users beside the one who is timed; 0 where there are none
    """

    tables: list[StoredTable]
    database_bytes: int
    seconds: float = 0.0

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "Stored":
        return cls(**{**data, "tables": [StoredTable(**table) for table in data["tables"]]})


@dataclass(frozen=True, slots=True)
class RoundTrip:
    """The time of one small query to the database.

    `asked_ms`  the delay that was asked for; None: directly, without a proxy
    `adds_us`   more than directly; None: this is the direct way
    """

    asked_ms: float | None
    median_us: float
    adds_us: float | None


@dataclass(frozen=True, slots=True)
class Entry:
    """A contender as the report names it. `keyword` is empty where no credential is sent."""

    name: str
    keyword: str = ""
    is_stock: bool = False
    summary: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """What is counted, once, of one contender at one URL.

    `header_bytes`    the line that carries the credential with its CR LF (HTTP/1.1); 0 when none is sent
    `response_bytes`  the body
    """

    sql_statements: int
    header_bytes: int
    response_bytes: int


@dataclass(frozen=True, slots=True)
class Blocks:
    """All blocks at one URL in one process, in nanoseconds.

    `orders`             one sequence of contenders for each round
    `p25_ns` to `min_ns` contender -> one figure for each round, of the requests kept of its block
    `position_ns`        contender -> one figure for each place in a block: the median over the rounds
    """

    orders: list[tuple[str, ...]]
    p25_ns: dict[str, list[float]]
    median_ns: dict[str, list[float]]
    min_ns: dict[str, list[float]]
    position_ns: dict[str, list[float]]


@dataclass(frozen=True, slots=True)
class Sample:
    """What one worker process found.

    `facts`          URL -> contender -> Facts
    `round_seconds`  URL -> how long a round takes here, clearing up between blocks included
    `warm_up`        URL -> how many rounds it took until a block's level and curve were flat
    `waited`         which part of its time (0 to 1) it waited for a processor
    `planted_us`     plant -> what its delay came to, read off the clock around it
    `blocks`         URL -> Blocks; empty when no rounds were asked for
    `service`        the service under measure: versions, database, connection policy, switches
    """

    entries: list[Entry]
    facts: dict[str, dict[str, Facts]]
    round_seconds: dict[str, float]
    service: dict[str, Any]
    warm_up: dict[str, int] = field(default_factory=dict)
    planted_us: dict[str, float] = field(default_factory=dict)
    waited: float = 0.0
    blocks: dict[str, Blocks] = field(default_factory=dict)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "Sample":
        facts = data["facts"]
        return cls(
            entries=[Entry(**entry) for entry in data["entries"]],
            facts={url: {who: Facts(**each) for who, each in row.items()} for url, row in facts.items()},
            round_seconds=data["round_seconds"],
            service=data["service"],
            warm_up=data["warm_up"],
            planted_us=data["planted_us"],
            waited=data["waited"],
            blocks={url: Blocks(**blocks) for url, blocks in data["blocks"].items()},
        )
