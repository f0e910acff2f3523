import re

from rest_framework import authentication
from rest_framework.exceptions import AuthenticationFailed

from auth_core.credentials import credential
from auth_core.events import with_reason
from tokens import hashed, models, wire
from tokens.cache import token_cache

_KEY = re.compile(r"[0-9a-f]{40}")


class TokenAuthentication(authentication.TokenAuthentication):
    """DRF's TokenAuthentication with the key's shape checked before any query, and expiry (TOKEN_LIFETIME).

    Returns (user, rest_framework.authtoken.models.Token). Raises AuthenticationFailed (401) for a key that is
    malformed, unknown or expired, and for a user who is not active. One query.
    """

    scheme = "token"
    life = models  # the module of what happens to the tokens this class takes

    def __init_subclass__(cls, **options):
        super().__init_subclass__(**options)
        if cls.model is not None or cls.get_model is not authentication.TokenAuthentication.get_model:
            # DRF's class reads the table of `model`. Ours would go on taking the tokens of its own table.
            raise TypeError(
                f"{cls.__qualname__}: `model` and `get_model` are not read; give `life` a module with the functions "
                "of tokens/models.py, or derive from rest_framework.authentication.TokenAuthentication"
            )

    def authenticate(self, request):
        key = credential(request, self.keyword)
        if key is None:
            return None
        if not self.is_well_formed(key):
            # No database is asked what cannot be a key, nor handed a NUL it would choke on.
            raise AuthenticationFailed("Invalid token.")
        return self.authenticate_credentials(key)

    def authenticate_credentials(self, key):
        token = self.life.find(key)
        if token is None:
            raise AuthenticationFailed("Invalid token.")
        self.check(token.user, token)
        return token.user, token

    def check(self, user, token):
        if not user.is_active:
            raise with_reason(AuthenticationFailed("User inactive or deleted."), "inactive", **self.life.named(token))
        if self.life.is_expired(token):
            expired = AuthenticationFailed("The token has expired.", code="token_expired")
            raise with_reason(expired, "expired", **self.life.named(token))

    def is_well_formed(self, key: str) -> bool:
        return _KEY.fullmatch(key) is not None

    def authenticate_header(self, request):
        return f'{self.keyword} realm="api"'


class CachedTokenAuthentication(TokenAuthentication):
    """The same, from memory for at most TOKEN_CACHE_SECONDS: no query and no round trip on a hit (tokens/cache.py).

    Its user comes without the password's hash, which is read from the database by whoever asks for it.
    """

    scheme = "token-cached"

    def authenticate_credentials(self, key):
        user, token = token_cache.get_or_read(key, super().authenticate_credentials)
        self.check(user, token)
        return user, token


class HashedTokenAuthentication(TokenAuthentication):
    """The same for tokens of which only the digest is kept; they may also expire unused (TOKEN_IDLE_LIFETIME).

    Returns (user, tokens.models.HashedToken). Raises as above, for a wrong checksum too without a query. One query,
    and once a minute one more statement, which notes the use.
    """

    scheme = "token-hashed"
    life = hashed

    def authenticate_credentials(self, key):
        user, token = super().authenticate_credentials(key)
        hashed.note_use(token)
        return user, token

    def is_well_formed(self, key):
        return wire.is_well_formed(key)
