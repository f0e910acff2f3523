"""What publishing and reading a list takes, and how large it is, by the share of revoked logins."""

import sys
import time
import tracemalloc
from contextlib import ExitStack
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from random import Random
from threading import Thread
from typing import Any
from urllib.request import ProxyHandler, build_opener
from uuid import uuid4

from cryptography.hazmat.primitives.asymmetric import ec

from benchmarks.messages import RefusedError
from benchmarks.questions.proposals.messages import Task
from benchmarks.questions.proposals.status_list import lists
from benchmarks.questions.proposals.timed import Field, calls

LOGINS = 1_000_000
SHARES = (0.001, 0.01, 0.1)
TIMED = 0.01  # the share whose list is timed
LOOKED_UP = 1000  # indexes in one call
URI = "https://api.example.org/statuslists/1"
TTL, LIFETIME = 300, 3600  # seconds
REMEMBERED = 10_000  # logins of jwt-pushed, whose memory is measured

BUILD, FETCH, READ, LOOK_UP = "build and sign", "fetch over loopback", "verify and decompress", "look up 1,000"
AGAIN = f"{READ} again"


def build(task: Task, random: Random, stack: ExitStack) -> Field:
    """Build and prove the contenders. Raises RefusedError."""
    key = ec.generate_private_key(ec.SECP256R1())
    public = key.public_key()
    revoked = random.sample(range(LOGINS), int(LOGINS * TIMED))
    token = _signed(key, revoked)
    url = _served(token, stack)
    opener = build_opener(ProxyHandler({}))  # not through a proxy that the environment names
    read = partial(lists.read, key=public, uri=URI)
    found = read(token, now=time.time())
    prove(found, revoked, random)
    indexes = random.sample(range(LOGINS), LOOKED_UP)
    expected = sum(map(set(revoked).__contains__, indexes))

    def same(wanted: Any, what: str):
        def check(prepared: Any, result: Any):
            if result != wanted:
                raise RefusedError(f"{what}: another result under the clock")

        return check

    def fetched(prepared: Any) -> str:
        with opener.open(url) as answer:
            return answer.read().decode("ascii")

    def raw(text: str) -> bytes:
        return read(text, now=time.time()).raw

    # Signatures of ES256 differ each time, so what was signed is compared.
    return Field(
        {
            BUILD: calls(
                lambda: revoked,
                lambda chosen: _signed(key, chosen),
                lambda _, text: same(found.raw, BUILD)(_, raw(text)),
            ),
            FETCH: calls(lambda: None, fetched, same(token, FETCH)),
            READ: calls(lambda: token, raw, same(found.raw, READ)),
            AGAIN: calls(lambda: token, raw, same(found.raw, AGAIN)),
            LOOK_UP: calls(lambda: indexes, lambda chosen: sum(map(found.is_revoked, chosen)), same(expected, LOOK_UP)),
        },
        counted={"sizes": sizes(random, key), **({} if task.rounds else {"memory": memory(found)})},
    )


def prove(found: lists.StatusList, revoked: list[int], random: Random):
    """Raise RefusedError unless the list says of each login whether it is revoked."""
    known = set(revoked)
    asked = [*random.sample(revoked, 100), *random.sample(range(LOGINS), 1000)]
    if any(found.is_revoked(index) != (index in known) for index in asked):
        raise RefusedError("the list has other logins than were revoked")
    if sum(each.bit_count() for each in found.raw) != len(known):
        raise RefusedError("the list has another number of revoked logins")


def sizes(random: Random, key: Any) -> dict[str, dict[str, int]]:
    """Return share -> bytes of a list of LOGINS with so many revoked, chosen at random."""
    found = {}
    for share in (0.0, *SHARES):
        raw = lists.bits(LOGINS, random.sample(range(LOGINS), int(LOGINS * share)))
        lst = lists.compress(raw)
        token = lists.sign(lst, key, URI, ttl=TTL, lifetime=LIFETIME, now=time.time())
        found[str(share)] = {"raw": len(raw), "zlib": len(lst) * 3 // 4, "lst": len(lst), "token": len(token)}
    return found


def memory(found: lists.StatusList) -> dict[str, float]:
    """Return the bytes that a process keeps: of the whole list, and of one login of jwt-pushed."""
    from jwt_auth.pushed import LivingLogins

    logins = LivingLogins()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for _ in range(REMEMBERED):
            key = uuid4()
            logins.entries.put(uuid4().hex, (str(key), key), 0)
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return {"list": sys.getsizeof(found.raw), "login": (after - before) / len(logins)}


def _signed(key: Any, revoked: list[int]) -> str:
    lst = lists.compress(lists.bits(LOGINS, revoked))
    return lists.sign(lst, key, URI, ttl=TTL, lifetime=LIFETIME, now=time.time())


def _served(token: str, stack: ExitStack) -> str:
    """Serve the list on a free port until the stack ends, and return its URL."""
    body = token.encode("ascii")

    class Answering(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Type", f"application/{lists.TYPE}")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments):
            """Log nothing: it would be timed."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    server.daemon_threads = True
    Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    stack.callback(server.server_close)
    stack.callback(server.shutdown)
    return f"http://127.0.0.1:{server.server_port}/"
