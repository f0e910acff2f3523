"""Does a scheme cost more where there are more users, tokens and logins?"""

import time

import click

from benchmarks.databases import population, scratch
from benchmarks.messages import Assignment
from benchmarks.questions import options, outcome
from benchmarks.questions.scale import room, tables
from benchmarks.questions.scale import run as scale
from benchmarks.questions.scale.tracks.command import command as of_tracks
from benchmarks.results import files

BLOCK, DROP = 15, 5


@click.group(name="scale", invoke_without_command=True)
@options.populations(1000, 1_000_000)
@options.contenders
@options.others
@options.value(
    "--refreshes", click.IntRange(0, 10_000), population.REFRESHES, "How often each login has been refreshed."
)
@click.option("--tracks", is_flag=True, help="Add a track for each user, too: for /tracks/, which reads them.")
@options.url()
@options.processes(f"Fresh processes at each size; {options.FEWEST}")
@options.budget("Seconds that the requests may take, after the databases are loaded.  [default: 90]")
@options.value("--flow-turns", click.IntRange(min=0), 4, "Fresh processes at each size that time logins; 0: none.")
@options.margin("Microseconds of difference within which two sizes are called equivalent.")
@options.rounds("Rounds in each process.")
@options.databases
@options.json_file("scale")
@click.pass_context
def command(
    context,
    populations,
    schemes,
    others,
    refreshes,
    tracks,
    url,
    count,
    budget,
    flow_turns,
    margin,
    rounds,
    path,
    **place,
):
    """Measure whether a scheme costs more with more users, tokens and logins.

    A scratch database of each size is loaded before the clock starts, and fresh processes alternate
    between them. At each size the figure is that of `overhead`; difference and ratio to the
    smallest size are paired by turn. All requests use one user's credential: the run shows the
    depth of the indexes, not the time to fetch a page from disk.

    `scale tracks` times pages and searches of the catalogue among many tracks instead.

    Afterwards, login and refresh are timed at each size, and `manage.py flush_refresh_families` and
    `flushexpiredtokens`, which clean up expired logins: ours and the stock pair's.

    The run is inconclusive where `overhead` would be, at any of the sizes, or if anonymous's
    request, which reads no credential, differs between sizes.

    \b
    Exit codes:
      0  conclusive
      1  a contender was refused, a process failed, or a file cannot be written
      2  wrong usage
      3  inconclusive
    """
    if context.invoked_subcommand:
        options.refuse_given(context)
        return
    begin = time.monotonic()
    if flow_turns == 1:
        raise click.UsageError("--flow-turns 1: allowed: 0, or 2 and more, over which the intervals are taken")
    if not place["database_url"]:
        needed = sum(population.expected_bytes(each, refreshes, tracks) for each in populations)
        room.check(needed, "--population, --refreshes")
    path, machine = files.destination(path, "scale"), outcome.look_around()
    assignment = Assignment(options.chosen(schemes, others), {url: 0}, BLOCK, DROP, seed=0)
    budget = options.budget_or(90, budget, count)
    plan = scale.Plan(refreshes, tracks, count, budget, rounds, flow_turns, margin)
    with outcome.refusals(), scratch.several(len(populations), **place) as made:
        record = scale.measure(assignment, dict(zip(populations, made, strict=True)), plan, begin)
    shown = [*tables.of(record), *tables.remarks(record, machine)]
    outcome.finish(path, record, shown, machine=machine, verdict=record.verdict, hidden=place["database_url"])


command.add_command(of_tracks)
