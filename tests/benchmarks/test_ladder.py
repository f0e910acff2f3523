"""Where a scheme's time goes: rungs stop where they say, and add up. No test asserts a time."""

import json
import os
import re
import shutil
import subprocess
from dataclasses import replace

import pytest
from click.testing import CliRunner
from rest_framework.authentication import TokenAuthentication
from rest_framework.exceptions import AuthenticationFailed

from benchmarks.__main__ import main
from benchmarks.contenders import wsgi
from benchmarks.contenders.wsgi import Handler
from benchmarks.messages import ANONYMOUS, RefusedError
from benchmarks.questions.instructions import run as instructions
from benchmarks.questions.ladder import run as ladder
from benchmarks.questions.ladder import rungs
from benchmarks.questions.ladder.run import ASKED, LOADED, PARSED, PERMITTED, VERIFIED, WHOLE
from benchmarks.results.records.instructions import Counted
from benchmarks.results.records.ladder import Climb, Counts, Whole
from benchmarks.stats.intervals import t_interval
from config.schemes import SCHEMES, Scheme
from tests.support import servers

pytestmark = pytest.mark.once  # the lab brings its own database
LAB_FIXTURES = {"tiny"}  # a long run, for `make test-lab`

URL = "/whoami/"


# --- classes that are in no table; also named on the command line ---------------------------------


class Inheriting(TokenAuthentication):
    """A class whose authenticate() is DRF's."""


class Overriding(TokenAuthentication):
    def authenticate(self, request):
        return super().authenticate(request)


class Exclusive(TokenAuthentication):
    """A class that does nothing in its subclasses, so its highest rungs differ from itself."""

    def authenticate_credentials(self, key):
        if type(self) is not Exclusive:
            raise AuthenticationFailed
        return super().authenticate_credentials(key)


class Nameless(TokenAuthentication):
    def authenticate_credentials(self, key):
        user, token = super().authenticate_credentials(key)
        if type(self) is Nameless:
            user.username = ""
        return user, token


def scheme_with(authentication: type) -> Scheme:
    path = f"tests.benchmarks.test_ladder.{authentication.__name__}"
    return Scheme(authentication.__name__.lower(), "Token", path, "tokens.issue.drf_token", None, "")


OVERRIDING = scheme_with(Overriding)
EXCLUSIVE = scheme_with(Exclusive)


# --- the rungs ------------------------------------------------------------------------------------

ALL = [ASKED, PARSED, VERIFIED, LOADED, PERMITTED]

# (SQL statements, signature checks) of one request.
# In a test, which is a transaction, `token-cached` remembers nothing.
COUNTS = {
    "drf-token": {ASKED: (0, 0), PARSED: (0, 0), LOADED: (1, 0), PERMITTED: (1, 0), WHOLE: (1, 0)},
    "token": {ASKED: (0, 0), PARSED: (0, 0), VERIFIED: (0, 0), LOADED: (1, 0), PERMITTED: (1, 0), WHOLE: (1, 0)},
    "token-hashed": {ASKED: (0, 0), PARSED: (0, 0), VERIFIED: (0, 0), LOADED: (1, 0), PERMITTED: (1, 0), WHOLE: (1, 0)},
    "simplejwt": {ASKED: (0, 0), PARSED: (0, 0), VERIFIED: (0, 1), LOADED: (1, 1), PERMITTED: (1, 1), WHOLE: (1, 1)},
    "simplejwt-stateless": {
        ASKED: (0, 0),
        PARSED: (0, 0),
        VERIFIED: (0, 1),
        LOADED: (0, 1),
        PERMITTED: (0, 1),
        WHOLE: (0, 1),
    },
    # The second request with a token checks no signature.
    "jwt": {ASKED: (0, 0), PARSED: (0, 0), VERIFIED: (0, 0), LOADED: (1, 0), PERMITTED: (1, 0), WHOLE: (1, 0)},
    "jwt-stateless": dict.fromkeys([*ALL, WHOLE], (0, 0)),
}
COUNTS["token-cached"] = COUNTS["token"]


@pytest.mark.parametrize("name", COUNTS)
def test_statements_and_signature_checks_come_with_their_rung(name, user):
    built = rungs.build(SCHEMES[name], user, URL)
    assert rungs.prove(Handler(), built, URL) == []
    for contender in built.all.values():
        wsgi.ask(Handler(), contender.environ(URL))
    counted = {rung: rungs.count(Handler(), each, URL) for rung, each in built.all.items()}
    assert {rung: (each.sql_statements, each.signature_checks) for rung, each in counted.items()} == {
        ANONYMOUS: (0, 0),
        **COUNTS[name],
    }
    for rung, each in counted.items():
        assert (each.sql_us > 0) == (each.sql_statements > 0), rung
        assert each.header_bytes == (0 if rung == ANONYMOUS else counted[WHOLE].header_bytes)


