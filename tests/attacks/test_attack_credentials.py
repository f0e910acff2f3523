"""Nobody is let in by what is no good credential of the row: forged, hostile, of another kind or misspelt."""

import base64
from urllib.parse import quote

import pytest
from django.http import HttpResponse

from config.schemes import SCHEMES
from jwt_auth import models
from tests.jwt_auth.test_jwt_keys import a_key, forge
from tests.jwt_auth.test_logins import claims
from tests.support import attacks

pytestmark = pytest.mark.attack

OWN = [row.name for row in SCHEMES.values() if not row.is_stock]
OF_TOKENS = [name for name in OWN if SCHEMES[name].keyword == "Token"]
OF_JWT = [name for name in OWN if SCHEMES[name].keyword == "Bearer"]

# What is guarded by the header, in each row and in some.
GUARDED = [("get", "/whoami/"), ("post", "/tracks/")]
OF_ROW = {
    "token": [("post", "/api-token-auth/new/"), ("get", "/api-token-auth/new/"), ("post", "/api-token-auth/revoke/")],
    "token-cached": [],  # has the views of token
    "token-hashed": [
        ("post", "/api-token-auth/new/"),
        ("post", "/api-token-auth/revoke/"),
        ("get", "/api-token-auth/tokens/"),
        ("delete", "/api-token-auth/tokens/1/"),
    ],
    "jwt": [("post", "/api/token/logout/")],
    "jwt-stateless": [],  # has the views of jwt
}
# Path, field, and which of a pair would be asked for in it.
IN_A_BODY = [
    ("/api/token/refresh/", "refresh", "refresh"),
    ("/api/token/logout/", "refresh", "refresh"),
    ("/api/token/verify/", "token", "access"),
]


def assert_refused(response: HttpResponse, keyword: str):
    """RFC 9110 11.6.1: a 401 has a challenge; every error of this API is JSON."""
    assert response.status_code == 401, (response.status_code, response.content[:200])
    assert response["Content-Type"] == "application/json"
    assert response.json()["detail"]
    assert response["WWW-Authenticate"].startswith(f'{keyword} realm="api"')


def present(door, credential: str, but: str = ""):
    """The credential at every door of the row that reads the header (`but` that path), none of which opens."""
    authorization = f"{door.scheme.keyword} {credential}"
    for method, path in (*GUARDED, *OF_ROW[door.scheme.name]):
        if path == but:
            continue
        response = getattr(door.client, method)(path, HTTP_AUTHORIZATION=authorization)
        assert_refused(response, door.scheme.keyword)


def send(door, path: str, name: str, text: str):
    """The text in the body, where a token is asked for: refused, be it for its length or its being empty."""
    response = door.client.post(path, {name: text})
    if response.status_code != 400:
        assert_refused(response, "Bearer")
    assert response["Content-Type"] == "application/json"


@pytest.fixture
def own(request, door_to):
    return door_to(request.param)


rows_of_jwt = pytest.mark.parametrize("own", OF_JWT, indirect=True)
rows = pytest.mark.parametrize("own", OWN, indirect=True)


def cases(catalogue):
    return pytest.mark.parametrize("make", catalogue.values(), ids=[ascii(name) for name in catalogue])


@pytest.fixture
def pair(user) -> dict[str, str]:
    pair = models.log_in(user)
    return {"access": str(pair.access), "refresh": str(pair.refresh)}


def attack_with(own, pair, make):
    present(own, make(pair["access"]))
    if not OF_ROW[own.scheme.name]:
        return
    for path, name, kind in IN_A_BODY:
        send(own, path, name, make(pair[kind]))
    # Nothing of it has ended the login, nor spent its token.
    assert own.client.post("/api/token/refresh/", {"refresh": pair["refresh"]}).status_code == 200


# Refused before a query is made: once is enough.
@pytest.mark.once
@cases(attacks.FORGED)
@rows_of_jwt
def test_a_forged_token_opens_no_door(pair, own, make):
    attack_with(own, pair, make)


