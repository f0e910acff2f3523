"""The work of one process of `scale tracks`: prove, count and explain, or time.

Among a million tracks a query takes from 1 ms to some seconds. So each is timed for SECONDS, but
at least LEAST and at most MOST times, after one request that does not count.
"""

import hashlib
import re
import statistics
from collections.abc import Callable
from random import Random

from django.db import connection

from benchmarks.contenders import wsgi
from benchmarks.contenders.contender import Contender
from benchmarks.contenders.wsgi import Handler
from benchmarks.messages import ANONYMOUS, RefusedError
from benchmarks.processes import timing
from benchmarks.questions.scale.tracks.messages import Found, Task
from benchmarks.questions.scale.tracks.queries import LIST, url

LEAST, MOST = 3, 50
SECONDS = 0.3

_STEP = re.compile(r"^[\s>-]*(.*?\b(?:Scan|Sort)\b.*?)  \(cost")  # of PostgreSQL's EXPLAIN


def run(task: Task, done: Callable[[str], None]) -> Found:
    """Do the task, and call `done` with each query.

    Raises RefusedError for an answer that is neither 200 nor 404.
    """
    random = Random(task.seed)
    handler, anonymous, collector = Handler(), Contender.anonymous(ANONYMOUS, [LIST]), timing.Collector()
    environs = {query: anonymous.environ(url(query)) for query in task.queries}
    found = Found({}, 0.0, {}, {}, {}, 0.0, timing.service())
    again_ms = 0.0
    with timing.garbage_held_back():
        # The first query stands in the list twice: its second place is the control's.
        places = list(enumerate((*task.queries, task.queries[0]) if task.times else task.queries))
        for place, query in random.sample(places, len(places)):
            collector.collect()
            found.digests[query] = _digest(handler, environs[query], query)
            if not found.digests[query]:
                continue
            if not task.times:
                found.statements[query], found.plans[query] = _explained(handler, environs[query])
            elif place == len(task.queries):
                again_ms = _median_ms(handler, environs[query])
            else:
                found.median_ms[query] = _median_ms(handler, environs[query])
            done(query)
    return Found(
        found.median_ms,
        again_ms,
        found.digests,
        found.statements,
        found.plans,
        collector.waited,
        found.service,
    )


def _digest(handler: Handler, environ: dict, query: str) -> str:
    answer = wsgi.ask(handler, environ)
    if answer.status not in (200, 404):
        raise RefusedError(f"{url(query)}: answers {answer.status}, not 200, or 404 for a page that does not exist")
    return hashlib.sha256(answer.body).hexdigest() if answer.status == 200 else ""


def _median_ms(handler: Handler, environ: dict) -> float:
    times: list[int] = []
    while len(times) < LEAST or (len(times) < MOST and sum(times) < SECONDS * 1e9):
        times += timing.time_block(handler, environ, 1)
    return statistics.median(times) / 1e6


def _explained(handler: Handler, environ: dict) -> tuple[int, list[str]]:
    """Return how many statements a request takes, and what the database reads for them."""
    statements = []

    def note(execute, sql, params, many, context):
        statements.append((sql, params))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        wsgi.ask(handler, environ)
    steps = [step for sql, params in statements if sql.startswith(("SELECT", "WITH")) for step in _plan(sql, params)]
    return len(statements), list(dict.fromkeys(steps))


def _plan(sql: str, params) -> list[str]:
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute(f"EXPLAIN QUERY PLAN {sql}", params)
            return [detail for *_, detail in cursor.fetchall()]
        cursor.execute(f"EXPLAIN {sql}", params)
        return [found[1] for (line,) in cursor.fetchall() if (found := _STEP.match(line))]