# Fault of a request -> the first rung that refuses it; None: no rung does.
REFUSED_FROM = {
    "drf-token": {"header": PARSED, "garbage": LOADED, "forged": LOADED, "disabled": LOADED, "nothing": PERMITTED},
    "token": {"header": PARSED, "garbage": VERIFIED, "forged": LOADED, "disabled": LOADED, "nothing": PERMITTED},
    "token-hashed": {
        "header": PARSED,
        "garbage": VERIFIED,
        "forged": VERIFIED,  # by its checksum
        "disabled": LOADED,
        "nothing": PERMITTED,
    },
    "simplejwt": {"header": PARSED, "garbage": VERIFIED, "forged": VERIFIED, "disabled": LOADED, "nothing": PERMITTED},
    "simplejwt-stateless": {
        "header": PARSED,
        "garbage": VERIFIED,
        "forged": VERIFIED,
        "disabled": None,
        "nothing": PERMITTED,
    },
    "jwt": {"header": PARSED, "garbage": VERIFIED, "forged": VERIFIED, "disabled": LOADED, "nothing": PERMITTED},
    "jwt-stateless": {
        "header": PARSED,
        "garbage": VERIFIED,
        "forged": VERIFIED,
        "disabled": None,
        "nothing": PERMITTED,
    },
}
REFUSED_FROM["token-cached"] = REFUSED_FROM["token"]
REFUSED_FROM["jwt-pushed"] = REFUSED_FROM["jwt"]


@pytest.mark.parametrize("wrong", ["header", "garbage", "forged", "disabled", "nothing"])
@pytest.mark.parametrize("name", REFUSED_FROM)
def test_a_rung_refuses_what_its_steps_refuse_and_nothing_else(name, wrong, user):
    built = rungs.build(SCHEMES[name], user, URL)
    whole = built.whole
    headers = {
        "header": {"HTTP_AUTHORIZATION": whole.headers["HTTP_AUTHORIZATION"] + " more"},
        "garbage": whole.refused["with garbage for a credential"],
        "forged": whole.refused["with a forged credential"],
        "disabled": whole.headers,
        "nothing": {},
    }[wrong]
    if wrong == "disabled":
        type(user).objects.filter(pk=user.pk).update(is_active=False)
    statuses = {
        rung: wsgi.ask(Handler(), contender.environ(URL, headers)).status for rung, contender in built.rungs.items()
    }
    first = REFUSED_FROM[name][wrong]
    refusing = [] if first is None else ALL[ALL.index(first) :]
    assert statuses == {rung: 401 if rung in refusing else 200 for rung in built.rungs}


def test_every_row_of_the_table_has_a_ladder_or_is_shown_as_a_whole(user):
    assert {name for name in SCHEMES if rungs.build(SCHEMES[name], user, URL).rungs} == set(COUNTS)


def test_a_class_has_a_ladder_by_the_authenticate_that_it_inherits(user):
    assert list(rungs.build(scheme_with(Inheriting), user, URL).rungs) == [ASKED, PARSED, LOADED, PERMITTED]
    assert rungs.build(OVERRIDING, user, URL).rungs == {}


@pytest.mark.parametrize(
    ("authentication", "wrong"),
    [
        (Exclusive, ["exclusive: load at /whoami/: answers 401 with its credential, not 200"]),
        (Nameless, ["nameless: load at /whoami/: answers another body than nameless"]),
    ],
)
def test_a_rung_that_is_not_what_the_class_is_is_refused(authentication, wrong, user):
    built = rungs.build(scheme_with(authentication), user, URL)
    faults = rungs.prove(Handler(), built, URL)
    assert [fault for fault in faults if "load" in fault] == wrong


def test_a_class_that_does_not_take_its_own_credential_is_refused(user):
    scheme = replace(scheme_with(Inheriting), keyword="Bearer")
    with pytest.raises(RefusedError, match="inheriting does not take its own credential"):
        rungs.build(scheme, user, URL)


def test_all_rungs_are_asked_with_the_same_request(user):
    built = rungs.build(SCHEMES["jwt"], user, URL)
    environs = [contender.environ(URL) for contender in (*built.rungs.values(), built.whole)]
    for environ in environs:
        del environ["benchmarks.urlconf"]
    assert all(environ == environs[0] for environ in environs)


def test_counting_signature_checks_leaves_pyjwt_as_it_was(user):
    algorithm = rungs.jwt.algorithms.HMACAlgorithm
    own = algorithm.verify
    rungs.count(Handler(), rungs.build(SCHEMES["jwt"], user, URL).whole, URL)
    assert algorithm.verify is own


