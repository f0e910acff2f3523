"""Ends of logins, read from a SQLite file whenever it changed."""

import os
import time
from sqlite3 import OperationalError
from typing import Any

from django.db import Error, connections

from auth_core.listening import HEARTBEAT, SILENCE
from jwt_auth.channels.common import ReadingChannel

POLL = 0.005  # seconds from one look at the file to the next


class FileChannel(ReadingChannel):
    """A connection of its own, of which `PRAGMA data_version` changes with every other's commit.

    SQLite has one writer at a time. So what commits after a reading began to write after the commit
    before that reading, which was seen within SILENCE. OVERLAP is longer than that and than a
    writer waits for its turn, so no end is missed. A thread that did not look for SILENCE begins
    again.
    """

    source = "the database"
    way = "the file"
    errors = (Error, OperationalError, OSError)

    def receive(self) -> None:
        connection = connections[self.alias]
        try:
            connection.ensure_connection()
            self._watch(connection.connection)
        finally:
            connection.close()

    def _watch(self, connection: Any) -> None:
        file = _value(connection, "PRAGMA database_list", 2)
        opened, version = _identity(file), _value(connection, "PRAGMA data_version")
        looked = compared = float("-inf")
        while not self.closed.is_set():
            before, looked = looked, time.monotonic()
            if looked >= before + SILENCE:
                self.begin()
            if looked >= compared + HEARTBEAT:
                compared = looked
                if _identity(file) != opened:
                    raise OperationalError(f"{file} was replaced")
            now = _value(connection, "PRAGMA data_version")
            if now != version:
                self.drop_ended()
                version = now
            self.hear(looked)
            # Many ends at once take long to read; half of the time is for others. A process that
            # was stopped meanwhile looks again soon.
            self.closed.wait(min(max(POLL, time.monotonic() - looked), HEARTBEAT))


def _value(connection: Any, statement: str, column: int = 0) -> Any:
    return connection.execute(statement).fetchall()[0][column]


def _identity(file: str) -> tuple[int, int]:
    found = os.stat(file)
    return found.st_dev, found.st_ino
