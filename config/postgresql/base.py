"""Django's backend for PostgreSQL with a pool that lets one request at a time wait for a server that is away."""

import threading

from django.db.backends.postgresql import base
from psycopg import OperationalError
from psycopg_pool import PoolTimeout


class DatabaseWrapper(base.DatabaseWrapper):
    """Once a request has waited for a connection in vain, one at a time waits again and all others fail at once.

    Each would else hold a thread of the server for the pool's whole timeout, until none is left to answer what
    needs no database. Raises OperationalError, as the pool does.
    """

    _is_away = False
    _asking = threading.Lock()

    def get_new_connection(self, conn_params):
        if not DatabaseWrapper._is_away:
            return self._ask(conn_params)
        if not self._asking.acquire(blocking=False):
            raise OperationalError("the server was away, and another request is asking whether it is back")
        try:
            return self._ask(conn_params)
        finally:
            self._asking.release()

    def _ask(self, conn_params):
        try:
            connection = super().get_new_connection(conn_params)
        except PoolTimeout:
            DatabaseWrapper._is_away = True
            raise
        DatabaseWrapper._is_away = False
        return connection
