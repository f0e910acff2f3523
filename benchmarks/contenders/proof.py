"""The proof that a contender does what it says, and what is counted of one of its requests."""

import json
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from django.core.signals import got_request_exception
from django.db import connection
from rest_framework.request import WrappedAttributeError

from benchmarks.contenders.contender import Contender
from benchmarks.contenders.urlconf import WHOAMI
from benchmarks.contenders.wsgi import Answer, Handler, ask
from benchmarks.messages import Facts, RefusedError

LONGEST = 10.0  # seconds in which a process must begin to hear
LONGEST_LINE = 200  # characters of what an exception says


def prove(handler: Handler, contender: Contender, url: str, expected: bytes) -> list[str]:
    """Return what is wrong with the contender at this URL, one sentence each; empty: time it.

    `expected` is the body for anybody who may enter. At `/whoami/` the contender's identity counts
    instead.
    """
    faults, told = [], set()

    def wrong(status: int, when: str, wanted: int, why: str):
        if not why or why not in told:  # an exception is told once, however many requests meet it
            faults.append(f"answers {status} {when}, not {wanted}{why}")
        told.add(why)

    answer, why = ask_why(handler, contender.environ(url))
    if answer.status != 200:
        wrong(answer.status, "with its credential", 200, why)
    elif urlsplit(url).path == WHOAMI:
        faults += _wrong_identity(contender, answer.body)
    elif answer.body != expected:
        faults.append("answers another body than an anonymous request gets")
    refusals = {
        description: ask_why(handler, contender.environ(url, headers))
        for description, headers in contender.refused.items()
    }
    statuses = {answer.status for answer, _ in refusals.values()}
    if len(statuses) == 1 and statuses <= {401, 403} - {contender.refusal}:
        (status,) = statuses
        faults.append(f"refuses with {status}, not {contender.refusal}; if that is right, set refusal={status}")
    else:
        for description, (answer, why) in refusals.items():
            if answer.status != contender.refusal:
                wrong(answer.status, description, contender.refusal, why)
    return [f"{contender.name} at {url}: {fault}" for fault in faults]


def ask_why(handler: Handler, environ: dict) -> tuple[Answer, str]:
    """Return the answer and, if an exception in this process made it, ": " and what that says."""
    raised: list[str] = []

    def note(**_):
        error = sys.exc_info()[1]
        if isinstance(error, WrappedAttributeError):
            error = error.__context__ or error
        lines = str(error).splitlines() or [""]
        raised.append(f": {type(error).__name__}: {lines[0][:LONGEST_LINE]}".removesuffix(": "))

    got_request_exception.connect(note)
    try:
        answer = ask(handler, environ)
    finally:
        got_request_exception.disconnect(note)
    return answer, raised[-1] if raised else ""


def hear(handler: Handler, contenders: Iterable[Contender]) -> dict[str, str]:
    """Let each class that remembers logins begin to hear of their ends, before it is timed.

    Return the channel by which each hears, by the contender's name. Raises RefusedError.
    """
    channels = {}
    for contender in contenders:
        if contender.channel is None:
            continue
        end = time.monotonic() + LONGEST
        while (channel := contender.channel()) is None:
            if time.monotonic() > end:
                raise RefusedError(f"{contender.name}: hears of no end of a login within {LONGEST:g} s")
            ask(handler, contender.environ(WHOAMI))
            time.sleep(0.01)
        channels[contender.name] = channel
    return channels


def count(handler: Handler, contender: Contender, url: str) -> Facts:
    """Return the counted facts of one request. Call it after the warm-up, off the clock."""
    with statements_sent() as statements:
        answer = ask(handler, contender.environ(url))
    return Facts(
        sql_statements=len(statements),
        header_bytes=sum(
            len(f"{name.removeprefix('HTTP_')}: {value}\r\n".encode("latin-1"))
            for name, value in contender.headers.items()
        ),
        response_bytes=len(answer.body),
    )


@contextmanager
def statements_sent() -> Iterator[list[str]]:
    """Yield a list to which each SQL statement is added as it is sent."""
    statements: list[str] = []

    def note(execute, sql, params, many, context):
        statements.append(sql)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        yield statements


def _wrong_identity(contender: Contender, body: bytes) -> list[str]:
    try:
        answered = json.loads(body)
    except ValueError:
        return ["answers something else than JSON"]
    if answered.keys() != contender.identity.keys():
        return [f"names {', '.join(answered)}, not {', '.join(contender.identity)}"]
    return [
        f"says {field} {answered[field]!r}, not {' or '.join(map(repr, allowed))}"
        for field, allowed in contender.identity.items()
        if answered[field] not in allowed
    ]
