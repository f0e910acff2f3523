"""A database that is farther away: a proxy passes bytes on late, in each direction.

`python -m benchmarks.databases.latency TARGET`. A process of its own stands between service and database, holds everything for half of the round trip in either
direction, and keeps the order. It limits no throughput: what is on its way is not counted. (Linux itself can delay
packets, by netem in a network namespace, but that takes privileges, and a kernel that is built with it.) To pass bytes
on takes time as well, so what a round trip really came to is measured, at 0 too.
"""

import asyncio
import json
import statistics
import subprocess
import sys
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from selectors import SelectSelector
from time import perf_counter
from urllib.parse import parse_qsl, urlencode, urlsplit

from benchmarks.databases.scratch import Database, DatabaseError
from benchmarks.messages import RoundTrip
from benchmarks.wakeups import sleep_finely

MOST = 1000  # milliseconds that a database may be away

_EARLY = 100e-6  # seconds
_TRIPS, _WARM_UP = 300, 50  # questions that measure a round trip, after those that warm up


class _Awake(SelectSelector):
    """Wakes up early and looks at the clock until it is time: to be woken takes up to 100 µs by itself.

    select(2), since epoll's and poll's timeouts are milliseconds.
    """

    def select(self, timeout: float | None = None):
        return super().select(timeout and timeout - _EARLY)


class _Direction(asyncio.Protocol):
    """Hears one end and tells the other `delay` seconds later."""

    def __init__(self, delay: float):
        self._delay = delay
        self._loop = asyncio.get_running_loop()
        # By themselves two timers of one moment come in any order.
        self._due: deque[tuple] = deque()
        self.other: asyncio.Transport | None = None  # until both ends are there

    def connection_made(self, transport: asyncio.Transport):
        self.transport = transport

    def data_received(self, data: bytes):
        self._later(lambda: self.other.write(data))

    def eof_received(self):
        self._later(lambda: self.other.is_closing() or self.other.write_eof())
        return True  # the way back stays open

    def connection_lost(self, error: Exception | None):
        self._later(lambda: self.other and self.other.close())

    def _later(self, act):
        self._due.append(act)
        self._loop.call_later(self._delay, lambda: self._due.popleft()())


class _Near(_Direction):
    """The end that came to us: the other one is called first, and it is listened to then."""

    def __init__(self, target: dict, delay: float):
        super().__init__(delay)
        self._target = target

    def connection_made(self, transport: asyncio.Transport):
        super().connection_made(transport)
        transport.pause_reading()
        self._calling = self._loop.create_task(self._call())

    async def _call(self):
        far = _Direction(self._delay)
        far.other = self.transport
        try:
            if "path" in self._target:
                await self._loop.create_unix_connection(lambda: far, self._target["path"])
            else:
                await self._loop.create_connection(lambda: far, self._target["host"], self._target["port"])
        except OSError:
            self.transport.abort()  # as if nobody listened here
        else:
            self.other = far.transport
            self.transport.resume_reading()


async def _serve(target: dict, delay: float):
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Near(target, delay), "127.0.0.1", 0)
    print(json.dumps({"port": server.sockets[0].getsockname()[1]}), flush=True)
    async with server:
        # Ends with who started it: standard input is closed then.
        await loop.run_in_executor(None, sys.stdin.read)


def main(argument: str):
    order = json.loads(argument)
    sleep_finely()
    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(_Awake())) as runner:
        runner.run(_serve(order["target"], order["delay_seconds"]))


@contextmanager
def proxy(target: dict, round_trip_ms: float) -> Iterator[int]:
    """With the port on 127.0.0.1 of a proxy to `target`, {"path": …} of a Unix socket or {"host": …, "port": …}."""
    order = json.dumps({"target": target, "delay_seconds": round_trip_ms / 2000})
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.databases.latency", order],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        line = process.stdout.readline()
        if not line:
            raise DatabaseError(f"the proxy to {target} ended with {process.wait()}")
        yield json.loads(line)["port"]
    finally:
        process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()


@contextmanager
def away(database: Database, round_trip_ms: float | None) -> Iterator[Database]:
    """With the same PostgreSQL as if its answer took `round_trip_ms` longer; None: directly, as it is.

    Raises DatabaseError.
    """
    if round_trip_ms is None:
        yield database
        return
    with proxy(_target(database.url), round_trip_ms) as port:
        parts = urlsplit(database.url)
        login = parts.netloc.rpartition("@")[0]
        netloc = f"{login}@127.0.0.1:{port}" if login else f"127.0.0.1:{port}"
        query = urlencode([(name, value) for name, value in parse_qsl(parts.query) if name not in ("host", "port")])
        yield Database(parts._replace(netloc=netloc, query=query).geturl(), database.connection)


def measure(direct: Database, distances: dict[float, Database]) -> list[RoundTrip]:
    """How long a question takes, directly and at each distance (milliseconds asked for -> the database there)."""
    near = _median_us(direct)
    found = [RoundTrip(None, near, None)]
    for asked, database in distances.items():
        median = _median_us(database)
        found.append(RoundTrip(asked, median, median - near))
    return found


def _target(url: str) -> dict:
    from psycopg.conninfo import conninfo_to_dict

    parameters = conninfo_to_dict(url)
    host, port = parameters.get("host") or "localhost", int(parameters.get("port") or 5432)
    if host.startswith("/"):
        return {"path": f"{host}/.s.PGSQL.{port}"}
    return {"host": host, "port": port}


def _median_us(database: Database) -> float:
    import psycopg

    times = []
    with psycopg.connect(database.url, autocommit=True) as connection:
        for _ in range(_WARM_UP + _TRIPS):
            begin = perf_counter()
            connection.execute("SELECT 1").fetchone()
            times.append(perf_counter() - begin)
    return statistics.median(times[_WARM_UP:]) * 1e6


if __name__ == "__main__":
    main(sys.argv[1])
