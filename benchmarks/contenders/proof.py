"""The proof that a contender does what it says, and what is counted of one of its requests."""

import json
import time
from collections.abc import Iterable
from urllib.parse import urlsplit

from django.db import connection

from benchmarks.contenders.contender import Contender
from benchmarks.contenders.urlconf import WHOAMI
from benchmarks.contenders.wsgi import Handler, ask
from benchmarks.messages import Facts, RefusedError

LONGEST = 10.0  # seconds in which a process must begin to hear


def prove(handler: Handler, contender: Contender, url: str, expected: bytes) -> list[str]:
    """Return what is wrong with the contender at this URL, one sentence each; empty: time it.

    `expected` is the body for anybody who may enter. At `/whoami/` the contender's identity counts
    instead.
    """
    faults = []
    answer = ask(handler, contender.environ(url))
    if answer.status != 200:
        faults.append(f"answers {answer.status} with its credential, not 200")
    elif urlsplit(url).path == WHOAMI:
        faults += _wrong_identity(contender, answer.body)
    elif answer.body != expected:
        faults.append("answers another body than an anonymous request gets")
    for description, headers in contender.refused.items():
        status = ask(handler, contender.environ(url, headers)).status
        if status != contender.refusal:
            hint = f" (if its class refuses so, set refusal={status})" if status in (401, 403) else ""
            faults.append(f"answers {status} {description}, not {contender.refusal}{hint}")
    return [f"{contender.name} at {url}: {fault}" for fault in faults]


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
    statements = []

    def note(execute, sql, params, many, context):
        statements.append(sql)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        answer = ask(handler, contender.environ(url))
    return Facts(
        sql_statements=len(statements),
        header_bytes=sum(
            len(f"{name.removeprefix('HTTP_')}: {value}\r\n".encode("latin-1"))
            for name, value in contender.headers.items()
        ),
        response_bytes=len(answer.body),
    )


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
