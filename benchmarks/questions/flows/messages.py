"""What the command `flows` and its processes say to each other, as JSON."""

import json
from dataclasses import asdict, dataclass
from typing import Any

OBTAIN, REFRESH = "obtain", "refresh"


@dataclass(frozen=True, slots=True)
class Task:
    """What one worker process is to do.

    `schemes`        rows of the scheme table by name
    `rounds`         of blocks
    `counts`         whether to count what is written
    `password_hash`  a password hashed by the service's own hasher; empty: make one
    """

    schemes: tuple[str, ...]
    rounds: int
    counts: bool
    password_hash: str
    seed: int

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Task":
        return cls(**json.loads(text))


@dataclass(frozen=True, slots=True)
class PasswordHash:
    """The service's own hasher, and how long it takes to make and to verify one hash.

    `iterations`    None: it has no such number
    `make_ns`       0 when the hash was given
    `processor_ns`  of `verify_ns`, how long a processor worked on it: the rest it waited for one
    """

    algorithm: str
    iterations: int | None
    encoded: str
    make_ns: int
    verify_ns: int
    processor_ns: int


@dataclass(frozen=True, slots=True)
class Growth:
    """Rows of one table."""

    inserted: int
    deleted: int


@dataclass(frozen=True, slots=True)
class Counts:
    """What one call of a flow makes the database do; see written.py. `tables`: those that grow or shrink by it."""

    statements: int
    rows_written: int
    bytes_written: int
    tables: dict[str, Growth]


@dataclass(frozen=True, slots=True)
class Found:
    """What one worker process found.

    `endpoints`      scheme -> the scheme whose endpoints stand for it: rows that share a URLconf share its times
    `request_ns`     scheme, ANONYMOUS or CONTROL -> p25 of a block of GET /whoami/, for each round
    `flow_ns`        scheme of `endpoints` -> flow -> p25 of a block, for each round
    `counts`         scheme of `endpoints` -> flow -> Counts; empty when it was not to count
    `statements`     scheme or ANONYMOUS -> SQL statements of GET /whoami/; empty when it was not to count
    `round_seconds`  how long a round takes here, preparing and proving included
    `once_seconds`   how long it took to count, and to make a password's hash: what only the first process does
    `bytes_meaning`  what stands for Counts.bytes_written
    `service`        as messages.Sample
    """

    endpoints: dict[str, str]
    request_ns: dict[str, list[float]]
    flow_ns: dict[str, dict[str, list[float]]]
    counts: dict[str, dict[str, Counts]]
    statements: dict[str, int]
    password_hash: PasswordHash
    round_seconds: float
    once_seconds: float
    bytes_meaning: str
    service: dict[str, Any]

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "Found":
        counts = {
            scheme: {flow: _counts(each) for flow, each in flows.items()} for scheme, flows in data["counts"].items()
        }
        return cls(**{**data, "counts": counts, "password_hash": PasswordHash(**data["password_hash"])})


def _counts(data: dict[str, Any]) -> Counts:
    return Counts(**{**data, "tables": {table: Growth(**each) for table, each in data["tables"].items()}})
