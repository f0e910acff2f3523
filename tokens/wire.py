"""What a hashed token looks like on the wire, and what is stored of it.

`trk_`, 32 random base62 digits (190 bits), `_`, and the CRC-32 of all before the last `_` in 6
base62 digits. The checksum is no protection. It lets the service refuse garbage without a query,
and lets a secret scanner tell a leaked token from a text that looks like one.
"""

import hashlib
import re
import secrets
import string
import zlib

ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
# docs/how-to/migrate-from-drf-tokens.md publishes it for secret scanners.
PATTERN = r"trk_[0-9A-Za-z]{32}_[0-9A-Za-z]{6}"

_TOKEN = re.compile(PATTERN)
_DRF_KEY = re.compile(r"[0-9a-f]{40}")  # moved here by move_drf_tokens


def new() -> str:
    """Return a new token."""
    random = "".join(secrets.choice(ALPHABET) for _ in range(32))
    return f"trk_{random}_{_checksum(f'trk_{random}')}"


def is_well_formed(text: str) -> bool:
    """Return True if the text has the shape of a token, and a correct checksum if any."""
    if _TOKEN.fullmatch(text):
        body, _, checksum = text.rpartition("_")
        return checksum == _checksum(body)
    return _DRF_KEY.fullmatch(text) is not None


def digest(token: str) -> bytes:
    """Return the SHA-256, 32 bytes.

    It needs no salt and no slow hash: 160 random bits cannot be guessed.
    """
    return hashlib.sha256(token.encode()).digest()


def _checksum(text: str) -> str:
    number, digits = zlib.crc32(text.encode()), ""
    for _ in range(6):  # 62 ** 6 > 2 ** 32
        number, digit = divmod(number, 62)
        digits = ALPHABET[digit] + digits
    return digits
