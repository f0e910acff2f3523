"""Bad credentials: forged, hostile though well signed, or of another kind.

These are plain catalogues of name and maker, which the tests of our rows share with the count of
what the stock rows do.
"""

import base64
import hmac
import json
from collections.abc import Callable
from datetime import timedelta

from django.conf import settings
from django.contrib.auth import SESSION_KEY, get_user_model
from django.contrib.sessions.backends.db import SessionStore
from rest_framework.authtoken.models import Token
from rest_framework_simplejwt.tokens import AccessToken, RefreshToken, SlidingToken

from jwt_auth import models
from jwt_auth.keys import key_ring
from tests.support.accounts import PASSWORD
from tests.support.attacks_claims import HOSTILE, KIDS, PAYLOADS
from tests.support.attacks_forged import b64, other, own_secret, with_header
from tests.support.keys import forge, sign
from tests.support.logins import claims
from tokens import hashed, wire
from tokens.management.commands.move_drf_tokens import Command
from tokens.models import HashedToken

# --- tokens signed by our own key, with contents that our tokens never have -----------------------


def _signed_payload(text: str) -> Callable[[str], str]:
    """Return a function that signs a payload: `text` with the token's own claims for {claims}."""
    return lambda token: sign(text.replace("{claims}", json.dumps(claims(token))[1:-1]).encode())


def _signed_header(**header) -> Callable[[str], str]:
    return lambda token: sign(claims(token), {"kid": key_ring().signing.kid, **header})


RAW_CLAIMS = {
    "exp NaN": '{{claims},"exp":NaN}',
    "exp Infinity": '{{claims},"exp":Infinity}',
    "exp -Infinity": '{{claims},"exp":-Infinity}',
    "exp 1e400": '{{claims},"exp":1e400}',
    "exp of 3,000 digits": '{{claims},"exp":' + "9" * 2500 + "}",
    "exp twice, the last in the past": '{{claims},"exp":1}',
    "exp twice, the last null": '{{claims},"exp":null}',
    "iat NaN": '{{claims},"iat":NaN}',
    "iat 1e400": '{{claims},"iat":1e400}',
    "nbf NaN": '{{claims},"nbf":NaN}',
    "nbf 1e400": '{{claims},"nbf":1e400}',
    "user_id twice, the last of nobody": '{{claims},"user_id":"nobody"}',
    "user_id twice, the last a number": '{{claims},"user_id":1}',
    "token_type twice, the last another": '{{claims},"token_type":"sliding"}',
    "sid twice, the last another": '{{claims},"sid":"x"}',
    "a claim nested deeply": '{{claims},"jti":' + "[" * 900 + "]" * 900 + "}",
    "in a list": "[{{claims}}]",
    "in a text": '"{}"',
    "followed by more": "{{claims}} {}",
    "before a NUL": "{{claims}}\0",
    "a comma too many": "{{claims},}",
}
CLAIMS = {
    **{f"claims {ascii(changes)[:60]}": lambda token, changes=changes: forge(token, **changes) for changes in HOSTILE},
    **{
        f"{name} {ascii(value)[:40]}": lambda token, name=name, value=value: forge(token, **{name: value})
        for name, values in {
            # Python takes True for the number 1, and the database for user 1. The others are
            # similar.
            "user_id": (True, False, 1, 1.0, 1.5, -1, [1], ["1"], {"pk": "1"}, " 1", "1 ", "+1", "01", "1_0", "1.0"),
            "nbf": (None, True, "1", "", [], -(10**400)),
            "exp": (False, "9999999999", 253402300800, -(10**30), [4102444800]),
            "iat": (False, "1", 253402300800, {}),
            "jti": (True, 1.5, ["a" * 32], "A" * 32, "a" * 31, "a" * 33, " " + "a" * 31),
            "sid": (True, 1.5, ["a" * 32], "A" * 32, "a" * 31, "a" * 32 + "\n"),
            "sub": ("", "0", 1, True, None, ["1"]),
            "token_type": ("Access", "access ", "refresh\0", True, "id"),
        }.items()
        for value in values
    },
    **{f"claims {name}": _signed_payload(text) for name, text in RAW_CLAIMS.items()},
    **{f"payload {payload[:12]!r}": lambda token, payload=payload: sign(payload) for payload in PAYLOADS},
    "payload another token": lambda token: sign(token.encode(), {"kid": key_ring().signing.kid, "cty": "JWT"}),
    "too long by an unknown claim": lambda token: forge(token, padding="x" * 4000),
}
HEADERS = {
    **{
        f"crit {crit!r}": _signed_header(crit=crit)
        for crit in (["exp"], [], "exp", [1], ["b64"], ["x", "x"], {}, None, ["alg"])
    },
    "crit names what is there": _signed_header(crit=["http://example.com/x"], **{"http://example.com/x": True}),
    "kid a list": lambda token: _with_signed_header(token, kid=[key_ring().signing.kid]),
    "kid in capitals": lambda token: _with_signed_header(token, kid=key_ring().signing.kid.swapcase()),
    "kid with a space": lambda token: _with_signed_header(token, kid=key_ring().signing.kid + " "),
    "kid cut short": lambda token: _with_signed_header(token, kid=key_ring().signing.kid[:-1]),
    **{f"kid {head!r}": lambda token, head=head: _with_signed_header(token, **{"kid": ..., **head}) for head in KIDS},
    "b64 false": lambda token: _with_signed_header(token, b64=False),
    "b64 false and crit": lambda token: _with_signed_header(token, b64=False, crit=["b64"]),
    "alg in small letters": lambda token: _with_signed_header(token, alg="hs256"),
}


