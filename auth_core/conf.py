"""The settings that auth_core, tokens and jwt_auth read, each with its default.

    from auth_core.conf import conf
    conf.TOKEN_LIFETIME

A value is read from Django's settings when it is first used, and again after `override_settings`.
Any other name raises AttributeError. A JWT setting that is not set is taken from the project's
SIMPLE_JWT, if it holds one of the same meaning. A name in small letters stands in SIMPLE_JWT alone.
"""

from collections.abc import Callable
from contextlib import suppress
from datetime import date, timedelta
from typing import Any, Generic, TypeVar

from django.conf import settings
from django.core.signals import setting_changed
from django.utils.crypto import salted_hmac

T = TypeVar("T")


class _Setting(Generic[T]):
    """A setting with a default; the instance keeps the value after its first use.

    `stock` is the name in SIMPLE_JWT that counts if the setting itself is not set, and `read` turns
    its value into ours.
    """

    def __init__(
        self, default: T | Callable[[], T], stock: str | None = None, read: Callable[[Any], T] = lambda value: value
    ):
        self._default, self.stock, self.read = default, stock, read

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, instance: object, owner: type) -> T:
        if instance is None:
            return self  # type: ignore[return-value]
        value: T
        if self._name.isupper() and hasattr(settings, self._name):
            value = getattr(settings, self._name)
        elif (written := simple_jwt().get(self.stock)) or (written is not None and self.stock not in _UNSET_IF_EMPTY):
            value = self.read(written)
        else:
            value = self._default() if callable(self._default) else self._default
        instance.__dict__[self._name] = value
        return value


# SimpleJWT takes an empty one of these for none.
_UNSET_IF_EMPTY = {"SIGNING_KEY", "VERIFYING_KEY", None}


def simple_jwt() -> dict[str | None, Any]:
    """Return the project's settings of SimpleJWT, of which it may have none."""
    return getattr(settings, "SIMPLE_JWT", None) or {}


def source_of(name: str) -> str:
    """Return the name under which the project wrote this setting, for messages."""
    stock = vars(Conf)[name].stock
    from_stock = stock in simple_jwt() and not (name.isupper() and hasattr(settings, name))
    return f"SIMPLE_JWT[{stock!r}]" if from_stock else name


def derived_signing_key(secret_key: str) -> str:
    """Return the key that signs JWTs where none is set.

    SECRET_KEY itself never signs a token: a leak of one use must not be a leak of the other. The
    derived key has 64 bytes whatever SECRET_KEY's length, enough for HS512 (RFC 7518 3.2).
    """
    return salted_hmac("jwt_auth.signing_key", "", secret_key, algorithm="sha256").hexdigest()


def _signing_key() -> str:
    return derived_signing_key(settings.SECRET_KEY)


def _text(value: Any) -> Any:
    """Return text for bytes. Bytes that are no text stay as they are, and a check refuses them."""
    with suppress(UnicodeDecodeError):
        return value.decode() if isinstance(value, bytes) else value
    return value


def _verifying_keys(value: Any) -> tuple[str, ...]:
    """Return SimpleJWT's verifying key, which it reads for asymmetric algorithms only."""
    algorithm = simple_jwt().get("ALGORITHM", "HS256")
    return () if algorithm.startswith("HS") or algorithm != conf.JWT_ALGORITHM else (_text(value),)


def _duration(value: Any) -> Any:
    """Return a timedelta for seconds. A check refuses a number that is no length of time."""
    with suppress(ValueError, OverflowError):
        return timedelta(seconds=value) if type(value) in (int, float) else value
    return value


def _session_lifetime() -> timedelta:
    return max(timedelta(days=30), conf.JWT_REFRESH_LIFETIME)


def _header_types(value: Any) -> Any:
    """Return one keyword as text and several as a tuple."""
    types = tuple(value) if isinstance(value, list | tuple) else (value,)
    return types[0] if len(types) == 1 else types


class Conf:
    """The settings. docs/reference/switches.md says what each does."""

    LOGIN_THROTTLE = _Setting[str | None]("10/min")
    CORS_ORIGINS = _Setting[tuple[str, ...]](())  # the pages that may use the refresh cookie

    TOKEN_AUTO_CREATE = _Setting(False)
    TOKEN_ROTATE_ON_GET = _Setting(True)
    TOKEN_LIFETIME = _Setting[timedelta | None](None)
    TOKEN_IDLE_LIFETIME = _Setting[timedelta | None](None)
    TOKENS_PER_USER = _Setting[int | None](50)
    TOKEN_CACHE_SECONDS = _Setting(30)

    JWT_ALGORITHM = _Setting("HS256", "ALGORITHM")
    JWT_SIGNING_KEY = _Setting[str](_signing_key, "SIGNING_KEY", _text)
    JWT_VERIFYING_KEYS = _Setting[tuple[str, ...]]((), "VERIFYING_KEY", _verifying_keys)
    JWT_ACCESS_LIFETIME = _Setting(timedelta(minutes=5), "ACCESS_TOKEN_LIFETIME")
    JWT_REFRESH_LIFETIME = _Setting(timedelta(days=1), "REFRESH_TOKEN_LIFETIME")
    JWT_SESSION_LIFETIME = _Setting[timedelta](_session_lifetime)
    JWT_REUSE_GRACE = _Setting(timedelta(seconds=10))
    JWT_REFRESH_COOKIE = _Setting(False)
    JWT_ISSUER = _Setting[str | None](None, "ISSUER")
    JWT_AUDIENCE = _Setting[str | list[str] | None](None, "AUDIENCE")
    JWT_LEEWAY = _Setting(timedelta(seconds=10), "LEEWAY", _duration)
    JWT_CLAIMS = _Setting[str | Callable[[Any], dict[str, Any]] | None](None)
    JWT_ACCESS_TYPE = _Setting("JWT")
    JWT_ACCEPT_STOCK_UNTIL = _Setting[date | None](None)

    header_types = _Setting[str | tuple[str, ...]]("Bearer", "AUTH_HEADER_TYPES", _header_types)
    user_id_claim = _Setting("user_id", "USER_ID_CLAIM")
    user_id_field = _Setting("pk", "USER_ID_FIELD")
    update_last_login = _Setting(False, "UPDATE_LAST_LOGIN")
    check_revoke_token = _Setting(False, "CHECK_REVOKE_TOKEN")
    revoke_token_claim = _Setting("hash_password", "REVOKE_TOKEN_CLAIM")


conf = Conf()


def _read_again(**kwargs: Any) -> None:
    conf.__dict__.clear()


# Sent by Django's test tools only.
setting_changed.connect(_read_again, dispatch_uid="auth_core.conf")
