"""Filling a scratch database: migrations, users and the Chinook tracks."""

from collections.abc import Callable
from contextlib import contextmanager
from datetime import UTC, datetime
from unittest import mock

from benchmarks.contenders import outside
from benchmarks.contenders.user import PASSWORD, USERNAME
from benchmarks.messages import NOBODY, Population, RefusedError

BEGIN = datetime(2026, 1, 1, 12, 0, 0, 28_564, tzinfo=UTC)


def fill(others: Population = NOBODY, done: Callable[[int], None] = lambda rows: None):
    """Run the migrations, load the Chinook tracks, and make the timed user amid the others.

    It calls `done` with the number of rows that it added for the others.
    """
    from django.conf import settings
    from django.contrib.auth import get_user_model
    from django.core.management import call_command

    from benchmarks.databases import population
    from tracks import catalogue

    def load(users: int):
        population.load(users, done, others.refreshes, others.tracks)

    try:
        call_command("migrate", verbosity=0)
        if settings.CANDIDATES:
            # Apps without migrations (django-jwt-allauth) come last: they refer to other tables.
            call_command("migrate", run_syncdb=True, verbosity=0)
    except Exception as error:
        if not settings.CANDIDATES:
            raise
        names = ", ".join(settings.CANDIDATES)
        raise RefusedError(f"{names}: `migrate` with their apps raised {outside.line(error)}") from error
    with same_times():
        catalogue.load(catalogue.read(catalogue.CHINOOK))
    if others.population:
        load(others.population // 2)
    get_user_model().objects.create_user(USERNAME, password=PASSWORD)
    if others.population:
        load(others.population - others.population // 2)
        population.settle()


@contextmanager
def same_times():
    """Stop the clock, so that two revisions that read it at other moments load equal times."""
    with mock.patch("django.utils.timezone.now", return_value=BEGIN):
        yield
