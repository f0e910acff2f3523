"""Django's backend for PostgreSQL with a connection that is kept for each thread.

A connection that died or became stale while nobody used it is replaced before a request hears of
it. A server that is away is waited for by one request at a time. No statement has more parameters
than a server takes.
"""

import select
import threading

from django.db.backends import utils
from django.db.backends.postgresql import base
from psycopg import Error, OperationalError
from psycopg.pq import TransactionStatus

from config.databases.kept import KeptConnectionMixin


class Cursor(base.ServerBindingCursor):
    """Ask once more when the server no longer knows, or no longer accepts, a prepared statement.

    psycopg prepares what it has sent a few times. A column that has been altered since makes the
    server refuse the statement ("cached plan must not change result type", psycopg 3.3.9) for as
    long as the connection lives. Behind a pooler it may be gone (26000), or there already by somebody
    else's doing (42P05). Outside of a transaction nothing has happened yet, so the statements are
    forgotten and this one is sent again. Inside of
    one the transaction is lost: OperationalError, which is answered 503. Its rollback makes psycopg
    forget the statements.
    """

    def execute(self, query, params=None, **options):
        try:
            return super().execute(query, params, **options)
        except Error as error:
            if not _is_stale(error):
                raise
            if self.connection.info.transaction_status != TransactionStatus.IDLE:
                raise OperationalError(f"the transaction was lost: {error}") from error
        self.connection.execute("DEALLOCATE ALL")
        return super().execute(query, params, **options)


def _is_stale(error: Error) -> bool:
    """Return True for a prepared statement that has to be prepared again.

    Only the name of the server's own function tells this use of 0A000 from others: its message may
    be in any language.
    """
    return error.sqlstate in ("26000", "42P05") or error.diag.source_function == "RevalidateCachedQuery"


class CursorWrapper(utils.CursorWrapper):
    """Wrap what closing raises, too: a server-side cursor asks the server to close it."""

    def close(self):
        with self.db.wrap_database_errors:
            self.cursor.close()


class DatabaseOperations(base.DatabaseOperations):
    def bulk_batch_size(self, fields, objs):
        """Return how many rows Django inserts, or looks up to delete what refers to them, at once.

        Parameters that are bound on the server are numbered by 16 bits. Django puts all into one
        statement, which psycopg refuses: SimpleJWT's `flushexpiredtokens` then failed with 65,536
        expired tokens.
        """
        return self.connection.features.max_query_params // max(len(fields), 1)


class DatabaseFeatures(base.DatabaseFeatures):
    max_query_params = 2**16 - 1


class DatabaseWrapper(KeptConnectionMixin, base.DatabaseWrapper):
    """Keep one connection for each thread (CONN_MAX_AGE), and replace it when it is no good.

    OPTIONS may hold `lock_timeout` and `statement_timeout` in milliseconds. They are set on each
    new connection, and not as a start-up parameter, which poolers refuse. (Django's own pool,
    which only the lab uses, connects without them.)

    After a connection broke in use or could not be made, one request at a time tries to connect.
    The others wait for its outcome for PATIENCE seconds and then fail: each would otherwise hold
    a thread for `connect_timeout`, until none is left to answer what needs no database.
    Raises OperationalError, as psycopg does.
    """

    features_class = DatabaseFeatures
    ops_class = DatabaseOperations

    PATIENCE = 0.5  # seconds; to connect to a server that is there takes some 5 ms

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
            raise OperationalError("the server was away, and another request is asking whether it is back")
        try:
            if DatabaseWrapper._is_away:
                return self._connect(conn_params)
        finally:
            self._asking.release()
        return self._connect(conn_params)  # the request before this one has found it

    def make_cursor(self, cursor):
        return CursorWrapper(cursor, self)

    def init_connection_state(self):
        super().init_connection_state()
        if self._timeouts and not self.pool:
            values = ", ".join(f"set_config('{name}', '{ms}', false)" for name, ms in self._timeouts.items())
            self.connection.execute(f"SELECT {values}")

    def is_gone(self):
        """Return True if the connection broke in use, or died while it lay idle."""
        if self.connection.closed:
            return True
        if _is_lost(self.connection):
            self.connection.close()  # no sign that the server is away: nobody used this connection
            return True
        return False

    def is_usable(self):
        """Return True if the connection works and may write; asked after an error.

        A server that has become read-only, as after a failover, has a successor that the same
        address may lead to: so the next request connects anew.
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
    """Return True if the server hung up on a connection that lay idle.

    Polls the socket without a round trip unless data is waiting: on an idle connection that is
    mostly its end, and seldom a notice.
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
