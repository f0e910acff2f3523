"""What would each scheme take for a population: cores, statements, connections, bytes, latency?"""

import sys
from dataclasses import fields
from pathlib import Path

import click
from rich import box
from rich.table import Table

from benchmarks import terminal
from benchmarks.questions import options
from benchmarks.questions.plan import capacity
from benchmarks.reporting import tables
from benchmarks.results import files
from benchmarks.results.records.plan import Plan
from config.switches import SWITCHES

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_ABOVE_ZERO = options.Finite(min=0, min_open=True)


@click.command(name="plan")
@click.argument("runs", metavar="RUN.json...", nargs=-1, required=True, type=_FILE)
@click.option(
    "--users", type=click.IntRange(min=1), default=50_000_000, show_default=True, help="Users that are active."
)
@click.option(
    "--requests-per-user-per-day", type=_ABOVE_ZERO, default=50, show_default=True, help="Authenticated requests."
)
@click.option(
    "--logins-per-user-per-day",
    type=options.Finite(min=0),
    default=0.05,
    show_default=True,
    help="Logins with a password.",
)
@click.option(
    "--active-minutes-per-day",
    type=options.Finite(0, 1440),
    default=30,
    show_default=True,
    help="How long a user makes requests; a pair is refreshed once in each access lifetime of it, and at most once "
    "for each request.",
)
@click.option(
    "--access-lifetime",
    metavar="DURATION",
    default=SWITCHES["JWT_ACCESS_LIFETIME"].default,
    show_default=True,
    callback=options.lifetime,
    help="Life of a pair's access token.",
)
@click.option(
    "--peak",
    metavar="FACTOR",
    type=options.Finite(min=1),
    default=3,
    show_default=True,
    help="Rate of the busiest hour, divided by the day's mean.",
)
@click.option(
    "--utilisation",
    type=options.Finite(0, 1, min_open=True),
    default=0.6,
    show_default=True,
    help="Part of their time, 0 to 1, in which the cores work at the peak.",
)
@click.option(
    "--database-rtt-ms",
    type=options.Finite(min=0),
    default=0.5,
    show_default=True,
    help="Milliseconds of a round trip between service and database, which each statement takes.",
)
@click.option("--url", metavar="PATH", help="Whose requests are planned for.  [default: the first of the overhead run]")
@click.option(
    "--json",
    "path",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where to write the plan.  [default: results/plan-<UTC time>.json]",
)
def command(
    runs,
    users,
    requests_per_user_per_day,
    logins_per_user_per_day,
    active_minutes_per_day,
    access_lifetime,
    peak,
    utilisation,
    database_rtt_ms,
    url,
    path,
):
    """What would each scheme take for a population: cores, statements, connections, bytes, latency?

    On paper: arithmetic on what was measured, printed with its formulae. Each file is the result of another
    command, one of each at most: overhead or flows or both; revocation, for how long a revoked credential may be
    answered; scale, for the bytes of a row (or overhead or flows with --population 1000 or more).

    \b
    Exit codes:
      0  planned
      1  a file is no result, of no use here, or cannot be written
      2  wrong usage
      3  planned from a result that is inconclusive, or from results of unlike conditions
    """
    crowd = capacity.crowd(
        users,
        requests_per_user_per_day,
        logins_per_user_per_day,
        active_minutes_per_day,
        access_lifetime,
        peak,
        utilisation,
        database_rtt_ms,
    )
    path = files.destination(path, "plan")
    try:
        made = capacity.plan(crowd, capacity.read(runs), url)
    except (files.ResultError, capacity.CapacityError) as error:
        raise click.ClickException(str(error)) from None
    written = files.write(
        path,
        "plan",
        {"runs": [str(run) for run in runs], **{each.name: getattr(made, each.name) for each in fields(made)}},
    )
    console = terminal.console()
    console.print(_shown(made, f"{users:,} users: authentication on {made.url}, at the peak", slice(1, capacity.LOAD)))
    console.print(_shown(made, "growth of tables and indexes, and how soon", slice(capacity.LOAD, None)))
    for line in (*made.formulae, "", *made.remarks, written.told("The plan")):
        console.print(line, highlight=False, markup=False)
    console.print()
    console.print(tables.verdict_line(made.verdict), style="bold", highlight=False, markup=False)
    written.end()
    if not made.verdict.conclusive:
        sys.exit(terminal.INCONCLUSIVE)


def _shown(made: Plan, title: str, part: slice) -> Table:
    """So much of each scheme's line: a whole one is too long for a terminal."""
    shown = Table(title=title, title_justify="left", box=box.SIMPLE, padding=(0, 1, 0, 0))
    shown.add_column(capacity.HEAD[0], no_wrap=True)
    for heading in capacity.HEAD[part]:
        shown.add_column(heading, justify="right", no_wrap=True)
    for each in made.schemes:
        name, *_ = line = capacity.line(each)
        shown.add_row(name, *line[part])
    return shown
