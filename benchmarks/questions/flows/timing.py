"""The work of one fresh process of `flows`: prove, warm up, count, time.

A block is a number of consecutive calls of one flow, each by another client. Before the block, off
the clock, the clients get what they will spend; after it, what they were given is proved. Garbage
is treated as in benchmarks/processes/timing.py.
"""

import gc
from collections.abc import Callable
from functools import partial
from random import Random
from time import perf_counter

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import connection

from benchmarks.contenders import proof, wsgi
from benchmarks.contenders.contender import Contender
from benchmarks.contenders.urlconf import WHOAMI
from benchmarks.contenders.user import USERNAME
from benchmarks.contenders.wsgi import Handler
from benchmarks.databases import write_counts
from benchmarks.messages import ANONYMOUS, CONTROL, RefusedError
from benchmarks.processes import timing
from benchmarks.processes.waits import Stopwatch
from benchmarks.questions.flows import hashers
from benchmarks.questions.flows.endpoints import Client, Endpoints, Flow
from benchmarks.questions.flows.messages import Counts, Found, Task
from benchmarks.results.records.flows import Growth
from benchmarks.stats.design import rounds
from config.schemes import SCHEMES

# Calls of a block, and the first of them that are left out. Requests are cheap and their
# differences small, so there are more of them.
FLOW_BLOCK, FLOW_DROP = 6, 2
REQUEST_BLOCK, REQUEST_DROP = 15, 5

COUNTED = 3  # calls of each flow; the lowest count is reported, of fsyncs the middle one


def run(task: Task, done: Callable[[str], None]) -> Found:
    """Do the task, and call `done` after each round.

    Raises RefusedError if a flow does not do what it says, before anything is timed and at every
    call that is timed.
    """
    random = Random(task.seed)
    handler = Handler()
    user = get_user_model().objects.get(username=USERNAME)
    field = {name: Contender.anonymous(name, [WHOAMI]) for name in (ANONYMOUS, CONTROL)}
    field |= {name: Contender.of_scheme(SCHEMES[name], user, [WHOAMI]) for name in task.schemes}
    endpoints = {name: Endpoints(SCHEMES[name], field[name], handler) for name in task.schemes}
    first_of = {SCHEMES[name].urlconf: name for name in reversed(task.schemes)}
    timed = {name: first_of[SCHEMES[name].urlconf] for name in task.schemes}
    clients = {name: each.clients(FLOW_BLOCK) for name, each in endpoints.items()}
    faults = [fault for name, each in endpoints.items() for fault in each.prove(clients[name][0])]
    if faults:
        raise RefusedError("\n".join(faults))
    channels = proof.hear(handler, field.values())

    collector = timing.Collector()
    blocks: dict[tuple[str, str], Callable[[], float]] = {
        ("", name): partial(_request_block, collector, handler, each.environ(WHOAMI)) for name, each in field.items()
    }
    for name in first_of.values():
        for flow in endpoints[name].flows.values():
            blocks[name, flow.name] = partial(_flow_block, collector, endpoints[name], flow, clients[name])
    figures: dict[tuple[str, str], list[float]] = {key: [] for key in blocks}
    if task.hashers:
        password_hash, hashed = hashers.time_all(task.password_hash, random, task.hashers)
    else:
        password_hash, hashed = hashers.time_own(task.password_hash), []
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        start = perf_counter()
        _round(blocks, random.sample(list(blocks), len(blocks)))
        round_seconds = perf_counter() - start
        start = perf_counter()
        counts, statements = {}, {}
        if task.counts:
            counts = {name: _count(endpoints[name], clients[name]) for name in first_of.values()}
            statements = _statements(handler, {name: each for name, each in field.items() if name != CONTROL})
        once_seconds = perf_counter() - start + password_hash.make_ns / 1e9
        kept = connection.connection
        for order in rounds(list(blocks), task.rounds, random):
            for key, figure in _round(blocks, order).items():
                figures[key].append(figure)
            done("round")
    finally:
        gc.enable()
        gc.unfreeze()
    if settings.DATABASES["default"]["CONN_MAX_AGE"] is None and connection.connection is not kept:
        raise RefusedError("the database connection was not kept between requests, although it should be")
    flow_ns: dict[str, dict[str, list[float]]] = {}
    for (scheme, name), each in figures.items():
        flow_ns.setdefault(scheme, {})[name] = each
    return Found(
        endpoints=timed,
        request_ns=flow_ns.pop(""),
        flow_ns=flow_ns,
        counts=counts,
        statements=statements,
        password_hash=password_hash,
        hashed=hashed,
        round_seconds=round_seconds,
        once_seconds=once_seconds,
        waited=collector.waited,
        bytes_meaning=write_counts.BYTES[connection.vendor],
        service=timing.service() | {"channels": channels},
    )


def _round(blocks: dict[tuple[str, str], Callable[[], float]], order) -> dict[tuple[str, str], float]:
    return {key: blocks[key]() for key in order}


def _request_block(collector: timing.Collector, handler: Handler, environ: dict) -> float:
    times, _ = collector.attempt(partial(timing.time_block, handler, environ, REQUEST_BLOCK))
    return timing.figures(times, REQUEST_DROP)[0]


def _flow_block(collector: timing.Collector, endpoints: Endpoints, flow: Flow, clients: list[Client]) -> float:
    environs = [endpoints.prepare(flow, client) for client in clients]
    answers, watch = [], Stopwatch()

    def call(environ) -> int:
        watch.start()
        answer = endpoints.call(environ)
        nanoseconds = watch.stop()
        answers.append(answer)
        return nanoseconds

    # What a call spends is gone afterwards, so a disturbed block is not timed again.
    times, _ = collector.attempt(lambda: list(map(call, environs)))
    for client, answer in zip(clients, answers, strict=True):
        endpoints.settle(flow, client, answer)
    return timing.figures(times, FLOW_DROP)[0]


def _count(endpoints: Endpoints, clients: list[Client]) -> dict[str, Counts]:
    """Return the lowest counts of COUNTED calls of each flow."""
    with write_counts.one_connection():
        return {name: _count_flow(endpoints, flow, clients[0]) for name, flow in endpoints.flows.items()}


def _statements(handler: Handler, field: dict[str, Contender]) -> dict[str, int]:
    """Return the SQL statements of GET /whoami/ for each contender.

    It is the lowest of COUNTED: some schemes have a cache, and some write occasionally.
    """
    with write_counts.one_connection():
        return {
            name: min(
                write_counts.count(partial(wsgi.ask, handler, each.environ(WHOAMI))).statements for _ in range(COUNTED)
            )
            for name, each in field.items()
        }


def _count_flow(endpoints: Endpoints, flow: Flow, client: Client) -> Counts:
    counted = []
    for _ in range(COUNTED):
        environ = endpoints.prepare(flow, client)
        answers = []
        counted.append(
            write_counts.count(lambda environ=environ, answers=answers: answers.append(endpoints.call(environ)))
        )
        endpoints.settle(flow, client, answers[0])
    least = min(counted, key=lambda each: each.rows)
    return Counts(
        statements=min(each.statements for each in counted),
        rows_written=least.rows,
        bytes_written=min(each.bytes for each in counted),
        tables={
            table: Growth(each.inserted, each.deleted)
            for table, each in least.tables.items()
            if each.inserted or each.deleted
        },
        # The middle one: another process of PostgreSQL may have forced the log in between.
        fsyncs=None if least.fsyncs is None else sorted(each.fsyncs for each in counted)[COUNTED // 2],
    )
