"""Every row refuses bad credentials: forged, hostile, misspelt or of another kind."""

import jwt as pyjwt
import pytest
from django.http import HttpResponse

from config.schemes import SCHEMES
from jwt_auth import models
from tests.support import attacks, attacks_forged
from tests.support.attacks_spellings import CREDENTIAL_SPELLINGS, HEADER_SPELLINGS, TOKEN_SPELLINGS, with_an_a, written
from tests.support.keys import a_key, forge
from tests.support.logins import claims

pytestmark = pytest.mark.attack

OWN = [row.name for row in SCHEMES.values() if not row.is_stock]
OF_TOKENS = [name for name in OWN if SCHEMES[name].keyword == "Token"]
OF_JWT = [name for name in OWN if SCHEMES[name].keyword == "Bearer"]

NOBODYS = "00000000-0000-4000-8000-000000000000"  # the id of no login
# The endpoints that check the header, in every row and in some rows.
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
    "jwt": [
        ("post", "/api/token/logout/"),
        ("get", "/api/token/sessions/"),
        ("delete", f"/api/token/sessions/{NOBODYS}/"),
    ],
    "jwt-stateless": [],  # has the views of jwt
    "jwt-pushed": [],
}
# Path, field, and the token of a pair that belongs in the field.
IN_A_BODY = [
    ("/api/token/refresh/", "refresh", "refresh"),
    ("/api/token/logout/", "refresh", "refresh"),
    ("/api/token/verify/", "token", "access"),
]


def assert_refused(response: HttpResponse, keyword: str):
    """Assert a 401 in JSON with a challenge (RFC 9110 11.6.1)."""
    assert response.status_code == 401, (response.status_code, response.content[:200])
    assert response["Content-Type"] == "application/json"
    assert response.json()["detail"]
    assert response["WWW-Authenticate"].startswith(f'{keyword} realm="api"')


def present(door, credential: str, but: str = ""):
    """Send the credential to every endpoint of the row that reads the header; all must refuse it.

    `but` names a path to leave out.
    """
    authorization = f"{door.scheme.keyword} {credential}"
    for method, path in (*GUARDED, *OF_ROW[door.scheme.name]):
        if path == but:
            continue
        response = getattr(door.client, method)(path, HTTP_AUTHORIZATION=authorization)
        assert_refused(response, door.scheme.keyword)


def send(door, path: str, name: str, text: str):
    """Send the text in the body where a token belongs, and check that the service refuses it."""
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
    # No attack ended the login or spent its token.
    assert own.client.post("/api/token/refresh/", {"refresh": pair["refresh"]}).status_code == 200


# The service refuses these before it makes a query, so one database is enough.
@pytest.mark.once
@cases(attacks_forged.FORGED)
@rows_of_jwt
def test_a_forged_token_opens_no_door(pair, own, make):
    attack_with(own, pair, make)


ASYMMETRIC = [*attacks_forged.CONFUSED_ALGORITHMS, "Ed25519"]
_KEYS = {algorithm: a_key(algorithm) for algorithm in ASYMMETRIC}


@pytest.fixture(params=ASYMMETRIC)
def asymmetric(request, settings):
    """Let the service sign with a private key of this algorithm."""
    settings.JWT_ALGORITHM, settings.JWT_SIGNING_KEY = request.param, _KEYS[request.param]
    settings.JWT_VERIFYING_KEYS = ()


@pytest.mark.once
@cases(attacks_forged.CONFUSED)
@rows_of_jwt
def test_what_the_public_key_can_make_opens_no_door(asymmetric, pair, own, make):
    attack_with(own, pair, make)


# Well formed and signed by the service, but the login or the user does not exist. This row makes no
# query, by design.
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
        # A client may log out again after its login has ended or its user was disabled.
        present(own, credential, but="/api/token/logout/" if "jwt-stateless" in opens else "")


@pytest.mark.parametrize(("make", "opens"), attacks.KINDS.values(), ids=attacks.KINDS)
@pytest.mark.parametrize("own", ["jwt"], indirect=True)
def test_only_a_refresh_token_of_ours_is_refreshed(own, user, make, opens):
    credential = make(user)
    path, name, _ = IN_A_BODY[0]
    try:
        stated = claims(credential)
    except pyjwt.InvalidTokenError:
        stated = {}
    if stated.get("token_type") == "refresh":
        is_ours = "sid" in stated
        assert own.client.post(path, {name: credential}).status_code == (200 if is_ours else 401)
    else:
        send(own, path, name, credential)


# --- other spellings of the header: {K} the keyword, {C} the credential, accepted or not ----------


def assert_decided(own, user, header: str, let_in: bool):
    response = own.client.get("/whoami/", HTTP_AUTHORIZATION=header)
    if let_in:
        assert (response.status_code, response.json().get("id")) == (200, user.pk)
    else:
        assert_refused(response, own.scheme.keyword)


@pytest.mark.once
@pytest.mark.parametrize(("spelling", "let_in"), HEADER_SPELLINGS.values(), ids=HEADER_SPELLINGS)
@rows
def test_a_header_is_one_keyword_white_space_and_one_credential(own, user, spelling, let_in):
    text = own.credential(user)
    assert_decided(own, user, written(spelling, own.scheme.keyword, text), let_in)


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
