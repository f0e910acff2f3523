"""The section of a report that shows a result of `refreshes`."""

from benchmarks.questions.refreshes import tables
from benchmarks.reporting.page import Field, Grid, Section
from benchmarks.results.records.refreshes import Refreshes


def section(refreshes: Refreshes) -> Section:
    """Return both tables, the events and the setups."""
    return Section(
        "refreshes",
        "What a refresh writes, and what ends a login",
        "Rows: + inserted, ~ updated, − deleted. Read along a line of the second table: how long the token still works "
        "after the event. A number in parentheses: the status of the refusal, if neither 401 nor 403.",
        grids=(_grid(tables.written(refreshes)), _grid(tables.ends(refreshes))),
        folded=(
            _pairs("What was done", ("event", "how"), [(each.name, each.how) for each in refreshes.events]),
            _pairs("The setups", ("library", "settings"), [(each.name, each.settings) for each in refreshes.libraries]),
        ),
    )


def _grid(grid: tables.Grid) -> Grid:
    return Grid(grid.title, grid.head, tuple(tuple(map(Field, row)) for row in grid.rows), prose=True)


def _pairs(title: str, head: tuple[str, str], pairs: list[tuple[str, str]]) -> Grid:
    return Grid(title, head, tuple((Field(name), Field(text)) for name, text in pairs), prose=True)
