"""When does a credential stop working? The lab must find planted ends, and what the README says."""

import json
import re
import time

import pytest

from benchmarks.processes.clock import Clock
from benchmarks.questions.revocation.keys import new_signing_key
from benchmarks.results.records.revocation import End
from benchmarks.stats.search import HORIZON, OutlivesError, find, lifetime
from config.schemes import SCHEMES
from jwt_auth.jwk import ALGORITHMS, signing_key
from tests.support import servers

MODULE = "tests.support.revocable"

pytestmark = pytest.mark.once  # the lab brings its own database
LAB_FIXTURES = {"found"}  # a long run, for `make test-lab`

EVENTS = (
    "logout",
    "rotation",
    "password change",
    "deactivation",
    "deletion",
    "staff flag taken away",
    "signing key removed",
)


CONTENDERS = ("PROMPT", "CACHED", "MONOTONIC", "UNDYING", "BLACKLISTING", "DISAPPOINTING", "FOREIGN")


def run(*arguments, **switches):
    arguments = ("--trials", 0, *arguments)  # another test covers Valkey
    return servers.run("-m", "benchmarks", "revocation", *map(str, arguments), **switches)


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """Return the process and the result of a run of every row and contender on SQLite."""
    asked = [("--scheme", name) for name in SCHEMES]
    asked += [("--contender", f"{MODULE}:{name}") for name in CONTENDERS]
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
    """Return an Ask that accepts before `seconds` (None: always), and again from `back` on."""
    return lambda at: 200 if seconds is None or at < seconds or (back is not None and at >= back) else 401


@pytest.mark.parametrize(
    ("ask", "life", "expected"),
    [
        (dying_after(0), 310, End("at once", 0, 401)),
        (dying_after(0), None, End("at once", 0, 401)),
        *((dying_after(n), 310, End("within", n, 401)) for n in (1, 2, 10, 155, 308, 309)),
        *((dying_after(n), None, End("within", n, 401)) for n in (1, 30, HORIZON)),
        (dying_after(310), 310, End("at access expiry", 310, 401)),
        (dying_after(None), None, End("never")),
        (dying_after(0, back=5), None, End("never")),
    ],
)
def test_the_second_at_which_it_dies_is_found(ask, life, expected):
    asked = []

    def counted(seconds):
        asked.append(seconds)
        return ask(seconds)

    assert find(counted, life, "at access expiry") == expected
    assert len(asked) <= 4 + (life or HORIZON).bit_length()


@pytest.mark.parametrize("seconds", [1, 2, 300, 310, 86_410, HORIZON, None])
def test_a_lifetime_is_found_to_the_second(seconds):
    assert lifetime(dying_after(seconds)) == seconds


def test_a_life_that_an_event_prolongs_is_no_finding():
    with pytest.raises(OutlivesError, match="310 s"):
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


# --- contenders with a known end ------------------------------------------------------------------


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
        "- None",  # a credential without a signature
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


# --- the rows of the table ------------------------------------------------------------------------

AT_ONCE, NEVER, NO_EVENT = "at once 0", "never None", "- None"
AT_EXPIRY, OURS_AT_EXPIRY = "at access expiry 300", "at access expiry 310"  # ours: with JWT_LEEWAY
AT_REFRESH_EXPIRY = "at refresh expiry 86400"

ACCESS = {
    "drf-token": [AT_ONCE, NO_EVENT, NEVER, AT_ONCE, AT_ONCE, AT_ONCE, NO_EVENT],
    "simplejwt": [NO_EVENT, AT_EXPIRY, AT_EXPIRY, AT_ONCE, AT_ONCE, AT_ONCE, AT_ONCE],
    "simplejwt-stateless": [NO_EVENT, AT_EXPIRY, AT_EXPIRY, AT_EXPIRY, AT_EXPIRY, NO_EVENT, AT_ONCE],
    "token": [*[AT_ONCE] * 6, NO_EVENT],
    "token-cached": [*[AT_ONCE] * 6, NO_EVENT],  # in its own process
    "token-hashed": [*[AT_ONCE] * 6, NO_EVENT],
    "jwt": [AT_ONCE, OURS_AT_EXPIRY, *[AT_ONCE] * 5],
    "jwt-pushed": [AT_ONCE, OURS_AT_EXPIRY, *[AT_ONCE] * 5],  # in its own process
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
    "jwt-pushed": [AT_ONCE, "within 10", *[AT_ONCE] * 5],
    "jwt-stateless": [AT_ONCE, "within 10", *[AT_ONCE] * 3, None, AT_ONCE],
}


