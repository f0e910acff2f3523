"""Signing keys, verifying keys and their names, and hostile tokens that a right key signed."""

import base64
import hashlib
import hmac
import json
import re
from itertools import product

import jwt as pyjwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed448, rsa
from django.core.checks import run_checks

from jwt_auth.jwk import ALGORITHMS, KeyFormatError, signing_key, verifying_key
from jwt_auth.keys import key_ring
from jwt_auth.models import RefreshFamily
from tests.support.attacks_claims import HOSTILE, KIDS, PAYLOADS
from tests.support.keys import a_key, forge, private_pem, public_pem, sign
from tests.support.logins import claims, refresh, verify, whoami


def older(algorithm: str, key: str) -> str:
    """Return the key as JWT_VERIFYING_KEYS would hold it."""
    return key if algorithm.startswith("HS") else public_pem(key)


@pytest.fixture
def sign_with(settings):
    def use(algorithm: str, key: str, *verifying: str):
        settings.JWT_ALGORITHM = algorithm
        settings.JWT_SIGNING_KEY = key
        settings.JWT_VERIFYING_KEYS = verifying

    return use


def header(token):
    return pyjwt.get_unverified_header(token)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_every_algorithm_logs_in_refreshes_and_logs_out(api, obtain_pair, sign_with, algorithm):
    sign_with(algorithm, a_key(algorithm))
    pair = obtain_pair()
    assert header(pair["access"])["alg"] == header(pair["refresh"])["alg"] == algorithm
    assert whoami(api, pair["access"]).status_code == 200
    child = refresh(api, pair).json()
    assert whoami(api, child["access"]).status_code == 200
    assert api.post("/api/token/logout/", {"refresh": child["refresh"]}).status_code == 204
    assert whoami(api, child["access"]).status_code == 401


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_new_signing_key_keeps_the_tokens_of_the_old_one_while_it_verifies(api, obtain_pair, sign_with, algorithm):
    old, new = a_key(algorithm, 0), a_key(algorithm, 1)
    sign_with(algorithm, old)
    pair = obtain_pair()
    sign_with(algorithm, new, older(algorithm, old))
    assert whoami(api, pair["access"]).status_code == 200
    child = refresh(api, pair).json()
    assert header(child["access"])["kid"] != header(pair["access"])["kid"]
    sign_with(algorithm, new)
    assert whoami(api, pair["access"]).status_code == 401
    assert whoami(api, child["access"]).status_code == 200


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
def test_the_jwks_verifies_our_tokens_and_holds_no_secret(api, obtain_pair, sign_with, algorithm):
    old = a_key(algorithm, 0)
    sign_with(algorithm, a_key(algorithm, 1), older(algorithm, old))
    response = api.get("/.well-known/jwks.json")
    assert response.status_code == 200
    keys = {key["kid"]: key for key in response.json()["keys"]}
    assert len(keys) == 2
    for key in keys.values():
        assert key["alg"] == algorithm
        assert key["use"] == "sig"
        assert not {"d", "p", "q", "dp", "dq", "qi", "k", "key_ops"}.intersection(key)
    access = obtain_pair()["access"]
    public = pyjwt.PyJWK(keys[header(access)["kid"]]).key
    assert pyjwt.decode(access, public, algorithms=[algorithm])["sid"] == claims(access)["sid"]


def test_ed25519_is_named_as_rfc_9864_names_it(api, obtain_pair, sign_with):
    key = a_key("Ed25519")
    sign_with("Ed25519", key)
    access = obtain_pair()["access"]
    (published,) = api.get("/.well-known/jwks.json").json()["keys"]
    named = {name: published[name] for name in ("kty", "crv", "alg", "use", "kid")}
    assert named == {"kty": "OKP", "crv": "Ed25519", "alg": "Ed25519", "use": "sig", "kid": header(access)["kid"]}
    # A library that knows only the older name of the same signature verifies with the same key.
    public = pyjwt.PyJWK(published, algorithm="EdDSA").key
    signed, signature = access.rsplit(".", 1)
    public.verify(base64.urlsafe_b64decode(signature + "=="), signed.encode())
    assert signing_key(key, "EdDSA").kid == published["kid"]


