"""Schemathesis checks that the service answers as its OpenAPI document says.

It makes valid and invalid requests from the document. FUZZ_EXAMPLES makes the runs longer, and
random: `make fuzz`. FUZZ_SEED repeats one.
"""

import os
import random
from collections import Counter
from itertools import product
from uuid import UUID

import pytest
import schemathesis
from django.contrib.auth import get_user_model
from django.db import connection
from django.utils.module_loading import import_string
from rest_framework.response import Response
from rest_framework.serializers import BooleanField
from rest_framework.test import APIClient
from schemathesis.engine import Status, events, from_schema

from config.handler import Handler
from config.schemes import SCHEMES
from config.views import WhoAmIView
from jwt_auth import models as logins
from tests.support.accounts import PASSWORD
from tokens import issue
from tokens.models import HashedToken
from tracks.filters import MAX_SEARCH_WORDS
from tracks.models import Album, Artist, Genre, Track
from tracks.pagination import TrackPagination
from tracks.views import TrackViewSet

IS_LONG = "FUZZ_EXAMPLES" in os.environ
pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.filterwarnings("ignore:Generating overly large repr"),
]
if not IS_LONG:
    pytestmark.append(pytest.mark.once)  # the long run uses PostgreSQL too

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "2"))
SEED = int(os.environ.get("FUZZ_SEED", random.getrandbits(32) if IS_LONG else 1))

BIG = '"' + "a" * 300_000 + '"'

User = get_user_model()
ROWS = [name for name, row in SCHEMES.items() if not row.is_stock]

CHECKS = {
    # This check sends requests of its own in a way that no WSGI application accepts.
    "ignored_auth": {"enabled": False},
}


@pytest.fixture
def ada(settings):
    settings.TOKENS_PER_USER = None  # each request makes one
    Genre.objects.create(name="Rock")
    return User.objects.create_user("ada", password=PASSWORD)


def new_track() -> int:
    artist, _ = Artist.objects.get_or_create(name="Rush")
    album, _ = Album.objects.get_or_create(title="2112", artist=artist)
    fields = {"title": "Overture", "album": album, "genre": Genre.objects.get(), "duration_ms": 1000}
    return Track.objects.create(owner=User.objects.get(), **fields).pk


def new_token() -> int:
    issue.hashed_token(User.objects.get())
    return HashedToken.objects.last().pk


# The document calls these values text or a number, though only some exist. Use one that does.
def new_login() -> UUID:
    return logins.log_in(User.objects.get()).access.sid


IDS = {
    "/tracks/{id}/": new_track,
    "/api-token-auth/tokens/{id}/": new_token,
    "/api/token/sessions/{id}/": new_login,
}
VALUES = {
    "genre": lambda: "Rock",
    "username": lambda: "ada",
    "password": lambda: PASSWORD,
    "refresh": lambda: str(logins.log_in(User.objects.get()).refresh),
    "token": lambda: str(logins.log_in(User.objects.get()).access),
}


@schemathesis.hook
def before_call(context, case, kwargs):
    """Let requests with good data name rows that exist."""
    if case.meta is None or not case.meta.generation.mode.is_positive:
        return
    # In a chain of requests the id comes from an earlier response.
    if case.path in IDS and case.meta.phase.name.value != "stateful":
        of_its_type = type(case.path_parameters["id"])  # a number, or text of digits
        case.path_parameters["id"] = of_its_type(IDS[case.path]())
    if isinstance(case.body, dict):
        case.body |= {name: VALUES[name]() for name in VALUES.keys() & case.body}


@schemathesis.hook
def after_call(context, case, response):
    """Close the connection of this thread.

    Schemathesis sends requests from threads of its own and closes no response. A thread that ended
    would keep its connection from the pool for good.
    """
    connection.close()


def contract(name: str | None, phases: list[str], examples: int = EXAMPLES):
    """Return the OpenAPI document of the URLs in force.

    Requests carry a new credential of this row, or none.
    """
    config = schemathesis.Config.from_dict(
        {
            "seed": SEED,
            "generation": {"max-examples": examples, "deterministic": not IS_LONG, "database": "none"},
            "phases": {
                phase: {"enabled": phase in phases} for phase in ("examples", "coverage", "fuzzing", "stateful")
            },
            "checks": CHECKS,
        }
    )
    document = schemathesis.openapi.from_wsgi("/schema/?format=json", Handler(), config=config)
    if name is not None:
        row = SCHEMES[name]

        class Credentials:
            def get(self, case, context):
                return import_string(row.issue)(User.objects.get())

            def set(self, case, credential, context):
                case.headers["Authorization"] = f"{row.keyword} {credential}"

        document.auth(refresh_interval=None)(Credentials)
    return document


def differences(document, title: str) -> dict[str, str]:
    """Return one failure of each check, by the check's name. Print the number of requests."""
    found, counts = {}, Counter()
    for event in from_schema(document).execute():
        if isinstance(event, events.FatalError):
            raise event.exception
        if isinstance(event, events.NonFatalError):
            found[f"error of {event.label}"] = str(event.value)
        if isinstance(event, events.ScenarioFinished):
            record = event.recorder
            counts["calls"] += len(record.interactions)
            for interaction in record.interactions.values():
                counts[f"{interaction.response.status_code // 100}xx"] += 1
            for case, checks in record.checks.items():
                counts["checks"] += len(checks)
                for check in checks:
                    if check.status == Status.FAILURE and not is_in_words_alone(check, record.cases[case].value):
                        failure = check.failure_info
                        found.setdefault(check.name, f"{failure.failure.message}\n{failure.code_sample}")
    print(f"\n{title}, seed {SEED}: " + ", ".join(f"{number:,} {what}" for what, number in sorted(counts.items())))
    return found


