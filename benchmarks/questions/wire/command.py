"""What does each scheme add to one request over HTTP, to a real server?"""

import time
from collections.abc import Iterator
from typing import Any

import click
from rich.table import Table

from benchmarks import terminal
from benchmarks.databases.scratch import scratch
from benchmarks.messages import Assignment, Population
from benchmarks.processes import start, turns
from benchmarks.questions import options, outcome
from benchmarks.questions.wire import run as experiment
from benchmarks.reporting import tables
from benchmarks.reporting.wording import interval
from benchmarks.results import comparison, files
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
    help="A result of `overhead` to compare the wire with.  [default: measured here, by turns with the wire]",
)
@options.timing("servers", "interval over the wire")
@options.json_file("wire")
def command(
    schemes, others, urls, server, beside, count, budget, precision, margin, rounds, block, drop, population, path, **db
):
    """Measure what each scheme adds to one request over HTTP, to a real server.

    A client sends one request at a time over one kept TCP connection, so neither waits for anybody
    else. The run starts a fresh server and a fresh client some ten times, with another hash seed
    each. One process serves all contenders at the same URL by the same view. On two processors or
    more, server and client have one each. Timing, proofs and verdict are those of `overhead`.

    The run also measures what the same contenders add in process, and shows where the two differ.

    The run is inconclusive if `overhead` would be, over the wire or in process.

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
    machine = outcome.look_around()
    budget = options.budget_or(600 if precision else 60, budget, count and not precision)
    with outcome.refusals(files.ResultError, comparison.UnlikeError):
        inside = comparison.read(beside) if beside else None
        with scratch(**db) as database:
            stored = start.fill(database, assignment.schemes, Population(population))
            end = None if budget is None else begin + budget + stored.seconds
            places = experiment.places(database, server, inside)
            with terminal.progress() as watcher:
                run = turns.run(assignment, places, count, end, rounds, watcher, precision)
        known = {"seconds": round(time.monotonic() - begin, 1), "population": population, "stored": stored}
        record = experiment.record(
            run, assignment, margin, precision, budget, machine, inside, beside_file=beside and beside.name, **known
        )
    shown, credential = _shown(record, beside, margin, machine), db["database_url"]
    outcome.finish(
        path, record, shown, machine=machine, verdict=record.verdict, closing=[record.answer], hidden=credential
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
