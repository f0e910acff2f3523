"""Where a service keeps the jti of each accepted proof, so that no proof is accepted twice.

Each store claims a name until a time and returns False if somebody has claimed it before.
"""

import hashlib
import time
from collections import deque
from threading import Lock
from typing import Protocol

from benchmarks.questions.proposals.dpop.proofs import Proof

# One row for each proof: the primary key refuses the second one.
_CREATE = "CREATE TABLE IF NOT EXISTS dpop_replay (name char(64) PRIMARY KEY, expires double precision NOT NULL)"
_INSERT = "INSERT INTO dpop_replay VALUES (%s, %s) ON CONFLICT DO NOTHING"
_FLUSH = "DELETE FROM dpop_replay WHERE expires < %s"


class Store(Protocol):
    def claim(self, name: str, expires: float) -> bool: ...


def name_of(proof: Proof) -> str:
    """Return a name of constant length: clients choose the jti, and two may choose the same."""
    return hashlib.sha256(f"{proof.jkt} {proof.jti}".encode()).hexdigest()


class InMemory:
    """A store of this process alone: another process accepts the same proof once more."""

    def __init__(self):
        self._expires: dict[str, float] = {}
        self._order: deque[str] = deque()
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._expires)

    def claim(self, name: str, expires: float) -> bool:
        now = time.time()
        with self._lock:
            # A proof may expire up to two windows after another that came before it.
            while self._order and self._expires[self._order[0]] < now:
                del self._expires[self._order.popleft()]
            if name in self._expires:
                return False
            self._expires[name] = expires
            self._order.append(name)
            return True


class InDatabase:
    """A table of the service's database, which all its processes share."""

    def __init__(self):
        from django.db import connection

        with connection.cursor() as cursor:
            cursor.execute(_CREATE)

    def claim(self, name: str, expires: float) -> bool:
        from django.db import connection

        with connection.cursor() as cursor:
            cursor.execute(_INSERT, (name, expires))
            return cursor.rowcount == 1

    def flush(self, now: float) -> int:
        """Delete what has expired, which a service does now and then; return how many rows."""
        from django.db import connection

        with connection.cursor() as cursor:
            cursor.execute(_FLUSH, (now,))
            return cursor.rowcount


class InValkey:
    """One `SET … NX PX` for each proof, which Valkey forgets by itself."""

    def __init__(self, url: str):
        from redis import Redis

        self._client = Redis.from_url(url)

    def claim(self, name: str, expires: float) -> bool:
        milliseconds = max(1, int((expires - time.time()) * 1000))
        return bool(self._client.set(f"dpop:{name}", b"", nx=True, px=milliseconds))

    def close(self):
        self._client.close()
