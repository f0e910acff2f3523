"""The settings that auth_core, tokens and jwt_auth read, each with its default.

    from auth_core.conf import conf
    conf.TOKEN_LIFETIME

A value is read from Django's settings when it is first used, and again after `override_settings`.
Any other name raises AttributeError.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, Generic, TypeVar

from django.conf import settings
from django.core.signals import setting_changed
from django.utils.crypto import salted_hmac

T = TypeVar("T")


class _Setting(Generic[T]):
    """A setting with a default; the instance keeps the value after its first use."""

    def __init__(self, default: T | Callable[[], T]):
        self._default = default

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, instance: object, owner: type) -> T:
        try:
            value: T = getattr(settings, self._name)
        except AttributeError:
            value = self._default() if callable(self._default) else self._default
        instance.__dict__[self._name] = value
        return value


def derived_signing_key(secret_key: str) -> str:
    """Return the key that signs JWTs where none is set.

    SECRET_KEY itself never signs a token: a leak of one use must not be a leak of the other. The
    derived key has 64 bytes whatever SECRET_KEY's length, enough for HS512 (RFC 7518 3.2).
    """
    return salted_hmac("jwt_auth.signing_key", "", secret_key, algorithm="sha256").hexdigest()


def _signing_key() -> str:
    return derived_signing_key(settings.SECRET_KEY)


class Conf:
    """The settings. docs/reference/switches.md says what each does."""

    LOGIN_THROTTLE = _Setting[str | None]("10/min")

    TOKEN_AUTO_CREATE = _Setting(False)
    TOKEN_ROTATE_ON_GET = _Setting(True)
    TOKEN_LIFETIME = _Setting[timedelta | None](None)
    TOKEN_IDLE_LIFETIME = _Setting[timedelta | None](None)
    TOKENS_PER_USER = _Setting[int | None](50)
    TOKEN_CACHE_SECONDS = _Setting(30)

    JWT_ALGORITHM = _Setting("HS256")
    JWT_SIGNING_KEY = _Setting[str](_signing_key)
    JWT_VERIFYING_KEYS = _Setting[tuple[str, ...]](())
    JWT_ACCESS_LIFETIME = _Setting(timedelta(minutes=5))
    JWT_REFRESH_LIFETIME = _Setting(timedelta(days=1))
    JWT_SESSION_LIFETIME = _Setting(timedelta(days=30))
    JWT_REUSE_GRACE = _Setting(timedelta(seconds=10))
    JWT_ISSUER = _Setting[str | None](None)
    JWT_AUDIENCE = _Setting[str | None](None)
    JWT_LEEWAY = _Setting(timedelta(seconds=10))


conf = Conf()


def _read_again(**kwargs: Any) -> None:
    conf.__dict__.clear()


# Sent by Django's test tools only.
setting_changed.connect(_read_again, dispatch_uid="auth_core.conf")
