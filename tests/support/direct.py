"""Both ways to run a compiled query on one connection: by Django's cursor and without it."""

import signal
from contextlib import contextmanager
from typing import Any

from django.db import connection as default

from auth_core.prepared import Query, _Plan


def plan_of(query: Query, connection: Any = None) -> _Plan:
    """Return what a query keeps for this connection, or for the default one after its first use."""
    return default.prepared_queries[query] if connection is None else _Plan(query._queryset, connection)


@contextmanager
def interrupted():
    """Yield a function after which 0.2 s pass until KeyboardInterrupt is raised."""

    def interrupt(*_):
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        yield lambda: signal.setitimer(signal.ITIMER_REAL, 0.2)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


class _Refused:
    """A cursor that runs nothing."""

    def execute(self, sql, params=None):
        raise AssertionError("Django's cursor was asked")


@contextmanager
def without_the_cursor(plan: _Plan):
    """Run a block in which each lookup that asks Django's cursor fails."""
    cursor, plan.cursor = plan.cursor, _Refused()
    try:
        yield
    finally:
        plan.cursor = cursor


def run_by_the_cursor(plan: _Plan, *values) -> Any:
    """Return what a query finds by Django's cursor, which an execute_wrapper() makes it ask."""
    with plan.connection.execute_wrapper(lambda execute, *rest: execute(*rest)):
        return plan.first(values)


def run_directly(plan: _Plan, *values) -> Any:
    """Return what a query finds without Django's cursor; psycopg prepares it first."""
    plan.first(values)  # connects
    if plan.connection.vendor == "postgresql":
        plan.connection.connection.prepare_threshold = 0
        plan.first(values)
    with without_the_cursor(plan):
        return plan.first(values)


def is_direct(plan: _Plan, *values) -> bool:
    """Return True if a lookup does not ask Django's cursor."""
    try:
        with without_the_cursor(plan):
            plan.first(values)
    except AssertionError:
        return False
    return True
