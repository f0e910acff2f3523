"""Read signing keys, check that they fit their algorithm, and name them.

Does not use Django's settings.
"""

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass
from typing import Any

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from jwt.algorithms import Algorithm, get_default_algorithms

# RFC 7518 3.2: a key as long as the hash's output; 3.3: RSA keys of 2048 bits or more.
_HMAC_BYTES = {"HS256": 32, "HS384": 48, "HS512": 64}
_RSA_BITS = 2048
_CURVES = {"ES256": "secp256r1", "ES384": "secp384r1", "ES512": "secp521r1"}
_RSA = ("RS256", "RS384", "RS512")
ED25519 = "Ed25519"  # RFC 9864 2.2: EdDSA with this curve and no other
ALGORITHMS = (*_HMAC_BYTES, *_RSA, *_CURVES, "EdDSA", ED25519)


class KeyFormatError(ValueError):
    """A key that does not fit its algorithm. The message never holds the key."""


@dataclass(frozen=True, slots=True)
class Key:
    """One key. Its `kid` is derived from it, so nobody has to configure one or can confuse two."""

    kid: str
    algorithm: str
    signing: Any = None  # None for a key that only verifies
    verifying: Any = None

    def jwk(self) -> dict[str, str] | None:
        """Return the public key as a JSON Web Key (RFC 7517), or None for a secret."""
        if self.algorithm.startswith("HS"):
            return None
        public = _implementation(self.algorithm).to_jwk(self.verifying, as_dict=True)
        public.pop("key_ops", None)  # RFC 7517 4.3: not together with "use"
        return {**public, "kid": self.kid, "use": "sig", "alg": self.algorithm}


def register_with_pyjwt(algorithm: str) -> None:
    """Let PyJWT sign and verify with Ed25519, which it knows as EdDSA only."""
    try:
        jwt.get_algorithm_by_name(algorithm)
    except NotImplementedError:
        jwt.register_algorithm(algorithm, _implementation(algorithm))


def _implementation(algorithm: str) -> Algorithm:
    return get_default_algorithms()["EdDSA" if algorithm == ED25519 else algorithm]


def is_symmetric(algorithm: str) -> bool:
    """Return True if one secret signs and verifies."""
    return algorithm.startswith("HS")


def signing_key(text: str, algorithm: str) -> Key:
    """Return the key that signs, from a secret or a private PEM. Raises KeyFormatError."""
    if is_symmetric(algorithm):
        return _secret_key(text, algorithm)
    try:
        private = serialization.load_pem_private_key(text.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise KeyFormatError(f"{algorithm} needs an unencrypted private key in PEM") from None
    return _key_pair(private, private.public_key(), algorithm)


def verifying_key(text: str, algorithm: str) -> Key:
    """Return a key that only verifies, from a secret, a public PEM or a private PEM.

    Raises KeyFormatError.
    """
    if is_symmetric(algorithm):
        return _secret_key(text, algorithm)
    try:
        public = serialization.load_pem_public_key(text.encode())
    except (ValueError, UnsupportedAlgorithm):
        try:
            public = serialization.load_pem_private_key(text.encode(), password=None).public_key()
        except (ValueError, TypeError, UnsupportedAlgorithm):
            raise KeyFormatError(f"{algorithm} needs a public key in PEM") from None
    return _key_pair(None, public, algorithm)


def public_pem(text: str, algorithm: str) -> str:
    """Return the public key of a signing key in PEM, or "" for a secret. Raises KeyFormatError."""
    if is_symmetric(algorithm):
        return ""
    public = signing_key(text, algorithm).verifying
    return public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()


def _secret_key(text: str, algorithm: str) -> Key:
    secret = text.encode()
    if secret.lstrip().startswith((b"-----BEGIN", b"ssh-")):
        raise KeyFormatError(f"{algorithm} needs a secret, not a public or private key")
    if len(secret) < _HMAC_BYTES[algorithm]:
        raise KeyFormatError(
            f"{algorithm} needs a secret of at least {_HMAC_BYTES[algorithm]} bytes, this one has {len(secret)}"
        )
    # A keyed hash, so that the `kid` in every token's header is no plain hash of the secret.
    kid = hmac.digest(secret, b"kid", "sha256")
    return Key(_base64url(kid)[:16], algorithm, secret, secret)


def _key_pair(private: Any, public: Any, algorithm: str) -> Key:
    if algorithm.startswith("RS"):
        if not isinstance(public, rsa.RSAPublicKey):
            raise KeyFormatError(f"{algorithm} needs an RSA key")
        if public.key_size < _RSA_BITS:
            raise KeyFormatError(f"{algorithm} needs at least {_RSA_BITS} bits, this key has {public.key_size}")
    elif algorithm.startswith("ES"):
        curve = _CURVES[algorithm]
        if not isinstance(public, ec.EllipticCurvePublicKey) or public.curve.name != curve:
            raise KeyFormatError(f"{algorithm} needs an elliptic-curve key on {curve}")
    elif algorithm == ED25519:
        if not isinstance(public, ed25519.Ed25519PublicKey):
            raise KeyFormatError(f"{algorithm} needs an Ed25519 key")
    elif not isinstance(public, ed25519.Ed25519PublicKey | ed448.Ed448PublicKey):
        raise KeyFormatError(f"{algorithm} needs an Ed25519 or Ed448 key")
    return Key(_thumbprint(public, algorithm), algorithm, private, public)


def _thumbprint(public: Any, algorithm: str) -> str:
    """Return the JWK thumbprint (RFC 7638): SHA-256 of the required members in lexical order."""
    jwk = _implementation(algorithm).to_jwk(public, as_dict=True)
    members = {name: jwk[name] for name in ("crv", "e", "kty", "n", "x", "y") if name in jwk}
    text = json.dumps(members, sort_keys=True, separators=(",", ":"))
    return _base64url(hashlib.sha256(text.encode()).digest())


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
