"""What one fresh process does: build, prove, warm up, count, time.

The process collects garbage between blocks and never inside one (as timeit does), so that no
contender pays for another's. It freezes what survives the warm-up, so that the collector ignores
it. It collects the young generations only: a full collection also empties the interpreter's free
lists, which makes the next request slower and the levels of blocks scatter more (standard deviation
8 µs instead of 3 µs on `/whoami/`).
"""

import gc
import os
import statistics
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from random import Random
from time import perf_counter, perf_counter_ns, thread_time
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import connection

from benchmarks.contenders import planted, proof, wsgi
from benchmarks.contenders.contender import Contender
from benchmarks.contenders.lineup import find_scheme
from benchmarks.contenders.urlconf import WHOAMI
from benchmarks.contenders.user import USERNAME
from benchmarks.contenders.wsgi import Handler
from benchmarks.messages import ANONYMOUS, CONTROL, Assignment, Blocks, Facts, RefusedError, Sample
from benchmarks.processes import audit, waits
from benchmarks.stats.design import rounds
from config.switches import SWITCHES

# Rounds at each URL. The warm-up ends when a round is not faster than the one before it by more
# than LEVEL, and the second half of its kept requests is not faster than the first half by more
# than FLAT. The proof has sent four requests of each contender by then, so most often two rounds
# are enough.
LEAST_WARM_UP, MOST_WARM_UP = 2, 8
LEVEL, FLAT = 0.01, 0.02

LATER = ", after more requests"  # where the second proof finds a fault
CALIBRATION_ROUNDS = 12  # of the planted contenders

# `compare` refuses runs in which it differs, so its words stay as earlier results have them.
GC_POLICY = "young generations collected between blocks, off within; what lives after the warm-up is frozen"
_YOUNG = 1

# handler, environ, count -> nanoseconds of each request
TimeBlock = Callable[[Any, Any, int], list[int]]


def run(assignment: Assignment, done: Callable[[str], None]) -> Sample:
    """Do the assignment, and call `done` with the URL of each finished round.

    Raises RefusedError, before anything is timed, if a contender does not do what it says.
    """
    random = Random(assignment.seed)
    urls = list(assignment.rounds)
    handler = Handler()
    field = build(assignment, urls, random)
    prove(handler, field, urls)
    channels = proof.hear(handler, field.values())
    environs = {url: {name: each.environ(url) for name, each in field.items()} for url in urls}
    collector = Collector()
    with garbage_held_back():
        warmed = {url: warm_up(handler, environs[url], assignment, random) for url in urls}
        facts = {url: _count(handler, field, url) for url in urls}
        audit_seconds = audit.in_rehearsal(handler, field, assignment)
        kept = connection.connection
        blocks = {
            url: time_rounds(handler, environs[url], url, assignment, random, collector, done)
            for url in random.sample(urls, len(urls))
            if assignment.rounds[url]
        }
        audit.recount(handler, field, facts)
        prove(handler, field, urls, LATER)
        planted_us = _calibrate(handler, assignment, urls[0], random) if assignment.planted else {}
    if settings.DATABASES["default"]["CONN_MAX_AGE"] is None and connection.connection is not kept:
        raise RefusedError("the database connection was to be kept between requests, and was not")
    return Sample(
        entries=[contender.entry for contender in field.values()],
        facts=facts,
        round_seconds={url: seconds for url, (_, seconds) in warmed.items()},
        warm_up={url: count for url, (count, _) in warmed.items()},
        planted_us=planted_us,
        waited=collector.waited,
        disturbed=collector.disturbed,
        service=service() | {"channels": channels},
        blocks=blocks,
        audit_seconds=audit_seconds,
    )


@contextmanager
def named(contender: str) -> Iterator[None]:
    """Let a refusal under the clock begin with the contender's name."""
    try:
        yield
    except RefusedError as refusal:
        raise RefusedError(f"{contender}: {refusal}") from None


@contextmanager
def garbage_held_back() -> Iterator[None]:
    """Stop garbage collection, except by Collector, and freeze all present objects."""
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()


