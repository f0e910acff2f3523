"""What do login, refresh and logout cost? Arithmetic, counts and proofs; no times are asserted."""

import json
import re
import subprocess
from dataclasses import asdict, replace
from functools import partial
from itertools import count
from types import SimpleNamespace

import jsonschema
import pytest
from click.testing import CliRunner
from django.conf import global_settings
from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.db import connection
from django.urls import path
from django.utils.module_loading import import_string
from rest_framework.authtoken.models import Token
from rest_framework.response import Response
from rest_framework.views import APIView

from benchmarks.__main__ import main
from benchmarks.contenders.contender import Contender
from benchmarks.contenders.urlconf import WHOAMI
from benchmarks.contenders.wsgi import Handler
from benchmarks.databases import write_counts
from benchmarks.databases.scratch import scratch
from benchmarks.messages import RefusedError
from benchmarks.processes import start
from benchmarks.processes.timing import Collector
from benchmarks.questions.flows import hashers, timing
from benchmarks.questions.flows import run as flows
from benchmarks.questions.flows.endpoints import FLOWS, Endpoints
from benchmarks.questions.flows.messages import Task
from benchmarks.questions.flows.run import costs_of, judge
from benchmarks.results.schema import schema
from benchmarks.stats.break_even import REQUESTS, Costs
from benchmarks.stats.intervals import Interval
from config.schemes import SCHEMES, Scheme
from jwt_auth.views import LogoutView, ObtainPairView, RefreshView
from tests.support import servers
from tokens.views import ObtainTokenView

pytestmark = pytest.mark.once  # the lab brings its own database
LAB_FIXTURES = {"tiny"}  # a long run, for `make test-lab`


def test_a_login_is_its_endpoint_and_the_passwords_hash():
    found = SimpleNamespace(
        endpoints={"opaque": "opaque", "pair": "pair"},
        request_ns={"anonymous": [100_000, 900_000], "opaque": [400_000, 1_200_000], "pair": [200_000, 1_000_000]},
        flow_ns={"opaque": {"obtain": [3000, 5000]}, "pair": {"obtain": [7000, 7000], "refresh": [2000, 4000]}},
        password_hash=SimpleNamespace(verify_ns=10_000),
    )
    # Requests are paired with those of anonymous within the round.
    assert costs_of(found, "opaque") == Costs(request=300, login=14, refresh=0)
    assert costs_of(found, "pair") == Costs(request=100, login=17, refresh=3)


@pytest.mark.parametrize(
    ("control", "steal", "waited", "why"),
    [
        (Interval(0, -2, 2), None, 0.0, None),
        (Interval(0.9, 0.1, 1.7), 0.05, 0.7, None),
        (Interval(1.1, 0.1, 2.1), 0.0, 0.0, "differs from itself"),
        (Interval(0, -2, 2), 0.051, 0.0, "the hypervisor took 5.1%"),
        (Interval(0, -2, 2), None, 0.71, "the run waited 71% of its time for a processor"),
    ],
)
def test_a_run_whose_control_differs_or_whose_time_went_to_others_is_inconclusive(control, steal, waited, why):
    verdict = judge(control, anonymous_us=200, steal=steal, waited=waited)
    assert verdict.conclusive == (why is None)
    assert (why or "") in " ".join(verdict.reasons)


# --- what is written ------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_rows_are_counted_by_the_database_and_statements_without_begin():
    users = get_user_model().objects

    def create(names):
        return users.bulk_create([users.model(username=name) for name in names])

    with write_counts.one_connection():
        three = write_counts.count(lambda: create("abc"))
        assert (three.statements, three.rows, three.tables) == (1, 3, {"auth_user": write_counts.Rows(inserted=3)})
        assert three.bytes > 0
        updated = write_counts.count(lambda: users.filter(username__in="ab").update(first_name="x"))
        assert (updated.statements, updated.rows, updated.tables) == (1, 2, {"auth_user": write_counts.Rows(updated=2)})
        Token.objects.create(user=users.get(username="a"))
        deleted = write_counts.count(lambda: users.filter(username="a").delete())
        assert (deleted.rows, deleted.tables) == (
            2,
            {"auth_user": write_counts.Rows(deleted=1), "authtoken_token": write_counts.Rows(deleted=1)},
        )
        forced = 0 if connection.vendor == "postgresql" else None
        assert write_counts.count(lambda: list(users.all())) == write_counts.Written(1, {}, 0, forced)


