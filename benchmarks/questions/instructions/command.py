"""How many instructions does a request of each scheme take, as valgrind counts them?"""

import time
from pathlib import Path

import click
from rich import box
from rich.table import Table

from benchmarks import terminal
from benchmarks.contenders.lineup import LINEUP
from benchmarks.databases import scratch as databases
from benchmarks.messages import ANONYMOUS
from benchmarks.processes import environment, start
from benchmarks.questions.instructions import run as instructions
from benchmarks.results import files
from config.schemes import SCHEMES


@click.command(name="instructions")
@click.option(
    "--scheme",
    "schemes",
    type=click.Choice(list(LINEUP)),
    multiple=True,
    help="A contender by name; may be repeated.  [default: all rows of the scheme table]",
)
@click.option(
    "--contender",
    "others",
    metavar="PACKAGE.MODULE:SCHEME",
    multiple=True,
    help="A config.schemes.Scheme that is in no table; may be repeated.",
)
@click.option("--url", metavar="PATH", default="/whoami/", show_default=True, help="What to GET.")
@click.option(
    "--requests",
    type=(click.IntRange(min=1), click.IntRange(min=2)),
    metavar="FEW MANY",
    default=(20, 60),
    show_default="20 60",
    help="How many requests each of the two processes of a scheme does.",
)
@click.option(
    "--json",
    "path",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where to write what was counted.  [default: results/instructions-<UTC time>.json]",
)
def command(schemes, others, url, requests, path):
    """How many instructions does a request of each scheme take?

    Counted by valgrind's cachegrind, of this service on SQLite, whose own instructions are among them: the
    total of a process that did many requests, minus that of one that did few, divided by the difference in
    requests. Everything is done twice at once, and the difference told. About a minute and a half.

    Instructions are no time, and are not converted into any. Where valgrind is not installed there is nothing
    to count with, which is no fault of the service: the result says so.

    \b
    Exit codes:
      0  counted, or valgrind is not installed
      1  a contender was refused, a process failed, or a file cannot be written
      2  wrong usage
    """
    begin = time.monotonic()
    few, many = requests
    if few >= many:
        raise click.UsageError(f"--requests {few} {many}: the second must be more than the first")
    if not url.startswith("/"):
        raise click.UsageError(f"--url {url!r}: a path, beginning with /")
    path = files.destination(path, "instructions")
    console = terminal.console()
    version = instructions.valgrind()
    if version is None:
        written = files.write(path, "instructions", {"valgrind": None, "url": url, "rows": []})
        console.print("valgrind is not installed: nothing was counted.", highlight=False, markup=False)
        written.end()
        return
    named = dict.fromkeys((*schemes, *others) if schemes or others else SCHEMES)
    task = instructions.Task(tuple(named), url, few, many)
    try:
        with databases.scratch("sqlite", None, databases.SERVED) as scratch:
            runs = instructions.run(task, scratch)
    except (start.WorkerRefusedError, start.WorkerFailedError, instructions.CountError) as error:
        raise click.ClickException(str(error)) from None
    rows = instructions.tabulate(runs)
    written = files.write(
        path,
        "instructions",
        {
            "seconds": round(time.monotonic() - begin, 1),
            "valgrind": version,
            "url": url,
            "requests": requests,
            "rows": rows,
            "runs": runs,
        },
    )
    anonymous = sum(run[ANONYMOUS] for run in runs) / len(runs)
    shown = Table(
        title=f"{url}, instructions of one request (of {few} and {many} requests, {len(runs)} runs)",
        title_justify="left",
        box=box.SIMPLE,
        padding=(0, 1, 0, 0),
    )
    shown.add_column("contender", no_wrap=True)
    for name in ("request", "over anonymous", "runs differ by"):
        shown.add_column(name, justify="right")
    shown.add_row(ANONYMOUS, f"{anonymous:,.0f}", "-", "-")
    for row in rows:
        shown.add_row(
            row.scheme, f"{row.instructions_per_request:,.0f}", f"{row.over_anonymous:,.0f}", f"{row.repeats_to:.3%}"
        )
    console.print(shown)
    machine = environment.describe()
    for line in (
        "Runs differ by: the difference of the two runs in what a scheme takes over anonymous, as a part of it.",
        "Instructions are no time: they take unequal time, waiting takes none, and valgrind's processor lacks some "
        "that the real one may have (SHA, AVX-512).",
        f"valgrind {version}, {machine['python']}, {machine['processor']}; {time.monotonic() - begin:.0f} s.",
    ):
        console.print(line, highlight=False, markup=False)
    console.print(written.told("Everything counted"), highlight=False, markup=False, soft_wrap=True)
    written.end()
