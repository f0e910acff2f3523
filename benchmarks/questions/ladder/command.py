"""Which step of a scheme takes how much of what the scheme adds to a request?"""

import sys
import time
from pathlib import Path

import click
from rich import box
from rich.table import Table

from benchmarks import terminal
from benchmarks.contenders.lineup import LINEUP
from benchmarks.databases import scratch as databases
from benchmarks.messages import ANONYMOUS, Assignment, Population
from benchmarks.processes import environment, start
from benchmarks.questions.ladder import run as ladder
from benchmarks.reporting import tables as table
from benchmarks.results import files
from benchmarks.stats.intervals import Interval
from config.schemes import SCHEMES


@click.command(name="ladder")
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
    "--processes",
    "count",
    type=click.IntRange(min=2),
    help="Fresh processes, over which the intervals are taken; with --budget, the fewest.  "
    "[default: 10, and more as the budget allows]",
)
@click.option(
    "--budget",
    type=click.FloatRange(min=1),
    help="Seconds that the run may take.  [default: 120]",
)
@click.option(
    "--rounds", type=click.IntRange(min=1), help="Rounds of each scheme in each process.  [default: what pays best]"
)
@click.option(
    "--block",
    type=click.IntRange(min=3),
    default=15,
    show_default=True,
    help="Consecutive requests of one rung.",
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
    help="Where to write everything measured.  [default: results/ladder-<UTC time>.json]",
)
def command(
    schemes, others, url, count, budget, rounds, block, drop, population, database, database_url, connection, path
):
    """Which step of a scheme takes how much of what it adds to a request?

    A scheme's own authentication class is stopped before one step after another: it is asked, parses the
    header, verifies, loads the user; at last IsAuthenticated is asked. Each rung is timed against the one
    below it within a round, and their sum is held against the untouched class in the same rounds. A class
    that does not tell its steps is shown as a whole.

    The run is inconclusive when a ladder does not add up: the interval of whole minus sum (99 %, shared
    among the ladders) excludes zero and the difference is above 0.5 % of the request, or it reaches further
    than half of the whole; or when the hypervisor took more than 5 % of the time the processors had work.

    \b
    Exit codes:
      0  every ladder adds up
      1  a rung was refused, a process failed, or a file cannot be written
      2  wrong usage
      3  inconclusive
    """
    begin = time.monotonic()
    if block - drop < 2:
        raise click.UsageError(f"--drop {drop} leaves fewer than 2 of the {block} requests of a --block")
    if not url.startswith("/"):
        raise click.UsageError(f"--url {url!r}: a path, beginning with /")
    path = files.destination(path, "ladder")
    named = tuple(dict.fromkeys((*schemes, *others) if schemes or others else SCHEMES))
    assignment = Assignment(named, {url: 0}, block, drop, seed=0)
    if budget is None and not count:
        budget = 120
    machine = environment.describe()
    try:
        with databases.scratch(database, database_url, connection) as scratch:
            stored = start.fill(scratch, assignment.schemes, Population(population))
            end = None if budget is None else begin + budget + stored.seconds
            with terminal.progress() as watcher:
                run = ladder.run(assignment, scratch, count or 10, end, rounds, watcher)
    except (start.WorkerRefusedError, start.WorkerFailedError, databases.DatabaseError) as error:
        raise click.ClickException(str(error)) from None

    tables = ladder.tabulate(run.climbs, url)
    ladders = [table for table in tables if isinstance(table, ladder.Ladder)]
    wholes = [table for table in tables if table not in ladders]
    verdict = ladder.judge(tables, run.steal)
    written = files.write(
        path,
        "ladder",
        {
            "seconds": round(time.monotonic() - begin, 1),
            "service": run.service,
            "steal": run.steal,
            "population": population,
            "stored": stored,
            "plan": {"processes": len(run.climbs), "rounds": run.rounds, "block": block, "drop": drop},
            "ladders": ladders,
            "without_steps": wholes,
            "verdict": {"conclusive": verdict.conclusive, "reasons": verdict.reasons},
            "processes": run.climbs,
        },
        hidden=database_url,
    )
    console = terminal.console()
    for each in ladders:
        console.print(_table(each, len(run.climbs)))
        console.print(_adds_up(each), highlight=False, markup=False)
        console.print()
    for each in wholes:
        console.print(
            f"{each.scheme} on {each.url} adds {_times(each.whole)} µs as a whole: its class has an authenticate() "
            "of its own, which does not tell its steps. So there is no ladder.",
            highlight=False,
            markup=False,
        )
        console.print()
    steal = "unknown" if run.steal is None else f"{run.steal:.1%}"
    for line in (
        *table.population(population, stored),
        "Adds: more than the rung below, 95 % interval. SQL, signatures: statements and signature checks up to "
        "there. " + " ".join(f"{rung.capitalize()}: {meaning}." for rung, meaning in ladder.MEANINGS.items()),
        f"Database: {run.service['database']} {run.service['database_version']}, {run.service['transport']}. "
        f"Connection policy: {run.service['connection']}.",
        f"Machine: {machine['cores']} x {machine['processor']}, {machine['python']}; steal {steal}; "
        f"{time.monotonic() - begin:.0f} s.",
    ):
        console.print(line, highlight=False, markup=False)
    console.print(written.told("Everything measured"), highlight=False, markup=False, soft_wrap=True)
    console.print()
    line = "Verdict: conclusive." if verdict.conclusive else f"Verdict: INCONCLUSIVE: {'; '.join(verdict.reasons)}."
    console.print(line, style="bold", highlight=False, markup=False)
    written.end()
    if not verdict.conclusive:
        sys.exit(terminal.INCONCLUSIVE)


def _table(each: ladder.Ladder, processes: int) -> Table:
    shown = Table(
        title=f"{each.scheme} on {each.url} ({start} processes of {each.rounds} rounds; times in µs)",
        title_justify="left",
        box=box.SIMPLE,
        padding=(0, 1, 0, 0),
    )
    shown.add_column("rung", no_wrap=True)
    shown.add_column("adds [95 %]", justify="right", no_wrap=True)
    shown.add_column("of the sum", justify="right")
    shown.add_column("SQL", justify="right")
    shown.add_column("signatures", justify="right")
    shown.add_row(ANONYMOUS, f"(request: {each.request:.0f})", "", "", "")
    for rung in each.rungs:
        share = f"{rung.adds.estimate / each.sum.estimate:.0%}"
        shown.add_row(rung.name, _times(rung.adds), share, str(rung.sql_statements), str(rung.signature_checks))
    shown.add_section()
    shown.add_row("sum", _times(each.sum), "", "", "")
    facts = each.facts
    shown.add_row(ladder.WHOLE, _times(each.whole), "", str(facts.sql_statements), str(facts.signature_checks))
    return shown


def _adds_up(each: ladder.Ladder) -> str:
    facts = each.facts
    if each.adds_up:
        rungs = f"add up: whole minus sum is {_times(each.rest)} µs ({100 * each.rest_level:.4g} % interval)"
    else:
        rungs = each.why_not
    return (
        f"The rungs {rungs}. Of the whole, {facts.sql_us:.1f} µs are within execute(): driver and database, "
        f"without the ORM. The header is {facts.header_bytes} bytes."
    )


def _times(interval: Interval) -> str:
    return f"{interval.estimate:.1f} [{interval.low:.1f}, {interval.high:.1f}]"
