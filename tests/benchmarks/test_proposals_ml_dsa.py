"""ML-DSA as the lab measures it: the algorithm for PyJWT, and which servers pass its tokens."""

import shutil
import socket
import threading
from contextlib import contextmanager

import jwt
import pytest

from benchmarks.questions.proposals.dpop.proofs import base64url
from benchmarks.questions.proposals.ml_dsa import algorithm, echo, field, passing, servers, tokens
from benchmarks.questions.proposals.ml_dsa.algorithm import MLDSA, NAMES
from benchmarks.questions.proposals.ml_dsa.tokens import Signer
from benchmarks.questions.proposals.run import signatures
from jwt_auth import issue
from jwt_auth.keys import MAX_TOKEN_LENGTH
from jwt_auth.tokens import AccessToken

pytestmark = pytest.mark.once

needs_ml_dsa = pytest.mark.skipif(bool(algorithm.missing()), reason=algorithm.missing())

# FIPS 204, table 2: public key and signature.
BYTES = {"ML-DSA-44": (1312, 2420), "ML-DSA-65": (1952, 3309), "ML-DSA-87": (2592, 4627)}


@needs_ml_dsa
@pytest.mark.parametrize("name", NAMES)
def test_key_and_signature_are_as_long_as_the_standard_says(name):
    found, (public, signature) = tokens.token_bytes(name), BYTES[name]
    assert found.public_key == len(base64url(bytes(public)))
    assert found.signature == len(base64url(bytes(signature)))
    assert found.header_line == len("Authorization: Bearer \r\n") + found.token


@pytest.mark.parametrize("name", tokens.algorithms())
def test_every_algorithm_is_proved_before_it_is_timed(name):
    assert field.prove(Signer.new(name)) == []


def test_an_algorithm_that_accepts_anything_is_named(monkeypatch):
    signer = Signer.new("ES256")
    monkeypatch.setattr(Signer, "verify", lambda self, token: jwt.decode(token, options={"verify_signature": False}))
    assert field.prove(signer) == [
        "ES256 accepts a changed signature",
        "ES256 accepts another token's claims",
        "ES256 accepts another key's signature",
        "ES256 accepts no signature",
    ]


@needs_ml_dsa
def test_a_key_goes_through_a_jwk_and_is_taken_for_its_own_algorithm_only():
    made = MLDSA("ML-DSA-44")
    key = algorithm.new_key("ML-DSA-44")
    jwk = made.to_jwk(key, as_dict=True)
    assert jwk.keys() == {"kty", "alg", "pub"}
    assert (jwk["kty"], jwk["alg"]) == ("AKP", "ML-DSA-44")
    assert made.from_jwk(made.to_jwk(key)).public_bytes_raw() == key.public_key().public_bytes_raw()
    for wrong in ({**jwk, "alg": "ML-DSA-65"}, {**jwk, "kty": "OKP"}, {**jwk, "pub": "AAAA"}, {"kty": "AKP"}):
        with pytest.raises(jwt.InvalidKeyError):
            made.from_jwk(wrong)
    for wrong in ("secret", algorithm.new_key("ML-DSA-65"), Signer.new("EdDSA").key):
        with pytest.raises(jwt.InvalidKeyError):
            made.prepare_key(wrong)


@needs_ml_dsa
def test_another_library_verifies_our_tokens():
    jwk = pytest.importorskip("jwcrypto.jwk")
    jws = pytest.importorskip("jwcrypto.jws")
    signer = Signer.new("ML-DSA-44")
    public = jwt.get_algorithm_by_name("ML-DSA-44").to_jwk(signer.public)
    found = jws.JWS()
    found.allowed_algs = ["ML-DSA-44"]
    found.deserialize(signer.sign(tokens.claims()), jwk.JWK.from_json(public))
    assert b"token_type" in found.payload


def test_without_ml_dsa_the_others_are_measured_and_one_line_says_so(monkeypatch):
    monkeypatch.setattr(algorithm, "missing", lambda: "cryptography 46 has no ML-DSA")
    assert tokens.algorithms() == ("HS256", "RS256", "ES256", "EdDSA")
    found = signatures(None)
    assert (found.missing, found.library, found.servers) == ("cryptography 46 has no ML-DSA", "", ())
    assert [each.algorithm for each in found.tokens] == list(tokens.algorithms())


def test_the_tokens_have_the_claims_of_the_service(user):
    own = AccessToken(issue.jwt(user))
    assert tokens.claims().keys() == own.payload.keys()
    for name, value in tokens.claims().items():
        if name != "user_id":  # a number here, whose length is that of a UUID elsewhere
            assert len(str(value)) == len(str(own.payload[name])), name


