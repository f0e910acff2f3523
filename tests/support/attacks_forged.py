"""Forged JSON Web Tokens: name -> a function from a good token to the forged one."""

import base64
import hmac
import json
from collections.abc import Callable

import jwt as pyjwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from django.conf import settings

from jwt_auth.jwk import Key
from jwt_auth.keys import key_ring
from tests.support.accounts import PASSWORD
from tests.support.logins import claims


def b64(data: bytes | str) -> str:
    data = data.encode() if isinstance(data, str) else data
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def parts(token: str) -> tuple[dict, str, str]:
    """Return the header as a dict, and payload and signature unchanged."""
    _, payload, signature = token.split(".")
    return pyjwt.get_unverified_header(token), payload, signature


def with_header(token: str, signature: str | None = None, **changes) -> str:
    """Return the token with another header, and its own signature or the given one.

    A value of `...` removes a parameter.
    """
    header, payload, old = parts(token)
    header = {name: value for name, value in {**header, **changes}.items() if value is not ...}
    return f"{b64(json.dumps(header))}.{payload}.{old if signature is None else signature}"


def hmac_signed(secret: bytes, hash_name: str = "sha256", **header) -> Callable[[str], str]:
    def make(token: str) -> str:
        signed = with_header(token, **header).rpartition(".")[0]
        return f"{signed}.{b64(hmac.digest(secret, signed.encode(), hash_name))}"

    return make


NONE = [
    "none",
    "None",
    "NONE",
    "nOnE",
    "none ",
    " none",
    "none\0",
    "\uff4eone",
    "null",
    "",
    0,
    False,
    None,
    ["none"],
    {},
    ...,
]


UNSIGNED = {
    f"alg {'missing' if alg is ... else ascii(alg)}, {said}": lambda token, alg=alg, signature=signature: with_header(
        token, signature, alg=alg
    )
    for alg in NONE
    for said, signature in (("no signature", ""), ("its old signature", None), ("a byte", "AA"))
}


OTHER_ALGORITHMS = [
    *[
        "hs256",
        "Hs256",
        "HS256 ",
        "HS256\0",
        "HS-256",
        "HMACSHA256",
        "HS384",
        "HS512",
        "RS256",
        "PS256",
        "ES256",
        "ES256K",
    ],
    *[
        "EdDSA",
        "Ed25519",
        "A128KW",
        "dir",
        "RSA-OAEP",
        "HS1",
        "__class__",
        ["HS256"],
        {"alg": "HS256"},
        True,
        256,
        1e400,
    ],
]


RENAMED = {f"alg {alg!r}": lambda token, alg=alg: with_header(token, alg=alg) for alg in OTHER_ALGORITHMS}


def _signature(change: Callable[[str], str]) -> Callable[[str], str]:
    def make(token: str) -> str:
        signed, _, signature = token.rpartition(".")
        return f"{signed}.{change(signature)}"

    return make


def other(character: str) -> str:
    return "A" if character != "A" else "B"


def _payload(token: str, **changes) -> str:
    header, _, signature = token.split(".")
    return f"{header}.{b64(json.dumps({**claims(token), **changes}))}.{signature}"


