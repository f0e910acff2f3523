"""Django's backend for SQLite with a connection that is kept, and given up when its file is not there any more."""

import os
from pathlib import Path
from sqlite3 import SQLITE_CANTOPEN, OperationalError
from urllib.parse import unquote, urlsplit

from django.db.backends.sqlite3 import base

from config.databases.kept import KeptConnectionMixin

Identity = tuple[int, int]  # device and inode


class DatabaseWrapper(KeptConnectionMixin, base.DatabaseWrapper):
    """Keep one connection for each thread (CONN_MAX_AGE), as long as its file stays in its place.

    To open the file, run its PRAGMAs and register Django's 30 functions takes ten times as long as
    a query by primary key. But an open file that was removed or replaced goes on answering, from
    what it held before. So each request that uses it compares the file's device and inode with those
    that were opened, which takes about 1 µs. SQLite holds the old file open, so its inode is not used again.

    The write-ahead log of the old file stays while connections are kept. SQLite would read it into
    the new file, and damage it. So a replaced file is opened only when that log is gone or empty;
    until then OperationalError says so, which is answered 503.
    """

    _last: dict[str, Identity | None] = {}  # by path: the file that this process opened there last
    _opened: Identity | None = None

    def get_new_connection(self, conn_params):
        # Looked at before the file is opened: if it is replaced in between, the next request notices.
        opened = _identity(self._path)
        self._refuse_log_of_another(opened)
        connection = super().get_new_connection(conn_params)
        self._opened = self._last[self._path] = opened or _identity(self._path)
        return connection

    def is_gone(self):
        """Return True if the file that was opened is not in its place."""
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
    """Return the device and inode of a file; None if it is missing, or the database is in memory."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino
