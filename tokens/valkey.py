"""What the processes share of the token cache, on Valkey: entries, and word of those that have died.

Three commands carry it all. An entry is stored by `SET … NX` and read by `GET`. To kill it is to `SET` a tombstone in
its place, which NX does not overwrite, so that a reader who was slow to store what it read revives nothing; and to
`PUBLISH` its death to a listener in each process.

Who can write to Valkey becomes no user by it: entries are authenticated (tokens/entries.py), all else is a miss.
"""

import logging
import threading
import time
from collections.abc import Callable

from redis import Redis
from redis.backoff import NoBackoff
from redis.client import PubSub
from redis.exceptions import RedisError, ResponseError
from redis.retry import Retry

logger = logging.getLogger(__name__)

HEARTBEAT = 0.25  # seconds from one to the next
SILENCE = 1.0  # seconds after the last one until nothing that is remembered is believed
_TOMBSTONE = b"dead"  # too short for an entry


class Shared:
    """One process's side of it.

    The listener's thread calls `dropped` with each digest that a process, this one included, declares dead, and
    `gap` at every subscription, since word may have been missed before. No method raises: while Valkey is away, of
    which there is one warning, `get` finds nothing and `put` stores nothing.
    """

    def __init__(self, url: str, options: dict, name: str, dropped: Callable[[bytes], None], gap: Callable[[], None]):
        # Never tried again: the next request is the next try.
        self._client = Redis.from_url(url, **{**options, "protocol": 2}, retry=Retry(NoBackoff(), 0))
        self._name = name
        self._dropped, self._gap = dropped, gap
        self._cold_at = 0.0  # as time.monotonic()
        self.subscribed_at = 0.0  # as time.time(): what was read before may have died unheard
        self._is_away = self._has_refused = False
        self._closed = threading.Event()
        self._listener: threading.Thread | None = None
        self._lock = threading.Lock()

    def is_heard(self, now: float) -> bool:
        """Whether all that was published until SILENCE before `now`, a time.monotonic(), is known to have arrived."""
        return now < self._cold_at

    def listen(self):
        """Start the listener unless it runs. Left to the process that serves, since no thread survives a fork."""
        with self._lock:
            if not (self._listener and self._listener.is_alive()):
                self._listener = threading.Thread(target=self._listen, name="token-cache", daemon=True)
                self._listener.start()

    def get(self, digest: bytes) -> bytes | None:
        try:
            return self._client.get(self._key(digest))
        except ResponseError:  # somebody has put a list there
            return None
        except RedisError as error:
            self._away(error)
            return None

    def put(self, digest: bytes, entry: bytes, seconds: int):
        try:
            self._client.set(self._key(digest), entry, ex=seconds, nx=True)
        except RedisError as error:
            self._failed(error)

    def drop(self, digest: bytes, seconds: int):
        """`seconds` is how long an entry is believed: what is stored after the tombstone's end is too old."""
        pipeline = self._client.pipeline(transaction=False)
        pipeline.delete(self._key(digest))  # a full Valkey still does that
        pipeline.set(self._key(digest), _TOMBSTONE, ex=seconds)
        pipeline.publish(self._name, digest)
        try:
            pipeline.execute()
        except RedisError as error:
            self._failed(error)

    def close(self):
        """End the listener and wait for its end."""
        self._closed.set()
        if self._listener:
            self._listener.join()
        self._client.close()

    def _key(self, digest: bytes) -> str:
        return f"{self._name}:{digest.hex()}"

    def _listen(self):
        while not self._closed.is_set():
            try:
                with self._client.pubsub() as subscription:
                    self._hear(subscription)
            except RedisError as error:
                self._away(error)
                self._closed.wait(HEARTBEAT)

    def _hear(self, subscription: PubSub):
        """The heartbeat is a PING on the subscription: its answer comes after all that was published before it."""
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

    def _failed(self, error: RedisError):
        if not isinstance(error, ResponseError):
            self._away(error)
        elif not self._has_refused:  # it is there and does not want to: full, read-only
            self._has_refused = True
            logger.warning("token cache: Valkey refuses, which is said once: %s", error)

    def _away(self, error: RedisError):
        self._cold_at = 0.0  # till the next heartbeat
        if not self._is_away:
            self._is_away = True
            logger.warning("token cache: Valkey is away, so every token is read from the database: %s", error)
