"""From what was measured to what a population takes: cores, statements, connections, bytes, latency.

Arithmetic on means, and the same for all schemes; nothing here was tried at that size. With U users, of whom each
makes r requests, l logins and f refreshes a day:

    R = U r / 86400    L = U l / 86400    F = U f / 86400      each second, on average over the day
    f = min(60 m / a, r)                                       for m active minutes and an access lifetime of a seconds
    cores       = k / u * (R t_request + L t_login + F t_refresh)
    statements  = k * (R s_request + L s_login + F s_refresh)                          each second
    connections = k * (R (t_request + s_request d) + ...)                              busy at once: Little's law
    bytes       = 86400 * sum over tables of (L n_login + F n_refresh) * bytes of a row and its index entries, each day
    latency     = s * d

where k is the peak's rate to the mean's, u the utilisation, t a time, s statements, n rows inserted less deleted,
and d the round trip to the database. What makes no statement keeps no connection busy. A login's time is its
endpoint's without the password's hash, which is the same for all schemes and told apart; so are the requests
themselves. (J. D. C. Little, A proof for the queuing formula L = λW, Operations Research 9, 1961.)

A measured time is from begin to end, so it counts what the database worked, and what was waited for it.

Half-widths of 95 % intervals are added in quadrature, as those of independent estimates.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from math import hypot, inf
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.messages import ANONYMOUS, Stored
from benchmarks.reporting.frontier import Worst, worst
from benchmarks.reporting.wording import duration, interval, number
from benchmarks.results import files
from benchmarks.results.records import RESULTS
from benchmarks.results.records.common import Head
from benchmarks.results.records.flows import Flow, Flows
from benchmarks.results.records.overhead import Overhead
from benchmarks.results.records.plan import Crowd, Plan, Planned
from benchmarks.stats.intervals import Interval
from benchmarks.stats.verdicts import Verdict

KINDS = ("overhead", "flows", "revocation", "scale")  # results of which a plan is made

DAY = 86_400  # seconds
LEAST_ROWS = 1000  # of a table: with fewer, a row's bytes are those of half-empty pages
_CALLS = ("request", "login", "refresh")
LOGIN, REFRESH = (
    ("obtain again", "obtain"),
    ("refresh",),
)  # flows, the first that there is: who logs in has done so before


class CapacityError(Exception):
    """Results from which nothing can be planned; the message says what is missing."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one request (what authentication adds to it), login (without the password's hash) or refresh.

    `rows`  by table, inserted less deleted; None: not counted
    """

    time_us: Interval
    statements: int
    rows_written: int = 0
    rows: dict[str, int] | None = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Costs:
    """Of one scheme. `login` None: not measured; `refresh` None: it has none, or it was not measured."""

    request: Cost
    login: Cost | None = None
    refresh: Cost | None = None


@dataclass(frozen=True, slots=True)
class Sources:
    """Results by their command, and what stands at the head of each."""

    parts: dict[str, Any]
    heads: dict[str, Head]

    @property
    def stored(self) -> list[Stored]:
        """What the scratch databases held."""
        one = [part.stored for part in self.parts.values() if getattr(part, "stored", None) is not None]
        return one + [size.stored for size in getattr(self.parts.get("scale"), "sizes", ())]

    @property
    def doubts(self) -> list[str]:
        """Why not to trust a plan made of these, a sentence each."""
        verdicts = {name: getattr(part, "verdict", None) for name, part in self.parts.items()}
        doubts = [
            f"{name}: {reason}"
            for name, verdict in verdicts.items()
            if verdict is not None
            for reason in verdict.reasons
        ]
        # When a credential dies is no matter of the machine.
        heads = {name: head for name, head in self.heads.items() if name != "revocation"}
        for fact, of in (
            ("processor", lambda head: head.environment.processor),
            ("database", lambda head: head.service.get("database")),
        ):
            values = {name: of(head) for name, head in heads.items() if of(head) is not None}
            if len(set(values.values())) > 1:
                doubts.append(f"unlike {fact}: {', '.join(f'{name} {value}' for name, value in values.items())}")
        return doubts


def read(paths: Iterable[Path]) -> Sources:
    """Raises CapacityError, and results.ResultError of a file that is no result."""
    found = Sources({}, {})
    for path in paths:
        document = files.read(path)
        name = document["command"]
        if name not in list(KINDS):  # which may be anything that JSON can be
            raise CapacityError(f"{path}: a result of {name!r}; a plan is made of those of {', '.join(KINDS)}")
        if name in found.parts:
            raise CapacityError(f"{path}: a second result of {name}; a plan is made of one of each")
        try:
            found.heads[name] = msgspec.convert(document, Head)
            found.parts[name] = msgspec.convert(document, RESULTS[name])
        except msgspec.ValidationError as error:
            raise CapacityError(f"{path}: {error}") from None
    return found


@dataclass(frozen=True, slots=True)
class Rates:
    """Each second, on average over the day."""

    requests: float
    logins: float
    refreshes: float


def crowd(
    users: float,
    requests_per_user_per_day: float,
    logins_per_user_per_day: float,
    active_minutes_per_day: float,
    access_lifetime_seconds: float,
    peak: float,
    utilisation: float,
    database_rtt_ms: float,
) -> Crowd:
    """A client refreshes when it makes a request and its access token has ended: not more often than it makes one."""
    refreshes = min(60 * active_minutes_per_day / access_lifetime_seconds, requests_per_user_per_day)
    return Crowd(
        users,
        requests_per_user_per_day,
        logins_per_user_per_day,
        active_minutes_per_day,
        access_lifetime_seconds,
        peak,
        utilisation,
        database_rtt_ms,
        refreshes,
    )


def rates(crowd: Crowd) -> Rates:
    return Rates(
        *(
            crowd.users * each / DAY
            for each in (
                crowd.requests_per_user_per_day,
                crowd.logins_per_user_per_day,
                crowd.refreshes_per_user_per_day,
            )
        )
    )


def total(parts: Iterable[tuple[float, Interval]]) -> Interval:
    """The sum of factor * interval of independent estimates: half-widths in quadrature. No factor is below 0."""
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
    """`slowest`: when its credentials have ended after the worst event; None: not measured, or it has no event."""
    done = _done(costs, rates(crowd))
    counted = costs.login is not None and all(cost.rows is not None for _, cost in done)
    rows = _rows_per_day(done) if counted else None
    known = rows is not None and set(rows) <= set(bytes_per_row)
    return Planned(
        scheme=scheme,
        cores=total((crowd.peak / crowd.utilisation * rate / 1e6, cost.time_us) for rate, cost in done),
        statements_per_second=crowd.peak * sum(rate * cost.statements for rate, cost in done),
        rows_written_per_second=(
            None if costs.login is None else crowd.peak * sum(rate * cost.rows_written for rate, cost in done)
        ),
        connections_busy=_connections(done, crowd),
        latency_ms={
            name: cost.statements * crowd.database_rtt_ms
            for name, cost in zip(_CALLS, (costs.request, costs.login, costs.refresh), strict=True)
            if cost is not None
        },
        rows_per_day=rows,
        bytes_per_day=sum(count * bytes_per_row[table] for table, count in rows.items()) if known else None,
        revoked=None if slowest is None else slowest.delay,
        revoked_seconds=None if slowest is None or slowest.seconds == inf else slowest.seconds,
    )


def hash_cores(crowd: Crowd, hash_us: Interval) -> Interval:
    """At the peak, of the passwords alone."""
    return total([(crowd.peak / crowd.utilisation * rates(crowd).logins / 1e6, hash_us)])


def plan(crowd: Crowd, sources: Sources, url: str | None = None) -> Plan:
    """`url`: whose requests are planned for; None: the first of the overhead run. Raises CapacityError."""
    overhead, flows, revocation = (sources.parts.get(name) for name in ("overhead", "flows", "revocation"))
    url, service_us, schemes = costs_of(overhead, flows, url)
    row_bytes = bytes_per_row(sources.stored)
    slowest = {} if revocation is None else worst(revocation)
    hashing = None if flows is None or flows.password_hash is None else hash_cores(crowd, flows.password_hash.time_us)
    found = tuple(planned(name, costs, crowd, row_bytes, slowest.get(name)) for name, costs in schemes.items())
    service = crowd.peak / crowd.utilisation * rates(crowd).requests * service_us / 1e6
    shown = max(schemes, key=lambda name: (schemes[name].refresh is not None, schemes[name].login is not None))
    doubts = tuple(sources.doubts)
    return Plan(
        crowd=crowd,
        url=url,
        service_cores=service,
        hash_cores=hashing,
        schemes=found,
        bytes_per_row=row_bytes,
        formulae=tuple(formulae(shown, schemes[shown], crowd, row_bytes)),
        remarks=tuple(_remarks(crowd, service, hashing, found, flows is not None)),
        verdict=Verdict(not doubts, doubts),
    )


def costs_of(overhead: Overhead | None, flows: Flows | None, url: str | None) -> tuple[str, float, dict[str, Costs]]:
    """The URL, what anonymous's request takes there in µs, and scheme -> Costs. Raises CapacityError."""
    if overhead is not None:
        tables = {table.url: table for table in overhead.tables}
        url = url or next(iter(tables))
        if url not in tables:
            raise CapacityError(f"--url {url}: not in the result of overhead; allowed: {', '.join(tables)}")
        table = tables[url]
        bare = table.anonymous.facts.sql_statements
        service = table.anonymous.request
        requests = {row.name: Cost(row.overhead, row.facts.sql_statements - bare) for row in table.rows}
    elif flows is not None:
        if url not in (None, "/whoami/"):
            raise CapacityError(f"--url {url}: flows asks /whoami/ alone; give a result of overhead")
        if flows.anonymous_us is None or not flows.request_statements:
            raise CapacityError("the result of flows tells no request's time and statements: measure it anew")
        url, service, bare = "/whoami/", flows.anonymous_us, flows.request_statements[ANONYMOUS]
        requests = {name: Cost(adds, flows.request_statements[name] - bare) for name, adds in flows.requests_us.items()}
    else:
        raise CapacityError("no result of overhead or flows: nothing was measured to plan with")
    return (
        url,
        service,
        {name: Costs(cost, _flow(flows, name, LOGIN), _flow(flows, name, REFRESH)) for name, cost in requests.items()},
    )


