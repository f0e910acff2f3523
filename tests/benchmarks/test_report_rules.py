"""The rules of choice that a report begins with say what its results have, and no more."""

from dataclasses import replace

import pytest

from benchmarks.questions.report.rules import choice
from benchmarks.reporting import frontier
from benchmarks.reporting.page import Report
from benchmarks.results.records.flows import Crossing
from benchmarks.results.records.revocation import Cell, Delay, End, Ends
from benchmarks.results.records.wire import Beside
from benchmarks.stats.verdicts import Contest, Verdict
from tests.support.question_results import flows_record, revocation_of, wire_record
from tests.support.results import interval, overhead_record, row

pytestmark = pytest.mark.once  # no database

NOW, LATER = Cell("at once", 0, 401), Cell("at access expiry", 300, 401)


def contest(first, second, by, verdict):
    return Contest(first, second, interval(by), verdict)


def report_of(*more, contests=(), conclusive=True):
    """Return a report of schemes a, b and c, which add 30, 20 and 10 µs, and of `more` results."""
    rows = tuple(row(name, adds) for name, adds in zip("abc", (30.0, 20.0, 10.0), strict=True))
    contests = contests or [
        contest("a", "b", -10.0, "slower"),
        contest("a", "c", -20.0, "slower"),
        contest("b", "c", -10.0, "slower"),
    ]
    table = replace(overhead_record().tables[0], rows=rows, contests=tuple(contests))
    verdict = Verdict.of(() if conclusive else ("steal",))
    overhead = replace(overhead_record(), tables=(table,), verdict=verdict)
    parts = {part.command: part for part in (overhead, *more)}
    return Report({}, parts, {}, frontier.EVENTS)


def revoked(a, b, c, elsewhere=()):
    rows = (Ends(name, 300, None, {"logout": cell}) for name, cell in zip("abc", (a, b, c), strict=True))
    return revocation_of(*rows, elsewhere=elsewhere)


def told(report):
    return {rule.need: rule.choice for rule in choice(report).rules}


def test_each_time_to_revoke_names_the_cheapest_with_its_figure():
    delay = Delay("b", "logout", End("within", 0.03, 401))
    assert told(report_of(revoked(NOW, NOW, LATER, (delay,)))) == {
        "Refused at once in every process, after logout, password change or deactivation": "a adds 30.0 (20.0 to 40.0) "
        "µs.",
        "Refused at once where one process serves the API": "b adds 20.0 (10.0 to 30.0) µs.",
        "Refused within 30 ms is soon enough": "b adds 20.0 (10.0 to 30.0) µs.",
        "Refused at access expiry (5 min) is soon enough": "c adds 10.0 (0.0 to 20.0) µs.",
    }


def test_a_scheme_that_saves_nothing_by_being_later_is_not_named():
    assert list(told(report_of(revoked(LATER, LATER, NOW)))) == [
        "Refused at once in every process, after logout, password change or deactivation"
    ]


@pytest.mark.parametrize(
    ("verdict", "how"), [("inconclusive", "no difference is shown"), ("equivalent", "the same within 5 µs")]
)
def test_two_that_cannot_be_told_apart_are_both_named(verdict, how):
    contests = [
        contest("a", "b", -10.0, "slower"),
        contest("a", "c", -20.0, "slower"),
        contest("b", "c", -10.0, verdict),
    ]
    (chosen,) = told(report_of(revoked(NOW, NOW, NOW), contests=contests)).values()
    assert chosen == f"c adds 10.0 (0.0 to 20.0) µs; b 20.0 (10.0 to 30.0) µs, {how}."


def test_without_a_result_of_revocation_nothing_is_said_of_it():
    assert told(report_of()) == {
        "Cheapest request": "c adds 10.0 (0.0 to 20.0) µs. How soon each is revoked is not in this report."
    }


def test_an_inconclusive_run_gives_estimates_under_a_warning():
    assert choice(report_of()).lead.startswith("What a scheme adds to a request of 184 µs on /whoami/")
    lead = choice(report_of(conclusive=False)).lead
    assert lead.startswith("Estimates of a run that cannot tell: do not decide by them. What a scheme adds")


def test_the_number_of_requests_decides_where_logins_and_refreshes_count():
    record = replace(flows_record(), lifetimes_seconds={"access": 300, "session": 86_400})
    need = "Cheapest with logins and refreshes, by requests per access lifetime (5 min)"
    assert told(report_of(record))[need] == (
        "token, 1,272 µs a request at 1; jwt from 12.9 (12.1 to 13.8) on; 45.2 µs with jwt at 1,000."
    )
    doubtful = replace(record, verdict=Verdict.of(("steal",)), crossings=())
    assert told(report_of(doubtful))[need].startswith("Inconclusive: token, 1,272 µs a request at 1; with many, no")


def test_a_crossing_without_an_interval_is_told_by_its_number():
    record = replace(flows_record(), crossings=(Crossing("token", "jwt", 12.0, None, None, "token", "jwt"),))
    (_, chosen) = told(report_of(record)).values()
    assert "; jwt from 12.0 on; " in chosen


def test_over_http_the_schemes_of_the_other_rules_are_told():
    beside = [Beside("/whoami/", name, interval(10), interval(30), interval(20), "faster") for name in "abc"]
    wire = replace(wire_record(), beside=tuple(beside))
    rules = told(report_of(revoked(NOW, LATER, LATER), wire))
    assert rules["The same schemes over HTTP add"] == "a 30.0 (20.0 to 40.0) µs; c 30.0 (20.0 to 40.0) µs."


def test_one_scheme_leaves_nothing_to_choose():
    alone = report_of()
    table = replace(alone.overhead.tables[0], rows=alone.overhead.tables[0].rows[:1], contests=())
    parts = {"overhead": replace(alone.overhead, tables=(table,))}
    assert choice(replace(alone, parts=parts)) is None
