"""From measurements to what a population takes: cores, statements, connections, bytes, latency.

This is arithmetic on means, the same for all schemes; nothing was tried at that size. U users each
make r requests, l logins and f refreshes a day:

    R = U r / 86400    L = U l / 86400    F = U f / 86400     each second, on average over the day
    f           = min(60 m / a, r)     for m active minutes and an access lifetime of a seconds
    cores       = k / u * (R t_request + L t_login + F t_refresh)
    statements  = k * (R s_request + L s_login + F s_refresh)           each second
    connections = k * (R (t_request + s_request d) + ...)               busy at once: Little's law
    bytes       = 86400 * sum over tables of (L n_login + F n_refresh) * b      each day
    latency     = s * d

k is the ratio of the peak's rate to the mean, u the utilisation, t a time, s a number of
statements, n the rows inserted less those deleted, b the bytes of a row with its index entries, and
d the round trip to the database. A call without statements keeps no connection busy. The time of a
login leaves out the password's hash, which is the same for all schemes and has its own figure, as
have the requests themselves. (J. D. C. Little, A proof for the queuing formula L = λW, Operations
Research 9, 1961.)

A measured time runs from begin to end. It includes the database's work and the wait for it.

Half-widths of 95 % intervals are added in quadrature, as for independent estimates.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from math import hypot, inf

from benchmarks.reporting.frontier import Worst
from benchmarks.results.records.plan import Crowd, Planned
from benchmarks.stats.intervals import Interval

DAY = 86_400  # seconds
CALLS = ("request", "login", "refresh")


@dataclass(frozen=True, slots=True)
class Cost:
    """The cost of one request (over anonymous's), login (without the password's hash) or refresh.

    `rows`  by table, inserted less deleted; None: not counted
    """

    time_us: Interval
    statements: int
    rows_written: int = 0
    rows: dict[str, int] | None = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Costs:
    """The costs of one scheme's calls.

    `login`    None: not measured
    `refresh`  None: the scheme has none, or it was not measured
    """

    request: Cost
    login: Cost | None = None
    refresh: Cost | None = None


@dataclass(frozen=True, slots=True)
class Rates:
    """Calls of all users each second, on average over the day."""

    requests: float
    logins: float
    refreshes: float


def crowd(
    *,
    active_minutes_per_day: float,
    access_lifetime_seconds: float,
    requests_per_user_per_day: float,
    **others: float,
) -> Crowd:
    """Return the population. A client refreshes at most once per request."""
    refreshes = min(60 * active_minutes_per_day / access_lifetime_seconds, requests_per_user_per_day)
    return Crowd(
        active_minutes_per_day=active_minutes_per_day,
        access_lifetime_seconds=access_lifetime_seconds,
        requests_per_user_per_day=requests_per_user_per_day,
        refreshes_per_user_per_day=refreshes,
        **others,
    )


def rates(crowd: Crowd) -> Rates:
    """Return the mean rates of a population."""
    per_day = (crowd.requests_per_user_per_day, crowd.logins_per_user_per_day, crowd.refreshes_per_user_per_day)
    return Rates(*(crowd.users * each / DAY for each in per_day))


def total(parts: Iterable[tuple[float, Interval]]) -> Interval:
    """Return the sum of factor * interval of independent estimates, half-widths in quadrature.

    No factor may be below 0.
    """
    parts = list(parts)
    estimate = sum(factor * each.estimate for factor, each in parts)
    return Interval(
        estimate,
        estimate - hypot(*(factor * (each.estimate - each.low) for factor, each in parts)),
        estimate + hypot(*(factor * (each.high - each.estimate) for factor, each in parts)),
    )


def planned(
    scheme: str, costs: Costs, crowd: Crowd, bytes_per_row: dict[str, float], slowest: Worst | None = None
) -> Planned:
    """Return what one scheme takes.

    `slowest` is when its credentials have ended after the worst event. None: not measured, or no
    event.
    """
    called = rated(costs, crowd)
    counted = costs.login is not None and all(cost.rows is not None for _, cost in called)
    rows = _rows_per_day(called) if counted else None
    known = rows is not None and set(rows) <= set(bytes_per_row)
    return Planned(
        scheme=scheme,
        cores=total((crowd.peak / crowd.utilisation * rate / 1e6, cost.time_us) for rate, cost in called),
        statements_per_second=crowd.peak * sum(rate * cost.statements for rate, cost in called),
        rows_written_per_second=(
            None if costs.login is None else crowd.peak * sum(rate * cost.rows_written for rate, cost in called)
        ),
        connections_busy=_connections(called, crowd),
        latency_ms={
            name: cost.statements * crowd.database_rtt_ms
            for name, cost in zip(CALLS, (costs.request, costs.login, costs.refresh), strict=True)
            if cost is not None
        },
        rows_per_day=rows,
        bytes_per_day=sum(count * bytes_per_row[table] for table, count in rows.items()) if known else None,
        revoked=None if slowest is None else slowest.delay,
        revoked_seconds=None if slowest is None or slowest.seconds == inf else slowest.seconds,
    )


def hash_cores(crowd: Crowd, hash_us: Interval) -> Interval:
    """Return the cores that hash passwords at the peak."""
    return total([(crowd.peak / crowd.utilisation * rates(crowd).logins / 1e6, hash_us)])


def rated(costs: Costs, crowd: Crowd) -> list[tuple[float, Cost]]:
    """Return each call that was measured, with its mean rate."""
    mean = rates(crowd)
    pairs = ((mean.requests, costs.request), (mean.logins, costs.login), (mean.refreshes, costs.refresh))
    return [(rate, cost) for rate, cost in pairs if cost is not None]


def _connections(called: Sequence[tuple[float, Cost]], crowd: Crowd) -> Interval:
    away = crowd.database_rtt_ms * 1000

    def busy(cost: Cost) -> Interval:
        took = cost.time_us
        return Interval(*(us + cost.statements * away for us in (took.estimate, took.low, took.high)))

    return total((crowd.peak * rate / 1e6, busy(cost)) for rate, cost in called if cost.statements)


def _rows_per_day(called: Sequence[tuple[float, Cost]]) -> dict[str, float]:
    rows: dict[str, float] = {}
    for rate, cost in called:
        for table, count in cost.rows.items():
            rows[table] = rows.get(table, 0) + DAY * rate * count
    return rows
