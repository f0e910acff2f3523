"""Whom a token let in, remembered for TOKEN_CACHE_SECONDS: in this process, and on Valkey (CACHE_URL) for all of them.

What is remembered dies with the commit of any change to the token or its user (tokens/signals.py):

- in this process at once;
- in another, with Valkey, as soon as its listener hears of it, and SILENCE later if it hears nothing any more;
- in another, without Valkey, and anywhere after a write that sends no signal, at the age of TOKEN_CACHE_SECONDS.

Nothing is kept under the key itself, but under a digest of it that takes SECRET_KEY to make. Refusals are not kept.
"""

import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from hashlib import blake2b

from django.conf import settings
from django.db import connections
from django.db.models import Model
from django.utils.crypto import salted_hmac
from rest_framework.authtoken.models import Token

from tokens.entries import Entry, seal, unseal
from tokens.valkey import Shared

# An entry takes about 1 kB, and 5 kB when every text of Django's user is as long as it may be: 10 MB, 50 at the most.
ENTRIES = 10_000

Credentials = tuple[Model, Token]  # the user first, as authenticate() returns them


class TokenCache:
    """The entries used last, ENTRIES of them. Every answer is a user of its own, shared with no other request."""

    def __init__(self):
        """Settings are read here: who overrides one calls close()."""
        self._seconds = settings.TOKEN_CACHE_SECONDS
        self._secret = salted_hmac("tokens.cache", "", algorithm="sha256").digest()
        self._entries: OrderedDict[bytes, tuple[float, Entry]] = OrderedDict()  # with time.monotonic() of the reading
        self._deaths = 0  # heard of so far
        self._has_read = False
        self._lock = threading.Lock()
        self._shared = self._valkey(settings.CACHES["default"]) if self._seconds else None

    def __len__(self):
        return len(self._entries)

    def get_or_read(self, key: str, read: Callable[[str], Credentials]) -> Credentials:
        """From memory, else from Valkey, else by `read(key)`, whose errors are passed on. Expiry is not looked at."""
        if not self._seconds:
            return read(key)
        digest = self._digest(key)
        shared = self._shared
        now = time.monotonic()
        is_heard = shared is None or shared.is_heard(now)
        with self._lock:
            read_at, entry = self._entries.get(digest, (0, None))
            if entry is not None:
                self._entries.move_to_end(digest)
            deaths = self._deaths  # before anything is read
        if entry is not None and is_heard and now - read_at < self._seconds:
            return entry.credentials(key)
        return self._read(key, digest, read, deaths, now, is_heard)

    def drop(self, key: str):
        """The key is dead or its user is not what it was: to be called once that is committed."""
        digest = self._digest(key)
        self._drop(digest)
        if self._shared is not None:
            self._shared.drop(digest, self._seconds)
            self._drop(digest)  # it may have been read there in between

    @property
    def is_used(self) -> bool:
        """Whether anybody may remember anything: this process, or by way of Valkey another."""
        return self._has_read or self._shared is not None

    def close(self):
        """Forget everything, end the listener, and be as new."""
        if self._shared is not None:
            self._shared.close()
        self.reset()

    def reset(self):
        """Be as new, in a process forked from one whose locks and listener are not here."""
        self.__init__()

    def _read(self, key, digest, read, deaths, now, is_heard) -> Credentials:
        self._has_read = True
        wall, shared = time.time(), self._shared
        if shared is not None:
            shared.listen()
        if shared is not None and is_heard:
            data = shared.get(digest)
            entry, read_at = (data and unseal(digest, data)) or (None, 0)
            # Nothing from before the subscription, whose death may not have been heard; nor from a clock ahead of ours.
            if max(shared.subscribed_at, wall - self._seconds) < read_at <= wall:
                self._put(digest, entry, now - (wall - read_at), deaths)
                return entry.credentials(key)
        user, token = read(key)
        if connections[token._state.db].in_atomic_block:
            return user, token  # perhaps of a change that will be rolled back
        entry = Entry.of(user, token)
        if entry is not None:
            self._put(digest, entry, now, deaths)
            if shared is not None and is_heard:
                shared.put(digest, seal(digest, user, token, wall), self._seconds)
        return user, token

    def _put(self, digest: bytes, entry: Entry, read_at: float, deaths: int):
        with self._lock:
            if deaths != self._deaths:
                return  # it may have been this one
            self._entries[digest] = read_at, entry
            self._entries.move_to_end(digest)
            if len(self._entries) > ENTRIES:
                self._entries.popitem(last=False)

    def _drop(self, digest: bytes):
        with self._lock:
            self._deaths += 1
            self._entries.pop(digest, None)

    def _drop_all(self):
        with self._lock:
            self._deaths += 1
            self._entries.clear()

    def _digest(self, key: str) -> bytes:
        return blake2b(key.encode(), key=self._secret, digest_size=32).digest()

    def _valkey(self, configured: dict) -> Shared | None:
        if not configured["BACKEND"].endswith("RedisCache"):
            return None
        name = f"token-cache:{salted_hmac('tokens.cache.name', '', algorithm='sha256').hexdigest()[:16]}"
        return Shared(configured["LOCATION"], configured.get("OPTIONS", {}), name, self._drop, self._drop_all)


token_cache = TokenCache()
os.register_at_fork(after_in_child=token_cache.reset)
