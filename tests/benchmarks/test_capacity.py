"""The plan: its arithmetic, checked by hand, and the results that it accepts."""

import json
from dataclasses import replace
from math import inf, sqrt

import jsonschema
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as some

from benchmarks.messages import Stored, StoredTable
from benchmarks.questions.plan import capacity, sources
from benchmarks.questions.plan.capacity import Cost, Costs
from benchmarks.questions.plan.command import command
from benchmarks.reporting.frontier import Worst
from benchmarks.results.schema import schema
from benchmarks.stats.intervals import Interval
from tests.support.question_results import flows, revocation
from tests.support.results import head, overhead

pytestmark = pytest.mark.once  # no database

# Each second 10 requests, 1 login and 2 refreshes; at the peak twice as many, by cores that work
# half of their time.
CROWD = capacity.crowd(
    users=86_400,
    requests_per_user_per_day=10,
    logins_per_user_per_day=1,
    active_minutes_per_day=10,
    access_lifetime_seconds=300,
    peak=2,
    utilisation=0.5,
    database_rtt_ms=1,
)


def us(estimate, half=0.0) -> Interval:
    return Interval(estimate, estimate - half, estimate + half)


PAIR = Costs(
    request=Cost(us(100, 10), statements=1),
    login=Cost(us(1000, 200), statements=3, rows_written=1, rows={"outstanding": 1}),
    refresh=Cost(us(500, 100), statements=2, rows_written=2, rows={"outstanding": 1, "blacklisted": 1}),
)
BYTES = {"outstanding": 10.0, "blacklisted": 5.0}


def test_what_a_pair_takes_by_hand():
    made = capacity.planned("pair", PAIR, CROWD, BYTES, Worst(300, "at access expiry (5 min)", ("logout",)))
    # 2 / 0.5 x (10 x 100 + 1 x 1000 + 2 x 500) µs a second; 4 x sqrt(100² + 200² + 200²)
    assert made.cores.estimate == pytest.approx(0.012)
    assert made.cores.half_width == pytest.approx(0.0012)
    assert made.statements_per_second == 2 * (10 * 1 + 1 * 3 + 2 * 2)
    assert made.rows_written_per_second == 2 * (1 * 1 + 2 * 2)
    # 2 x (10 x 1100 + 1 x 4000 + 2 x 2500) µs a second
    assert made.connections_busy.estimate == pytest.approx(0.04)
    assert made.connections_busy.half_width == pytest.approx(0.0006)
    assert made.latency_ms == {"request": 1, "login": 3, "refresh": 2}
    assert made.rows_per_day == {"outstanding": 86_400 * 3, "blacklisted": 86_400 * 2}
    assert made.bytes_per_day == 86_400 * (3 * 10 + 2 * 5)
    assert (made.revoked, made.revoked_seconds) == ("at access expiry (5 min)", 300)


def test_what_asks_the_database_nothing_keeps_no_connection_busy_but_when_it_refreshes():
    stateless = replace(PAIR, request=Cost(us(100, 10), statements=0))
    made = capacity.planned("stateless", stateless, CROWD, BYTES)
    assert made.connections_busy.estimate == pytest.approx(2e-6 * (1 * 4000 + 2 * 2500))
    assert made.latency_ms["request"] == 0
    assert made.cores.estimate == pytest.approx(0.012)


def test_what_was_not_measured_is_left_open():
    made = capacity.planned("requests alone", Costs(PAIR.request), CROWD, BYTES)
    assert (made.rows_written_per_second, made.rows_per_day, made.bytes_per_day) == (None, None, None)
    assert made.latency_ms == {"request": 1}
    assert (made.revoked, made.revoked_seconds) == (None, None)
    # The size of a row of the blacklist is unknown, so the growth is unknown too.
    assert capacity.planned("pair", PAIR, CROWD, {"outstanding": 10.0}).bytes_per_day is None
    # The tables that a login grows were not counted either.
    uncounted = replace(PAIR, login=replace(PAIR.login, rows=None))
    assert capacity.planned("pair", uncounted, CROWD, BYTES).rows_per_day is None
    assert capacity.planned("pair", PAIR, CROWD, {}, Worst(inf, "never", ())).revoked_seconds is None


@pytest.mark.parametrize(
    ("minutes", "requests", "lifetime", "refreshes"),
    [(30, 50, 300, 6), (0, 50, 300, 0), (30, 4, 300, 4), (1440, 50, 86_400, 1)],
)
def test_a_client_refreshes_as_often_as_its_access_token_ends_and_no_oftener_than_it_asks(
    minutes, requests, lifetime, refreshes
):
    made = capacity.crowd(
        users=1,
        requests_per_user_per_day=requests,
        logins_per_user_per_day=1,
        active_minutes_per_day=minutes,
        access_lifetime_seconds=lifetime,
        peak=1,
        utilisation=1,
        database_rtt_ms=0,
    )
    assert made.refreshes_per_user_per_day == refreshes


