"""The lab: does it time what it says, and refuse to guess? Structure only; no time is asserted."""

import itertools
import json
import random
import re
import subprocess
from collections import Counter
from dataclasses import replace
from math import inf

import pytest
from click.testing import CliRunner
from django.contrib.auth import get_user_model
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from django.http import QueryDict
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from scipy import stats

from benchmarks.__main__ import main
from benchmarks.contenders import proof, wsgi
from benchmarks.contenders.contender import Contender
from benchmarks.contenders.wsgi import Handler
from benchmarks.messages import ANONYMOUS, CONTROL, Assignment, Blocks, Entry, Facts, RefusedError, Sample
from benchmarks.processes import timing
from benchmarks.processes.environment import ProcessorTime, steal
from benchmarks.stats import overhead as analysis
from benchmarks.stats import rounds as plan
from benchmarks.stats.design import rounds, williams
from benchmarks.stats.intervals import Interval, ratio_interval, t_interval
from benchmarks.stats.overhead import MATTERS, Row, Table, answer, judge, tabulate
from config.schemes import SCHEMES, Scheme
from tests.support import servers
from tests.support.pages import Page
from tracks import catalogue

pytestmark = pytest.mark.once  # the lab brings its own database

URLS = ("/whoami/", "/tracks/")


# --- contenders that are not what they seem; also named on the command line -----------------------


class Honest(BaseAuthentication):
    def authenticate(self, request):
        words = get_authorization_header(request).decode().split()
        return self.check(words[1], request) if words else None

    def check(self, credential, request):
        user = get_user_model().objects.first()
        if credential != issue(user):
            raise AuthenticationFailed
        return user, None

    def authenticate_header(self, request):
        return "Fake"


class Failing(Honest):
    def check(self, credential, request):
        raise RuntimeError("meant")


class Refusing(Honest):
    def check(self, credential, request):
        raise AuthenticationFailed


class Open(Honest):
    def authenticate(self, request):
        words = get_authorization_header(request).decode().split()
        return self.check(words[1] if words else issue(get_user_model().objects.first()), request)


class Credulous(Honest):
    def check(self, credential, request):
        return get_user_model().objects.first(), None


class Shortsighted(Honest):
    def check(self, credential, request):
        if not credential.startswith("fake"):
            raise AuthenticationFailed
        return get_user_model().objects.first(), None


class Mistaken(Honest):
    def check(self, credential, request):
        user, _ = super().check(credential, request)
        return get_user_model()(pk=user.pk + 1, username=user.username), None


class Meddling(Honest):
    """Who enters gets another page of tracks than anybody else."""

    def check(self, credential, request):
        request._request.GET = QueryDict("page_size=1")
        return super().check(credential, request)


def issue(user) -> str:
    return f"fake-{user.pk}-0123456789abcdef"


def scheme_with(authentication: type) -> Scheme:
    path = f"tests.benchmarks.test_benchmarks.{authentication.__name__}"
    return Scheme(authentication.__name__.lower(), "Fake", path, "tests.benchmarks.test_benchmarks.issue", None, "")


HONEST = scheme_with(Honest)
FAILING = scheme_with(Failing)
REFUSING = scheme_with(Refusing)
OPEN = scheme_with(Open)

WRONG = {
    Honest: [],
    Failing: [
        "failing at {}: answers 500 with its credential, not 200",
        "failing at {}: answers 500 with garbage for a credential, not 401",
        "failing at {}: answers 500 with a forged credential, not 401",
    ],
    Refusing: ["refusing at {}: answers 401 with its credential, not 200"],
    Open: ["open at {}: answers 200 without a credential, not 401"],
    Credulous: [
        "credulous at {}: answers 200 with garbage for a credential, not 401",
        "credulous at {}: answers 200 with a forged credential, not 401",
    ],
    Shortsighted: ["shortsighted at {}: answers 200 with a forged credential, not 401"],
}