@pytest.mark.parametrize(("signs", "accepts"), [("EdDSA", "Ed25519"), ("Ed25519", "EdDSA")])
def test_one_name_of_a_signature_is_not_the_other(api, obtain_pair, sign_with, signs, accepts):
    key = a_key("EdDSA")
    sign_with(signs, key)
    access = obtain_pair()["access"]
    assert whoami(api, access).status_code == 200
    sign_with(accepts, key)
    assert whoami(api, access).status_code == 401


@pytest.mark.parametrize(
    ("accept", "served"),
    [
        ("application/jwk-set+json", "application/jwk-set+json"),
        ("application/jwk-set+json, application/json;q=0.9", "application/jwk-set+json"),
        ("application/json, application/jwk-set+json", "application/jwk-set+json"),  # the client library jose
        ("application/json", "application/json"),
        ("application/json, */*;q=0.5", "application/json"),
        ("*/*", "application/jwk-set+json"),
        ("", "application/jwk-set+json"),
    ],
)
def test_the_jwks_has_the_media_type_that_is_asked_for(api, db, sign_with, accept, served):
    sign_with("ES256", a_key("ES256"))
    response = api.get("/.well-known/jwks.json", headers={"Accept": accept})
    assert (response.status_code, response["Content-Type"]) == (200, served)
    assert "Accept" in response["Vary"]  # caches may store the response
    assert len(response.json()["keys"]) == 1


JWKS = "/.well-known/jwks.json"


def test_the_jwks_is_sent_again_only_if_it_has_changed(api, db, sign_with):
    old = a_key("ES256")
    sign_with("ES256", old)
    first = api.get(JWKS)
    assert re.fullmatch('"[0-9a-f]{32}"', first["ETag"])
    assert first["Cache-Control"] == "public, max-age=300"
    for known in (first["ETag"], f"W/{first['ETag']}", f'"other", {first["ETag"]}', "*"):
        for ask in (api.get, api.head):
            again = ask(JWKS, headers={"If-None-Match": known})
            assert (again.status_code, again.content) == (304, b"")
            for name in ("Access-Control-Allow-Origin", "Cache-Control", "ETag", "Vary"):
                assert again[name] == first[name]
    assert api.get(JWKS, headers={"If-None-Match": '"other", nonsense'}).status_code == 200
    as_json = api.get(JWKS, headers={"If-None-Match": first["ETag"], "Accept": "application/json"})
    assert (as_json.status_code, as_json["ETag"] == first["ETag"]) == (200, False)
    sign_with("ES256", a_key("ES256"), older("ES256", old))
    changed = api.get(JWKS, headers={"If-None-Match": first["ETag"]})
    assert (changed.status_code, len(changed.json()["keys"])) == (200, 2)
    assert changed["ETag"] != first["ETag"]


@pytest.mark.parametrize("accept", ["*/*", "application/jwk-set+json"])
@pytest.mark.parametrize("algorithm", ["HS256", "HS512"])
def test_there_is_no_jwks_for_secrets(api, db, sign_with, algorithm, accept):
    sign_with(algorithm, a_key(algorithm))
    response = api.get("/.well-known/jwks.json", headers={"Accept": accept})
    assert response.status_code == 404
    assert response["Content-Type"] == "application/json"


def test_the_kid_is_the_keys_rfc_7638_thumbprint():
    # The example of RFC 7638, section 3.1.
    n = (
        "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhM"
        "stn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5h"
        "ajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
    )
    public = pyjwt.PyJWK({"kty": "RSA", "n": n, "e": "AQAB", "alg": "RS256"}).key
    pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    assert verifying_key(pem.decode(), "RS256").kid == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"


