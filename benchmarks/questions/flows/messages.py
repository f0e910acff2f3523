"""What the command `flows` and its processes send each other, as JSON."""

import json
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.results.records.flows import Growth

OBTAIN, REFRESH = "obtain", "refresh"
HASHERS = 2  # times, the lower is reported: one hash in ten takes a third longer, by what else runs
BY_COOKIE = " by cookie"  # ends the name of a flow whose refresh token is in a cookie


@dataclass(frozen=True, slots=True)
class Task:
    """What one worker process must do.

    `schemes`        rows of the scheme table by name
    `rounds`         rounds of blocks
    `counts`         whether to count what is written
    `password_hash`  a password hashed by the service's own hasher; empty: make one
    `hashers`        how often to time each hasher; 0: only the service's own, once
    """

    schemes: tuple[str, ...]
    rounds: int
    counts: bool
    password_hash: str
    seed: int
    hashers: int = 0

    def to_json(self) -> str:
        """Return the argument of a worker."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Task":
        """Return the task in a worker's argument."""
        return cls(**json.loads(text))


@dataclass(frozen=True, slots=True)
class PasswordHash:
    """The service's own hasher, and the times to make and to verify one hash.

    `iterations`  None: the hasher has no such number
    `make_ns`     0 if the hash was given
    """

    algorithm: str
    iterations: int | None
    encoded: str
    make_ns: int
    verify_ns: int


@dataclass(frozen=True, slots=True)
class Hashed:
    """The time that a password hasher takes for one hash.

    `iterations`  None: the hasher has no such number
    `default_of`  the release of Django whose default it is; empty: of none
    `is_own`      whether it is the service's own
    """

    algorithm: str
    iterations: int | None
    default_of: str
    nanoseconds: int
    is_own: bool


@dataclass(frozen=True, slots=True)
class Counts:
    """What one call of a flow makes the database do (see write_counts.py).

    `tables`  those that grow or shrink
    `fsyncs`  of the write-ahead log; None: the database does not tell
    """

    statements: int
    rows_written: int
    bytes_written: int
    tables: dict[str, Growth]
    fsyncs: int | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """What one worker process found.

    `endpoints`      scheme -> the scheme whose times it shares: that of the same URLconf
    `request_ns`     scheme, ANONYMOUS or CONTROL -> p25 of a block of GET /whoami/, for each round
    `flow_ns`        scheme of `endpoints` -> flow -> p25 of a block, for each round
    `counts`         scheme of `endpoints` -> flow -> Counts; empty: nothing was counted
    `statements`     scheme or ANONYMOUS -> SQL statements of GET /whoami/; empty likewise
    `hashed`         each hasher's time, in the same order in all processes; empty: not asked for
    `round_seconds`  duration of a round, with its preparation and its proofs
    `once_seconds`   duration of what only the first process does: count, and hash a password
    `waited`         as in messages.Sample
    `bytes_meaning`  what Counts.bytes_written counts
    `service`        as in messages.Sample
    """

    endpoints: dict[str, str]
    request_ns: dict[str, list[float]]
    flow_ns: dict[str, dict[str, list[float]]]
    counts: dict[str, dict[str, Counts]]
    statements: dict[str, int]
    password_hash: PasswordHash
    hashed: list[Hashed]
    round_seconds: float
    once_seconds: float
    waited: float
    bytes_meaning: str
    service: dict[str, Any]

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "Found":
        """Return what a worker found, from its answer."""
        counts = {
            scheme: {flow: _counts(each) for flow, each in flows.items()} for scheme, flows in data["counts"].items()
        }
        password_hash = PasswordHash(**data["password_hash"])
        hashed = [Hashed(**each) for each in data["hashed"]]
        return cls(**{**data, "counts": counts, "password_hash": password_hash, "hashed": hashed})


def _counts(data: dict[str, Any]) -> Counts:
    return Counts(**{**data, "tables": {table: Growth(**each) for table, each in data["tables"].items()}})
