"""Refresh families: one row for each login, and the operations on it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypedDict
from uuid import UUID, uuid4

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import models, router, transaction
from django.utils import timezone
from rest_framework_simplejwt.exceptions import TokenError

from auth_core import accounts, events, prepared, revocation
from auth_core.conf import conf
from auth_core.schemes import enabled_scheme
from jwt_auth.claims import claims_of
from jwt_auth.pushed import logins
from jwt_auth.tokens import SESSION_CLAIM, AccessToken, RefreshToken

REUSE = "reuse"
LOGOUT = "logout"

# Rows are kept for longer than any token is valid, in case a lifetime was shortened in between.
MARGIN = timedelta(days=1)


class LoginQuerySet(models.QuerySet["RefreshFamily"]):
    """Logins, whose deletion is announced. Django deletes those of a deleted user without this."""

    def delete(self) -> tuple[int, dict[str, int]]:
        using = self.select_for_update().db  # that of writes
        with transaction.atomic(using=using):
            logins.end(note_deletion(self.using(using)), using)
            return super().delete()

    delete.alters_data = True  # type: ignore[attr-defined]
    delete.queryset_only = True  # type: ignore[attr-defined]


class RefreshFamily(models.Model):
    """One login and its refresh tokens, of which one is current. The row holds no token.

    The table grows with logins, not with refreshes.
    """

    class Reason(models.TextChoices):
        """Why a login ended."""

        LOGOUT = LOGOUT, "logout"
        LOGOUT_EVERYWHERE = revocation.LOGOUT_EVERYWHERE, "logout everywhere"
        REUSE = REUSE, "a spent refresh token was used again"
        PASSWORD_CHANGE = revocation.PASSWORD_CHANGE, "password change"
        DEACTIVATION = revocation.DEACTIVATION, "user deactivated"
        ADMIN = revocation.ADMIN, "ended in the admin"

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="refresh_families")
    label = models.CharField(
        max_length=64, blank=True, default="", db_default="", help_text="What the login is for, in the user's words."
    )
    current_jti = models.CharField(max_length=32, help_text="The id of the refresh token that is valid.")
    previous_jti = models.CharField(max_length=32, blank=True, help_text="The id of its immediate parent.")
    created_at = models.DateTimeField(help_text="When the user logged in.")
    rotated_at = models.DateTimeField(help_text="When the current refresh token was issued.")
    refresh_expires_at = models.DateTimeField(db_index=True, help_text="When the current refresh token expires.")
    expires_at = models.DateTimeField(help_text="When the login expires; nothing extends it.")
    revoked_at = models.DateTimeField(null=True, blank=True)
    reason = models.CharField(max_length=20, blank=True, choices=Reason)

    objects = LoginQuerySet.as_manager()

    class Meta:
        verbose_name = "login"
        indexes = [
            # To find what has ended lately (channels/). A login that has not ended has no entry.
            models.Index("revoked_at", name="jwt_auth_login_ended", condition=models.Q(revoked_at__isnull=False)),
        ]

    def __str__(self) -> str:
        return str(self.id)

    def delete(self, using: str | None = None, keep_parents: bool = False) -> tuple[int, dict[str, int]]:
        using = using or router.db_for_write(RefreshFamily, instance=self)
        with transaction.atomic(using=using):
            logins.end(note_deletion(RefreshFamily.objects.using(using).filter(pk=self.pk)), using)
            return super().delete(using, keep_parents)


class DeletedLogin(models.Model):
    """A login whose row was deleted while it lived, so that processes find its end (channels/)."""

    id = models.UUIDField(primary_key=True, editable=False, help_text="The id of the login.")
    deleted_at = models.DateTimeField(db_index=True)

    class Meta:
        verbose_name = "deleted login"

    def __str__(self) -> str:
        return str(self.id)


class StockToken(models.Model):
    """A refresh token of SimpleJWT that was spent: a login replaced it, or a logout ended it.

    The row outlives the login, so that no deletion makes the token valid again. It refers to the
    login by no foreign key: the command that deletes expired logins would have to look here first.
    """

    id = models.CharField(max_length=32, primary_key=True, help_text="A digest of its claim jti.")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    family_id = models.UUIDField(null=True, help_text="The login that it became; none after a logout.")
    spent_at = models.DateTimeField()
    expires_at = models.DateTimeField(db_index=True, help_text="When the token expires.")

    class Meta:
        verbose_name = "spent token of SimpleJWT"
        verbose_name_plural = "spent tokens of SimpleJWT"

    def __str__(self) -> str:
        return self.id


class StockCutoff(models.Model):
    """The moment up to which the tokens that SimpleJWT issued to a user are refused."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, related_name="stock_cutoff")
    ended_at = models.DateTimeField()

    class Meta:
        verbose_name = "end of a user's tokens of SimpleJWT"
        verbose_name_plural = "ends of users' tokens of SimpleJWT"

    def __str__(self) -> str:
        return str(self.user_id)


