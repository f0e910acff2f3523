"""SimpleJWT's own tokens, accepted until JWT_ACCEPT_STOCK_UNTIL so that a migration ends no login.

SimpleJWT's backend verifies them with the keys of SIMPLE_JWT; then each claim's shape is checked as
that of our own tokens. They name no login. So a refresh token is exchanged once for a login of
ours, and what ends all credentials of a user writes the moment up to which they are refused.
"""

import hashlib
import sys
from datetime import UTC, datetime, time, timedelta
from functools import cache
from importlib import import_module
from typing import Any, Self

import jwt
from django.apps import apps
from django.contrib.auth import get_user_model
from django.core.signals import setting_changed
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.module_loading import import_string
from rest_framework.exceptions import ValidationError
from rest_framework_simplejwt import tokens as simplejwt
from rest_framework_simplejwt.exceptions import TokenError
from rest_framework_simplejwt.utils import datetime_from_epoch, get_md5_hash_password

from auth_core import events, revocation
from auth_core.conf import conf, simple_jwt
from auth_core.schemes import enabled_scheme
from jwt_auth import models, tokens
from jwt_auth.keys import MAX_TOKEN_LENGTH, key_ring
from jwt_auth.memo import Memo

_BLACKLIST = "rest_framework_simplejwt.token_blacklist"
LABEL = "moved from SimpleJWT"
_LONGEST_JTI = 255  # SimpleJWT's own column


def accepted_until() -> datetime | None:
    """Return the moment of JWT_ACCEPT_STOCK_UNTIL; a date counts to the end of its day in UTC."""
    until = conf.JWT_ACCEPT_STOCK_UNTIL
    if until is None or isinstance(until, datetime):
        return until
    return datetime.combine(until, time.max, UTC)


class _StockToken(simplejwt.Token):
    """A token that SimpleJWT issued. Raises TokenError for text that is none of this type."""

    lifetime = timedelta(0)  # SimpleJWT requires one; no such token is made here
    is_stock = True
    sid = None

    @classmethod
    def instead(cls, text: str, error: TokenError) -> Self:
        """Return SimpleJWT's token in `text`, after our own class raised `error` for it.

        Raises `error` where no such token is accepted, and for a token that names a key of ours: it
        belongs to a login, which says whether it counts.
        """
        until = accepted_until()
        if until is None or len(text) > MAX_TOKEN_LENGTH or _names_a_key(text):
            raise error
        token = cls._verified(text)
        if datetime.now(UTC) >= until:
            raise events.with_reason(TokenError("Tokens of SimpleJWT are no longer accepted"), "stock")
        return token

    @classmethod
    def _verified(cls, text: str) -> Self:
        try:
            return cls(text)  # type: ignore[arg-type]
        except jwt.PyJWTError as error:  # of the keys that JWK_URL names
            raise TokenError("Token is invalid") from error

    def verify(self) -> None:
        """Check the shape of each claim, then what SimpleJWT checks."""
        tokens.check_times(self.payload)
        jti = self.payload.get("jti")
        if not isinstance(jti, str) or not 1 <= len(jti) <= _LONGEST_JTI or not jti.isprintable():
            raise TokenError("Token has no usable 'jti' claim")
        if not tokens.is_user_id(self.user_id):
            raise TokenError(f"Token has no usable '{conf.user_id_claim}' claim")
        # Only our own tokens name a login. One that lost its `kid` must not outlive its login here.
        if tokens.SESSION_CLAIM in self.payload:
            raise TokenError("Token belongs to a login")
        super().verify()

    @property
    def jti(self) -> str:
        """Return what our tables call the token: a digest, as long as the id of our own tokens."""
        return hashlib.sha256(self.payload["jti"].encode()).hexdigest()[:32]

    @property
    def user_id(self) -> Any:
        value = self.payload.get(conf.user_id_claim)
        return str(value) if type(value) is int and value > 0 else value  # a number before SimpleJWT 5.5

    @property
    def scope(self) -> Any:
        """Return the claim `scope`, which limits this token as it limits our own."""
        return self.payload.get("scope")


class AccessToken(_StockToken):
    """An access token that SimpleJWT issued."""

    token_type = "access"
    is_new = False  # whether this process had not seen it yet

    @classmethod
    def _verified(cls, text: str) -> Self:
        claims = _memo().get(cls, text)
        if claims is None:
            token = super()._verified(text)
            _memo().put(cls, text, token.payload)
            token.is_new = True
        else:
            token = cls.__new__(cls)
            token.token, token.current_time, token.payload = text, datetime.now(UTC), claims  # type: ignore[assignment]
        return token


class RefreshToken(_StockToken):
    """A refresh token that SimpleJWT issued."""

    token_type = "refresh"


def access_token(text: str) -> tokens.AccessToken | AccessToken:
    """Return a verified access token, our own or SimpleJWT's. Raises TokenError."""
    try:
        return tokens.AccessToken(text)  # type: ignore[arg-type]
    except TokenError as error:
        return AccessToken.instead(text, error)


