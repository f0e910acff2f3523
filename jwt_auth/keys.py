"""The keys that sign and verify, and SimpleJWT's backend that uses them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import jwt
from django.core.signals import setting_changed
from rest_framework_simplejwt.backends import TokenBackend
from rest_framework_simplejwt.exceptions import TokenBackendError, TokenBackendExpiredToken

from auth_core.conf import conf
from jwt_auth.jwk import Key, register_with_pyjwt, signing_key, verifying_key
from jwt_auth.memo import Memo

# Far above the length of this service's tokens (about 400 characters with HS256, 700 with RS256),
# and a bound on what a request can have decoded.
MAX_TOKEN_LENGTH = 4096

AT_JWT = "at+jwt"  # the `typ` of access tokens as RFC 9068 2.1 profiles them
REFRESH_JWT = "refresh+jwt"  # the `typ` of refresh tokens, which no access token has (RFC 8725 3.11)
REFRESH_SUFFIX = "#refresh"  # after each audience, in the `aud` of refresh tokens


@dataclass(frozen=True, slots=True)
class KeyRing:
    """The key that signs and the keys that verify."""

    signing: Key
    verifying: Mapping[str, Key]  # by kid; the signing key's among them

    def jwks(self) -> dict[str, list[dict[str, str]]]:
        """Return the public keys as a JWK Set (RFC 7517 5), empty if the keys are secrets."""
        return {"keys": [jwk for key in self.verifying.values() if (jwk := key.jwk())]}


@cache
def key_ring() -> KeyRing:
    """Return the keys of the settings.

    Raises jwt_auth.jwk.KeyFormatError for a key that does not fit JWT_ALGORITHM, which a system
    check refuses at start-up.
    """
    algorithm = conf.JWT_ALGORITHM
    signing = signing_key(conf.JWT_SIGNING_KEY, algorithm)
    older = (verifying_key(text, algorithm) for text in conf.JWT_VERIFYING_KEYS)
    return KeyRing(signing, {key.kid: key for key in (*older, signing)})


def refresh_audience(audience: str | Iterable[str]) -> str | list[str]:
    """Return the `aud` of refresh tokens where access tokens have this one.

    A service that verifies with our public keys refuses such an `aud` (RFC 7519 4.1.3), so it
    cannot take a refresh token for an access token, even if it reads none of our claims.
    """
    if isinstance(audience, str):
        return audience + REFRESH_SUFFIX
    return [each + REFRESH_SUFFIX for each in audience]


class KeyRingBackend(TokenBackend):
    """SimpleJWT's backend with a `kid` in every header, by which it chooses the verifying key."""

    def __init__(self, keys: KeyRing):
        # SimpleJWT refuses names that it does not list, such as Ed25519. jwk.py has checked ours.
        super().__init__("HS256", audience=conf.JWT_AUDIENCE, issuer=conf.JWT_ISSUER, leeway=conf.JWT_LEEWAY)
        self.algorithm = keys.signing.algorithm
        register_with_pyjwt(self.algorithm)
        self.keys = keys
        self._access_audiences: set[str] = set(_texts(self.audience))
        # A refresh token may also have the `aud` of access tokens, as SimpleJWT writes it.
        self._audiences = None
        if self.audience is not None:
            self._audiences = [*self._access_audiences, *_texts(refresh_audience(self.audience))]
        self.verified = Memo(self.get_leeway().total_seconds())

    def encode(self, payload: dict[str, Any]) -> str:
        claims, token_type = dict(payload), payload.get("token_type")
        if self.audience is not None:
            claims["aud"] = refresh_audience(self.audience) if token_type == "refresh" else self.audience
        if self.issuer is not None:
            claims["iss"] = self.issuer
        key, headers = self.keys.signing, {"kid": self.keys.signing.kid}
        if token_type in ("access", "refresh"):
            headers["typ"] = conf.JWT_ACCESS_TYPE if token_type == "access" else REFRESH_JWT
        return jwt.encode(claims, key.signing, algorithm=self.algorithm, headers=headers)

    def decode(self, token: Any, verify: bool = True) -> dict[str, Any]:
        """Return the claims. Raises TokenBackendError (TokenBackendExpiredToken).

        PyJWT checks signature, exp, nbf, iat, iss and aud, and the type of every claim it knows.
        """
        if len(token) > MAX_TOKEN_LENGTH:
            raise TokenBackendError("Token is too long")
        try:
            key = self.keys.verifying.get(jwt.get_unverified_header(token).get("kid", ""))
            if key is None:
                raise TokenBackendError("Token names no key of this service")
            claims = jwt.decode(
                token,
                key.verifying,
                algorithms=[key.algorithm],
                audience=self._audiences,
                issuer=self.issuer,
                leeway=self.get_leeway(),
                options={"verify_aud": self.audience is not None, "verify_signature": verify},
            )
        except jwt.ExpiredSignatureError as error:
            raise TokenBackendExpiredToken("Token is expired") from error
        except jwt.InvalidTokenError as error:
            raise TokenBackendError("Token is invalid") from error
        if (
            self.audience is not None
            and claims.get("token_type") != "refresh"
            and self._access_audiences.isdisjoint(_texts(claims["aud"]))
        ):
            raise TokenBackendError("Token is invalid")
        return claims


def _texts(audience: str | Iterable[str] | None) -> list[str]:
    return [audience] if isinstance(audience, str) else list(audience or [])


@cache
def token_backend() -> KeyRingBackend:
    """Return the backend with the keys of the settings."""
    return KeyRingBackend(key_ring())


def _clear_caches(setting: str, **kwargs: Any) -> None:
    if setting.startswith(("JWT_", "SIMPLE_JWT")):
        key_ring.cache_clear()
        token_backend.cache_clear()


# Sent by Django's test tools only: a service reads its keys once.
setting_changed.connect(_clear_caches, dispatch_uid="jwt_auth.keys")
