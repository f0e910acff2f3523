"""How a command ends: it writes its result, shows it, and exits with the code of its verdict."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from benchmarks import terminal
from benchmarks.databases.scratch import DatabaseError
from benchmarks.processes import environment, start
from benchmarks.reporting.tables import verdict_line
from benchmarks.results import files
from benchmarks.results.records.common import Environment, Record
from benchmarks.stats.overhead import Verdict


def look_around() -> dict[str, Any]:
    """Say how busy the machine is, and return environment.describe(): before a command measures."""
    show(terminal.console(), [environment.look_around().sentence])
    return environment.describe()


@contextmanager
def refusals(*more: type[Exception]) -> Iterator[None]:
    """Exit with 1 and the error's message if a contender is refused or a process fails.

    Say so if a signal ended the run before there was a result.

    Every command wraps its run in this. `more`: errors of its own that end it in the same way.
    """
    try:
        yield
    except SystemExit as error:
        if name := terminal.ended_by(error.code):
            click.echo(f"Ended by {name}: no result is written.", err=True)
        raise
    except (start.WorkerRefusedError, start.WorkerFailedError, DatabaseError, *more) as error:
        raise click.ClickException(str(error)) from None


def finish(
    path: Path | None,
    record: Record,
    shown: Iterable[Table | str],
    *,
    verdict: Verdict | None = None,
    closing: Sequence[str] = (),
    code: int = 0,
    written_as: str = "Everything measured",
    machine: dict[str, Any] | None = None,
    hidden: str | None = None,
):
    """Write the result of a command, show it, and exit: the last call of a command that measures.

    If the file cannot be written, the result is still shown, and the exit code is 1.

    `path`        None: the result is not written
    `record`      what the file holds under the head of all results
    `shown`       tables and lines, in this order
    `verdict`     whether the run can be trusted; if not, the exit code is 3, or that of a run that
                  ended early
    `closing`     lines in bold at the end, after the verdict
    `code`        exit code for a reason other than the verdict
    `written_as`  name of the file's content in the line with its path; empty: no such line
    `machine`     environment.describe() from before the run; None: what it says now
    `hidden`      word of the command line to leave out: the database's URL, with its password
    """
    written = path and files.save(path, record, Environment(**(machine or environment.describe())), hidden=hidden)
    console = terminal.console()
    show(console, shown)
    if written and written_as:
        console.print(written.line(written_as), highlight=False, markup=False, soft_wrap=True)
    if verdict:
        closing = (verdict_line(verdict), *verdict.remarks, *closing)
        code = code or verdict.exit_code or (0 if verdict.conclusive else terminal.INCONCLUSIVE)
    if closing:
        console.print()
        show(console, closing, style="bold")
    if written:
        written.end()
    if code:
        sys.exit(code)


def show(console: Console, shown: Iterable[Table | str], style: str | None = None):
    """Print tables, and lines without markup."""
    for each in shown:
        if isinstance(each, str):
            console.print(each, highlight=False, markup=False, style=style)
        else:
            console.print(each)