def _with_signed_header(token: str, **changes) -> str:
    """Return the token with a changed header and a valid signature of it.

    pyjwt.encode refuses to make such a token.
    """
    signed = with_header(token, **changes).rpartition(".")[0]
    return f"{signed}.{b64(hmac.digest(own_secret(), signed.encode(), 'sha256'))}"


WELL_SIGNED = CLAIMS | HEADERS

# --- good credentials of another kind: name -> user -> the credential -----------------------------


def _session(user) -> str:
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session.create()
    return session.session_key


def _ended(user) -> str:
    pair = models.log_in(user)
    models.end(models.LOGOUT, pk=pair.access.sid)
    return str(pair.access)


def _expired(user) -> str:
    token = AccessToken.for_user(user)
    token.set_exp(lifetime=timedelta(hours=-1))
    return str(token)


def _of_inactive(issue: Callable) -> Callable:
    def make(user) -> str:
        credential = issue(user)
        get_user_model().objects.filter(pk=user.pk).update(is_active=False)
        return credential

    return make


def _revoked_hashed(user) -> str:
    key = hashed.obtain(user).key
    hashed.revoke(key)
    return key


def _moved(user) -> str:
    """Return a key of DRF's table after move_drf_tokens has moved it."""
    key = Token.objects.get(user=user).key
    Command._move([user.pk])  # without the checks: the stock rows run without the admin's middleware
    return key


def _digest_of_moved(user) -> str:
    return wire.digest(_moved(user)).hex()[:40]


def _other_prefix(user) -> str:
    """Return the random part of a valid token under another prefix, with the right checksum."""
    random = hashed.obtain(user).key.split("_")[1]
    return f"ghp_{random}_{wire._checksum(f'ghp_{random}')}"


def _hashed_changed(change: Callable[[HashedToken], str]) -> Callable:
    return lambda user: change(hashed.obtain(user))


def _with_checksum(key: str) -> str:
    body = key.rpartition("_")[0]
    return f"{body}_{wire._checksum(body)}"


