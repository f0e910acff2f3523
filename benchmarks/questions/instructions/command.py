"""How many instructions does a request of each scheme take, as valgrind counts them?"""

import time
from collections.abc import Iterator

import click
from rich.table import Table

from benchmarks.databases.scratch import scratch
from benchmarks.messages import ANONYMOUS, SERVED
from benchmarks.processes import environment
from benchmarks.questions import options, outcome
from benchmarks.questions.instructions import run as experiment
from benchmarks.reporting import tables
from benchmarks.results import files
from benchmarks.results.records.instructions import Instructions


@click.command(name="instructions")
@options.contenders
@options.others
@options.url()
@click.option(
    "--requests",
    type=(click.IntRange(min=1), click.IntRange(min=2)),
    metavar="FEW MANY",
    default=(20, 60),
    show_default="20 60",
    help="How many requests each of the two processes of a scheme does.",
)
@options.json_file("instructions", "what was counted")
def command(schemes, others, url, requests, path):
    """Count the instructions that a request of each scheme takes.

    Valgrind's cachegrind counts them, in this service on SQLite, including SQLite's own: the total
    of a process that did many requests, minus that of one that did few, divided by the difference
    in requests. Two runs count at once, and the result says how far they differ. The command takes
    about a minute and a half.

    Instructions are not time, and nothing converts them. If valgrind is not installed, nothing is
    counted, and the result says so.

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
    path = files.destination(path, "instructions")
    version = experiment.valgrind()
    if version is None:
        record = Instructions(valgrind=None, url=url, requests=requests, rows=())
        missing = ["valgrind is not installed: nothing was counted."]
        outcome.finish(path, record, missing, written_as="")
        return
    task = experiment.Task(options.chosen(schemes, others), url, few, many)
    with outcome.refusals(experiment.CountError), scratch("sqlite", None, SERVED) as database:
        runs = experiment.run(task, database)
    record = Instructions(
        seconds=round(time.monotonic() - begin, 1),
        valgrind=version,
        url=url,
        requests=requests,
        rows=tuple(experiment.tabulate(runs)),
        runs=tuple(runs),
    )
    outcome.finish(path, record, _shown(record), written_as="Everything counted")


def _shown(record: Instructions) -> Iterator[Table | str]:
    few, many = record.requests
    anonymous = sum(run[ANONYMOUS] for run in record.runs) / len(record.runs)
    shown = tables.empty(
        f"{record.url}, instructions of one request (of {few} and {many} requests, {len(record.runs)} runs)",
        "contender",
        "request",
        "over anonymous",
        "runs differ by",
    )
    shown.add_row(ANONYMOUS, f"{anonymous:,.0f}", "-", "-")
    for row in record.rows:
        shown.add_row(
            row.scheme, f"{row.instructions_per_request:,.0f}", f"{row.over_anonymous:,.0f}", f"{row.repeats_to:.3%}"
        )
    yield shown
    machine = environment.describe()
    yield "Runs differ by: how far the two runs differ in the instructions over anonymous, as a share of them."
    yield (
        "Instructions are not time: they take unequal time, waiting takes none, and valgrind's processor lacks some "
        "that the real one may have (SHA, AVX-512)."
    )
    yield f"valgrind {record.valgrind}, {machine['python']}, {machine['processor']}; {record.seconds:.0f} s."
