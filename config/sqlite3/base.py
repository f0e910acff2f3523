"""Django's backend for SQLite with a connection that is kept, and given up when its file is not there any more."""

import os
from pathlib import Path
from urllib.parse import unquote, urlsplit

from django.db.backends.sqlite3 import base


class DatabaseWrapper(base.DatabaseWrapper):
    """Keep one connection for each thread (CONN_MAX_AGE), as long as its file stays in its place.

    To open the file, run its PRAGMAs and register Django's 30 functions takes ten times as long as
    a query by primary key. But an open file that was removed or replaced goes on answering, from
    what it held before. So each request compares the file's device and inode with those that were
    opened, which takes about 1 µs. SQLite holds the old file open, so its inode is not used again.
    """

    _opened: tuple[int, int] | None = None  # device and inode

    def get_new_connection(self, conn_params):
        # Looked at before the file is opened: if it is replaced in between, the next request notices.
        opened = self._file()
        connection = super().get_new_connection(conn_params)
        self._opened = opened or self._file()
        return connection

    def close_if_unusable_or_obsolete(self):
        if self.connection is not None and self._file() != self._opened:
            self.close()
        super().close_if_unusable_or_obsolete()

    def _file(self) -> tuple[int, int] | None:
        """Return the device and inode of the database's file; None if there is no file."""
        try:
            found = os.stat(self._path)
        except OSError:  # it is missing, or the database is in memory
            return None
        return found.st_dev, found.st_ino

    @property
    def _path(self) -> str:
        name = self.settings_dict["NAME"]
        if isinstance(name, Path):
            return os.fspath(name)
        return unquote(urlsplit(name).path) if name.startswith("file:") else name