def test_the_passwords_are_told_apart():
    # One login a second: 2 / 0.5 x 250 ms
    assert capacity.hash_cores(CROWD, us(250_000, 10_000)) == us(1.0, 0.04)


def test_half_widths_are_added_in_quadrature_on_either_side():
    found = capacity.total([(1, Interval(10, 7, 14)), (2, Interval(5, 3, 6.5))])
    assert found == Interval(20, 20 - sqrt(3**2 + 4**2), 20 + sqrt(4**2 + 3**2))


sizes = some.floats(0, 1e6)
widths = some.floats(0, 1e4)


@given(sizes, widths, sizes, widths, some.floats(1, 1e9), some.floats(1, 100))
def test_more_users_never_need_less(login, login_width, refresh, refresh_width, users, factor):
    costs = replace(
        PAIR, login=replace(PAIR.login, time_us=us(login, login_width)), refresh=Cost(us(refresh, refresh_width), 2)
    )
    few, many = (capacity.planned("pair", costs, replace(CROWD, users=each), BYTES) for each in (users, users * factor))
    for name in ("cores", "connections_busy"):
        assert getattr(many, name).estimate >= getattr(few, name).estimate
        assert getattr(many, name).half_width >= getattr(few, name).half_width * (1 - 1e-9) - 1e-9
    assert many.statements_per_second >= few.statements_per_second
    assert many.bytes_per_day >= few.bytes_per_day


@given(some.lists(some.tuples(sizes, sizes, widths, widths), min_size=1), some.integers(0), widths)
def test_what_is_known_worse_never_makes_an_answer_that_is_known_better(parts, index, wider):
    narrow = [(factor, Interval(size, size - low, size + high)) for factor, size, low, high in parts]
    factor, each = narrow[index % len(parts)]
    wide = list(narrow)
    wide[index % len(parts)] = factor, Interval(each.estimate, each.low - wider, each.high + wider)
    before, after = capacity.total(narrow), capacity.total(wide)
    slack = 1e-9 * (1 + abs(before.low) + abs(before.high))
    assert after.low <= before.low + slack
    assert after.high >= before.high - slack
    assert after.estimate == before.estimate


def test_a_rows_bytes_are_those_of_the_fullest_table_that_is_full_enough():
    def stored(*tables):
        return Stored(tuple(StoredTable(*each) for each in tables), 0, 0.0)

    found = sources.bytes_per_row(
        [
            stored(("token", 4000, 400_000, 200_000), ("user", 999, 99_900, 99_900)),
            stored(("token", 1000, 900_000, 100_000), ("login", 5000, None, None)),
        ]
    )
    assert found == {"token": 150.0}


# --- the command ----------------------------------------------------------------------------------


def measured_flows():
    """Return the example of `flows` with what a plan needs: logins, refreshes and row sizes."""
    document = flows()
    call = {"statements": 3, "rows_written": 1, "bytes_written": 4000, "tables": {}}
    document["flows"] = [
        {"scheme": "token", "flow": "obtain", "time_us": us(99_000), "besides_hash_us": us(9000), **call},
        {"scheme": "token", "flow": "obtain again", "time_us": us(98_000), "besides_hash_us": us(1000), **call},
        {
            "scheme": "jwt",
            "flow": "obtain",
            "time_us": us(98_000),
            "besides_hash_us": us(1800),
            **call,
            "tables": {"jwt_auth_refreshfamily": {"inserted": 1, "deleted": 0}},
        },
        {"scheme": "jwt", "flow": "refresh", "time_us": us(1500), "besides_hash_us": None, **call, "statements": 2},
    ]
    sizes = {"rows": 2000, "table_bytes": 500_000, "index_bytes": 148_000}
    document["stored"] = {
        "tables": [{"table": "jwt_auth_refreshfamily", **sizes}],
        "database_bytes": 700_000,
        "seconds": 1.0,
    }
    document["requests_us"] = {"token": us(370), "jwt": us(600)}
    document["anonymous_us"] = 180.0
    document["request_statements"] = {"anonymous": 0, "token": 1, "jwt": 1}
    return document


@pytest.fixture
def planning(tmp_path):
    """Return planning(document, ..., option, ...) -> (the command's answer, its result or None)."""

    def run(*words):
        arguments = []
        for index, word in enumerate(words):
            if isinstance(word, dict):
                file = tmp_path / f"{index}.json"
                file.write_text(
                    json.dumps(
                        word, default=lambda each: {"estimate": each.estimate, "low": each.low, "high": each.high}
                    )
                )
                word = file
            arguments.append(str(word))
        path = tmp_path / "plan.json"
        result = CliRunner().invoke(command, [*arguments, "--json", str(path)])
        assert not result.exception or isinstance(result.exception, SystemExit), result.exception
        return result, json.loads(path.read_text()) if path.exists() else None

    return run


