"""Django's backend for PostgreSQL with a pool that notices that the server has gone, for which one request waits, and
with no more parameters in a statement than a server takes."""

import select
import threading

from django.db.backends.postgresql import base
from psycopg import OperationalError
from psycopg_pool import ConnectionPool, PoolTimeout


class DatabaseOperations(base.DatabaseOperations):
    def bulk_batch_size(self, fields, objs):
        """How many rows Django inserts, or looks up to delete what refers to them, by one statement.

        What is bound on the server is numbered by 16 bits. Django puts all into one, which psycopg refuses: SimpleJWT's
        `flushexpiredtokens` then failed beside 65,536 expired tokens.
        """
        return self.connection.features.max_query_params // max(len(fields), 1)


class DatabaseFeatures(base.DatabaseFeatures):
    max_query_params = 2**16 - 1


class DatabaseWrapper(base.DatabaseWrapper):
    """Once a connection was lost, or waited for in vain, one request at a time waits and all others fail at once.

    Each would else hold a thread of the server for the pool's whole timeout, until none is left to answer what
    needs no database. A connection that the server has closed while it lay in the pool is given to nobody.
    Raises OperationalError, as the pool does.
    """

    features_class = DatabaseFeatures
    ops_class = DatabaseOperations

    _is_away = False
    _asking = threading.Lock()

    def get_new_connection(self, conn_params):
        if self.pool is None:  # the lab's kept connection, and the one that makes a test's database
            return super().get_new_connection(conn_params)
        while True:
            connection = self._take(conn_params)
            if not _is_lost(connection):
                DatabaseWrapper._is_away = False
                return connection
            DatabaseWrapper._is_away = True
            self.pool.putconn(connection)  # which makes a new one in its place

    def _take(self, conn_params):
        # A connection that is ready is waited for by nobody, and is not looked at yet.
        if not DatabaseWrapper._is_away or self.pool.get_stats()["pool_available"]:
            return self._ask(conn_params)
        if not self._asking.acquire(blocking=False):
            raise OperationalError("the server was away, and another request is asking whether it is back")
        try:
            return self._ask(conn_params)
        finally:
            self._asking.release()

    def _ask(self, conn_params):
        try:
            return super().get_new_connection(conn_params)
        except PoolTimeout:
            DatabaseWrapper._is_away = True
            raise

    def _close(self):
        if self.pool and self.connection is not None and self.connection.broken:
            DatabaseWrapper._is_away = True
        super()._close()


def _is_lost(connection) -> bool:
    """Whether the server hung up on a connection that lay idle.

    Nobody is asked but this process' own kernel, unless there is something to read: on an idle connection the end of
    it, mostly, and seldom a notice.
    """
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    if not poll.poll(0):
        return False
    try:
        ConnectionPool.check_connection(connection)
    except OperationalError:
        return True
    return False
