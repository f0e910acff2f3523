"""What `plan` computed: the resources that a population needs."""

from dataclasses import dataclass
from typing import ClassVar

from benchmarks.results.records.common import Record
from benchmarks.stats.intervals import Interval
from benchmarks.stats.verdicts import Verdict


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
class Plan(Record):
    """`service_cores`: of the requests without authentication; `hash_cores`: of the passwords. `formulae`: with the
    numbers of one scheme; `remarks`: what must be known to read it.
    """

    command: ClassVar[str] = "plan"

    crowd: Crowd
    url: str
    service_cores: float
    hash_cores: Interval | None
    schemes: tuple[Planned, ...]
    bytes_per_row: dict[str, float]
    formulae: tuple[str, ...]
    remarks: tuple[str, ...]
    verdict: Verdict
