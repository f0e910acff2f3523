"""Ends of logins, published on Valkey after the commit, and read from the database every second."""

import time
from typing import Any

from django.db import Error, connections
from django.utils.crypto import salted_hmac
from redis.exceptions import RedisError

from auth_core.valkey import ValkeyListener
from jwt_auth.channels.common import Dropped, Gap, ReadingChannel

READING = 1.0  # seconds from one reading to the next


class ValkeyChannel(ReadingChannel, ValkeyListener):
    """A subscription, and a reading for the ends that nobody published.

    A process may die between its commit and its message. Another process finds that end READING
    seconds after its last reading. The thread that reads sends the heartbeats too, so a process
    whose readings fail or hang counts as unheard.
    """

    source = "Valkey or the database"
    way = "Valkey"
    errors = (RedisError, Error)

    def __init__(self, alias: str, configured: dict[str, Any], dropped: Dropped, gap: Gap):
        name = f"jwt-pushed:{salted_hmac('jwt_auth.channels', '', algorithm='sha256').hexdigest()[:16]}"
        super().__init__(alias, configured, name, dropped, gap)
        self._next_reading = 0.0  # as time.monotonic()

    def announce(self, sids: list[str]) -> None:
        self.publish(" ".join(sids))

    def receive(self) -> None:
        self.begin()
        self._next_reading = 0.0
        try:
            super().receive()
        finally:
            connections[self.alias].close()

    def before_heartbeat(self) -> None:
        now = time.monotonic()
        if now >= self._next_reading:
            self.drop_ended()
            connection = connections[self.alias]
            if connection.settings_dict["OPTIONS"].get("pool"):
                connection.close()  # gives it back to the requests
            self._next_reading = now + READING

    def announced(self, message: bytes) -> None:
        self.dropped(message.decode("ascii", "replace").split())