# --- proofs ---------------------------------------------------------------------------------------


def test_every_endpoint_that_takes_a_post_is_a_flow():
    timed = {flow.path.removeprefix("/") for flow in FLOWS}
    for urlconf in {scheme.urlconf for scheme in SCHEMES.values() if scheme.urlconf}:
        for pattern in import_string(f"{urlconf}.urlpatterns"):
            assert hasattr(pattern.callback.cls, "post") == (str(pattern.pattern) in timed), pattern


def endpoints_of(scheme: Scheme, user) -> Endpoints:
    handler = Handler()
    return Endpoints(scheme, Contender.of_scheme(scheme, user, [WHOAMI]), handler)


@pytest.mark.parametrize("name", SCHEMES)
def test_every_row_does_what_its_endpoints_say(name, user):
    endpoints = endpoints_of(SCHEMES[name], user)
    assert endpoints.prove(*endpoints.clients(1)) == []


def answering(status: int, body: dict | None = None):
    class View(APIView):
        authentication_classes = ()
        permission_classes = ()

        def post(self, request):
            return Response(body, status=status)

    return View


class ObtainAnothers(ObtainTokenView):
    def post(self, request):
        super().post(request)
        other = get_user_model().objects.exclude(username=request.data["username"]).first()
        return Response({"token": Token.objects.get_or_create(user=other)[0].key})


class ObtainDead(ObtainTokenView):
    def post(self, request):
        super().post(request)
        return Response({"token": "0" * 40})


class RotateNothing(APIView):
    def post(self, request):
        return Response({"token": request.auth.key})


OBTAIN_TOKEN, OBTAIN_PAIR = ("api-token-auth/", ObtainTokenView), ("api/token/", ObtainPairView)
TOKEN_CLASS = import_string(SCHEMES["token"].authentication)

WRONG = {
    "another's": ("token", [("api-token-auth/", ObtainAnothers)], "obtain leaves a credential that lets in {other}"),
    "dead": ("token", [("api-token-auth/", ObtainDead)], "obtain leaves a credential that lets in None"),
    "unusual": ("token", [("api-token-auth/", answering(201, {}))], "obtain answers 201, not 200"),
    "empty": ("token", [("api-token-auth/", answering(200, {}))], "obtain gives nothing, neither access nor token"),
    "credulous": ("jwt", [OBTAIN_PAIR, ("api/token/verify/", answering(200, {}))], "verify answers 200 to garbage"),
    "failing": ("jwt", [OBTAIN_PAIR, ("api/token/verify/", answering(500))], "verify answers 500 to garbage"),
    "idle rotation": (
        "token",
        [OBTAIN_TOKEN, ("api-token-auth/new/", RotateNothing)],
        "rotate does not revoke the presented credential",
    ),
    "idle revocation": (
        "token",
        [OBTAIN_TOKEN, ("api-token-auth/revoke/", answering(204))],
        "revoke does not revoke the presented credential",
    ),
    "idle logout": (
        "jwt",
        [OBTAIN_PAIR, ("api/token/refresh/", RefreshView), ("api/token/logout/", answering(204))],
        "logout does not revoke the presented refresh token",
    ),
}


def with_views(name: str, views) -> Scheme:
    arguments = {"authentication_classes": [TOKEN_CLASS]}
    urlpatterns = [path(route, view.as_view(**(arguments if view is RotateNothing else {}))) for route, view in views]
    return replace(SCHEMES[name], name="wrong", urlconf=urlpatterns)


