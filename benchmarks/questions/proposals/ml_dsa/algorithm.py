"""ML-DSA (FIPS 204) as an algorithm of PyJWT, with the names and keys of RFC 9964.

PyJWT 2.15 does not know it, and `cryptography` has the arithmetic from version 47 on.
"""

import json
from base64 import urlsafe_b64decode
from importlib.metadata import version
from typing import Any

import jwt
from jwt.algorithms import Algorithm

from benchmarks.questions.proposals.dpop.proofs import base64url

NAMES = ("ML-DSA-44", "ML-DSA-65", "ML-DSA-87")
KEY_TYPE = "AKP"  # "algorithm key pair": the key names its algorithm


def missing() -> str:
    """Return why this installation has no ML-DSA, or nothing if it has."""
    library = f"cryptography {version('cryptography')}"
    try:
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.asymmetric import mldsa
    except ImportError:
        return f"{library} has no ML-DSA; version 47 or newer has"
    try:
        mldsa.MLDSA44PrivateKey.generate()
    except UnsupportedAlgorithm:
        return f"the OpenSSL that {library} was built with has no ML-DSA; 3.5 or newer has"
    return ""


def library() -> str:
    """Return the library that computes ML-DSA, and the one below it."""
    from cryptography.hazmat.backends.openssl import backend

    return f"cryptography {version('cryptography')}, {backend.openssl_version_text()}"


def _classes(name: str) -> tuple[type, type]:
    from cryptography.hazmat.primitives.asymmetric import mldsa

    number = name.removeprefix("ML-DSA-")
    return getattr(mldsa, f"MLDSA{number}PrivateKey"), getattr(mldsa, f"MLDSA{number}PublicKey")


def new_key(name: str) -> Any:
    """Return a new private key for this algorithm."""
    return _classes(name)[0].generate()


class MLDSA(Algorithm):
    """One of NAMES. Keys are those of `cryptography`; a private key verifies, too."""

    def __init__(self, name: str):
        self.name = name
        self._private, self._public = _classes(name)

    def prepare_key(self, key: Any) -> Any:
        if not isinstance(key, self._private | self._public):
            raise jwt.InvalidKeyError(f"{self.name} needs one of its own keys, not {type(key).__name__}")
        return key

    def sign(self, msg: bytes, key: Any) -> bytes:
        return key.sign(msg)

    def verify(self, msg: bytes, key: Any, sig: bytes) -> bool:
        from cryptography.exceptions import InvalidSignature

        public = key.public_key() if isinstance(key, self._private) else key
        try:
            public.verify(sig, msg)
        except InvalidSignature:
            return False
        return True

    def to_jwk(self, key_obj: Any, as_dict: bool = False) -> Any:
        public = key_obj.public_key() if isinstance(key_obj, self._private) else key_obj
        jwk = {"kty": KEY_TYPE, "alg": self.name, "pub": base64url(public.public_bytes_raw())}
        return jwk if as_dict else json.dumps(jwk)

    def from_jwk(self, jwk: Any) -> Any:
        """Return the public key. Raises InvalidKeyError for one of another type or algorithm."""
        members = json.loads(jwk) if isinstance(jwk, str) else jwk
        if members.get("kty") != KEY_TYPE or members.get("alg") != self.name:
            raise jwt.InvalidKeyError(f"no key of {self.name}")
        try:
            return self._public.from_public_bytes(urlsafe_b64decode(members["pub"] + "=="))
        except (KeyError, TypeError, ValueError) as error:
            raise jwt.InvalidKeyError(f"no key of {self.name}: {error}") from None


def register() -> None:
    """Let PyJWT sign and verify with each of NAMES."""
    for name in NAMES:
        try:
            jwt.get_algorithm_by_name(name)
        except NotImplementedError:
            jwt.register_algorithm(name, MLDSA(name))
