"""Django's backend for SQLite, with a kept connection that it closes when its file is replaced."""

import os
from pathlib import Path
from sqlite3 import SQLITE_CANTOPEN, OperationalError
from urllib.parse import unquote, urlsplit

from django.db.backends.sqlite3 import base

from config.databases.kept import KeptConnectionMixin

Identity = tuple[int, int]  # device and inode


class DatabaseWrapper(KeptConnectionMixin, base.DatabaseWrapper):
    """A backend that keeps one connection for each thread (CONN_MAX_AGE) while its file exists.

    Opening the file, running its PRAGMAs and registering Django's 30 functions take ten times as
    long as a query by primary key. But a connection still reads an open file after it was removed
    or replaced. So each request that uses the connection compares the path's device and inode with
    those it opened, which takes about 1 µs. SQLite holds the old file open, so no other file gets
    its inode.

    The write-ahead log of the old file stays while connections are kept. SQLite would apply it to
    the new file, and damage that. So the backend opens a replaced file only when the log is gone or
    empty. Until then it raises OperationalError, which the service returns as 503.
    """

    _last: dict[str, Identity | None] = {}  # the file that this process opened last, by path
    _opened: Identity | None = None

    def get_new_connection(self, conn_params):
        # Read before the file is opened: if it is replaced in between, the next request notices.
        opened = _identity(self._path)
        self._refuse_log_of_another(opened)
        connection = super().get_new_connection(conn_params)
        self._opened = self._last[self._path] = opened or _identity(self._path)
        return connection

    def is_gone(self):
        """Return True if the path no longer leads to the file that was opened."""
        return _identity(self._path) != self._opened

    def _refuse_log_of_another(self, opened: Identity | None):
        if self._last.get(self._path, opened) == opened:
            return
        log = Path(f"{self._path}-wal")
        if log.exists() and log.stat().st_size:
            error = OperationalError(
                f"{self._path} was replaced while it was in use, and {log} belongs to the old file; "
                "stop the service, remove this file and the one that ends in -shm, and start it"
            )
            error.sqlite_errorcode = SQLITE_CANTOPEN
            raise error

    @property
    def _path(self) -> str:
        name = self.settings_dict["NAME"]
        if isinstance(name, Path):
            return os.fspath(name)
        return unquote(urlsplit(name).path) if name.startswith("file:") else name


def _identity(path: str) -> Identity | None:
    """Return the device and inode of a file, or None for a missing file or `:memory:`."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino
