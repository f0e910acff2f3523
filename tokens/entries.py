"""The entries of the token cache: a user's row without the password, as values and sealed bytes."""

import hmac
import json
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from hashlib import blake2b
from typing import Any

from django.contrib.auth import get_user_model
from django.db import DEFAULT_DB_ALIAS
from django.db.models import Field, Model
from django.utils.crypto import salted_hmac
from rest_framework.authtoken.models import Token

from auth_core.instances import Maker

_SECRET = "password"  # not even its hash is cached; reading it makes a query
_TOKEN_NAMES = ("key", "user_id", "created")  # in the order of its columns
_SEAL_BYTES = 32


@dataclass(frozen=True, slots=True)
class Entry:
    """A user and the token's creation.

    `row` has a value for each column of the user but the password. `alias` names the database.
    """

    alias: str
    row: tuple[Any, ...]
    created: datetime

    @classmethod
    def of(cls, user: Model, token: Token) -> "Entry | None":
        """Return the entry, or None if a value is mutable: all requests would share it."""
        row = tuple(getattr(user, field.attname) for field in _columns())
        try:
            hash(row)
        except TypeError:
            return None
        return cls(token._state.db or DEFAULT_DB_ALIAS, row, token.created)

    def credentials(self, key: str) -> tuple[Model, Token]:
        """Return a new user and a new token, as the ORM makes them from a row."""
        user = _make_user()(self.alias, self.row)
        token = _make_token()(self.alias, (key, user.pk, self.created))
        Token.user.field.set_cached_value(token, user)
        return user, token


def seal(digest: bytes, user: Model, token: Token, read_at: float) -> bytes:
    """Return an entry for the key of this digest and no other: JSON behind a keyed hash of it.

    `read_at` is the time.time() at which the entry was read.
    """
    values = [_plain(field, user) for field in _columns()]
    text = json.dumps([read_at, token._state.db, token.created.isoformat(), values]).encode()
    return _hash(digest, text) + text


def unseal(digest: bytes, data: bytes) -> tuple[Entry, float] | None:
    """Return (entry, read_at), or None unless sealed for this key and SECRET_KEY by this code."""
    text = data[_SEAL_BYTES:]
    if not hmac.compare_digest(data[:_SEAL_BYTES], _hash(digest, text)):
        return None
    read_at, alias, created, values = json.loads(text)
    row = tuple(field.to_python(value) for field, value in zip(_columns(), values, strict=True))
    return Entry(alias, row, datetime.fromisoformat(created)), read_at


def _plain(field: "Field[Any, Any]", user: Model) -> Any:
    """Return the value as JSON has it, from which the field's to_python() makes the same again."""
    value = getattr(user, field.attname)
    return value if value is None or isinstance(value, bool | int | str) else field.value_to_string(user)


def _hash(digest: bytes, text: bytes) -> bytes:
    return blake2b(digest + text, key=_sealing_key(), digest_size=_SEAL_BYTES).digest()


@cache
def _sealing_key() -> bytes:
    """Return a key that depends on the user's columns: other versions' entries are misses."""
    layout = f"1 {get_user_model()._meta.label} {','.join(_names())}"
    return salted_hmac("tokens.entries", layout, algorithm="sha256").digest()


@cache
def _columns() -> "tuple[Field[Any, Any], ...]":
    """Return the columns that are cached."""
    return tuple(field for field in get_user_model()._meta.concrete_fields if field.attname != _SECRET)


def _names() -> list[str]:
    return [field.attname for field in _columns()]


@cache
def _make_user() -> Maker[Any]:
    return Maker(get_user_model(), _names())


@cache
def _make_token() -> Maker[Token]:
    return Maker(Token, _TOKEN_NAMES)
