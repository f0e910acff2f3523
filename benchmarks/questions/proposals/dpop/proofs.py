"""DPoP proofs (RFC 9449): a client makes one for each request, and a service verifies it.

This is example code, written for the measurement: the checks of section 4.3, with ES256 alone.
"""

import hashlib
import hmac
import json
import secrets
import time
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

ALGORITHM = "ES256"
TYPE = "dpop+jwt"
SECONDS = 60  # by which `iat` may differ from the service's clock, and how long a jti is kept after it
LONGEST = 4096  # characters of a proof
LONGEST_JTI = 128

_PORTS = {"http": 80, "https": 443}


class ProofError(Exception):
    """A proof that must be refused; the message says why."""


@dataclass(frozen=True, slots=True)
class Proof:
    """A verified proof. `jkt`: the thumbprint of its key; `expires`: when `iat` is too old."""

    jkt: str
    jti: str
    expires: float
    nonce: str | None


def base64url(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def thumbprint(jwk: dict[str, Any]) -> str:
    """Return the SHA-256 thumbprint of an EC key (RFC 7638): its required members, in order."""
    members = {name: jwk[name] for name in ("crv", "kty", "x", "y")}
    return base64url(hashlib.sha256(json.dumps(members, separators=(",", ":")).encode()).digest())


def hash_of(access_token: str) -> str:
    """Return the claim `ath` of a proof that goes with this access token."""
    return base64url(hashlib.sha256(access_token.encode()).digest())


def verify(proof: str, method: str, url: str, access_token: str, now: float | None = None) -> Proof:
    """Return the proof for this request and access token. Raises ProofError.

    The caller compares `jkt` with the access token's `cnf`, and stores `jti`.
    """
    now = time.time() if now is None else now
    if len(proof) > LONGEST:
        raise ProofError("the proof is too long")
    try:
        header = jwt.get_unverified_header(proof)
        if header.get("typ") != TYPE or header.get("alg") != ALGORITHM:
            raise ProofError(f"allowed: typ {TYPE}, alg {ALGORITHM}")
        jwk = header.get("jwk")
        if not isinstance(jwk, dict) or "d" in jwk:
            raise ProofError("the header needs a public key")
        claims = jwt.decode(
            proof,
            ECAlgorithm.from_jwk(jwk),
            algorithms=[ALGORITHM],
            # Its own check of iat allows any age.
            options={"require": ["jti", "htm", "htu", "iat", "ath"], "verify_iat": False, "verify_aud": False},
        )
        jkt = thumbprint(jwk)
    except (jwt.PyJWTError, KeyError, TypeError, ValueError) as error:
        raise ProofError(f"the proof is malformed or forged: {error}") from error
    jti, issued, nonce = claims["jti"], claims["iat"], claims.get("nonce")
    if not isinstance(jti, str) or not 0 < len(jti) <= LONGEST_JTI:
        raise ProofError("jti is no usable text")
    if type(issued) is not int or not now - SECONDS <= issued <= now + SECONDS:
        raise ProofError("iat is too old or too new")
    if claims["htm"] != method:
        raise ProofError("htm is another method")
    if not isinstance(claims["htu"], str) or _comparable(claims["htu"]) != _comparable(url):
        raise ProofError("htu is another URL")
    if not _equal(claims["ath"], hash_of(access_token)):
        raise ProofError("ath is of another access token")
    if nonce is not None and not isinstance(nonce, str):
        raise ProofError("nonce is no text")
    return Proof(jkt, jti, issued + SECONDS, nonce)


def _equal(one: Any, other: str) -> bool:
    return isinstance(one, str) and hmac.compare_digest(one.encode(), other.encode())


def _comparable(url: str) -> tuple[str, str | None, int | None, str]:
    """Return what two equal URLs have in common, without query and fragment (RFC 3986 6.2.2)."""
    try:
        parts = urlsplit(url)
        return parts.scheme, parts.hostname, parts.port or _PORTS.get(parts.scheme), parts.path or "/"
    except ValueError as error:
        raise ProofError(f"htu is no URL: {error}") from None


class Nonces:
    """Nonces that the service hands out and expects back (section 9), without storing any.

    One holds for a minute, and is accepted for one more. Processes with the same secret accept each
    other's.
    """

    def __init__(self, secret: bytes, seconds: int = 60):
        self._secret, self._seconds = secret, seconds
        self._made: dict[int, str] = {}

    def current(self, now: float) -> str:
        return self._of(int(now) // self._seconds)

    def accepts(self, nonce: str | None, now: float) -> bool:
        number = int(now) // self._seconds
        return any(_equal(nonce, self._of(each)) for each in (number, number - 1))

    def _of(self, number: int) -> str:
        if number not in self._made:
            text = base64url(hmac.digest(self._secret, str(number).encode(), "sha256"))
            self._made = {**{each: made for each, made in self._made.items() if each >= number - 2}, number: text}
        return self._made[number]


@dataclass(frozen=True, slots=True)
class Client:
    """A client with a key of its own, which makes a proof for each request."""

    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    @property
    def jwk(self) -> dict[str, Any]:
        public = ECAlgorithm.to_jwk(self.key.public_key(), as_dict=True)
        return {name: public[name] for name in ("crv", "kty", "x", "y")}

    def proof(self, method: str, url: str, access_token: str, **others: Any) -> str:
        """Return a proof. `others`: claims to add or to set otherwise, and `typ` of the header."""
        typ = others.pop("typ", TYPE)
        claims = {
            "jti": base64url(secrets.token_bytes(16)),
            "htm": method,
            "htu": url,
            "iat": int(time.time()),
            "ath": hash_of(access_token),
            **others,
        }
        return jwt.encode(claims, self.key, algorithm=ALGORITHM, headers={"typ": typ, "jwk": self.jwk})
