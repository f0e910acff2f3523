"""The two tables of `refreshes`, for a terminal and in Markdown."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich import box
from rich.table import Table

from benchmarks.results.records.refreshes import Library, Refreshes
from benchmarks.results.records.revocation import Cell
from benchmarks.stats.search import DAY, NO_EVENT, WITHIN, End

REFRESH_TOKEN = "… refresh token"  # the second line of a library


@dataclass(frozen=True, slots=True)
class Grid:
    """A table: its title, its head and its rows."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def of(record: Refreshes) -> list[Table]:
    """Return both tables for a terminal."""
    return [_rich(grid) for grid in (written(record), ends(record))]


def markdown(record: Refreshes) -> str:
    """Return both tables in Markdown."""
    return "\n".join(_markdown(grid) for grid in (written(record), ends(record)))


def written(record: Refreshes) -> Grid:
    """Return what one refresh writes, a line for each library."""
    return Grid(
        f"What one refresh writes, on {record.service['database']} {record.service['database_version']}",
        ("library", "version", "statements", "rows", "bytes written", "bytes kept"),
        tuple(
            (
                each.name,
                _version(each),
                str(each.written.statements),
                rows(each),
                f"{each.written.bytes_written:,}",
                f"{round(each.written.bytes_kept):,}",
            )
            for each in record.libraries
        ),
    )


def rows(library: Library) -> str:
    """Return the rows that a refresh writes: + inserted, ~ updated, − deleted."""
    parts = []
    for name, counts in library.written.tables.items():
        signs = (("+", counts.inserted), ("~", counts.updated), ("−", counts.deleted))
        parts.append(f"{' '.join(f'{sign}{count}' for sign, count in signs if count)} {name}")
    return ", ".join(parts) or "none"


def ends(record: Refreshes) -> Grid:
    """Return when both tokens end after each event, two lines for each library."""
    names = [event.name for event in record.events]
    lines = []
    for each in record.libraries:
        cells = [each.cells[name] for name in names]
        lines.append((each.name, _lifetime(each.access_seconds), *map(_text, cells)))
        if any(cell.refresh for cell in cells):
            lines.append((REFRESH_TOKEN, _lifetime(each.refresh_seconds), *map(_of_refresh, cells)))
    title = "After an event, when do the tokens of the login stop working?"
    return Grid(title, ("library", "lifetime", *names), tuple(lines))


def remarks(record: Refreshes) -> list[str]:
    """Return what a reader must know to read the tables, a paragraph each."""
    absent = ", ".join(f"{name} ({package})" for name, package in record.absent.items())
    return [
        "Rows: + inserted, ~ updated, − deleted. Statements: without BEGIN and COMMIT. Bytes written: growth of the "
        "write-ahead log by one refresh, the least of 20; SQLite logs whole pages. Bytes kept: growth of all tables "
        f"and indexes by {record.refreshes:,} refreshes of one login, packed by VACUUM, divided by them.",
        "Read along a line: how long the token works after the event. Lifetime: if nothing happens. Never: still "
        f"accepted {record.asked_until_seconds // DAY} days later. A status in parentheses is that of the refusal, if "
        "it is neither 401 nor 403. A refresh token works as long as it gives an access token that does. Each event "
        "met a new login, and the clock was moved.",
        *(f"{event.name.capitalize()}: {event.how}." for event in record.events),
        *(f"{each.name}: {each.settings}." for each in record.libraries),
        *([f"Not installed, so not measured: {absent}. `make bench-contenders` installs them."] if absent else []),
        f"Database: {record.service['database']} {record.service['database_version']}. {record.seconds:.0f} s.",
    ]


def _version(library: Library) -> str:
    return f"{library.package} {library.version}" if library.package else "this project"


def _text(end: End) -> str:
    kind = f"within {end.seconds} s" if end.kind == WITHIN else end.kind
    return kind if end.status in (None, 401, 403) else f"{kind} ({end.status})"


def _of_refresh(cell: Cell) -> str:
    return _text(cell.refresh) if cell.refresh else NO_EVENT


def _lifetime(seconds: int | None) -> str:
    return "no end" if seconds is None else f"{seconds:,} s"


def _rich(grid: Grid) -> Table:
    shown = Table(title=f"{grid.title}\n", title_justify="left", box=box.SIMPLE, padding=(0, 1, 0, 0), show_edge=False)
    for name in grid.head:
        shown.add_column(name, overflow="fold")
    for row in grid.rows:
        shown.add_row(*row)
    return shown


def _markdown(grid: Grid) -> str:
    named = [(name if name == REFRESH_TOKEN else f"`{name}`", *cells) for name, *cells in grid.rows]
    lines: list[Sequence[str]] = [grid.head, ["---"] * len(grid.head), *named]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
