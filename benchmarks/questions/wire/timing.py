"""The client of `wire`: prove what a fresh server answers, warm it up, and time it.

Order of blocks, figures and sample are those of a process that times itself (processes/timing.py).
The clock runs from the first byte of the request to the last byte of the answer, over one kept
connection.
"""

import io
import json
import os
import string
from collections.abc import Callable
from random import Random
from urllib.parse import quote

from benchmarks.contenders.contender import Contender
from benchmarks.contenders.wsgi import URLCONF
from benchmarks.messages import Assignment, Entry, Facts, RefusedError, Sample
from benchmarks.processes import timing
from benchmarks.servers import http1
from benchmarks.servers import server as servers


class _Collector(timing.Collector):
    """A measure of how long this process or the server waited for a processor: the longer of both.

    This process makes too little garbage to measure it, so both work for a moment between blocks.
    """

    def __init__(self, client: "Client"):
        super().__init__()
        self._client = client
        self._server_wall = self._server_run = 0.0

    def collect(self):
        super().collect()
        wall, run = self._client.work()
        self._server_wall += wall
        self._server_run += run
        wall, run = servers.work()
        self._wall_seconds += wall
        self._run_seconds += run

    def can_tell(self) -> bool:
        return False  # this process waits for the server, which may wait itself

    @property
    def waited(self) -> float:
        server = 1 - self._server_run / self._server_wall if self._server_wall else 0.0
        return max(super().waited, server)


class Client:
    """A WSGI handler that asks the server over one connection, so that proofs are as in process."""

    def __init__(self, connection: http1.Connection):
        self._connection = connection

    def __call__(self, environ: dict, start_response: Callable):
        answer = self._connection.exchange(request(environ))
        start_response(answer.status, [])
        return io.BytesIO(answer.body)

    def work(self) -> tuple[float, float]:
        """Let the server do servers.work()."""
        return tuple(json.loads(self._connection.exchange(http1.get(servers.WORK)).body))

    def time_block(self, request: bytes, count: int) -> list[int]:
        """Return the nanoseconds of each request, as timing.time_block does."""
        answers = [self._connection.exchange(request) for _ in range(count)]
        statuses = {answer.status for answer in answers}
        if statuses != {"200 OK"}:
            line = request.partition(b" HTTP/1.1\r\n")[0].decode()
            raise RefusedError(f"{line} was answered {', '.join(sorted(statuses))} under the clock")
        return [answer.nanoseconds for answer in answers]


def run(
    assignment: Assignment, server: servers.Running, cores: servers.Cores | None, done: Callable[[str], None]
) -> Sample:
    """Do the assignment on the client's core; call `done` with the URL of each finished round.

    Raises RefusedError, before anything is timed, if a contender does not do what it says, or if
    the server does not keep the connection.
    """
    random = Random(assignment.seed)
    urls = list(assignment.rounds)
    served = server.facts()
    if "refused" in served:
        raise RefusedError(served["refused"])
    if cores:
        os.sched_setaffinity(0, {cores.client})
    field = {contender.name: contender for contender in map(_contender, served["contenders"])}
    try:
        with http1.Connection(server.port) as connection:
            blocks, warmed, waited = _measure(Client(connection), field, urls, assignment, random, done)
    except http1.ProtocolError as error:
        raise RefusedError(f"{assignment.server}: {error}") from None
    return Sample(
        entries=[contender.entry for contender in field.values()],
        facts={url: {name: Facts(**each) for name, each in row.items()} for url, row in served["facts"].items()},
        round_seconds={url: seconds for url, (_, seconds) in warmed.items()},
        warm_up={url: count for url, (count, _) in warmed.items()},
        waited=waited,
        service={
            **served["service"],
            "server": servers.describe(assignment.server),
            "cores": cores and {"server": cores.server, "client": cores.client},
        },
        blocks=blocks,
        audit_seconds=served["audit_seconds"],
    )


def _measure(client: Client, field: dict[str, Contender], urls, assignment: Assignment, random: Random, done):
    timing.prove(client, field, urls)
    requests = {url: {name: request(each.environ(url)) for name, each in field.items()} for url in urls}
    collector = _Collector(client)
    with timing.garbage_held_back():
        warmed = {url: timing.warm_up(client, requests[url], assignment, random, Client.time_block) for url in urls}
        blocks = {
            url: timing.time_rounds(client, requests[url], url, assignment, random, collector, done, Client.time_block)
            for url in random.sample(urls, len(urls))
            if assignment.rounds[url]
        }
    timing.prove(client, field, urls, timing.LATER)
    return blocks, warmed, collector.waited


def request(environ: dict) -> bytes:
    """Return the bytes of a GET, with the contender's selector before its path."""
    query = environ["QUERY_STRING"]
    target = environ[URLCONF] + quote(environ["PATH_INFO"]) + (f"?{quote(query, string.punctuation)}" if query else "")
    return http1.get(
        target,
        *(
            f"{name.removeprefix('HTTP_').replace('_', '-').title()}: {value}"
            for name, value in environ.items()
            if name.startswith("HTTP_")
        ),
    )


def _contender(data: dict) -> Contender:
    return Contender(**{**data, "entry": Entry(**data["entry"])})