def test_the_name_of_a_secret_is_no_plain_hash_of_it():
    secret = a_key("HS256")
    kid = signing_key(secret, "HS256").kid
    digest = base64.urlsafe_b64encode(hashlib.sha256(secret.encode()).digest()).decode()
    assert not digest.startswith(kid)


BAD_KEYS = [
    ("HS256", "x" * 31, "at least 32 bytes, this one has 31"),
    ("HS384", "x" * 47, "at least 48 bytes"),
    ("HS512", "x" * 63, "at least 64 bytes"),
    ("HS256", public_pem(a_key("RS256")), "needs a secret, not a public"),
    ("RS256", "not a key at all", "private key in PEM"),
    ("RS256", public_pem(a_key("RS256")), "private key in PEM"),
    ("RS256", private_pem(rsa.generate_private_key(public_exponent=65537, key_size=1024)), "2048 bits"),
    ("RS256", a_key("ES256"), "needs an RSA key"),
    ("ES256", a_key("ES384"), "on secp256r1"),
    ("ES256", a_key("EdDSA"), "elliptic-curve key"),
    ("EdDSA", a_key("ES256"), "Ed25519 or Ed448"),
    ("Ed25519", a_key("ES256"), "needs an Ed25519 key"),
    ("Ed25519", private_pem(ed448.Ed448PrivateKey.generate()), "needs an Ed25519 key"),
]


@pytest.mark.parametrize(("algorithm", "text", "message"), BAD_KEYS)
def test_a_key_that_does_not_fit_its_algorithm_is_refused_without_being_shown(algorithm, text, message):
    with pytest.raises(KeyFormatError, match=message) as refused:
        signing_key(text, algorithm)
    assert text not in str(refused.value)


UNKNOWN = ["none", "HS999", "ES256K", "PS256", "ed25519", "Ed448"]


@pytest.mark.parametrize(
    ("setting", "algorithm"),
    [("JWT_ALGORITHM", None), *product(["JWT_ALGORITHM", "SIMPLE_JWT['ALGORITHM']"], UNKNOWN)],
)
def test_an_algorithm_that_no_key_of_ours_can_have_is_told_at_start_up(settings, setting, algorithm):
    if setting == "JWT_ALGORITHM":
        settings.JWT_ALGORITHM = algorithm
    else:
        del settings.JWT_ALGORITHM
        settings.SIMPLE_JWT = {"ALGORITHM": algorithm}
    (found,) = [each for each in run_checks() if each.id == "jwt_auth.E014"]
    assert found.msg == f"{setting} is {algorithm!r}."
    assert "EdDSA, Ed25519" in found.hint


def test_issuer_and_audience_are_written_and_required_when_set(api, obtain_pair, settings):
    before = obtain_pair()
    settings.JWT_ISSUER, settings.JWT_AUDIENCE = "https://tracks.example", "tracks"
    assert whoami(api, before["access"]).status_code == 401
    pair = obtain_pair()
    assert claims(pair["access"])["iss"] == "https://tracks.example"
    assert claims(pair["access"])["aud"] == "tracks"
    assert whoami(api, pair["access"]).status_code == 200
    assert refresh(api, pair).status_code == 200
    settings.JWT_AUDIENCE = "others"
    assert whoami(api, pair["access"]).status_code == 401
    settings.JWT_AUDIENCE, settings.JWT_ISSUER = "tracks", "https://other.example"
    assert whoami(api, pair["access"]).status_code == 401


@pytest.mark.parametrize("changes", HOSTILE, ids=lambda changes: repr(changes)[:60].replace("\x00", "NUL"))
@pytest.mark.parametrize("kind", ["access", "refresh"])
def test_a_well_signed_hostile_claim_is_refused_at_every_door(api, obtain_pair, kind, changes):
    pair = obtain_pair()
    token = forge(pair[kind], **changes)
    assert whoami(api, token).status_code == 401
    assert refresh(api, {"refresh": token}).status_code == 401
    assert verify(api, token).status_code == 401
    assert api.post("/api/token/logout/", {"refresh": token}).status_code == 401
    assert refresh(api, pair).status_code == 200