def build(assignment: Assignment, urls: Sequence[str], random: Random) -> dict[str, Contender]:
    """Build the contenders, by name: the anonymous ones, the planted ones, then the schemes.

    The order in which they are built is random, so that none has the best place in memory in all
    processes.
    """
    user = get_user_model().objects.get(username=USERNAME)
    # Next to planted contenders the anonymous ones get a delay of 0: having a class takes time too.
    delays = {ANONYMOUS: 0, CONTROL: 0, **assignment.planted}
    builders = [
        (Contender.anonymous, (name, urls, [planted.authentication(delay)] if assignment.planted else []))
        for name, delay in delays.items()
    ]
    builders += [(Contender.of_scheme, (find_scheme(name), user, urls)) for name in assignment.schemes]
    built = [None] * len(builders)
    for index in random.sample(range(len(builders)), len(builders)):
        make, arguments = builders[index]
        built[index] = make(*arguments)
    field = {contender.name: contender for contender in built}
    if len(field) < len(built):
        raise RefusedError(f"two contenders have one name: {', '.join(each.name for each in built)}")
    return field


def prove(handler: Handler, field: dict[str, Contender], urls: Sequence[str], when: str = ""):
    """Prove every contender at every URL. Raises RefusedError with a line for each fault.

    Each line ends with `when`. A class that remembers may answer otherwise once it is warm, so the
    proof is repeated after the rounds.
    """
    faults = []
    for url in dict.fromkeys((WHOAMI, *urls)):
        expected = wsgi.ask(handler, field[ANONYMOUS].environ(url)).body
        for contender in field.values():
            faults += (f"{fault}{when}" for fault in proof.prove(handler, contender, url, expected))
    if faults:
        raise RefusedError("\n".join(faults))


def time_block(handler: Handler, environ: dict, count: int) -> list[int]:
    """Return the nanoseconds of each of `count` consecutive requests.

    The clock covers what a server does: calling the handler with a copied environ, reading the
    answer and closing it. It stands still while other programs have the processor (see waits.py).
    Raises RefusedError if an answer is not 200.
    """
    times, statuses = [], []

    def start_response(status, headers, exc_info=None):
        statuses.append(status)

    watch = waits.Stopwatch()
    for _ in range(count):
        copy = environ.copy()
        watch.start()
        response = handler(copy, start_response)
        b"".join(response)
        response.close()
        times.append(watch.stop())
    if set(statuses) != {"200 OK"}:
        answers = ", ".join(sorted(set(statuses)))
        raise RefusedError(f"{environ['PATH_INFO']} was answered {answers} under the clock")
    return times


def figures(times: Sequence[int], drop: int) -> tuple[float, float, int]:
    """Return 25th percentile, median and minimum of a block without its first `drop` requests."""
    kept = times[drop:]
    p25, median, _ = statistics.quantiles(kept, n=4, method="inclusive")
    return p25, median, min(kept)


def warm_up(
    handler, environs: dict[str, Any], assignment: Assignment, random: Random, time_block: TimeBlock = time_block
) -> tuple[int, float]:
    """Warm up. Return how many rounds that took, and the seconds of the last one."""
    level = float("inf")
    for count, order in enumerate(rounds(list(environs), MOST_WARM_UP, random), 1):
        start = perf_counter()
        blocks = []
        for name in order:
            gc.collect(_YOUNG)
            with named(name):
                blocks.append(time_block(handler, environs[name], assignment.block)[assignment.drop :])
        seconds = perf_counter() - start
        before, level = level, sum(map(statistics.median, blocks))
        half = len(blocks[0]) // 2
        early = sum(statistics.median(block[:half]) for block in blocks)
        late = sum(statistics.median(block[half:]) for block in blocks)
        if count >= LEAST_WARM_UP and level > before * (1 - LEVEL) and late > early * (1 - FLAT):
            break
    return count, seconds


def _count(handler, field: dict[str, Contender], url: str) -> dict[str, Facts]:
    return {name: proof.count(handler, contender, url) for name, contender in field.items()}


