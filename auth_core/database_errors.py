"""Tell a database that is away, a lost race and a stale statement from a defect of this service."""

import sqlite3

from django.db import DatabaseError, IntegrityError, InterfaceError, OperationalError
from django.db.models import ProtectedError

# Faults that pass, for whichever statement, by SQLSTATE: a class or one code (PostgreSQL, appendix
# A).
_AWAY = (
    "08",  # the connection failed
    "25",  # read-only after a failover (25006), the transaction or its session timed out (25P03, 25P04)
    "40",  # a deadlock, or a serialization that failed
    "53",  # the disk is full, there are too many connections or too little memory
    "55006",  # an object is in use
    "55P03",  # lock_timeout
    "57",  # the server shuts down, starts or recovers; statement_timeout (57014)
    "58",  # the server could not read or write a file
    "XX001",  # a damaged table
    "XX002",  # a damaged index
)
# The same as SQLite's primary result codes. SQLITE_ERROR is missing: a wrong statement has it too.
_AWAY_ON_SQLITE = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_INTERRUPT,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_NOTADB,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_PROTOCOL,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_SCHEMA,
}


def is_database_away(error: BaseException) -> bool:
    """Return True if the same request may succeed later: the database is gone, full or locked.

    The database's own code decides, not Python's class: psycopg raises InternalError for a
    read-only server, and sqlite3 raises OperationalError for a wrong statement too. An error
    without a code comes from a connection that could not be made or broke.
    """
    if not isinstance(error, DatabaseError | InterfaceError):
        return False
    cause = error.__cause__
    if isinstance(cause, sqlite3.Error):
        return getattr(cause, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF in _AWAY_ON_SQLITE
    sqlstate: str | None = getattr(cause, "sqlstate", None)
    return sqlstate.startswith(_AWAY) if sqlstate else isinstance(error, InterfaceError | OperationalError)


_LOST_RACES = {
    "23503",  # PostgreSQL's foreign_key_violation
    "23505",  # PostgreSQL's unique_violation
    sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY,
    sqlite3.SQLITE_CONSTRAINT_UNIQUE,
}


def is_lost_race(error: BaseException) -> bool:
    """Return True if another request deleted or inserted a row after this one had looked for it."""
    if isinstance(error, ProtectedError):
        return True  # the admin does not offer to delete a row that others refer to, and found it so later
    if not isinstance(error, IntegrityError):
        return False
    cause = error.__cause__
    return getattr(cause, "sqlstate", None) in _LOST_RACES or getattr(cause, "sqlite_errorcode", None) in _LOST_RACES


def is_stale_statement(error: BaseException) -> bool:
    """Return True for psycopg's error that a statement must be prepared again.

    A column was altered ("cached plan must not change result type"), or behind a pooler the
    statement is missing (26000) or another client has prepared it (42P05). The server uses the code
    0A000 for other errors than the first too, and its message may be in any language. Only the name
    of its function identifies it.
    """
    diag = getattr(error, "diag", None)
    return getattr(error, "sqlstate", None) in ("26000", "42P05") or (
        getattr(diag, "source_function", None) == "RevalidateCachedQuery"
    )
