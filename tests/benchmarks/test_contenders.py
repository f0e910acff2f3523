"""The line-up beyond the scheme table: reference points, algorithms, third parties. Structure only.

The tests of third parties skip without their packages, which `make bench-contenders` installs.
"""

import gc
import json
import os
import sqlite3
import sys
from contextlib import closing
from dataclasses import replace
from random import Random
from urllib.parse import urlsplit

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.utils.module_loading import import_string
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request
from rest_framework.test import APIRequestFactory

from benchmarks.contenders import proof, wsgi
from benchmarks.contenders.algorithms import new_key
from benchmarks.contenders.candidate import Candidate
from benchmarks.contenders.contender import Contender
from benchmarks.contenders.lineup import ALGORITHMS, LINEUP, SIGNED, THIRD_PARTIES, find_scheme, not_installed
from benchmarks.contenders.wsgi import Handler
from benchmarks.databases import fill
from benchmarks.databases.scratch import scratch
from benchmarks.messages import ANONYMOUS, Assignment, RefusedError
from benchmarks.processes import audit, timing
from benchmarks.processes import start as processes
from config.schemes import SCHEMES
from tests.support import servers
from tests.support.afterwards import statuses
from tests.support.outside.key import KEY

pytestmark = pytest.mark.once  # the lab brings its own database

URL = "/whoami/"
UNTIMED = {URL: 0}  # prove, warm up and count only

# What each adds to the statements of an anonymous request.
STATEMENTS = {
    **dict.fromkeys(SCHEMES, 1),
    "simplejwt-stateless": 0,
    "jwt-stateless": 0,
    "token-cached": 0,
    "jwt-pushed": 0,
    "session": 2,
    "session-cached": 1,
    "session-signed": 1,
    "basic": 1,
    **{f"simplejwt-{algorithm.lower()}": 1 for algorithm in ALGORITHMS},
    **{f"simplejwt-stateless-{algorithm.lower()}": 0 for algorithm in ALGORITHMS},
    **{f"jwt-{algorithm.lower()}": 1 for algorithm in ALGORITHMS},
    **{f"jwt-stateless-{algorithm.lower()}": 0 for algorithm in ALGORITHMS},
    "knox": 2,
    "oauth-toolkit": 1,
    "dj-rest-auth": 1,
    "djoser": 1,
    "tokenforge": 0,
    "allauth-session": 3,
    "allauth-jwt": 1,
    "drf-sessions": 1,
    "drf-sessions-cookie": 1,
    "django-jwt-allauth": 0,
    "api-key": 1,
}

# From docs/reference/contenders.md: the answers to a credential whose user has since been ...
AFTERWARDS = {
    "session": {"disabled": 403, "deleted": 403, "given another password": 403},
    "session-cached": {"disabled": 403, "deleted": 403, "given another password": 403},
    "session-signed": {"disabled": 403, "deleted": 403, "given another password": 403},
    "knox": {"disabled": 401, "deleted": 401, "given another password": 200},
    "oauth-toolkit": {"disabled": 200, "deleted": 401, "given another password": 200},
    "dj-rest-auth": {"disabled": 401, "deleted": 401, "given another password": 200},
    "djoser": {"disabled": 401, "deleted": 401, "given another password": 401},
    "tokenforge": {"disabled": 200, "deleted": 200, "given another password": 200},
    "allauth-session": {"disabled": 403, "deleted": 403, "given another password": 403},
    "allauth-jwt": {"disabled": 200, "deleted": 500, "given another password": 200},
    "drf-sessions": {"disabled": 401, "deleted": 401, "given another password": 200},
    "drf-sessions-cookie": {"disabled": 401, "deleted": 401, "given another password": 200},
    "django-jwt-allauth": {"disabled": 200, "deleted": 200, "given another password": 200},
    "api-key": {"disabled": 200, "deleted": 200, "given another password": 200},
}


def installed(names) -> tuple[str, ...]:
    return tuple(name for name in names if not not_installed([name]))


def skip_unless_installed(name: str):
    for reason in not_installed([name]):
        pytest.skip(reason)


@pytest.fixture
def database():
    with scratch("sqlite", None, "kept") as made:
        yield made


def rows(database, query: str) -> list[tuple]:
    with closing(sqlite3.connect(urlsplit(database.url).path)) as connection:
        return connection.execute(query).fetchall()


def work(database, *schemes: str):
    processes.fill(database, schemes)
    return processes.work(Assignment(schemes, UNTIMED, 3, 1, seed=1), database, 0, lambda url: None)


# --- names ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", LINEUP)
def test_a_name_of_the_line_up_is_found(name):
    assert find_scheme(name).name == name


def test_a_path_is_found():
    assert find_scheme("benchmarks.contenders.third_party.knox:KNOX") is LINEUP["knox"]


@pytest.mark.parametrize("name", ["nonsense", "jwt-rs1024", ""])
def test_a_wrong_name_is_told_with_the_choices(name):
    with pytest.raises(RefusedError, match="no such contender") as refusal:
        find_scheme(name)
    for choice in (*LINEUP, "package.module:SCHEME"):
        assert choice in str(refusal.value)


