"""How many requests per second, and how long do they take at which rate?"""

import time

import click

from benchmarks import terminal
from benchmarks.databases.scratch import scratch
from benchmarks.processes import environment
from benchmarks.questions import options, outcome
from benchmarks.questions.load import run as load
from benchmarks.questions.load import tables
from benchmarks.questions.load.rates import STOCK
from benchmarks.results import files
from benchmarks.results.records.load import LoadPlan
from benchmarks.servers import server
from config.schemes import SCHEMES

SERVER = "The server, one process with as many threads as GRANIAN_BLOCKING_THREADS says; may be repeated."
AWAY = "Use a PostgreSQL whose answers a proxy delays by this; may be repeated; 0: no delay.  [default: no proxy]"


@click.command(name="load")
@options.rows
@options.server("kinds", multiple=True, default=["granian"], help=SERVER)
@click.option("--reference/--no-reference", default=True, show_default=True, help=f"Compare with {STOCK.name}.")
@options.distance(help=AWAY)
@options.url(strict=True)
@options.value("--within", click.FloatRange(1, 60_000), 25, "Milliseconds that the 99th percentile may take.")
@options.value("--connections", click.IntRange(1, 500), 64, "Kept connections that carry the requests.")
@options.value("--seconds", click.FloatRange(min=0.2), 3, "How long to offer each rate.")
@options.value("--turns", click.IntRange(min=1), 3, "Repetitions, with fresh servers in another order.")
@options.population
@options.databases
@options.json_file("load")
def command(schemes, kinds, reference, distances, url, within, connections, seconds, turns, population, path, **place):
    """Measure requests per second, and how long requests take at which rate.

    Use this to find a server's limit for one request. Use `users` for a mix of requests, as clients
    send them. A real server of one process has a core of its own; the generator, the database and
    everything else use the others. A closed loop finds how many requests are answered at
    saturation. Then they are offered at fixed rates, however slow the answers are, and response
    times count from when a request was due: a stall counts for every request that waited. The
    highest rate is the highest one tried with the 99th percentile within --within and every answer
    200.

    The run is inconclusive when the generator may have been the limit (half of what it sends to a
    server that only answers, or half of its core), or was itself late by more than a quarter of
    --within, when server and generator have no separate cores, when a server used less than 85 % of
    its core at saturation or answered anything but 200 there, when the A/A control, a second series
    of the reference, answered more or fewer requests than the first (99 %, and by more than 2 %),
    or when the hypervisor took more than 5 % of the time the processors had work.

    \b
    Exit codes:
      0  conclusive
      1  a contender was refused, a process failed, or a file cannot be written
      2  wrong usage
      3  inconclusive
    """
    begin = time.monotonic()
    options.check_distances(distances, **place)
    path = files.destination(path, "load")
    contenders = load.lineup(schemes or SCHEMES, kinds, distances, reference)
    plan, machine = LoadPlan(url, connections, seconds, within * 1000), environment.describe()
    core = server.own_core()  # a database that is started now keeps off it, too
    with outcome.refusals(server.ServerError), scratch(**place) as database, terminal.progress() as watcher:
        stored, service = load.prepare(database, contenders, url, population)
        run = load.run(plan, contenders, database, core, turns, watcher)
    took = round(time.monotonic() - begin, 1)
    record = load.record(
        run, plan, contenders, core, seconds=took, service=service, population=population, stored=stored
    )
    shown = [*tables.of(record), *tables.remarks(record, machine)]
    outcome.finish(path, record, shown, machine=machine, verdict=record.verdict, hidden=place["database_url"])
