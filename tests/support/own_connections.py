"""A connection to a database of the test's own, through the service's backend.

It is what one thread of a server has.
"""

from contextlib import contextmanager

import environ
from django.db import ConnectionHandler


@contextmanager
def connection_to(url: str, engine: str = "config.databases.postgresql", **options):
    """Yield a Django connection to the PostgreSQL at this URL; `options` are its OPTIONS."""
    database = {**environ.Env.db_url_config(url), "ENGINE": engine, "CONN_MAX_AGE": None}
    database["OPTIONS"] = {**database.get("OPTIONS", {}), "server_side_binding": True, **options}
    connection = ConnectionHandler({"default": database})["default"]
    try:
        yield connection
    finally:
        connection.close()


@contextmanager
def transaction_on(connection):
    """Run a block in a transaction, as `transaction.atomic` does on Django's own connections."""
    connection.set_autocommit(False)
    try:
        yield
    except BaseException:
        connection.rollback()
        raise
    else:
        connection.commit()
    finally:
        connection.set_autocommit(True)


def value(connection, sql: str, *parameters):
    """Return the first column of the first row."""
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchone()[0]
