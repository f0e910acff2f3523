"""Fresh signing keys for the processes of a run."""

import secrets

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

_PRIVATE_KEYS = {
    **dict.fromkeys(
        ("RS256", "RS384", "RS512"), lambda: rsa.generate_private_key(public_exponent=65537, key_size=2048)
    ),
    "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "ES384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "ES512": lambda: ec.generate_private_key(ec.SECP521R1()),
    **dict.fromkeys(("EdDSA", "Ed25519"), ed25519.Ed25519PrivateKey.generate),
}


def new_signing_key(algorithm: str) -> str:
    """Return a fresh value of JWT_SIGNING_KEY: a private key in PEM, or else a secret.

    An unknown algorithm gets a secret too: the service refuses it at its start and says what is
    allowed.
    """
    generate = _PRIVATE_KEYS.get(algorithm)
    if generate is None:
        return secrets.token_hex(64)
    pem = generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return pem.decode()
