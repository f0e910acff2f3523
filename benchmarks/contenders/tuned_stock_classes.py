"""The classes of tuned_stock.py.

They derive from the libraries' own and use nothing of auth_core, tokens or jwt_auth. What each
gives up is written next to it.
"""

import time
from typing import Any

from django.contrib.auth import get_user_model
from django.core.cache import cache
from django.db import connection
from rest_framework import authentication, exceptions
from rest_framework.authtoken.models import Token
from rest_framework_simplejwt.authentication import JWTAuthentication, JWTStatelessUserAuthentication
from rest_framework_simplejwt.settings import api_settings

SECONDS = 30  # for which a cached user is believed, as TOKEN_CACHE_SECONDS is by default
MOST = 8192  # tokens that a process remembers

USER_COLUMNS = tuple(field.attname for field in get_user_model()._meta.concrete_fields)


def _sql(table: str, column: str, join: str = "") -> str:
    names = ", ".join(f'u."{name}"' for name in USER_COLUMNS)
    return f'SELECT {names} FROM auth_user u {join}WHERE {table}."{column}" = %s'  # noqa: S608 - all names are ours


BY_KEY = _sql("t", "key", "JOIN authtoken_token t ON t.user_id = u.id ")
BY_ID = _sql("u", "id")


def _user(sql: str, value: Any) -> Any:
    """Return the active user that the statement finds.

    Gives up: the columns are those of Django's own user model, and a field with a converter would
    keep the database's value (SQLite's moments are text).
    """
    with connection.cursor() as cursor:
        cursor.execute(sql, [value])
        row = cursor.fetchone()
    if row is None:
        raise exceptions.AuthenticationFailed("Invalid credential.")
    user = get_user_model().from_db(connection.alias, USER_COLUMNS, row)
    if not user.is_active:
        raise exceptions.AuthenticationFailed("User inactive or deleted.")
    return user


class SqlToken(authentication.TokenAuthentication):
    """DRF's TokenAuthentication with its one query written by hand."""

    def authenticate_credentials(self, key: str) -> tuple[Any, Any]:
        user = _user(BY_KEY, key)
        return user, Token(key=key, user_id=user.pk)


class CachedToken(authentication.TokenAuthentication):
    """DRF's TokenAuthentication from Django's cache.

    Gives up: a logout, a password change or a deactivation counts after SECONDS. The cache is keyed
    by the token itself.
    """

    def authenticate_credentials(self, key: str) -> tuple[Any, Any]:
        found = cache.get(f"token:{key}")
        if found is None:
            found = super().authenticate_credentials(key)
            cache.set(f"token:{key}", found, SECONDS)
        return found


class SqlUser(JWTAuthentication):
    """SimpleJWT's JWTAuthentication with its one query written by hand."""

    def get_user(self, validated_token: Any) -> Any:
        return _user(BY_ID, validated_token[api_settings.USER_ID_CLAIM])


class CachedUser(JWTAuthentication):
    """SimpleJWT's JWTAuthentication with the user from Django's cache.

    Gives up: a deactivation or a deletion counts after SECONDS.
    """

    def get_user(self, validated_token: Any) -> Any:
        key = f"user:{validated_token[api_settings.USER_ID_CLAIM]}"
        user = cache.get(key)
        if user is None:
            user = super().get_user(validated_token)
            cache.set(key, user, SECONDS)
        return user


class _Remembers:
    """Verify each access token once in a process, and its expiry on each request.

    Gives up: `nbf` and `iat` are not checked again, and a new key does not end what is remembered.
    """

    verified: dict[bytes, Any] = {}

    def get_validated_token(self, raw_token: bytes) -> Any:
        token = self.verified.get(raw_token)
        if token is None or token["exp"] <= time.time():
            self.verified.pop(raw_token, None)
            token = super().get_validated_token(raw_token)  # type: ignore[misc]
            if len(self.verified) >= MOST:
                self.verified.clear()
            self.verified[raw_token] = token
        return token


class VerifiedOnce(_Remembers, JWTStatelessUserAuthentication):
    """SimpleJWT's JWTStatelessUserAuthentication with tokens that were verified before."""


class SqlUserVerifiedOnce(_Remembers, SqlUser):
    """Both: what `jwt` saves, without the end of a login that `jwt` checks."""
