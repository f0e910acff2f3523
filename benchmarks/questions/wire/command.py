"""What does each scheme add to one request over HTTP, to a real server?"""

import time
from collections.abc import Iterator
from typing import Any

import click
from rich.table import Table

from benchmarks import terminal
from benchmarks.databases import scratch as databases
from benchmarks.messages import Assignment, Population
from benchmarks.processes import environment, start, turns
from benchmarks.questions import options, outcome
from benchmarks.questions.wire import run as experiment
from benchmarks.reporting import tables
from benchmarks.reporting.wording import interval
from benchmarks.results import comparison, files
from benchmarks.results.records.common import Environment
from benchmarks.results.records.wire import Beside, Wire
from benchmarks.stats.verdicts import EQUIVALENT, INCONCLUSIVE


@click.command(name="wire")
@options.contenders
@options.others
@options.urls("/whoami/")
@options.server(help="Who serves it.")
@click.option(
    "--beside",
    type=options.OUTPUT,
    metavar="RUN.json",
    help="A result of `overhead` to hold the wire against.  [default: measured here, by turns with the wire]",
)
@options.processes(
    "Fresh servers, over which the intervals are taken; with --budget or --precision, the fewest.  "
    "[default: 10, and more as the budget allows]"
)
@options.budget("Seconds that the run may take.  [default: 60; 600 with --precision]")
@options.precision("Stop when no interval over the wire is wider than so many microseconds either way.")
@options.margin("Microseconds within which two contenders are called equivalent.")
@options.rounds("Rounds in each process at each URL.")
@options.block("contender")
@options.drop
@options.population
@options.databases
@options.json_file("wire")
def command(
    schemes,
    others,
    urls,
    server,
    beside,
    count,
    budget,
    precision,
    margin,
    rounds,
    block,
    drop,
    population,
    path,
    **place,
):
    """What does each scheme add to one request over HTTP, to a real server?

    A fresh server for each process that asks it, over one kept TCP connection, one request at a time: neither waits
    for anybody else. Both are started anew some ten times, with another hash seed each. All contenders are served by
    one process at the same URL by the same view. Where there are two processors the server has one, and the client
    the other. What is timed, how it is proved and how it is judged is otherwise as `overhead` has it.

    Beside it stands what the same contenders add in process, and where the two disagree.

    The run is inconclusive where `overhead` would be, over the wire or in process.

    \b
    Exit codes:
      0  conclusive
      1  a contender was refused, a process or the server failed, or a file cannot be written
      2  wrong usage
      3  inconclusive
    """
    begin = time.monotonic()
    options.check_blocks(block, drop)
    path = files.destination(path, "wire")
    assignment = Assignment(options.chosen(schemes, others), dict.fromkeys(urls, 0), block, drop, seed=0)
    machine = environment.describe()
    budget = options.budget_or(600 if precision else 60, budget, count and not precision)
    with outcome.refusals(files.ResultError, comparison.UnlikeError):
        inside = comparison.read(beside) if beside else None
        with databases.scratch(**place) as scratch:
            stored = start.fill(scratch, assignment.schemes, Population(population))
            end = None if budget is None else begin + budget + stored.seconds
            places = experiment.places(scratch, server, inside)
            with terminal.progress() as watcher:
                run = turns.run(assignment, places, count or options.PROCESSES, end, rounds, watcher, precision)
        record = experiment.record(
            run,
            assignment,
            margin,
            precision,
            budget,
            Environment(**machine),
            inside,
            seconds=round(time.monotonic() - begin, 1),
            population=population,
            stored=stored,
            beside_file=beside and beside.name,
        )
    outcome.finish(
        "wire",
        path,
        record,
        _shown(record, beside, margin, machine),
        verdict=record.verdict,
        closing=[record.answer],
        hidden=place["database_url"],
    )


def _shown(record: Wire, beside, margin: float, machine: dict[str, Any]) -> Iterator[Table | str]:
    for table in record.tables:
        yield from tables.of_url(table, len(record.turns))
        yield _compared([row for row in record.beside if row.url == table.url], table.url, margin)
    yield from experiment.reasons(record.tables, record.service["server"])
    yield from (f"Unlike {beside}: {line}" for line in record.unlike)
    yield from tables.population(record.population, record.stored)
    yield from tables.remarks(record.tables, record.widest_us)
    yield _served(record.service)
    yield from tables.conditions(record, machine)


def _served(service: dict) -> str:
    cores = service["cores"]
    where = (
        f"the server had processor {cores['server']} and the client {cores['client']}"
        if cores
        else "server and client shared the processors: there are not two, or the system lets nobody choose"
    )
    return f"Server: {service['server']}; one client, one kept TCP connection (TCP_NODELAY) on the loopback; {where}."


def _compared(rows: list[Beside], url: str, margin: float) -> Table:
    shown = tables.empty(
        f"{url} compared with in process (anonymous: its request; all others: what they add; in µs)",
        "contender",
        "over the wire (95 %)",
        "in process (95 %)",
        "difference (95 %)",
    )
    shown.add_column("")
    words = {EQUIVALENT: f"the same within {margin:g}", INCONCLUSIVE: "not shown"}
    for row in rows:
        shown.add_row(
            row.name,
            interval(row.wire),
            interval(row.in_process),
            interval(row.difference, signed=True),
            words.get(row.verdict, "more" if row.difference.estimate > 0 else "less"),
        )
    return shown
