"""The steps of a hashed token's life, by the names that `tokens.models` has them under for DRF's tokens.

A `key` is the credential as the client sends it. It is known here while it is presented, and when it is made.
"""

import logging
from datetime import datetime, timedelta
from functools import partial

from django.conf import settings
from django.db import InternalError, OperationalError, transaction
from django.utils import timezone

from auth_core import events, prepared, revocation
from tokens import wire
from tokens.models import HashedToken

logger = logging.getLogger(__name__)

USE_IS_NOTED_EVERY = timedelta(minutes=1)

_BY_DIGEST = prepared.Query(
    lambda: HashedToken.objects.select_related("user").filter(
        digest=prepared.Parameter(HashedToken._meta.get_field("digest"))
    )
)


class TokenLimitError(Exception):
    """The user has as many living tokens as TOKENS_PER_USER allows."""


def find(key: str) -> HashedToken | None:
    """The token with this key, its user with it, in one query."""
    token = _BY_DIGEST.first(wire.digest(key))
    if token is not None:
        token.key = key
    return token


def is_expired(token: HashedToken) -> bool:
    end = token.expires
    return end is not None and end <= timezone.now()


def obtain(user, label: str = "") -> HashedToken | None:
    """Return a new token of the user with its key, which is shown this once.

    Delete those of the user's that expired over accounts.CLOCK_MARGIN ago. Return None if the account changed since
    `user` was read: its password, its being active, its existence. Raise TokenLimitError for one token too many; the
    lock on the user's row lets one caller at a time count.
    """
    with transaction.atomic():
        if not revocation.lock_if_unchanged(user):
            return None
        own = HashedToken.objects.filter(user=user)
        # Not what has just expired: if the clock is ahead, it lives again once the clock is set right.
        own.expired(ago=revocation.CLOCK_MARGIN).delete()
        limit = settings.TOKENS_PER_USER
        if limit and own.living().count() >= limit:
            raise TokenLimitError(
                f"This user has {limit} living tokens, as many as TOKENS_PER_USER allows. Revoke one first."
            )
        key, now = wire.new(), timezone.now()
        token = HashedToken(user=user, label=label, created=now, last_used=now, **_kept_of(key))
        token.save(force_insert=True)
    token.key = key
    return token


def rotate(key: str) -> str | None:
    """Replace `key` by a new one, which is returned; None when `key` is no token (any more).

    The row stays, with its id and label. One conditional UPDATE: of any number of callers that present the same key
    one wins, and there is no moment at which neither key works, or both.
    """
    new_key, now = wire.new(), timezone.now()
    presented = HashedToken.objects.filter(digest=wire.digest(key))
    return new_key if presented.update(created=now, last_used=now, **_kept_of(new_key)) else None


def revoke(key: str) -> bool:
    """Delete the token; whether there was one."""
    deleted, _ = HashedToken.objects.filter(digest=wire.digest(key)).delete()
    return bool(deleted)


def note_use(token: HashedToken):
    """Write that the token is in use, unless that was written within the last minute.

    It is written once the present transaction, if there is one, is committed: a request that locked its token first
    and its user later could deadlock. A note in the future, of a clock that was ahead, is written over.
    """
    now = timezone.now()
    if not now - USE_IS_NOTED_EVERY < token.last_used < now + USE_IS_NOTED_EVERY:
        transaction.on_commit(partial(_write_use, token, now), using=token._state.db)


def _write_use(token: HashedToken, now: datetime):
    """Write the use, unless another request has written one since the token was read.

    A database that answers and cannot be written (full, locked, read-only) costs the note and not the request.
    """
    try:
        with transaction.atomic():
            HashedToken.objects.filter(pk=token.pk, last_used=token.last_used).update(last_used=now)
    except (OperationalError, InternalError) as error:  # the latter: PostgreSQL's read-only transaction
        logger.warning("use of token id=%s not noted: %s", token.pk, error)


def named(token: HashedToken) -> dict:
    """What an event calls the token."""
    return {"user": token.user_id, "token": token.pk}


def log_event(event: str, token: HashedToken, **fields):
    """An event of this token's life, on commit; `fields` of `events.log_event`."""
    events.log_event_on_commit(event, using=token._state.db, scheme="token-hashed", **named(token), **fields)


def from_drf_token(token) -> HashedToken:
    """The row, not yet saved, by which a token of DRF's table goes on working."""
    return HashedToken(
        user_id=token.user_id,
        label="moved from authtoken",
        created=token.created,
        last_used=timezone.now(),
        **_kept_of(token.key),
    )


def _kept_of(key: str) -> dict:
    """The columns that come of a key."""
    return {"digest": wire.digest(key), "last_four": key[-4:]}
