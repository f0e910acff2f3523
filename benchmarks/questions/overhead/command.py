"""What does each scheme add to one request, in process?"""

import time

import click

from benchmarks import terminal
from benchmarks.databases import scratch as databases
from benchmarks.messages import Assignment, Population
from benchmarks.processes import environment, start
from benchmarks.questions import options, outcome
from benchmarks.questions.overhead import run as experiment
from benchmarks.reporting import tables
from benchmarks.results import files


@click.command(name="overhead")
@options.contenders
@options.others
@options.urls("/whoami/", "/tracks/")
@options.processes(
    "Fresh processes, over which the intervals are taken; with --budget or --precision, the fewest.  "
    "[default: 10, and more as the budget allows]"
)
@options.budget("Seconds that the run may take.  [default: 60; 600 with --precision]")
@options.precision("Stop when no interval is wider than so many microseconds either way.")
@options.margin("Microseconds within which two contenders are called equivalent.")
@options.rounds("Rounds in each process at each URL.")
@options.block("contender")
@options.drop
@options.population
@options.databases
@options.json_file("overhead")
def command(schemes, others, urls, count, budget, precision, margin, rounds, block, drop, population, path, **place):
    """What does each scheme add to one request, in process?

    Every contender answers the same URL by the same view through the same handler; all that differs is
    the authentication class, and that `anonymous` lets everybody in. Each is proved before it is timed:
    200 with its credential, 401 without, with garbage and with a forged one, and the expected body.
    Blocks of requests alternate in balanced random order; differences to anonymous are paired within a
    round, and the intervals are taken over fresh processes. `anonymous again`, an identical copy, is the
    run's own A/A control.

    Any two contenders meet in a contest: one is faster, or both are equivalent within the margin, or neither
    can be shown.

    The run is inconclusive when the control's interval (99 %, shared among the URLs) excludes zero and the
    difference is above 0.5 % of the request, when that interval reaches further than half of the largest
    overhead, when the hypervisor took more than 5 % of the time the processors had work, when other work
    had the processor for more than 20 % of the time, or when an interval is wider than --precision.

    \b
    Exit codes:
      0  conclusive
      1  a contender was refused, a process failed, or a file cannot be written
      2  wrong usage
      3  inconclusive
    """
    begin = time.monotonic()
    options.check_blocks(block, drop)
    path = files.destination(path, "overhead")
    assignment = Assignment(options.chosen(schemes, others), dict.fromkeys(urls, 0), block, drop, seed=0)
    machine = environment.describe()
    budget = options.budget_or(600 if precision else 60, budget, count and not precision)
    with outcome.refusals(), databases.scratch(**place) as scratch:
        stored = start.fill(scratch, assignment.schemes, Population(population))
        end = None if budget is None else begin + budget + stored.seconds
        aim = experiment.Aim(count or options.PROCESSES, end, precision)
        with terminal.progress() as watcher:
            run = experiment.run(assignment, scratch, aim, rounds, watcher)
    record = experiment.record(
        run,
        assignment,
        aim,
        margin,
        budget,
        seconds=round(time.monotonic() - begin, 1),
        population=population,
        stored=stored,
    )
    outcome.finish(
        "overhead",
        path,
        record,
        [
            *(shown for table in record.tables for shown in tables.of_url(table, len(record.processes))),
            *tables.about(record, machine),
        ],
        verdict=record.verdict,
        closing=[record.answer],
        hidden=place["database_url"],
    )
