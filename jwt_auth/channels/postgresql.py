"""Ends of logins, sent by PostgreSQL: triggers NOTIFY, which arrives if the transaction commits."""

import select
import time
from collections import deque
from typing import Any
from uuid import uuid4

import psycopg
from django.db import connections
from psycopg import Connection, Notify, OperationalError

from auth_core.listening import HEARTBEAT, SILENCE, refuse_silence
from jwt_auth.channels.common import Channel, Dropped, Gap
from jwt_auth.models import RefreshFamily

# What migration 0004 creates: the triggers, and the channel to which they send sids.
ENDED = "jwt_auth_login_ended"
TRIGGERS = ("jwt_auth_login_ended", "jwt_auth_login_deleted")

# A network that drops packets would hold the listener while the kernel resends, for a quarter of an
# hour. DATABASES may say otherwise.
_OPTIONS = {
    "connect_timeout": 3,  # seconds
    "tcp_user_timeout": 5_000,  # milliseconds
    "keepalives_idle": 5,  # seconds
    "keepalives_interval": 1,  # seconds
}
# What Django sets for its own cursors.
_OF_DJANGO = ("cursor_factory", "context", "prepare_threshold")


class NotifyChannel(Channel):
    """A connection of its own, outside of any pool.

    The heartbeat is a NOTIFY to itself. The server keeps all notices of a database in the order of
    the commits, so a heartbeat arrives after every end that was committed before it.
    """

    source = "PostgreSQL"
    way = "NOTIFY"
    errors = (psycopg.Error,)

    def __init__(self, alias: str, dropped: Dropped, gap: Gap):
        super().__init__(dropped, gap)
        self.alias = alias

    def receive(self) -> None:
        own = f"jwt_auth_beat_{uuid4().hex}"
        with self._connect() as connection:
            self._require_triggers(connection)
            received: deque[Notify] = deque()
            connection.add_notify_handler(received.append)
            connection.execute(f"LISTEN {ENDED}")
            connection.execute(f"LISTEN {own}")
            self._require_delivery(connection, received, own)
            self.gap()
            heard = beat = time.monotonic()
            while not self.closed.is_set():
                refuse_silence(heard, OperationalError)
                now = time.monotonic()
                if now >= beat:
                    connection.execute("SELECT pg_notify(%s, %s)", [own, repr(now)])
                    beat = now + HEARTBEAT
                if not received:
                    _wait(connection, beat - time.monotonic())
                heard = self._take(received) or heard

    def _take(self, received: deque[Notify]) -> float | None:
        """Drop what was received; return when the last heartbeat in it was sent."""
        notices = [received.popleft() for _ in range(len(received))]
        ended = [notice.payload.replace("-", "") for notice in notices if notice.channel == ENDED]
        if ended:
            self.dropped(ended)
        beats = [float(notice.payload) for notice in notices if notice.channel != ENDED]
        if not beats:
            return None
        self.hear(beats[-1])
        return beats[-1]

    def _connect(self) -> "Connection[Any]":
        parameters = connections[self.alias].get_connection_params()
        own = {name: value for name, value in parameters.items() if name not in _OF_DJANGO}
        return psycopg.connect(**{**_OPTIONS, **own, "autocommit": True})

    def _require_triggers(self, connection: "Connection[Any]") -> None:
        table = connections[self.alias].ops.quote_name(RefreshFamily._meta.db_table)
        found = connection.execute(
            "SELECT count(*) FROM pg_trigger WHERE tgrelid = to_regclass(%s) AND tgname = ANY(%s) "
            "AND tgenabled IN ('O', 'A')",
            [table, list(TRIGGERS)],
        ).fetchone()
        if found != (len(TRIGGERS),):
            raise OperationalError(f"{table} has no triggers {', '.join(TRIGGERS)}; run `manage.py migrate jwt_auth`")

    def _require_delivery(self, connection: "Connection[Any]", received: deque[Notify], own: str) -> None:
        """Raise OperationalError unless this connection hears another while it runs no statement.

        Behind a pooler that lends a server's connection for one transaction, it hears itself alone.
        """
        with self._connect() as other:
            other.execute("SELECT pg_notify(%s, %s)", [own, "0"])
        end = time.monotonic() + SILENCE
        # An end may arrive through a pooler too, by a connection that listens for somebody else.
        while not any(notice.channel == own for notice in received):
            if time.monotonic() >= end:
                connection.execute("UNLISTEN *")  # the pooler keeps its connection, for other clients
                raise OperationalError("no notice of another connection arrives, as behind a transaction pooler")
            _wait(connection, end - time.monotonic())
        received.clear()


def _wait(connection: "Connection[Any]", seconds: float) -> None:
    """Wait so long for notices, and give each that arrives to the connection's handlers."""
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    if not poll.poll(max(0.0, seconds) * 1000):
        return
    connection.pgconn.consume_input()
    while notice := connection.pgconn.notifies():
        connection.pgconn.notify_handler(notice)  # type: ignore[misc]