# Credentials that some rows accept, by the rows whose guarded endpoints they may open.
KINDS: dict[str, tuple[Callable, set[str]]] = {
    "opaque key": (lambda user: Token.objects.get(user=user).key, {"token", "token-cached", "drf-token"}),
    "hashed token": (lambda user: hashed.obtain(user).key, {"token-hashed"}),
    "hashed token that may only read": (lambda user: hashed.obtain(user, scope="read").key, {"token-hashed"}),
    "opaque key, moved": (_moved, {"token-hashed"}),
    "digest of a moved key, cut to its length": (_digest_of_moved, set()),
    "scope of a hashed token": (lambda user: "read", set()),
    "access token": (
        lambda user: str(models.log_in(user).access),
        {"jwt", "jwt-stateless", "jwt-pushed", "simplejwt", "simplejwt-stateless"},
    ),
    "refresh token": (lambda user: str(models.log_in(user).refresh), set()),
    "access token of an ended login": (_ended, {"jwt-stateless", "simplejwt", "simplejwt-stateless"}),
    "access token of stock": (lambda user: str(AccessToken.for_user(user)), {"simplejwt", "simplejwt-stateless"}),
    "refresh token of stock": (lambda user: str(RefreshToken.for_user(user)), set()),
    "sliding token of stock": (lambda user: str(SlidingToken.for_user(user)), set()),
    "access token of stock, expired": (_expired, set()),
    "hashed token, revoked": (_revoked_hashed, set()),
    "hashed token, another prefix": (_other_prefix, set()),
    "hashed token, unknown": (lambda user: wire.new(), set()),
    "hashed token, another checksum": (_hashed_changed(lambda token: token.key[:-1] + other(token.key[-1])), set()),
    "hashed token, one digit changed, with its new checksum": (
        _hashed_changed(lambda token: _with_checksum(token.key[:4] + other(token.key[4]) + token.key[5:])),
        set(),
    ),
    "hashed token without its checksum": (_hashed_changed(lambda token: token.key.rpartition("_")[0]), set()),
    "hashed token without its prefix": (_hashed_changed(lambda token: token.key.partition("_")[2]), set()),
    "digest in hexadecimal": (_hashed_changed(lambda token: wire.digest(token.key).hex()), set()),
    "digest cut to the length of a key": (_hashed_changed(lambda token: wire.digest(token.key).hex()[:40]), set()),
    "digest in base64": (_hashed_changed(lambda token: b64(wire.digest(token.key))), set()),
    "digest as it is": (_hashed_changed(lambda token: wire.digest(token.key).decode("latin-1")), set()),
    "last four characters": (_hashed_changed(lambda token: token.last_four), set()),
    "id of a hashed token": (_hashed_changed(lambda token: str(token.pk)), set()),
    "label of a hashed token": (lambda user: hashed.obtain(user, "a" * 40).label, set()),
    "id of a login": (lambda user: models.log_in(user).access.sid.hex, set()),
    "jti of a refresh token": (lambda user: models.log_in(user).refresh.jti, set()),
    "session key": (_session, set()),
    "signing key": (lambda user: settings.JWT_SIGNING_KEY, set()),
    "SECRET_KEY": (lambda user: settings.SECRET_KEY, set()),
    "kid": (lambda user: key_ring().signing.kid, set()),
    "password": (lambda user: PASSWORD.replace(" ", ""), set()),
    "hash of the password": (lambda user: user.password, set()),
    "user name": (lambda user: user.username, set()),
    "user id": (lambda user: str(user.pk), set()),
    "name and password, as Basic has them": (
        lambda user: base64.b64encode(f"{user.username}:{PASSWORD}".encode()).decode(),
        set(),
    ),
    "prefix of an opaque key": (lambda user: Token.objects.get(user=user).key[:8], set()),
    "opaque key in capitals": (lambda user: Token.objects.get(user=user).key[:-1].upper() + "A", set()),
    "opaque key of nobody": (lambda user: "0" * 40, set()),
    "opaque key of an inactive user": (_of_inactive(lambda user: Token.objects.get(user=user).key), set()),
    "hashed token of an inactive user": (_of_inactive(lambda user: hashed.obtain(user).key), set()),
    "access token of an inactive user": (
        _of_inactive(lambda user: str(models.log_in(user).access)),
        {"jwt-stateless", "simplejwt-stateless"},
    ),
    "nothing": (lambda user: "", set()),
    "null": (lambda user: "null", set()),
    "undefined": (lambda user: "undefined", set()),
    "true": (lambda user: "true", set()),
    "a wildcard": (lambda user: "%", set()),
    "a statement": (lambda user: "'OR'1'='1", set()),
    "a NUL": (lambda user: "\0", set()),
    "a NUL in a key": (lambda user: Token.objects.get(user=user).key[:-1] + "\0", set()),
    "no UTF-8": (lambda user: "\xff\xfe", set()),
}
