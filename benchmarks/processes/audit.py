"""Does a contender's request leave something behind? It is asked off the clock.

The first process of a run, which times nothing, sends each contender from outside many equal
requests, counts their statements and traces memory, which takes a second for each. A test does that
with the line-up. Each later process counts the statements of a request before and after its rounds,
for all contenders. Nothing is added to a timed request.
"""

import gc
import sys
import time
import tracemalloc
import warnings
from collections import Counter
from collections.abc import Mapping

from django.db import connection

from benchmarks.contenders import proof
from benchmarks.contenders.contender import Contender
from benchmarks.contenders.lineup import LINEUP
from benchmarks.contenders.urlconf import WHOAMI
from benchmarks.contenders.wsgi import Handler, ask
from benchmarks.messages import REFERENCES, Assignment, Facts, RefusedError
from benchmarks.stats import growth

MOST, LEAST = 160, 12  # requests of one contender; a slow one gets as many as fit into SECONDS
SECONDS = 5.0
FIRST = 10  # requests before memory is looked at, so that caches are filled, and once before that
# For a contender whose memory grows: more requests, and then a longer look, because a bounded
# memory may be filling.
FILLING, LONG = 500, 1000
LONGEST = 200  # characters of a statement that is shown


def audit(handler: Handler, field: Mapping[str, Contender]) -> float:
    """Raise RefusedError, with a line for each fault, if statements or memory grow.

    Return how many seconds that took. Every contender is asked for WHOAMI, which its URLconf has.
    """
    begin = time.perf_counter()
    faults = [f"{name} at {WHOAMI}: {fault}" for name, each in field.items() if (fault := _fault(handler, each))]
    if faults:
        raise RefusedError("\n".join(faults))
    return time.perf_counter() - begin


def in_rehearsal(handler: Handler, field: Mapping[str, Contender], assignment: Assignment) -> float:
    """Audit the contenders that the line-up does not have, in a process without rounds.

    Return how many seconds that took. Raises RefusedError as `audit` does.
    """
    if any(assignment.rounds.values()):
        return 0.0
    return audit(handler, {name: each for name, each in field.items() if name not in {*REFERENCES, *LINEUP}})


def recount(handler: Handler, field: Mapping[str, Contender], facts: Mapping[str, Mapping[str, Facts]]):
    """Raise RefusedError if a contender's request sends more statements than `facts` say.

    A second request decides, because one alone may do what is due once an hour.
    """
    faults = []
    for url, counted in facts.items():
        for name, before in counted.items():
            after = min(proof.count(handler, field[name], url).sql_statements for _ in range(2))
            if after > before.sql_statements:
                faults.append(
                    f"{name} at {url}: sends {before.sql_statements} SQL statements before its rounds and {after} "
                    "after them; the number must not grow"
                )
    if faults:
        raise RefusedError("\n".join(faults))


def _ask(handler: Handler, contender: Contender):
    environ = contender.environ(WHOAMI)
    status = ask(handler, environ).status
    if status != 200:
        _, why = proof.ask_why(handler, environ)
        raise RefusedError(f"{contender.name} at {WHOAMI}: answers {status} to one of many equal requests{why}")


def _fault(handler: Handler, contender: Contender) -> str | None:
    begin = time.perf_counter()
    for _ in range(FIRST):
        _ask(handler, contender)
    each = (time.perf_counter() - begin) / FIRST
    count = int(min(max(SECONDS / each, LEAST), MOST))
    counts, grown = _observe(handler, contender, count)
    fault = growth.of_statements(counts)
    if fault is None and count == MOST and grown >= growth.LEAST_BYTES * count:
        count = LONG
        for _ in range(FILLING):
            _ask(handler, contender)
        counts, grown = _observe(handler, contender, count)
        fault = growth.of_statements(counts)
    if fault is not None:
        return fault + _statement_more(handler, contender, count)
    return growth.of_memory(grown, count)


def _statement_more(handler: Handler, contender: Contender, count: int) -> str:
    """Return ": " and a statement that some of `count` more requests send and others do not."""
    sent: list[Counter[str]] = []
    for _ in range(count):
        with proof.statements_sent() as statements:
            _ask(handler, contender)
        sent.append(Counter(" ".join(sql.split()) for sql in statements))
    more = max(sent, key=Counter.total) - min(sent, key=Counter.total)
    return "".join(f": {sql[:LONGEST]}" for sql, _ in more.most_common(1))


def _observe(handler: Handler, contender: Contender, count: int) -> tuple[list[int], int]:
    """Return the statements of each of `count` requests, and the bytes that all of them keep."""
    counts, number = [0] * count, -1

    def note(execute, sql, params, many, context):
        if number >= 0:
            counts[number] += 1
        return execute(sql, params, many, context)

    tracemalloc.start()
    try:
        with connection.execute_wrapper(note):
            for _ in range(min(FIRST, count)):
                _ask(handler, contender)
            before = _bytes()
            for number in range(count):  # noqa: B007 - `note` reads it
                _ask(handler, contender)
            return counts, _bytes() - before
    finally:
        tracemalloc.stop()
        connection.ensure_connection()


def _bytes() -> int:
    """Return the bytes in use without what Python and the database's driver keep in caches."""
    connection.close()
    gc.collect()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        sys._clear_type_cache()  # names of up to 4096 attributes
    return tracemalloc.get_traced_memory()[0]
