"""When does a credential stop working? The lab is to find what is planted, and what the README promises."""

import base64
import json
import re
import time
from dataclasses import replace
from types import SimpleNamespace

import jwt
import pytest
from django.contrib.auth import get_user_model
from django.core.cache import cache
from django.urls import include, path
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.authtoken.models import Token
from rest_framework.decorators import api_view, authentication_classes, permission_classes
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.response import Response
from rest_framework_simplejwt.authentication import JWTAuthentication
from rest_framework_simplejwt.views import TokenBlacklistView

from benchmarks.questions.revocation import run as revocation
from benchmarks.questions.revocation.clock import Clock
from benchmarks.questions.revocation.run import Finding, LongerLifeError, find, lifetime, new_signing_key
from config.schemes import SCHEMES, Scheme
from config.switches import ALGORITHMS
from jwt_auth.jwk import signing_key
from tests.support import servers

pytestmark = pytest.mark.once  # the lab brings its own database

EVENTS = (
    "logout",
    "rotation",
    "password change",
    "deactivation",
    "deletion",
    "staff flag taken away",
    "signing key removed",
)


# --- contenders whose credentials die at a known time; also named on the command line -------------


class Prompt(BaseAuthentication):
    """Every request reads the user, and the credential holds what a change of password changes."""

    def authenticate(self, request):
        words = get_authorization_header(request).decode().split()
        return (self.user(words[1]), None) if words else None

    def user(self, credential):
        user = get_user_model().objects.filter(pk=int(credential.split("-")[1]), is_active=True).first()
        if user is None or credential != issue(user):
            raise AuthenticationFailed
        return user

    def authenticate_header(self, request):
        return "Fake"


class Cached(Prompt):
    """Remembers for 30 seconds whom it let in, in Django's cache, which counts by the wall clock."""

    def user(self, credential):
        user = cache.get(credential)
        if user is None:
            user = super().user(credential)
            cache.set(credential, user, 30)
        return user


class Monotonic(Prompt):
    """Remembers for 45 seconds by the clock that no administrator sets."""

    seen = {}

    def user(self, credential):
        user, since = self.seen.get(credential, (None, 0))
        if user is None or time.monotonic() - since >= 45:
            user = super().user(credential)
            self.seen[credential] = user, time.monotonic()
        return user


class Undying(Prompt):
    """Believes what the credential says, for ever."""

    def user(self, credential):
        return get_user_model()(pk=int(credential.split("-")[1]), is_staff="staff" in credential)


class Dwindling(Prompt):
    """Takes staff for staff for a minute from the first request on."""

    seen = {}

    def user(self, credential):
        user = super().user(credential)
        user.is_staff = user.is_staff and time.time() < self.seen.setdefault(user.pk, time.time()) + 60
        return user


class Open(Prompt):
    def authenticate(self, request):
        return get_user_model().objects.first(), None


class Refusing(Prompt):
    def user(self, credential):
        raise AuthenticationFailed


class Disappointing(JWTAuthentication):
    """Refuses who has changed the password, while SimpleJWT's refresh still gives out pairs that are refused."""

    seen = {}

    def get_user(self, validated_token):
        user = super().get_user(validated_token)
        if self.seen.setdefault(user.pk, user.password) != user.password:
            raise AuthenticationFailed
        return user


class Forgetful(Prompt):
    """Knows its signed credentials only in the memory of its process."""

    issued = {}

    def user(self, credential):
        if credential not in self.issued:
            raise AuthenticationFailed
        return get_user_model().objects.get(pk=self.issued[credential])


class Foreign(Prompt):
    """Signed with a key that this service has no say in; each refresh token works once."""

    key = "k" * 64

    def user(self, credential):
        try:
            claims = jwt.decode(credential, self.key, algorithms=["HS256"])
        except jwt.InvalidTokenError as error:
            raise AuthenticationFailed from error
        return get_user_model()(pk=claims["id"])

    @classmethod
    def pair(cls, user) -> Response:
        Token.objects.filter(user=user).delete()
        refresh = Token.objects.create(user=user).key
        return Response({"access": jwt.encode({"id": user.pk}, cls.key, "HS256"), "refresh": refresh})


