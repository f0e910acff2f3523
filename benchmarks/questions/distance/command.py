"""What does each scheme add to one request where the database is some milliseconds away?"""

import time

import click

from benchmarks.databases.scratch import scratch
from benchmarks.messages import Assignment
from benchmarks.questions import options, outcome
from benchmarks.questions.distance import run as experiment
from benchmarks.questions.distance import tables
from benchmarks.results import files

BLOCK, DROP = 15, 5
DISTANCES = (0, 0.2, 1, 5)


@click.command(name="distance")
@options.distance(
    default=DISTANCES,
    show_default=" ".join(map(str, DISTANCES)),
    help="How much later the database's answers come; given at least twice.",
)
@options.contenders
@options.others
@options.processes(f"Fresh processes at each distance; {options.FEWEST}")
@options.budget("Seconds that the run may take.  [default: 180]")
@options.rounds("Rounds in each process.")
@options.connection
@options.database_url("  [default: one is started]")
@options.json_file("distance")
def command(distances, schemes, others, count, budget, rounds, path, **place):
    """Measure what each scheme adds to a request with the database some milliseconds away.

    One PostgreSQL has a proxy for each distance, which delays all traffic, by half of the time in
    each direction. Fresh processes alternate between the proxies. At each distance the figure is
    that of `overhead`; the round trips are measured, too. Waits: how many round trips a scheme adds
    to a request, from the nearest to the farthest.

    The run is inconclusive where `overhead` would be, at any of the distances, or if anonymous's
    request, which sends no query, differs between distances.

    \b
    Exit codes:
      0  conclusive
      1  a contender was refused, a process failed, or a file cannot be written
      2  wrong usage
      3  inconclusive
    """
    begin = time.monotonic()
    distances = sorted({float(each) for each in distances})
    if len(distances) < 2:
        raise click.UsageError(f"--distance {distances[0]:g}: name at least two distances")
    path, machine = files.destination(path, "distance"), outcome.look_around()
    assignment = Assignment(options.chosen(schemes, others), {experiment.URL: 0}, BLOCK, DROP, seed=0)
    budget = options.budget_or(180, budget, count)
    with outcome.refusals(), scratch("postgresql", **place) as database:
        record = experiment.measure(assignment, database, distances, count, budget, rounds, begin)
    shown = [tables.of(record), *tables.remarks(record, machine)]
    outcome.finish(path, record, shown, machine=machine, verdict=record.verdict, hidden=place["database_url"])
