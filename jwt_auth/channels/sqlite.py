"""Ends of logins, read from a SQLite file whenever it changed."""

import os
import sqlite3
import time
from datetime import datetime
from typing import Any

from django.db import Error, connections
from django.utils import timezone

from auth_core.listening import HEARTBEAT, SILENCE
from jwt_auth.channels.common import ReadingChannel, in_one_row, split

POLL = 0.005  # seconds from one look at the file to the next

# The file's version, and what ended, where the version is another. One statement asks for both,
# because beside a busy thread each waits up to 15 ms for the interpreter's lock.
_LOOK = "SELECT data_version, CASE WHEN data_version <> ? THEN ({}) END FROM pragma_data_version"


class FileChannel(ReadingChannel):
    """A connection of its own, of which `PRAGMA data_version` changes with every other's commit.

    SQLite has one writer at a time. So what commits after a reading began to write after the commit
    before that reading, which was seen within SILENCE. OVERLAP is longer than that and than a
    writer waits for its turn, so no end is missed. A thread that did not look for SILENCE begins
    again.
    """

    source = "the database"
    way = "the file"
    errors = (Error, sqlite3.Error, OSError)  # the looks go past Django's cursor
    # The last reading and the time at which the statement was built, then the statement.
    _asked: tuple[datetime | None, datetime, str, list[str]] | None = None

    def receive(self) -> None:
        connection = connections[self.alias]
        try:
            connection.ensure_connection()
            self._watch(connection)
        finally:
            connection.close()

    def _watch(self, connection: Any) -> None:
        (_, _, file), *_ = connection.connection.execute("PRAGMA database_list").fetchall()
        opened = _identity(file)
        ((version,),) = connection.connection.execute("PRAGMA data_version").fetchall()
        looked = compared = float("-inf")
        while not self.closed.is_set():
            before, looked = looked, time.monotonic()
            if looked >= before + SILENCE:
                self.begin()
            if looked >= compared + HEARTBEAT:
                compared = looked
                if _identity(file) != opened:
                    raise sqlite3.OperationalError(f"{file} was replaced")
            version = self._look(connection, version)
            self.hear(looked)
            # Many ends at once take long to read; half of the time is for others. A process that
            # was stopped meanwhile looks again soon.
            self.closed.wait(min(max(POLL, time.monotonic() - looked), HEARTBEAT))

    def _look(self, connection: Any, version: int) -> int:
        """Return the version of the file, after dropping what ended if it is another."""
        now = timezone.now()
        # Built again after a reading, and after the clock was set back: it costs as much as a look.
        if self._asked is None or self._asked[0] is not self.read_at or now < self._asked[1]:
            self._asked = (self.read_at, now, *_statement(self.since(now), connection))
        _, _, statement, parameters = self._asked
        ((found, ended),) = connection.connection.execute(statement, (version, *parameters)).fetchall()
        if found != version:
            self.read(now, split(ended))
        return found


def _statement(since: datetime, connection: Any) -> tuple[str, list[str]]:
    query, parameters = in_one_row(since, connection)
    return _LOOK.format(query.replace("%s", "?")), parameters


def _identity(file: str) -> tuple[int, int]:
    found = os.stat(file)
    return found.st_dev, found.st_ino
