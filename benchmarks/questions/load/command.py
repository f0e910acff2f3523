"""How many requests per second, and how long do they take at which rate?"""

import sys
import time
from collections.abc import Callable, Sequence
from itertools import product
from pathlib import Path

import click
from rich import box
from rich.table import Table

from benchmarks import terminal
from benchmarks.databases import latency
from benchmarks.databases import scratch as databases
from benchmarks.messages import Assignment, Population
from benchmarks.processes import environment, start
from benchmarks.questions.load import rates
from benchmarks.questions.load import run as load
from benchmarks.questions.load.rates import STOCK, Contender
from benchmarks.questions.load.run import Plan, Run, Series
from benchmarks.reporting import tables
from benchmarks.results import files
from benchmarks.servers import server
from config.schemes import SCHEMES


@click.command(name="load")
@click.option(
    "--scheme",
    "schemes",
    type=click.Choice(list(SCHEMES)),
    multiple=True,
    help="A row of the scheme table; may be repeated.  [default: all]",
)
@click.option(
    "--server",
    "kinds",
    type=click.Choice(list(server.SERVERS)),
    multiple=True,
    default=["granian"],
    show_default=True,
    help="What serves it, in one process, of as many threads as GRANIAN_BLOCKING_THREADS says; may be repeated.",
)
@click.option(
    "--reference/--no-reference",
    default=True,
    show_default=True,
    help=f"Whether {STOCK.name} takes part as well, with which all others are compared.",
)
@latency.options
@click.option("--url", metavar="PATH", default="/whoami/", show_default=True, help="What to GET.")
@click.option(
    "--within",
    type=click.FloatRange(min=1, max=60_000),
    default=25,
    show_default=True,
    help="Milliseconds that the 99th percentile may take at the highest rate.",
)
@click.option(
    "--connections",
    type=click.IntRange(1, 500),
    default=64,
    show_default=True,
    help="Kept connections that the requests come on.",
)
@click.option(
    "--seconds",
    type=click.FloatRange(min=0.2),
    default=3,
    show_default=True,
    help="How long each rate is offered.",
)
@click.option(
    "--turns",
    type=click.IntRange(min=1),
    default=3,
    show_default=True,
    help="How often all that is done, with fresh servers in another order.",
)
@databases.population
@databases.options
@click.option(
    "--json",
    "path",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where to write everything measured.  [default: results/load-<UTC time>.json]",
)
def command(
    schemes,
    kinds,
    reference,
    distances,
    url,
    within,
    connections,
    seconds,
    turns,
    population,
    database,
    database_url,
    connection,
    path,
):
    """How many requests per second, and how long do they take at which rate?

    A real server of one process on a core of its own, logged in through the scheme's endpoint; the generator, the
    database and all else on the others. A closed loop tells how many requests are answered at saturation. Then
    they are offered at fixed rates, whatever the answers do, and response times count from when a request was to be
    sent: a server that stalls is charged with everybody who waited meanwhile. The highest rate is the highest one
    tried at which the 99th percentile was --within, and all was answered 200.

    The run is inconclusive when the generator may have been the limit (half of what it sends to a server that only
    answers, or half of its core), or was late by itself by more than a quarter of --within, when server and generator
    have no cores apart, when a server did not use 85 % of its core at saturation, when something else than 200 was
    answered there, or when the hypervisor took more than 5 % of the time the processors had work.

    \b
    Exit codes:
      0  conclusive
      1  a contender was refused, a process failed, or a file cannot be written
      2  wrong usage
      3  inconclusive
    """
    begin = time.monotonic()
    if not url.startswith("/") or not url.isascii() or not url.isprintable() or " " in url:
        raise click.UsageError(f"--url {url!r}: a path, beginning with /, as a request line has it")
    latency.needs_postgresql(distances, database, database_url)
    path = files.destination(path, "load")
    chosen = tuple(dict.fromkeys(schemes or SCHEMES))
    contenders = []
    for away in dict.fromkeys(distances or [None]):
        rows = [Contender(scheme, kind, away) for kind, scheme in product(dict.fromkeys(kinds), chosen)]
        stock = rates.stock(away)
        contenders += [stock, *(row for row in rows if row != stock)] if reference else rows
    plan = Plan(url, connections, seconds, within * 1000)
    machine = environment.describe()
    cores = server.cores()
    core = cores and cores.server
    load.keep_off(core)  # a database that is started now does as well
    try:
        with databases.scratch(database, database_url, connection) as scratch, terminal.progress() as watcher:
            proved = tuple(dict.fromkeys(each.scheme for each in contenders))
            stored = start.fill(scratch, proved, Population(population))
            # Proves all rows, and tells what the service runs on.
            service = start.work(Assignment(proved, {url: 0}, 15, 5, seed=0), scratch, 0).service
            del service["garbage_collection"]  # that of a process which times itself
            run = load.run(plan, contenders, scratch, core, turns, watcher)
    except (
        start.WorkerRefusedError,
        start.WorkerFailedError,
        server.ServerError,
        databases.DatabaseError,
    ) as error:
        raise click.ClickException(str(error)) from None

    verdict = load.judge(run, plan, contenders)
    written = files.write(
        path,
        "load",
        {
            "seconds": round(time.monotonic() - begin, 1),
            "service": service,
            "steal": run.steal,
            "load_average_after": run.load_average,
            "population": population,
            "stored": stored,
            "plan": plan,
            "threads": server.threads(),
            "server_core": core,
            "ceiling_per_second": run.ceiling_per_second,
            "round_trips": run.round_trips,
            "contenders": [
                {
                    "name": each.name,
                    "scheme": each.scheme,
                    "server": each.server,
                    "distance_ms": each.distance_ms,
                    "turns": [turn[each.name] for turn in run.turns],
                }
                for each in contenders
            ],
            "verdict": {"conclusive": verdict.conclusive, "reasons": verdict.reasons},
        },
        hidden=database_url,
    )
    console = terminal.console()
    console.print(_rates(run, plan, contenders))
    console.print(_curves(run, contenders))
    for line in (
        *tables.population(population, stored),
        *_remarks(run, plan, core),
        *tables.measured(service),
        *tables.on(machine, run.steal, run.load_average, time.monotonic() - begin),
    ):
        console.print(line, highlight=False, markup=False)
    console.print(written.told("Everything measured"), highlight=False, markup=False, soft_wrap=True)
    console.print()
    console.print(tables.verdict_line(verdict), style="bold", highlight=False, markup=False)
    written.end()
    if not verdict.conclusive:
        sys.exit(terminal.INCONCLUSIVE)


