"""What one refresh writes, and how many bytes of it stay."""

from collections.abc import Callable

from django.db import connection

from benchmarks.databases import write_counts
from benchmarks.results.records.refreshes import RowsWritten, Written

COUNTED = 20  # refreshes of one login; the least bytes of them, since others' work is logged too
WARM_UP = 3


def count(renew: Callable[[], object], refreshes: int) -> Written:
    """Return what a refresh writes, after `refreshes` of them whose bytes stay in the database.

    Raises RefusedError where the database cannot count.
    """
    with write_counts.one_connection():
        for _ in range(WARM_UP):
            renew()
        before = _packed()
        for _ in range(refreshes):
            renew()
        kept = (_packed() - before) / refreshes
        renew()  # the first one after VACUUM logs more
        found = min((write_counts.count(renew) for _ in range(COUNTED)), key=lambda each: each.bytes)
    return Written(
        statements=found.statements,
        tables={
            name: RowsWritten(rows.inserted, rows.updated, rows.deleted) for name, rows in sorted(found.tables.items())
        },
        bytes_written=found.bytes,
        bytes_kept=kept,
    )


def _packed() -> int:
    """Return the bytes of all tables and indexes after VACUUM, which packs them."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("VACUUM")
            cursor.execute("SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()")
        else:
            cursor.execute("SET statement_timeout = 0")
            cursor.execute("SELECT relid::regclass FROM pg_stat_user_tables")
            for (table,) in cursor.fetchall():
                cursor.execute(f"VACUUM FULL {table}")
            cursor.execute("SELECT sum(pg_total_relation_size(relid)) FROM pg_stat_user_tables")
        return int(cursor.fetchone()[0])
