"""Rows of the scheme table with each signing algorithm, all in one process.

The switch JWT_ALGORITHM gives a process one algorithm. Here each algorithm has a key of this
process and a backend, made as the service makes one. Each row has its own classes for each
algorithm, which differ from the row's only in where they get that backend. lineup.py names them as
contenders.
"""

import secrets
from collections.abc import Callable

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from django.utils.module_loading import import_string
from rest_framework_simplejwt import authentication, tokens
from rest_framework_simplejwt.backends import TokenBackend
from rest_framework_simplejwt.exceptions import InvalidToken, TokenError
from rest_framework_simplejwt.settings import api_settings

from jwt_auth import authentication as own_authentication
from jwt_auth import issue
from jwt_auth import tokens as own_tokens
from jwt_auth.jwk import is_symmetric, public_pem, signing_key
from jwt_auth.keys import KeyRing, KeyRingBackend

_PRIVATE_KEYS = {
    "RS256": lambda: rsa.generate_private_key(public_exponent=65537, key_size=2048),
    "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate,
}


def new_key(algorithm: str) -> str:
    """Return a key as JWT_SIGNING_KEY has it: PEM, or 64 characters like the derived secret."""
    if is_symmetric(algorithm):
        # PyJWT tries on each request to parse a secret as JSON; this first letter makes it fail at
        # once in every process.
        return "k" + secrets.token_hex(32)[1:]
    private = _PRIVATE_KEYS[algorithm]()
    return private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def _simplejwt_backend(algorithm: str, key: str) -> TokenBackend:
    """Return a backend as rest_framework_simplejwt.state makes it."""
    return TokenBackend(
        algorithm,
        key,
        public_pem(key, algorithm),
        api_settings.AUDIENCE,
        api_settings.ISSUER,
        api_settings.JWK_URL,
        api_settings.LEEWAY,
        api_settings.JSON_ENCODER,
    )


def _own_backend(algorithm: str, key: str) -> KeyRingBackend:
    signing = signing_key(key, algorithm)
    return KeyRingBackend(KeyRing(signing, {signing.kid: signing}))


_keys = {algorithm: new_key(algorithm) for algorithm in ("HS256", *_PRIVATE_KEYS)}
simplejwt_backends = {algorithm: _simplejwt_backend(algorithm, key) for algorithm, key in _keys.items()}
own_backends = {algorithm: _own_backend(algorithm, key) for algorithm, key in _keys.items()}


def _simplejwt(row: type, algorithm: str) -> tuple[type, Callable]:
    """Return the subclass of the row for `algorithm`, and its `issue`."""

    class AccessToken(tokens.AccessToken):
        @property
        def token_backend(self):
            # SimpleJWT imports its backend for each token, so this does too.
            if self._token_backend is None:
                self._token_backend = import_string("benchmarks.contenders.algorithms.simplejwt_backends")[algorithm]
            return self._token_backend

    class Authentication(row):
        def get_validated_token(self, raw_token):
            try:
                return AccessToken(raw_token)
            except TokenError as error:
                raise InvalidToken(error.args[0]) from error

    return Authentication, lambda user: str(AccessToken.for_user(user))


def _own(row: type, algorithm: str) -> tuple[type, Callable]:
    class AccessToken(own_tokens.AccessToken):
        @property
        def token_backend(self):
            return own_backends[algorithm]

    class Authentication(row):
        token_class = AccessToken

    def issue_signed(user) -> str:
        token = AccessToken()
        token.payload = own_tokens.AccessToken(issue.jwt(user)).payload
        return str(token)

    return Authentication, issue_signed


simplejwt_hs256, issue_simplejwt_hs256 = _simplejwt(authentication.JWTAuthentication, "HS256")
simplejwt_rs256, issue_simplejwt_rs256 = _simplejwt(authentication.JWTAuthentication, "RS256")
simplejwt_es256, issue_simplejwt_es256 = _simplejwt(authentication.JWTAuthentication, "ES256")
simplejwt_eddsa, issue_simplejwt_eddsa = _simplejwt(authentication.JWTAuthentication, "EdDSA")

simplejwt_stateless_hs256, issue_simplejwt_stateless_hs256 = _simplejwt(
    authentication.JWTStatelessUserAuthentication, "HS256"
)
simplejwt_stateless_rs256, issue_simplejwt_stateless_rs256 = _simplejwt(
    authentication.JWTStatelessUserAuthentication, "RS256"
)
simplejwt_stateless_es256, issue_simplejwt_stateless_es256 = _simplejwt(
    authentication.JWTStatelessUserAuthentication, "ES256"
)
simplejwt_stateless_eddsa, issue_simplejwt_stateless_eddsa = _simplejwt(
    authentication.JWTStatelessUserAuthentication, "EdDSA"
)

jwt_hs256, issue_jwt_hs256 = _own(own_authentication.JWTAuthentication, "HS256")
jwt_rs256, issue_jwt_rs256 = _own(own_authentication.JWTAuthentication, "RS256")
jwt_es256, issue_jwt_es256 = _own(own_authentication.JWTAuthentication, "ES256")
jwt_eddsa, issue_jwt_eddsa = _own(own_authentication.JWTAuthentication, "EdDSA")

jwt_stateless_hs256, issue_jwt_stateless_hs256 = _own(own_authentication.JWTStatelessUserAuthentication, "HS256")
jwt_stateless_rs256, issue_jwt_stateless_rs256 = _own(own_authentication.JWTStatelessUserAuthentication, "RS256")
jwt_stateless_es256, issue_jwt_stateless_es256 = _own(own_authentication.JWTStatelessUserAuthentication, "ES256")
jwt_stateless_eddsa, issue_jwt_stateless_eddsa = _own(own_authentication.JWTStatelessUserAuthentication, "EdDSA")