class Collector:
    """The garbage collection between blocks, which also measures how busy the machine is.

    A collection needs only a processor, so its wall time minus its run time was spent waiting for
    one. Where waits can be told apart, those of blocks count too, and disturbed blocks are timed
    again.
    """

    AGAIN = 2  # times for each block
    # Repeats are worth their time while one in FRUITFUL finds a quiet moment; the first FREE tell.
    FRUITFUL, FREE = 5, 10

    def __init__(self):
        self._wall_seconds = self._run_seconds = 0.0
        self._blocks = self._disturbed = 0
        self._repeats: Counter[str] = Counter()
        self._fruitful: Counter[str] = Counter()

    def collect(self):
        wall, run = perf_counter(), thread_time()
        gc.collect(_YOUNG)
        self._run_seconds += thread_time() - run
        self._wall_seconds += perf_counter() - wall

    def time(self, url: str, block: Callable[[], list[int]], before: Callable[[], list[int]] | None) -> list[int]:
        """Collect garbage, then return the times of `block()`, of the least disturbed attempt.

        `before` is the block that came before this one, which runs again before a repeat: a block
        that followed itself would be up to 3 % faster. The first block of all has none.
        """
        times, waited = self.attempt(block)
        again = self.AGAIN
        while waited > waits.DISTURBED and again and before and self._is_fruitful(url):
            again -= 1
            self._repeats[url] += 1
            self.collect()
            before()
            once_more, less = self.attempt(block)
            self._fruitful[url] += less <= waits.DISTURBED
            if less < waited:
                times, waited = once_more, less
        self._blocks += 1
        self._disturbed += waited > waits.DISTURBED
        return times

    def attempt(self, block: Callable[[], list[int]]) -> tuple[list[int], float]:
        """Collect garbage, and return a block's times and the share of its time that it waited."""
        self.collect()
        before, start = waits.waited_ns(), perf_counter_ns()
        times = block()
        wall, waited = perf_counter_ns() - start, waits.waited_ns() - before
        if not self.can_tell():
            return times, 0.0
        self._wall_seconds += wall / 1e9
        self._run_seconds += (wall - waited) / 1e9
        return times, waited / wall

    @property
    def waited(self) -> float:
        """Return the share of the time (0 to 1) for which another process had the processor."""
        return max(0.0, 1 - self._run_seconds / self._wall_seconds) if self._wall_seconds else 0.0

    @property
    def disturbed(self) -> float | None:
        """Return the share of blocks (0 to 1) that stayed disturbed; None: it cannot be told."""
        return self._disturbed / self._blocks if self._blocks and self.can_tell() else None

    def can_tell(self) -> bool:
        """Return whether waiting can be told apart from what a block does."""
        return waits.can_tell()

    def _is_fruitful(self, url: str) -> bool:
        return self._repeats[url] < self.FREE + self.FRUITFUL * self._fruitful[url]


def time_rounds(
    handler,
    environs: dict[str, Any],
    url: str,
    assignment: Assignment,
    random: Random,
    collector: Collector,
    done: Callable[[str], None],
    time_block: TimeBlock = time_block,
) -> Blocks:
    """Time the blocks at one URL."""
    orders = rounds(list(environs), assignment.rounds[url], random)
    blocks = Blocks(orders, *({name: [] for name in environs} for _ in range(4)))
    every = {name: [] for name in environs}
    before = None
    for order in orders:
        for name in order:
            block = partial(time_block, handler, environs[name], assignment.block)
            with named(name):
                times = collector.time(url, block, before)
            before = block
            every[name].append(times)
            p25, median, least = figures(times, assignment.drop)
            blocks.p25_ns[name].append(p25)
            blocks.median_ns[name].append(median)
            blocks.min_ns[name].append(least)
        done(url)
    for name, taken in every.items():
        blocks.position_ns[name] += map(statistics.median, zip(*taken, strict=True))
    return blocks


def _calibrate(handler, assignment: Assignment, url: str, random: Random) -> dict[str, float]:
    """Return by how much each planted delay exceeds a delay of 0, in µs.

    They are differences of medians, over requests in blocks like the timed ones.
    """
    noted = {name: [] for name in (ANONYMOUS, *assignment.planted)}
    environs = {
        name: Contender.anonymous(
            name, [url], [planted.authentication(assignment.planted.get(name, 0), noted[name].append)]
        ).environ(
            url,
        )
        for name in noted
    }
    delays = {name: [] for name in noted}
    for order in rounds(list(noted), CALIBRATION_ROUNDS, random):
        for name in order:
            gc.collect(_YOUNG)
            noted[name].clear()
            time_block(handler, environs[name], assignment.block)
            delays[name] += noted[name][assignment.drop :]
    median = {name: statistics.median(each) for name, each in delays.items()}
    return {name: (median[name] - median[ANONYMOUS]) / 1000 for name in assignment.planted}


def service() -> dict:
    """Describe the measured service.

    `switches`  those that differ from pins and defaults
    `brought`   settings, middleware and apps of its contenders, which act on all of them
    """
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
        "brought": settings.BROUGHT,
        "switches": {
            name: switch.shown(os.environ[name])
            for name, switch in SWITCHES.items()
            if name not in settings.PINNED and os.environ.get(name, switch.default) != switch.default
        },
    }