# --- adding up ------------------------------------------------------------------------------------


def climb(scheme="token", rungs=(PARSED, LOADED), **microseconds) -> Climb:
    """Return one process's climb: anonymous, rungs, whole -> 25th percentile per round."""
    p25_ns = {name: [1000 * us for us in row] for name, row in microseconds.items()}
    return Climb(scheme, list(rungs), dict.fromkeys(p25_ns, Counts(1, 20.0, 63, 0)), 1.0, p25_ns)


def test_a_rung_adds_its_difference_to_the_one_below_within_the_round():
    climbs = [
        # The machine was slow in the second round; the differences are unchanged.
        climb(anonymous=[100, 900], parse=[105, 905], load=[305, 1105], whole=[306, 1106]),
        climb(anonymous=[100, 100], parse=[106, 108], load=[300, 300], whole=[299, 303]),
    ]
    (table,) = ladder.tabulate([{"token": each} for each in climbs], URL)
    assert [rung.name for rung in table.rungs] == [PARSED, LOADED]
    assert [rung.adds for rung in table.rungs] == [t_interval([5, 7]), t_interval([200, 193])]
    assert table.sum == t_interval([205, 200])
    assert table.whole == t_interval([206, 201])
    assert table.rest == t_interval([1, 1], 0.99)
    assert table.sum.estimate == pytest.approx(sum(rung.adds.estimate for rung in table.rungs))
    assert table.whole.estimate == pytest.approx(table.sum.estimate + table.rest.estimate)


def test_one_round_that_met_something_else_moves_no_rung():
    rounds = {"anonymous": [100] * 4, "parse": [105] * 4, "load": [300, 300, 300, 9000], "whole": [300] * 4}
    (table,) = ladder.tabulate([{"token": climb(**rounds)}] * 2, URL)
    assert [rung.adds.estimate for rung in table.rungs] == [5, 195]


def test_ladders_share_the_level_and_wholes_have_no_part_in_it():
    one = climb(anonymous=[100], parse=[105], load=[300], whole=[300])
    without = climb("other", (), anonymous=[100], whole=[300])
    climbs = [{"a": one, "b": one, "c": without}] * 2
    first, second, whole = ladder.tabulate(climbs, URL)
    assert first.rest_level == second.rest_level == pytest.approx(0.995)
    assert type(whole) is Whole
    assert whole.whole.estimate == 200


@pytest.mark.parametrize(
    ("whole", "why"),
    [
        ([300, 300], ""),
        ([301, 299], ""),
        ([300.4, 300.4], ""),  # differs, but does not matter
        ([300.6, 300.6], "do not add up: whole minus sum is +0.6 µs (+0.6 to +0.6)"),
        ([299.4, 299.4], "do not add up: whole minus sum is -0.6 µs (-0.6 to -0.6)"),
        (
            [302, 298],
            "cannot be seen to add up: the interval of whole minus sum reaches 127.3 µs either way, "
            "which is more than half of the whole (200.0 µs)",
        ),
    ],
)
def test_a_ladder_that_does_not_add_up_says_why(whole, why):
    climbs = [{"token": climb(anonymous=[100], parse=[105], load=[300], whole=[each])} for each in whole]
    tables = ladder.tabulate(climbs, URL)
    assert (tables[0].adds_up, tables[0].why_not) == (not why, why)
    verdict = ladder.judge(tables, 0.0)
    assert verdict.conclusive == (not why)
    assert verdict.reasons == ((f"the rungs of token {why}",) if why else ())


def test_a_run_whose_processor_was_taken_away_is_inconclusive():
    (reason,) = ladder.judge([], 0.051).reasons
    assert reason.startswith("the hypervisor took 5.1%")


# --- the command ----------------------------------------------------------------------------------


def benchmarks(*arguments, **switches) -> subprocess.CompletedProcess[str]:
    return servers.run("-m", "benchmarks", *map(str, arguments), **switches)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """Return the process and the document of a small real run."""
    path = tmp_path_factory.mktemp("tiny") / "run.json"
    process = benchmarks(
        "ladder",
        *("--scheme", "token", "--scheme", "jwt", "--contender", "tests.benchmarks.test_ladder:OVERRIDING"),
        *("--processes", 2, "--rounds", 1, "--block", 8, "--drop", 3, "--json", path),
    )
    assert process.returncode in (0, 3), process.stderr
    return process, json.loads(path.read_text())


