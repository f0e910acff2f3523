"""Authentication by an access token in the Authorization header, one class for each row."""

from typing import Any

from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request
from rest_framework_simplejwt.exceptions import InvalidToken, TokenError
from rest_framework_simplejwt.models import TokenUser

from auth_core.conf import conf
from auth_core.credentials import credential, first
from auth_core.schemes import refuse_keyword, refuse_unread, scheme_of
from jwt_auth import stock
from jwt_auth.keys import token_backend
from jwt_auth.models import ask_ahead, user_of
from jwt_auth.pushed import logins
from jwt_auth.tokens import AccessToken


class _HeaderTypes:
    """The keywords in SIMPLE_JWT's AUTH_HEADER_TYPES, "Bearer" by default."""

    def __get__(self, instance: object, owner: type) -> str | tuple[str, ...]:
        return conf.header_types


class JWTAuthentication(BaseAuthentication):
    """SimpleJWT's access token of a login that has not ended; one query.

    Returns (user, jwt_auth.tokens.AccessToken). Raises InvalidToken (401) for a token that is
    malformed, forged, expired or of another type, whose login has ended, or whose user is deleted
    or not active. Until JWT_ACCEPT_STOCK_UNTIL it accepts SimpleJWT's own tokens, too (stock.py).
    """

    scheme = "jwt"
    kind = "jwt"
    keyword: Any = _HeaderTypes()  # a subclass may have its own: text, or a tuple of several
    www_authenticate_realm = "api"
    token_class = AccessToken

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        refuse_keyword(cls)
        refuse_unread(
            cls,
            JWTAuthentication,
            ("get_header", "get_raw_token", "get_validated_token", "media_type", "user_model"),
            "override `keyword`, `token_class` or `get_user`, or derive from "
            "rest_framework_simplejwt.authentication.JWTAuthentication",
        )

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        raw_token = credential(request, self.keyword)
        if raw_token is None:
            return None
        try:
            token = self.token_class.verified(raw_token)
            return self.get_user(token), token
        except TokenError as error:
            if conf.JWT_ACCEPT_STOCK_UNTIL is not None:
                return self._authenticate_stock(raw_token, error, request)
            raise InvalidToken(error.args[0]) from error

    def ask_ahead(self, request: Any) -> Any:
        """Send the lookup ahead, if the token was verified before (auth_core/ahead.py)."""
        raw_token = credential(request, self.keyword)
        claims = None if raw_token is None else token_backend().verified.get(self.token_class, raw_token)
        return None if claims is None else ask_ahead(claims)

    def _authenticate_stock(self, raw_token: str, error: TokenError, request: Request) -> tuple[Any, Any]:
        """Return user and token for SimpleJWT's own access token; raise InvalidToken otherwise."""
        try:
            token = stock.AccessToken.instead(raw_token, error)
            user = self.get_user(token)
        except TokenError as refusal:
            raise InvalidToken(refusal.args[0]) from refusal
        stock.log_first_use(token, user, scheme_of(type(self)), request)
        return user, token

    def get_user(self, validated_token: AccessToken | stock.AccessToken) -> Any:
        """Return the user of a verified token."""
        if isinstance(validated_token, stock.AccessToken):
            return stock.user_of(validated_token)
        return user_of(validated_token)

    def authenticate_header(self, request: Request) -> str:
        return f'{first(self.keyword)} realm="{self.www_authenticate_realm}"'


class JWTStatelessUserAuthentication(JWTAuthentication):
    """The same access token without a query: it is accepted until it expires.

    Returns (rest_framework_simplejwt.models.TokenUser, jwt_auth.tokens.AccessToken). After a
    logout, a password change or a deletion the next refresh fails. Raises InvalidToken (401) for a
    token that is malformed, forged, expired or of another type.
    """

    scheme = "jwt-stateless"

    def get_user(self, validated_token: AccessToken | stock.AccessToken) -> TokenUser:
        return TokenUser(validated_token)


class JWTPushedAuthentication(JWTAuthentication):
    """The same access token without a query, as long as its login is known to live (pushed.py).

    Returns (user, jwt_auth.tokens.AccessToken) and raises InvalidToken (401) as JWTAuthentication
    does. A user of whom no more than the key is known reads the rest when it is first used. A
    logout, a password change, a deactivation or a deletion is refused at once in its own process,
    and in another as soon as it hears of it. While it hears nothing, each login is read.
    """

    scheme = "jwt-pushed"
    remembers_logins = True
    reads_user = False

    @staticmethod
    def channel() -> str | None:
        """Return by which way this process hears of ends now, or None."""
        return logins.heard

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        accepted = super().authenticate(request)
        # A template reads the user after the view, where nothing turns a refusal into a 401.
        if accepted is not None and _is_page(request):
            str(accepted[0])
        return accepted

    def get_user(self, validated_token: AccessToken | stock.AccessToken) -> Any:
        if isinstance(validated_token, stock.AccessToken):
            return super().get_user(validated_token)
        return logins.user_of(validated_token)


def _is_page(request: Request) -> bool:
    """Return True if the answer is HTML."""
    return getattr(getattr(request, "accepted_renderer", None), "media_type", None) == "text/html"