def bytes_per_row(stored: Iterable[Stored]) -> dict[str, float]:
    """Table -> bytes of a row and its entries in indexes, where it has the most rows, and enough."""
    largest = {}
    for table in sorted((each for one in stored for each in one.tables), key=lambda each: each.rows):
        if table.rows >= LEAST_ROWS and None not in (table.table_bytes, table.index_bytes):
            largest[table.table] = (table.table_bytes + table.index_bytes) / table.rows
    return largest


def formulae(scheme: str, costs: Costs, crowd: Crowd, bytes_per_row: dict[str, float]) -> list[str]:
    """Each in symbols, and with the numbers of one scheme."""
    mean = rates(crowd)
    done = _done(costs, mean)
    names = _CALLS[: 1 + (costs.login is not None) + (costs.refresh is not None)]
    symbols = [f"{rate} {{0}}_{name}" for rate, name in zip("RLF", names, strict=False)]
    factor = f"{crowd.peak:g}"
    per_day = [
        f"{rate:,.1f} x {_listed(cost.rows)}"
        for rate, cost in done
        if cost.rows and set(cost.rows) <= set(bytes_per_row)
    ]
    row = planned(scheme, costs, crowd, bytes_per_row)
    lines = [
        f"In the numbers of {scheme}; k: peak, u: utilisation, d: round trip, t: time, s: statements, n: rows gained.",
        f"R = users x requests / 86,400 s = {crowd.users:,.0f} x {crowd.requests_per_user_per_day:g} / 86,400 = "
        f"{mean.requests:,.1f}/s; L, logins: {mean.logins:,.1f}/s; F, refreshes, min(active time / access lifetime, "
        f"requests) = min({60 * crowd.active_minutes_per_day:g} s / {crowd.access_lifetime_seconds:g} s, "
        f"{crowd.requests_per_user_per_day:g}) = {crowd.refreshes_per_user_per_day:g} a day: {mean.refreshes:,.1f}/s",
        f"cores = k / u x ({' + '.join(each.format('t') for each in symbols)}) = {factor} / {crowd.utilisation:g} x ("
        + " + ".join(f"{rate:,.1f} x {number(cost.time_us.estimate)} µs" for rate, cost in done)
        + f") = {number(row.cores.estimate)}",
        f"statements/s = k x ({' + '.join(each.format('s') for each in symbols)}) = {factor} x ("
        + " + ".join(f"{rate:,.1f} x {cost.statements}" for rate, cost in done)
        + f") = {row.statements_per_second:,.0f}",
        f"connections busy = k x ({' + '.join(_busy_symbol(each) for each in symbols)}), of those with statements "
        f"(Little's law) = {factor} x ("
        + " + ".join(
            f"{rate:,.1f} x ({number(cost.time_us.estimate)} µs + {cost.statements} x {crowd.database_rtt_ms:g} ms)"
            for rate, cost in done
            if cost.statements
        )
        + f") = {number(row.connections_busy.estimate)}",
        f"latency of a request = s_request d = {costs.request.statements} x {crowd.database_rtt_ms:g} ms = "
        f"{row.latency_ms['request']:g} ms",
    ]
    if row.bytes_per_day is not None:
        gained = " + ".join(per_day) or "0"
        lines.append(
            f"bytes/day = 86,400 s x (L n_login + F n_refresh) x bytes per row = 86,400 x ({gained}) rows = "
            f"{size(row.bytes_per_day)}"
        )
    return lines


