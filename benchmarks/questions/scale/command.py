"""Does a scheme cost more where there are more users, tokens and logins?"""

import shutil
import sys
import tempfile
import time
from pathlib import Path

import click
from rich import box
from rich.table import Table

from benchmarks import terminal
from benchmarks.contenders.lineup import LINEUP
from benchmarks.databases import population as others
from benchmarks.databases import scratch
from benchmarks.messages import Assignment, Population, Stored
from benchmarks.processes import environment, start, turns
from benchmarks.questions.flows.messages import OBTAIN, REFRESH
from benchmarks.questions.scale import login_costs
from benchmarks.questions.scale import run as scale
from benchmarks.questions.scale.login_costs import Upkeep
from benchmarks.reporting import tables
from benchmarks.results import files
from benchmarks.stats.verdicts import EQUIVALENT, INCONCLUSIVE
from config.schemes import SCHEMES

BLOCK, DROP = 15, 5
POPULATIONS = (1000, 1_000_000)


@click.command(name="scale")
@click.option(
    "--population",
    "populations",
    type=click.IntRange(0, scratch.LARGEST_POPULATION),
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
@click.option(
    "--refreshes",
    type=click.IntRange(0, 10_000),
    default=others.REFRESHES,
    show_default=True,
    help="How often each login has been refreshed: the stock pair keeps two rows of each time.",
)
@click.option("--tracks", is_flag=True, help="A track for each user, too: for /tracks/, which reads them.")
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
    help="Seconds that the requests may take, once the databases are loaded.  [default: 90]",
)
@click.option(
    "--flow-turns",
    type=click.IntRange(min=0),
    default=4,
    show_default=True,
    help="Fresh processes at each size that time login, refresh and cleaning up, after the requests; 0: none.",
)
@click.option(
    "--margin",
    type=click.FloatRange(min=0, min_open=True),
    default=5,
    show_default=True,
    help="Microseconds within which two sizes are called equivalent.",
)
@click.option("--rounds", type=click.IntRange(min=1), help="Rounds in each process.  [default: what pays best]")
@scratch.options
@click.option(
    "--json",
    "path",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where to write everything measured.  [default: results/scale-<UTC time>.json]",
)
def command(
    populations,
    schemes,
    refreshes,
    tracks,
    url,
    count,
    budget,
    flow_turns,
    margin,
    rounds,
    database,
    database_url,
    connection,
    path,
):
    """Does a scheme cost more where there are more users, tokens and logins?

    A scratch database for each size, loaded before the clock starts; fresh processes alternate between them.
    At each size it is what `overhead` measures; difference and ratio to the smallest size are paired by turn.
    It is one user's credential that is asked for all the time: what is seen is how deep the indexes are, and not
    what it takes to fetch a page from the disk.

    After that login and refresh are timed at each size, and `manage.py flush_refresh_families` and
    `flushexpiredtokens`, which clean up expired logins, ours and the stock pair's.

    The run is inconclusive where `overhead` would be, at any of the sizes, or where anonymous's request, which
    reads no credential, takes another time at another size.

    \b
    Exit codes:
      0  conclusive
      1  a contender was refused, a process failed, or a file cannot be written
      2  wrong usage
      3  inconclusive
    """
    begin = time.monotonic()
    populations = sorted(set(populations))
    if len(populations) < 2:
        raise click.UsageError(f"--population {populations[0]}: name two sizes at least")
    if not url.startswith("/"):
        raise click.UsageError(f"--url {url!r}: a path, beginning with /")
    if flow_turns == 1:
        raise click.UsageError("--flow-turns 1: allowed: 0, or 2 and more, over which the intervals are taken")
    if not database_url:
        _check_room(sum(others.expected_bytes(each, refreshes, tracks) for each in populations))
    path = files.destination(path, "scale")
    assignment = Assignment(schemes or tuple(SCHEMES), {url: 0}, BLOCK, DROP, seed=0)
    if budget is None and not count:
        budget = 90
    machine = environment.describe()
    try:
        with scratch.several(len(populations), database, database_url, connection) as made:
            places = {str(each): turns.Place(place) for each, place in zip(populations, made, strict=True)}
            stored = {
                each: start.fill(places[str(each)].database, assignment.schemes, Population(each, refreshes, tracks))
                for each in populations
            }
            end = None if budget is None else time.monotonic() + budget
            with terminal.progress() as watcher:
                run = turns.run(assignment, places, count or 10, end, rounds, watcher)
            with terminal.progress() as watcher:
                kept = login_costs.run(
                    [name for name in assignment.schemes if name in SCHEMES],
                    {each: places[str(each)].database for each in populations},
                    refreshes,
                    flow_turns,
                    watcher,
                )
    except (start.WorkerRefusedError, start.WorkerFailedError, scratch.DatabaseError) as error:
        raise click.ClickException(str(error)) from None

    answer = scale.analyse(run, populations, url, DROP, margin, tracks)
    logins = {each: login_costs.analyse(found, stored[each]) for each, found in kept.items() if found}
    service = run.rehearsals[str(populations[0])].service
    written = files.write(
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
                "flow_turns": flow_turns,
            },
            "refreshes": refreshes,
            "tracks": tracks,
            "sizes": [
                {
                    "population": each,
                    "stored": stored[each],
                    "table": answer.tables[each],
                    "upkeep": logins.get(each),
                }
                for each in populations
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
    console = terminal.console()
    console.print(_changes(answer, url, len(run.turns), populations[0], margin))
    console.print(_sizes(stored))
    if logins:
        console.print(_logins(logins))
        console.print(_cleaning(logins))
    for line in (
        "Adds: more than anonymous, 95 % interval. Verdicts hold for all rows together (Holm). Row, index: bytes on "
        "disk for each row.",
        *(_remarks(refreshes) if logins else ()),
        *(
            f"Control: beside {each:,}, anonymous, which reads no credential, differs by {control.estimate:.1f} µs "
            f"({control.low:.1f} to {control.high:.1f}, {100 * answer.control_level:.4g} % interval)."
            for each, control in answer.controls.items()
        ),
        *(
            f"Beside {each:,}: {size.database_bytes / 1e6:.1f} MB on disk, loaded in {size.seconds:.0f} s."
            for each, size in stored.items()
        ),
        *tables.where(service, machine, run, run.waited, time.monotonic() - begin),
    ):
        console.print(line, highlight=False, markup=False)
    console.print(written.told("Everything measured"), highlight=False, markup=False, soft_wrap=True)
    console.print()
    console.print(tables.verdict_line(answer.verdict), style="bold", highlight=False, markup=False)
    written.end()
    if not answer.verdict.conclusive:
        sys.exit(terminal.INCONCLUSIVE)


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
        shown.add_row(row.name, f"{least:,}", tables.times(row.overhead), "", "", "")
        for change in (each for each in answer.changes if each.scheme == row.name):
            ratio = change.ratio
            shown.add_row(
                "",
                f"{change.population:,}",
                tables.times(change.adds),
                tables.times(change.difference),
                f"{ratio.estimate:.2f} [{ratio.low:.2f}, {ratio.high:.2f}]" if ratio else "-",
                {EQUIVALENT: "≈", INCONCLUSIVE: "?"}.get(change.verdict, change.verdict),
            )
    return shown


def _check_room(needed: int):
    """Raises click.UsageError unless as many bytes are free where scratch databases lie."""
    folder = tempfile.gettempdir()
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise click.UsageError(
            f"--population, --refreshes: some {needed / 1e9:,.0f} GB to load, of which {folder} has "
            f"{free / 1e9:,.0f}; allowed: fewer, or --database-url"
        )


def _logins(logins: dict[int, Upkeep]) -> Table:
    shown = Table(title="logins, times in µs [95 %]", title_justify="left", box=box.SIMPLE, padding=(0, 1, 0, 0))
    shown.add_column("scheme", no_wrap=True)
    for heading in ("beside", "login", "refresh", "bytes"):
        shown.add_column(heading, justify="right", no_wrap=True)
    for scheme, flows in next(iter(logins.values())).flows_us.items():
        for population, each in logins.items():
            bytes_each = each.bytes_per_login.get(scheme)
            shown.add_row(
                scheme if each is next(iter(logins.values())) else "",
                f"{population:,}",
                *(tables.times(each.flows_us[scheme][flow]) if flow in flows else "-" for flow in (OBTAIN, REFRESH)),
                "-" if bytes_each is None else f"{bytes_each:,.0f}",
            )
    return shown


def _cleaning(logins: dict[int, Upkeep]) -> Table:
    shown = Table(
        title="cleaning up, µs for each expired login [95 %]",
        title_justify="left",
        box=box.SIMPLE,
        padding=(0, 1, 0, 0),
    )
    shown.add_column("beside", justify="right", no_wrap=True)
    for name in next(iter(logins.values())).flush_us:
        shown.add_column(name, justify="right", no_wrap=True)
    for population, each in logins.items():
        shown.add_row(f"{population:,}", *(tables.times(value) for value in each.flush_us.values()))
    return shown


def _remarks(refreshes: int) -> list[str]:
    return [
        "Login: without the password's hash. Bytes: of the tables that the scheme's logins and refreshes fill, with "
        f"their indexes, for each user, who has refreshed {refreshes:,} times.",
        f"Cleaning up: {login_costs.EXPIRED:,} expired logins, or as many as there are users, refreshed as often.",
    ]


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
