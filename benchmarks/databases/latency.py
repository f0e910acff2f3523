"""A database that is farther away, by a proxy between service and database (proxy.py).

Passing bytes on takes time as well, so the lab measures what a round trip really takes, at 0 too.
"""

import json
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter
from urllib.parse import parse_qsl, urlencode, urlsplit

import click

from benchmarks.databases.scratch import Database, DatabaseError

MOST = 1000  # milliseconds that a database may be away

_TRIPS, _WARM_UP = 300, 50  # questions that measure a round trip, after those that warm up


@dataclass(frozen=True, slots=True)
class RoundTrip:
    """The round trip of one small query.

    `asked_ms`   the distance that was asked for; None for the direct way
    `median_us`  the median of its times
    `adds_us`    its median minus that of the direct way; None for the direct way
    """

    asked_ms: float | None
    median_us: float
    adds_us: float | None


def options(command: Callable) -> Callable:
    """Add --distance, a tuple of milliseconds; empty: directly."""
    return click.option(
        "--distance",
        "distances",
        metavar="MILLISECONDS",
        type=click.FloatRange(0, MOST),
        multiple=True,
        help="A PostgreSQL whose answers take so much longer to come, by a proxy in between; may be repeated; "
        "0: through the proxy as fast as it goes.  [default: directly]",
    )(command)


def needs_postgresql(distances: Sequence[float], database: str, database_url: str | None):
    """Raise click.UsageError for a distance to a file."""
    if distances and database == "sqlite" and not database_url:
        raise click.UsageError(
            f"--distance {distances[0]:g}: a SQLite file is in the same process; add --database postgresql"
        )


def remarks(round_trips: Sequence[RoundTrip]) -> list[str]:
    """Return a line with the true distances, or nothing where there are none."""
    if not round_trips:
        return []
    direct, *distant = round_trips
    each = ", ".join(f"{trip.adds_us / 1000:.2f} ms where {trip.asked_ms:g} was asked for" for trip in distant)
    return [
        f"Distance: a question to the database takes {direct.median_us / 1000:.2f} ms directly; through the proxy "
        f"longer by {each}."
    ]


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