def _rates(run: Run, plan: Plan, contenders: Sequence[Contender]) -> Table:
    shown = Table(
        title=f"{plan.url}: requests per second, the median of {len(run.turns)} turns \\[least, most]",
        title_justify="left",
        box=box.SIMPLE,
        padding=(0, 1, 0, 0),
    )
    shown.add_column("contender", overflow="fold")
    for heading in ("at saturation", "times", f"within {plan.bound_us / 1000:g} ms", "times"):
        shown.add_column(heading, justify="right", no_wrap=True)
    for each in contenders:
        cells = []
        for figure in (rates.at_saturation, rates.highest):
            found = [figure(turn[each.name]) for turn in run.turns]
            cells += [
                _rate(found),
                _times(run, each, contenders, figure),
            ]
        shown.add_row(each.name, *cells)
    return shown


def _curves(run: Run, contenders: Sequence[Contender]) -> Table:
    shown = Table(
        title="ms at a part of the rate at saturation: median, 99th percentile, \\[the same from the sending]",
        title_justify="left",
        box=box.SIMPLE,
        padding=(0, 1, 0, 0),
    )
    shown.add_column("contender", overflow="fold")
    for part in load.PARTS:
        shown.add_column(f"{part:.0%}", justify="right", no_wrap=True)
    for each in contenders:
        cells: list[list[str]] = []
        for part in load.PARTS:
            steps = [load.at_part(turn[each.name], part) for turn in run.turns]
            median, tail, naive = (
                _milliseconds(rates.median([getattr(step, name) for step in steps]))
                for name in ("p50_us", "p99_us", "sent_p99_us")
            )
            cells.append([median, tail, f"[{naive}]"])
        shown.add_row(each.name, *("\n".join(cell) for cell in cells))
    return shown


def _remarks(run: Run, plan: Plan, core: int | None) -> list[str]:
    apart = (
        "Server and all else on the same cores."
        if core is None
        else f"Server alone on core {core}, of one process and {server.threads()} threads."
    )
    return [
        f"Times: those of {STOCK.name}, turn by turn. Within: the highest rate tried at which the 99th percentile, "
        f"counted from when a request was to be sent, was at most {plan.bound_us / 1000:g} ms. {plan.connections} kept "
        f"connections, {plan.seconds:g} s a rate. {apart}",
        f"The generator sends {run.ceiling_per_second:.0f} requests per second to a server that only answers.",
        *latency.remarks(run.round_trips),
    ]


def _rate(found: Sequence[float | None]) -> str:
    known = [each for each in found if each]
    # In a turn without any it was below all that were tried.
    return _spread(known, "{:.0f}".format) if len(known) == len(found) else "-"


def _times(
    run: Run, contender: Contender, contenders: Sequence[Contender], figure: Callable[[Series], float | None]
) -> str:
    stock = rates.stock(contender.distance_ms)
    if contender == stock:
        return "1"
    if stock not in contenders:
        return "-"
    ones, others = ([turn[each.name] for turn in run.turns] for each in (contender, stock))
    found = rates.ratios(ones, others, figure)
    return _spread(found, "{:.2f}".format) if len(found) == len(run.turns) else "-"


def _spread(found: Sequence[float], text: Callable[[float], str]) -> str:
    return f"{text(rates.median(found))} [{text(min(found))}, {text(max(found))}]"


def _milliseconds(microseconds: float) -> str:
    milliseconds = microseconds / 1000
    return f"{milliseconds:.0f}" if milliseconds >= 100 else f"{milliseconds:.1f}"