@needs_ml_dsa
def test_the_service_would_read_a_token_of_the_smallest_only():
    assert [tokens.token_bytes(name).token <= MAX_TOKEN_LENGTH for name in NAMES] == [True, False, False]


@pytest.mark.parametrize("length", [700, 701, 702, 703, 5000])
def test_a_longer_token_is_a_signed_one_of_that_length(length):
    token = tokens.padded("ES256", length)
    assert length - 2 <= len(token) <= length
    assert tokens.signer("ES256").verify(token)["padding"].strip("p") == ""


# --- servers --------------------------------------------------------------------------------------


@contextmanager
def started(name: str):
    (kind,) = (each for each in servers.KINDS if each.name == name)
    if kind.version() is None:
        pytest.skip(f"{name} is not installed")
    with kind.started() as port:
        yield port


@needs_ml_dsa
@pytest.mark.parametrize("name", [kind.name for kind in servers.KINDS])
def test_a_token_arrives_as_it_was_sent_and_a_huge_one_is_refused(name):
    line = tokens.line(tokens.signer("ML-DSA-44").sign(tokens.claims()))
    with started(name) as port:
        assert passing.ask(port, line) == "200"
        assert passing.ask(port, *tokens.bound_with_proof("ML-DSA-44")) == "200"
        # Where the client is still sending, an answer may get lost.
        huge = passing.ask(port, tokens.line("a" * 4_000_000))
        assert huge in (("200",) if name == "uvicorn, httptools" else ("400", "431", "closed"))


def test_the_service_refuses_a_head_above_its_own_limit():
    with started("granian") as port:
        assert passing.ask(port, tokens.line("a" * 16_000)) == "200"
        assert passing.ask(port, tokens.line("a" * 16_400)) == "431"


def test_a_limit_on_what_has_arrived_so_far_is_met_as_over_a_network():
    with started("uvicorn, h11") as port:
        assert passing.ask(port, tokens.line("a" * 12_000)) == "200"
        # A server that had no processor meanwhile finds all of it at once, and passes it.
        assert "400" in (passing.ask(port, tokens.line("a" * 60_000)) for _ in range(20))


@pytest.mark.parametrize("name", ["nginx", "haproxy", "caddy"])
def test_a_proxy_that_is_not_there_is_no_version(name, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda program: None)
    (kind,) = (each for each in servers.KINDS if each.name == name)
    assert kind.version() is None


def test_a_server_that_changes_the_token_does_not_pass(monkeypatch):
    with echo.upstream() as port:
        assert passing.ask(port, tokens.line("a.b.c")) == "200"
        monkeypatch.setattr(echo, "digest", lambda values, own=echo.digest: own(values) + str(len(values)))
        assert passing.ask(port, tokens.line("a.b.c")) == "cut"


def test_a_limit_is_found_to_the_quantum(monkeypatch):
    monkeypatch.setattr(passing, "LARGEST", 16_384)
    monkeypatch.setattr(passing, "ask", lambda port, line: "200" if len(line) <= 9000 else "431")
    monkeypatch.setattr(tokens, "padded", lambda name, length: "a" * length)
    assert passing.search(0) == (9000, 9001, "431")
    monkeypatch.setattr(passing, "ask", lambda port, line: "200")
    assert passing.search(0)[1:] == (None, None)
    monkeypatch.setattr(passing, "ask", lambda port, line: "400")
    assert passing.search(0) == (0, 4096 + len(tokens.line("")), "400")


def test_a_program_that_does_not_start_is_named_with_what_it_wrote(monkeypatch):
    def command(port, behind, folder):
        return ["python", "-c", "raise SystemExit('no such option')"]

    kind = servers.Kind("broken", "", command)
    with pytest.raises(servers.ServerError, match="no such option"), kind.started():
        pass


def test_a_server_that_is_missing_or_does_not_start_ends_no_run(monkeypatch):
    def command(port, behind, folder):
        return ["python", "-c", "raise SystemExit('no such option')"]

    kinds = (servers.Kind("away", "", command, "no-such-package"), servers.Kind("broken", "", command, "granian"))
    monkeypatch.setattr(servers, "KINDS", kinds)
    served, (missing, failed) = passing.run()
    assert served == ()
    assert missing == "away: not installed"
    assert failed.startswith("broken 2.")
    assert "no such option" in failed


def test_a_server_that_hangs_up_or_says_nothing_is_told_apart(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        monkeypatch.setattr(passing, "SECONDS", 0.2)
        assert passing.ask(port, tokens.line("a.b.c")) == "silent"
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=lambda: listener.accept()[0].close(), daemon=True).start()
        assert passing.ask(listener.getsockname()[1], tokens.line("a.b.c")) == "closed"
