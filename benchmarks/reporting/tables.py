"""What commands show on the console: tables and lines, made here and printed by outcome.finish."""

from collections.abc import Sequence
from typing import Any

from rich import box
from rich.table import Table as RichTable

from benchmarks.databases.scratch import CONNECTIONS
from benchmarks.messages import RoundTrip, Stored
from benchmarks.reporting.wording import interval, number, ratio
from benchmarks.results.records.overhead import Tabulated
from benchmarks.stats.overhead import MATTERS, Row, Table
from benchmarks.stats.verdicts import EQUIVALENT, FASTER, INCONCLUSIVE, SLOWER, Contest, Verdict

# --- tables -------------------------------------------------------------------------------------


def empty(title: str, first: str, *numbers: str) -> RichTable:
    """Return a table without rows: a column of names that do not wrap, and columns of numbers."""
    # One space between columns: the table of all schemes then fits into 100 columns.
    shown = RichTable(title=title, title_justify="left", box=box.SIMPLE, padding=0)
    shown.add_column(first, no_wrap=True)
    for heading in numbers:
        shown.add_column(heading, justify="right", no_wrap="95 %" in heading, overflow="fold")
    return shown


def of_url(table: Table, processes: int) -> list[RichTable]:
    """Return what each contender adds at one URL, and the contests."""
    return [table_of(table, processes), *([contests_of(table)] if table.contests else [])]


def table_of(table: Table, processes: int) -> RichTable:
    """Return what each contender adds at one URL."""
    shown = empty(
        f"{table.url} ({processes} processes of {table.rounds} rounds; times in µs, sizes in bytes)",
        "contender",
        "adds (95 %)",
        "p25",
        "median",
        "min",
        "to stock (95 %)",
        "SQL",
        "header",
        "body",
    )
    for row in (table.anonymous, *table.rows):
        shown.add_row(
            row.name,
            "-" if row is table.anonymous else interval(row.overhead),
            number(row.request),
            number(row.median),
            number(row.least),
            _ratio(row),
            str(row.facts.sql_statements),
            str(row.facts.header_bytes),
            str(row.facts.response_bytes),
        )
    return shown


def contests_of(table: Table) -> RichTable:
    """Return the contests at one URL, row minus column. Numbers stand for names, which are long."""
    shown = RichTable(
        title=f"{table.url}: row minus column, in µs",
        title_justify="left",
        box=box.SIMPLE,
        padding=(0, 1, 0, 0),
    )
    shown.add_column("", justify="right")
    shown.add_column("", no_wrap=True)
    names = [row.name for row in table.rows]
    for place in range(2, len(names) + 1):
        shown.add_column(str(place), justify="right", no_wrap=True)
    cells = {(contest.first, contest.second): _verdict(contest) for contest in table.contests}
    for place, name in enumerate(names, 1):
        shown.add_row(str(place), name, *(cells.get((name, other), "") for other in names[1:]))
    return shown


def _verdict(contest: Contest) -> str:
    if contest.verdict in (FASTER, SLOWER):
        return f"{'+' if contest.verdict == SLOWER else '-'}{number(abs(contest.difference.estimate))}"
    return {EQUIVALENT: "≈", INCONCLUSIVE: "?"}[contest.verdict]


def _ratio(row: Row) -> str:
    if row.reference == row.name:
        return "stock"
    return "-" if row.ratio is None else ratio(row.ratio)


# --- lines ----------------------------------------------------------------------------------------


def remarks(tables: Sequence[Table], widest_us: float) -> list[str]:
    """Return what a reader must know to read the tables, a paragraph each."""
    references = dict.fromkeys(row.reference for table in tables for row in table.rows if row.reference)
    return [
        "Adds: microseconds on top of `anonymous`, the same request without authentication. P25, median, min: the "
        "25th percentile and the median of a block, and the fastest of all requests. To stock: adds, divided by "
        f"what {' or '.join(references) or 'a stock row'} adds. SQL: statements. Header: the line that carries the "
        "credential.",
        "Row minus column: + means that the row is slower, - that it is faster, ≈ that both are the same within "
        f"{tables[0].margin_us:g} µs, ? that the run cannot tell.",
        "Each interval holds by itself; verdicts hold for all contests of a URL together (Holm). The widest interval "
        f"reaches {number(widest_us)} µs either way.",
        *map(_control, tables),
    ]