@pytest.mark.parametrize("wrong", WRONG)
def test_a_flow_that_does_not_do_what_it_says_is_told(wrong, user):
    name, views, why = WRONG[wrong]
    endpoints = endpoints_of(with_views(name, views), user)
    faults = endpoints.prove(*endpoints.clients(1))
    assert any(why.format(other=user.pk) in fault for fault in faults), faults


def test_a_row_without_a_login_is_refused(user):
    with pytest.raises(RefusedError, match="wrong: no login among its endpoints"):
        endpoints_of(with_views("jwt", [("api/token/logout/", LogoutView)]), user)


def test_a_call_that_goes_wrong_under_the_clock_is_no_time(user):
    calls = count(1)

    class Tired(ObtainTokenView):
        def post(self, request):
            return super().post(request) if next(calls) <= 6 else Response(status=503)

    endpoints = endpoints_of(with_views("token", [("api-token-auth/", Tired)]), user)
    clients = endpoints.clients(4)
    block = partial(timing._flow_block, Collector())
    assert block(endpoints, endpoints.flows["obtain"], clients) > 0
    with pytest.raises(RefusedError, match="wrong at /api-token-auth/: obtain answers 503, not 200"):
        block(endpoints, endpoints.flows["obtain"], clients)


# --- the command ----------------------------------------------------------------------------------


def benchmarks(*arguments, **switches) -> subprocess.CompletedProcess[str]:
    return servers.run("-m", "benchmarks", "flows", *map(str, arguments), **switches)


def run(path, *arguments):
    """Return the process and the result of the smallest real run."""
    process = benchmarks("--processes", 2, "--budget", 1, "--json", path, *arguments)
    assert process.returncode in (0, 3), process.stderr
    return process, json.loads(path.read_text())


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return run(tmp_path_factory.mktemp("tiny") / "flows.json")


# (statements, rows written)
COUNTED = {
    ("drf-token", "obtain"): (3, 1),
    ("drf-token", "obtain again"): (2, 0),
    ("simplejwt", "obtain"): (2, 1),
    ("simplejwt", "obtain again"): (2, 1),
    ("simplejwt", "refresh"): (9, 2),  # the new refresh token's row, and the old one's on the blacklist
    ("simplejwt", "verify"): (1, 0),
    ("token", "obtain"): (3, 1),
    ("token", "obtain again"): (2, 0),
    ("token", "rotate"): (2, 1),  # the user, and one UPDATE
    ("token", "revoke"): (3, 1),  # the user, what is deleted, and the DELETE
    ("token-hashed", "obtain"): (3, 1),
    ("token-hashed", "obtain again"): (3, 1),
    ("token-hashed", "rotate"): (2, 1),
    ("token-hashed", "revoke"): (2, 1),
    ("jwt", "obtain"): (2, 1),
    ("jwt", "obtain again"): (2, 1),
    ("jwt", "refresh"): (2, 1),  # the family with its user, and one UPDATE
    ("jwt", "verify"): (1, 0),
    ("jwt", "logout"): (2, 1),
}
COUNTED |= {("token-cached", flow): each for (name, flow), each in COUNTED.items() if name == "token"}
COUNTED |= {("jwt-pushed", flow): each for (name, flow), each in COUNTED.items() if name == "jwt"}
COUNTED |= {(f"{name}-stateless", flow): each for (name, flow), each in COUNTED.items() if name in ("simplejwt", "jwt")}

