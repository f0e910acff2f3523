"""The messages between `proposals` and its processes, as JSON. This module needs no Django."""

import json
from dataclasses import asdict, dataclass, field
from typing import Any

from benchmarks.messages import Facts

# What one process times.
DPOP, SIGNATURES, LISTED, LISTS = "dpop", "signatures", "status-list requests", "status-list work"

JWT, PUSHED, STATELESS = "jwt", "jwt-pushed", "jwt-stateless"

# A request with a DPoP proof: what is checked besides the access token.
PROOF = "proof"
IN_MEMORY = "proof, jti in memory"
IN_DATABASE = "proof, jti in the database"
IN_VALKEY = "proof, jti in Valkey"
WITH_NONCE = "proof, jti in memory, nonce"

WITH_LIST = "jwt-stateless, status list"


@dataclass(frozen=True, slots=True)
class Task:
    """The task of one process.

    `part`    what it times
    `rounds`  0: prove, count and warm up only
    `block`   consecutive calls of one contender; the first `drop` do not count
    `valkey`  the URL of a Valkey; empty: there is none
    """

    part: str
    rounds: int
    block: int
    drop: int
    seed: int
    valkey: str = ""

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Task":
        return cls(**json.loads(text))


@dataclass(frozen=True, slots=True)
class Found:
    """What one process found.

    `p25_ns`         contender -> 25th percentile of each of its blocks
    `mean_ns`        contender -> mean of all its kept calls
    `facts`          contender -> what is counted of one request; empty for calls of functions
    `counted`        what else the part counts
    `round_seconds`  how long a round takes here
    `waited`         share of its time (0 to 1) that the process waited for a processor
    `service`        the measured service, as messages.Sample has it
    """

    names: list[str]
    p25_ns: dict[str, list[float]]
    mean_ns: dict[str, float]
    facts: dict[str, Facts]
    counted: dict[str, Any]
    round_seconds: float
    waited: float
    service: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "Found":
        return cls(**{**data, "facts": {name: Facts(**each) for name, each in data["facts"].items()}})
