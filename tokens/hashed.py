"""The TokenService of hashed tokens.

A `key` is the credential as the client sends it. It is known here only when it is presented or
made.
"""

import logging
import sys
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.db import InternalError, OperationalError, transaction
from django.utils import timezone
from rest_framework.authtoken.models import Token

from auth_core import accounts, events, prepared, revocation, scopes
from auth_core.conf import conf
from auth_core.schemes import enabled_scheme
from tokens import wire
from tokens.models import HashedToken

logger = logging.getLogger(__name__)

USE_IS_WRITTEN_EVERY = timedelta(minutes=1)

_BY_DIGEST = prepared.Query(
    lambda: HashedToken.objects.select_related("user").filter(
        digest=prepared.Parameter(HashedToken._meta.get_field("digest"))
    )
)


class TokenLimitError(Exception):
    """The user has as many valid tokens as TOKENS_PER_USER allows."""


def find(key: str) -> HashedToken | None:
    """Return the token with this key, with its user, in one query."""
    token = _BY_DIGEST.first(wire.digest(key))
    if token is not None:
        token.key = key
    return token


def ask_ahead(key: str) -> Any:
    """Send the query of find() ahead (auth_core/ahead.py)."""
    return _BY_DIGEST.ask_ahead(wire.digest(key))


def is_expired(token: HashedToken) -> bool:
    """Return True if the token has expired, by age or by disuse."""
    end = token.expires
    return end is not None and end <= timezone.now()


def obtain(user: Any, label: str = "", scope: str = scopes.FULL) -> HashedToken | None:
    """Return a new token of the user with its key, which cannot be read again later.

    `scope` is one of scopes.CHOICES.
    Delete the user's tokens that expired over revocation.CLOCK_MARGIN ago. Return None if the
    account changed since `user` was read: its password, its being active, its existence. Raise
    TokenLimitError for one token too many; the lock on the user's row lets one caller at a time
    count.
    """
    with transaction.atomic():
        if not accounts.lock_if_unchanged(user):
            return None
        own = HashedToken.objects.filter(user=user)
        # Not those that have just expired: if the clock is ahead, they are valid again once it is
        # set right.
        own.expired(ago=revocation.CLOCK_MARGIN).delete()
        limit = conf.TOKENS_PER_USER
        if limit and own.living().count() >= limit:
            raise TokenLimitError(
                f"This user has {limit} valid tokens, as many as TOKENS_PER_USER allows. Revoke one first."
            )
        key, now = wire.new(), timezone.now()
        token = HashedToken(user=user, label=label, scope=scope, created=now, last_used=now, **_columns_of(key))
        token.save(force_insert=True)
    token.key = key
    return token


def rotate(key: str) -> str | None:
    """Replace the key and return the new one, or None if no token has this key any more.

    The row stays, with its id, label and scope. It is one conditional UPDATE: of any number of
    callers that present the same key one wins, and at every moment exactly one of the two keys is
    valid.
    """
    new_key, now = wire.new(), timezone.now()
    presented = HashedToken.objects.filter(digest=wire.digest(key))
    return new_key if presented.update(created=now, last_used=now, **_columns_of(new_key)) else None


def revoke(key: str) -> bool:
    """Delete the token, and return True if there was one."""
    deleted, _ = HashedToken.objects.filter(digest=wire.digest(key)).delete()
    return bool(deleted)


def note_use(token: HashedToken) -> None:
    """Write the time of use, unless one was written within the last minute.

    It is written after the commit of the current transaction, if there is one: a request that
    locked its token first and its user later could deadlock. A time in the future, from a clock
    that was ahead, is replaced.
    """
    now = timezone.now()
    if not now - USE_IS_WRITTEN_EVERY < token.last_used < now + USE_IS_WRITTEN_EVERY:
        transaction.on_commit(partial(_write_use, token, now), using=token._state.db)


def _write_use(token: HashedToken, now: datetime) -> None:
    """Write the time of use, unless another request has written one since the token was read.

    A database that answers but cannot be written (full, locked, read-only) does not fail the
    request.
    """
    try:
        with transaction.atomic():
            HashedToken.objects.filter(pk=token.pk, last_used=token.last_used).update(last_used=now)
    except (OperationalError, InternalError) as error:  # the latter: PostgreSQL's read-only transaction
        logger.warning("use of token id=%s not noted: %s", token.pk, error)


def event_fields(token: HashedToken) -> dict[str, object]:
    """Return the fields by which an event names the token: its user and its id."""
    return token.event_fields


def log_event(event: str, token: HashedToken, **fields: Any) -> None:
    """Log an event of this token on commit; `fields` are those of `events.log_event`."""
    fields |= event_fields(token)
    scheme = enabled_scheme("service", sys.modules[__name__]) or "token-hashed"
    events.log_event_on_commit(event, using=token._state.db, scheme=scheme, **fields)


def from_drf_token(token: Token) -> HashedToken:
    """Return a row, not yet saved, that keeps a key of DRF's table valid."""
    return HashedToken(
        user_id=token.user_id,
        label="moved from authtoken",
        created=token.created,
        last_used=timezone.now(),
        **_columns_of(token.key),
    )


def _columns_of(key: str) -> dict[str, Any]:
    """Return the columns that are computed from the key."""
    return {"digest": wire.digest(key), "last_four": key[-4:]}