OUTSTANDING, BLACKLISTED, LOGIN = (
    {"token_blacklist_outstandingtoken": {"inserted": 1, "deleted": 0}},
    {"token_blacklist_blacklistedtoken": {"inserted": 1, "deleted": 0}},
    {"jwt_auth_refreshfamily": {"inserted": 1, "deleted": 0}},
)
# The tables that grow or shrink, for flows with such tables.
GROWTH = {
    ("drf-token", "obtain"): {"authtoken_token": {"inserted": 1, "deleted": 0}},
    ("simplejwt", "obtain"): OUTSTANDING,
    ("simplejwt", "obtain again"): OUTSTANDING,
    ("simplejwt", "refresh"): OUTSTANDING | BLACKLISTED,
    ("token", "obtain"): {"authtoken_token": {"inserted": 1, "deleted": 0}},
    ("token", "revoke"): {"authtoken_token": {"inserted": 0, "deleted": 1}},
    ("token-hashed", "obtain"): {"tokens_hashedtoken": {"inserted": 1, "deleted": 0}},
    ("token-hashed", "obtain again"): {"tokens_hashedtoken": {"inserted": 1, "deleted": 0}},
    ("token-hashed", "revoke"): {"tokens_hashedtoken": {"inserted": 0, "deleted": 1}},
    ("jwt", "obtain"): LOGIN,
    ("jwt", "obtain again"): LOGIN,
}


def grown(document) -> dict[tuple[str, str], dict]:
    """Return the tables that grow or shrink, for schemes with endpoints of their own."""
    own = {name for name, timed in document["endpoints"].items() if name == timed}
    return {
        (each["scheme"], each["flow"]): each["tables"]
        for each in document["flows"]
        if each["scheme"] in own and each["tables"]
    }


REMEMBERED = {"simplejwt-stateless", "token-cached", "jwt-stateless", "jwt-pushed"}  # accepted without a statement


def counted(document) -> dict[tuple[str, str], tuple[int, int]]:
    for each in document["flows"]:
        assert each["bytes_written"] > 0 or not each["rows_written"]
    return {(each["scheme"], each["flow"]): (each["statements"], each["rows_written"]) for each in document["flows"]}


def test_a_run_finds_every_rows_flows_and_counts_them(tiny):
    assert counted(tiny[1]) == COUNTED
    assert grown(tiny[1]) == GROWTH


@pytest.mark.lab
def test_they_are_counted_alike_on_postgresql_whatever_the_connection():
    # This is the process of a run that counts; the others time.
    task = Task(tuple(SCHEMES), rounds=0, counts=True, password_hash="", seed=0)
    with scratch("postgresql", None, "per-request") as database:
        start.fill(database)
        found = flows._work(task, database, 0)
    assert (found.service["database"], found.service["connection"]) == ("PostgreSQL", "per-request")
    write_counts = {
        (name, flow): (each.statements, each.rows_written)
        for name, timed in found.endpoints.items()
        for flow, each in found.counts[timed].items()
    }
    assert write_counts == COUNTED
    tables = {
        (name, flow): {table: asdict(growth) for table, growth in each.tables.items()}
        for name, flows_of in found.counts.items()
        for flow, each in flows_of.items()
    }
    assert {flow: grown for flow, grown in tables.items() if grown} == GROWTH


def test_a_run_keeps_what_a_plan_is_made_of(tiny):
    _, document = tiny
    jsonschema.Draft202012Validator(schema()).validate(document)
    assert document["request_statements"] == {
        "anonymous": 0,
        **{name: int(name not in REMEMBERED) for name in SCHEMES},
    }
    assert set(document["requests_us"]) == set(SCHEMES)
    assert document["anonymous_us"] > 0


def test_rows_that_share_their_endpoints_share_their_times(tiny):
    _, document = tiny
    times = {(each["scheme"], each["flow"]): each["time_us"] for each in document["flows"]}
    assert document["endpoints"]["simplejwt-stateless"] == "simplejwt"
    assert times["simplejwt-stateless", "refresh"] == times["simplejwt", "refresh"]


def test_a_flow_is_compared_with_that_of_the_stock_row_of_its_keyword(tiny):
    _, document = tiny
    found = {(each["scheme"], each["flow"]): (each["reference"], bool(each["ratio"])) for each in document["flows"]}
    assert found["drf-token", "obtain again"] == ("drf-token", False)
    assert found["token", "obtain again"][0] == found["token-cached", "obtain again"][0] == "drf-token"
    assert (found["jwt", "refresh"][0], found["token", "rotate"][0]) == ("simplejwt", None)
    assert {each["fsyncs"] for each in document["flows"]} == {None}  # SQLite does not tell