def refresh_token(text: str) -> tokens.RefreshToken | RefreshToken:
    """Return a verified refresh token, our own or SimpleJWT's. Raises TokenError."""
    try:
        return tokens.RefreshToken(text)  # type: ignore[arg-type]
    except TokenError as error:
        return RefreshToken.instead(text, error)


AnyToken = tokens.AccessToken | tokens.RefreshToken | AccessToken | RefreshToken


def operations(token: AnyToken) -> Any:
    """Return the module whose `refresh`, `check` and `log_out` take this token."""
    return sys.modules[__name__] if token.is_stock else models


# --- what a client does with a token --------------------------------------------------------------


def user_of(token: AccessToken | RefreshToken) -> Any:
    """Return the user of a verified token, or raise TokenError, in one query."""
    users = get_user_model()._base_manager.select_related("stock_cutoff")
    user = users.filter(**{conf.user_id_field: token.user_id}).first()
    _refuse_if_ended(token, user, getattr(user, "stock_cutoff", None))
    return user


def log_first_use(token: AccessToken, user: Any, scheme: str | None, request: Any) -> None:
    """Log that the token opened the API, once in each process."""
    if token.is_new:
        events.log_event(events.STOCK_ACCEPTED, scheme=scheme, user=user.pk, request=request)


def refresh(token: RefreshToken, request: Any = None) -> models.Pair:
    """Exchange a verified token for the first pair of a new login, once.

    Whoever presents it again gets the same child within JWT_REUSE_GRACE, and ends that login later:
    the token is the parent of the login's first refresh token, and `models.refresh` says what holds
    for a parent. Raises TokenError for a token that was blacklisted or spent by a logout, whose
    user is not active, or that was issued before all credentials of its user ended.
    """
    with transaction.atomic():
        user = _locked_user(token)
        _refuse_if_ended(token, user, _cutoff_of(user))
        spent = _spent(token)
        if spent is None:
            _refuse_if_blacklisted(token)
            family = models.new_family(user, LABEL, token.jti)
            family.save(force_insert=True)
            _spend(token, user, family)
            models.log_event(events.STOCK_EXCHANGED, family, request=request)
            return models.mint(family, family.created_at)
    return models.refresh_spent(token.jti, _living_family(spent, user), request)


def check(token: AccessToken | RefreshToken) -> None:
    """Raise TokenError unless the verified token would be accepted now. Changes nothing."""
    user = user_of(token)
    if isinstance(token, AccessToken):
        return
    spent = _spent(token)
    if spent is None:
        _refuse_if_blacklisted(token)
    else:
        models.check_spent(token.jti, _living_family(spent, user))


def log_out(token: AccessToken | RefreshToken, everywhere: bool, request: Any = None) -> None:
    """Spend a refresh token and end the login that it became, or end all credentials of its user.

    An access token names no login, so it can only end all of them. Raises ValidationError if it is
    to end one, and TokenError as `refresh` does, but not for what has ended before.
    """
    if isinstance(token, AccessToken):
        user = user_of(token)
        if not everywhere:
            raise ValidationError(
                {
                    "refresh": [
                        "The access token is SimpleJWT's own and names no login. Send the refresh token, or everywhere."
                    ]
                }
            )
        revocation.revoke_all_credentials(user.pk, revocation.LOGOUT_EVERYWHERE, request=request)
        return
    with transaction.atomic():
        user = _locked_user(token)
        if user is None:
            raise _unknown()
        spent = _spent(token)
        family = _family(spent, user)
        if spent is None:
            lives = not _is_ended(token, user, _cutoff_of(user)) and not _is_blacklisted(token)
            _spend(token, user, None)
        else:
            lives = family is not None and family.revoked_at is None
        if not lives:
            return
        if everywhere:
            revocation.revoke_all_credentials(user.pk, revocation.LOGOUT_EVERYWHERE, request=request)
        elif family is None or models.end(models.LOGOUT, pk=family.pk):
            fields = {"user": user.pk, "family": family.pk if family else None, "reason": models.LOGOUT}
            events.log_event_on_commit(
                events.LOGIN_ENDED, scheme=enabled_scheme("kind", "jwt"), request=request, **fields
            )


def end_all(user_id: Any, using: str | None = None) -> None:
    """Refuse from now on what SimpleJWT issued to this user, whose row is locked."""
    now = timezone.now()
    cutoffs = models.StockCutoff.objects.using(using)
    if not cutoffs.filter(user_id=user_id, ended_at__gt=now).exists():  # a clock may have been set back
        cutoffs.update_or_create(user_id=user_id, defaults={"ended_at": now})


# --- the tables -----------------------------------------------------------------------------------


def _locked_user(token: RefreshToken) -> Any:
    """Return the user of the token, whose row stays locked until the transaction ends, or None."""
    users = get_user_model()._base_manager.select_for_update(no_key=True)
    return users.filter(**{conf.user_id_field: token.user_id}).first()


def _cutoff_of(user: Any) -> models.StockCutoff | None:
    """Return the user's cutoff. Read after the lock, it cannot be written in between."""
    return models.StockCutoff.objects.filter(user=user).first() if user else None


