"""What the processes share of the token cache, on Valkey: entries, and messages about dropped ones.

Three commands do all of it. `SET … NX` stores an entry and `GET` reads it. To drop an entry, a
process first does a `SET` of a tombstone in its place, which NX does not overwrite: a reader that
is slow to store what it read brings nothing back. Then it does a `PUBLISH` of the digest to a
listener in each process.

Write access to Valkey lets nobody pass for a user: entries are authenticated (tokens/entries.py),
and anything else is a miss.
"""

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

from redis import Redis
from redis.backoff import NoBackoff
from redis.client import PubSub
from redis.exceptions import RedisError, ResponseError
from redis.retry import Retry

logger = logging.getLogger(__name__)

HEARTBEAT = 0.25  # seconds from one to the next
SILENCE = 1.0  # seconds after the last one until no entry is used
_TOMBSTONE = b"dead"  # too short for an entry


class Shared:
    """One process's side of it.

    The listener's thread calls `dropped` with each digest that any process drops, this one
    included. It calls `gap` at every subscription, since messages may have been missed before. No
    method raises: while Valkey is away, `get` finds nothing and `put` stores nothing, and one
    warning is logged.
    """

    def __init__(
        self, url: str, options: dict[str, Any], name: str, dropped: Callable[[bytes], None], gap: Callable[[], None]
    ):
        # No retry: the next request is the next attempt.
        self._client: Any = Redis.from_url(url, **{**options, "protocol": 2}, retry=Retry(NoBackoff(), 0))
        self._name = name
        self._dropped, self._gap = dropped, gap
        self._cold_at = 0.0  # as time.monotonic()
        self.subscribed_at = 0.0  # as time.time(): an entry read before may have been dropped unnoticed
        self._is_away = self._has_refused = False
        self._closed = threading.Event()
        self._listener: threading.Thread | None = None
        self._lock = threading.Lock()

    def is_heard(self, now: float) -> bool:
        """Return True if all messages until SILENCE before `now` are known to have arrived.

        `now` is a time.monotonic().
        """
        return now < self._cold_at

    def listen(self) -> None:
        """Start the listener unless it runs, in the serving process: no thread survives a fork."""
        with self._lock:
            if not (self._listener and self._listener.is_alive()):
                self._listener = threading.Thread(target=self._listen, name="token-cache", daemon=True)
                self._listener.start()

    def get(self, digest: bytes) -> bytes | None:
        """Return the entry, a tombstone, or None."""
        try:
            data: bytes | None = self._client.get(self._key(digest))
        except ResponseError:  # another program stored a list there
            return None
        except RedisError as error:
            self._log_away(error)
            return None
        return data

    def put(self, digest: bytes, entry: bytes, seconds: int) -> None:
        """Store the entry for so long, unless there is one or a tombstone."""
        try:
            self._client.set(self._key(digest), entry, ex=seconds, nx=True)
        except RedisError as error:
            self._log_failure(error)

    def drop(self, digest: bytes, seconds: int) -> None:
        """Replace the entry by a tombstone, and tell the other processes.

        `seconds` is how long an entry is used: one that is stored after the tombstone's end is too
        old.
        """
        pipeline = self._client.pipeline(transaction=False)
        pipeline.delete(self._key(digest))  # a full Valkey still accepts that
        pipeline.set(self._key(digest), _TOMBSTONE, ex=seconds)
        pipeline.publish(self._name, digest)
        try:
            pipeline.execute()
        except RedisError as error:
            self._log_failure(error)

    def close(self) -> None:
        """Stop the listener and wait for its end."""
        self._closed.set()
        if self._listener:
            self._listener.join()
        self._client.close()

    def _key(self, digest: bytes) -> str:
        return f"{self._name}:{digest.hex()}"

    def _listen(self) -> None:
        while not self._closed.is_set():
            try:
                with self._client.pubsub() as subscription:
                    self._receive(subscription)
            except RedisError as error:
                self._log_away(error)
                self._closed.wait(HEARTBEAT)

    def _receive(self, subscription: PubSub) -> None:
        """Receive messages until the connection breaks or `close` is called.

        The heartbeat is a PING on the subscription: its answer comes after all that was published
        before it.
        """
        subscription.subscribe(self._name)
        heard = beat = time.monotonic()
        while not self._closed.is_set():
            now = time.monotonic()
            if now >= heard + 2 * SILENCE:
                raise RedisError(f"no heartbeat for {2 * SILENCE} s")
            if now >= beat:
                subscription.ping(repr(now))
                beat = now + HEARTBEAT
            message = subscription.get_message(timeout=beat - now)
            if message is None:
                continue
            if message["type"] == "subscribe":
                self.subscribed_at = time.time()
                self._gap()
            elif message["type"] == "message":
                self._dropped(message["data"])
            elif message["type"] == "pong":
                heard = float(message["data"])  # when it was sent
                self._cold_at = heard + SILENCE
                if self._is_away:
                    self._is_away = False
                    logger.warning("token cache: Valkey answers again")

    def _log_failure(self, error: RedisError) -> None:
        if not isinstance(error, ResponseError):
            self._log_away(error)
        elif not self._has_refused:  # it answers and refuses: full or read-only
            self._has_refused = True
            logger.warning("token cache: Valkey refuses, which is logged once: %s", error)

    def _log_away(self, error: RedisError) -> None:
        self._cold_at = 0.0  # until the next heartbeat
        if not self._is_away:
            self._is_away = True
            logger.warning("token cache: Valkey is away, so every token is read from the database: %s", error)
