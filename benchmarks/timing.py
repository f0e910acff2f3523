"""What happens in one fresh process: build, prove, warm up, count, time.

Garbage is collected between blocks and never inside one (as timeit does it), so that no contender pays for
another's; what lives after the warm-up is frozen out of the collector's sight.
"""

import gc
import os
import statistics
from collections.abc import Callable, Sequence
from random import Random
from time import perf_counter, perf_counter_ns

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import connection

from benchmarks import contenders
from benchmarks.contenders import WHOAMI, Contender, Handler, RefusedError
from benchmarks.messages import ANONYMOUS, CONTROL, Assignment, Blocks, Facts, Sample
from benchmarks.order import rounds
from benchmarks.scratch import USERNAME
from config.switches import SWITCHES

WARM_UP = 1  # rounds at each URL; the proof before it has had four requests of each contender

GC_POLICY = "collected between blocks, off within; what lives after the warm-up is frozen"


def run(assignment: Assignment, done: Callable[[str], None]) -> Sample:
    """Do the assignment; `done` is told the URL of each finished round.

    Raises RefusedError, before anything is timed, when a contender does not do what it says.
    """
    random = Random(assignment.seed)
    urls = list(assignment.rounds)
    handler = Handler()
    field = build(assignment.schemes, urls, random)
    prove(handler, field, urls)
    environs = {url: {name: contenders.environ(each, url) for name, each in field.items()} for url in urls}
    round_seconds = {url: _warm_up(handler, environs[url], assignment.block, random) for url in urls}
    facts = {url: _count(handler, field, url) for url in urls}
    kept = connection.connection
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        blocks = {
            url: _time(handler, environs[url], url, assignment, random, done)
            for url in random.sample(urls, len(urls))
            if assignment.rounds[url]
        }
    finally:
        gc.enable()
        gc.unfreeze()
    if settings.CONNECTION == "kept" and connection.connection is not kept:
        raise RefusedError("the database connection was to be kept between requests, and was not")
    return Sample(
        entries=[contender.entry for contender in field.values()],
        facts=facts,
        round_seconds=round_seconds,
        service=_service(),
        blocks=blocks,
    )


def build(schemes: Sequence[str], urls: Sequence[str], random: Random) -> dict[str, Contender]:
    """Contenders by name: the anonymous ones, then the schemes as named.

    They are built in random order, so that none has the best place in memory in all processes.
    """
    user = get_user_model().objects.get(username=USERNAME)
    builders = [(contenders.anonymous, (name, urls)) for name in (ANONYMOUS, CONTROL)]
    builders += [(contenders.of_scheme, (contenders.find_scheme(name), user, urls)) for name in schemes]
    built = [None] * len(builders)
    for index in random.sample(range(len(builders)), len(builders)):
        make, arguments = builders[index]
        built[index] = make(*arguments)
    field = {contender.name: contender for contender in built}
    if len(field) < len(built):
        raise RefusedError(f"two contenders have one name: {', '.join(each.name for each in built)}")
    return field


def prove(handler: Handler, field: dict[str, Contender], urls: Sequence[str]):
    """Raises RefusedError with everything that is wrong, a line each."""
    faults = []
    for url in dict.fromkeys((WHOAMI, *urls)):
        expected = contenders.ask(handler, contenders.environ(field[ANONYMOUS], url)).body
        for contender in field.values():
            faults += contenders.prove(handler, contender, url, expected)
    if faults:
        raise RefusedError("\n".join(faults))


def time_block(handler: Handler, environ: dict, count: int) -> list[int]:
    """Nanoseconds of each of `count` consecutive requests. Raises RefusedError when one was not answered 200.

    On the clock is what a server does: the handler called with a copied environ, the answer read and closed.
    """
    times, statuses = [], []

    def start_response(status, headers, exc_info=None):
        statuses.append(status)

    for _ in range(count):
        copy = environ.copy()
        start = perf_counter_ns()
        response = handler(copy, start_response)
        b"".join(response)
        response.close()
        times.append(perf_counter_ns() - start)
    if set(statuses) != {"200 OK"}:
        answers = ", ".join(sorted(set(statuses)))
        raise RefusedError(f"{environ['PATH_INFO']} was answered {answers} under the clock")
    return times


def figures(times: Sequence[int], drop: int) -> tuple[float, float, int]:
    """25th percentile, median and minimum of a block without its first `drop` requests."""
    kept = times[drop:]
    p25, median, _ = statistics.quantiles(kept, n=4, method="inclusive")
    return p25, median, min(kept)


def _warm_up(handler, environs: dict[str, dict], block: int, random: Random) -> float:
    """How many seconds a round takes here; a little too many, as it is still warming up."""
    start = perf_counter()
    for order in rounds(list(environs), WARM_UP, random):
        for name in order:
            time_block(handler, environs[name], block)
    return (perf_counter() - start) / WARM_UP


def _count(handler, field: dict[str, Contender], url: str) -> dict[str, Facts]:
    return {name: contenders.count(handler, contender, url) for name, contender in field.items()}


def _time(handler, environs: dict[str, dict], url: str, assignment: Assignment, random: Random, done):
    """Blocks at one URL."""
    orders = rounds(list(environs), assignment.rounds[url], random)
    blocks = Blocks(orders, *({name: [] for name in environs} for _ in range(3)))
    for order in orders:
        for name in order:
            gc.collect()
            times = time_block(handler, environs[name], assignment.block)
            p25, median, least = figures(times, assignment.drop)
            blocks.p25_ns[name].append(p25)
            blocks.median_ns[name].append(median)
            blocks.min_ns[name].append(least)
        done(url)
    return blocks


def _service() -> dict:
    """What the measured service runs on, and the switches that are neither pinned nor at their default."""
    database = settings.DATABASES["default"]
    transport = (
        "in process" if connection.vendor == "sqlite" else "TCP" if database["HOST"][:1] not in "/" else "Unix socket"
    )
    return {
        "database": connection.display_name,
        "database_version": ".".join(map(str, connection.get_database_version())),
        "transport": transport,
        "connection": settings.CONNECTION,
        "connection_policy": {
            "CONN_MAX_AGE": database["CONN_MAX_AGE"],
            "CONN_HEALTH_CHECKS": database["CONN_HEALTH_CHECKS"],
            "pool": bool(database["OPTIONS"].get("pool")),
        },
        "garbage_collection": GC_POLICY,
        "switches": {
            name: switch.shown(os.environ[name])
            for name, switch in SWITCHES.items()
            if name not in settings.PINNED and os.environ.get(name, switch.default) != switch.default
        },
    }