def assert_promised(row):
    cells = row["cells"]
    assert [shown(cells[event]) for event in EVENTS] == ACCESS[row["scheme"]]
    assert [shown(cells[event]["refresh"]) for event in EVENTS] == REFRESH[row["scheme"]]


@pytest.mark.parametrize("scheme", ACCESS)
def test_each_row_keeps_what_is_said_of_it_and_no_more(rows, scheme):
    assert_promised(rows[scheme])


def test_a_run_of_one_row_finds_what_is_promised_of_it(tmp_path):
    _, document = run_to_the_end(tmp_path, "--scheme", "jwt")
    (row,) = document["rows"]
    assert_promised(row)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_each_row_lives_to_its_own_end_when_nothing_happens(rows, scheme):
    ends = {
        "drf-token": (None, None),
        "token": (None, None),
        "token-cached": (None, None),
        "token-hashed": (None, None),
        "jwt": (310, 86_410),
        "jwt-pushed": (310, 86_410),
        "jwt-stateless": (310, 86_410),
    }
    assert (rows[scheme]["access_seconds"], rows[scheme]["refresh_seconds"]) == ends.get(scheme, (300, 86_400))


def test_what_answers_from_memory_is_asked_in_another_process_too(found):
    # Schemes that query the database each time are left out, and those without revocation at once.
    _, document = found
    elsewhere = {(each["scheme"], each["event"]): each for each in document["elsewhere"]}
    by_age = {("token-cached", event) for event in EVENTS[:-1]}
    told = {("jwt-pushed", event) for event in EVENTS[:-1] if event != "rotation"}  # which ends no access token
    assert set(elsewhere) == by_age | told
    assert {shown(elsewhere[each]["alone"]) for each in by_age} == {"within 30"}
    assert {elsewhere[each]["alone"]["kind"] for each in told} == {"within"}
    assert {len(elsewhere[each]["alone_ms"]) for each in told} == {1}
    assert {len(elsewhere[each]["alone_ms"]) for each in by_age} == {0}
    assert {len(each["with_valkey_ms"]) for each in elsewhere.values()} == {0}


@pytest.mark.lab
def test_with_a_valkey_the_other_process_is_told(tmp_path):
    process, document = run_to_the_end(tmp_path, "--scheme", "token-cached", "--trials", 2, TOKEN_CACHE_SECONDS="7")
    assert {shown(each["alone"]) for each in document["elsewhere"]} == {"within 7"}
    # Each trial ended before the entry was too old, so Valkey's message arrived.
    assert all(len(each["with_valkey_ms"]) == 2 for each in document["elsewhere"])
    assert "milliseconds: worst of 2" in process.stdout


def test_a_failure_is_not_taken_for_a_refusal(found, rows):
    process, _ = found
    for scheme in ("simplejwt", "simplejwt-stateless"):
        assert rows[scheme]["cells"]["deletion"]["refresh"]["status"] == 500
    assert "(500)" in process.stdout


def test_another_run_on_another_database_finds_the_same_to_the_letter(rows, tmp_path):
    named = [word for name in SCHEMES for word in ("--scheme", name)]
    _, document = run_to_the_end(tmp_path, *named, "--database", "postgresql", "--connection", "pool")
    assert document["service"]["database"] == "PostgreSQL"
    assert document["rows"] == [rows[name] for name in SCHEMES]


@pytest.mark.lab
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
    words = process.stdout.partition("Read along a line: ")[0].split()
    assert {word for event in EVENTS for word in event.split()} <= set(words)
    for row in document["rows"]:
        assert any(line.split()[:1] == [row["scheme"]] for line in lines)


# --- what is refused ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("--scheme", "nonsense"), 2, ["nonsense", *SCHEMES]),
        (("--contender", "tests.nowhere:ROW"), 2, ["tests.nowhere:ROW", "there is no module tests.nowhere"]),
        (("--contender", f"{MODULE}:REFUSING"), 1, ["refusing: answers 401 right after login"]),
        *(
            pytest.param(("--contender", f"{MODULE}:{name}"), 1, [message], marks=pytest.mark.lab)
            for name, message in (
                ("OPEN", "open: lets in requests without a credential"),
                ("DWINDLING", "dwindling: answers 403 to staff"),
                ("FORGETFUL", "FORGETFUL: a restart ends its credentials"),
            )
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