@api_view(["POST"])
@authentication_classes([])
@permission_classes([])
def foreign_obtain(request):
    return Foreign.pair(get_user_model().objects.get(username=request.data["username"]))


@api_view(["POST"])
@authentication_classes([])
@permission_classes([])
def foreign_refresh(request):
    token = Token.objects.filter(key=request.data["refresh"]).first()
    return Response(status=401) if token is None else Foreign.pair(token.user)


def issue(user) -> str:
    return f"fake-{user.pk}-{user.password.rpartition('$')[2]}{'-staff' * user.is_staff}"


def issue_signed(user) -> str:
    header, payload = (
        base64.urlsafe_b64encode(text).decode().rstrip("=") for text in (b'{"alg":"none"}', b"%d" % user.pk)
    )
    credential = f"{header}.{payload}."
    Forgetful.issued[credential] = user.pk
    return credential


def scheme_with(authentication: type, issue: str = "issue") -> Scheme:
    module = "tests.benchmarks.test_revocation"
    name = authentication.__name__
    return Scheme(name.lower(), "Fake", f"{module}.{name}", f"{module}.{issue}", None, "")


PROMPT = scheme_with(Prompt)
CACHED = scheme_with(Cached)
MONOTONIC = scheme_with(Monotonic)
UNDYING = scheme_with(Undying)
DWINDLING = scheme_with(Dwindling)
OPEN = scheme_with(Open)
REFUSING = scheme_with(Refusing)
FORGETFUL = scheme_with(Forgetful, "issue_signed")

# SimpleJWT with the logout its documentation offers, which our table leaves out.
urlpatterns = [
    path("", include("jwt_auth.stock_urls")),
    path("api/token/blacklist/", TokenBlacklistView.as_view()),
]
BLACKLISTING = replace(SCHEMES["simplejwt"], name="blacklisting", urlconf="tests.benchmarks.test_revocation")
DISAPPOINTING = replace(
    SCHEMES["simplejwt"], name="disappointing", authentication="tests.benchmarks.test_revocation.Disappointing"
)
FOREIGN = replace(
    scheme_with(Foreign),
    urlconf=SimpleNamespace(
        urlpatterns=[path("api/token/", foreign_obtain), path("api/token/refresh/", foreign_refresh)]
    ),
)
CONTENDERS = ("PROMPT", "CACHED", "MONOTONIC", "UNDYING", "BLACKLISTING", "DISAPPOINTING", "FOREIGN")


def run(*arguments, **switches):
    arguments = ("--trials", 0, *arguments)  # with Valkey it has a test of its own
    return servers.run("-m", "benchmarks", "revocation", *map(str, arguments), **switches)


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """Every row and every contender, asked on SQLite: (process, document)."""
    asked = [("--scheme", name) for name in SCHEMES]
    asked += [("--contender", f"tests.benchmarks.test_revocation:{name}") for name in CONTENDERS]
    return run_to_the_end(tmp_path_factory.mktemp("found"), *(word for pair in asked for word in pair))


def run_to_the_end(folder, *arguments, **switches):
    process = run(*arguments, "--json", folder / "run.json", **switches)
    assert process.returncode == 0, process.stderr
    return process, json.loads((folder / "run.json").read_text("utf-8"))


@pytest.fixture
def rows(found):
    return {row["scheme"]: row for row in found[1]["rows"]}


def shown(finding) -> str | None:
    return finding and f"{finding['kind']} {finding['seconds']}"


# --- the search -----------------------------------------------------------------------------------


