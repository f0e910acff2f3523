"""Hostile tokens that look like SimpleJWT's own: well signed, and without the name of a key."""

import json
from collections.abc import Callable

from tests.support.attacks import RAW_CLAIMS
from tests.support.attacks_claims import HOSTILE, PAYLOADS
from tests.support.keys import sign
from tests.support.logins import claims

_HEADER = {"typ": "JWT"}

# SimpleJWT's id of a token may be any text, and its tokens name no login.
_ITS_OWN = [{"jti": "é" * 32}, *[changes for changes in HOSTILE if "sid" in changes]]


def unnamed(payload: dict | bytes) -> str:
    """Sign any payload with the key of the service, which SimpleJWT's rows have too."""
    return sign(payload, _HEADER)


def _changed(**changes) -> Callable[[str], str]:
    return lambda token: unnamed({name: value for name, value in (claims(token) | changes).items() if value is not ...})


def _raw(text: str) -> Callable[[str], str]:
    return lambda token: unnamed(text.replace("{claims}", json.dumps(claims(token))[1:-1]).encode())


WELL_SIGNED: dict[str, Callable[[str], str]] = {
    **{f"claims {ascii(changes)[:60]}": _changed(**changes) for changes in HOSTILE if changes not in _ITS_OWN},
    **{
        f"{name} {ascii(value)[:40]}": _changed(**{name: value})
        for name, values in {
            "user_id": (True, False, 0, 1.0, 1.5, -1, [1], ["1"], {"pk": "1"}, " 1", "1 ", "+1", "01", "1_0", "1.0"),
            "nbf": (None, True, "1", "", [], -(10**400)),
            "exp": (False, "9999999999", 253402300800, -(10**30), [4102444800]),
            "iat": (False, "1", 253402300800, {}),
            "jti": (True, 1.5, ["a" * 32], "a\n", "a" * 256, "\x7f", "\u202e"),
            "sid": ("", None, "a" * 32, 0, False, "x"),
            "token_type": ("Access", "access ", "refresh\0", True, "id"),
        }.items()
        for value in values
    },
    **{
        f"claims {name}": _raw(text)
        for name, text in RAW_CLAIMS.items()
        if "sid" not in name and name != "user_id twice, the last a number"
    },
    **{f"payload {payload[:12]!r}": lambda token, payload=payload: unnamed(payload) for payload in PAYLOADS},
    "payload another token": lambda token: unnamed(token.encode()),
    "too long by an unknown claim": _changed(padding="x" * 4000),
    **{
        f"header {ascii(header)[:40]}": lambda token, header=header: sign(claims(token), _HEADER | header)
        for header in ({"kid": ""}, {"kid": "nobody"}, {"crit": ["exp"]}, {"b64": False})
    },
}
