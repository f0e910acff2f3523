"""The same attacks against the stock rows, set up as a project without this code has them.

The tests count how many cases get in and how many fail: the table in docs/explanation/security.md.
"""

import json
import re
import sys
from collections import Counter
from collections.abc import Iterator

import django
import pytest
from django.contrib.auth import get_user_model
from django.core.exceptions import BadRequest
from django.core.handlers.wsgi import WSGIRequest
from django.db import connection, transaction
from django.test import client as test_client
from django.urls import path
from django.utils.module_loading import import_string
from rest_framework.authtoken.views import ObtainAuthToken
from rest_framework.settings import DEFAULTS
from rest_framework_simplejwt import state
from rest_framework_simplejwt.backends import TokenBackend
from rest_framework_simplejwt.tokens import AccessToken, RefreshToken
from rest_framework_simplejwt.views import TokenObtainPairView, TokenRefreshView, TokenVerifyView

from config.schemes import SCHEMES
from config.views import WhoAmIView
from tests.support import attacks, attacks_forged, servers
from tests.support.accounts import PASSWORD
from tests.support.attacks_bodies import BODIES
from tests.support.attacks_spellings import CREDENTIAL_SPELLINGS, HEADER_SPELLINGS, TOKEN_SPELLINGS, with_an_a, written
from tests.support.clients import Door
from tests.support.keys import a_key, public_pem
from tests.support.stock import by_the_library, serve

pytestmark = pytest.mark.attack

DOCUMENT = (servers.ROOT / "docs/explanation/security.md").read_text()
STOCK = [row.name for row in SCHEMES.values() if row.is_stock]
OF_JWT = [name for name in STOCK if SCHEMES[name].keyword == "Bearer"]
PARSERS = [import_string(parser) for parser in DEFAULTS["DEFAULT_PARSER_CLASSES"]]
VIEWS = {
    "Token": {"api-token-auth/": ObtainAuthToken},
    "Bearer": {
        "api/token/": TokenObtainPairView,
        "api/token/refresh/": TokenRefreshView,
        "api/token/verify/": TokenVerifyView,
    },
}


@pytest.fixture
def user(db):
    # The number that 1.0, true and " 1" are taken for.
    return get_user_model().objects.create_user("ada", password=PASSWORD, pk=1)


@pytest.fixture
def stock(settings, user, monkeypatch):
    """Return stock("simplejwt"), which serves the row's classes and views.

    They have Django's own requests, DRF's own exception handler and no middleware.
    """
    monkeypatch.setattr(test_client, "WSGIRequest", WSGIRequest)

    def stock(name: str) -> Door:
        scheme = SCHEMES[name]
        guarded = by_the_library(WhoAmIView, authentication_classes=[import_string(scheme.authentication)])
        views = {
            address: by_the_library(view, parser_classes=PARSERS) for address, view in VIEWS[scheme.keyword].items()
        }
        patterns = [path(address, view) for address, view in {"whoami/": guarded, **views}.items()]
        return Door(scheme, serve(settings, *patterns))

    return stock


def ask(step, *arguments, **options) -> int:
    """Return the status of a request and undo what it did.

    Otherwise PostgreSQL would refuse every statement after an error.
    """
    with transaction.atomic():
        try:
            status = step(*arguments, **options).status_code
        except (BadRequest, ValueError):
            status = 500  # raised while Django made the request, before any handler of exceptions
        transaction.set_rollback(True)
    return status


def verdict(statuses: list[int]) -> str:
    """Return what became of one case at all the endpoints it was sent to."""
    if any(status >= 500 for status in statuses):
        return "failed"
    return "let in" if any(status < 400 for status in statuses) else "refused"


def of_tokens(door, catalogue, user) -> Iterator[str]:
    access, refresh = str(AccessToken.for_user(user)), str(RefreshToken.for_user(user))
    for make in catalogue.values():
        yield verdict(
            [
                ask(door.get, "/whoami/", make(access)),
                ask(door.client.post, "/api/token/refresh/", {"refresh": make(refresh)}),
                ask(door.client.post, "/api/token/verify/", {"token": make(access)}),
            ]
        )


def forged(door, user):
    return of_tokens(door, attacks_forged.FORGED, user)


def confused(door, user):
    return of_tokens(door, attacks_forged.CONFUSED, user)


def well_signed(door, user):
    # Only this project's tokens have a sid and a kid; the stock rows ignore both.
    theirs = {name: make for name, make in attacks.WELL_SIGNED.items() if "sid" not in name and "kid" not in name}
    return of_tokens(door, theirs, user)