def is_in_words_alone(check, case) -> bool:
    """Return True for a response that is right although JSON Schema cannot describe why."""
    if check.name == "negative_data_rejection":
        return is_text_after_all(case) or is_drfs_flag(case)
    return check.name == "positive_data_acceptance" and any(map(is_no_good, texts(case.query, case.body)))


def is_text_after_all(case) -> bool:
    """Return True for data that a form or a query turns into valid text.

    In a form every value is text, an empty field has no value, and an empty form has no field. The
    same holds for a query, and one text may hold a list of several names.
    """
    data = case.meta.phase.data
    broken = {data.parameter, *(mutation.parameter for mutation in data.mutations)} - {None}
    return "form" in str(case.media_type) or broken == {"genre__in"}


def is_drfs_flag(case) -> bool:
    """Return True for a value in JSON that DRF takes for true or false, though it is no boolean.

    DRF takes 1, 0 and a dozen words, and the service serves clients that send them.
    """
    flag = case.body.get("everywhere") if isinstance(case.body, dict) else None
    known = BooleanField.TRUE_VALUES | BooleanField.FALSE_VALUES
    return isinstance(flag, int | float | str) and not isinstance(flag, bool) and flag in known


def is_no_good(text: str) -> bool:
    """Return True for text that the service refuses to search for.

    It has no visible character, a character that no database stores, or too many words.
    """
    return not text.strip() or "\0" in text or len(text.split()) > MAX_SEARCH_WORDS


def texts(*containers) -> list[str]:
    return [value for each in containers if isinstance(each, dict) for value in each.values() if isinstance(value, str)]


SHORT = [("token", False), ("token-hashed", True), ("jwt", False), (None, True)]


@pytest.mark.parametrize(("name", "anonymous"), [*product([*ROWS, None], [False, True])] if IS_LONG else SHORT)
def test_the_service_answers_as_its_openapi_document_says(ada, settings, door_to, caplog, name, anonymous):
    caplog.set_level("CRITICAL", "django.request")
    settings.ANONYMOUS_READ = anonymous
    if name not in {None, *(row.name for row in settings.SCHEMES)}:
        door_to(name)
    phases = ["coverage", "fuzzing", "stateful"] if IS_LONG or name is None else ["fuzzing", "stateful"]
    found = differences(contract(name, phases), f"{name}, ANONYMOUS_READ={anonymous}")
    assert not found, "\n\n".join(f"{check}: {text}" for check, text in found.items())


@pytest.mark.parametrize(("body", "media_type", "status"), [("a", "text/plain", 415), (BIG, "application/json", 413)])
def test_a_body_that_no_parser_takes_gets_what_the_document_says(ada, settings, body, media_type, status):
    """Schemathesis does not send such bodies."""
    settings.LOGIN_THROTTLE = None
    client = APIClient(headers={"Authorization": f"Token {ada.auth_token.key}"})
    asked = 0
    for path, operations in contract(None, []).raw_schema["paths"].items():
        for method, operation in operations.items():
            if "requestBody" in operation:
                response = client.generic(method.upper(), path.format(id=new_track()), body, content_type=media_type)
                assert response.status_code == status, (method, path)
                assert str(status) in operation["responses"], (method, path)
                asked += 1
    assert asked >= 8


# --- the tests find what is broken on purpose -----------------------------------------------------


def the_id_is_text(monkeypatch):
    answer = {"id": "1", "username": "ada", "scheme": "token"}
    monkeypatch.setattr(WhoAmIView, "get", lambda self, request: Response(answer))


def no_challenge_is_made(monkeypatch):
    def finalize_response(self, *arguments, **options):
        response = super(WhoAmIView, self).finalize_response(*arguments, **options)
        response.headers.pop("WWW-Authenticate", None)
        return response

    monkeypatch.setattr(WhoAmIView, "finalize_response", finalize_response)


def any_page_size_is_taken(monkeypatch):
    monkeypatch.setattr(TrackPagination, "get_page_size", lambda self, request: 25)


def the_list_stumbles(monkeypatch):
    monkeypatch.setattr(TrackViewSet, "list", lambda self, request: request.query_params["page"])


def everybody_is_gone(monkeypatch):
    monkeypatch.setattr(WhoAmIView, "get", lambda self, request: Response({"detail": "No."}, status=410))


@pytest.mark.once
@pytest.mark.parametrize(
    ("sabotage", "path", "name", "check"),
    [
        (the_id_is_text, "/whoami/", "token", "response_schema_conformance"),
        (no_challenge_is_made, "/whoami/", None, "response_headers_conformance"),
        (any_page_size_is_taken, "/tracks/", "token", "negative_data_rejection"),
        (the_list_stumbles, "/tracks/", "token", "not_a_server_error"),
        (everybody_is_gone, "/whoami/", "token", "status_code_conformance"),
    ],
)
def test_an_answer_that_the_document_does_not_say_is_noticed(ada, caplog, monkeypatch, sabotage, path, name, check):
    caplog.set_level("CRITICAL", "django.request")
    document = contract(name, ["coverage"], 1).include(path=path, method="GET")
    sabotage(monkeypatch)
    assert check in differences(document, sabotage.__name__)
