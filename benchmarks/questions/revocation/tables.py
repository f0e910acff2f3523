"""The tables and remarks that the command `revocation` shows."""

from collections.abc import Sequence

from rich import box
from rich.table import Table

from benchmarks.results.records.revocation import Delay, End, Revocation
from benchmarks.stats.search import AT_ONCE, DAY, NO_EVENT, WITHIN
from config.schemes import SCHEMES


def of(record: Revocation) -> list[Table]:
    """Return the table of all events, and that of other processes if there is anything to show."""
    return [_events(record), *([_cross_process(record.elsewhere)] if record.elsewhere else [])]


def _events(record: Revocation) -> Table:
    """Return a table with a line for each scheme, and one for its refresh token if it has one."""
    shown = Table(
        title="After an event, when does the old credential stop working?",
        title_justify="left",
        box=box.SIMPLE,
        padding=0,  # the console may have 100 columns
        show_edge=False,
    )
    shown.add_column("scheme", min_width=max(map(len, SCHEMES)), overflow="fold")
    shown.add_column("lifetime", justify="right")
    for event in record.events:
        # Room for the longest word, which rich would cut.
        shown.add_column(event.name, width=1 + max(map(len, (*event.name.split(), AT_ONCE))))
    for row in record.rows:
        cells = [row.cells[event.name] for event in record.events]
        shown.add_row(row.scheme, _seconds(row.access_seconds), *map(_text, cells))
        if any(cell.refresh for cell in cells):
            ends = (_text(cell.refresh) if cell.refresh else NO_EVENT for cell in cells)
            shown.add_row("  refresh token", _seconds(row.refresh_seconds), *ends, style="dim")
    return shown


def _cross_process(delays: Sequence[Delay]) -> Table:
    trials = len(delays[0].with_valkey_ms)
    worst = f"; milliseconds: worst of {trials}" if trials else ""
    shown = Table(
        title=f"\nThe same in another process than the one in which the event happened{worst}",
        title_justify="left",
        box=box.SIMPLE,
        padding=(0, 1),
        show_edge=False,
    )
    shown.add_column("scheme")
    shown.add_column("event")
    shown.add_column("without Valkey", justify="right")
    if trials:
        shown.add_column("with Valkey", justify="right")
    for delay in delays:
        alone = _worst(delay.alone_ms) if delay.alone_ms else _text(delay.alone)
        shown.add_row(delay.scheme, delay.event, alone, *([_worst(delay.with_valkey_ms)] if trials else []))
    return shown


def _worst(milliseconds: Sequence[float]) -> str:
    return f"{max(milliseconds):.1f} ms"


def remarks(record: Revocation) -> list[str]:
    """Return what a reader must know to read the tables, a paragraph each."""
    service = record.service
    switches = ", ".join(f"{name}={value}" for name, value in service["switches"].items())
    lines = [
        "Read along a line: the columns say how long after each event the scheme's credential still works. Lifetime: "
        f"if nothing happens. Never: still accepted {record.asked_until_seconds // DAY} days later. A status in "
        "parentheses is that of the refusal, if it is neither 401 nor 403. A refresh token works as long as it gives "
        "an access token that does. Each event and each request went through the service's own endpoints, for a new "
        "user, with the clock moved. Rows that are a library's own class run without this service's rule that "
        "revokes a user's credentials."
    ]
    if record.elsewhere:
        lines.insert(
            0,
            "In another process: schemes that answer without a statement and still refuse at once in the process of "
            "the event. Milliseconds are real: from the end of the event's answer to the start of the first refused "
            "request, with one request after another. Where the database alone does not tell the other process, its "
            "clock is moved.",
        )
    for event in record.events:
        ways: dict[str, list[str]] = {}
        for row in record.rows:
            if row.cells[event.name].how:
                ways.setdefault(row.cells[event.name].how, []).append(row.scheme)
        ways_here = "; ".join(f"{', '.join(names)}: {how}" for how, names in ways.items())
        lines.append(f"{event.name.capitalize()}: {event.how}.{f' Here {ways_here}.' if ways_here else ''}")
    return [
        *lines,
        f"Database: {service['database']} {service['database_version']}. Switches: {switches or 'defaults'}. "
        f"{record.seconds:.0f} s.",
    ]


def _text(end: End) -> str:
    kind = f"within {end.seconds} s" if end.kind == WITHIN else end.kind
    return kind if end.status in (None, 401, 403) else f"{kind} ({end.status})"


def _seconds(seconds: int | None) -> str:
    return "no end" if seconds is None else f"{seconds} s"