def _control(table: Table) -> str:
    return (
        f"A/A control on {table.url}: a copy of anonymous differs from it by {interval(table.control)} µs "
        f"({100 * table.control_level:.4g} % interval); more than {number(MATTERS * table.anonymous.request)} µs would "
        f"matter. Switching contenders costs {interval(table.switching)} µs, in the requests that are left out at the "
        "start of a block."
    )


def about(record: Tabulated, machine: dict[str, Any]) -> list[str]:
    """Return the lines below the tables: how to read them, what was measured, and where."""
    return [
        *population(record.population, record.stored),
        *remarks(record.tables, record.widest_us),
        *conditions(record, machine),
    ]


def conditions(record: Tabulated, machine: dict[str, Any]) -> list[str]:
    """Return what was measured, and on which machine."""
    return [
        *measured(record.service),
        *on(machine, record.steal, record.load_average_after, record.seconds, record.waited),
    ]


def measured(service: dict[str, Any]) -> list[str]:
    """Return the lines about the service that was measured."""
    collected = service.get("garbage_collection")  # a server collects when Python sees fit
    switches = ", ".join(f"{name}={value}" for name, value in service["switches"].items())
    heard = "; ".join(f"{name} by {channel}" for name, channel in service.get("channels", {}).items())
    return [
        f"Connection policy: {service['connection']}: {CONNECTIONS[service['connection']]} ({policy(service)})",
        f"Database: {service['database']} {service['database_version']}, {service['transport']}. "
        f"Switches: {switches or 'defaults'}."
        f"{f' Garbage: {collected}.' if collected else ''}"
        f"{f' Ends of logins are heard: {heard}.' if heard else ''}",
        *brought(service),
    ]


def brought(service: dict[str, Any]) -> list[str]:
    """Return the line about what contenders brought; nothing if they brought nothing."""
    each = ", ".join(
        f"{name} ({'; '.join(' '.join((f'{kind}:', *values)) for kind, values in kinds.items())})"
        for name, kinds in service.get("brought", {}).items()
        if kinds
    )
    return [f"Brought by contenders, and in force for all of them: {each}."] if each else []


def policy(service: dict[str, Any]) -> str:
    """Return the settings by which the service connects, as NAME=value."""
    return ", ".join(f"{name}={value}" for name, value in service["connection_policy"].items())


def on(
    machine: dict[str, Any],
    stolen: float | None,
    load_after: Sequence[float] | None,
    seconds: float,
    waited: float | None = None,
) -> list[str]:
    """Return the line about the machine and its load; `waited` as messages.Sample has it."""
    steal = "unknown" if stolen is None else f"{stolen:.1%}"
    return [
        f"Machine: {machine['cores']} x {machine['processor']}, {machine['python']}, "
        f"{', '.join(f'{name} {version}' for name, version in list(machine['packages'].items())[:4])}; "
        f"load {machine['load_average'][0]:.1f} before{'' if load_after is None else f', {load_after[0]:.1f} after'}, "
        f"steal {steal}"
        f"{'' if waited is None else f', waited {waited:.0%} of the time for a processor'}; {seconds:.0f} s.",
    ]


def population(others: int, stored: Stored | None) -> list[str]:
    """Return the line about other users in the database; nothing if there are none."""
    if not others or stored is None:
        return []
    tables = "; ".join(
        f"{each.table}, {each.rows:,} rows"
        + (
            ""
            if each.table_bytes is None or each.index_bytes is None
            else f" of {_size(each.table_bytes)} and {_size(each.index_bytes)} of indexes"
        )
        for each in stored.tables
    )
    return [
        f"Population: {others:,} users besides the one who is timed, loaded in {stored.seconds:.0f} s; "
        f"{_size(stored.database_bytes)} on disk: {tables}."
    ]


def round_trips(trips: Sequence[RoundTrip]) -> list[str]:
    """Return the line about the measured distances of the database; nothing if there are none."""
    if not trips:
        return []
    direct, *distant = trips
    each = ", ".join(f"{(trip.adds_us or 0) / 1000:.2f} ms more for {trip.asked_ms:g}" for trip in distant)
    return [
        f"Distance: a query to the database takes {direct.median_us / 1000:.2f} ms directly; the proxies add {each}."
    ]


def _size(count: int) -> str:
    return f"{count / 1e6:.1f} MB" if count >= 1e6 else f"{count / 1e3:.0f} kB"


def verdict_line(verdict: Verdict) -> str:
    """Return the line that says whether the run can be trusted."""
    if verdict.conclusive:
        return "Verdict: conclusive."
    return f"Verdict: INCONCLUSIVE: {'; '.join(verdict.reasons)}."