@pytest.fixture(params=attacks.CONFUSED_ALGORITHMS)
def asymmetric(request, settings):
    """The service signs with a private key of this algorithm."""
    settings.JWT_ALGORITHM, settings.JWT_SIGNING_KEY = request.param, _KEYS[request.param]
    settings.JWT_VERIFYING_KEYS = ()


_KEYS = {algorithm: a_key(algorithm) for algorithm in attacks.CONFUSED_ALGORITHMS}


@pytest.mark.once
@cases(attacks.CONFUSED)
@rows_of_jwt
def test_what_the_public_key_can_make_opens_no_door(asymmetric, pair, own, make):
    attack_with(own, pair, make)


# Well formed and signed by us, of a login or a user that is not there. This row asks nobody, by its design.
NOT_THERE = {"claims {'sid': '" + "0" * 32 + "'}", "claims {'user_id': '0'}"}


@pytest.mark.once
@cases(attacks.WELL_SIGNED)
@rows_of_jwt
def test_a_signature_of_ours_under_what_no_token_of_ours_says_opens_no_door(request, pair, own, make):
    if own.scheme.name == "jwt-stateless" and any(ascii(name) in request.node.name for name in NOT_THERE):
        assert own.get("/whoami/", make(pair["access"])).json()["username"] == ""
    else:
        attack_with(own, pair, make)


ISSUER, AUDIENCE = "https://tracks.example", "tracks"
MISADDRESSED = [
    *[
        {"iss": value}
        for value in (..., None, "", [], {}, 7, True, [ISSUER], {"": ISSUER}, f"{ISSUER}/", ISSUER.upper())
    ],
    *[
        {"iss": value}
        for value in (f"{ISSUER}.attacker.example", f" {ISSUER}", f"{ISSUER}\0", ISSUER[:-1], "http" + ISSUER[5:])
    ],
    *[
        {"aud": value}
        for value in (..., None, "", [], {}, 7, True, [7], {"": AUDIENCE}, "Tracks", "tracks ", "track", "*")
    ],
    *[{"aud": value} for value in (["others"], [[AUDIENCE]], [AUDIENCE, 7], "tracks,others", "tracks others")],
]


@pytest.mark.once
@pytest.mark.parametrize("changes", MISADDRESSED, ids=ascii)
@rows_of_jwt
def test_a_token_for_or_by_somebody_else_opens_no_door(settings, request, own, changes):
    settings.JWT_ISSUER, settings.JWT_AUDIENCE = ISSUER, AUDIENCE
    pair = request.getfixturevalue("pair")
    assert own.get("/whoami/", pair["access"]).status_code == 200
    attack_with(own, pair, lambda token: forge(token, **changes))


@pytest.mark.parametrize(("make", "opens"), attacks.KINDS.values(), ids=attacks.KINDS)
@rows
def test_a_credential_opens_the_doors_of_its_own_kind_and_no_other(own, user, make, opens):
    keyword = own.scheme.keyword
    credential = make(user)
    other = "Token" if keyword == "Bearer" else "Bearer"
    for wrong in (other, "Basic", "Digest", f"{keyword}s"):
        assert_refused(own.get("/whoami/", credential, wrong), keyword)
    if own.scheme.name in opens:
        assert own.get("/whoami/", credential).json()["id"] == user.pk
    else:
        # A login that has ended, or whose user is disabled, may be ended again.
        present(own, credential, but="/api/token/logout/" if "jwt-stateless" in opens else "")


@pytest.mark.parametrize(("make", "opens"), attacks.KINDS.values(), ids=attacks.KINDS)
@pytest.mark.parametrize("own", ["jwt"], indirect=True)
def test_only_a_refresh_token_of_ours_is_refreshed(own, user, make, opens):
    credential = make(user)
    path, name, _ = IN_A_BODY[0]
    if credential and (claims(credential) if credential.count(".") == 2 else {}).get("token_type") == "refresh":
        is_ours = "sid" in claims(credential)
        assert own.client.post(path, {name: credential}).status_code == (200 if is_ours else 401)
    else:
        send(own, path, name, credential)


