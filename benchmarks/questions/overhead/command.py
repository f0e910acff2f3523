"""What does each scheme add to one request, in process?"""

import time

import click

from benchmarks import terminal
from benchmarks.databases.scratch import scratch
from benchmarks.messages import Assignment, Population
from benchmarks.processes import start
from benchmarks.questions import options, outcome
from benchmarks.questions.overhead import run as experiment
from benchmarks.reporting import tables
from benchmarks.results import files


@click.command(name="overhead")
@options.contenders
@options.others
@options.urls("/whoami/", "/tracks/")
@options.timing("processes", "interval")
@options.json_file("overhead")
def command(schemes, others, urls, count, budget, precision, margin, rounds, block, drop, population, path, **place):
    """Measure what each scheme adds to one request, in process.

    All contenders answer the same URL by the same view through the same handler; they differ in
    their authentication class, and `anonymous` has none. Each is proved before it is timed: 200
    with its credential, 401 without, with garbage and with a forged one, and the expected body. It
    is proved again after the rounds.
    Blocks of requests alternate in balanced random order. Differences to anonymous are paired
    within a round, and intervals are taken over fresh processes. `anonymous again`, an identical
    copy, is the run's A/A control. In the contest of any two contenders one is faster, or both are
    equivalent within the margin, or the run cannot tell.

    A --budget too short for five processes, as on a busy machine, leaves out /tracks/, unless --url
    names it.

    The run is inconclusive if the control's interval (99 %, shared among the URLs) excludes zero
    and the difference is above 0.5 % of the request; if that interval is wider, either way, than
    half of the largest overhead; if the interval of what a contender adds is wider than half of
    that, and of the median overhead, or than a quarter if it may be nothing; if a contender costs
    less than anonymous; if no contest has a verdict and one interval is wider than a quarter of the
    largest overhead; if the hypervisor took more than 5 % of the time the processors had work; if
    other work had the processor for more than 70 % of the time; or if an interval is wider than
    --precision. It then says what would make it conclusive.

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
    machine = outcome.look_around()
    budget = options.budget_or(600 if precision else 60, budget, count and not precision)
    with outcome.refusals(), scratch(**place) as database:
        stored = start.fill(database, assignment.schemes, Population(population))
        end = None if budget is None else begin + budget + stored.seconds
        aim = experiment.Aim(count, end, precision)
        with terminal.progress() as watcher:
            run = experiment.run(assignment, database, aim, rounds, watcher, options.spare(urls))
    known = {"seconds": round(time.monotonic() - begin, 1), "population": population, "stored": stored}
    record = experiment.record(run, assignment, aim, margin, budget, **known)
    shown = [
        *(each for table in record.tables for each in tables.of_url(table, len(record.processes))),
        *tables.about(record, machine),
    ]
    credential = place["database_url"]
    outcome.finish(
        path, record, shown, machine=machine, verdict=record.verdict, closing=[record.answer], hidden=credential
    )
