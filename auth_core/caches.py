"""The caches that can count attempts: Django's own, in memory and on Valkey or Redis.

The entry `auth` of CACHES counts if there is one, otherwise `default`. Django's own LocMemCache,
the default of every project, is enough: attempts are then counted in the same process, apart from
it.

`count(key, seconds)` adds one to the number of attempts under this key and returns (number, seconds
until the window ends). A window begins with its first attempt and lasts `seconds`. Adding, and
giving the window its end, is one atomic step. The wall clock of this machine has no part in it:
memory counts by time.monotonic(), Valkey by its keys' time to live.
"""

import functools
import time
from collections import OrderedDict
from typing import Any, Protocol

from django.conf import settings
from django.core.cache import caches
from django.core.cache.backends import locmem, redis
from django.core.exceptions import ImproperlyConfigured

DEFAULT_WINDOWS = 100_000  # about 20 MB


class CacheAwayError(Exception):
    """The cache does not answer, so nothing was counted."""


class Counter(Protocol):
    """A cache that counts."""

    def count(self, key: str, seconds: int) -> tuple[int, float]:
        """Count one attempt, as the head of this module says. Raises CacheAwayError."""


def cache_alias() -> str:
    """Return the name of the entry of CACHES that counts, and that shares the token cache."""
    return "auth" if "auth" in settings.CACHES else "default"


def servers(configured: dict[str, Any]) -> list[Any]:
    """Return the URLs in the LOCATION of an entry of CACHES with our RedisCache."""
    location = configured.get("LOCATION") or ""
    return list(location) if isinstance(location, list | tuple) else [location]


def shared_cache() -> dict[str, Any] | None:
    """Return the entry of CACHES that processes share, or None without our RedisCache."""
    configured: dict[str, Any] = settings.CACHES.get(cache_alias(), {})
    return configured if configured.get("BACKEND") == "auth_core.caches.RedisCache" else None


def counter() -> Counter:
    """Return the cache that counts. Raises ImproperlyConfigured for one that cannot."""
    alias = cache_alias()
    found: Any = caches[alias]
    if hasattr(found, "count"):
        return found
    if isinstance(found, locmem.LocMemCache):
        return _in_memory()
    backend = settings.CACHES[alias]["BACKEND"]
    raise ImproperlyConfigured(f"CACHES[{alias!r}]: {backend} cannot count attempts (auth_core/caches.py)")


@functools.cache
def _in_memory() -> "LocMemCache":
    return LocMemCache("auth_core.caches", {"OPTIONS": {"MAX_ENTRIES": DEFAULT_WINDOWS}})


# For each cache's name, [number, end as time.monotonic()] by key.
_windows: dict[str, OrderedDict[str, list[float]]] = {}


class LocMemCache(locmem.LocMemCache):
    """Django's cache in the memory of one process, with at most MAX_ENTRIES windows."""

    _lock: Any  # django-stubs do not name it

    def __init__(self, name: str, params: dict[str, Any]):
        super().__init__(name, params)
        self._windows = _windows.setdefault(name, OrderedDict())

    def count(self, key: str, seconds: int) -> tuple[int, float]:
        """Count one attempt, as the head of this module says."""
        with self._lock:
            now = time.monotonic()
            window = self._windows.get(key)
            if window is None or window[1] <= now:
                window = self._windows[key] = [0, now + seconds]
            window[0] += 1
            self._windows.move_to_end(key)
            if len(self._windows) > self._max_entries:
                self._windows.popitem(last=False)  # the one that was used least recently
            return int(window[0]), window[1] - now

    def clear(self) -> None:
        super().clear()
        with self._lock:
            self._windows.clear()


class NumberSerializer:
    """Write numbers as digits and read nothing else.

    Django's own serializer unpickles what it reads, so anybody who can write to the store can run
    code in this service. Here such an entry reads as None.
    """

    def dumps(self, value: int | float) -> int | float:
        if type(value) not in (int, float):
            raise TypeError(f"{type(value).__name__}: this cache keeps numbers only (auth_core/caches.py)")
        return value

    def loads(self, data: bytes) -> int | float | None:
        for number in (int, float):
            try:
                return number(data)
            except ValueError:
                pass
        return None


TIMEOUTS = {"socket_connect_timeout": 1, "socket_timeout": 1}  # seconds


class RedisCache(redis.RedisCache):
    """Django's cache on Valkey or Redis, without pickle. Needs the package `redis`.

    `count` raises CacheAwayError, everything else redis.exceptions.RedisError. A silent cache holds
    a request for at most a second, unless OPTIONS say otherwise.
    """

    _options: dict[str, Any]

    def __init__(self, server: str | list[str], params: dict[str, Any]):
        # Django would take a comma or semicolon in a password for the end of one server's URL.
        super().__init__([server] if isinstance(server, str) else server, params)
        self._options = {**TIMEOUTS, **self._options, "serializer": NumberSerializer}

    def count(self, key: str, seconds: int) -> tuple[int, float]:
        """Count one attempt, as the head of this module says. Raises CacheAwayError."""
        from redis.exceptions import RedisError

        try:
            return self._count(key, seconds)
        except RedisError as error:
            raise CacheAwayError(str(error)) from error

    def _count(self, key: str, seconds: int) -> tuple[int, float]:
        client, name = self._cache.get_client(key, write=True), self.make_and_validate_key(key)
        with client.pipeline(transaction=True) as step:
            step.set(name, 0, ex=seconds, nx=True)
            step.incr(name)
            step.pttl(name)
            _, number, milliseconds = step.execute(raise_on_error=False)
        if isinstance(number, Exception) or not 0 <= milliseconds <= seconds * 1000:
            # The entry is no number, never ends, or ends too late, as after Valkey's clock was set
            # back. It counts as missing.
            client.set(name, 1, ex=seconds)
            return 1, seconds
        return number, milliseconds / 1000
