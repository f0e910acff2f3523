"""The tables of the test's database."""

from django.db import connection


def dump() -> dict[str, str]:
    """Return every row of every table as text."""
    tables = {}
    with connection.cursor() as cursor:
        for name in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(name)}")
            tables[name] = repr(cursor.fetchall())
    return tables
