"""The section of a report for a result that has no section of its own: its table, as csv has it."""

import msgspec

from benchmarks.reporting.page import Field, Grid, Section, doubts
from benchmarks.results import flat
from benchmarks.results.records.common import Record


def section(record: Record) -> Section:
    """Return the section with every row of the result."""
    rows = flat.records({**msgspec.to_builtins(record), "command": record.command})
    columns = list(dict.fromkeys(name for row in rows for name in row))
    grid = Grid(
        f"What {record.command} found",
        tuple(name.replace("_", " ") for name in columns),
        tuple(tuple(Field(_text(row.get(name))) for name in columns) for row in rows),
    )
    return Section(
        f"of-{record.command.replace(' ', '-')}",
        record.command.capitalize(),
        "Each line is one thing that was measured. Times are in microseconds unless the name of a column says "
        "otherwise.",
        grids=(grid,),
        doubts=doubts(getattr(record, "verdict", None)),
    )


def _text(value: object) -> str:
    if value is None:
        return "–"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