def dying_after(seconds, back=None):
    """What is honoured before `seconds`, None for ever, and again from `back`."""
    return lambda at: 200 if seconds is None or at < seconds or (back is not None and at >= back) else 401


@pytest.mark.parametrize(
    ("ask", "life", "expected"),
    [
        (dying_after(0), 310, Finding("at once", 0, 401)),
        (dying_after(0), None, Finding("at once", 0, 401)),
        *((dying_after(n), 310, Finding("within", n, 401)) for n in (1, 2, 10, 155, 308, 309)),
        *((dying_after(n), None, Finding("within", n, 401)) for n in (1, 30, revocation.HORIZON)),
        (dying_after(310), 310, Finding("at access expiry", 310, 401)),
        (dying_after(None), None, Finding("never")),
        (dying_after(0, back=5), None, Finding("never")),
    ],
)
def test_the_second_at_which_it_dies_is_found(ask, life, expected):
    asked = []

    def counted(seconds):
        asked.append(seconds)
        return ask(seconds)

    assert find(counted, life, "at access expiry") == expected
    assert len(asked) <= 4 + (life or revocation.HORIZON).bit_length()


@pytest.mark.parametrize("seconds", [1, 2, 300, 310, 86_410, revocation.HORIZON, None])
def test_a_lifetime_is_found_to_the_second(seconds):
    assert lifetime(dying_after(seconds)) == seconds


def test_a_life_that_an_event_prolongs_is_no_finding():
    with pytest.raises(LongerLifeError, match="310 s"):
        find(dying_after(None), 310, "at access expiry")


def test_both_clocks_are_moved_and_put_back():
    wall, monotonic = time.time(), time.monotonic()
    with Clock() as clock:
        start = clock.now()
        assert time.time() == start >= wall
        clock.move(86_400)
        assert time.time() == clock.now() == start + 86_400
        assert time.monotonic() >= monotonic + 86_400
    assert time.time() < wall + 86_400
    assert time.monotonic() < monotonic + 86_400


def test_a_clock_can_be_started_where_another_stopped():
    with Clock(2_000_000_000) as clock:
        assert clock.now() == 2_000_000_000


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_the_key_after_a_restart_is_one_the_service_takes(algorithm):
    keys = {signing_key(new_signing_key(algorithm), algorithm).kid for _ in range(2)}
    assert len(keys) == 2


# --- what is found of contenders with a known end -------------------------------------------------


@pytest.mark.parametrize(
    ("contender", "password", "deactivation", "deletion", "staff"),
    [
        ("prompt", *["at once 0"] * 4),
        ("cached", *["within 30"] * 4),
        ("monotonic", *["within 45"] * 4),
        ("undying", *["never None"] * 4),
    ],
)
def test_what_is_planted_is_found(rows, contender, password, deactivation, deletion, staff):
    cells = rows[contender]["cells"]
    assert [shown(cells[event]) for event in EVENTS] == [
        *("- None", "- None"),  # no endpoint, and no row that holds the credential
        *(password, deactivation, deletion, staff),
        "- None",  # nobody signed it
    ]
    assert all(cell["refresh"] is None for cell in cells.values())
    assert rows[contender]["access_seconds"] is None


def test_the_blacklist_of_simplejwt_ends_the_refresh_token_alone(rows):
    cell = rows["blacklisting"]["cells"]["logout"]
    assert cell["how"] == "POST /api/token/blacklist/"
    assert (shown(cell), shown(cell["refresh"])) == ("at access expiry 300", "at once 0")


def test_a_refresh_token_that_gives_dead_tokens_is_dead(rows):
    cell = rows["disappointing"]["cells"]["password change"]
    assert (shown(cell), shown(cell["refresh"])) == ("at once 0", "at once 0")


def test_what_another_key_signs_outlives_the_removal_of_ours_and_to_ask_spends_nothing(rows):
    cell = rows["foreign"]["cells"]["signing key removed"]
    assert (shown(cell), shown(cell["refresh"])) == ("never None", "never None")
    assert shown(rows["foreign"]["cells"]["rotation"]["refresh"]) == "at once 0"


