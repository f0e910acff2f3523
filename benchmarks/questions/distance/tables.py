"""The table and the remarks that the command `distance` shows."""

from typing import Any

from rich.table import Table

from benchmarks.reporting import tables
from benchmarks.reporting.wording import interval
from benchmarks.results.records.distance import Distance


def of(record: Distance) -> Table:
    """Return a table with a line for each scheme and a column for each distance."""
    nearest, count = record.distances[0].table, len(record.turns)
    title = f"{nearest.url}: µs added, by the distance of the database ({count} processes at each distance)"
    shown = tables.empty(title, "contender", *(f"{each.distance_ms:g} ms" for each in record.distances), "waits")
    for number, row in enumerate(nearest.rows):
        intervals = [each.table.rows[number].overhead for each in record.distances]
        cells = (interval(each).replace(" (", "\n(") for each in intervals)
        shown.add_row(row.name, *cells, f"{record.waits[row.name].estimate:.2f}")
    return shown


def remarks(record: Distance, machine: dict[str, Any]) -> list[str]:
    """Return what a reader must know to read the table, a paragraph each."""
    return [
        "Read waits first: how many round trips to the database a scheme adds to a request, computed from the growth "
        "with the distance. The other columns: microseconds on top of anonymous, which sends no query, with the 95 % "
        "interval below.",
        *tables.round_trips(record.round_trips),
        *tables.conditions(record, machine),
    ]
