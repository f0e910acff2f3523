"""The formulae and remarks of a plan, in words and numbers."""

from collections.abc import Sequence

from benchmarks.questions.plan.capacity import CALLS, Costs, planned, rated, rates
from benchmarks.reporting.wording import duration, interval, number
from benchmarks.results.records.plan import Crowd, Planned
from benchmarks.stats.intervals import Interval


def formulae(scheme: str, costs: Costs, crowd: Crowd, bytes_per_row: dict[str, float]) -> list[str]:
    """Return each formula in symbols and with the numbers of one scheme."""
    mean = rates(crowd)
    called = rated(costs, crowd)
    names = CALLS[: 1 + (costs.login is not None) + (costs.refresh is not None)]
    symbols = [f"{rate} {{0}}_{name}" for rate, name in zip("RLF", names, strict=False)]
    factor = f"{crowd.peak:g}"
    per_day = [
        f"{rate:,.1f} x {_listed(cost.rows)}"
        for rate, cost in called
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
        + " + ".join(f"{rate:,.1f} x {number(cost.time_us.estimate)} µs" for rate, cost in called)
        + f") = {number(row.cores.estimate)}",
        f"statements/s = k x ({' + '.join(each.format('s') for each in symbols)}) = {factor} x ("
        + " + ".join(f"{rate:,.1f} x {cost.statements}" for rate, cost in called)
        + f") = {row.statements_per_second:,.0f}",
        f"connections busy = k x ({' + '.join(_busy_symbol(each) for each in symbols)}), for calls with statements "
        f"(Little's law) = {factor} x ("
        + " + ".join(
            f"{rate:,.1f} x ({number(cost.time_us.estimate)} µs + {cost.statements} x {crowd.database_rtt_ms:g} ms)"
            for rate, cost in called
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


def remarks(
    crowd: Crowd, service: float, hashing: Interval | None, schemes: Sequence[Planned], has_flows: bool
) -> list[str]:
    """Return what must be known to read the plan, a paragraph each."""
    lines = [
        f"Peak: {crowd.peak:g} times the mean of the day, at a utilisation of {crowd.utilisation:.0%}. Times run from "
        "begin to end: the cores include the database's work and the wait for it, but not the distance to it. "
        "±: 95 % interval; half-widths are added in quadrature, as for independent estimates.",
        "SQL/s: statements each second. Rows/s: rows written each second. Connections: busy at once. Ms away: time on "
        "the way to the database and back, for a request, a login and a refresh. A day, a year: growth of tables and "
        "indexes. Revoked: time after the worst of logout, password change and deactivation, in the slowest process.",
        f"The service itself, without authentication: {number(service)} cores.",
    ]
    if hashing is not None:
        lines.append(
            f"Password hashing takes {interval(hashing)} cores, the same with every scheme and not part of any row. "
            "If a connection is held for the whole request, "
            f"{number(hashing.estimate * crowd.utilisation)} connections are held while passwords are hashed, idle."
        )
    lines.append(
        f"Refreshes: {crowd.refreshes_per_user_per_day:g} for each user and day, one per access lifetime of "
        f"{duration(crowd.access_lifetime_seconds)} in {crowd.active_minutes_per_day:g} active minutes, at most one "
        "per request."
        if has_flows
        else "Requests only: without a result of flows, the plan leaves out logins, refreshes and what they store."
    )
    if has_flows:
        lines.append(
            "Growth: rows inserted less rows deleted, as long as nothing is flushed. Statements do not include BEGIN "
            "and COMMIT, which travel to the database and back too, nor occasional writes, such as the note once a "
            "minute that a token was used."
        )
    return [*lines, _what_breaks_first(schemes)]


def size(count: float) -> str:
    """Return bytes in the largest decimal unit of which there is at least one."""
    for unit, length in (("PB", 1e15), ("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if abs(count) >= length:
            return f"{count / length:.1f} {unit}"
    return f"{count:.0f} B"


def _what_breaks_first(schemes: Sequence[Planned]) -> str:
    most = max(schemes, key=lambda each: each.statements_per_second)
    least = min(schemes, key=lambda each: each.statements_per_second)
    written = [each for each in schemes if each.rows_written_per_second is not None]
    writes = ""
    if written:
        writer = max(written, key=lambda each: each.rows_written_per_second)
        writes = f", and {writer.scheme} writes the most, {writer.rows_written_per_second:,.0f} rows a second"
    return (
        "What breaks first: cores can be added one machine at a time, but all statements go to one database. "
        f"{most.scheme} sends the most statements, {most.statements_per_second:,.0f} a second, {least.scheme} the "
        f"fewest, {least.statements_per_second:,.0f}{writes}. How many one database takes was not measured."
    )


def _busy_symbol(symbol: str) -> str:
    rate, rest = symbol.split(" ")
    return f"{rate} ({rest.format('t')} + {rest.format('s')} d)"


def _listed(rows: dict[str, int]) -> str:
    return " and ".join(f"{count} of {table}" for table, count in rows.items())