# --- other spellings: of the whole header, {K} the keyword and {C} the credential; is it let in? -------

HEADER_SPELLINGS = {
    "as it should be": ("{K} {C}", True),
    "two spaces": ("{K}  {C}", True),
    "a tab": ("{K}\t{C}", True),
    "white space around": ("  {K} {C} \t", True),
    "a thousand spaces": ("{K}" + " " * 1000 + "{C}", True),
    "no space": ("{K}{C}", False),
    "no keyword": ("{C}", False),
    "the keyword alone": ("{K}", False),
    "the keyword twice": ("{K} {K} {C}", False),
    "the other way round": ("{C} {K}", False),
    "a colon": ("{K}: {C}", False),
    "an equals sign": ("{K}={C}", False),
    "a parameter": ("{K} token={C}", False),
    "a comma before": (", {K} {C}", False),
    "a comma after": ("{K} {C},", False),
    "a semicolon after": ("{K} {C};", False),
    "in double quotes": ('{K} "{C}"', False),
    "in single quotes": ("{K} '{C}'", False),
    "all in quotes": ('"{K} {C}"', False),
    "in angle brackets": ("{K} <{C}>", False),
    "twice": ("{K} {C} {C}", False),
    "twice, as two headers are joined": ("{K} {C},{K} {C}", False),
    "twice, as two headers are joined with a space": ("{K} {C}, {K} {C}", False),
    "a bad one before": ("{K} x, {K} {C}", False),
    "a bad one after": ("{K} {C}, {K} x", False),
    "another scheme before": ("Basic YTpi, {K} {C}", False),
    "another scheme after": ("{K} {C}, Basic YTpi", False),
    "an empty header before": (",{K} {C}", False),
    "a new line in the middle": ("{K} {C1}\n{C2}", False),
    "a folded line in the middle": ("{K} {C1}\r\n {C2}", False),
    "a space in the middle": ("{K} {C1} {C2}", False),
    "a NUL before": ("{K} \0{C}", False),
    "a NUL after": ("{K} {C}\0", False),
    "a NUL in the keyword": ("{K}\0 {C}", False),
    "a NUL for the space": ("{K}\0{C}", False),
    "a no-break space": ("{K}\xa0{C}", False),
    "a BOM": ("{K} \xef\xbb\xbf{C}", False),
    "a zero-width space after": ("{K} {C}\xe2\x80\x8b", False),
    "a soft hyphen in the middle": ("{K} {C1}\xc2\xad{C2}", False),
    "a delete after": ("{K} {C}\x7f", False),
    "an escape before": ("{K} \x1b[0m{C}", False),
    "one character missing": ("{K} {C-}", False),
    "one character more": ("{K} {C}A", False),
    "a dot after": ("{K} {C}.", False),
    "a dot before": ("{K} .{C}", False),
    "an equals sign twice after": ("{K} {C}==", False),
    "a percent sign after": ("{K} {C}%", False),
    "a wildcard": ("{K} {C-}%", False),
    "an underscore for a character": ("{K} {C-}_", False),
    "very long": ("{K} {C}" + "A" * 200_000, False),
    "very many words": ("{K} {C}" + " A" * 50_000, False),
    "a look-alike in the keyword": ("{L} {C}", False),
}
CREDENTIAL_SPELLINGS = {
    "percent-encoded first character": lambda text: f"%{ord(text[0]):02x}{text[1:]}",
    "percent-encoded": lambda text: "".join(f"%{ord(character):02x}" for character in text),
    "first character wide": lambda text: (chr(ord(text[0]) + 0xFEE0) + text[1:]).encode().decode("latin-1"),
    "first character accented": lambda text: (text[0] + "\u0301" + text[1:]).encode().decode("latin-1"),
    "a letter from another script": lambda text: text.replace("a", "\u0430", 1).encode().decode("latin-1"),
    "in capitals": str.upper,
    "case swapped": str.swapcase,
    "backwards": lambda text: text[::-1],
    "in base64": lambda text: base64.b64encode(text.encode()).decode(),
    "in hexadecimal": lambda text: text.encode().hex(),
    "with 0x": lambda text: f"0x{text}",
    "as JSON": lambda text: f'{{"token":"{text}"}}',
    "as an HTML entity": lambda text: f"&#{ord(text[0])};{text[1:]}",
    "escaped as in Python": lambda text: f"\\x{ord(text[0]):02x}{text[1:]}",
    "quoted for a shell": lambda text: f"$(echo\t{text})",
    "quoted for a URL, spaces and all": lambda text: quote(f" {text}"),
}
TOKEN_SPELLINGS = {
    "an equals sign at the header": lambda three: [three[0] + "=", *three[1:]],
    "white space in the payload": lambda three: [three[0], three[1][:8] + "\xa0" + three[1][8:], three[2]],
    "a character that base64 leaves out": lambda three: [*three[:2], "!" + three[2]],
    "its last character another of the same bits": lambda three: [*three[:2], three[2][:-1] + _twin(three[2][-1])],
    "base64 as of old": lambda three: [*three[:2], three[2].replace("-", "+").replace("_", "/") + "+"],
    "no dot": lambda three: ["".join(three)],
    "commas for dots": lambda three: [",".join(three)],
}


