"""A cache of verified access tokens: the same text is verified once, not on each request.

Verifying takes 30 µs with HS256 and 90 µs with EdDSA; a hit here takes 1 µs. An entry says that the
signature and the shape of the claims were good, which stays true as long as the keys are the same:
a memo belongs to one set of keys and goes with it. A refused token is not kept. Each hit compares
the time with the token's validity. What one token class accepts, a project's own may refuse, so an
entry counts for its class only.
"""

import threading
import time
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, TypeAlias

MAX_ENTRIES = 8192  # at most about 12 MB with our own claims: 1.4 kB each
_NEW_ENTRIES = MAX_ENTRIES // 8  # of them, for tokens seen once

_PLAIN = (str, int, float, bool, type(None))

_Key: TypeAlias = tuple[type, bytes]  # a token's class and the digest of its text


@dataclass(frozen=True, slots=True)
class _Entry:
    claims: dict[str, Any]
    not_before: float  # seconds since the epoch, the leeway counted in
    expires: float


class Memo:
    """Claims by the token's class and whole text: another spelling is verified on its own.

    There are two queues, each of which drops its oldest entry. A token seen once waits in the short
    one, and moves to the long one when it is seen again, where every use makes it the youngest. So
    a flood of tokens that are used once (RFC 7519 sets no bound on how many a client may hold)
    drops no token in use.
    """

    def __init__(self, leeway: float):
        """Create an empty cache; `leeway` is by how many seconds clocks may differ."""
        self._leeway = leeway
        self._new: dict[_Key, _Entry] = {}
        self._used: dict[_Key, _Entry] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._new) + len(self._used)

    def get(self, token_class: type, token: str) -> dict[str, Any] | None:
        """Return a copy of the claims if the token is valid now, or None: then verify it."""
        key = _key(token_class, token)
        with self._lock:
            entry = self._used.pop(key, None) or self._new.pop(key, None)
            if entry is None:
                return None
            if not entry.not_before <= time.time() < entry.expires:
                return None  # and no longer kept; verifying it says whether it is too early or too late
            self._used[key] = entry
            _shorten(self._used, MAX_ENTRIES - _NEW_ENTRIES)
        return entry.claims.copy()

    def put(self, token_class: type, token: str, claims: dict[str, Any]) -> None:
        """Keep the claims of a token that this class has just verified."""
        # A list or dict would be shared by all requests that get a copy.
        if not all(isinstance(value, _PLAIN) for value in claims.values()):
            return
        begins = max(int(claims.get("nbf", 0)), claims["iat"])
        entry = _Entry(claims.copy(), begins - self._leeway, claims["exp"] + self._leeway)
        with self._lock:
            self._new[_key(token_class, token)] = entry
            _shorten(self._new, _NEW_ENTRIES)


def _key(token_class: type, token: str) -> _Key:
    # Not the token itself: what is kept in memory should not be usable as a credential.
    return token_class, blake2b(token.encode(), digest_size=32).digest()


def _shorten(queue: dict[_Key, _Entry], length: int) -> None:
    while len(queue) > length:
        del queue[next(iter(queue))]  # dicts keep their order: the one put in first