def test_a_plan_shows_its_formulae_and_keeps_to_the_schema(planning):
    result, document = planning(overhead(), measured_flows(), revocation())
    assert result.exit_code == 0, result.output
    jsonschema.Draft202012Validator(schema()).validate(document)
    made = {each["scheme"]: each for each in document["schemes"]}
    # 50 million users: 3 / 0.6 x (28,935 x 595 + 28.9 x 1800 + 3,472 x 1500) µs
    assert made["jwt"]["cores"]["estimate"] == pytest.approx(5e-6 * 50e6 / 86_400 * (50 * 595 + 0.05 * 1800 + 6 * 1500))
    assert made["jwt"]["bytes_per_day"] == pytest.approx(50e6 * 0.05 * 324)
    assert made["jwt"]["revoked_seconds"] == 30
    # A user who logs in has done so before; token has no refresh.
    assert made["token"]["cores"]["estimate"] == pytest.approx(5e-6 * 50e6 / 86_400 * (50 * 372 + 0.05 * 1000))
    assert made["drf-token"]["rows_per_day"] is None
    assert document["service_cores"] == pytest.approx(5e-6 * 50e6 / 86_400 * 50 * 184)
    assert document["hash_cores"]["estimate"] == pytest.approx(5e-6 * 50e6 / 86_400 * 0.05 * 97_000)
    text = " ".join(result.output.split())
    assert (
        "cores = k / u x (R t_request + L t_login + F t_refresh) = 3 / 0.6 x (28,935.2 x 595 µs + 28.9 x 1,800" in text
    )
    assert "What breaks first" in text
    assert max(len(line) for line in result.output.splitlines() if "The plan: " not in line) <= 100


def test_flows_alone_know_what_a_request_takes(planning):
    result, document = planning(measured_flows())
    assert result.exit_code == 0, result.output
    made = {each["scheme"]: each for each in document["schemes"]}
    assert made["jwt"]["cores"]["estimate"] == pytest.approx(5e-6 * 50e6 / 86_400 * (50 * 600 + 0.05 * 1800 + 6 * 1500))
    assert document["service_cores"] == pytest.approx(5e-6 * 50e6 / 86_400 * 50 * 180)


def test_another_url_may_be_planned_for(planning):
    _, document = planning(overhead(), "--url", "/tracks/")
    assert document["url"] == "/tracks/"
    assert {each["scheme"]: each["cores"]["estimate"] for each in document["schemes"]}["jwt"] == pytest.approx(
        5e-6 * 50e6 / 86_400 * 50 * 665
    )


def doubted():
    return {**overhead(), "verdict": {"conclusive": False, "reasons": ["steal"]}}


def elsewhere():
    document = measured_flows()
    document["service"]["database"] = "PostgreSQL"
    return document


@pytest.mark.parametrize(
    ("documents", "reason"),
    [
        ((doubted(), measured_flows()), "overhead: steal"),
        ((overhead(), elsewhere()), "unlike database: overhead SQLite, flows PostgreSQL"),
    ],
)
def test_what_is_not_to_be_trusted_makes_a_plan_that_says_so(planning, documents, reason):
    result, document = planning(*documents)
    assert result.exit_code == 3
    assert (document["verdict"]["conclusive"], document["verdict"]["reasons"]) == (False, [reason])
    assert reason in " ".join(result.output.split())


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ((), 2, "Missing argument"),
        ((revocation(),), 1, "no result of overhead or flows"),
        ((flows(),), 1, "lacks a request's time and statements"),
        ((measured_flows(), "--url", "/tracks/"), 1, "--url /tracks/: flows measures /whoami/ alone"),
        (
            (overhead(), "--url", "/nowhere/"),
            1,
            "--url /nowhere/: not in the result of overhead; allowed: /whoami/, /tr",
        ),
        ((overhead(), overhead()), 1, "1.json: a second result of overhead"),
        ((head("wire"),), 1, "a result of 'wire'; a plan is made of those of overhead, flows, revocation, scale"),
        (({**overhead(), "tables": 3},), 1, "0.json: Expected `array`, got `int` - at `$.tables`"),
        ((overhead(), "--users", "0"), 2, "0 is not in the range x>=1"),
        ((overhead(), "--utilisation", "1.5"), 2, "1.5 is not in the range 0<x<=1"),
        ((overhead(), "--peak", "0.5"), 2, "0.5 is not in the range x>=1"),
        ((overhead(), "--active-minutes-per-day", "1441"), 2, "1441.0 is not in the range 0<=x<=1440"),
        ((overhead(), "--access-lifetime", "soon"), 2, "'soon'"),
        ((overhead(), "--requests-per-user-per-day", "nan"), 2, "nan is no number; allowed: x>0"),
        ((overhead(), "--database-rtt-ms", "inf"), 2, "inf is no number; allowed: x>=0"),
    ],
)
def test_what_cannot_be_planned_is_told_by_name(planning, words, code, message):
    result, document = planning(*words)
    assert result.exit_code == code, result.output
    assert message in " ".join(result.output.replace("│", " ").split())
    assert document is None
