"""What one call makes the database do: SQL statements, rows and bytes written, waits for the disk.

The database counts the rows inserted, updated or deleted in each table: PostgreSQL by its
statistics, SQLite by temporary triggers, which are not part of the file. The bytes are the growth
of the write-ahead log:

- SQLite's log holds a copy of every changed page, each with a header.
- PostgreSQL's log holds records of what changed. The first change of a page after a checkpoint logs
  the whole page, and others' work may do so too, so callers take the least of several calls.

PostgreSQL also counts how often its log was forced to the disk (fsync). SQLite does not tell.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from django.core.signals import request_finished, request_started
from django.db import close_old_connections, connection

from benchmarks.messages import RefusedError

BYTES = {
    "sqlite": "growth of SQLite's write-ahead log, a copy of each changed page",
    "postgresql": "growth of PostgreSQL's write-ahead log",
}

_LEAST_POSTGRESQL = 150_000  # has pg_stat_force_next_flush()
_IO_POSTGRESQL = 180_000  # counts the log's fsyncs in pg_stat_io, before that in pg_stat_wal


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows that a call changed in one table."""

    inserted: int = 0
    updated: int = 0
    deleted: int = 0


@dataclass(frozen=True, slots=True)
class Written:
    """What one call made the database do.

    `statements`  without BEGIN and COMMIT, which not every backend sends as statements
    `tables`      the written ones by name
    `fsyncs`      of the write-ahead log; None: the database does not tell
    """

    statements: int
    tables: dict[str, Rows]
    bytes: int
    fsyncs: int | None = None

    @property
    def rows(self) -> int:
        return sum(each.inserted + each.updated + each.deleted for each in self.tables.values())


@contextmanager
def one_connection() -> Iterator[None]:
    """Keep requests from closing the connection, whose counters would be lost."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    try:
        yield
    finally:
        for signal in (request_started, request_finished):
            signal.connect(close_old_connections)


def count(call: Callable[[], object]) -> Written:
    """Return what one call writes. Use it within one_connection() and outside of a transaction.

    Raises RefusedError where the database cannot count.
    """
    statements = []

    def note(execute, sql, params, many, context):
        if not sql.startswith("BEGIN"):
            statements.append(sql)
        return execute(sql, params, many, context)

    connection.ensure_connection()
    counting, rows, log, fsyncs = _COUNTERS[connection.vendor]
    with counting():
        before, log_before = rows(), log(reset=True)
        forced = fsyncs()
        with connection.execute_wrapper(note):
            call()
        log_after, after = log(reset=False), rows()
        forced_after = fsyncs()
    tables = {
        name: Rows(*(now - then for now, then in zip(counts, before.get(name, (0, 0, 0)), strict=True)))
        for name, counts in after.items()
        if counts != before.get(name, (0, 0, 0))
    }
    return Written(len(statements), tables, log_after - log_before, None if forced is None else forced_after - forced)


@contextmanager
def _sqlite_counting() -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMP TABLE rows_counted (name TEXT PRIMARY KEY, inserted INT, updated INT, deleted INT)")
        triggers = []
        cursor.execute("SELECT name FROM main.sqlite_master WHERE type = 'table' AND name NOT GLOB 'sqlite_*'")
        for (table,) in cursor.fetchall():
            cursor.execute("INSERT INTO rows_counted VALUES (%s, 0, 0, 0)", [table])
            for event, column in (("INSERT", "inserted"), ("UPDATE", "updated"), ("DELETE", "deleted")):
                trigger = connection.ops.quote_name(f"{table} {column}")
                cursor.execute(
                    f"CREATE TEMP TRIGGER {trigger} AFTER {event} ON {connection.ops.quote_name(table)} "
                    f"BEGIN UPDATE rows_counted SET {column} = {column} + 1 WHERE name = '{table}'; END"
                )
                triggers.append(trigger)
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            for trigger in triggers:
                cursor.execute(f"DROP TRIGGER temp.{trigger}")
            cursor.execute("DROP TABLE temp.rows_counted")


def _sqlite_rows() -> dict[str, tuple[int, int, int]]:
    return _by_table("SELECT name, inserted, updated, deleted FROM temp.rows_counted")


def _sqlite_log(reset: bool) -> int:
    if reset:
        busy, _, _ = _row("PRAGMA wal_checkpoint(TRUNCATE)")
        if busy:
            raise RefusedError("SQLite's write-ahead log is in use: nothing can be counted in it")
    return Path(f"{connection.settings_dict['NAME']}-wal").stat().st_size


def _postgresql_rows() -> dict[str, tuple[int, int, int]]:
    if connection.pg_version < _LEAST_POSTGRESQL:
        raise RefusedError("rows written cannot be counted on PostgreSQL before 15")
    _row("SELECT pg_stat_force_next_flush()")  # an idle session reports its counts after a second
    return _by_table("SELECT relname, n_tup_ins, n_tup_upd, n_tup_del FROM pg_stat_user_tables")


def _postgresql_log(reset: bool) -> int:
    return int(_row("SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn")[0])


def _postgresql_fsyncs() -> int:
    _row("SELECT pg_stat_force_next_flush()")
    if connection.pg_version >= _IO_POSTGRESQL:
        return int(_row("SELECT sum(fsyncs) FROM pg_stat_io WHERE object = 'wal'")[0])
    return _row("SELECT wal_sync FROM pg_stat_wal")[0]


def _row(sql: str) -> tuple:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchone()


def _by_table(sql: str) -> dict[str, tuple[int, int, int]]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return {name: tuple(counts) for name, *counts in cursor.fetchall()}


_COUNTERS = {
    "sqlite": (_sqlite_counting, _sqlite_rows, _sqlite_log, lambda: None),
    "postgresql": (nullcontext, _postgresql_rows, _postgresql_log, _postgresql_fsyncs),
}