_FAMILY = prepared.Query(
    lambda: RefreshFamily.objects.select_related("user").filter(pk=prepared.Parameter(RefreshFamily._meta.pk))
)


_USER_OF_LIVING = prepared.Query(
    lambda: get_user_model()._base_manager.filter(
        refresh_families=prepared.Parameter(RefreshFamily._meta.pk), refresh_families__revoked_at=None
    )
)


@dataclass(frozen=True, slots=True)
class Pair:
    """A refresh token and an access token of one login."""

    refresh: RefreshToken
    access: AccessToken


def log_in(user: Any, label: str = "") -> Pair | None:
    """Start a family with this label and return its first pair.

    Return None if the account changed since `user` was read (see accounts.lock_if_unchanged).
    """
    family = new_family(user, label)
    pair = mint(family, family.created_at)  # first, since JWT_CLAIMS may raise
    if accounts.insert_if_unchanged(family, user):
        return pair
    with transaction.atomic():
        if not accounts.lock_if_unchanged(user):
            return None
        family.save(force_insert=True)
    return pair


def new_family(user: Any, label: str = "", parent_jti: str = "") -> RefreshFamily:
    """Return a family that begins now, not yet saved; its first token may have a parent."""
    now = timezone.now()
    expires_at = now + conf.JWT_SESSION_LIFETIME
    return RefreshFamily(
        user=user,
        label=label,
        current_jti=uuid4().hex,
        previous_jti=parent_jti,
        created_at=now,
        rotated_at=now,
        refresh_expires_at=min(now + conf.JWT_REFRESH_LIFETIME, expires_at),
        expires_at=expires_at,
    )


def user_id_of(user: Any) -> str:
    """Return what a token says of its user: the value of USER_ID_FIELD, by default the key."""
    return str(getattr(user, conf.user_id_field))


def find_family(sid: UUID) -> RefreshFamily | None:
    """Return the login with its user, in one query, or None."""
    return _FAMILY.first(sid)


def family_of(token: AccessToken | RefreshToken) -> RefreshFamily:
    """Return the family of a verified token, ended or not, with its user, in one query.

    Raises TokenError if there is none: the login was flushed, or deleted with its user.
    """
    family = find_family(token.sid)
    if family is None:
        raise events.with_reason(TokenError("Token belongs to no login"), "unknown", family=token.sid)
    if user_id_of(family.user) != token.user_id:
        raise TokenError("Token belongs to another user")
    return family


def valid_family(token: AccessToken | RefreshToken) -> RefreshFamily:
    """Return family_of(token); raise TokenError if the login has ended or its user is disabled."""
    family = family_of(token)
    refuse_if_ended(family)
    return family


def refuse_if_ended(family: RefreshFamily) -> None:
    """Raise TokenError if the login has ended or its user is disabled."""
    if family.revoked_at is not None:
        raise _refused("The login has been ended", "ended", family)
    if not family.user.is_active:
        raise _refused("User is inactive", "inactive", family)


