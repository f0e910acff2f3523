"""What does each scheme add to one request over HTTP, to a real server?"""

import sys
import time
from collections.abc import Sequence
from pathlib import Path

import click
from rich import box
from rich.table import Table

from benchmarks import terminal
from benchmarks.contenders.lineup import LINEUP
from benchmarks.databases import scratch as databases
from benchmarks.messages import Assignment, Population
from benchmarks.processes import environment, start, turns
from benchmarks.questions.wire import run as wire
from benchmarks.reporting import tables
from benchmarks.results import comparison, files
from benchmarks.servers import server as servers
from benchmarks.stats import overhead
from benchmarks.stats.verdicts import EQUIVALENT, INCONCLUSIVE
from config.schemes import SCHEMES

URLS = ("/whoami/",)


@click.command(name="wire")
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
    "--server",
    type=click.Choice(list(servers.SERVERS)),
    default="granian",
    show_default=True,
    help="Who serves it.",
)
@click.option(
    "--beside",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="RUN.json",
    help="A result of `overhead` to hold the wire against.  [default: measured here, by turns with the wire]",
)
@click.option(
    "--processes",
    "count",
    type=click.IntRange(min=2),
    help="Fresh servers, over which the intervals are taken; with --budget or --precision, the fewest.  "
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
    help="Stop when no interval over the wire is wider than so many microseconds either way.",
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
    help="Where to write everything measured.  [default: results/wire-<UTC time>.json]",
)
def command(
    schemes,
    others,
    urls,
    server,
    beside,
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
    """What does each scheme add to one request over HTTP, to a real server?

    A fresh server for each process that asks it, over one kept TCP connection, one request at a time: neither waits
    for anybody else. Both are started anew some ten times, with another hash seed each. All contenders are served by
    one process at the same URL by the same view. Where there are two processors the server has one, and the client
    the other. What is timed, how it is proved and how it is judged is otherwise as `overhead` has it.

    Beside it stands what the same contenders add in process, and where the two disagree.

    The run is inconclusive where `overhead` would be, over the wire or in process.

    \b
    Exit codes:
      0  conclusive
      1  a contender was refused, a process or the server failed, or a file cannot be written
      2  wrong usage
      3  inconclusive
    """
    begin = time.monotonic()
    if block - drop < 2:
        raise click.UsageError(f"--drop {drop} leaves fewer than 2 of the {block} requests of a --block")
    for url in urls:
        if not url.startswith("/"):
            raise click.UsageError(f"--url {url!r}: a path, beginning with /")
    path = files.destination(path, "wire")
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
        inside = beside and comparison.read(beside)
        with databases.scratch(database, database_url, connection) as scratch:
            stored = start.fill(scratch, assignment.schemes, Population(population))
            end = None if budget is None else begin + budget + stored.seconds
            places = wire.places(scratch, server, inside)
            with terminal.progress() as watcher:
                run = turns.run(assignment, places, count or 10, end, rounds, watcher, precision)
        answer = wire.analyse(run, drop, margin, precision, inside)
    except (
        files.ResultError,
        comparison.UnlikeError,
        start.WorkerRefusedError,
        start.WorkerFailedError,
        databases.DatabaseError,
    ) as error:
        raise click.ClickException(str(error)) from None

    service = run.rehearsals[wire.WIRE].service
    plan = {
        "turns": len(run.turns),
        "rounds": run.rounds,
        "block": block,
        "drop": drop,
        "budget_seconds": budget,
        "precision_us": precision,
    }
    unlike = wire.unlike(inside, {"environment": machine, "service": service, "plan": plan}) if inside else []
    written = files.write(
        path,
        "wire",
        {
            "seconds": round(time.monotonic() - begin, 1),
            "service": service,
            "steal": run.steal,
            "waited": run.waited,
            "load_average_after": run.load_average,
            "population": population,
            "stored": stored,
            "plan": plan,
            "widest_us": answer.widest_us,
            "tables": answer.tables,
            "beside": answer.beside,
            "beside_file": beside and beside.name,
            "unlike": unlike,
            "verdict": {"conclusive": answer.verdict.conclusive, "reasons": answer.verdict.reasons},
            "answer": _answer(answer),
            "contenders": run.rehearsals[wire.WIRE].entries,
            "turns": run.record,
        },
        hidden=database_url,
    )
    console = terminal.console()
    for each in answer.tables:
        console.print(tables.table_of(each, len(run.turns)))
        if each.contests:
            console.print(tables.contests_of(each))
        console.print(_beside([row for row in answer.beside if row.url == each.url], each.url, margin))
    for line in (
        *wire.reasons(answer.tables, service["server"]),
        *(f"Unlike {beside}: {line}" for line in unlike),
        *tables.population(population, stored),
        *tables.remarks(answer.tables, answer.widest_us),
        _served(service),
        *tables.where(service, machine, run, run.waited, time.monotonic() - begin),
    ):
        console.print(line, highlight=False, markup=False)
    console.print(written.told("Everything measured"), highlight=False, markup=False, soft_wrap=True)
    console.print()
    console.print(tables.verdict_line(answer.verdict), style="bold", highlight=False, markup=False)
    console.print(_answer(answer), style="bold", highlight=False, markup=False)
    written.end()
    if not answer.verdict.conclusive:
        sys.exit(terminal.INCONCLUSIVE)


def _answer(answer: wire.Answer) -> str:
    return f"Over HTTP: {overhead.answer(answer.tables, answer.verdict)}"


def _served(service: dict) -> str:
    cores = service["cores"]
    where = (
        f"the server had processor {cores['server']} and the client {cores['client']}"
        if cores
        else "server and client shared the processors: there are not two, or the system lets nobody choose"
    )
    return f"Server: {service['server']}; one client, one kept TCP connection (TCP_NODELAY) on the loopback; {where}."


def _beside(rows: Sequence[wire.Beside], url: str, margin: float) -> Table:
    shown = Table(
        title=f"{url} beside it in process (anonymous: its request; all others: what they add; in µs)",
        title_justify="left",
        box=box.SIMPLE,
        padding=(0, 1, 0, 0),
    )
    shown.add_column("contender", no_wrap=True)
    for heading in ("over the wire [95 %]", "in process [95 %]", "difference [95 %]"):
        shown.add_column(heading, justify="right", no_wrap=True)
    shown.add_column("")
    words = {EQUIVALENT: f"the same within {margin:g}", INCONCLUSIVE: "not shown"}
    for row in rows:
        difference = row.difference
        shown.add_row(
            row.name,
            tables.times(row.wire),
            tables.times(row.in_process),
            f"{difference.estimate:+.1f} [{difference.low:+.1f}, {difference.high:+.1f}]",
            words.get(row.verdict, "more" if difference.estimate > 0 else "less"),
        )
    return shown
