"""Does a scheme cost more where there are more users, tokens and logins?"""

import sys
import time
from pathlib import Path

import click
from rich import box
from rich.table import Table

from benchmarks import databases, environment, processes, results, scale, screen, table, turns
from benchmarks.lineup import LINEUP
from benchmarks.messages import Assignment, Stored
from benchmarks.verdicts import EQUIVALENT, INCONCLUSIVE
from config.schemes import SCHEMES

BLOCK, DROP = 15, 5
POPULATIONS = (1000, 1_000_000)


@click.command(name="scale")
@click.option(
    "--population",
    "populations",
    type=click.IntRange(0, databases.LARGEST_POPULATION),
    multiple=True,
    default=POPULATIONS,
    show_default=" ".join(map(str, POPULATIONS)),
    help="Users beside the one who is timed, each with a credential of every kind; given twice at least.",
)
@click.option(
    "--scheme",
    "schemes",
    type=click.Choice(list(LINEUP)),
    multiple=True,
    help="A contender by name; may be repeated.  [default: all rows of the scheme table]",
)
@click.option("--url", metavar="PATH", default="/whoami/", show_default=True, help="What to GET.")
@click.option(
    "--processes",
    "count",
    type=click.IntRange(min=2),
    help="Fresh processes at each size, over which the intervals are taken; with --budget, the fewest.  "
    "[default: 10, and more as the budget allows]",
)
@click.option(
    "--budget",
    type=click.FloatRange(min=1),
    help="Seconds that the run may take, once the databases are loaded.  [default: 120]",
)
@click.option(
    "--margin",
    type=click.FloatRange(min=0, min_open=True),
    default=5,
    show_default=True,
    help="Microseconds within which two sizes are called equivalent.",
)
@click.option("--rounds", type=click.IntRange(min=1), help="Rounds in each process.  [default: what pays best]")
@databases.options
@click.option(
    "--json",
    "path",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where to write everything measured.  [default: results/scale-<UTC time>.json]",
)
def command(populations, schemes, url, count, budget, margin, rounds, database, database_url, connection, path):
    """Does a scheme cost more where there are more users, tokens and logins?

    A scratch database for each size, loaded before the clock starts; fresh processes alternate between them.
    At each size it is what `overhead` measures; difference and ratio to the smallest size are paired by turn.
    It is one user's credential that is asked for all the time: what is seen is how deep the indexes are, and not
    what it takes to fetch a page from the disk.

    The run is inconclusive where `overhead` would be, at any of the sizes, or where anonymous's request, which
    reads no credential, takes another time at another size.

    \b
    Exit codes:
      0  conclusive
      1  a contender was refused, or a process failed
      2  wrong usage
      3  inconclusive
    """
    begin = time.monotonic()
    populations = sorted(set(populations))
    if len(populations) < 2:
        raise click.UsageError(f"--population {populations[0]}: name two sizes at least")
    if not url.startswith("/"):
        raise click.UsageError(f"--url {url!r}: a path, beginning with /")
    path = path or results.default_path("scale")
    assignment = Assignment(schemes or tuple(SCHEMES), {url: 0}, BLOCK, DROP, seed=0)
    if budget is None and not count:
        budget = 120
    machine = environment.describe()
    try:
        with databases.several(len(populations), database, database_url, connection) as made:
            places = {str(each): turns.Place(place) for each, place in zip(populations, made, strict=True)}
            stored = {
                each: processes.fill(places[str(each)].database, assignment.schemes, each) for each in populations
            }
            end = None if budget is None else time.monotonic() + budget
            with screen.progress() as watcher:
                run = turns.run(assignment, places, count or 10, end, rounds, watcher)
    except (processes.WorkerRefusedError, processes.WorkerFailedError, databases.DatabaseError) as error:
        raise click.ClickException(str(error)) from None

    answer = scale.analyse(run, populations, url, DROP, margin)
    service = run.rehearsals[str(populations[0])].service
    results.write(
        path,
        "scale",
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
            "sizes": [
                {"population": each, "stored": stored[each], "table": answer.tables[each]} for each in populations
            ],
            "changes": answer.changes,
            "margin_us": margin,
            "controls": answer.controls,
            "control_level": answer.control_level,
            "verdict": {"conclusive": answer.verdict.conclusive, "reasons": answer.verdict.reasons},
            "turns": run.record,
        },
        hidden=database_url,
    )
    console = screen.console()
    console.print(_changes(answer, url, len(run.turns), populations[0], margin))
    console.print(_sizes(stored))
    for line in (
        "Adds: more than anonymous, 95 % interval. Verdicts hold for all rows together (Holm). Row, index: bytes on "
        "disk for each row.",
        *(
            f"Control: beside {each:,}, anonymous, which reads no credential, differs by {control.estimate:.1f} µs "
            f"({control.low:.1f} to {control.high:.1f}, {100 * answer.control_level:.4g} % interval)."
            for each, control in answer.controls.items()
        ),
        *(
            f"Beside {each:,}: {size.database_bytes / 1e6:.1f} MB on disk, loaded in {size.seconds:.0f} s."
            for each, size in stored.items()
        ),
        *table.where(service, machine, run, run.waited, time.monotonic() - begin),
    ):
        console.print(line, highlight=False, markup=False)
    console.print(f"Everything measured: {path}", highlight=False, markup=False, soft_wrap=True)
    console.print()
    console.print(table.verdict_line(answer.verdict), style="bold", highlight=False, markup=False)
    if not answer.verdict.conclusive:
        sys.exit(screen.INCONCLUSIVE)


def _changes(answer: scale.Answer, url: str, count: int, least: int, margin: float) -> Table:
    shown = Table(
        title=f"{url} ({count} processes at each size; times in µs; ≈: the same within {margin:g} µs)",
        title_justify="left",
        box=box.SIMPLE,
        padding=(0, 1, 0, 0),
    )
    shown.add_column("contender", no_wrap=True)
    for heading in ("beside", "adds [95 %]", f"than beside {least:,} [95 %]", "ratio [95 %]", ""):
        shown.add_column(heading, justify="right", no_wrap=True)
    for row in answer.tables[least].rows:
        shown.add_row(row.name, f"{least:,}", table.times(row.overhead), "", "", "")
        for change in (each for each in answer.changes if each.scheme == row.name):
            ratio = change.ratio
            shown.add_row(
                "",
                f"{change.population:,}",
                table.times(change.adds),
                table.times(change.difference),
                f"{ratio.estimate:.2f} [{ratio.low:.2f}, {ratio.high:.2f}]" if ratio else "-",
                {EQUIVALENT: "≈", INCONCLUSIVE: "?"}.get(change.verdict, change.verdict),
            )
    return shown


def _sizes(stored: dict[int, Stored]) -> Table:
    shown = Table(title="bytes on disk for each row", title_justify="left", box=box.SIMPLE, padding=(0, 1, 0, 0))
    shown.add_column("table", no_wrap=True)
    for heading in ("rows", "row", "its indexes"):
        shown.add_column(heading, justify="right", no_wrap=True)
    for size in stored.values():
        for each in size.tables:
            parts = (each.table_bytes, each.index_bytes)
            shown.add_row(
                each.table,
                f"{each.rows:,}",
                *("-" if part is None or not each.rows else f"{part / each.rows:.0f}" for part in parts),
            )
        shown.add_section()
    return shown
