"""Access tokens like those of the row `jwt`, signed by each algorithm. Needs no Django."""

import secrets
import time
import uuid
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from benchmarks.questions.proposals.dpop.proofs import base64url, hash_of
from benchmarks.questions.proposals.ml_dsa import algorithm as ml_dsa
from benchmarks.results.records.proposals import TokenBytes

_KEYS = {
    "HS256": lambda: secrets.token_bytes(32),
    "RS256": lambda: rsa.generate_private_key(public_exponent=65537, key_size=2048),
    "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate,
}


def algorithms() -> tuple[str, ...]:
    """Return the algorithms that can be measured here."""
    return (*_KEYS, *(() if ml_dsa.missing() else ml_dsa.NAMES))


@dataclass(frozen=True, slots=True)
class Signer:
    """A signing key and what verifies its signatures."""

    algorithm: str
    key: Any
    kid: str = field(default_factory=lambda: base64url(secrets.token_bytes(12)))

    @classmethod
    def new(cls, algorithm: str) -> "Signer":
        if algorithm in _KEYS:
            return cls(algorithm, _KEYS[algorithm]())
        ml_dsa.register()
        return cls(algorithm, ml_dsa.new_key(algorithm))

    @property
    def public(self) -> Any:
        return self.key if isinstance(self.key, bytes) else self.key.public_key()

    def sign(self, claims: dict[str, Any], **header: Any) -> str:
        return jwt.encode(claims, self.key, algorithm=self.algorithm, headers={"kid": self.kid, **header})

    def verify(self, token: str) -> dict[str, Any]:
        return jwt.decode(token, self.public, algorithms=[self.algorithm], options={"verify_aud": False})

    def public_key_bytes(self) -> int:
        """Return the length of the public key in a JWK, as text; 0 for a secret."""
        if isinstance(self.key, bytes):
            return 0
        jwk = jwt.get_algorithm_by_name(self.algorithm).to_jwk(self.public, as_dict=True)
        return sum(len(jwk[name]) for name in ("n", "e", "x", "y", "pub") if name in jwk)


def claims(**others: Any) -> dict[str, Any]:
    """Return claims like those of the row `jwt`."""
    now = int(time.time())
    return {
        "token_type": "access",
        "exp": now + 86400,
        "iat": now,
        "jti": uuid.uuid4().hex,
        "sid": uuid.uuid4().hex,
        "user_id": str(uuid.uuid4()),
        **others,
    }


def line(token: str, keyword: str = "Bearer") -> bytes:
    """Return the line of the request that carries the token, with its end."""
    return f"Authorization: {keyword} {token}\r\n".encode()


def token_bytes(algorithm: str) -> TokenBytes:
    """Return how large a token is, and what is in it."""
    signer = Signer.new(algorithm)
    token = signer.sign(claims())
    return TokenBytes(
        algorithm=algorithm,
        header_line=len(line(token)),
        token=len(token),
        signature=len(token.rpartition(".")[2]),
        public_key=signer.public_key_bytes(),
    )


@cache
def signer(algorithm: str) -> Signer:
    """Return the same key of this process each time."""
    return Signer.new(algorithm)


def padded(algorithm: str, length: int) -> str:
    """Return a signed token that is `length` characters long, or one or two shorter."""
    made = signer(algorithm)
    fixed = claims(padding="")
    rest = length - len(made.sign(fixed))
    token = made.sign({**fixed, "padding": "p" * max(0, rest * 3 // 4)})
    # A quantum of base64 has four characters for three bytes.
    while rest > 0 and len(token) > length:
        rest -= 1
        token = made.sign({**fixed, "padding": "p" * max(0, rest * 3 // 4)})
    return token


def bound_with_proof(algorithm: str) -> tuple[bytes, ...]:
    """Return the lines of a token and a DPoP proof (RFC 9449), both signed by this algorithm."""
    made = signer(algorithm)
    token = made.sign(claims(cnf={"jkt": "A" * 43}))
    jwk = jwt.get_algorithm_by_name(algorithm).to_jwk(made.public, as_dict=True)
    jwk.pop("key_ops", None)
    content = {
        "jti": base64url(secrets.token_bytes(16)),
        "htm": "GET",
        "htu": "http://127.0.0.1:8000/whoami/",
        "iat": int(time.time()),
        "ath": hash_of(token),
    }
    proof = jwt.encode(content, made.key, algorithm=algorithm, headers={"typ": "dpop+jwt", "jwk": jwk})
    return line(token, "DPoP"), f"DPoP: {proof}\r\n".encode()
