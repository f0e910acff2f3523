"""Django's backend for PostgreSQL, with one kept connection for each thread.

It replaces a connection that died or became stale while idle, before a request fails. One request
at a time waits for a server that is away. No statement has more parameters than the server accepts.
"""

import select
import threading

from django.db.backends import utils
from django.db.backends.postgresql import base
from psycopg import Error, OperationalError
from psycopg.pq import TransactionStatus

from auth_core.database_errors import is_stale_statement
from config.databases.kept import KeptConnectionMixin


class Cursor(base.ServerBindingCursor):
    """A cursor that repeats a statement whose prepared form the server refuses.

    psycopg prepares a statement that it has sent a few times. If a column is altered later, the
    server refuses the statement on this connection from then on ("cached plan must not change
    result type", psycopg 3.3.9). Behind a pooler it may be missing (26000), or another client may
    have prepared it (42P05).

    Outside of a transaction nothing has happened yet, so the cursor deallocates all prepared
    statements and sends this one again. Inside of one it raises OperationalError, which the service
    returns as 503. The rollback makes psycopg forget the statements.
    """

    def execute(self, query, params=None, **options):
        try:
            return super().execute(query, params, **options)
        except Error as error:
            if not is_stale_statement(error):
                raise
            if self.connection.info.transaction_status != TransactionStatus.IDLE:
                raise OperationalError(f"the transaction was lost: {error}") from error
        self.connection.execute("DEALLOCATE ALL")
        # psycopg forgets its names only if it did not count this text before: not the second time.
        self.connection._prepared.clear()
        return super().execute(query, params, **options)


class CursorWrapper(utils.CursorWrapper):
    """A wrapper that wraps errors of close(), too: a server-side cursor sends it to the server."""

    def close(self):
        with self.db.wrap_database_errors:
            self.cursor.close()


class DatabaseOperations(base.DatabaseOperations):
    def bulk_batch_size(self, fields, objs):
        """Return how many rows Django inserts in one statement, or collects for one deletion.

        The protocol numbers server-side parameters with 16 bits. Django would put all rows into
        one statement, which psycopg refuses: SimpleJWT's `flushexpiredtokens` failed with 65,536
        expired tokens. Django has this limit itself from 6.1 on.
        """
        return self.connection.features.max_query_params // max(len(fields), 1)


class DatabaseFeatures(base.DatabaseFeatures):
    max_query_params = 2**16 - 1


class DatabaseWrapper(KeptConnectionMixin, base.DatabaseWrapper):
    """A backend that keeps a connection for each thread (CONN_MAX_AGE), and replaces a broken one.

    OPTIONS may hold `lock_timeout` and `statement_timeout` in milliseconds. They are set by a
    statement on each new connection, because poolers refuse them as start-up parameters. Django's
    own pool, which only the lab uses, connects without them.

    After a connection broke in use or could not be made, one request at a time tries to connect.
    The others wait PATIENCE seconds for its outcome and then raise OperationalError. Otherwise each
    would hold a thread for `connect_timeout`, until no thread is left for requests that need no
    database.
    """

    features_class = DatabaseFeatures
    ops_class = DatabaseOperations

    PATIENCE = 0.5  # seconds; connecting to a running server takes about 5 ms

    _is_away = False
    _asking = threading.Lock()

    def get_connection_params(self):
        parameters = super().get_connection_params()
        self._timeouts = {
            name: parameters.pop(name) for name in ("lock_timeout", "statement_timeout") if name in parameters
        }
        if parameters["cursor_factory"] is base.ServerBindingCursor:
            parameters["cursor_factory"] = Cursor
        return parameters

    def get_new_connection(self, conn_params):
        if not DatabaseWrapper._is_away:
            return self._connect(conn_params)
        if not self._asking.acquire(timeout=self.PATIENCE):
            raise OperationalError("the server was away, and another request is trying to connect")
        try:
            if DatabaseWrapper._is_away:
                return self._connect(conn_params)
        finally:
            self._asking.release()
        return self._connect(conn_params)  # the other request has connected

    def make_cursor(self, cursor):
        return CursorWrapper(cursor, self)

    def init_connection_state(self):
        super().init_connection_state()
        if self._timeouts and not self.pool:
            values = ", ".join(f"set_config('{name}', '{ms}', false)" for name, ms in self._timeouts.items())
            self.connection.execute(f"SELECT {values}")

    def is_gone(self):
        """Return True if the connection broke in use or died while idle."""
        if self.connection.closed:
            return True
        if _is_lost(self.connection):
            self.connection.close()  # an idle connection's end does not mean that the server is away
            return True
        return False

    def is_usable(self):
        """Return True if the connection works and may write. Django calls this after an error.

        After a failover, the old server is read-only and the address may lead to its successor, so
        the next request must connect again.
        """
        try:
            with self.connection.cursor() as cursor:
                return cursor.execute("SHOW transaction_read_only").fetchone() == ("off",)
        except Error:
            return False

    def _connect(self, conn_params):
        try:
            connection = super().get_new_connection(conn_params)
        except OperationalError:
            DatabaseWrapper._is_away = True
            raise
        DatabaseWrapper._is_away = False
        return connection

    def _close(self):
        if self.connection is not None and self.connection.broken:
            DatabaseWrapper._is_away = True
        super()._close()


def _is_lost(connection) -> bool:
    """Return True if the server has closed an idle connection.

    Polls the socket, without a round trip unless data is waiting. On an idle connection the data is
    usually its end, and rarely a notice.
    """
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    if not poll.poll(0):
        return False
    try:
        connection.execute("SELECT 1")
    except OperationalError:
        return True
    return False