@pytest.mark.parametrize("payload", PAYLOADS, ids=lambda payload: repr(payload[:12]))
def test_a_well_signed_payload_that_is_no_claims_is_refused(api, db, payload):
    token = sign(payload)
    assert whoami(api, token).status_code == 401
    assert refresh(api, {"refresh": token}).status_code == (401 if len(token) < 4096 else 400)


@pytest.mark.parametrize("headers", KIDS, ids=repr)
def test_a_token_that_names_no_key_of_ours_is_refused(api, obtain_pair, headers):
    """The token is signed correctly; only the kid in the header is wrong."""
    pair = obtain_pair()
    _, payload, _ = pair["access"].split(".")
    head = base64.urlsafe_b64encode(json.dumps({"alg": "HS256", "typ": "JWT", **headers}).encode()).rstrip(b"=")
    signed = head + b"." + payload.encode()
    signature = hmac.digest(key_ring().signing.signing, signed, "sha256")
    token = (signed + b"." + base64.urlsafe_b64encode(signature).rstrip(b"=")).decode()
    assert whoami(api, token).status_code == 401


@pytest.mark.parametrize("alg", ["none", "None", "NONE", "nOnE", "", "HS512", "RS256", "hs256"])
def test_another_algorithm_than_the_keys_is_refused(api, obtain_pair, alg):
    access = obtain_pair()["access"]
    kid = header(access)["kid"]
    _, payload, signature = access.split(".")
    head = base64.urlsafe_b64encode(json.dumps({"alg": alg, "kid": kid}).encode()).rstrip(b"=").decode()
    for last in ("", signature):
        assert whoami(api, f"{head}.{payload}.{last}").status_code == 401


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
def test_the_public_key_is_no_secret_that_signs(api, obtain_pair, sign_with, algorithm):
    """Algorithm confusion (RFC 8725 2.1): an HS256 token keyed with what the JWKS publishes."""
    key = a_key(algorithm)
    sign_with(algorithm, key)
    pair = obtain_pair()
    public = key_ring().signing.verifying
    formats = [
        public_pem(key).encode(),
        public_pem(key).strip().encode(),
        public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo),
        public.public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH),
        json.dumps(key_ring().signing.jwk()).encode(),
    ]
    kid = header(pair["access"])["kid"]
    head, payload = (
        base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=")
        for part in ({"alg": "HS256", "kid": kid}, claims(pair["access"]))
    )
    for secret in formats:
        signature = base64.urlsafe_b64encode(hmac.digest(secret, head + b"." + payload, "sha256")).rstrip(b"=")
        assert whoami(api, b".".join((head, payload, signature)).decode()).status_code == 401


def test_a_changed_payload_is_refused(api, obtain_pair, staff):
    access = obtain_pair()["access"]
    head, _, signature = access.split(".")
    payload = base64.urlsafe_b64encode(json.dumps({**claims(access), "user_id": str(staff.pk)}).encode())
    assert whoami(api, f"{head}.{payload.rstrip(b'=').decode()}.{signature}").status_code == 401


def test_another_spelling_of_a_token_dies_with_its_login(api, obtain_pair):
    """A token with a trailing "=" is another text of the same signed token.

    Its family decides whether it is accepted, not its text.
    """
    access = obtain_pair()["access"]
    before = whoami(api, access + "=").status_code
    RefreshFamily.objects.update(revoked_at="2020-01-01T00:00:00Z")
    assert before in (200, 401)
    assert whoami(api, access + "=").status_code == whoami(api, access).status_code == 401


def test_an_oversize_token_is_refused_before_it_is_decoded(api, db, monkeypatch):
    def decode(*args, **kwargs):
        raise AssertionError("decoded")

    monkeypatch.setattr("jwt_auth.keys.jwt.get_unverified_header", decode)
    assert whoami(api, "a." + "b" * 200_000 + ".c").status_code == 401
