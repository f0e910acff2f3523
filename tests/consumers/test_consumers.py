"""Libraries of other services take our access tokens and refuse our refresh tokens."""

import os
import re
import subprocess
import sys
import time

import jwt as pyjwt
import pytest

from tests.support import consumers
from tests.support.accounts import PASSWORD
from tests.support.consumers import CONSUMERS, Question
from tests.support.logins import claims
from tests.support.transcripts import blocks, commands, is_shown, page, sections

pytestmark = [pytest.mark.consumers, pytest.mark.once]

GUIDE = page("docs/how-to/verify-our-tokens-elsewhere.md")
AHEAD = 3  # seconds by which the service's clock may be ahead of the consumer's


@pytest.fixture(params=CONSUMERS.values(), ids=CONSUMERS)
def consumer(request):
    consumer = request.param
    if consumer.verify is None and (reason := consumers.why_no_node()):
        pytest.skip(reason)
    for package in consumer.packages if consumer.verify else ():
        pytest.importorskip(
            {"PyJWT": "jwt", "djangorestframework-simplejwt": "rest_framework_simplejwt"}.get(package, package.lower()),
            reason="`make consumers` installs it",
        )
    return consumer


@pytest.fixture(scope="module")
def pair(services):
    return consumers.log_in(services["ES256"][0], password=PASSWORD)


@pytest.fixture
def ask(services, consumer):
    """Return ask(token, …), the reason why the consumer refuses a token, or ""."""

    def ask(token: str, algorithm: str = "ES256", **options) -> str:
        keys = consumers.keys_of(services[algorithm][0])
        return consumer.check(Question(keys, token, algorithm, **options))

    return ask


def resigned(services, token: str, header=None, **changes) -> str:
    """Return the token with other claims, signed with the service's key."""
    header = {**pyjwt.get_unverified_header(token), **(header or {})}
    return pyjwt.encode({**claims(token), **changes}, services["ES256"][1], "ES256", header)


def test_an_access_token_is_taken(ask, pair):
    assert ask(pair["access"], type="at+jwt", leeway=10) == ""


def test_a_refresh_token_is_refused_for_its_audience_alone(ask, pair):
    assert "aud" in ask(pair["refresh"]).lower() or "Token is invalid" in ask(pair["refresh"])  # as SimpleJWT says it
    assert ask(pair["refresh"], audience="tracks#refresh") == ""  # nothing else was wrong with it


def test_a_refresh_token_is_refused_for_its_type_alone(ask, pair):
    assert "typ" in ask(pair["refresh"], audience=None, type="at+jwt")
    assert "typ" in ask(pair["refresh"], audience=None, type="JWT")
    assert ask(pair["refresh"], audience=None, type="refresh+jwt") == ""


def test_a_leeway_admits_a_token_of_a_clock_that_is_ahead(ask, services, pair):
    ahead = resigned(services, pair["access"], iat=int(time.time()) + AHEAD)
    assert ask(ahead, leeway=10) == ""


def test_the_guides_table_is_what_the_libraries_do(services, pair, request):
    """Compare each row with the library, except for the rows of Node where it is missing."""
    (shown,) = re.findall(r"^\| library \|.*?(?=^$)", GUIDE, re.DOTALL | re.MULTILINE)
    rows = {line.split(" | ")[0].removeprefix("| "): line for line in shown.splitlines()[2:]}
    assert list(rows) == list(CONSUMERS)
    tokens = {name: consumers.log_in(base, password=PASSWORD)["access"] for name, (base, _) in services.items()}
    made = {}
    for consumer in CONSUMERS.values():
        if consumer.verify is None and consumers.why_no_node():
            continue

        def said(token: str, algorithm: str = "ES256", consumer=consumer) -> str:
            keys = consumers.keys_of(services[algorithm][0])
            return "refused" if consumer.check(Question(keys, token, algorithm)) else "taken"

        ahead = resigned(services, pair["access"], iat=int(time.time()) + AHEAD)
        own = resigned(services, pair["access"], {"own": 1})
        cells = [
            *(said(tokens[algorithm], algorithm) for algorithm in ("ES256", "RS256", "EdDSA", "Ed25519")),
            *map(said, (pair["refresh"], ahead, own)),
        ]
        made[consumer.name] = f"| {consumer.name} | {consumer.version} | {' | '.join(cells)} | {consumer.keeps} |"
    assert {name: rows[name] for name in made} == made, "\n".join(made.values())


def at(base: str, text: str) -> str:
    return text.replace("http://127.0.0.1:8000", base)


def test_the_guides_program_for_node_takes_the_one_and_refuses_the_other(services, pair, tmp_path):
    if reason := consumers.why_no_node():
        pytest.skip(reason)
    consumers.let_find_libraries(tmp_path)
    (program,) = blocks("javascript", GUIDE)
    (tmp_path / "verify.mjs").write_text(at(services["ES256"][0], program))
    first, *others = commands(sections(GUIDE)["Verify in Node"])
    assert first == ("npm install jose", "")
    environment = {"ACCESS": pair["access"], "REFRESH": pair["refresh"]}
    assert len(others) == 2
    for command, shown in others:
        output = bash(command, tmp_path, environment)
        assert is_shown(shown, output), (command, output)


def test_the_guides_program_for_python_takes_the_one_and_refuses_the_other(services, pair, tmp_path):
    (program,) = blocks("python", GUIDE)
    (tmp_path / "verify.py").write_text(at(services["ES256"][0], program))
    for kind, shown in (("access", "1\n"), ("refresh", "")):
        command = [sys.executable, "verify.py", pair[kind]]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
        assert (done.stdout, bool(done.returncode)) == (shown, not shown), done.stderr


def bash(command: str, folder, more: dict[str, str]) -> str:
    environment = {**os.environ, **more}
    done = subprocess.run(
        ["bash", "-c", command], cwd=folder, env=environment, capture_output=True, text=True, timeout=60
    )
    return done.stdout.strip()
