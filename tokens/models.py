"""Opaque tokens: DRF's own table, and the steps of a token's life on it; the table of hashed tokens."""

from datetime import datetime, timedelta
from functools import partial, reduce
from operator import or_

from django.conf import settings
from django.db import models, transaction
from django.db.models import Q
from django.utils import timezone
from rest_framework.authtoken.models import Token, TokenProxy

from auth_core import events, prepared, revocation
from auth_core.schemes import enabled_of
from tokens.cache import token_cache

PREFIX_LENGTH = 8  # of 40 hexadecimal digits: enough to tell tokens apart, 128 secret bits left


class OpaqueToken(TokenProxy):
    """DRF's token as the admin may show it: by its prefix. DRF's own `__str__` is the live key."""

    class Meta:
        proxy = True
        verbose_name = "token"

    @property
    def prefix(self) -> str:
        return f"{self.key[:PREFIX_LENGTH]}…"

    def __str__(self):
        return self.prefix


class HashedTokenQuerySet(models.QuerySet):
    def expired(self, ago: timedelta = timedelta(0)):
        """Return the tokens that ended at least so long ago."""
        return self.filter(_has_ended_by(timezone.now() - ago))

    def living(self):
        """Return the tokens that have not ended."""
        return self.exclude(_has_ended_by(timezone.now()))


class HashedToken(models.Model):
    """A token of which only the digest is kept; any number for each user. Its life: tokens.hashed."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="hashed_tokens")
    digest = models.BinaryField(max_length=32, unique=True, help_text="SHA-256 of the token.")
    last_four = models.CharField(
        "ends in", max_length=4, help_text="Its last four characters, of the checksum: to tell tokens apart."
    )
    label = models.CharField(max_length=64, blank=True, help_text="What the token is for, in the user's words.")
    created = models.DateTimeField(help_text="When the token was issued; a rotation issues it anew.")
    last_used = models.DateTimeField(help_text="To the minute. To be issued is the first use.")

    objects = HashedTokenQuerySet.as_manager()

    # No column. What was presented or has just been issued, on an instance that tokens.hashed returned.
    key: str | None = None

    def __str__(self):
        return f"…{self.last_four}"

    @property
    def expires(self) -> datetime | None:
        """When it ends if nobody uses it until then."""
        return min((getattr(self, start) + lifetime for start, lifetime in _lifetimes()), default=None)


def _lifetimes() -> list[tuple[str, timedelta]]:
    """Which of a hashed token's moments it outlives by how much."""
    lifetimes = {"created": settings.TOKEN_LIFETIME, "last_used": settings.TOKEN_IDLE_LIFETIME}
    return [(start, lifetime) for start, lifetime in lifetimes.items() if lifetime]


def _has_ended_by(moment: datetime) -> Q:
    ended = [Q(**{f"{start}__lte": moment - lifetime}) for start, lifetime in _lifetimes()]
    return reduce(or_, ended, Q(pk__in=()))


_BY_KEY = prepared.Query(lambda: Token.objects.select_related("user").filter(key=prepared.Parameter(Token._meta.pk)))


def find(key: str) -> Token | None:
    """The token with this key, its user with it, in one query."""
    return _BY_KEY.first(key)


def expires_at(created: datetime) -> datetime | None:
    lifetime = settings.TOKEN_LIFETIME
    return created + lifetime if lifetime else None


def is_expired(token: Token) -> bool:
    end = expires_at(token.created)
    return end is not None and end <= timezone.now()


def obtain(user) -> Token | None:
    """The user's token, made when there is none and replaced when it has expired.

    None when the account changed since `user` was read: its password, its being active, its existence.
    """
    with transaction.atomic():
        if not revocation.lock_if_unchanged(user):
            return None
        token, _ = Token.objects.get_or_create(user=user)
        if is_expired(token):
            # The lock keeps other logins away, not a rotation: whoever wins, the row holds a live key after.
            rotate(token.key)
            token = Token.objects.get(user=user)
        return token


def rotate(key: str) -> str | None:
    """Replace `key` by a new one, which is returned; None when `key` is no token (any more).

    One conditional UPDATE: of any number of callers that present the same key one wins, and there is no
    moment at which the user has no token or two. (`token.key = new; token.save()` cannot do it: the key is
    the primary key, so that would insert a second row.)
    """
    new_key = Token.generate_key()
    updated = Token.objects.filter(key=key).update(key=new_key, created=timezone.now())
    if not updated:
        return None
    transaction.on_commit(partial(token_cache.drop, key), robust=True)  # an UPDATE sends no signal
    return new_key


def revoke(key: str) -> bool:
    """Delete the token; whether there was one."""
    deleted, _ = Token.objects.filter(key=key).delete()
    return bool(deleted)


def named(token: Token) -> dict:
    """What an event calls the token: its id is the secret, and it is the only one of its user."""
    return {"user": token.user_id}


def log_event(event: str, token: Token, **fields):
    """An event of this token's life, on commit; `fields` of `events.log_event`."""
    scheme = enabled_of("token", "token-cached")
    events.log_event_on_commit(event, using=token._state.db, scheme=scheme, **named(token), **fields)
