"""Bad tokens of SimpleJWT's own kind, while JWT_ACCEPT_STOCK_UNTIL accepts the good ones."""

from datetime import date

import pytest
from rest_framework_simplejwt import state
from rest_framework_simplejwt.backends import TokenBackend

from config.schemes import SCHEMES
from tests.support import attacks, attacks_forged
from tests.support.attacks_stock import WELL_SIGNED
from tests.support.keys import a_key, public_pem
from tests.support.stock_tokens import stock_pair

pytestmark = [pytest.mark.attack, pytest.mark.once]

OF_JWT = [row.name for row in SCHEMES.values() if row.urlconf == "jwt_auth.urls"]
rows = pytest.mark.parametrize("name", OF_JWT)


def cases(catalogue):
    return pytest.mark.parametrize("make", catalogue.values(), ids=[ascii(name) for name in catalogue])


@pytest.fixture(autouse=True)
def accepted(settings):
    settings.JWT_ACCEPT_STOCK_UNTIL = date(2099, 12, 31)


def attack(door, pair, make):
    """Send what `make` makes of the pair to each door; nothing is let in, spent or failed by it."""
    access, refresh = make(pair["access"]), make(pair["refresh"])
    client = door.client
    answers = [
        door.get("/whoami/", access),
        door.get("/api/token/sessions/", access),
        client.post("/api/token/logout/", headers={"Authorization": f"Bearer {access}"}),
        client.post("/api/token/logout/", {"everywhere": True}, headers={"Authorization": f"Bearer {access}"}),
        client.post("/api/token/verify/", {"token": access}),
        client.post("/api/token/verify/", {"token": refresh}),
        client.post("/api/token/refresh/", {"refresh": refresh}),
        client.post("/api/token/logout/", {"refresh": refresh}),
    ]
    assert {answer.status_code for answer in answers} <= {400, 401}, [answer.status_code for answer in answers]
    assert [answer.status_code for answer in answers[:2]] == [401, 401]
    assert {answer["Content-Type"] for answer in answers} == {"application/json"}
    assert door.get("/whoami/", pair["access"]).status_code == 200
    assert client.post("/api/token/refresh/", {"refresh": pair["refresh"]}).status_code == 200


@cases(attacks_forged.FORGED)
@rows
def test_a_forged_token_opens_no_door(door_to, user, name, make):
    attack(door_to(name), stock_pair(user), make)


@cases(WELL_SIGNED)
@rows
def test_a_signature_under_what_no_token_of_simplejwt_says_opens_no_door(door_to, user, request, name, make):
    door, pair = door_to(name), stock_pair(user)
    if name == "jwt-stateless" and "claims {'user_id': '0'}" in request.node.name.replace('"', ""):
        assert door.get("/whoami/", make(pair["access"])).json()["username"] == ""  # by design, as with ours
    else:
        attack(door, pair, make)


@cases(attacks_forged.CONFUSED)
@pytest.mark.parametrize("algorithm", attacks_forged.CONFUSED_ALGORITHMS)
@rows
def test_what_the_public_key_can_make_opens_no_door(door_to, user, settings, monkeypatch, name, algorithm, make):
    key = _KEYS[algorithm]
    settings.JWT_ALGORITHM, settings.JWT_SIGNING_KEY, settings.JWT_VERIFYING_KEYS = algorithm, key, ()
    monkeypatch.setattr(state, "token_backend", TokenBackend(algorithm, key, public_pem(key)))
    attack(door_to(name), stock_pair(user), make)


_KEYS = {algorithm: a_key(algorithm) for algorithm in attacks_forged.CONFUSED_ALGORITHMS}


@pytest.mark.parametrize(("make", "opens"), attacks.KINDS.values(), ids=attacks.KINDS)
@rows
def test_the_switch_opens_the_doors_to_no_other_kind(door_to, user, name, make, opens):
    credential = make(user)
    opens = opens | (
        {"jwt", "jwt-stateless", "jwt-pushed"} if make is attacks.KINDS["access token of stock"][0] else set()
    )
    answer = door_to(name).get("/whoami/", credential)
    assert answer.status_code == (200 if name in opens else 401), answer.content
