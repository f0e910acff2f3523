"""A Token Status List (draft-ietf-oauth-status-list-21): one bit for each login, in a signed JWT.

This is example code, written for the measurement. It has one bit a login: 0 valid, 1 invalid.
"""

import time
import zlib
from base64 import urlsafe_b64decode
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import jwt

from benchmarks.questions.proposals.dpop.proofs import base64url

TYPE = "statuslist+jwt"
ALGORITHM = "ES256"
LEVEL = 9  # of zlib: the draft recommends the highest
LARGEST = 64 << 20  # bytes that a list may decompress to


class ListError(Exception):
    """A list that must not be used; the message says why."""


def bits(count: int, revoked: Iterable[int]) -> bytearray:
    """Return a list of `count` logins: the lowest bit of a byte is its first login."""
    made = bytearray((count + 7) // 8)
    for index in revoked:
        made[index >> 3] |= 1 << (index & 7)
    return made


def compress(raw: bytes) -> str:
    """Return the member `lst`."""
    return base64url(zlib.compress(raw, LEVEL))


def sign(lst: str, key: Any, uri: str, *, ttl: int, lifetime: int, now: float) -> str:
    """Return the Status List Token."""
    claims = {
        "sub": uri,
        "iat": int(now),
        "exp": int(now) + lifetime,
        "ttl": ttl,
        "status_list": {"bits": 1, "lst": lst},
    }
    return jwt.encode(claims, key, algorithm=ALGORITHM, headers={"typ": TYPE})


@dataclass(frozen=True, slots=True)
class StatusList:
    """A verified list. `expires`: by its `exp`; `renew`: when its `ttl` is over."""

    raw: bytes
    renew: float
    expires: float

    def is_revoked(self, index: int) -> bool:
        """Return the bit. Raises ListError for an index that is not in the list."""
        if not 0 <= index < len(self.raw) * 8:
            raise ListError(f"{index} is not in the list")
        return bool(self.raw[index >> 3] >> (index & 7) & 1)


def read(token: str, key: Any, uri: str, now: float) -> StatusList:
    """Return the list of a Status List Token. Raises ListError."""
    try:
        header = jwt.get_unverified_header(token)
        if header.get("typ") != TYPE:
            raise ListError(f"its type is not {TYPE}")
        claims = jwt.decode(
            token,
            key,
            algorithms=[ALGORITHM],
            subject=uri,
            options={"require": ["sub", "iat", "exp", "ttl"], "verify_exp": False, "verify_iat": False},
        )
        found = claims["status_list"]
        if found["bits"] != 1:
            raise ListError("it has more than one bit for each token")
        unpacker = zlib.decompressobj()
        raw = unpacker.decompress(urlsafe_b64decode(found["lst"] + "=="), LARGEST)
        if not unpacker.eof:
            raise ListError("it is cut or too long")
    except (jwt.PyJWTError, KeyError, TypeError, ValueError, zlib.error) as error:
        raise ListError(f"it is malformed or forged: {error}") from error
    if type(claims["exp"]) is not int or type(claims["ttl"]) is not int or claims["exp"] <= now:
        raise ListError("it has expired")
    return StatusList(raw, now + claims["ttl"], claims["exp"])


class Remembered:
    """The list that a service has read last. It reads another when the `ttl` is over.

    If that fails, it uses the one it has until the `exp` of that, and then refuses every token.
    """

    def __init__(self, fetch: Callable[[], str], key: Any, uri: str, clock: Callable[[], float] = time.time):
        self._fetch, self._key, self._uri, self._clock = fetch, key, uri, clock
        self._list: StatusList | None = None

    def is_revoked(self, index: int) -> bool:
        """Return the status of a token. Raises ListError where it cannot be known."""
        now = self._clock()
        found = self._list
        if found is None or now >= found.renew:
            found = self._read(now)
        return found.is_revoked(index)

    def _read(self, now: float) -> StatusList:
        try:
            self._list = read(self._fetch(), self._key, self._uri, now)
        except (ListError, OSError) as error:
            if self._list is None or now >= self._list.expires:
                raise ListError(f"no list can be had: {error}") from error
        return self._list
