"""Authentication by an opaque token in the Authorization header, one class for each row."""

import re
from typing import Any

from rest_framework import authentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from auth_core.credentials import credential, first
from auth_core.events import with_reason
from auth_core.schemes import refuse_keyword, refuse_unread
from tokens import hashed, models, wire
from tokens.cache import token_cache
from tokens.service import TokenService

_KEY = re.compile(r"[0-9a-f]{40}")


class TokenAuthentication(authentication.TokenAuthentication):
    """DRF's TokenAuthentication with a check of the key's shape, and expiry (TOKEN_LIFETIME).

    Returns (user, rest_framework.authtoken.models.Token). Raises AuthenticationFailed (401) for a
    key that is malformed, unknown or expired, and for a user who is not active. One query.
    """

    scheme = "token"
    kind = "token"
    service: TokenService[Any] = models

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        refuse_keyword(cls)
        # DRF's class reads the table of `model`. This one would still accept the tokens of its own.
        refuse_unread(
            cls,
            TokenAuthentication,
            ("model", "get_model"),
            "set `service` to a tokens.service.TokenService, or derive from "
            "rest_framework.authentication.TokenAuthentication",
        )

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        key = credential(request, self.keyword)
        if key is None:
            return None
        if not self.is_well_formed(key):
            # No query for text that cannot be a key; the database would fail on a NUL in it.
            raise AuthenticationFailed("Invalid token.")
        return self.authenticate_credentials(key)

    def ask_ahead(self, request: Any) -> Any:
        """Send the lookup ahead, if this class will make one (auth_core/ahead.py)."""
        key = credential(request, self.keyword)
        return self.service.ask_ahead(key) if key is not None and self.is_well_formed(key) else None

    def authenticate_credentials(self, key: str) -> tuple[Any, Any]:
        token = self.service.find(key)
        if token is None:
            raise AuthenticationFailed("Invalid token.")
        self.check(token.user, token)
        return token.user, token

    def check(self, user: Any, token: Any) -> None:
        """Raise AuthenticationFailed if the user is not active or the token has expired."""
        if not user.is_active:
            inactive = AuthenticationFailed("User inactive or deleted.")
            raise with_reason(inactive, "inactive", **self.service.event_fields(token))
        if self.service.is_expired(token):
            expired = AuthenticationFailed("The token has expired.", code="token_expired")
            raise with_reason(expired, "expired", **self.service.event_fields(token))

    def is_well_formed(self, key: str) -> bool:
        """Return True if the text can be a key at all."""
        return _KEY.fullmatch(key) is not None

    def authenticate_header(self, request: Request) -> str:
        return f'{first(self.keyword)} realm="api"'


class CachedTokenAuthentication(TokenAuthentication):
    """The same, from memory for at most TOKEN_CACHE_SECONDS (tokens/cache.py).

    A hit costs no query and no round trip. Its user comes without the password's hash, which Django
    reads from the database when it is first used.
    """

    scheme = "token-cached"

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        # What is remembered is a token of DRF's table, which that table's service alone drops when
        # it revokes one.
        refuse_unread(
            cls, CachedTokenAuthentication, ("service",), "derive from tokens.authentication.TokenAuthentication"
        )

    def authenticate_credentials(self, key: str) -> tuple[Any, Any]:
        user, token = token_cache.get_or_read(key, super().authenticate_credentials)
        self.check(user, token)
        return user, token


class HashedTokenAuthentication(TokenAuthentication):
    """The same for tokens stored as a digest, which may also expire unused (TOKEN_IDLE_LIFETIME).

    Returns (user, tokens.models.HashedToken). Raises as above, and for a wrong checksum without a
    query. One query, and once a minute one more statement, which writes the time of use.
    """

    scheme = "token-hashed"
    service = hashed
    ask_ahead = TokenAuthentication.ask_ahead

    def authenticate_credentials(self, key: str) -> tuple[Any, Any]:
        user, token = super().authenticate_credentials(key)
        hashed.note_use(token)
        return user, token

    def is_well_formed(self, key: str) -> bool:
        return wire.is_well_formed(key)
