"""What does a refresh write, and what ends a login, library by library?"""

import time
from pathlib import Path

import click

from benchmarks import terminal
from benchmarks.databases.scratch import several
from benchmarks.questions import options, outcome
from benchmarks.questions.refreshes import run as experiment
from benchmarks.questions.refreshes import tables
from benchmarks.questions.refreshes.messages import EVENTS
from benchmarks.questions.refreshes.setups import SETUPS, missing
from benchmarks.results import files
from benchmarks.results.records.refreshes import Refreshes
from benchmarks.stats.search import HORIZON


@click.command(name="refreshes")
@click.option(
    "--library",
    "names",
    type=click.Choice(list(SETUPS)),
    multiple=True,
    help="A library in one of its setups; may be repeated.  [default: all that are installed]",
)
@options.value("--refreshes", click.IntRange(1, 100_000), 1000, "Refreshes whose bytes stay in the database.")
@options.databases
@click.option("--markdown", type=options.OUTPUT, metavar="FILE", help="Write the tables in Markdown too.")
@options.json_file("refreshes", "the result")
def command(names: tuple[str, ...], refreshes: int, markdown: Path | None, path: Path | None, **place):
    """Find out what a refresh writes, and what ends a login, library by library.

    Each library has a project, a process and a database of its own, and real requests go to its
    own endpoints. The database counts statements and rows; the bytes are those of its
    write-ahead log, and those that stay. Then, for each event, a new user logs in, the event
    happens, the clock is moved (nobody waits), and the tokens are presented, to the second and up
    to 400 days later. `make bench-contenders` installs the libraries.

    \b
    Exit codes:
      0  found
      1  a library is not installed or was refused, a process failed, or a file cannot be written
      2  wrong usage
    """
    begin = time.monotonic()
    path = files.destination(path, "refreshes")
    if markdown:
        files.try_file(markdown)
    absent = missing(names or tuple(SETUPS))
    if names and absent:
        raise click.ClickException(f"not installed: {', '.join(absent.values())}; `make bench-contenders` installs it")
    chosen = [name for name in names or SETUPS if name not in absent]
    with (
        outcome.refusals(),
        several(len(chosen), **place) as databases,
        terminal.progress("preparing", "asking") as watcher,
    ):
        libraries, service = experiment.run(chosen, refreshes, databases, watcher)
    seconds = round(time.monotonic() - begin, 1)
    record = Refreshes(
        seconds=seconds,
        service=service,
        refreshes=refreshes,
        asked_until_seconds=HORIZON,
        events=EVENTS,
        libraries=tuple(libraries),
        absent=absent,
    )
    written = files.write_file(markdown, tables.markdown(record).encode()) if markdown else None
    shown = [*tables.of(record), *tables.remarks(record), *([written.line("Tables")] if written else [])]
    outcome.finish(path, record, shown, written_as="Everything found", hidden=place["database_url"])
