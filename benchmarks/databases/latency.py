"""A database that is farther away, by a proxy between service and database (proxy.py).

Passing bytes on takes time as well, so the lab measures what a round trip really takes, at 0 too.
"""

import json
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter
from urllib.parse import parse_qsl, urlencode, urlsplit

from benchmarks.databases.scratch import Database, DatabaseError
from benchmarks.messages import RoundTrip

MOST = 1000  # milliseconds that a database may be away

_TRIPS, _WARM_UP = 300, 50  # questions that measure a round trip, after those that warm up


@contextmanager
def proxy(target: dict, round_trip_ms: float) -> Iterator[int]:
    """Run a proxy to `target` and yield its port on 127.0.0.1.

    The target is {"path": …} for a Unix socket, or {"host": …, "port": …}.
    """
    order = json.dumps({"target": target, "delay_seconds": round_trip_ms / 2000})
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.databases.proxy", order],
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
    """Yield the same PostgreSQL with answers that take `round_trip_ms` longer; None: itself.

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
    """Measure a round trip directly and at each distance (milliseconds asked for -> database)."""
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
