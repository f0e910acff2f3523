"""The sections of a report that show a result of `overhead`."""

from benchmarks.reporting import frontier, pictures
from benchmarks.reporting.page import Field, Grid, Picture, Section
from benchmarks.reporting.wording import interval, number, ratio
from benchmarks.results.records.overhead import Overhead
from benchmarks.stats.overhead import Row, Table
from benchmarks.stats.verdicts import Contest

_KINDS = {"faster": "good", "slower": "bad", "equivalent": "mixed", "inconclusive": ""}


def section(overhead: Overhead) -> Section:
    """Return what each scheme adds."""
    stock = frozenset(contender.name for contender in overhead.contenders if contender.is_stock)
    shown = [_forest(index, table, stock) for index, table in enumerate(overhead.tables)]
    return Section(
        "overhead",
        "What each scheme adds to a request",
        "Microseconds on top of anonymous, the same request without authentication: estimate and 95 % interval. "
        "Further right costs more. A hollow square is a library's own class. The grey band is the noise: the A/A "
        "control's interval, by which a copy of anonymous differs from anonymous.",
        tuple(shown),
    )


def _forest(index: int, table: Table, stock: frozenset[str]) -> Picture:
    rows = sorted(table.rows, key=lambda row: row.overhead.estimate)
    alt = f"Forest plot for {table.url}, in microseconds on top of anonymous. " + "; ".join(
        f"{row.name} {interval(row.overhead)}" for row in rows
    )
    notes = (
        f"A/A control: {interval(table.control)} µs, a {100 * table.control_level:.4g} % interval. "
        f"Anonymous request: {number(table.anonymous.request)} µs.",
        f"Switching from one contender to another costs {interval(table.switching)} µs, which is not counted.",
    )
    grid = Grid(
        f"Overhead on {table.url}, times in µs, sizes in bytes",
        ("contender", "adds (95 %)", "request", "to stock (95 %)", "SQL", "header", "body"),
        (
            _row(table.anonymous, "–"),
            *(_row(row, interval(row.overhead)) for row in rows),
            (Field("A/A control"), Field(interval(table.control)), *[Field("–")] * 5),
        ),
    )
    return Picture(table.url, pictures.forest(f"forest-{index}", table, stock, alt), grid, notes)


def _row(row: Row, adds: str) -> tuple[Field, ...]:
    facts = row.facts
    counted = (facts.sql_statements, facts.header_bytes, facts.response_bytes)
    return (
        Field(row.name),
        Field(adds),
        Field(number(row.request)),
        Field("stock" if row.reference == row.name else "–" if row.ratio is None else ratio(row.ratio)),
        *(Field(str(each)) for each in counted),
    )


def contests(overhead: Overhead) -> Section | None:
    """Return the contests; None: there was one contender only."""
    grids = tuple(_matrix(table) for table in overhead.tables if table.contests)
    if not grids:
        return None
    return Section(
        "contests",
        "Scheme against scheme",
        "Read along a row: its scheme is faster or slower than the one above the column, by so many µs. Equivalent: "
        "the difference is too small to matter. Inconclusive: the run cannot tell.",
        grids=grids,
    )


def _matrix(table: Table) -> Grid:
    names = [row.name for row in table.rows]
    verdicts = frontier.verdicts(table)

    def field(first: str, second: str) -> Field:
        contest: Contest | None = verdicts.get((first, second))
        if contest is None:
            return Field("·" if first == second else "–")
        difference = number(abs(contest.difference.estimate))
        by = f" by {difference}" if contest.verdict in ("faster", "slower") else ""
        return Field(f"{contest.verdict}{by}", _KINDS[contest.verdict])

    return Grid(
        f"{table.url}: row against column, in µs; equivalent: within {table.margin_us:g} µs",
        ("", *names),
        tuple((Field(first), *(field(first, second) for second in names)) for first in names),
    )
