"""A statement that psycopg 3 has prepared, run by its name with its result in binary.

It can be sent ahead (auth_core/ahead.py). While its result is unread, the connection's `wait`, by
which psycopg does whatever needs the server, is replaced by one that reads the result first.
"""

from collections.abc import Sequence
from datetime import UTC
from typing import Any

import psycopg
from django.db.backends.postgresql.psycopg_any import BaseTzLoader
from psycopg.adapt import PyFormat, Transformer
from psycopg.errors import error_from_result
from psycopg.generators import execute
from psycopg.pq import ExecStatus, Format, TransactionStatus

from auth_core.database_errors import is_stale_statement

# Types of which psycopg makes the same value from text and from binary. Not so float4 (0.1), and
# not what Django keeps as text: json, inet. What contains other values is left out too.
_SAME_IN_BINARY = {
    *("bool", "bytea", "date", "float8", "int2", "int4", "int8"),
    *("interval", "numeric", "text", "time", "timestamp", "uuid", "varchar"),
}


class Prepared:
    """Runs a statement outside of transactions for as long as psycopg has it prepared.

    psycopg decides when it prepares a statement (`prepare_threshold`) and when it forgets it, for
    example with all others after a rollback. The cursor has to run the statement until it is
    prepared, inside of transactions, and if the server refuses the prepared form.
    """

    def __init__(self, cursor: Any, sql: str):
        self._cursor, self._connection, self._pgconn = cursor, cursor.connection, cursor.connection.pgconn
        self._sql = sql.encode()
        self._prepared_names = self._connection._prepared._names  # (SQL, types of the arguments) -> name
        self._dumper = Transformer(cursor)
        # Types of the arguments -> (name, format of the results, what makes values from them)
        self._described: dict[Any, tuple[bytes, Format, Any]] = {}
        self._sent: Any = None  # the values last sent, in the server's form, and their types
        self._asked: tuple[Any, Any] | None = None  # what was sent ahead, what makes values of the result

    def __call__(self, arguments: Sequence[Any]) -> list[list[Any]] | None:
        """Return the first row, or no row, or None if the cursor has to run the statement."""
        with self._connection.lock:
            if self._asked is not None and self._asked[0] == self._dump(arguments):
                loader = self._asked[1]
                self._end_asking()
            elif (loader := self._send(arguments)) is None:
                return None
            result = self._result()
        if result is None:
            return None
        loader.set_pgresult(result, set_loaders=False)
        return [loader.load_row(0, list)] if result.ntuples else []

    def ask_ahead(self, arguments: Sequence[Any]) -> bool:
        """Send the statement, so that a call with the same arguments has only to read the result.

        Return False if that would have to wait, or if the cursor has to run the statement.
        """
        connection = self._connection
        with connection.lock:
            if "wait" in vars(connection):
                return False  # another result is unread
            if (loader := self._send(arguments, may_wait=False)) is None:
                return False
            self._asked = self._sent, loader
            connection.wait = self._wait
            return True

    def forget(self) -> None:
        """Forget what was sent ahead. Whoever next uses the connection drops its result."""
        self._asked = None

    def _wait(self, *arguments: Any, **options: Any) -> Any:
        """Drop the result that is unread, then wait as psycopg does, for somebody else."""
        self._end_asking()
        self._connection.wait(execute(self._pgconn))
        return self._connection.wait(*arguments, **options)

    def _end_asking(self) -> None:
        self._asked = None
        del self._connection.wait

    def _send(self, arguments: Sequence[Any], may_wait: bool = True) -> Any:
        """Send the statement and return what makes values of its result, or None as __call__."""
        pgconn, dumper = self._pgconn, self._dumper
        if not self._prepared_names or not self._connection.autocommit:
            return None
        self._sent = values, _ = self._dump(arguments)
        if pgconn.transaction_status != TransactionStatus.IDLE or pgconn.pipeline_status:
            return None
        if (name := self._prepared_names.get((self._sql, dumper.types))) is None:
            return None
        known = self._described.get(dumper.types)
        if known is None or known[0] != name:
            known = self._describe(name) if may_wait else None
            if known is None:
                return None
        self._prepared_names.move_to_end((self._sql, dumper.types))  # psycopg closes the longest unused
        _, result_format, loader = known
        pgconn.send_query_prepared(name, values, dumper.formats, result_format)
        return loader

    def _dump(self, arguments: Sequence[Any]) -> tuple[Any, Any]:
        """Return the arguments in the server's form, and their types.

        Only so can they be compared: psycopg's Binary is equal to itself alone.
        """
        return self._dumper.dump_sequence(arguments, [PyFormat.AUTO] * len(arguments)), self._dumper.types

    def _describe(self, name: bytes) -> tuple[bytes, Format, Any] | None:
        """Ask the server for the types of the columns, once for each prepared statement."""
        self._pgconn.send_describe_prepared(name)
        result = self._result()
        if result is None:
            return None
        oids = {result.ftype(column) for column in range(result.nfields)}
        result_format = Format.BINARY if all(map(self._is_same_in_binary, oids)) else Format.TEXT
        loader = Transformer(self._cursor)
        loader.set_pgresult(result, format=result_format)
        known = self._described[self._dumper.types] = name, result_format, loader
        return known

    def _result(self) -> Any:
        """Return the result of what was sent, or None if the server refuses the prepared form.

        psycopg's own loop waits, so that it can be interrupted and notifications are heard.
        """
        result = self._connection.wait(execute(self._pgconn))[0]
        if result.status in (ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK):
            return result
        error = error_from_result(result, self._dumper.encoding)
        if is_stale_statement(error):
            return None
        raise error

    def _is_same_in_binary(self, oid: int) -> bool:
        """Return True if the cursor, which asks for text, would make the same value of it."""
        here, usual = self._cursor.adapters, psycopg.adapters
        known = usual.types.get(oid)
        if known is None or here.get_loader(oid, Format.BINARY) is not usual.get_loader(oid, Format.BINARY):
            return False
        text = here.get_loader(oid, Format.TEXT)
        if known.name == "timestamptz":  # Django's own loader replaces the time zone
            is_djangos = getattr(text, "load", None) is BaseTzLoader.load
            return is_djangos and text.timezone is UTC is self._connection.info.timezone
        return known.name in _SAME_IN_BINARY and text is usual.get_loader(oid, Format.TEXT)
