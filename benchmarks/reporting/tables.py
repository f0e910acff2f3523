"""What the command shows: rich renderables, made here and printed there."""

from collections.abc import Sequence

from rich import box
from rich.table import Table as RichTable

from benchmarks.databases.scratch import CONNECTIONS
from benchmarks.messages import Stored
from benchmarks.processes.turns import Run as TurnsRun
from benchmarks.questions.overhead.run import Run
from benchmarks.stats.intervals import Interval
from benchmarks.stats.overhead import MATTERS, Row, Table, Verdict
from benchmarks.stats.verdicts import EQUIVALENT, FASTER, INCONCLUSIVE, SLOWER, Contest


def table_of(table: Table, processes: int) -> RichTable:
    shown = RichTable(
        title=f"{table.url} ({processes} processes of {table.rounds} rounds; times in µs, sizes in bytes)",
        title_justify="left",
        box=box.SIMPLE,
        padding=(0, 1, 0, 0),
    )
    shown.add_column("contender", no_wrap=True)
    shown.add_column("adds [95 %]", justify="right", no_wrap=True)
    shown.add_column("p25", justify="right", overflow="fold")
    shown.add_column("median", justify="right", overflow="fold")
    shown.add_column("min", justify="right", overflow="fold")
    shown.add_column("to stock [95 %]", justify="right", no_wrap=True)
    shown.add_column("SQL", justify="right", overflow="fold")
    shown.add_column("header", justify="right", overflow="fold")
    shown.add_column("body", justify="right", overflow="fold")
    for row in (table.anonymous, *table.rows):
        shown.add_row(
            row.name,
            "-" if row is table.anonymous else times(row.overhead),
            _time(row.request),
            _time(row.median),
            _time(row.least),
            _ratio(row),
            str(row.facts.sql_statements),
            str(row.facts.header_bytes),
            str(row.facts.response_bytes),
        )
    return shown


def contests_of(table: Table) -> RichTable:
    """Who beats whom: the row less the column, which a number names; names would not fit on a line."""
    shown = RichTable(
        title=f"{table.url}: the row less the column, in µs",
        title_justify="left",
        box=box.SIMPLE,
        padding=(0, 1, 0, 0),
    )
    shown.add_column("", justify="right")
    shown.add_column("", no_wrap=True)
    names = [row.name for row in table.rows]
    for number in range(2, len(names) + 1):
        shown.add_column(str(number), justify="right", no_wrap=True)
    cells = {(contest.first, contest.second): _verdict(contest) for contest in table.contests}
    for number, name in enumerate(names, 1):
        shown.add_row(str(number), name, *(cells.get((name, other), "") for other in names[1:]))
    return shown


def remarks(tables: Sequence[Table], widest_us: float) -> list[str]:
    """What must be known to read the tables, a paragraph each."""
    references = dict.fromkeys(row.reference for table in tables for row in table.rows if row.reference)
    return [
        "Adds: more than anonymous, which lets everybody in. P25: 25th percentile of a block; median: of a "
        "block; min: the fastest of all. To stock: adds, divided by what "
        f"{' or '.join(references) or 'a stock row'} adds. SQL: statements. Header: the line that carries the "
        "credential.",
        f"In the row less the column + says that the row is slower, ≈ that they are the same within "
        f"{tables[0].margin_us:g} µs, ? that neither can be shown.",
        "Intervals are each for itself; verdicts hold for all contests of a URL together (Holm). "
        f"The widest interval is {_time(widest_us)} µs either way.",
        *map(_control, tables),
    ]


def where(service: dict, machine: dict, run: Run | TurnsRun, waited: float, seconds: float) -> list[str]:
    """On what it was measured."""
    return [*measured(service), *on(machine, run.steal, run.load_average, seconds, waited)]


def measured(service: dict) -> list[str]:
    """The service under measure."""
    collected = service.get("garbage_collection")  # of a real server: as it does by itself
    switches = ", ".join(f"{name}={value}" for name, value in service["switches"].items())
    return [
        f"Connection policy: {service['connection']}: {CONNECTIONS[service['connection']]} ({policy(service)})",
        f"Database: {service['database']} {service['database_version']}, {service['transport']}. "
        f"Switches: {switches or 'defaults'}."
        f"{f' Garbage: {collected}.' if collected else ''}",
    ]


def policy(service: dict) -> str:
    """Return the settings by which the service connects, as NAME=value."""
    return ", ".join(f"{name}={value}" for name, value in service["connection_policy"].items())


def on(
    machine: dict, stolen: float | None, load_after: Sequence[float], seconds: float, waited: float | None = None
) -> list[str]:
    """The machine, and who else was on it; `waited` as messages.Sample has it, where that is known."""
    steal = "unknown" if stolen is None else f"{stolen:.1%}"
    return [
        f"Machine: {machine['cores']} x {machine['processor']}, {machine['python']}, "
        f"{', '.join(f'{name} {version}' for name, version in list(machine['packages'].items())[:4])}; "
        f"load {machine['load_average'][0]:.1f} before, {load_after[0]:.1f} after, steal {steal}"
        f"{'' if waited is None else f', waited {waited:.0%} of the time for a processor'}; {seconds:.0f} s.",
    ]


def population(others: int, stored: Stored) -> list[str]:
    """What the database holds beside what is timed; nothing where there is nobody else."""
    if not others:
        return []
    tables = "; ".join(
        f"{each.table}, {each.rows:,} rows"
        + (
            ""
            if each.table_bytes is None
            else f" of {_size(each.table_bytes)} and {_size(each.index_bytes)} of indexes"
        )
        for each in stored.tables
    )
    return [
        f"Population: {others:,} users beside the one who is timed, loaded in {stored.seconds:.0f} s; "
        f"{_size(stored.database_bytes)} on disk: {tables}."
    ]


def verdict_line(verdict: Verdict) -> str:
    if verdict.conclusive:
        return "Verdict: conclusive."
    return f"Verdict: INCONCLUSIVE: {'; '.join(verdict.reasons)}."


def _verdict(contest: Contest) -> str:
    if contest.verdict in (FASTER, SLOWER):
        return f"{'+' if contest.verdict == SLOWER else '-'}{_time(abs(contest.difference.estimate))}"
    return {EQUIVALENT: "≈", INCONCLUSIVE: "?"}[contest.verdict]


def times(interval: Interval) -> str:
    return f"{_time(interval.estimate)} [{_time(interval.low)}, {_time(interval.high)}]"


def _time(microseconds: float) -> str:
    return f"{microseconds:.0f}" if abs(microseconds) >= 100 else f"{microseconds:.1f}"


def _size(count: int) -> str:
    return f"{count / 1e6:.1f} MB" if count >= 1e6 else f"{count / 1e3:.0f} kB"


def _ratio(row: Row) -> str:
    if row.reference == row.name:
        return "stock"
    if row.ratio is None:
        return "-"
    return f"{row.ratio.estimate:.2f} [{row.ratio.low:.2f}, {row.ratio.high:.2f}]"


def _control(table: Table) -> str:
    control = table.control
    return (
        f"A/A control on {table.url}: anonymous differs from its copy by {_time(control.estimate)} µs "
        f"({_time(control.low)} to {_time(control.high)}, {100 * table.control_level:.4g} % interval); more "
        f"than {_time(MATTERS * table.anonymous.request)} µs would matter. To switch contenders costs "
        f"{times(table.switching)} µs, in the requests left out at the start of a block."
    )
