"""A lookup of groups on a PostgreSQL of the test's own, prepared by psycopg."""

import os
import re
import tempfile
from contextlib import contextmanager

import psycopg
from django.contrib.auth.models import Group
from psycopg.pq import Trace

from auth_core.prepared import Parameter, Query
from tests.support.direct import plan_of
from tests.support.own_connections import connection_to

THRESHOLD = 5
BY_NAME = Query(lambda: Group.objects.filter(name=Parameter(Group._meta.get_field("name"))))


@contextmanager
def with_groups(url: str):
    """Yield a connection of psycopg's, on which the groups `staff` (1) and `ada` (2) are new."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP TABLE IF EXISTS auth_group")
        connection.execute("CREATE TABLE auth_group (id int PRIMARY KEY, name varchar(150))")
        connection.execute("INSERT INTO auth_group VALUES (1, 'staff'), (2, 'ada')")
        yield connection


@contextmanager
def asking(url: str, **options):
    """Yield the plan of a lookup on a connection of its own that has run it often enough."""
    with connection_to(url, **{"prepare_threshold": THRESHOLD, **options}) as connection:
        plan = plan_of(BY_NAME, connection)
        for _ in range(THRESHOLD + 1):
            assert plan.first(("staff",)).pk == 1
        yield plan


class Executions:
    """How many statements psycopg has sent with separate parameters; libpq traces them."""

    def __init__(self, connection: psycopg.Connection):
        self._pgconn = connection.pgconn
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed by __exit__

    def __enter__(self) -> "Executions":
        self._pgconn.trace(self._file.fileno())
        self._pgconn.set_trace_flags(Trace.SUPPRESS_TIMESTAMPS)
        return self

    def __exit__(self, *_) -> None:
        self._pgconn.untrace()
        self._file.close()

    def __int__(self) -> int:
        size = os.fstat(self._file.fileno()).st_size
        return len(re.findall(rb"^F\t\d+\tExecute\t", os.pread(self._file.fileno(), size, 0), re.MULTILINE))
