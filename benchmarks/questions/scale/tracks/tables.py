"""The tables and remarks that the command `scale tracks` shows."""

from collections.abc import Iterator
from typing import Any

from rich import box
from rich.table import Table

from benchmarks.reporting import tables
from benchmarks.reporting.wording import interval
from benchmarks.results.records.scale_tracks import Catalogue, ScaleTracks
from benchmarks.stats.intervals import Interval

FIRST = "(first page)"  # the query without a query string


def of(record: ScaleTracks, plans: bool) -> Iterator[Table | str]:
    """Yield a table for each number of tracks, and what its plans read if `plans`."""
    for size in record.sizes:
        yield _size(record, size)
        if plans:
            yield from _plans(record, size)


def _size(record: ScaleTracks, size: Catalogue) -> Table:
    least, revision = record.sizes[0], record.revision
    shown = Table(
        title=f"GET /tracks/ among {size.tracks:,} tracks ({len(record.turns)} processes; times in ms)",
        title_justify="left",
        box=box.SIMPLE,
        padding=0,
    )
    shown.add_column("query", overflow="fold")
    reference = revision.name if revision else f"among {least.tracks:,}"
    headings = ["SQL", "ms (95 %)"]
    if revision or size is not least:
        headings[1:1] = [f"{reference} (95 %)"]
        headings.append("ratio (95 %)")
    for heading in headings:
        shown.add_column(heading, justify="right", no_wrap=True)
    fewer = {each.query: each.time_ms for each in least.queries}
    for each in size.queries:
        before = each.before_ms if revision else fewer.get(each.query)
        statements = str(each.statements)
        if each.before_statements not in (None, each.statements):
            statements = f"{each.before_statements}→{each.statements}"
        cells = [statements, interval(each.time_ms)]
        if len(headings) > 2:
            cells[1:1] = [interval(before) if before else "-"]
            cells.append(ratio(each.ratio) if each.ratio else "-")
        shown.add_row(each.query or FIRST, *cells)
    return shown


def ratio(value: Interval) -> str:
    """Return a ratio with three decimals, since the deepest pages differ by a hundred times."""
    return f"{value.estimate:.3f} ({value.low:.3f} to {value.high:.3f})"


def _plans(record: ScaleTracks, size: Catalogue) -> Iterator[str]:
    for each in size.queries:
        yield f"{each.query or FIRST}: {'; '.join(each.plan)}"
        if record.revision and each.before_plan != each.plan:
            yield f"  {record.revision.name}: {'; '.join(each.before_plan)}"


def remarks(record: ScaleTracks, machine: dict[str, Any]) -> list[str]:
    """Return what a reader must know to read the tables, a paragraph each."""
    reference = f"at {record.revision.name}" if record.revision else "among the fewest tracks"
    return [
        f"Ratio: to the same query {reference}. Times: a whole request by anonymous, the median of a process's "
        "requests, averaged over the processes. SQL: statements.",
        *(
            f"{size.tracks:,} tracks have no such page: {', '.join(size.missing)}."
            for size in record.sizes
            if size.missing
        ),
        *(f"The bodies differ: {', '.join(size.unlike)}." for size in record.sizes if size.unlike),
        *(
            ["The bodies are equal, byte for byte."]
            if record.revision and not any(s.unlike for s in record.sizes)
            else []
        ),
        *(["The whole SQLite file was analysed first."] if record.analyzed else []),
        *(
            f"A/A control among {size.tracks:,} tracks: the first page differs from itself by "
            f"{size.control.estimate:+.2f} ms ({size.control.low:+.2f} to {size.control.high:+.2f}; "
            f"{100 * record.control_level:.4g} % interval). {size.database_bytes / 1e6:,.1f} MB on disk"
            + (f", loaded in {size.seconds:.0f} s." if size.seconds else ", copied.")
            for size in record.sizes
        ),
        *tables.measured(record.service),
        *tables.on(machine, record.steal, record.load_average_after, record.seconds, record.waited),
    ]
