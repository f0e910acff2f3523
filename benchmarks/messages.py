"""The messages between a command and its processes, as JSON."""

import json
from dataclasses import asdict, dataclass, field
from typing import Any

# Variables of a process's environment.
DATABASE_VARIABLE = "BENCHMARKS_DATABASE_URL"  # not DATABASE_URL, which is the developer's
CONNECTION_VARIABLE = "BENCHMARKS_CONNECTION"  # a key of scratch.CONNECTIONS
CONTENDERS_VARIABLE = "BENCHMARKS_CONTENDERS"  # contenders that may need settings, by comma
SWITCHES_VARIABLE = "BENCHMARKS_SWITCHES"  # a JSON object: switches that this run sets otherwise
ASSIGNMENT_VARIABLE = "BENCHMARKS_ASSIGNMENT"  # of a server: whom it serves

SERVED = "served"  # in scratch.CONNECTIONS: the service's own policy

ANONYMOUS = "anonymous"
CONTROL = "anonymous again"  # the A/A control, built in the same way
REFERENCES = (ANONYMOUS, CONTROL)  # what all others are compared with

# The kinds of lines that a worker writes: "done" often, and one of the others at its end.
DONE = "done"
REFUSED = "refused"
SAMPLE = "sample"


class RefusedError(Exception):
    """A contender or a URL that must not be timed; the message says why."""


@dataclass(frozen=True, slots=True)
class Assignment:
    """What one worker process is to do.

    `schemes`  names in lineup.LINEUP, or `package.module:SCHEME`
    `rounds`   the rounds of blocks for each URL; 0: prove, count and warm up only
    `block`    consecutive requests of one contender; the first `drop` do not count
    `planted`  contenders with a planted delay: name -> nanoseconds (see contenders/planted.py)
    `server`   a key of server.SERVERS to ask over TCP; empty: call the handler in process
    """

    schemes: tuple[str, ...]
    rounds: dict[str, int]
    block: int
    drop: int
    seed: int
    planted: dict[str, int] = field(default_factory=dict)
    server: str = ""

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Assignment":
        return cls(**json.loads(text))


@dataclass(frozen=True, slots=True)
class Population:
    """Users besides the timed one, how often each has refreshed, and whether each has a track."""

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
    """A table with its bytes on disk; None: the database does not tell rows and indexes apart."""

    table: str
    rows: int
    table_bytes: int | None
    index_bytes: int | None


@dataclass(frozen=True, slots=True)
class Stored:
    """What the scratch database stores for users and their credentials.

    `database_bytes`  the size of the whole database
    `seconds`         how long it took to load the other users; 0 where there are none
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
    """A contender as the report names it; `keyword` is empty where it sends no credential."""

    name: str
    keyword: str = ""
    is_stock: bool = False
    summary: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """What is counted once for one contender at one URL.

    `header_bytes`    the line that carries the credential, CR LF included (HTTP/1.1); 0: none
    `response_bytes`  the body
    """

    sql_statements: int
    header_bytes: int
    response_bytes: int


@dataclass(frozen=True, slots=True)
class Blocks:
    """All blocks at one URL in one process, in nanoseconds.

    `orders`              one sequence of contenders for each round
    `p25_ns` to `min_ns`  contender -> one figure for each round, from the kept requests of its
                          block
    `position_ns`         contender -> one figure for each place in a block: the median over the
                          rounds
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
    `round_seconds`  URL -> how long a round takes here, including the clearing up between blocks
    `warm_up`        URL -> how many rounds it took until a block's level and curve were flat
    `waited`         the share of its time (0 to 1) that it waited for a processor
    `disturbed`      the share of its blocks (0 to 1) during which other programs had the processor,
                     even when they were timed again; None: it cannot be told
    `planted_us`     contender with a planted delay -> its true delay, read off the clock around it
    `blocks`         URL -> Blocks; empty for an assignment without rounds
    `audit_seconds`  how long the audit took, which only an assignment without rounds has
    `service`        the measured service: versions, database, connection policy, switches
    """

    entries: list[Entry]
    facts: dict[str, dict[str, Facts]]
    round_seconds: dict[str, float]
    service: dict[str, Any]
    warm_up: dict[str, int] = field(default_factory=dict)
    planted_us: dict[str, float] = field(default_factory=dict)
    waited: float = 0.0
    disturbed: float | None = None
    blocks: dict[str, Blocks] = field(default_factory=dict)
    audit_seconds: float = 0.0

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
            disturbed=data["disturbed"],
            blocks={url: Blocks(**blocks) for url, blocks in data["blocks"].items()},
            audit_seconds=data["audit_seconds"],
        )
