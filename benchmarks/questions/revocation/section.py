"""The section of a report that shows a result of `revocation`."""

from benchmarks.reporting import frontier
from benchmarks.reporting.page import Field, Grid, Section
from benchmarks.results.records.revocation import Cell, End, Event, Ends, Revocation


def section(revocation: Revocation) -> Section:
    names = [event.name for event in revocation.events]
    matrix = Grid(
        "When the old credential stops to work",
        ("scheme", *names),
        tuple((Field(life.scheme), *(_end(life.cells.get(name), life) for name in names)) for life in revocation.rows),
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
        "When a credential dies",
        "Tried, not read off the code: after each event the old credential was presented again, and the refresh "
        "token where there is one; it is named where it does not end together with the credential. A dash: the "
        "scheme has no such event. A number in parentheses: the status of the refusal, if neither 401 nor 403.",
        grids=(matrix, *_elsewhere(revocation)),
        folded=(done,),
    )


def _elsewhere(revocation: Revocation) -> list[Grid]:
    if not revocation.elsewhere:
        return []
    lives = {life.scheme: life for life in revocation.rows}
    rows = []
    for each in revocation.elsewhere:
        life = lives.get(each.scheme, Ends(each.scheme, {}))
        measured = (
            f"{max(each.with_valkey_ms):.1f} ms, worst of {len(each.with_valkey_ms)}" if each.with_valkey_ms else "–"
        )
        alone = Field(_refusal(each.alone, life), frontier.kind(frontier.seconds(each.alone, life)))
        rows.append((Field(each.scheme), Field(each.event), alone, Field(measured)))
    title = "In another process than the one in which it happened, of schemes that answer from memory"
    return [Grid(title, ("scheme", "event", "without Valkey", "with Valkey"), tuple(rows), prose=True)]


def _end(cell: Cell | None, life: Ends) -> Field:
    worst = None if cell is None else frontier.last(cell, life)
    if worst is None:
        return Field("–")
    text = _refusal(cell, life)
    if cell.refresh is not None and _refusal(cell.refresh, life) != text:
        text += f"; refresh token: {_refusal(cell.refresh, life)}"
    return Field(text, frontier.kind(frontier.seconds(worst, life)))


def _refusal(end: End, life: Ends) -> str:
    text = frontier.delay(end, life)
    return text if end.status in (None, 401, 403) else f"{text} ({end.status})"


def _how(event: Event, revocation: Revocation) -> str:
    ways: dict[str, list[str]] = {}
    for life in revocation.rows:
        if event.name in life.cells and (how := life.cells[event.name].how):
            ways.setdefault(how, []).append(life.scheme)
    return "; ".join([event.how, *(f"{', '.join(schemes)}: {how}" for how, schemes in ways.items())])
