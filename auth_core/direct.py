"""The fast path of a compiled statement: the database's own library, without its wrappers.

Django's cursor, psycopg's cursor and PostgreSQL's results as text take half of a lookup. Nobody
needs them while nobody watches the statements.
"""

import sqlite3
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, TypeAlias

from django.db.backends import utils
from django.db.backends.sqlite3.base import SQLiteCursorWrapper
from django.db.backends.sqlite3.operations import DatabaseOperations

# Returns the rows that the cursor would return, at least the first, or None: ask the cursor.
FastPath: TypeAlias = Callable[[Sequence[Any]], Sequence[Sequence[Any]] | None]

Converter: TypeAlias = Callable[[Any, Any, Any], Any]  # of a value, its expression, the connection


def fast_path(connection: Any, cursor: Any, sql: str, count: int) -> FastPath | None:
    """Return a function of the arguments that runs this statement as the open cursor would.

    `sql` has "%s" for each of the `count` arguments and "%%" for a percent sign. Return None if
    there is none: for other databases, psycopg 2, Django's pool, and if a tool (Sentry,
    OpenTelemetry) has put its own code between Django and the library.
    """
    if getattr(type(cursor).execute, "__globals__", None) is not vars(utils):
        return None
    inner, options = cursor.cursor, connection.settings_dict["OPTIONS"]
    if type(inner) is SQLiteCursorWrapper:
        return _sqlite_path(inner, sql % (("?",) * count))
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


def _sqlite_path(cursor: SQLiteCursorWrapper, sql: str) -> FastPath:
    execute = sqlite3.Cursor.execute

    def run(arguments: Sequence[Any]) -> list[Any]:
        execute(cursor, sql, arguments)
        return cursor.fetchall()  # to the end, or SQLite would go on holding its read transaction

    return run


def faster_converter(convert: Converter) -> Converter:
    """Return a converter that makes the same value, a faster one where there is one.

    The library has made a datetime and a bool by the declared type of the column. Django's own
    converters for SQLite make 16 calls for those of a token and its user.
    """
    return _FASTER.get(getattr(convert, "__func__", None), convert)


def _datetime(value: Any, expression: Any, connection: Any) -> Any:
    if type(value) is datetime and value.tzinfo is None and connection.timezone is not None:
        return value.replace(tzinfo=connection.timezone)
    return DatabaseOperations.convert_datetimefield_value(connection.ops, value, expression, connection)


def _boolean(value: Any, expression: Any, connection: Any) -> Any:
    if type(value) is bool:
        return value
    return DatabaseOperations.convert_booleanfield_value(connection.ops, value, expression, connection)


_FASTER: dict[Any, Converter] = {
    DatabaseOperations.convert_datetimefield_value: _datetime,
    DatabaseOperations.convert_booleanfield_value: _boolean,
}