def test_the_curve_has_every_row_at_every_n(tiny):
    _, document = tiny
    assert document["lifetimes_seconds"] == {"access": 300, "session": 30 * 86400}
    assert document["curve"]["requests"] == list(REQUESTS)
    assert list(document["curve"]["schemes"]) == list(SCHEMES)
    for costs in document["curve"]["schemes"].values():
        assert {len(costs[key]) for key in ("cost_us", "low", "high")} == {len(REQUESTS)}
    pairs = len(SCHEMES) * (len(SCHEMES) - 1) // 2
    assert len(document["crossings"]) + len(document["without_crossing"]) == pairs


def test_the_password_is_hashed_by_the_services_own_hasher(tiny):
    _, document = tiny
    assert import_string(global_settings.PASSWORD_HASHERS[0]) is PBKDF2PasswordHasher
    assert document["password_hash"]["algorithm"] == PBKDF2PasswordHasher.algorithm
    assert document["password_hash"]["iterations"] == PBKDF2PasswordHasher.iterations
    hashed = document["password_hash"]["time_us"]["estimate"]
    for each in document["flows"]:
        besides = each["besides_hash_us"]
        assert (besides is not None) == each["flow"].startswith("obtain")
        if besides:
            assert each["time_us"]["estimate"] == pytest.approx(besides["estimate"] + hashed)


def test_the_hashers_of_each_django_are_in_the_result(tiny):
    _, document = tiny
    releases = {each["default_of"]: each["iterations"] for each in document["hashers"] if each["default_of"]}
    assert releases == {f"Django {name}": iterations for name, iterations in hashers.ITERATIONS.items()}
    (own,) = (each for each in document["hashers"] if each["is_own"])
    assert own["iterations"] == PBKDF2PasswordHasher.iterations
    assert own["time_us"] == document["password_hash"]["time_us"]
    logins = {each["scheme"]: each["time_us"] for each in document["flows"] if each["flow"] == "obtain"}
    assert own["logins_us"] == logins
    for process in document["processes"]:
        assert len(process["hashers_ns"]) == len(document["hashers"])


def test_what_is_no_terminal_gets_plain_text_no_wider_than_100_columns(tiny):
    process, document = tiny
    assert process.stderr == ""
    assert not re.search(r"[^\n -~µ±·≥─\N{MINUS SIGN}]", process.stdout)
    lines = process.stdout.splitlines()
    assert max(len(line) for line in lines if "Everything measured" not in line) <= 100
    assert f"Verdict: {'conclusive.' if document['verdict']['conclusive'] else 'INCONCLUSIVE'}" in process.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--scheme", "nonsense"), ["nonsense", *SCHEMES]),
        (("--access-lifetime", "soon"), ["'soon'", "a number with a unit: 10s, 5m"]),
        (("--access-lifetime", "31d"), ["at most --session-lifetime"]),
    ],
)
def test_wrong_usage_is_told_with_what_is_allowed(arguments, message):
    result = CliRunner().invoke(main, ["flows", *arguments])
    assert result.exit_code == 2
    for part in message:
        assert part in " ".join(result.stderr.split())


@pytest.mark.lab
def test_a_credential_that_dies_under_the_clock_ends_the_run_without_a_result(tmp_path):
    process = benchmarks(
        *("--scheme", "token", "--processes", 2, "--budget", 30, "--json", tmp_path / "flows.json"),
        TOKEN_LIFETIME="2s",
    )
    assert process.returncode == 1
    assert re.match(r"Error: (token|/whoami/) ?.* (answers|was answered|leaves|lets)", process.stderr), process.stderr
    assert re.fullmatch(r"(Load .*\n)?", process.stdout)
    assert list(tmp_path.iterdir()) == []
