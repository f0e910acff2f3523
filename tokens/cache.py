"""The users of tokens, cached for TOKEN_CACHE_SECONDS, in this process and on Valkey (CACHE_URL).

An entry is dropped at the commit of any change to the token or its user (tokens/signals.py):

- in this process at once;
- in another, with Valkey, as soon as its listener receives the message, or SILENCE after the last
message if none arrives any more;
- in another, without Valkey, and anywhere after a write that sends no signal, at the age of
  TOKEN_CACHE_SECONDS.

An entry is stored under a digest of the key that takes SECRET_KEY to make. Refusals are not cached.
"""

import os
import threading
import time
from collections.abc import Callable
from functools import cached_property
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from django.db import DEFAULT_DB_ALIAS, connections
from django.utils.crypto import salted_hmac
from rest_framework.authtoken.models import Token

from auth_core.caches import shared_cache
from auth_core.conf import conf
from auth_core.remembered import Remembered
from tokens.entries import Entry, seal, unseal

if TYPE_CHECKING:
    from tokens.valkey import Shared

# An entry takes about 1 kB, and at most 5 kB, if every text of Django's user is as long as it may
# be: 10 to 50 MB.
ENTRIES = 10_000

Credentials = tuple[Any, Token]  # the user first, as authenticate() returns them


class TokenCache:
    """The ENTRIES entries that were used last. Each answer is a new user object."""

    def __init__(self) -> None:
        """Read the settings; call close() after overriding one."""
        self._seconds = conf.TOKEN_CACHE_SECONDS
        self._secret = salted_hmac("tokens.cache", "", algorithm="sha256").digest()
        # Digest: time.monotonic() of the reading, and what was read
        self.entries: Remembered[bytes, tuple[float, Entry]] = Remembered(lambda: ENTRIES)
        self._has_read = False
        self._lock = threading.Lock()
        self.__dict__.pop("_shared", None)

    def __len__(self) -> int:
        return len(self.entries)

    def get_or_read(self, key: str, read: Callable[[str], Credentials]) -> Credentials:
        """Return the entry from memory, else from Valkey, else what `read(key)` returns or raises.

        Expiry is not checked.
        """
        if not self._seconds:
            return read(key)
        digest = self._digest(key)
        shared = self._shared
        now = time.monotonic()
        is_heard = shared is None or shared.is_heard(now)
        found, drops = self.entries.get(digest)
        if found is not None and is_heard and now - found[0] < self._seconds:
            return found[1].credentials(key)
        return self._read(key, digest, read, drops, now, is_heard)

    def drop(self, key: str) -> None:
        """Drop a key that was revoked or whose user changed; call it after the commit."""
        digest = self._digest(key)
        self.entries.drop([digest])
        if self._shared is not None:
            self._shared.drop(digest, self._seconds)
            self.entries.drop([digest])  # it may have been read there in between

    @property
    def is_used(self) -> bool:
        """Return True if there may be an entry: in this process, or by way of Valkey in another."""
        return self._has_read or self._shared is not None

    def close(self) -> None:
        """Clear the cache and stop the listener."""
        if shared := self.__dict__.get("_shared"):
            shared.close()
        self.reset()

    def reset(self) -> None:
        """Start again, in a process forked from one whose locks and listener do not exist here."""
        self.__init__()  # type: ignore[misc]

    def _read(
        self,
        key: str,
        digest: bytes,
        read: Callable[[str], Credentials],
        drops: int,
        now: float,
        is_heard: bool,
    ) -> Credentials:
        self._has_read = True
        wall, shared = time.time(), self._shared
        if shared is not None:
            shared.listen()
        if shared is not None and is_heard:
            data = shared.get(digest)
            found, read_at = (data and unseal(digest, data)) or (None, 0.0)
            # Not an entry from before the subscription, whose end this process may have missed, nor
            # one from a clock that is ahead.
            if found and max(shared.subscribed_at, wall - self._seconds) < read_at <= wall:
                self.entries.put(digest, (now - (wall - read_at), found), drops)
                return found.credentials(key)
        user, token = read(key)
        if connections[token._state.db or DEFAULT_DB_ALIAS].in_atomic_block:
            return user, token  # perhaps read from a change that will be rolled back
        entry = Entry.of(user, token)
        if entry is not None:
            self.entries.put(digest, (now, entry), drops)
            if shared is not None and is_heard:
                shared.put(digest, seal(digest, user, token, wall), self._seconds)
        return user, token

    def _digest(self, key: str) -> bytes:
        return blake2b(key.encode(), key=self._secret, digest_size=32).digest()

    @cached_property
    def _shared(self) -> "Shared | None":
        """Return what this process shares with others, or None without our RedisCache.

        Read when it is first used: `check` names what is wrong with CACHES.
        """
        configured = shared_cache() if self._seconds else None
        if configured is None:
            return None
        from tokens.valkey import Shared  # needs the package redis

        name = f"token-cache:{salted_hmac('tokens.cache.name', '', algorithm='sha256').hexdigest()[:16]}"
        with self._lock:  # another thread may have been first
            found: Shared | None = self.__dict__.get("_shared")
            if found is None:
                found = Shared(configured, name, lambda digest: self.entries.drop([digest]), self.entries.drop_all)
                self.__dict__["_shared"] = found
        return found


token_cache = TokenCache()
os.register_at_fork(after_in_child=token_cache.reset)