def user_of(token: AccessToken) -> Any:
    """Return the user of a verified token, or raise TokenError as valid_family does, in one query.

    The query reads no column of the login; its condition is that the login has not ended.
    """
    user = _USER_OF_LIVING.first(token.sid)
    if user is None or not user.is_active or user_id_of(user) != token.user_id:
        return valid_family(token).user  # which says what is wrong
    return user


def ask_ahead(claims: dict[str, Any]) -> Any:
    """Send the query of user_of() ahead (auth_core/ahead.py), for a verified token's claims."""
    return _USER_OF_LIVING.ask_ahead(UUID(claims[SESSION_CLAIM]))


def refresh(token: RefreshToken, request: Any = None) -> Pair:
    """Exchange a verified refresh token for the next pair: one compare-and-swap on the family.

    If several callers present one token, one of them swaps. The others, and any caller within
    JWT_REUSE_GRACE with the immediate parent of the current token, get the same child again, minted
    from the row: a lost answer or two tabs neither fork the chain nor end the login. Any other
    reuse ends the family, since either the client or a thief holds a spent token (RFC 9700 4.14.2).
    Raises TokenError then, and for a login that has ended. The family's end is committed all the
    same, so this must not run in a transaction that the error rolls back. An event says which of
    these it was, with the address of the client of `request`.

    Raises TokenError for the parent, and ends nothing, if the clock is before the rotation by more
    than JWT_LEEWAY. Either it was set back or another machine's was ahead, and the age of the
    rotation is unknown. Such a clock refuses the child too (its `iat` is in the future), and a
    later request decides about both.
    """
    family = valid_family(token)
    now = timezone.now()  # after reading, here and below: then it is not before a rotation of this machine
    if token.jti == family.current_jti:
        following = {
            "current_jti": uuid4().hex,
            "previous_jti": token.jti,
            "rotated_at": now,
            "refresh_expires_at": min(now + conf.JWT_REFRESH_LIFETIME, family.expires_at),
        }
        for name, value in following.items():
            setattr(family, name, value)
        pair = mint(family, now)  # first, since JWT_CLAIMS may raise
        if RefreshFamily.objects.filter(pk=family.pk, current_jti=token.jti, revoked_at=None).update(**following):
            log_event(events.REFRESH_ROTATED, family, request=request)
            return pair
        family = valid_family(token)  # another caller was faster, or the login has just ended
    return refresh_spent(token.jti, family, request)


def refresh_spent(jti: str, family: RefreshFamily, request: Any = None) -> Pair:
    """Return the same child again for the id of a spent token, or end the family: see `refresh`."""
    now = timezone.now()
    if _is_recent_parent(jti, family, now):
        pair = mint(family, now)
        log_event(events.REFRESH_REPEATED, family, request=request)
        return pair
    _refuse_if_clock_is_behind(jti, family, now)
    if end(REUSE, pk=family.pk):
        log_event(events.REFRESH_REUSED, family, request=request)
    raise _refused("The refresh token has been used before, the login has been ended", "reused", family)


def check(token: AccessToken | RefreshToken) -> None:
    """Raise TokenError unless the verified token would be accepted now. Changes nothing."""
    family = valid_family(token)
    if isinstance(token, RefreshToken) and token.jti != family.current_jti:
        check_spent(token.jti, family)


def check_spent(jti: str, family: RefreshFamily) -> None:
    """Raise TokenError unless `refresh_spent` would return a pair. Changes nothing."""
    now = timezone.now()
    if not _is_recent_parent(jti, family, now):
        _refuse_if_clock_is_behind(jti, family, now)
        raise _refused("The refresh token has been used before", "reused", family)


def log_out(token: AccessToken | RefreshToken, everywhere: bool, request: Any = None) -> None:
    """End the login of a verified token, or all credentials of its user; twice is no error.

    Raises TokenError if there is no such login.
    """
    family = family_of(token)
    # The token of a login that had ended before revokes nothing more.
    if everywhere and family.revoked_at is None:
        # This login ends with the others. If it ended first and the process died, a retry would
        # not end them.
        revocation.revoke_all_credentials(family.user_id, revocation.LOGOUT_EVERYWHERE, request=request)
    elif end(LOGOUT, pk=family.pk):
        log_event(events.LOGIN_ENDED, family, reason=LOGOUT, request=request)


