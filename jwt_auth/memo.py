"""What verifying an access token found out, kept so that the same text is verified once and not on each request.

Verifying takes 30 µs with HS256 and 90 with EdDSA; to find it here takes one. What is kept is that the signature
and the shape of the claims were good, which stays true for as long as the keys are the same: a memo
belongs to one set of keys and goes with it. Nothing is kept of a token that failed, and whether it is too early or too
late is looked at each time.
"""

import threading
import time
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

MAX_ENTRIES = 8192  # at most about 12 MB with our own claims: 1.4 kB each
_NEW_ENTRIES = MAX_ENTRIES // 8  # of them for tokens seen once

_PLAIN = (str, int, float, bool, type(None))


@dataclass(frozen=True, slots=True)
class _Entry:
    claims: dict[str, Any]
    not_before: float  # seconds since the epoch, the leeway counted in
    expires: float


class Memo:
    """Claims by the token's whole text: another spelling of the same token is another text, and verified anew.

    Two queues, each of which drops its oldest: a token seen once waits in the short one, and moves to the long one
    when it is seen again, where every use makes it the youngest. So a flood of tokens that are used once
    (RFC 7519 sets no bound on how many a client may hold) pushes nothing out that is in use.
    """

    def __init__(self, leeway: float):
        """`leeway`: seconds by which clocks may differ."""
        self._leeway = leeway
        self._new: dict[bytes, _Entry] = {}
        self._used: dict[bytes, _Entry] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._new) + len(self._used)

    def get(self, token: str) -> dict[str, Any] | None:
        """A copy of the claims of a token that is good now, or None: then it has to be verified."""
        key = _key(token)
        with self._lock:
            entry = self._used.pop(key, None) or self._new.pop(key, None)
            if entry is None:
                return None
            if not entry.not_before <= time.time() < entry.expires:
                return None  # and no longer kept; whoever verifies it says which of the two it is
            self._used[key] = entry
            _shorten(self._used, MAX_ENTRIES - _NEW_ENTRIES)
        return entry.claims.copy()

    def put(self, token: str, claims: dict[str, Any]):
        """Keep the claims of a token that has just been verified."""
        # A list or dict would be shared by all requests that get a copy.
        if not all(isinstance(value, _PLAIN) for value in claims.values()):
            return
        begins = max(int(claims.get("nbf", 0)), claims["iat"])
        entry = _Entry(claims.copy(), begins - self._leeway, claims["exp"] + self._leeway)
        with self._lock:
            self._new[_key(token)] = entry
            _shorten(self._new, _NEW_ENTRIES)


def _key(token: str) -> bytes:
    # Not the token: what is kept for long should open nothing.
    return blake2b(token.encode(), digest_size=32).digest()


def _shorten(queue: dict, length: int):
    while len(queue) > length:
        del queue[next(iter(queue))]  # dicts keep their order: the one put in first
