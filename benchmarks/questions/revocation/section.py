"""The section of a report that shows a result of `revocation`."""

from collections.abc import Sequence

from benchmarks.reporting import frontier
from benchmarks.reporting.page import Field, Grid, Section
from benchmarks.results.records.revocation import Cell, End, Ends, Event, Revocation


def section(revocation: Revocation) -> Section:
    """Return the section with the matrix of schemes and events."""
    names = [event.name for event in revocation.events]
    matrix = Grid(
        "When the old credential stops working",
        ("scheme", *names),
        tuple((Field(row.scheme), *(_end(row.cells.get(name), row) for name in names)) for row in revocation.rows),
        prose=True,
    )
    done = Grid(
        "What was done",
        ("event", "how"),
        tuple((Field(event.name), Field(_how(event, revocation))) for event in revocation.events),
        prose=True,
    )
    return Section(
        "revocation",
        "When a credential stops working",
        "Read along a line: how long the old credential still works after each event. Each cell was tried with real "
        "requests, for the refresh token too, which is named if it does not end together with the credential. A dash: "
        "the scheme has no such event. A number in parentheses: the status of the refusal, if neither 401 nor 403.",
        grids=(matrix, *_elsewhere(revocation)),
        folded=(done,),
    )


def _elsewhere(revocation: Revocation) -> list[Grid]:
    if not revocation.elsewhere:
        return []
    schemes = {row.scheme: row for row in revocation.rows}
    rows = []
    for each in revocation.elsewhere:
        row = schemes.get(each.scheme, Ends(each.scheme, None, None, {}))
        alone = _worst(each.alone_ms) or _refusal(each.alone, row)
        kind = frontier.kind(frontier.seconds(each.alone, row))
        measured = _worst(each.with_valkey_ms) or "–"
        rows.append((Field(each.scheme), Field(each.event), Field(alone, kind), Field(measured)))
    title = "In another process than the one in which the event happened, for schemes that answer from memory"
    return [Grid(title, ("scheme", "event", "without Valkey", "with Valkey"), tuple(rows), prose=True)]


def _worst(milliseconds: Sequence[float]) -> str:
    return f"{max(milliseconds):.1f} ms, worst of {len(milliseconds)}" if milliseconds else ""


def _end(cell: Cell | None, row: Ends) -> Field:
    worst = None if cell is None else frontier.last(cell, row)
    if worst is None:
        return Field("–")
    text = _refusal(cell, row)
    if cell.refresh is not None and _refusal(cell.refresh, row) != text:
        text += f"; refresh token: {_refusal(cell.refresh, row)}"
    return Field(text, frontier.kind(frontier.seconds(worst, row)))


def _refusal(end: End, row: Ends) -> str:
    text = frontier.delay(end, row)
    return text if end.status in (None, 401, 403) else f"{text} ({end.status})"


def _how(event: Event, revocation: Revocation) -> str:
    ways: dict[str, list[str]] = {}
    for row in revocation.rows:
        if event.name in row.cells and (how := row.cells[event.name].how):
            ways.setdefault(how, []).append(row.scheme)
    return "; ".join([event.how, *(f"{', '.join(schemes)}: {how}" for how, schemes in ways.items())])
