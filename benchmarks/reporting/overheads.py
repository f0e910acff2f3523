"""What schemes add at one URL, in pictures and tables: a forest, and scheme against scheme."""

from collections.abc import Callable

from benchmarks.reporting import frontier, pictures
from benchmarks.reporting.page import Field, Grid, Picture
from benchmarks.reporting.wording import MINUS, interval, number, ratio, whole
from benchmarks.stats.intervals import Interval
from benchmarks.stats.overhead import Row, Table
from benchmarks.stats.verdicts import Contest

READ = (
    f"Read along a row, cheapest first. {MINUS}17: its scheme takes 17 µs less than the one above the column; +17: it "
    "takes 17 µs more; ≈: the difference is too small to matter; ?: the run cannot tell. The verdicts of a URL hold "
    "together."
)

# A verdict -> the colour of its field.
KINDS = {"faster": "good", "slower": "bad", "equivalent": "mixed", "inconclusive": ""}


def forest(name: str, table: Table, stock: frozenset[str]) -> Picture:
    """Return what each row adds, with its interval. `stock`: rows that are a library's own."""
    rows = sorted(table.rows, key=lambda row: row.overhead.estimate)
    alt = f"Forest plot for {table.url}, in microseconds on top of anonymous. " + "; ".join(
        f"{row.name} {interval(row.overhead)}" for row in rows
    )
    notes = (
        f"A/A control: {interval(table.control)} µs, a {100 * table.control_level:.4g} % interval. "
        f"Anonymous request: {number(table.anonymous.request)} µs.",
        f"Switching from one contender to another costs {interval(table.switching)} µs, which is not counted.",
    )
    caption = f"Overhead on {table.url}, times in µs, sizes in bytes"
    return Picture(table.url, pictures.forest(name, table, stock, alt), grid(caption, table), notes)


def grid(caption: str, table: Table, shown: Callable[[str], str] = str) -> Grid:
    """Return what each row adds, cheapest first. `shown`: how the name of a contender is shown."""
    rows = sorted(table.rows, key=lambda row: row.overhead.estimate)
    return Grid(
        caption,
        ("contender", "adds (95 %)", "request", "to stock (95 %)", "SQL", "header", "body"),
        (
            _row(shown(table.anonymous.name), table.anonymous, "–"),
            *(_row(shown(row.name), row, interval(row.overhead)) for row in rows),
            (Field("A/A control"), Field(interval(table.control)), *[Field("–")] * 5),
        ),
    )


def _row(name: str, row: Row, adds: str) -> tuple[Field, ...]:
    facts = row.facts
    counted = (facts.sql_statements, facts.header_bytes, facts.response_bytes)
    return (
        Field(name),
        Field(adds),
        Field(number(row.request)),
        Field("stock" if row.reference == row.name else "–" if row.ratio is None else ratio(row.ratio)),
        *(Field(str(each)) for each in counted),
    )


def contests(table: Table) -> Grid:
    """Return scheme against scheme, cheapest first; READ says how to read it."""
    names = [row.name for row in sorted(table.rows, key=lambda row: row.overhead.estimate)]
    verdicts = frontier.verdicts(table)

    def field(first: str, second: str) -> Field:
        contest = verdicts.get((first, second))
        if contest is None:
            return Field("·" if first == second else "–")
        return Field(_mark(contest), KINDS[contest.verdict], f"{contest.verdict}, {_by(contest)} µs")

    return Grid(
        f"{table.url}: row minus column, in µs; ≈: within {table.margin_us:g} µs",
        ("", *names),
        tuple((Field(first), *(field(first, second) for second in names)) for first in names),
        matrix=True,
    )


def _mark(contest: Contest) -> str:
    marks = {"equivalent": "≈", "inconclusive": "?"}
    return marks.get(contest.verdict) or whole(_row_minus_column(contest).estimate)


def _by(contest: Contest) -> str:
    return interval(_row_minus_column(contest), signed=True)


def _row_minus_column(contest: Contest) -> Interval:
    """Return the difference from the first contender's side: a contest has second minus first."""
    return contest.reversed().difference