BAD_SIGNATURES = {
    "no signature": _signature(lambda signature: ""),
    "half a signature": _signature(lambda signature: signature[: len(signature) // 2 // 4 * 4]),
    "its first character changed": _signature(lambda signature: other(signature[0]) + signature[1:]),
    "all zero": _signature(lambda signature: b64(bytes(32))),
    "twice the signature": _signature(lambda signature: signature + signature),
    "one byte more": _signature(lambda signature: b64(base64.urlsafe_b64decode(signature + "==") + b"\0")),
    "one byte less": _signature(lambda signature: b64(base64.urlsafe_b64decode(signature + "==")[:-1])),
    "somebody else's user_id": lambda token: _payload(token, user_id=str(int(claims(token)["user_id"]) + 1)),
    "a later end": lambda token: _payload(token, exp=claims(token)["exp"] + 1),
    "is_staff": lambda token: _payload(token, is_staff=True),
    "keyed with nothing": hmac_signed(b""),
    "keyed with a NUL": hmac_signed(b"\0" * 32),
    "keyed with 'secret'": hmac_signed(b"secret"),
    "keyed with its kid": lambda token: hmac_signed(parts(token)[0].get("kid", "").encode())(token),
    "keyed with SECRET_KEY": lambda token: hmac_signed(settings.SECRET_KEY.encode())(token),
    "keyed with the password": hmac_signed(PASSWORD.encode()),
    "signed with the right key, the hash another": lambda token: hmac_signed(own_secret(), "sha512")(token),
    "signed with the right key, the header left out": lambda token: (
        token.rpartition(".")[0] + "." + b64(hmac.digest(own_secret(), parts(token)[1].encode(), "sha256"))
    ),
}


def own_secret() -> bytes:
    return key_ring().signing.signing


# The attacker's own keys, each given in the header in one of the ways of RFC 7515 4.1.2 to 4.1.9.
ATTACKERS_SECRET = b"of the attacker, and long enough"


ATTACKERS_RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)


ATTACKERS_EC = ec.generate_private_key(ec.SECP256R1())


ATTACKERS_ED = ed25519.Ed25519PrivateKey.generate()


ELSEWHERE = "https://attacker.example/keys"


def signed_by_attacker(algorithm: str, key, **header) -> Callable[[str], str]:
    """Return a function that signs a token with a key of the attacker.

    The kid is the service's own unless the caller gives another.
    """

    def make(token: str) -> str:
        head = {"kid": parts(token)[0].get("kid")} | header
        return pyjwt.PyJWS().encode(
            json.dumps(claims(token)).encode(), key, algorithm=algorithm, headers={k: v for k, v in head.items() if v}
        )

    return make


def _jwk(key, algorithm: str) -> dict:
    return Key("attacker", algorithm, key, key.public_key()).jwk()


_SYMMETRIC_JWK = {"kty": "oct", "k": b64(ATTACKERS_SECRET), "alg": "HS256", "kid": "attacker"}


NAMED_KEYS = {
    "jwk": {"jwk": _jwk(ATTACKERS_RSA, "RS256")},
    "jwk and its kid": {"jwk": _jwk(ATTACKERS_RSA, "RS256"), "kid": "attacker"},
    "jku": {"jku": ELSEWHERE},
    "jku and its kid": {"jku": ELSEWHERE, "kid": "attacker"},
    "jku of a file": {"jku": "file:///etc/passwd"},
    "x5u": {"x5u": ELSEWHERE},
    "x5c": {"x5c": [base64.b64encode(b"a certificate").decode()]},
    "x5t": {"x5t": b64(b"t" * 20), "x5t#S256": b64(b"t" * 32)},
    "cty": {"cty": "JWT"},
    "typ": {"typ": "at+jwt"},
    "no kid": {"kid": None},
    "kid a path": {"kid": "../../../../dev/null"},
    "kid a file of ours": {"kid": "config/settings.py"},
    "kid a statement": {"kid": "x' UNION SELECT 'of the attacker, and long enough"},
    "kid a URL": {"kid": ELSEWHERE},
    "kid a command": {"kid": "|id"},
    "kid very long": {"kid": "k" * 2500},
    "kid with a NUL": {"kid": "k\0"},
    "kid a look-alike": {"kid": "\uff4b"},
}


OTHERS_KEYS = {
    **{
        f"HS256 by another, {name}": signed_by_attacker("HS256", ATTACKERS_SECRET, **head)
        for name, head in NAMED_KEYS.items()
    },
    **{
        f"RS256 by another, {name}": signed_by_attacker("RS256", ATTACKERS_RSA, **head)
        for name, head in NAMED_KEYS.items()
    },
    "HS256 by another, jwk a secret": signed_by_attacker("HS256", ATTACKERS_SECRET, jwk=_SYMMETRIC_JWK),
    "ES256 by another, jwk": signed_by_attacker("ES256", ATTACKERS_EC, jwk=_jwk(ATTACKERS_EC, "ES256")),
    "EdDSA by another, jwk": signed_by_attacker("EdDSA", ATTACKERS_ED, jwk=_jwk(ATTACKERS_ED, "EdDSA")),
    "HS512 by another": signed_by_attacker("HS512", ATTACKERS_SECRET * 2),
}


def _segments(change: Callable[[list[str]], list[str]]) -> Callable[[str], str]:
    return lambda token: ".".join(change(token.split(".")))


MALFORMED = {
    "empty": lambda token: "",
    "a dot": lambda token: ".",
    "two dots": lambda token: "..",
    "one segment": _segments(lambda three: three[:1]),
    "two segments": _segments(lambda three: three[:2]),
    "four segments": _segments(lambda three: [*three, three[2]]),
    "five segments, as encrypted": _segments(lambda three: [three[0], "", three[1], three[2], three[2]]),
    "five segments, RSA-OAEP": _segments(
        lambda three: [b64('{"alg":"RSA-OAEP","enc":"A128GCM"}'), "AA", "AA", three[1], three[2]]
    ),
    "empty payload": _segments(lambda three: [three[0], "", three[2]]),
    "header twice": _segments(lambda three: [three[0], three[0], three[2]]),
    "header no object": _segments(lambda three: [b64("[]"), *three[1:]]),
    "header a text": _segments(lambda three: [b64('"HS256"'), *three[1:]]),
    "header null": _segments(lambda three: [b64("null"), *three[1:]]),
    "header no JSON": _segments(lambda three: [b64("{alg:HS256}"), *three[1:]]),
    "header no UTF-8": _segments(lambda three: [b64(b'{"alg":"\xff"}'), *three[1:]]),
    "header UTF-16": _segments(lambda three: [b64('{"alg":"none"}'.encode("utf-16")), three[1], ""]),
    "header nested deeply": _segments(lambda three: [b64('{"alg":' + "[" * 900 + "]" * 900 + "}"), *three[1:]]),
    "header of a huge number": _segments(lambda three: [b64('{"alg":' + "9" * 2500 + "}"), *three[1:]]),
    "header with alg twice": _segments(lambda three: [b64('{"alg":"HS256","alg":"none"}'), three[1], ""]),
    "header with kid twice": _segments(
        lambda three: [b64(json.dumps({"alg": "none", "kid": "x"})[:-1] + ',"kid":"y"}'), three[1], ""]
    ),
    "no base64": lambda token: "!.!.!",
    "JSON serialization": lambda token: json.dumps(
        dict(zip(("protected", "payload", "signature"), token.split("."), strict=True)), separators=(",", ":")
    ),
}


FORGED = UNSIGNED | RENAMED | BAD_SIGNATURES | OTHERS_KEYS | MALFORMED


# --- algorithm confusion (RFC 8725 2.1): any form of the public key as the secret -----------------


def _pem(key, form: str = "SubjectPublicKeyInfo") -> bytes:
    return key.public_bytes(serialization.Encoding.PEM, getattr(serialization.PublicFormat, form))


def _der(key, form: str = "SubjectPublicKeyInfo") -> bytes:
    return key.public_bytes(serialization.Encoding.DER, getattr(serialization.PublicFormat, form))


def _own_jwk() -> dict:
    return key_ring().signing.jwk()


# Name -> the service's public key -> bytes that an attacker could key an HMAC with.
PUBLIC_FORMS: dict[str, Callable] = {
    "PEM": _pem,
    "PEM without its last newline": lambda key: _pem(key).strip(),
    "PEM with CRLF": lambda key: _pem(key).replace(b"\n", b"\r\n"),
    "PEM in one line": lambda key: _pem(key).replace(b"\n", b""),
    "PEM with \\n": lambda key: _pem(key).replace(b"\n", b"\\n"),
    "base64 of the DER": lambda key: base64.b64encode(_der(key)),
    "DER": _der,
    "OpenSSH": lambda key: _ssh(key) or _pem(key),
    "OpenSSH with a newline": lambda key: (_ssh(key) or _pem(key)) + b"\n",
    "JWK": lambda key: json.dumps(_own_jwk()).encode(),
    "JWK without white space": lambda key: json.dumps(_own_jwk(), separators=(",", ":")).encode(),
    "JWK, sorted": lambda key: json.dumps(_own_jwk(), sort_keys=True, separators=(",", ":")).encode(),
    "JWK set": lambda key: json.dumps({"keys": [_own_jwk()]}, separators=(",", ":")).encode(),
    "its number alone": lambda key: base64.urlsafe_b64decode(_own_jwk().get("n", _own_jwk().get("x", "")) + "=="),
    "its number in base64": lambda key: _own_jwk().get("n", _own_jwk().get("x", "")).encode(),
    "kid": lambda key: key_ring().signing.kid.encode(),
}


CONFUSED_ALGORITHMS = ["RS256", "ES256", "EdDSA"]  # SimpleJWT has no Ed25519


def _ssh(key) -> bytes:
    return key.public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)