def of_another_kind(door, user):
    for make, opens in attacks.KINDS.values():
        if door.scheme.name in opens:
            continue
        with transaction.atomic():
            yield verdict([ask(door.get, "/whoami/", make(user))])
            transaction.set_rollback(True)


def misspelt(door, user):
    text = with_an_a(door, user)
    headers = [
        written(spelling, door.scheme.keyword, text) for spelling, let_in in HEADER_SPELLINGS.values() if not let_in
    ]
    headers += [f"{door.scheme.keyword} {respell(text)}" for respell in CREDENTIAL_SPELLINGS.values()]
    if text.count(".") == 2:
        headers += [f"Bearer {'.'.join(respell(text.split('.')))}" for respell in TOKEN_SPELLINGS.values()]
    for header in headers:
        yield verdict([ask(door.client.get, "/whoami/", HTTP_AUTHORIZATION=header)])


def bodies(door, user):
    addresses = [f"/{address}" for address in VIEWS[door.scheme.keyword]]
    for content_type, body in BODIES.values():
        yield verdict([ask(door.client.post, address, body, content_type=content_type) for address in addresses])


def too_deep() -> int:
    """Return how many of the bodies are too deep for this Python's own JSON reader."""

    def is_too_deep(body: bytes) -> bool:
        try:
            json.loads(body)
        except (RecursionError, ValueError) as error:
            return isinstance(error, RecursionError)
        return False

    return sum(is_too_deep(body) for content_type, body in BODIES.values() if content_type == "application/json")


def too_long() -> int:
    """Return how many of the bodies have a Content-Type that this Django refuses to parse."""
    return sum(len(content_type) > 10_000 for content_type, _ in BODIES.values()) if django.VERSION >= (6, 0) else 0


def table() -> dict[tuple[str, str], list[int]]:
    """Return (row, cases) -> how many cases, let in, failed, from docs/explanation/security.md."""
    lines = DOCUMENT.splitlines()
    rows = [[cell.strip(" `") for cell in line.split("|")[1:-1]] for line in lines if line.startswith("| `")]
    column = {"sqlite": 3, "postgresql": 4}[connection.vendor]

    def number(text: str) -> int:
        return too_deep() + too_long() if text == "too deep or long" else int(text)

    return {
        (cells[0], cells[1]): [int(cells[2]), *map(number, cells[column].split(" / "))]
        for cells in rows
        if cells[0] in STOCK
    }


GROUPS = [
    *[(name, "forged", forged) for name in OF_JWT],
    *[(name, "well signed, hostile", well_signed) for name in OF_JWT],
    *[(name, "of another kind", of_another_kind) for name in STOCK],
    *[(name, "misspelt", misspelt) for name in STOCK],
    *[(name, "bodies", bodies) for name in STOCK],
]
CONFUSED = [(name, "the public key as a secret", confused) for name in OF_JWT]


@pytest.mark.parametrize(("name", "cases", "attack"), GROUPS, ids=[f"{name}, {cases}" for name, cases, _ in GROUPS])
def test_what_stock_does_is_what_is_written_down(stock, user, name, cases, attack):
    assert counted(attack(stock(name), user)) == table()[name, cases]


@pytest.mark.parametrize(("name", "cases", "attack"), CONFUSED, ids=[f"{name}, {cases}" for name, cases, _ in CONFUSED])
def test_what_stock_does_with_a_public_key_is_what_is_written_down(
    stock, user, settings, monkeypatch, name, cases, attack
):
    done = []
    for algorithm in attacks_forged.CONFUSED_ALGORITHMS:
        key = a_key(algorithm)
        settings.JWT_ALGORITHM, settings.JWT_SIGNING_KEY, settings.JWT_VERIFYING_KEYS = algorithm, key, ()
        monkeypatch.setattr(state, "token_backend", TokenBackend(algorithm, key, public_pem(key)))
        done += attack(stock(name), user)
    assert counted(done) == table()[name, cases]


def test_how_many_bodies_are_too_deep_for_python_is_what_is_written_down():
    (sentence,) = re.findall(r"^`too deep or long` is (.*?)\.$", DOCUMENT, re.MULTILINE | re.DOTALL)
    counts = {version: int(count) for count, version in re.findall(r"(\d+)\s+on\s+Python\s+(\d\.\d+)", sentence)}
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert {"3.11", "3.12", "3.13"} <= set(counts)
    assert too_deep() == counts.get(version, too_deep())


def test_nothing_else_is_written_down():
    assert set(table()) == {(name, cases) for name, cases, _ in (*GROUPS, *CONFUSED)}


def counted(verdicts) -> list[int]:
    counts = Counter(verdicts)
    return [counts.total(), counts["let in"], counts["failed"]]