def test_a_run_keeps_its_ladders_and_what_they_are_made_of(tiny):
    _, document = tiny
    assert document["command"] == "ladder"
    assert [each["scheme"] for each in document["ladders"]] == ["token", "jwt"]
    for each in document["ladders"]:
        assert each["url"] == URL
        assert [rung["name"] for rung in each["rungs"]] == ALL
        total = sum(rung["adds"]["estimate"] for rung in each["rungs"])
        assert each["sum"]["estimate"] == pytest.approx(total)
        assert each["rest"]["estimate"] == pytest.approx(each["whole"]["estimate"] - total)
        assert each["facts"]["sql_statements"] == 1
        assert each["facts"]["signature_checks"] == 0  # remembered since the first request
    assert document["service"]["connection"] == "served"
    assert len(document["processes"]) == 2
    for process in document["processes"]:
        for found in process.values():
            assert all(len(row) == 1 for row in found["p25_ns"].values())


def test_a_class_that_does_not_tell_its_steps_is_shown_as_a_whole(tiny):
    process, document = tiny
    assert [each["scheme"] for each in document["without_steps"]] == ["overriding"]
    line = r"overriding on /whoami/ adds .* µs as a whole: its class has an authenticate\(\) of its own"
    assert re.search(line, " ".join(process.stdout.split()))


def test_the_exit_code_says_whether_the_ladders_add_up(tiny):
    process, document = tiny
    add_up = all(each["adds_up"] for each in document["ladders"])
    assert document["verdict"]["conclusive"] == (process.returncode == 0)
    assert add_up or process.returncode == 3
    assert [each["adds_up"] for each in document["ladders"]] == [
        words == "add up:" for words in re.findall(r"The rungs (add up:|do not|cannot)", process.stdout)
    ]


def test_what_is_no_terminal_gets_plain_text(tiny):
    process, _ = tiny
    assert not re.search(r"[^\n -~µ─−]", process.stdout)
    assert process.stderr == ""


@pytest.mark.lab
def test_a_refused_rung_is_never_timed(tmp_path):
    process = benchmarks(
        "ladder",
        *("--contender", "tests.benchmarks.test_ladder:EXCLUSIVE", "--processes", 2, "--json", tmp_path / "run.json"),
    )
    assert process.returncode == 1
    assert "exclusive: load at /whoami/: answers 401 with its credential, not 200" in process.stderr
    assert "Traceback" not in process.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("ladder", "--scheme", "nonsense"), ["nonsense", *SCHEMES]),
        (("ladder", "--block", "6", "--drop", "5"), ["--drop 5 leaves fewer than 2 of the 6 requests"]),
        (("ladder", "--url", "whoami"), ["'whoami'", "beginning with /"]),
        (("instructions", "--scheme", "nonsense"), ["nonsense", *SCHEMES]),
        (("instructions", "--requests", "9", "9"), ["--requests 9 9", "more than the first"]),
        (("instructions", "--url", "whoami"), ["'whoami'", "beginning with /"]),
    ],
)
def test_wrong_usage_is_told_with_the_choices(arguments, message):
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 2
    for part in message:
        assert part in result.stderr


# --- instructions ---------------------------------------------------------------------------------


def test_without_valgrind_nothing_is_counted_and_nothing_is_wrong(tmp_path):
    process = benchmarks("instructions", "--json", tmp_path / "run.json", PATH=str(tmp_path))
    assert (process.returncode, process.stderr) == (0, "")
    assert process.stdout == "valgrind is not installed: nothing was counted.\n"
    document = json.loads((tmp_path / "run.json").read_text())
    assert (document["command"], document["valgrind"], document["rows"]) == ("instructions", None, [])


def test_what_came_before_the_requests_is_in_neither_count():
    assert instructions.per_request(20, 60, 2_000_000_000 + 20 * 1500, 2_000_000_000 + 60 * 1500) == 1500


def test_a_row_is_the_mean_of_the_runs_and_tells_how_far_they_differ():
    runs = [{ANONYMOUS: 1000.0, "jwt": 3000.0}, {ANONYMOUS: 1010.0, "jwt": 2990.0}]
    assert instructions.tabulate(runs) == [Counted("jwt", 2995.0, 1990.0, 20 / 1990)]


def test_the_total_is_read_from_valgrinds_log():
    log = "==7== Cachegrind\n==7== \n==7== I   refs:      2,401,663,858\n"
    assert instructions.total(log) == 2401663858
    with pytest.raises(instructions.CountError, match="counted nothing: ==7== Cachegrind"):
        instructions.total("==7== Cachegrind")


@pytest.mark.skipif(shutil.which("valgrind") is None, reason="valgrind is not installed")
def test_the_valgrind_that_is_installed_writes_such_a_log(tmp_path):
    command = ["valgrind", *instructions.OPTIONS, f"--log-file={tmp_path}/%p"]
    subprocess.run([*command, "true"], check=True, env={"PATH": os.environ["PATH"]})
    (log,) = tmp_path.iterdir()
    assert instructions.total(log.read_text()) > 10_000
