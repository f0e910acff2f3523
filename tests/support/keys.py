"""Signing keys, and tokens signed with the service's own key."""

import functools
import json

import jwt as pyjwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from jwt_auth.keys import key_ring
from tests.support.logins import claims

_CURVES = {"ES256": ec.SECP256R1, "ES384": ec.SECP384R1, "ES512": ec.SECP521R1}


@functools.cache
def _rsa(which: int) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def private_pem(key) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def public_pem(text: str) -> str:
    key = serialization.load_pem_private_key(text.encode(), None).public_key()
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()


def a_key(algorithm: str, which: int = 0) -> str:
    """Return a signing key for the algorithm, a different one for each `which`."""
    if algorithm.startswith("HS"):
        return f"secret number {which} " * 8
    if algorithm.startswith("RS"):
        return private_pem(_rsa(which))
    if algorithm in _CURVES:
        return private_pem(ec.generate_private_key(_CURVES[algorithm]()))
    return private_pem(ed25519.Ed25519PrivateKey.generate())


def forge(pair_token: str, **changes) -> str:
    """Return the token with other claims, signed with the service's own key.

    A value of `...` removes the claim.
    """
    payload = {**claims(pair_token), **changes}
    payload = {name: value for name, value in payload.items() if value is not ...}
    return sign(payload)


def sign(payload, headers=None, algorithm=None) -> str:
    """Sign any payload with the service's own key; pyjwt.encode refuses some of these."""
    key = key_ring().signing
    if not isinstance(payload, bytes):
        payload = json.dumps(payload).encode()
    return pyjwt.PyJWS().encode(
        payload, key.signing, algorithm=algorithm or key.algorithm, headers=headers or {"kid": key.kid}
    )
