"""What the token cache remembers of a token: its user's row without the password, as values and as sealed bytes."""

import hmac
import json
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from hashlib import blake2b

from django.contrib.auth import get_user_model
from django.db.models import DEFERRED, Field, Model
from django.utils.crypto import salted_hmac
from rest_framework.authtoken.models import Token

_SECRET = "password"  # not even its hash is remembered; who asks for it makes a query
_TOKEN_NAMES = ("key", "user_id", "created")  # in the order of its columns
_SEAL_BYTES = 32


@dataclass(frozen=True, slots=True)
class Entry:
    """`row` has a value for each column of the user, DEFERRED for the password; `alias` is the database's."""

    alias: str
    row: tuple
    created: datetime

    @classmethod
    def of(cls, user: Model, token: Token) -> "Entry | None":
        """None for a user with a value that can be changed in place: all requests would share it."""
        row = tuple(DEFERRED if field.attname == _SECRET else getattr(user, field.attname) for field in _columns())
        try:
            hash(row)
        except TypeError:
            return None
        return cls(token._state.db, row, token.created)

    def credentials(self, key: str) -> tuple[Model, Token]:
        """A new user and a new token, as the ORM makes them of a row."""
        user = get_user_model().from_db(self.alias, _names(), self.row)
        token = Token.from_db(self.alias, _TOKEN_NAMES, (key, user.pk, self.created))
        Token.user.field.set_cached_value(token, user)
        return user, token


def seal(digest: bytes, user: Model, token: Token, read_at: float) -> bytes:
    """An entry for the key of this digest and no other, read at this time.time(): JSON behind a keyed hash of it."""
    values = [_plain(field, user) for field in _columns() if field.attname != _SECRET]
    text = json.dumps([read_at, token._state.db, token.created.isoformat(), values]).encode()
    return _hash(digest, text) + text


def unseal(digest: bytes, data: bytes) -> tuple[Entry, float] | None:
    """(entry, read_at), or None for whatever was not sealed for this key, with this SECRET_KEY, by this code."""
    text = data[_SEAL_BYTES:]
    if not hmac.compare_digest(data[:_SEAL_BYTES], _hash(digest, text)):
        return None
    read_at, alias, created, values = json.loads(text)
    values = iter(values)
    row = tuple(DEFERRED if field.attname == _SECRET else field.to_python(next(values)) for field in _columns())
    return Entry(alias, row, datetime.fromisoformat(created)), read_at


def _plain(field: Field, user: Model):
    """As JSON has it, from which the field's to_python() makes the same again."""
    value = getattr(user, field.attname)
    return value if value is None or isinstance(value, bool | int | str) else field.value_to_string(user)


def _hash(digest: bytes, text: bytes) -> bytes:
    return blake2b(digest + text, key=_sealing_key(), digest_size=_SEAL_BYTES).digest()


@cache
def _sealing_key() -> bytes:
    """It changes with the user's columns: processes of two versions do not read each other's entries."""
    layout = f"1 {get_user_model()._meta.label} {','.join(_names())}"
    return salted_hmac("tokens.entries", layout, algorithm="sha256").digest()


@cache
def _columns() -> tuple[Field, ...]:
    return tuple(get_user_model()._meta.concrete_fields)


@cache
def _names() -> tuple[str, ...]:
    """Of the columns that are remembered."""
    return tuple(field.attname for field in _columns() if field.attname != _SECRET)
