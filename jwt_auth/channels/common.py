"""What the channels have in common."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.db import connections
from django.utils import timezone

from auth_core.listening import Listener
from jwt_auth.models import DeletedLogin, RefreshFamily

# How much older than the last reading an end may be that this reading has not seen: it is written
# before its transaction commits, with the clock of its machine.
OVERLAP = timedelta(seconds=60)

_IN_ONE_ROW = """
SELECT group_concat(id) FROM (
    SELECT id FROM {} WHERE revoked_at >= %s UNION ALL SELECT id FROM {} WHERE deleted_at >= %s
)
"""

Dropped = Callable[[list[str]], None]
Gap = Callable[[], None]


class Channel(Listener):
    """A listener to ends of logins in the database `alias`."""

    label = "jwt-pushed"
    instead = "every login is read from the database"
    alias: str
    way: str  # by which it hears

    def announce(self, sids: list[str]) -> None:
        """Announce that these logins ended, where the database does not do so itself."""


class ReadingChannel(Channel):
    """A channel that also reads from the database which logins ended."""

    def __init__(self, alias: str, *args: Any, **options: Any):
        super().__init__(*args, **options)
        self.alias = alias
        self.read_at: datetime | None = None

    def begin(self) -> None:
        """Read from now on: what ended before may have been missed."""
        self.read_at = None
        self.gap()

    def drop_ended(self) -> None:
        """Drop the logins that ended since the last reading; at the first one, drop every login.

        An end that is committed after `begin` may have been written at any time before.
        """
        now = timezone.now()
        self.read(now, [] if self.read_at is None else ended_since(self.since(now), self.alias))

    def since(self, now: datetime) -> datetime:
        """Return from when on a reading that begins `now` reads the ends."""
        # The clock may have been set back.
        return min(self.read_at or now, now) - OVERLAP

    def read(self, now: datetime, ended: list[str]) -> None:
        """Drop what a reading found that began `now`; at the first one, drop every login."""
        read_at, self.read_at = self.read_at, now
        if read_at is None:
            self.gap()
        elif ended:
            self.dropped(ended)


def ended_since(moment: datetime, alias: str) -> list[str]:
    """Return the sids of the logins that were ended or deleted since then, in one query."""
    connection = connections[alias]
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute(*in_one_row(moment, connection))
            return split(*cursor.fetchone())
    ended = RefreshFamily.objects.using(alias).filter(revoked_at__gte=moment).values_list("pk", flat=True)
    deleted = DeletedLogin.objects.using(alias).filter(deleted_at__gte=moment).values_list("pk", flat=True)
    return [sid.hex for sid in ended.union(deleted, all=True)]


def in_one_row(moment: datetime, connection: Any) -> tuple[str, list[str]]:
    """Return the same query for SQLite, and its parameters. Its one value is for `split`.

    A thread waits for the others before each row: Python's sqlite3 gives up the interpreter's lock
    to fetch it, and a busy thread hands it back after 5 ms, so that 100 rows took 0.5 s.
    """
    tables = [connection.ops.quote_name(model._meta.db_table) for model in (RefreshFamily, DeletedLogin)]
    return _IN_ONE_ROW.format(*tables), [connection.ops.adapt_datetimefield_value(moment)] * 2


def split(sids: str | None) -> list[str]:
    """Return the sids in the value of `in_one_row`."""
    return sids.split(",") if sids else []
