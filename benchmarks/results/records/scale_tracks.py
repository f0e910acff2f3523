"""What `scale tracks` found: how long pages and searches take among how many tracks."""

from dataclasses import dataclass
from typing import Any, ClassVar

from benchmarks.results.records.measured import Measured
from benchmarks.results.records.versus import Revision
from benchmarks.stats.intervals import Interval


@dataclass(frozen=True, slots=True)
class Query:
    """A page or a search among one number of tracks.

    `query`       the query string of `GET /tracks/`
    `statements`  SQL statements of the request
    `plan`        what the database reads, a line for each step of its plans
    `before_ms`, `before_statements`, `before_plan`  the same at the revision, if one is compared
    `ratio`       to the revision if there is one, otherwise to the smallest number of tracks
    """

    query: str
    statements: int
    plan: tuple[str, ...]
    time_ms: Interval
    before_ms: Interval | None
    before_statements: int | None
    before_plan: tuple[str, ...]
    ratio: Interval | None


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The queries among one number of tracks.

    `seconds`  how long it took to load them; 0: they were copied
    `missing`  queries for a page that does not exist
    `unlike`   queries that this checkout and the revision answer with different bodies
    `control`  the first query once more, minus the first query, in ms, at `control_level`
    """

    tracks: int
    database_bytes: int
    seconds: float
    queries: tuple[Query, ...]
    missing: tuple[str, ...]
    unlike: tuple[str, ...]
    control: Interval


@dataclass(frozen=True, slots=True)
class TracksTurn:
    """One turn: PYTHONHASHSEED, the seed of its orders, and place -> query -> median in ms.

    A place is a number of tracks, with `, before` for the revision's service.
    """

    hash_seed: int
    seed: int
    median_ms: dict[str, dict[str, float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScaleTracks(Measured):
    """The result of `scale tracks`.

    `waited`    as in ByTurns
    `revision`  the service compared with this checkout's; None: none was
    `analyzed`  whether all of a SQLite file was analysed first
    `sizes`     in ascending order of their tracks
    """

    command: ClassVar[str] = "scale tracks"

    waited: float
    load_average_after: tuple[float, ...]
    plan: dict[str, Any]
    revision: Revision | None
    analyzed: bool
    sizes: tuple[Catalogue, ...]
    control_level: float
    turns: tuple[TracksTurn, ...]

    def __post_init__(self) -> None:
        if not self.sizes or not self.turns:
            raise ValueError("sizes and turns must not be empty")