# --- what is found of the rows --------------------------------------------------------------------

AT_ONCE, NEVER, NO_EVENT = "at once 0", "never None", "- None"
AT_EXPIRY, OURS_AT_EXPIRY = "at access expiry 300", "at access expiry 310"  # ours with JWT_LEEWAY
AT_REFRESH_EXPIRY = "at refresh expiry 86400"

ACCESS = {
    "drf-token": [AT_ONCE, NO_EVENT, NEVER, AT_ONCE, AT_ONCE, AT_ONCE, NO_EVENT],
    "simplejwt": [NO_EVENT, AT_EXPIRY, AT_EXPIRY, AT_ONCE, AT_ONCE, AT_ONCE, AT_ONCE],
    "simplejwt-stateless": [NO_EVENT, AT_EXPIRY, AT_EXPIRY, AT_EXPIRY, AT_EXPIRY, NO_EVENT, AT_ONCE],
    "token": [*[AT_ONCE] * 6, NO_EVENT],
    "token-cached": [*[AT_ONCE] * 6, NO_EVENT],  # in its own process
    "token-hashed": [*[AT_ONCE] * 6, NO_EVENT],
    "jwt": [AT_ONCE, OURS_AT_EXPIRY, *[AT_ONCE] * 5],
    "jwt-stateless": [*[OURS_AT_EXPIRY] * 5, NO_EVENT, AT_ONCE],
}
REFRESH = {
    "drf-token": [None] * 7,
    "simplejwt": [None, AT_ONCE, AT_REFRESH_EXPIRY, *[AT_ONCE] * 4],
    "simplejwt-stateless": [None, AT_ONCE, AT_REFRESH_EXPIRY, AT_ONCE, AT_ONCE, None, AT_ONCE],
    "token": [None] * 7,
    "token-cached": [None] * 7,
    "token-hashed": [None] * 7,
    "jwt": [AT_ONCE, "within 10", *[AT_ONCE] * 5],  # JWT_REUSE_GRACE
    "jwt-stateless": [AT_ONCE, "within 10", *[AT_ONCE] * 3, None, AT_ONCE],
}


@pytest.mark.parametrize("scheme", ACCESS)
def test_each_row_keeps_what_is_said_of_it_and_no_more(rows, scheme):
    cells = rows[scheme]["cells"]
    assert [shown(cells[event]) for event in EVENTS] == ACCESS[scheme]
    assert [shown(cells[event]["refresh"]) for event in EVENTS] == REFRESH[scheme]


@pytest.mark.parametrize("scheme", SCHEMES)
def test_each_row_lives_to_its_own_end_when_nothing_happens(rows, scheme):
    ends = {
        "drf-token": (None, None),
        "token": (None, None),
        "token-cached": (None, None),
        "token-hashed": (None, None),
        "jwt": (310, 86_410),
        "jwt-stateless": (310, 86_410),
    }
    assert (rows[scheme]["access_seconds"], rows[scheme]["refresh_seconds"]) == ends.get(scheme, (300, 86_400))


def test_what_answers_from_memory_is_asked_in_another_process_too(found):
    """Not who asks the database each time, nor who is not told even in the process where it happens."""
    _, document = found
    elsewhere = {(each["scheme"], each["event"]): each for each in document["elsewhere"]}
    assert set(elsewhere) == {("token-cached", event) for event in EVENTS[:-1]}
    assert {shown(each["alone"]) for each in elsewhere.values()} == {"within 30"}
    assert {len(each["with_valkey_ms"]) for each in elsewhere.values()} == {0}


