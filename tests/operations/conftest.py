"""Fixtures of several files of this folder."""

import itertools
import os
from collections.abc import Iterator

import psycopg
import pytest
from django.db import connection

from config.schemes import Scheme
from tests.support.faults import CLIENTS, MAKE_USERS, OWN, RUNS, USERS, Postgresql, Tally, copy_of
from tests.support.mortal import Answer, Service


@pytest.fixture(scope="session")
def tally() -> Iterator[Tally]:
    tally = Tally()
    yield tally
    print(f"\n\n{tally}")


# --- the service, and the requests of its clients -------------------------------------------------


@pytest.fixture(scope="session")
def database_url(django_db_setup, django_db_blocker, tmp_path_factory) -> Iterator[str]:
    """Yield the URL of a database of the run's kind, with the tests' tables and no rows."""
    with django_db_blocker.unblock():
        name = connection.settings_dict["NAME"]
        if connection.vendor == "sqlite":
            yield f"sqlite:///{copy_of(name, tmp_path_factory.mktemp('faults'))}"
            return
        connection.close()
        connection.close_pool()
    url, copy = os.environ["DATABASE_URL"], f"{name}_faults"
    with psycopg.connect(url, autocommit=True) as server:
        server.execute(f'CREATE DATABASE "{copy}" TEMPLATE "{name}"')
    yield url.replace("/postgres?", f"/{copy}?")
    with psycopg.connect(url, autocommit=True) as server:
        server.execute(f'DROP DATABASE "{copy}" WITH (FORCE)')


@pytest.fixture(scope="session")
def service(database_url) -> Iterator[Service]:
    # The lifetimes outlast a run: the tests check what a killed process leaves, not when it
    # expires.
    lifetimes = {"JWT_REUSE_GRACE": "10m", "JWT_ACCESS_LIFETIME": "1h"}
    with Service(DATABASE_URL=database_url, LOGIN_THROTTLE="none", **lifetimes) as service:
        service.run(MAKE_USERS)
        yield service


@pytest.fixture(scope="session")
def users(service) -> Iterator[str]:
    """Return an iterator over names of users that no test has used."""
    return (f"user{i}" for i in range(USERS))


@pytest.fixture(scope="session")
def logged_in(service, users) -> dict[str, Iterator[Answer]]:
    """Return logins by the row's name, each of a user of its own.

    They are made before PostgreSQL is copied, and without its slow hash.
    """

    def of(scheme: Scheme) -> list[Answer]:
        names = itertools.islice(users, 5 * RUNS)
        return service.opened_by(scheme).ask(*map(CLIENTS[scheme.keyword].log_in, names))

    return {scheme.name: iter(of(scheme)) for scheme in OWN}


@pytest.fixture(scope="session")
def postgresql(database_url, logged_in) -> Postgresql:
    return Postgresql(database_url)
