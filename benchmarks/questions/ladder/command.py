"""Which step of a scheme takes how much of what it adds to a request?"""

import time
from collections.abc import Iterator
from typing import Any

import click
from rich.table import Table

from benchmarks import terminal
from benchmarks.databases.scratch import scratch
from benchmarks.messages import ANONYMOUS, Assignment, Population
from benchmarks.processes import start
from benchmarks.questions import options, outcome
from benchmarks.questions.ladder import run as experiment
from benchmarks.reporting import tables
from benchmarks.reporting.wording import interval, number
from benchmarks.results import files
from benchmarks.results.records.ladder import Ladder, OneLadder


@click.command(name="ladder")
@options.contenders
@options.others
@options.url()
@options.processes(f"Fresh processes, over which the intervals are taken; {options.FEWEST}")
@options.budget("Seconds that the run may take.  [default: 120]")
@options.rounds("Rounds of each scheme in each process.")
@options.block("rung")
@options.drop
@options.population
@options.databases
@options.json_file("ladder")
def command(schemes, others, url, count, budget, rounds, block, drop, population, path, **place):
    """Show which step of a scheme takes how much of what it adds to a request.

    The run stops a scheme's authentication class before one step after another: ask, parse the
    header, verify, load the user, permit. It times each rung against the one below within a round,
    and compares their sum with the untouched class in the same rounds. A class that does not show
    its steps is timed as a whole.

    The run is inconclusive if a ladder does not add up: the interval of whole minus sum (99 %,
    shared among the ladders) excludes zero and the difference is above 0.5 % of the request, or it
    is wider, either way, than half of the whole. It is also inconclusive if the hypervisor took
    more than 5 % of the time the processors had work, or other programs had the processor for more
    than 70 % of the run's time.

    \b
    Exit codes:
      0  every ladder adds up
      1  a rung was refused, a process failed, or a file cannot be written
      2  wrong usage
      3  inconclusive
    """
    begin = time.monotonic()
    options.check_blocks(block, drop)
    path = files.destination(path, "ladder")
    assignment = Assignment(options.chosen(schemes, others), {url: 0}, block, drop, seed=0)
    budget = options.budget_or(120, budget, count)
    machine = outcome.look_around()
    with outcome.refusals(), scratch(**place) as database:
        stored = start.fill(database, assignment.schemes, Population(population))
        end = None if budget is None else begin + budget + stored.seconds
        with terminal.progress() as watcher:
            run = experiment.run(assignment, database, count, end, rounds, watcher)
    record = experiment.record(
        run, assignment, seconds=round(time.monotonic() - begin, 1), population=population, stored=stored
    )
    outcome.finish(
        path,
        record,
        _shown(record, machine),
        verdict=record.verdict,
        machine=machine,
        hidden=place["database_url"],
    )


def _shown(record: Ladder, machine: dict[str, Any]) -> Iterator[Table | str]:
    for ladder in record.ladders:
        yield _table(ladder, len(record.processes))
        yield _adds_up(ladder)
        yield ""
    for whole in record.without_steps:
        yield (
            f"{whole.scheme} on {whole.url} adds {interval(whole.whole)} µs as a whole: its class has an "
            "authenticate() of its own, which does not show its steps, so there is no ladder."
        )
        yield ""
    meanings = " ".join(f"{rung.capitalize()}: {meaning}." for rung, meaning in experiment.MEANINGS.items())
    service, steal = record.service, "unknown" if record.steal is None else f"{record.steal:.1%}"
    yield from tables.population(record.population, record.stored)
    yield (
        "Adds: microseconds on top of the rung below, with a 95 % interval. SQL, signatures: the statements and the "
        f"signature checks of the request up to this rung. {meanings}"
    )
    yield (
        f"Database: {service['database']} {service['database_version']}, {service['transport']}. "
        f"Connection policy: {service['connection']}."
    )
    yield (
        f"Machine: {machine['cores']} x {machine['processor']}, {machine['python']}; steal {steal}; "
        f"{record.seconds:.0f} s."
    )


def _table(ladder: OneLadder, processes: int) -> Table:
    shown = tables.empty(
        f"{ladder.scheme} on {ladder.url} ({processes} processes of {ladder.rounds} rounds; times in µs)",
        "rung",
        "adds (95 %)",
        "of the sum",
        "SQL",
        "signatures",
    )
    shown.add_row(ANONYMOUS, f"(request: {number(ladder.request)})", "", "", "")
    for rung in ladder.rungs:
        share = f"{rung.adds.estimate / ladder.sum.estimate:.0%}"
        shown.add_row(rung.name, interval(rung.adds), share, str(rung.sql_statements), str(rung.signature_checks))
    shown.add_section()
    shown.add_row("sum", interval(ladder.sum), "", "", "")
    facts = ladder.facts
    shown.add_row(experiment.WHOLE, interval(ladder.whole), "", str(facts.sql_statements), str(facts.signature_checks))
    return shown


def _adds_up(ladder: OneLadder) -> str:
    facts = ladder.facts
    if ladder.adds_up:
        level = f"{100 * ladder.rest_level:.4g} % interval"
        rungs = f"add up: whole minus sum is {interval(ladder.rest)} µs ({level})"
    else:
        rungs = ladder.why_not
    return (
        f"The rungs {rungs}. Of the whole, {number(facts.sql_us)} µs are spent in execute(): driver and database, "
        f"without the ORM. The header has {facts.header_bytes} bytes."
    )
