"""What `plan` computed: the resources that a population needs."""

from dataclasses import dataclass
from typing import ClassVar

from benchmarks.results.records.common import Record
from benchmarks.stats.intervals import Interval
from benchmarks.stats.verdicts import Verdict


@dataclass(frozen=True, slots=True)
class Crowd:
    """The population to plan for.

    `refreshes_per_user_per_day`  of a scheme that refreshes
    `peak`                        ratio of the busiest hour's rate to the mean
    `utilisation`                 share of their time that cores work at the peak, at most 1
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
    """What one scheme takes; cores, statements, rows, connections at the peak. None: not measured.

    `cores`, `connections_busy`  without the password's hash
    `latency_ms`                 request, login or refresh -> time on the way to the database
    `rows_per_day`               table -> rows inserted less rows deleted
    `bytes_per_day`              growth of those tables and their indexes
    `revoked`                    when every process refuses, after the worst event
    `revoked_seconds`            the same in seconds; None also: never
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan(Record):
    """The result of `plan`.

    `runs`           the files that the plan is made of
    `service_cores`  for the requests without authentication
    `hash_cores`     for the passwords; None: not measured
    `formulae`       with the numbers of one scheme
    `remarks`        what a reader must know to read the plan
    """

    command: ClassVar[str] = "plan"

    runs: tuple[str, ...]
    crowd: Crowd
    url: str
    service_cores: float
    hash_cores: Interval | None
    schemes: tuple[Planned, ...]
    bytes_per_row: dict[str, float]
    formulae: tuple[str, ...]
    remarks: tuple[str, ...]
    verdict: Verdict