@pytest.mark.parametrize("name", ["benchmarks.nothing:SCHEME", "benchmarks.contenders.lineup:NOTHING"])
def test_a_path_to_nothing_is_refused(name):
    with pytest.raises(RefusedError, match=name.partition(":")[0]):
        find_scheme(name)


def test_only_this_projects_own_classes_are_not_stock():
    own = {name for name, scheme in LINEUP.items() if not scheme.is_stock}
    signed = {"jwt", "jwt-stateless"}
    assert own == {
        "token",
        "token-hashed",
        "token-cached",
        "jwt-pushed",
        *signed,
        *(f"{name}-{algorithm.lower()}" for name in signed for algorithm in ALGORITHMS),
    }


# --- every contender, proved and counted ----------------------------------------------------------


@pytest.fixture(scope="module")
def facts():
    """Return contender -> Facts of all installed ones, from one process that proved them."""
    schemes = installed(STATEMENTS)
    with scratch("sqlite", None, "kept") as made:
        return work(made, *schemes).facts[URL]


def test_every_name_is_counted():
    assert list(STATEMENTS) == list(LINEUP)


@pytest.mark.parametrize("name", STATEMENTS)
def test_a_contender_does_what_it_says_with_so_many_statements(name, facts):
    skip_unless_installed(name)
    assert facts[name].sql_statements - facts[ANONYMOUS].sql_statements == STATEMENTS[name]


def test_a_permission_class_stands_in_the_place_of_a_user(user):
    handler, contender = Handler(), Contender.of_scheme(KEY, user, [URL])
    assert proof.prove(handler, contender, URL, b"") == []
    unguarded = replace(contender, urlconf=Contender.anonymous("anybody", [URL]).urlconf)
    assert len(proof.prove(handler, unguarded, URL, b"")) == len(contender.refused)


def test_a_permission_class_has_no_user_to_whom_something_happens():
    process = servers.run(
        "-m", "benchmarks", "revocation", "--contender", "tests.support.outside.key:KEY", "--trials", "0"
    )
    assert process.returncode == 1
    assert process.stderr.endswith("Error: key: has no authentication class, so nothing can happen to its user\n")


@pytest.mark.lab
def test_no_contender_of_the_line_up_grows(database):
    """The lab itself looks for that only in contenders from outside, because it takes a second."""
    names = installed(name for name in STATEMENTS if name != "basic")
    processes.fill(database, names)
    process = servers.run(
        "-c",
        "import django; django.setup(); from tests.benchmarks.test_contenders import audit_all; audit_all()",
        DJANGO_SETTINGS_MODULE="benchmarks.settings",
        BENCHMARKS_DATABASE_URL=database.url,
        BENCHMARKS_CONTENDERS=",".join(name for name in names if name not in SCHEMES),
    )
    assert process.returncode == 0, process.stderr


def test_statements_that_grow_are_shown(database):
    shown = r'the number must not grow: SELECT COUNT\(\*\) AS "__count" FROM "auth_user"'
    with pytest.raises(processes.WorkerRefusedError, match=shown):
        work(database, "benchmarks.contenders.misbehaving:LEAKING_STATEMENTS")


def audit_all():
    """Audit the installed line-up, in a process of its own."""
    handler = Handler()
    names = installed(name for name in STATEMENTS if name != "basic")
    field = timing.build(Assignment(names, UNTIMED, 3, 1, seed=1), [URL], Random(1))
    timing.prove(handler, field, [URL])
    with timing.garbage_held_back():
        audit.audit(handler, field)


# --- HTTP Basic -----------------------------------------------------------------------------------


def test_basic_verifies_the_hash_that_the_service_would_have_stored(database):
    work(database, "basic")
    [(encoded,)] = rows(database, "SELECT password FROM auth_user")
    iterations = PBKDF2PasswordHasher.iterations
    assert encoded.startswith(f"pbkdf2_sha256${iterations}$")
    assert f"PBKDF2 with {iterations:,} iterations" in LINEUP["basic"].summary


# --- algorithms -----------------------------------------------------------------------------------


