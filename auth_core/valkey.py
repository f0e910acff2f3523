"""Announcements on Valkey or Redis: PUBLISH, and the listener that hears them.

Needs the package `redis`. The protocol is RESP2: with RESP3, redis-py hands the answer to any
command over as that to a PING.
"""

import time
from collections.abc import Callable
from typing import Any

from redis import Redis
from redis.backoff import NoBackoff
from redis.client import PubSub
from redis.exceptions import RedisError, ResponseError
from redis.retry import Retry

from auth_core.caches import TIMEOUTS, servers
from auth_core.listening import HEARTBEAT, Listener, logger, refuse_silence


class ValkeyListener(Listener):
    """A listener to one channel, and the client that announces there.

    The heartbeat is a PING on the subscription: its answer comes after all that was published
    before it. A subscription is a gap.
    """

    source = "Valkey"
    errors: tuple[type[Exception], ...] = (RedisError,)

    def __init__(
        self,
        configured: dict[str, Any],
        name: str,
        dropped: Callable[[Any], None],
        gap: Callable[[], None],
    ) -> None:
        """Connect later to the server of this entry of CACHES; `name` is the channel."""
        super().__init__(dropped, gap)
        server = servers(configured)[0]  # the one that is written to, as in Django
        options = {**TIMEOUTS, **configured.get("OPTIONS", {}), "protocol": 2}
        # No retry: the next request is the next attempt.
        self.client: Any = Redis.from_url(server, **options, retry=Retry(NoBackoff(), 0))
        self.name = name
        self.subscribed_at = 0.0  # as time.time(): what was read before may have been dropped unnoticed
        self._has_refused = False

    def publish(self, message: bytes | str) -> None:
        """Send a message to the listener of each process, or log why it was not sent."""
        try:
            self.client.publish(self.name, message)
        except RedisError as error:
            self.log_failure(error)

    def close(self) -> None:
        super().close()
        self.client.close()

    def receive(self) -> None:
        with self.client.pubsub() as subscription:
            self._subscribe(subscription)

    def _subscribe(self, subscription: PubSub) -> None:
        subscription.subscribe(self.name)
        heard = beat = time.monotonic()
        while not self.closed.is_set():
            now = time.monotonic()
            refuse_silence(heard, RedisError)
            if now >= beat:
                self.before_heartbeat()
                subscription.ping(repr(now))
                beat = now + HEARTBEAT
            message = subscription.get_message(timeout=max(0.0, beat - time.monotonic()))
            if message is None:
                continue
            if message["type"] == "subscribe":
                self.subscribed_at = time.time()
                self.gap()
            elif message["type"] == "message":
                self.announced(message["data"])
            elif message["type"] == "pong":
                heard = float(message["data"])  # when it was sent
                self.hear(heard)

    def before_heartbeat(self) -> None:
        """Do what a subclass has to do from time to time, in the listener's thread."""

    def announced(self, message: bytes) -> None:
        self.dropped(message)

    def log_failure(self, error: RedisError) -> None:
        if not isinstance(error, ResponseError):
            self.log_away(error)
        elif not self._has_refused:  # it answers and refuses: full or read-only
            self._has_refused = True
            logger.warning("%s: Valkey refuses, which is logged once: %s", self.label, error)