def living() -> models.QuerySet[RefreshFamily]:
    """Return the logins that have not ended and whose refresh token is still accepted."""
    return RefreshFamily.objects.filter(revoked_at=None, refresh_expires_at__gt=timezone.now() - conf.JWT_LEEWAY)


def end(reason: str, using: str | None = None, **families: Any) -> int:
    """End the families that match this filter, and return how many had not ended before."""
    using, now = using or router.db_for_write(RefreshFamily), timezone.now()
    matching = RefreshFamily.objects.using(using).filter(**families)
    number = matching.filter(revoked_at=None).update(revoked_at=now, reason=reason)
    if number:
        ended = matching.filter(revoked_at=now).values_list("pk", flat=True)
        logins.end([families["pk"]] if "pk" in families else ended, using)
    return number


def note_deletion(families: models.QuerySet[RefreshFamily]) -> list[UUID]:
    """Write down the ids of those of these logins that have not expired, and return them.

    A reader of what ended lately (channels/) finds no row of a login that was deleted.
    """
    now = timezone.now()
    living = families.filter(refresh_expires_at__gt=now - MARGIN)
    # A join may find a login twice. In one order, so that two deletions cannot deadlock.
    sids = sorted(set(living.values_list("pk", flat=True)))
    deleted = [DeletedLogin(id=sid, deleted_at=now) for sid in sids]
    # A login that is deleted again was brought back by a fixture.
    notes = DeletedLogin.objects.using(families.db)
    notes.bulk_create(deleted, update_conflicts=True, unique_fields=["id"], update_fields=["deleted_at"])
    return sids


def log_event(event: str, family: RefreshFamily, **fields: Any) -> None:
    """Log an event of this login on commit; `fields` are those of `events.log_event`."""
    scheme = enabled_scheme("kind", "jwt") or "jwt"
    events.log_event_on_commit(event, scheme=scheme, user=family.user_id, family=family.pk, **fields)


def _refused(message: str, reason: str, family: RefreshFamily) -> TokenError:
    return events.with_reason(TokenError(message), reason, user=family.user_id, family=family.pk)


def _is_recent_parent(jti: str, family: RefreshFamily, now: datetime) -> bool:
    grace = conf.JWT_REUSE_GRACE
    # Grace 0 is a case of its own: a machine whose clock is behind, within the leeway, would grant
    # it.
    is_parent = jti == family.previous_jti and bool(grace)
    return is_parent and -conf.JWT_LEEWAY <= now - family.rotated_at < grace


def _refuse_if_clock_is_behind(jti: str, family: RefreshFamily, now: datetime) -> None:
    """Raise TokenError if `now` is before the rotation: the parent's age is unknown then."""
    is_parent = jti == family.previous_jti and bool(conf.JWT_REUSE_GRACE)
    if is_parent and now < family.rotated_at - conf.JWT_LEEWAY:
        raise _refused("The refresh token was used at a time that this server's clock has not reached", "clock", family)


class _Claims(TypedDict):
    sid: UUID
    user_id: object


def mint(family: RefreshFamily, now: datetime) -> Pair:
    """Return the family's current refresh token, the same each time, and a new access token.

    Raises jwt_auth.claims.ClaimsError for claims of JWT_CLAIMS that the access token cannot hold.
    """
    claims: _Claims = {"sid": family.pk, "user_id": user_id_of(family.user)}
    refresh_token = RefreshToken.mint(
        **claims, jti=family.current_jti, issued=family.rotated_at, expires=family.refresh_expires_at
    )
    access_token = AccessToken.mint(
        **claims,
        jti=uuid4().hex,
        issued=now,
        # Not after the refresh token's: an expired family may be flushed, but not one with a valid
        # token.
        expires=min(now + conf.JWT_ACCESS_LIFETIME, family.refresh_expires_at),
    )
    access_token.add(claims_of(family.user))
    return Pair(refresh_token, access_token)