def print_requests():
    """Print what a request calls and has, for each row and contender with JWT_ALGORITHM's value.

    Run in a process of its own, under the switch.
    """
    fill.fill()
    user = get_user_model().objects.get()
    handler = Handler()
    algorithm = os.environ["JWT_ALGORITHM"]
    answer = {}
    gc.disable()
    for name in (each for row in SIGNED for each in (row, f"{row}-{algorithm.lower()}")):
        contender = Contender.of_scheme(find_scheme(name), user, [URL])
        token = contender.headers["HTTP_AUTHORIZATION"].split()[1]
        wsgi.ask(handler, contender.environ(URL))
        calls = []
        environ = contender.environ(URL)
        sys.setprofile(
            lambda frame, event, function, calls=calls: (
                # Without the class: a subclass's method stands for the one it overrides.
                calls.append(frame.f_code.co_name)
                if event == "call"
                else calls.append(function.__qualname__)
                if event == "c_call"
                else None
            )
        )
        try:
            wsgi.ask(handler, environ)
        finally:
            sys.setprofile(None)
        answer[name] = {
            "calls": calls,
            "length": len(token),
            "header": {**jwt.get_unverified_header(token), "kid": None},
            "claims": list(jwt.decode(token, options={"verify_signature": False})),
        }
    print(json.dumps(answer))


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_an_algorithms_contender_does_what_the_row_does_under_the_switch(algorithm):
    """The contender calls the same functions in the same order; its token has the same claims."""
    process = servers.run(
        "-c",
        "import django; django.setup(); from tests.benchmarks.test_contenders import print_requests; print_requests()",
        DJANGO_SETTINGS_MODULE="benchmarks.settings",
        JWT_ALGORITHM=algorithm,
        JWT_SIGNING_KEY=new_key(algorithm),
    )
    assert process.returncode == 0, process.stderr
    requests = json.loads(process.stdout)
    for row in SIGNED:
        contender = requests[f"{row}-{algorithm.lower()}"]
        assert contender == requests[row]
        assert contender["header"]["alg"] == algorithm
        # Ours remembers a token that it has verified.
        verifies = "verify" in contender["calls"] or "EdDSAVerify" in contender["calls"]
        assert verifies == LINEUP[row].is_stock


def test_no_class_opens_to_another_algorithms_token(user):
    """It refuses the row's own token too: no contender is the row under another name."""

    def opens(name: str, credential: str) -> bool:
        request = Request(APIRequestFactory().get(URL, headers={"Authorization": f"Bearer {credential}"}))
        try:
            return import_string(LINEUP[name].authentication)().authenticate(request) is not None
        except AuthenticationFailed:
            return False

    for row in SIGNED:
        names = [row, *(f"{row}-{algorithm.lower()}" for algorithm in ALGORITHMS)]
        credentials = {name: import_string(LINEUP[name].issue)(user) for name in names}
        for name in names:
            assert [other for other in names if opens(name, credentials[other])] == [name]


def test_keys_are_made_anew_and_long_enough():
    assert new_key("HS256") != new_key("HS256")
    assert len(new_key("HS256")) == 64
    assert load_pem_private_key(new_key("RS256").encode(), None).key_size == 2048


# --- third parties --------------------------------------------------------------------------------


def test_a_package_that_is_missing_is_named_with_what_installs_it(database, monkeypatch):
    absent = Candidate(name="absent", keyword="", authentication="", issue="", summary="", package="no-such-package")
    monkeypatch.setitem(LINEUP, "absent", absent)
    for start in (
        lambda: processes.fill(database, ["token", "absent"]),
        lambda: processes.work(Assignment(("absent",), UNTIMED, 3, 1, seed=1), database, 0, print),
    ):
        with pytest.raises(processes.WorkerRefusedError) as refusal:
            start()
        assert str(refusal.value) == "absent: no-such-package is not installed; `make bench-contenders` installs it"


TABLES = "SELECT name FROM sqlite_master WHERE name LIKE 'knox%' OR name LIKE 'oauth2%' OR name LIKE 'account_%'"


@pytest.mark.lab
def test_a_run_without_third_parties_has_nothing_of_theirs(database):
    work(database, "token")
    assert rows(database, TABLES) == []
    [(encoded,)] = rows(database, "SELECT password FROM auth_user")
    assert encoded.startswith("md5$")


def test_only_the_third_party_that_is_asked_for_gets_its_tables(database):
    skip_unless_installed("knox")
    work(database, "token", "knox")
    names = {name for (name,) in rows(database, TABLES)}
    assert "knox_authtoken" in names
    assert all(name.startswith("knox") for name in names)


def print_statuses(name: str):
    """Print what the contender answers after each of AFTERWARDS, in a process of its own."""
    fill.fill()
    print(json.dumps(statuses(LINEUP[name], AFTERWARDS[name], URL)))


@pytest.mark.parametrize("name", AFTERWARDS)
def test_what_happens_to_the_user_ends_a_credential_or_does_not(name):
    skip_unless_installed(name)
    process = servers.run(
        "-c",
        "import django; django.setup(); from tests.benchmarks.test_contenders import print_statuses; "
        f"print_statuses({name!r})",
        DJANGO_SETTINGS_MODULE="benchmarks.settings",
        BENCHMARKS_CONTENDERS=name,
    )
    assert process.returncode == 0, process.stderr
    assert json.loads(process.stdout) == AFTERWARDS[name]


def test_every_third_party_is_documented():
    text = (servers.ROOT / "docs" / "reference" / "contenders.md").read_text("utf-8")
    for candidate in THIRD_PARTIES:
        assert f"`{candidate.name}`" in text
        assert (candidate.authentication or candidate.permission).rpartition(".")[2] in text