def _confused(form: Callable, alg: str | None, hash_name: str) -> Callable[[str], str]:
    def make(token: str) -> str:
        secret = form(key_ring().signing.verifying)
        return hmac_signed(secret, hash_name, **({"alg": alg} if alg else {}))(token)

    return make


CONFUSED = {
    **{f"HS256 keyed with {name}": _confused(form, "HS256", "sha256") for name, form in PUBLIC_FORMS.items()},
    "HS384 keyed with PEM": _confused(_pem, "HS384", "sha384"),
    "HS512 keyed with PEM": _confused(_pem, "HS512", "sha512"),
    "its own alg, HMAC keyed with PEM": _confused(_pem, None, "sha256"),
    "its own alg, HMAC keyed with JWK": _confused(PUBLIC_FORMS["JWK"], None, "sha256"),
    "another RSA key": signed_by_attacker("RS256", ATTACKERS_RSA),
    "another RSA key, PSS": signed_by_attacker("PS256", ATTACKERS_RSA),
    "another EC key": signed_by_attacker("ES256", ATTACKERS_EC),
    "another Ed25519 key": signed_by_attacker("EdDSA", ATTACKERS_ED),
    "another RSA key in jwk": signed_by_attacker("RS256", ATTACKERS_RSA, jwk=_jwk(ATTACKERS_RSA, "RS256")),
    "another EC key in jwk": signed_by_attacker("ES256", ATTACKERS_EC, jwk=_jwk(ATTACKERS_EC, "ES256")),
    "another Ed25519 key in jwk": signed_by_attacker("EdDSA", ATTACKERS_ED, jwk=_jwk(ATTACKERS_ED, "EdDSA")),
    "none": UNSIGNED["alg 'none', no signature"],
    "r and s zero (CVE-2022-21449)": _signature(lambda signature: b64(bytes(64))),
    "a signature of zeros, as long as RSA's": _signature(lambda signature: b64(bytes(256))),
    "an empty signature": _signature(lambda signature: ""),
}
