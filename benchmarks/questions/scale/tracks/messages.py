"""What `scale tracks` and its processes send each other, as JSON."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Task:
    """What one process must do.

    `queries`  query strings of `GET /tracks/`; the first is timed twice
    `times`    whether to time them; if not, they are counted, explained and compared
    """

    queries: tuple[str, ...]
    times: bool
    seed: int


@dataclass(frozen=True, slots=True)
class Filled:
    """A database after its migrations. `seconds`: how long loading its tracks took, 0: none."""

    tracks: int
    database_bytes: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Found:
    """What one process found, by query string.

    `median_ms`   time of a request, without those for a page that does not exist
    `again_ms`    that of the first query, timed once more as the control; 0: nothing was timed
    `digests`     SHA-256 of the body; of an answer 404 it is empty
    `statements`  SQL statements of a request
    `plans`       what the database reads for them, a line for each step
    `waited`      as in messages.Sample
    """

    median_ms: dict[str, float]
    again_ms: float
    digests: dict[str, str]
    statements: dict[str, int]
    plans: dict[str, list[str]]
    waited: float
    service: dict[str, Any]
