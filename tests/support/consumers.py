"""Libraries that verify our access tokens elsewhere, each as its documentation uses it.

`check` returns "" if a library accepts a token, or the reason why it does not. `make consumers`
installs the libraries. None of them belongs to the service.
"""

import json
import shutil
import subprocess
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support import processes, servers

FOLDER = servers.ROOT / "tests/consumers"
ISSUER, AUDIENCE = "https://tracks.example.org", "tracks"
AT_JWT = {"JWT_ISSUER": ISSUER, "JWT_AUDIENCE": AUDIENCE, "JWT_ACCESS_TYPE": "at+jwt"}


@dataclass(frozen=True, slots=True)
class Question:
    """What a consumer is asked: a token, and what it shall check besides signature and times."""

    keys: str  # the URL of the JWK Set
    token: str
    algorithm: str = "ES256"
    audience: str | None = AUDIENCE
    type: str | None = None
    leeway: int = 0  # seconds


class _RefusedError(Exception):
    """The consumer refuses the token's type, which the library left to its caller."""


def _wrong_type(header: dict[str, Any], question: Question) -> None:
    if question.type is not None and header.get("typ") != question.type:
        raise _RefusedError(f"typ is {header.get('typ')!r}")


def _pyjwt(question: Question) -> None:
    import jwt

    found = jwt.decode_complete(
        question.token,
        jwt.PyJWKClient(question.keys).get_signing_key_from_jwt(question.token),
        algorithms=[question.algorithm],
        audience=question.audience,
        issuer=ISSUER,
        leeway=question.leeway,
        options={"verify_aud": question.audience is not None},
    )
    _wrong_type(found["header"], question)


def _simplejwt(question: Question) -> None:
    import jwt
    from rest_framework_simplejwt.backends import TokenBackend

    backend = TokenBackend(
        question.algorithm,
        jwk_url=question.keys,
        audience=question.audience,
        issuer=ISSUER,
        leeway=question.leeway,
    )
    backend.decode(question.token)
    _wrong_type(jwt.get_unverified_header(question.token), question)


def _joserfc(question: Question) -> None:
    from joserfc import jwt
    from joserfc.jwk import KeySet

    keys = KeySet.import_key_set(httpx.get(question.keys).json())
    token = jwt.decode(question.token, keys, algorithms=[question.algorithm])
    audience = {"aud": {"essential": True, "value": question.audience}} if question.audience else {}
    rules = jwt.JWTClaimsRegistry(leeway=question.leeway, iss={"essential": True, "value": ISSUER}, **audience)
    rules.validate(token.claims)
    _wrong_type(token.header, question)


def _authlib(question: Question) -> None:
    from authlib.jose import JsonWebKey, JsonWebToken

    keys = JsonWebKey.import_key_set(httpx.get(question.keys).json())
    audience = {"aud": {"essential": True, "value": question.audience}} if question.audience else {}
    options = {"iss": {"essential": True, "value": ISSUER}, **audience}
    claims = JsonWebToken([question.algorithm]).decode(question.token, keys, claims_options=options)
    claims.validate(leeway=question.leeway)
    _wrong_type(claims.header, question)


def _jwcrypto(question: Question) -> None:
    from jwcrypto import jwk, jwt

    token = jwt.JWT(
        algs=[question.algorithm],
        check_claims={"iss": ISSUER, **({"aud": question.audience} if question.audience else {})},
    )
    token.leeway = question.leeway
    token.deserialize(question.token, jwk.JWKSet.from_json(httpx.get(question.keys).text))
    token.validate(jwk.JWKSet.from_json(httpx.get(question.keys).text))
    _wrong_type(json.loads(token.header), question)


@dataclass(frozen=True, slots=True)
class Consumer:
    """A library: what the table calls it, its packages, and how long it keeps a set of keys."""

    name: str
    packages: tuple[str, ...]
    keeps: str
    verify: Callable[[Question], None] | None = None  # None: consumers.mjs asks it

    @property
    def version(self) -> str:
        return ", ".join(map(metadata.version if self.verify else _node_version, self.packages))

    def check(self, question: Question) -> str:
        """Return "" if the library accepts the token, or why it does not."""
        if self.verify is None:
            return node().ask(self.name, question)
        try:
            # Authlib warns that joserfc follows it, joserfc that RFC 9864 deprecates EdDSA.
            with warnings.catch_warnings(record=True):
                warnings.simplefilter("ignore")
                self.verify(question)
        except Exception as error:
            return f"{type(error).__name__}: {error}"
        return ""


PYJWT_KEEPS = "300 s; an unknown `kid` fetches it, at most every 30 s"
CONSUMERS = {
    each.name: each
    for each in (
        Consumer("PyJWT", ("PyJWT",), PYJWT_KEEPS, _pyjwt),
        Consumer("SimpleJWT", ("djangorestframework-simplejwt",), "as PyJWT", _simplejwt),
        Consumer("joserfc", ("joserfc",), "your code fetches and keeps it", _joserfc),
        Consumer("Authlib", ("Authlib",), "your code fetches and keeps it", _authlib),
        Consumer("jwcrypto", ("jwcrypto",), "your code fetches and keeps it", _jwcrypto),
        Consumer("jose", ("jose",), "600 s; an unknown `kid` fetches it, at most every 30 s"),
        Consumer("jsonwebtoken, jwks-rsa", ("jsonwebtoken", "jwks-rsa"), "600 s; an unknown `kid` fetches it"),
    )
}


def _node_version(package: str) -> str:
    return json.loads((FOLDER / "node_modules" / package / "package.json").read_text())["version"]


def why_no_node() -> str:
    """Return why the libraries for Node cannot be asked, or ""."""
    if not shutil.which("node") or not shutil.which("npm"):
        return "no Node here: node and npm are needed (Debian: apt-get install nodejs npm)"
    if not (FOLDER / "node_modules/jose").exists():
        return "the libraries for Node are not installed; `make consumers` installs them"
    return ""


class Node:
    """A process of Node that answers questions, and keeps the sets of keys of jose."""

    def __init__(self, process: subprocess.Popen):
        self._process = process

    def ask(self, name: str, question: Question, **options: Any) -> str:
        """Return "" if the library accepts the token, or why it does not."""
        self._process.stdin.write(json.dumps({"name": name, "issuer": ISSUER, **asdict(question), **options}) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())


@contextmanager
def running_node() -> Iterator[Node]:
    """Start Node and end it after the block. Skip the test without Node."""
    if reason := why_no_node():
        pytest.skip(reason)
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with processes.group(["node", "consumers.mjs"], cwd=FOLDER, **pipes) as process:
        yield Node(process)


_running: list[Node] = []


@contextmanager
def asking_node() -> Iterator[None]:
    """Let consumers for Node be asked within this block, if Node is here."""
    if why_no_node():
        yield
        return
    with running_node() as found:
        _running.append(found)
        node.cache_clear()
        try:
            yield
        finally:
            _running.remove(found)


@cache
def node() -> Node:
    """Return the process that answers for the libraries of Node."""
    return _running[-1]


def log_in(base: str, *, name: str = "ada", password: str) -> dict[str, str]:
    """Return a pair of tokens of a new login."""
    answer = httpx.post(f"{base}/api/token/", json={"username": name, "password": password})
    answer.raise_for_status()
    return answer.json()


def keys_of(base: str) -> str:
    """Return the URL of the service's keys."""
    return f"{base}/.well-known/jwks.json"


def let_find_libraries(folder: Path) -> None:
    """Let programs for Node in this folder find the libraries."""
    (folder / "node_modules").symlink_to(FOLDER / "node_modules")