def _refuse_if_ended(token: _StockToken, user: Any, cutoff: models.StockCutoff | None) -> None:
    if user is None:
        raise _unknown()
    if not user.is_active:
        raise events.with_reason(TokenError("User is inactive"), "inactive", user=user.pk)
    if _is_ended(token, user, cutoff):
        raise events.with_reason(TokenError("The credentials of this user have been ended"), "ended", user=user.pk)


def _is_ended(token: _StockToken, user: Any, cutoff: models.StockCutoff | None) -> bool:
    """Return True for a token that is not newer than the end of all credentials of its user.

    `iat` is cut to whole seconds, so that of the same second counts as older. A project that has
    CHECK_REVOKE_TOKEN on finds a hash of the password's hash in the token, which must be the
    present one.
    """
    leeway = token.get_token_backend().get_leeway().total_seconds()
    if cutoff is not None and token.payload["iat"] - leeway <= cutoff.ended_at.timestamp():
        return True
    if not conf.check_revoke_token:
        return False
    return bool(token.payload.get(conf.revoke_token_claim) != get_md5_hash_password(user.password))


def _unknown() -> TokenError:
    return events.with_reason(TokenError("Token belongs to no user"), "unknown")


def _spent(token: RefreshToken) -> models.StockToken | None:
    return models.StockToken.objects.filter(pk=token.jti).first()


def _family(spent: models.StockToken | None, user: Any) -> models.RefreshFamily | None:
    """Return the login of this user that the token became, or None."""
    family = models.find_family(spent.family_id) if spent and spent.family_id else None
    return family if family and family.user_id == user.pk else None


def _living_family(spent: models.StockToken, user: Any) -> models.RefreshFamily:
    """Return the login that the token became. Raises TokenError unless there is a living one."""
    family = _family(spent, user)
    if family is None:
        raise events.with_reason(TokenError("The refresh token has been used before"), "reused", user=user.pk)
    models.refuse_if_ended(family)
    return family


def _spend(token: RefreshToken, user: Any, family: models.RefreshFamily | None) -> None:
    """Write that the token was spent, here and in SimpleJWT's blacklist. Raises TokenError."""
    expires_at = datetime_from_epoch(token.payload["exp"])
    sid = family.pk if family else None
    row = models.StockToken(id=token.jti, user=user, family_id=sid, spent_at=timezone.now(), expires_at=expires_at)
    try:
        row.save(force_insert=True)
    except IntegrityError as error:  # by another user; the lock of this one's row keeps out the rest
        raise TokenError("The refresh token has been used before") from error
    if apps.is_installed(_BLACKLIST):
        # Without the raw token, which SimpleJWT's own code would write into a new row.
        outstanding, _ = _blacklist().OutstandingToken.objects.get_or_create(
            jti=token.payload["jti"], defaults={"user": user, "token": "", "expires_at": expires_at}
        )
        _blacklist().BlacklistedToken.objects.get_or_create(token=outstanding)


def _refuse_if_blacklisted(token: RefreshToken) -> None:
    if _is_blacklisted(token):
        raise events.with_reason(TokenError("Token is blacklisted"), "ended")


def _is_blacklisted(token: RefreshToken) -> bool:
    if not apps.is_installed(_BLACKLIST):
        return False
    return _blacklist().BlacklistedToken.objects.filter(token__jti=token.payload["jti"]).exists()


def _blacklist() -> Any:
    """Return SimpleJWT's models, which can be imported only where their app is installed."""
    return import_module(f"{_BLACKLIST}.models")


# --- which tokens they are ------------------------------------------------------------------------


def _names_a_key(text: str) -> bool:
    """Return True for a token whose header names its key, and for text that is no token at all.

    SimpleJWT names no key. Only issuers whose keys stand at JWK_URL do, and then a token is one of
    ours if the key is.
    """
    try:
        header = jwt.get_unverified_header(text)
    except jwt.InvalidTokenError:
        return True
    if simple_jwt().get("JWK_URL"):
        return header.get("kid") in key_ring().verifying
    return "kid" in header


def can_verify() -> bool:
    """Return True if SimpleJWT's backend can use its key, or would get it from JWK_URL."""
    backend = _backend()
    try:
        if backend.algorithm.startswith("HS"):
            return backend.prepared_signing_key is not None
        return backend.jwks_client is not None or backend.prepared_verifying_key is not None
    except (jwt.PyJWTError, TypeError, ValueError):  # what PyJWT raises depends on the algorithm
        return False


def _backend() -> Any:
    """Return SimpleJWT's backend, whose module cannot be imported with an algorithm it lacks."""
    return import_string("rest_framework_simplejwt.state.token_backend")


@cache
def _memo() -> Memo:
    return Memo(_backend().get_leeway().total_seconds())


def _forget(setting: str, **kwargs: Any) -> None:
    if setting.startswith(("JWT_", "SIMPLE_JWT")):
        _memo.cache_clear()


# Sent by Django's test tools only: a service reads its keys once.
setting_changed.connect(_forget, dispatch_uid="jwt_auth.stock")
