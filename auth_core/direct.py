"""The shortest way to run a compiled statement: by the database's library, without its wrappers.

Django's cursor, psycopg's cursor and PostgreSQL's results as text take half of a lookup. Nobody
needs them while nobody watches the statements.
"""

import sqlite3
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from django.db.backends import utils
from django.db.backends.sqlite3.base import SQLiteCursorWrapper

# Returns the rows that the cursor would return, at least the first, or None: ask the cursor.
Way: TypeAlias = Callable[[Sequence[Any]], Sequence[Sequence[Any]] | None]


def way_of(connection: Any, cursor: Any, sql: str, count: int) -> Way | None:
    """Return a function of the arguments that runs this statement as the open cursor would.

    `sql` has "%s" for each of the `count` arguments and "%%" for a percent sign. Return None if
    there is no shorter way: for other databases, psycopg 2, Django's pool, and if a tool (Sentry,
    OpenTelemetry) has put its own code between Django and the library.
    """
    if getattr(type(cursor).execute, "__globals__", None) is not vars(utils):
        return None
    inner, options = cursor.cursor, connection.settings_dict["OPTIONS"]
    if type(inner) is SQLiteCursorWrapper:
        return _sqlite_way(inner, sql % (("?",) * count))
    if connection.vendor != "postgresql" or not hasattr(connection.connection, "prepare_threshold"):
        return None  # the latter: psycopg 2
    # Django's pool hands out another connection each time: the statement would have to be described
    # for each request.
    if options.get("pool") or "cursor_factory" in options:
        return None
    if type(inner) is not connection.get_connection_params()["cursor_factory"]:
        return None
    from auth_core.direct_postgresql import Prepared

    return Prepared(inner, sql % tuple(f"${number}" for number in range(1, count + 1)))


def _sqlite_way(cursor: SQLiteCursorWrapper, sql: str) -> Way:
    execute = sqlite3.Cursor.execute

    def run(arguments: Sequence[Any]) -> list[Any]:
        execute(cursor, sql, arguments)
        return cursor.fetchall()  # to the end, or SQLite would go on holding its read transaction

    return run
