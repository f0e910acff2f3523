"""What one call makes the database do: SQL statements, rows and bytes written.

Rows are counted by the database, as rows inserted, updated or deleted. What stands for bytes differs:

- SQLite: the growth of the write-ahead log, which holds a copy of every page changed, with a header each;
- PostgreSQL: the growth of the write-ahead log, which holds records of what changed. The first change of a
  page after a checkpoint logs the whole page, and so may others' work: hence the least of several calls.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from django.core.signals import request_finished, request_started
from django.db import close_old_connections, connection

from benchmarks.contenders import RefusedError

BYTES = {
    "sqlite": "growth of SQLite's write-ahead log, a copy of each changed page",
    "postgresql": "growth of PostgreSQL's write-ahead log",
}

_LEAST_POSTGRESQL = 150_000  # has pg_stat_force_next_flush()


@dataclass(frozen=True, slots=True)
class Written:
    """`statements` without BEGIN and COMMIT, which not every backend sends as a statement."""

    statements: int
    rows: int
    bytes: int


@contextmanager
def one_connection() -> Iterator[None]:
    """Meanwhile no request closes the connection, whatever the policy: its counters would go with it."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    try:
        yield
    finally:
        for signal in (request_started, request_finished):
            signal.connect(close_old_connections)


def count(call: Callable[[], object]) -> Written:
    """Of one call; to be used within one_connection(), outside of a transaction.

    Raises RefusedError where the database cannot count.
    """
    statements = []

    def note(execute, sql, params, many, context):
        if not sql.startswith("BEGIN"):
            statements.append(sql)
        return execute(sql, params, many, context)

    connection.ensure_connection()
    rows, log = _COUNTERS[connection.vendor]
    rows_before, log_before = rows(), log(reset=True)
    with connection.execute_wrapper(note):
        call()
    log_after, rows_after = log(reset=False), rows()
    return Written(len(statements), rows_after - rows_before, log_after - log_before)


def _sqlite_rows() -> int:
    return connection.connection.total_changes


def _sqlite_log(reset: bool) -> int:
    if reset:
        busy, _, _ = _row("PRAGMA wal_checkpoint(TRUNCATE)")
        if busy:
            raise RefusedError("SQLite's write-ahead log is in use: nothing can be counted in it")
    return Path(f"{connection.settings_dict['NAME']}-wal").stat().st_size


def _postgresql_rows() -> int:
    if connection.pg_version < _LEAST_POSTGRESQL:
        raise RefusedError("rows written cannot be counted on PostgreSQL before 15")
    _row("SELECT pg_stat_force_next_flush()")  # a session tells its counts when it is idle for a second
    return _row("SELECT coalesce(sum(n_tup_ins + n_tup_upd + n_tup_del), 0)::bigint FROM pg_stat_user_tables")[0]


def _postgresql_log(reset: bool) -> int:
    return int(_row("SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn")[0])


def _row(sql: str) -> tuple:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchone()


_COUNTERS = {"sqlite": (_sqlite_rows, _sqlite_log), "postgresql": (_postgresql_rows, _postgresql_log)}
