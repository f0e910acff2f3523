"""The WSGI application of `wire`: the service as config.wsgi sets it up, with all contenders.

The first SELECTOR characters of the path choose the contender, and Django does not see them: one
process serves all contenders, each by its own URLconf, under the same URL. The choice reads no
header, all selectors have the same length, and it takes 0.2 µs of every request.
"""

import json
import os
from dataclasses import asdict, replace
from random import Random

from benchmarks.messages import ASSIGNMENT_VARIABLE, Assignment, RefusedError
from benchmarks.servers.server import FACTS, WORK, work

os.environ["DJANGO_SETTINGS_MODULE"] = "benchmarks.settings"

import config.wsgi  # noqa: F401 - sets the service up, and stops it where it is misconfigured

# isort: split
# After the set-up.
from django.db import connections

from benchmarks.contenders import proof
from benchmarks.contenders.wsgi import URLCONF, Handler
from benchmarks.processes import audit, timing

SELECTOR = 3
GC_POLICY = "as Python does by itself"


def _serve() -> tuple[dict, dict]:
    """Return URLconfs by selector, and what the client asks for before it starts."""
    assignment = Assignment.from_json(os.environ[ASSIGNMENT_VARIABLE])
    urls = list(assignment.rounds)
    handler = Handler()
    try:
        field = timing.build(assignment, urls, Random(assignment.seed))
        channels = proof.hear(handler, field.values())
        facts = {url: {name: proof.count(handler, each, url) for name, each in field.items()} for url in urls}
        audit_seconds = audit.in_rehearsal(handler, field, assignment)
    except RefusedError as refusal:
        return {}, {"refused": str(refusal)}
    finally:
        connections.close_all()  # of this thread, which serves nobody
    selectors = {f"/{number:0{SELECTOR - 1}}": contender for number, contender in enumerate(field.values())}
    # Here, where the service runs, its channel is heard; the client has none.
    contenders = [
        asdict(replace(contender, urlconf=selector, channel=None)) for selector, contender in selectors.items()
    ]
    return (
        {selector: contender.urlconf for selector, contender in selectors.items()},
        {
            "contenders": contenders,
            "facts": {url: {name: asdict(each) for name, each in row.items()} for url, row in facts.items()},
            "service": {**timing.service(), "garbage_collection": GC_POLICY, "channels": channels},
            "audit_seconds": audit_seconds,
        },
    )


_urlconfs, _facts = _serve()
_handler = Handler()


def application(environ, start_response):
    path = environ["PATH_INFO"]
    try:
        environ[URLCONF] = _urlconfs[path[:SELECTOR]]
    except KeyError:
        return _answer(path, start_response)
    environ["PATH_INFO"] = path[SELECTOR:]
    return _handler(environ, start_response)


def _answer(path: str, start_response):
    answers = {FACTS: lambda: _facts, WORK: work}
    body = json.dumps(answers[path]() if path in answers else None).encode()
    start_response("200 OK" if path in answers else "404 Not Found", [("Content-Length", str(len(body)))])
    return [body]
