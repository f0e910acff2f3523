"""What does each scheme add to one request where the database is some milliseconds away?"""

import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

import click
import numpy as np
from rich import box
from rich.table import Table

from benchmarks import terminal
from benchmarks.contenders.lineup import LINEUP
from benchmarks.databases import latency
from benchmarks.databases import scratch as databases
from benchmarks.databases.latency import RoundTrip
from benchmarks.messages import Assignment
from benchmarks.processes import environment, start, turns
from benchmarks.questions.scale import run as scale
from benchmarks.reporting import tables as table
from benchmarks.results import files
from benchmarks.stats import overhead
from benchmarks.stats.intervals import Interval, t_interval
from config.schemes import SCHEMES

URL = "/whoami/"  # anonymous asks the database nothing there, so it must not notice the distance
BLOCK, DROP, MARGIN_US = 15, 5, 5
DISTANCES = (0, 0.2, 1, 5)


@click.command(name="distance")
@click.option(
    "--distance",
    "distances",
    metavar="MILLISECONDS",
    type=click.FloatRange(0, latency.MOST),
    multiple=True,
    default=DISTANCES,
    show_default=" ".join(map(str, DISTANCES)),
    help="How much longer an answer of the database takes to come; given twice at least.",
)
@click.option(
    "--scheme",
    "schemes",
    type=click.Choice(list(LINEUP)),
    multiple=True,
    help="A contender by name; may be repeated.  [default: all rows of the scheme table]",
)
@click.option(
    "--processes",
    "count",
    type=click.IntRange(min=2),
    help="Fresh processes at each distance; with --budget, the fewest.  [default: 10, and more as the budget allows]",
)
@click.option(
    "--budget",
    type=click.FloatRange(min=1),
    help="Seconds that the run may take.  [default: 180]",
)
@click.option("--rounds", type=click.IntRange(min=1), help="Rounds in each process.  [default: what pays best]")
@databases.connection
@click.option(
    "--database-url",
    metavar="URL",
    callback=databases.postgresql_only,
    help="A PostgreSQL server on which a scratch database is made and dropped.  [default: one is started]",
)
@click.option(
    "--json",
    "path",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where to write everything measured.  [default: results/distance-<UTC time>.json]",
)
def command(distances, schemes, count, budget, rounds, connection, database_url, path):
    """What does each scheme add to one request where the database is some milliseconds away?

    One PostgreSQL, to which there is a proxy for each distance: it passes everything on late, half of the time in
    either direction. Fresh processes alternate between them. At each distance it is what `overhead` measures; what a
    round trip really came to is measured apart. Waits: by how many round trips a request takes longer, from the nearest
    to the farthest.

    The run is inconclusive where `overhead` would be, at any of the distances, or where anonymous's request, which asks
    the database nothing, takes another time at another distance.

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
        raise click.UsageError(f"--distance {distances[0]:g}: name two distances at least")
    path = files.destination(path, "distance")
    assignment = Assignment(schemes or tuple(SCHEMES), {URL: 0}, BLOCK, DROP, seed=0)
    if budget is None and not count:
        budget = 180
    machine = environment.describe()
    try:
        with databases.scratch("postgresql", database_url, connection) as scratch, ExitStack() as stack:
            start.fill(scratch, assignment.schemes)
            ways = {each: stack.enter_context(latency.away(scratch, each)) for each in distances}
            round_trips = latency.measure(scratch, ways)
            places = {str(each): turns.Place(way) for each, way in ways.items()}
            end = None if budget is None else begin + budget
            with terminal.progress() as watcher:
                run = turns.run(assignment, places, count or 10, end, rounds, watcher)
    except (start.WorkerRefusedError, start.WorkerFailedError, databases.DatabaseError) as error:
        raise click.ClickException(str(error)) from None

    answer = scale.analyse(run, distances, URL, DROP, MARGIN_US, place="where the database is {:g} ms away")
    waits = _waits(run, distances, round_trips)
    service = run.rehearsals[str(distances[0])].service
    written = files.write(
        path,
        "distance",
        {
            "seconds": round(time.monotonic() - begin, 1),
            "service": service,
            "steal": run.steal,
            "waited": run.waited,
            "load_average_after": run.load_average,
            "plan": {
                "turns": len(run.turns),
                "rounds": run.rounds,
                "block": BLOCK,
                "drop": DROP,
                "budget_seconds": budget,
            },
            "distances": [{"distance_ms": each, "table": answer.tables[each]} for each in distances],
            "round_trips": round_trips,
            "waits": waits,
            "controls": answer.controls,
            "control_level": answer.control_level,
            "verdict": {"conclusive": answer.verdict.conclusive, "reasons": answer.verdict.reasons},
            "turns": run.record,
        },
        hidden=database_url,
    )
    console = terminal.console()
    console.print(_table(answer.tables, waits, len(run.turns)))
    for line in (
        "Adds to a request of anonymous, which asks the database nothing; 95 % interval below. Waits: how many round "
        "trips to the database that is, by how it grows with the distance.",
        *latency.remarks(round_trips),
        *table.where(service, machine, run, run.waited, time.monotonic() - begin),
    ):
        console.print(line, highlight=False, markup=False)
    console.print(written.told("Everything measured"), highlight=False, markup=False, soft_wrap=True)
    console.print()
    console.print(table.verdict_line(answer.verdict), style="bold", highlight=False, markup=False)
    written.end()
    if not answer.verdict.conclusive:
        sys.exit(terminal.INCONCLUSIVE)


def _waits(run: turns.Run, distances: Sequence[float], round_trips: Sequence[RoundTrip]) -> dict[str, Interval]:
    """Scheme -> what it adds more at the farthest than at the nearest, in round trips between the two; by turn."""
    took_us = {trip.asked_ms: trip.median_us for trip in round_trips}
    near, far = distances[0], distances[-1]

    def waits(scheme: str) -> Interval:
        nearest, farthest = (
            run.figures(str(each), URL, lambda blocks: overhead.overhead(blocks, scheme)) for each in (near, far)
        )
        return t_interval(np.subtract(farthest, nearest) / (took_us[far] - took_us[near]))

    return {scheme: waits(scheme) for scheme in run.rehearsals[str(near)].facts[URL] if scheme in LINEUP}


def _table(tables: Mapping[float, overhead.Table], waits: Mapping[str, Interval], count: int) -> Table:
    shown = Table(
        title=f"{URL}: µs that are added where the database is so far away ({count} processes at each distance)",
        title_justify="left",
        box=box.SIMPLE,
        padding=(0, 1, 0, 0),
    )
    shown.add_column("contender", no_wrap=True)
    for each in tables:
        shown.add_column(f"{each:g} ms", justify="right", no_wrap=True)
    shown.add_column("waits", justify="right", no_wrap=True)
    for number, row in enumerate(next(iter(tables.values())).rows):
        intervals = [each.rows[number].overhead for each in tables.values()]
        lines = [(f"{each.estimate:.0f}", f"[{each.low:.0f}, {each.high:.0f}]") for each in intervals]
        shown.add_row(row.name, *("\n".join(each) for each in lines), f"{waits[row.name].estimate:.2f}")
    return shown
