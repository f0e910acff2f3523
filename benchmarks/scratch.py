"""The scratch database: made for one run and removed after it.

`python -m benchmarks.scratch` fills the one that is in force.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit
from uuid import uuid4

USERNAME = "benchmarks"


class DatabaseError(Exception):
    """No scratch database could be made."""


@contextmanager
def database(server: str | None) -> Iterator[str]:
    """The URL of a new, empty database: an SQLite file, or one on the PostgreSQL server at URL `server`."""
    with _sqlite() if server is None else _postgresql(server) as url:
        yield url


def fill():
    """Every migration, one user, the Chinook tracks."""
    from django.contrib.auth import get_user_model
    from django.core.management import call_command

    from tracks import catalogue

    call_command("migrate", verbosity=0)
    get_user_model().objects.create_user(USERNAME)
    catalogue.load(catalogue.read(catalogue.CHINOOK))


@contextmanager
def _sqlite() -> Iterator[str]:
    with TemporaryDirectory(prefix="benchmarks-") as folder:
        yield f"sqlite:///{folder}/scratch.sqlite3"


@contextmanager
def _postgresql(server: str) -> Iterator[str]:
    import psycopg

    name = f"benchmarks_{uuid4().hex[:12]}"
    try:
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
    except psycopg.Error as error:
        raise DatabaseError(f"--database-url: {error}") from None
    try:
        yield urlsplit(server)._replace(path=f"/{name}").geturl()
    finally:
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


if __name__ == "__main__":
    os.environ["DJANGO_SETTINGS_MODULE"] = "benchmarks.settings"
    import django

    django.setup()
    fill()
