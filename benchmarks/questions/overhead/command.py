"""What does each scheme add to one request, in process?"""

import sys
import time
from pathlib import Path

import click

from benchmarks import terminal
from benchmarks.contenders.lineup import LINEUP
from benchmarks.databases import scratch as databases
from benchmarks.messages import Assignment, Population
from benchmarks.processes import environment, start
from benchmarks.questions.overhead import run as experiment
from benchmarks.reporting import tables as table
from benchmarks.results import files
from benchmarks.stats import overhead
from config.schemes import SCHEMES

URLS = ("/whoami/", "/tracks/")


@click.command(name="overhead")
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
    help="A config.schemes.Scheme that is in no table, timed beside the rows; may be repeated.",
)
@click.option(
    "--url",
    "urls",
    metavar="PATH",
    multiple=True,
    default=URLS,
    show_default=", ".join(URLS),
    help="What to GET, any guarded URL of the service; may be repeated.",
)
@click.option(
    "--processes",
    "count",
    type=click.IntRange(min=2),
    help="Fresh processes, over which the intervals are taken; with --budget or --precision, the fewest.  "
    "[default: 10, and more as the budget allows]",
)
@click.option(
    "--budget",
    type=click.FloatRange(min=1),
    help="Seconds that the run may take.  [default: 60; 600 with --precision]",
)
@click.option(
    "--precision",
    type=click.FloatRange(min=0, min_open=True),
    help="Stop when no interval is wider than so many microseconds either way.",
)
@click.option(
    "--margin",
    type=click.FloatRange(min=0, min_open=True),
    default=5,
    show_default=True,
    help="Microseconds within which two contenders are called equivalent.",
)
@click.option(
    "--rounds",
    type=click.IntRange(min=1),
    help="Rounds in each process at each URL.  [default: what pays best]",
)
@click.option(
    "--block",
    type=click.IntRange(min=3),
    default=15,
    show_default=True,
    help="Consecutive requests of one contender.",
)
@click.option(
    "--drop",
    type=click.IntRange(min=0),
    default=5,
    show_default=True,
    help="First requests of a block that are not looked at.",
)
@databases.population
@databases.options
@click.option(
    "--json",
    "path",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where to write everything measured.  [default: results/overhead-<UTC time>.json]",
)
def command(
    schemes,
    others,
    urls,
    count,
    budget,
    precision,
    margin,
    rounds,
    block,
    drop,
    population,
    database,
    database_url,
    connection,
    path,
):
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
    if block - drop < 2:
        raise click.UsageError(f"--drop {drop} leaves fewer than 2 of the {block} requests of a --block")
    for url in urls:
        if not url.startswith("/"):
            raise click.UsageError(f"--url {url!r}: a path, beginning with /")
    path = files.destination(path, "overhead")
    assignment = Assignment(
        # Named, they are the only ones.
        schemes=tuple(dict.fromkeys((*schemes, *others) if schemes or others else SCHEMES)),
        rounds=dict.fromkeys(urls, 0),
        block=block,
        drop=drop,
        seed=0,
    )
    machine = environment.describe()
    if budget is None and (precision or not count):
        budget = 600 if precision else 60
    try:
        with databases.scratch(database, database_url, connection) as scratch:
            stored = start.fill(scratch, assignment.schemes, Population(population))
            end = None if budget is None else begin + budget + stored.seconds
            with terminal.progress() as watcher:
                run = experiment.run(assignment, scratch, experiment.Aim(count or 10, end, precision), rounds, watcher)
    except (start.WorkerRefusedError, start.WorkerFailedError, databases.DatabaseError) as error:
        raise click.ClickException(str(error)) from None

    samples = [process.sample for process in run.processes]
    tables = overhead.tabulate(samples, run.rehearsal.facts, drop, margin, SCHEMES)
    waited = sum(sample.waited for sample in samples) / len(samples)
    verdict = overhead.judge(tables, run.steal, waited, run.widest_us, precision)
    written = files.write(
        path,
        "overhead",
        {
            "seconds": round(time.monotonic() - begin, 1),
            "service": run.rehearsal.service,
            "steal": run.steal,
            "waited": waited,
            "load_average_after": run.load_average,
            "population": population,
            "stored": stored,
            "plan": {
                "processes": len(run.processes),
                "rounds": run.rounds,
                "block": block,
                "drop": drop,
                "budget_seconds": budget,
                "precision_us": precision,
            },
            "widest_us": run.widest_us,
            "tables": tables,
            "verdict": {"conclusive": verdict.conclusive, "reasons": verdict.reasons},
            "answer": overhead.answer(tables, verdict),
            "contenders": run.rehearsal.entries,
            "processes": [
                {
                    "hash_seed": process.hash_seed,
                    "seed": process.seed,
                    "warm_up": process.sample.warm_up,
                    "blocks": process.sample.blocks,
                }
                for process in run.processes
            ],
        },
        hidden=database_url,
    )
    console = terminal.console()
    for each in tables:
        console.print(table.table_of(each, len(samples)))
        if each.contests:
            console.print(table.contests_of(each))
    for line in (
        *table.population(population, stored),
        *table.remarks(tables, run.widest_us),
        *table.where(run.rehearsal.service, machine, run, waited, time.monotonic() - begin),
    ):
        console.print(line, highlight=False, markup=False)
    console.print(written.told("Everything measured"), highlight=False, markup=False, soft_wrap=True)
    console.print()
    console.print(table.verdict_line(verdict), style="bold", highlight=False, markup=False)
    console.print(overhead.answer(tables, verdict), style="bold", highlight=False, markup=False)
    written.end()
    if not verdict.conclusive:
        sys.exit(terminal.INCONCLUSIVE)
