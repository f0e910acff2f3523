"""Opaque tokens: the table of hashed tokens, and the TokenService of DRF's own table."""

import sys
from datetime import datetime, timedelta
from functools import cache, reduce
from operator import or_
from typing import Any

from django.conf import settings
from django.db import models, router, transaction
from django.db.models import Q
from django.utils import timezone
from rest_framework.authtoken.models import Token, TokenProxy

from auth_core import accounts, events, prepared, scopes
from auth_core.conf import conf
from auth_core.schemes import enabled_scheme
from auth_core.transactions import after_commit
from tokens.cache import token_cache

PREFIX_LENGTH = 8  # of 40 hexadecimal digits: enough to tell tokens apart, 128 secret bits left


class OpaqueToken(TokenProxy):
    """DRF's token as the admin may show it, by its prefix; DRF's own `__str__` is the valid key."""

    class Meta:
        proxy = True
        verbose_name = "token"

    @property
    def prefix(self) -> str:
        return f"{self.key[:PREFIX_LENGTH]}…"

    def __str__(self) -> str:
        return self.prefix


class HashedTokenQuerySet(models.QuerySet["HashedToken"]):
    """Queries for hashed tokens by their expiry."""

    def expired(self, ago: timedelta = timedelta(0)) -> "HashedTokenQuerySet":
        """Return the tokens that expired at least so long ago."""
        return self.filter(_has_expired_by(timezone.now() - ago))

    def living(self) -> "HashedTokenQuerySet":
        """Return the tokens that have not expired."""
        return self.exclude(_has_expired_by(timezone.now()))


class HashedToken(models.Model):
    """A token stored as a digest only; a user may have several. Its service is tokens.hashed."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="hashed_tokens")
    digest = models.BinaryField(max_length=32, unique=True, help_text="SHA-256 of the token.")
    last_four = models.CharField(
        "ends in", max_length=4, help_text="Its last four characters, from the checksum, to tell tokens apart."
    )
    label = models.CharField(max_length=64, blank=True, help_text="What the token is for, in the user's words.")
    created = models.DateTimeField(help_text="When the token was issued or last rotated.")
    last_used = models.DateTimeField(help_text="To the minute; the issue counts as a use.")
    scope = models.CharField(
        max_length=32,
        choices=[(scope, scope) for scope in scopes.CHOICES],
        default=scopes.FULL,
        db_default=scopes.FULL,  # for processes of an older version, which do not name the column
        help_text="What the token may be used for.",
    )

    objects = HashedTokenQuerySet.as_manager()

    # No column: the key that was presented or has just been issued, on an instance that
    # tokens.hashed returned.
    key: str | None = None

    def __str__(self) -> str:
        return f"…{self.last_four}"

    @property
    def expires(self) -> datetime | None:
        """Return when the token expires if nobody uses it until then, or None for never."""
        return min((getattr(self, start) + lifetime for start, lifetime in _lifetimes()), default=None)

    @property
    def event_fields(self) -> dict[str, object]:
        """Return the fields by which an event names the token: its user and its id."""
        return {"user": self.user_id, "token": self.pk}


def _lifetimes() -> list[tuple[str, timedelta]]:
    """Return the columns from which a hashed token's lifetimes count, each with its lifetime."""
    lifetimes = {"created": conf.TOKEN_LIFETIME, "last_used": conf.TOKEN_IDLE_LIFETIME}
    return [(start, lifetime) for start, lifetime in lifetimes.items() if lifetime]


def _has_expired_by(moment: datetime) -> Q:
    expired = [Q(**{f"{start}__lte": moment - lifetime}) for start, lifetime in _lifetimes()]
    return reduce(or_, expired, Q(pk__in=()))


_BY_KEY = prepared.Query(lambda: Token.objects.select_related("user").filter(key=prepared.Parameter(Token._meta.pk)))


@cache
def _by_user(alias: str) -> prepared.Query[Token]:
    tokens = Token.objects.using(alias).select_related("user")
    return prepared.Query(lambda: tokens.filter(user=prepared.Parameter(Token._meta.get_field("user"))))


def find(key: str) -> Token | None:
    """Return the token with this key, with its user, in one query."""
    return _BY_KEY.first(key)


def ask_ahead(key: str) -> Any:
    """Send the query of find() ahead (auth_core/ahead.py)."""
    return _BY_KEY.ask_ahead(key)


def expires_at(created: datetime) -> datetime | None:
    """Return when a token that was created then expires, or None for never."""
    lifetime = conf.TOKEN_LIFETIME
    return created + lifetime if lifetime else None


def is_expired(token: Token) -> bool:
    """Return True if the token has expired."""
    end = expires_at(token.created)
    return end is not None and end <= timezone.now()


def obtain(user: Any) -> Token | None:
    """Return the user's token, created if there is none and rotated if it has expired.

    Return None if the account changed since `user` was read: its password, its being active, its
    existence.

    A token that exists is read in one statement together with the account, and no lock is needed: a
    change that commits later deletes the token, as it deletes every token of the user that it
    finds. Only a new key needs the lock, since such a change might not find it.
    """
    # Not from a replica, which may still have a key that was replaced.
    token = _by_user(router.db_for_write(Token)).first(user.pk)
    if token is None:
        token = Token(key=Token.generate_key(), user=user)
        if accounts.insert_if_unchanged(token, user):
            return token
    elif accounts.is_unchanged(user, token.user) and not is_expired(token):
        return token
    with transaction.atomic():
        if not accounts.lock_if_unchanged(user):
            return None
        token, _ = Token.objects.get_or_create(user=user)
        if is_expired(token):
            # The lock keeps other logins away, not a rotation. Whichever wins, the row then holds a
            # valid key.
            rotate(token.key)
            token = Token.objects.get(user=user)
        return token


def rotate(key: str) -> str | None:
    """Replace the key and return the new one, or None if no token has this key any more.

    It is one conditional UPDATE: of any number of callers that present the same key one wins, and
    at every moment the user has exactly one token. (`token.key = new; token.save()` would insert a
    second row, since the key is the primary key.)
    """
    new_key = Token.generate_key()
    updated = Token.objects.filter(key=key).update(key=new_key, created=timezone.now())
    if not updated:
        return None
    after_commit(token_cache.drop, key, using=None)  # an UPDATE sends no signal
    return new_key


def revoke(key: str) -> bool:
    """Delete the token, and return True if there was one."""
    deleted, _ = Token.objects.filter(key=key).delete()
    return bool(deleted)


def event_fields(token: Token) -> dict[str, object]:
    """Return the fields by which an event names the token: its user, since its id is the secret."""
    return {"user": token.user_id}


def log_event(event: str, token: Token, **fields: Any) -> None:
    """Log an event of this token on commit; `fields` are those of `events.log_event`."""
    scheme = enabled_scheme("service", sys.modules[__name__]) or "token"
    events.log_event_on_commit(event, using=token._state.db, scheme=scheme, **event_fields(token), **fields)