def _twin(last: str) -> str:
    """Another character of which base64 reads the same bits: of the last of 43 it leaves out two."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return alphabet[alphabet.index(last) ^ 1]


def assert_decided(own, user, header: str, let_in: bool):
    response = own.client.get("/whoami/", HTTP_AUTHORIZATION=header)
    if let_in:
        assert (response.status_code, response.json().get("id")) == (200, user.pk)
    else:
        assert_refused(response, own.scheme.keyword)


def written(spelling: str, keyword: str, text: str) -> str:
    look_alike = keyword.replace("o", "\u043e").replace("a", "\u0430").encode().decode("latin-1")
    places = {"{K}": keyword, "{L}": look_alike, "{C}": text, "{C-}": text[:-1], "{C1}": text[:9], "{C2}": text[9:]}
    for place, part in places.items():
        spelling = spelling.replace(place, part)
    return spelling


@pytest.mark.once
@pytest.mark.parametrize(("spelling", "let_in"), HEADER_SPELLINGS.values(), ids=HEADER_SPELLINGS)
@rows
def test_a_header_is_one_keyword_white_space_and_one_credential(own, user, spelling, let_in):
    text = own.credential(user)
    assert_decided(own, user, written(spelling, own.scheme.keyword, text), let_in)


@pytest.mark.once
def with_an_a(door, user) -> str:
    """A credential that has one, which some of the spellings change; if need be another user's."""
    text = door.credential(user)
    while "a" not in text:
        text = door.credential(type(user).objects.create_user(text[:100]))
    return text


@pytest.mark.parametrize("respell", CREDENTIAL_SPELLINGS.values(), ids=CREDENTIAL_SPELLINGS)
@rows
def test_a_credential_is_decoded_in_no_way(own, user, respell):
    text = with_an_a(own, user)
    assert respell(text) != text
    assert_decided(own, user, f"{own.scheme.keyword} {respell(text)}", False)


@pytest.mark.once
@pytest.mark.parametrize("respell", TOKEN_SPELLINGS.values(), ids=TOKEN_SPELLINGS)
@rows_of_jwt
def test_base64_is_read_in_its_one_form(own, user, respell):
    assert_decided(own, user, f"Bearer {'.'.join(respell(own.credential(user).split('.')))}", False)


@pytest.mark.once
@rows
def test_no_character_of_a_credential_can_be_another(own, user):
    text = own.credential(user)
    for place, character in enumerate(text):
        changed = text[:place] + ("0" if character != "0" else "1") + text[place + 1 :]
        assert_decided(own, user, f"{own.scheme.keyword} {changed}", False)