@pytest.fixture
def user(user):
    """While it is there, no request closes the test's connection: as Django's test client has it."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield user
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


def faults(authentication: type, url: str, user) -> list[str]:
    handler = Handler()
    expected = wsgi.ask(handler, Contender.anonymous(ANONYMOUS, URLS).environ(url)).body
    contender = Contender.of_scheme(scheme_with(authentication), user, URLS)
    return proof.prove(handler, contender, url, expected)


@pytest.mark.parametrize("url", URLS)
@pytest.mark.parametrize("authentication", WRONG)
def test_the_proof_says_what_is_wrong_with_a_contender(authentication, url, user):
    assert faults(authentication, url, user) == [fault.format(url) for fault in WRONG[authentication]]


def test_the_proof_looks_at_who_entered(user):
    wrong = f"mistaken at /whoami/: says id {user.pk + 1}, not {user.pk}"
    assert faults(Mistaken, "/whoami/", user) == [wrong]


def test_the_proof_looks_at_the_body(user):
    catalogue.load(catalogue.read(catalogue.CHINOOK)[:2])
    wrong = "meddling at /tracks/: answers another body than an anonymous request gets"
    assert faults(Meddling, "/tracks/", user) == [wrong]


def test_a_row_answered_by_another_rows_class_is_refused(user):
    mixed_up = Contender.of_scheme(SCHEMES["token"], user, URLS)
    own = Contender.of_scheme(SCHEMES["drf-token"], user, URLS)
    swapped = replace(own, urlconf=mixed_up.urlconf)
    assert proof.prove(Handler(), swapped, "/whoami/", b"") == [
        "drf-token at /whoami/: says scheme 'token', not 'drf-token'"
    ]


def test_what_is_timed_is_the_services_own_request(user):
    """Refused as the service refuses it: before its query string is decoded by a codec that is none of text."""
    odd = Contender.anonymous(ANONYMOUS, URLS).environ("/whoami/?a=%2B2AA-")
    odd["CONTENT_TYPE"] = "text/plain; charset=rot13"
    assert wsgi.ask(Handler(), odd).status == 415


def test_an_error_under_the_clock_is_no_time(user):
    refusing = Contender.of_scheme(REFUSING, user, URLS)
    with pytest.raises(RefusedError, match="answered 401 Unauthorized under the clock"):
        timing.time_block(Handler(), refusing.environ("/whoami/"), 3)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("/nothing/", "no such URL"),
        ("/admin/login/", "no view of the API"),
    ],
)
def test_a_url_that_cannot_be_guarded_is_refused(url, why):
    with pytest.raises(RefusedError, match=why):
        Contender.anonymous(ANONYMOUS, [url])


def test_contenders_differ_in_nothing_but_authentication_and_gate(user):
    """Same routes in the same order, same view class, same arguments of as_view() but for those two."""
    made = [Contender.anonymous(name, URLS) for name in (ANONYMOUS, CONTROL)]
    made += [Contender.of_scheme(scheme, user, URLS) for scheme in SCHEMES.values()]

    def shape(route):
        return str(route.pattern), route.callback.cls, str(getattr(route.callback, "actions", None))

    assert len({tuple(map(shape, contender.urlconf.urlpatterns)) for contender in made}) == 1
    own = made[0].environ("/tracks/")
    for contender in made:
        other = contender.environ("/tracks/")
        different = {key for key in own.keys() | other.keys() if own.get(key) != other.get(key)}
        assert different <= {"benchmarks.urlconf", "HTTP_AUTHORIZATION"}
    anonymous, control = made[:2]
    assert (anonymous.headers, anonymous.identity) == (control.headers, control.identity)
    assert anonymous.urlconf is not control.urlconf


# --- the order of blocks --------------------------------------------------------------------------


def followers(sequences) -> Counter:
    return Counter(pair for sequence in sequences for pair in itertools.pairwise(sequence))


@pytest.mark.parametrize("count", range(2, 10))
def test_each_follows_each_other_equally_often(count):
    design = williams(count)
    assert all(sorted(sequence) == list(range(count)) for sequence in design)
    times = 2 if count % 2 else 1
    assert followers(design) == dict.fromkeys(itertools.permutations(range(count), 2), times)


def test_rounds_are_whole_designs_one_after_another():
    names = ["a", "b", "c", "d"]
    made = rounds(names, 12, random.Random(1))
    assert all(sorted(sequence) == names for sequence in made)
    assert followers(made) == dict.fromkeys(itertools.permutations(names, 2), 3)
    assert made != rounds(names, 12, random.Random(2))
    assert len(rounds(names, 3, random.Random(1))) == 3


# --- figures and intervals ------------------------------------------------------------------------


def test_the_first_requests_of_a_block_are_not_looked_at():
    assert timing.figures([10**9, 10**9, 1, 2, 3, 4, 5], drop=2) == (2, 3, 1)


def test_the_t_interval_is_students():
    # By hand: mean 3, s = sqrt(2.5), t(0.975, 4) = 2.776445.
    interval = t_interval([1, 2, 3, 4, 5])
    assert (interval.estimate, interval.high) == (3, pytest.approx(3 + 2.776445 * (2.5 / 5) ** 0.5))
    figures = [318.2, 330.1, 309.9, 322.4]
    low, high = stats.t.interval(0.99, 3, loc=stats.tmean(figures), scale=stats.sem(figures))
    interval = t_interval(figures, 0.99)
    assert (interval.low, interval.high) == (pytest.approx(low), pytest.approx(high))


def test_the_ratio_interval_holds_the_ratios_that_a_t_test_does_not_refuse():
    above, below = [10.1, 11.9, 9.2, 10.8], [5.2, 5.9, 4.4, 5.3]
    interval = ratio_interval(above, below)
    assert interval.estimate == pytest.approx(sum(above) / sum(below))
    for ratio in (interval.low, interval.high):
        refused = stats.ttest_1samp([a - ratio * b for a, b in zip(above, below, strict=True)], 0).pvalue
        assert refused == pytest.approx(0.05)


def test_there_is_no_ratio_to_what_may_be_nothing():
    assert ratio_interval([10, 11, 12], [-1, 0, 1]) is None


def test_a_process_does_whole_designs_for_about_as_long_as_it_takes_to_start():
    assert plan.rounds_for(inf, 1.0, {"/a/": 0.04, "/b/": 0.36}, design=7) == {"/a/": 21, "/b/": 2}
    assert plan.rounds_for(inf, 1.0, {"/a/": 0.2}, design=7) == {"/a/": 5}


def test_a_process_does_fewer_rounds_where_the_budget_is_short():
    assert plan.rounds_for(1.5, 1.0, {"/a/": 0.03, "/b/": 0.03}, design=4) == {"/a/": 8, "/b/": 8}
    assert plan.rounds_for(0.5, 1.0, {"/a/": 0.04}, design=4) == {"/a/": plan.LEAST_ROUNDS}


def test_the_figure_of_a_process_is_the_mean_of_the_middle_half_of_its_rounds():
    blocks = Blocks([], {ANONYMOUS: [0] * 8, "a": [9e9, 1000, 2000, 3000, 4000, 5000, -9e9, 8e9]}, {}, {}, {})
    assert analysis.overhead(blocks, "a") == 3.5


def test_what_a_switch_costs_is_read_off_the_first_requests_of_a_block():
    curve = {"a": [1500, 1100, 1000, 1000, 900], "b": [2300, 2300, 2000, 2000, 2000]}
    assert analysis.switching(Blocks([], {}, {}, {}, curve), drop=2) == pytest.approx((0.6 + 0.6) / 2)


# --- the table and the verdict --------------------------------------------------------------------


def sample(**microseconds) -> Sample:
    """Of one URL; contender -> 25th percentile of each round."""
    entries = [
        Entry(ANONYMOUS),
        Entry(CONTROL),
        Entry("drf-token", "Token", is_stock=True),
        Entry("token", "Token"),
        Entry("jwt", "Bearer"),
    ]
    nanoseconds = {name.replace("_", "-"): [1000 * us for us in row] for name, row in microseconds.items()}
    nanoseconds[CONTROL] = nanoseconds[ANONYMOUS]
    blocks = Blocks([tuple(nanoseconds)] * 2, nanoseconds, nanoseconds, nanoseconds, nanoseconds)
    return Sample(entries, {}, {}, {}, blocks={"/whoami/": blocks})


def test_differences_are_paired_within_the_round_and_averaged_within_the_process():
    samples = [
        # The second round met a slow machine; what each adds is what it was.
        sample(anonymous=[100, 900], drf_token=[300, 1100], token=[250, 1050], jwt=[400, 1200]),
        sample(anonymous=[100, 100], drf_token=[306, 306], token=[252, 254], jwt=[408, 408]),
    ]
    facts = dict.fromkeys((ANONYMOUS, CONTROL, "drf-token", "token", "jwt"), Facts(0, 0, 0))
    (table,) = tabulate(samples, {"/whoami/": facts}, drop=1, margin_us=5, schemes=SCHEMES)
    by_name = {row.name: row for row in table.rows}
    assert list(by_name) == ["drf-token", "token", "jwt"]
    assert by_name["token"].overhead == t_interval([150, 153])
    assert by_name["token"].reference == "drf-token"
    assert by_name["token"].ratio == ratio_interval([150, 153], [200, 206])
    assert (by_name["jwt"].reference, by_name["jwt"].ratio) == (None, None)
    assert table.control == Interval(0, 0, 0)
    # One for each keyword, ours before stock.
    assert [row.name for row in table.champions] == ["token", "jwt"]
    met = {(contest.first, contest.second): contest.difference for contest in table.contests}
    assert list(met) == [("drf-token", "token"), ("drf-token", "jwt"), ("token", "jwt")]
    assert met["token", "jwt"] == t_interval([300 - 150, 308 - 153])
    assert analysis.widest(samples) == max(
        interval.half_width for interval in (*met.values(), *(row.overhead for row in table.rows))
    )


def table_with(control: Interval, request: float = 200) -> Table:
    def row(name, overhead):
        return Row(name, overhead, request, request, request, None, None, Facts(0, 0, 0))

    nothing = row(ANONYMOUS, Interval(0, 0, 0))
    rows = (row("token", Interval(100, 99, 101)),)
    return Table("/whoami/", 2, nothing, rows, control, 0.99, Interval(0, 0, 0), 5, (), rows)


MATTERING = MATTERS * 200


@pytest.mark.parametrize(
    ("control", "stolen", "why"),
    [
        (Interval(0, -2, 2), 0.0, None),
        (Interval(0, -2, 2), None, None),
        (Interval(2 * MATTERING, -1, 5), 0.0, None),
        (Interval(0.9 * MATTERING, 0.1, 1.7), 0.0, None),
        (Interval(1.1 * MATTERING, 0.1, 2.1), 0.0, "differs from itself"),
        (Interval(-1.1 * MATTERING, -2.1, -0.1), 0.0, "differs from itself"),
        (Interval(0, -49, 49), 0.0, None),
        (Interval(0, -51, 51), 0.0, "more than half of the largest overhead"),
        (Interval(0, -2, 2), 0.05, None),
        (Interval(0, -2, 2), 0.051, "the hypervisor took 5.1%"),
    ],
)
def test_a_run_that_cannot_be_trusted_is_inconclusive_and_says_why(control, stolen, why):
    table = table_with(control)
    verdict = judge([table], stolen, waited=0.2, widest_us=3, precision_us=None)
    assert verdict.conclusive == (why is None)
    if why is None:
        assert "token adds 100 µs (99 to 101)" in answer([table], verdict)
    else:
        assert why in " ".join(verdict.reasons)
        assert answer([table], verdict) == "Token or JWT: this run cannot tell what each costs here."


def test_a_run_that_is_wider_than_asked_for_is_inconclusive():
    table = table_with(Interval(0, -2, 2))
    assert judge([table], 0.0, 0.0, widest_us=3.0, precision_us=3).conclusive
    (reason,) = judge([table], 0.0, 0.0, widest_us=3.1, precision_us=3).reasons
    assert reason == "the widest interval is 3.1 µs either way, not the 3 µs asked for"


def test_a_run_that_had_to_wait_for_a_processor_is_inconclusive():
    (reason,) = judge([table_with(Interval(0, -2, 2))], 0.0, waited=0.21, widest_us=3, precision_us=None).reasons
    assert reason == "the run waited 21% of its time for a processor (bound: 20%)"


def test_steal_is_a_part_of_the_time_that_was_wanted():
    assert steal(ProcessorTime(1000, 10), ProcessorTime(1200, 20)) == 0.05
    assert steal(None, ProcessorTime(1, 0)) is None


# --- the command ----------------------------------------------------------------------------------


def benchmarks(*arguments, **switches) -> subprocess.CompletedProcess[str]:
    return servers.run("-m", "benchmarks", *map(str, arguments), **switches)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """A real run, small; beside it what a developer may have lying about. (process, document, folder)"""
    folder = tmp_path_factory.mktemp("tiny")
    (folder / "env").write_text(f"DATABASE_URL=sqlite:///{folder}/env.sqlite3\nJWT_LEEWAY=nonsense\n")
    own = servers.ROOT / "db.sqlite3"
    before = own.exists() and own.read_bytes()
    arguments = (
        "--processes",
        2,
        "--rounds",
        1,
        "--block",
        8,
        "--drop",
        3,
        "--population",
        50,
        "--json",
        folder / "new" / "run.json",
    )
    process = benchmarks(
        "overhead",
        *arguments,
        ENV_FILE=str(folder / "env"),
        DATABASE_URL=f"sqlite:///{folder}/of_shell.sqlite3",
    )
    assert (own.exists() and own.read_bytes()) == before
    assert process.returncode in (0, 3), process.stderr
    return process, json.loads((folder / "new" / "run.json").read_text()), folder


def test_a_run_times_every_row_and_keeps_what_it_measured(tiny):
    _, document, _ = tiny
    everybody = [ANONYMOUS, CONTROL, *SCHEMES]
    assert document["format"] == 3
    assert [entry["name"] for entry in document["contenders"]] == everybody
    assert [table["url"] for table in document["tables"]] == list(URLS)
    for table in document["tables"]:
        assert [row["name"] for row in table["rows"]] == list(SCHEMES)
    assert len(document["processes"]) == 2
    for process in document["processes"]:
        assert set(process["blocks"]) == set(URLS)
        for blocks in process["blocks"].values():
            assert [sorted(order) for order in blocks["orders"]] == [sorted(everybody)]
            assert all(len(blocks["p25_ns"][name]) == 1 for name in everybody)
    first, second = document["processes"]
    assert first["hash_seed"] != second["hash_seed"]
    assert document["service"]["connection_policy"]["CONN_MAX_AGE"] is None
    assert document["environment"]["packages"]["PyJWT"]


def test_a_run_tells_how_many_others_there_were(tiny):
    process, document, _ = tiny
    assert document["population"] == 50
    assert document["stored"]["tables"][0]["rows"] == 51
    assert "Population: 50 users beside the one who is timed" in process.stdout


STATEMENTS = {
    "drf-token": 1,
    "simplejwt": 1,
    "simplejwt-stateless": 0,
    "token": 1,
    "token-hashed": 1,
    "token-cached": 0,
    "jwt": 1,
    "jwt-stateless": 0,
}


@pytest.mark.parametrize("url", URLS)
def test_statements_and_bytes_are_counted(tiny, url):
    (table,) = [table for table in tiny[1]["tables"] if table["url"] == url]
    anonymous = table["anonymous"]["facts"]
    assert anonymous["header_bytes"] == 0
    assert anonymous["sql_statements"] == {"/whoami/": 0, "/tracks/": 2}[url]
    facts = {row["name"]: row["facts"] for row in table["rows"]}
    added = {name: each["sql_statements"] - anonymous["sql_statements"] for name, each in facts.items()}
    assert added == STATEMENTS
    assert facts["token"]["header_bytes"] == len("Authorization: Token \r\n") + 40


def test_a_run_leaves_the_developers_databases_alone(tiny):
    _, _, folder = tiny
    assert sorted(path.name for path in folder.iterdir()) == ["env", "new"]


def test_the_exit_code_is_the_verdict(tiny):
    process, document, _ = tiny
    assert process.returncode == (0 if document["verdict"]["conclusive"] else 3)
    assert ("INCONCLUSIVE" in process.stdout) == (process.returncode == 3)


def test_what_is_no_terminal_gets_plain_text_that_ends_with_the_answer(tiny):
    process, document, folder = tiny
    assert not re.search(r"[^\n -~µ─≈]", process.stdout)
    assert process.stderr == ""
    lines = process.stdout.splitlines()
    assert max(len(line) for line in lines if str(folder) not in line) <= 100
    assert " ".join(process.stdout.split()).endswith(document["answer"])
    assert document["answer"].startswith("Token or JWT: ")
    assert "CONN_MAX_AGE=None" in process.stdout
    assert "A/A control on /whoami/" in process.stdout


def test_what_was_measured_makes_a_page(tiny, tmp_path):
    _, document, folder = tiny
    page = tmp_path / "page.html"
    reported = benchmarks("report", folder / "new" / "run.json", "--html", page)
    assert reported.returncode == 0, reported.stderr
    read = Page(page.read_text("utf-8"))
    assert document["answer"] in read.texts
    assert set(SCHEMES) <= set(read.figures[0]["svg"]) & set(read.figures[0]["table"])


def test_a_refused_contender_is_never_timed(tmp_path):
    process = benchmarks(
        "overhead",
        *(
            "--contender",
            "tests.benchmarks.test_benchmarks:FAILING",
            "--contender",
            "tests.benchmarks.test_benchmarks:REFUSING",
        ),
        *("--scheme", "token", "--processes", 2, "--rounds", 1, "--json", tmp_path / "run.json"),
    )
    assert process.returncode == 1
    assert "Error: failing at /whoami/: answers 500 with its credential, not 200" in process.stderr
    assert "refusing at /tracks/: answers 401 with its credential, not 200" in process.stderr
    assert "Traceback" not in process.stderr
    assert process.stdout == ""
    assert list(tmp_path.iterdir()) == []


def test_a_worker_refuses_before_its_first_round(tmp_path):
    database = {"BENCHMARKS_DATABASE_URL": f"sqlite:///{tmp_path}/scratch.sqlite3"}
    assert servers.run("-m", "benchmarks.processes.fill_worker", **database).returncode == 0
    expected = {"OPEN": ["refused"], "HONEST": ["done", "sample"]}
    for scheme, kinds in expected.items():
        assignment = Assignment((f"tests.benchmarks.test_benchmarks:{scheme}",), {"/whoami/": 1}, 8, 3, seed=1)
        process = servers.run("-m", "benchmarks.processes.timing_worker", assignment.to_json(), **database)
        assert [next(iter(json.loads(line))) for line in process.stdout.splitlines()] == kinds


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--scheme", "nonsense"), ["nonsense", *SCHEMES]),
        (("--block", "6", "--drop", "5"), ["--drop 5 leaves fewer than 2 of the 6 requests"]),
        (("--precision", "0"), ["'--precision': 0", "x>0"]),
        (("--url", "whoami"), ["'whoami'", "beginning with /"]),
        (("--database-url", "sqlite:///db.sqlite3"), ["postgresql://"]),
    ],
)
def test_wrong_usage_is_told_with_the_choices(arguments, message):
    told = CliRunner().invoke(main, ["overhead", *arguments])
    assert told.exit_code == 2
    for part in message:
        assert part in told.stderr


def test_help_lists_the_command_and_its_exit_codes():
    assert "overhead" in benchmarks("--help").stdout
    assert "3  inconclusive" in CliRunner().invoke(main, ["overhead", "--help"]).stdout