HEAD = (
    "scheme",
    "cores",
    "SQL/s",
    "rows/s",
    "connections",
    "ms away",
    "a day",
    "a year",
    "revoked",
)
LOAD = 6  # of HEAD: what comes after is no matter of load


def line(each: Planned) -> tuple[str, ...]:
    """One scheme's line of a table under HEAD."""
    day = each.bytes_per_day
    return (
        each.scheme,
        _give_or_take(each.cores),
        f"{each.statements_per_second:,.0f}",
        "–" if each.rows_written_per_second is None else f"{each.rows_written_per_second:,.0f}",
        _give_or_take(each.connections_busy),
        "/".join(f"{each.latency_ms[name]:g}" for name in _CALLS if name in each.latency_ms),
        *(("–", "–") if day is None else (size(day), size(365 * day))),
        each.revoked or "–",
    )


def size(count: float) -> str:
    """Bytes, in the largest decimal unit of which there is one at least."""
    for unit, length in (("PB", 1e15), ("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if abs(count) >= length:
            return f"{count / length:.1f} {unit}"
    return f"{count:.0f} B"


def _done(costs: Costs, mean: Rates) -> list[tuple[float, Cost]]:
    pairs = ((mean.requests, costs.request), (mean.logins, costs.login), (mean.refreshes, costs.refresh))
    return [(rate, cost) for rate, cost in pairs if cost is not None]


def _connections(done: Sequence[tuple[float, Cost]], crowd: Crowd) -> Interval:
    asking = [(rate, cost) for rate, cost in done if cost.statements]
    away = crowd.database_rtt_ms * 1000
    return total(
        (
            crowd.peak * rate / 1e6,
            Interval(
                *(us + cost.statements * away for us in (cost.time_us.estimate, cost.time_us.low, cost.time_us.high))
            ),
        )
        for rate, cost in asking
    )


def _rows_per_day(done: Sequence[tuple[float, Cost]]) -> dict[str, float]:
    rows: dict[str, float] = {}
    for rate, cost in done:
        for table, count in cost.rows.items():
            rows[table] = rows.get(table, 0) + DAY * rate * count
    return rows


def _flow(flows: Flows | None, scheme: str, names: Sequence[str]) -> Cost | None:
    if flows is None:
        return None
    found: dict[str, Flow] = {each.flow: each for each in flows.flows if each.scheme == scheme}
    flow = next((found[name] for name in names if name in found), None)
    if flow is None:
        return None
    return Cost(
        flow.besides_hash_us or flow.time_us,
        flow.statements or 0,
        flow.rows_written or 0,
        None
        if flow.tables is None
        else {
            name: gain.inserted - gain.deleted for name, gain in flow.tables.items() if gain.inserted != gain.deleted
        },
    )


def _remarks(
    crowd: Crowd, service: float, hashing: Interval | None, schemes: Sequence[Planned], has_flows: bool
) -> list[str]:
    lines = [
        f"At the peak, {crowd.peak:g} times the mean of the day, at a utilisation of {crowd.utilisation:.0%}. Times "
        "are from begin to end: what the database works, and what is waited for it, is in the cores, but not its "
        "distance. ±: 95 %; half-widths are added in quadrature, as those of independent estimates.",
        "SQL/s: statements a second. Rows/s: written a second. Connections: busy at once. Ms away: of a request, a "
        "login and a refresh, the way to the database and back. A day, a year: growth of tables and indexes. Revoked: "
        "after the worst of logout, password change and deactivation, in whichever process it takes longest.",
        f"The service itself, without authentication: {number(service)} cores.",
    ]
    if hashing is not None:
        lines.append(
            f"The password's hash, with every scheme the same and in none of the rows: {interval(hashing)} cores. "
            "Where a connection is kept for the whole request, "
            f"{number(hashing.estimate * crowd.utilisation)} are held meanwhile, and ask nothing."
        )
    lines.append(
        f"Refreshes: {crowd.refreshes_per_user_per_day:g} for each user and day, one per access lifetime of "
        f"{duration(crowd.access_lifetime_seconds)} in {crowd.active_minutes_per_day:g} active minutes, at most one "
        "per request."
        if has_flows
        else "Requests alone: without a result of flows nothing is known of logins, refreshes and what they store."
    )
    if has_flows:
        lines.append(
            "Growth: rows inserted less deleted, while nothing is flushed. Statements: BEGIN and COMMIT, which go to "
            "the database and back too, are not among them; nor is what a scheme does now and then, as noting once a "
            "minute that a token was used."
        )
    most = max(schemes, key=lambda each: each.statements_per_second)
    least = min(schemes, key=lambda each: each.statements_per_second)
    written = [each for each in schemes if each.rows_written_per_second is not None]
    writes = ""
    if written:
        writer = max(written, key=lambda each: each.rows_written_per_second)
        writes = f", and {writer.scheme} writes the most, {writer.rows_written_per_second:,.0f} rows a second"
    lines.append(
        "What breaks first: cores can be added one machine at a time; statements all go to one database. Of these "
        f"{most.scheme} sends the most, {most.statements_per_second:,.0f} a second, {least.scheme} the fewest, "
        f"{least.statements_per_second:,.0f}{writes}. How many one database takes was not measured."
    )
    return lines


def _busy_symbol(symbol: str) -> str:
    rate, rest = symbol.split(" ")
    return f"{rate} ({rest.format('t')} + {rest.format('s')} d)"


def _give_or_take(value: Interval) -> str:
    return f"{number(value.estimate)} ±{number(value.half_width)}"


def _listed(rows: dict[str, int]) -> str:
    return " and ".join(f"{count} of {table}" for table, count in rows.items())