def test_with_a_valkey_the_other_process_is_told(tmp_path):
    process, document = run_to_the_end(tmp_path, "--scheme", "token-cached", "--trials", 2, TOKEN_CACHE_SECONDS="7")
    assert {shown(each["alone"]) for each in document["elsewhere"]} == {"within 7"}
    # Timed, so not asserted but for what it is: before the entry is too old, or it would not have been heard of.
    assert all(len(each["with_valkey_ms"]) == 2 for each in document["elsewhere"])
    assert "with Valkey, worst of 2" in process.stdout


def test_a_failure_is_not_taken_for_a_refusal(found, rows):
    process, _ = found
    for scheme in ("simplejwt", "simplejwt-stateless"):
        assert rows[scheme]["cells"]["deletion"]["refresh"]["status"] == 500
    assert "(500)" in process.stdout


def test_another_run_on_another_database_finds_the_same_to_the_letter(rows, tmp_path):
    _, document = run_to_the_end(tmp_path, "--database", "postgresql", "--connection", "pool")
    assert document["service"]["database"] == "PostgreSQL"
    assert document["rows"] == [rows[name] for name in SCHEMES]


def test_the_switches_of_the_service_count_but_for_the_lifetimes_of_a_pair(tmp_path):
    switches = {"TOKEN_LIFETIME": "1h", "JWT_ALGORITHM": "EdDSA", "JWT_LEEWAY": "0", "JWT_ACCESS_LIFETIME": "1h"}
    process, document = run_to_the_end(tmp_path, "--scheme", "token", "--scheme", "jwt", **switches)
    assert [row["access_seconds"] for row in document["rows"]] == [3600, 300]
    assert shown(document["rows"][1]["cells"]["signing key removed"]) == AT_ONCE
    assert "Switches: TOKEN_LIFETIME=1h, JWT_ALGORITHM=EdDSA, JWT_LEEWAY=0." in " ".join(process.stdout.split())


def test_the_result_says_how_each_event_was_done(found):
    _, document = found
    assert document["command"] == "revocation"
    assert [event["name"] for event in document["events"]] == list(EVENTS)
    assert all(event["how"] for event in document["events"])
    assert document["asked_until_seconds"] == 400 * 86_400
    assert all(list(row["cells"]) == list(EVENTS) for row in document["rows"])
    assert "k" * 50 not in json.dumps(document)


def test_what_is_no_terminal_gets_plain_text_of_every_row(found):
    process, document = found
    lines = process.stdout.splitlines()
    assert not re.search(r"[^\n -~─]", process.stdout)
    assert process.stderr == ""
    assert max(len(line) for line in lines if "Everything found" not in line) <= 100
    words = process.stdout.partition("Lives: ")[0].split()
    assert {word for event in EVENTS for word in event.split()} <= set(words)
    for row in document["rows"]:
        assert any(line.split()[:1] == [row["scheme"]] for line in lines)


# --- what is refused ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("--scheme", "nonsense"), 2, ["nonsense", *SCHEMES]),
        (("--contender", "tests.nowhere:ROW"), 1, ["tests.nowhere:ROW", "No module named"]),
        (
            ("--contender", "tests.benchmarks.test_revocation:REFUSING"),
            1,
            ["refusing: answers 401 to who has just logged in"],
        ),
        (("--contender", "tests.benchmarks.test_revocation:OPEN"), 1, ["open: lets in who presents no credential"]),
        (("--contender", "tests.benchmarks.test_revocation:DWINDLING"), 1, ["dwindling: answers 403 to staff"]),
        (
            ("--contender", "tests.benchmarks.test_revocation:FORGETFUL"),
            1,
            ["FORGETFUL: a restart ends its credentials"],
        ),
    ],
)
def test_what_cannot_be_asked_is_told_and_nothing_is_written(tmp_path, arguments, code, message):
    process = run(*arguments, "--json", tmp_path / "run.json")
    assert process.returncode == code
    for part in message:
        assert part in process.stderr
    assert "Traceback" not in process.stderr
    assert process.stdout == ""
    assert list(tmp_path.iterdir()) == []
