"""The frontier of cost against time to revoke, and how a report writes figures."""

from dataclasses import replace
from itertools import pairwise

import pytest

from benchmarks.reporting import frontier
from benchmarks.reporting.wording import duration, interval, number, short
from benchmarks.results.records.revocation import Cell, Delay, End, Ends
from benchmarks.stats.intervals import Interval
from benchmarks.stats.verdicts import Contest
from tests.support.question_results import (
    revocation_of,
)
from tests.support.results import overhead_record, row

pytestmark = pytest.mark.once  # no database


# --- the frontier ---------------------------------------------------------------------------------

LIFETIMES = {"access_seconds": 300, "refresh_seconds": 86_400}
ENDS = [
    (Cell("at once"), "at once", 0),
    (Cell("within", 30), "within 30 s", 30),
    (Cell("at access expiry"), "at access expiry (5 min)", 300),
    (Cell("at access expiry", 310), "at access expiry (310 s)", 310),
    (Cell("never"), "never", float("inf")),
    (Cell("at once", refresh=End("never")), "never", float("inf")),
    (Cell("at access expiry", refresh=End("at once")), "at access expiry (5 min)", 300),
    (Cell("at once", refresh=End("at refresh expiry")), "at refresh expiry (1 d)", 86_400),
    (Cell("within", 30, refresh=End("-")), "within 30 s", 30),
]


def table_of(*overheads, contests=()):
    """Return a table of schemes a, b, … that add so many µs, each known to 10 µs either way."""
    rows = tuple(row(name, x) for name, x in zip("abcd", overheads, strict=False))
    return replace(overhead_record().tables[0], rows=rows, contests=tuple(contests))


def ends_of(*cells):
    """Return a result of schemes a, b, … with these cells for a logout."""
    rows = (Ends(name, cells={"logout": cell}, **LIFETIMES) for name, cell in zip("abcd", cells, strict=False))
    return revocation_of(*rows)


@pytest.mark.parametrize(("cell", "delay", "seconds"), ENDS)
def test_a_login_is_over_when_the_last_of_its_tokens_is(cell, delay, seconds):
    (standing,) = frontier.standings(table_of(1), ends_of(cell))
    assert (standing.delay, standing.seconds) == (delay, seconds)
    assert standing.worst == (("logout",) if seconds else ())


def test_in_another_process_it_may_take_longer():
    elsewhere = (Delay("a", "logout", End("within", 30)), Delay("b", "logout", End("at once")))
    revocation = replace(ends_of(NOW, LATER), elsewhere=elsewhere)
    standings = {one.name: one for one in frontier.standings(table_of(1, 2), revocation)}
    assert (standings["a"].seconds, standings["a"].worst) == (30, ("logout",))
    assert standings["b"].seconds == 9


def test_milliseconds_in_another_process_are_neither_at_once_nor_a_second():
    elsewhere = (Delay("a", "logout", End("within", 0.024, 401), alone_ms=(9.4, 23.1)),)
    revocation = replace(ends_of(NOW, NOW, LATER), elsewhere=elsewhere)
    standings = {one.name: one for one in frontier.standings(table_of(1, 200, 300), revocation)}
    assert (standings["a"].seconds, standings["a"].delay) == (0.024, "within 24 ms")
    assert {name: one.dominated_by for name, one in standings.items()} == {"a": (), "b": (), "c": ("a", "b")}


def test_the_worst_event_counts_and_events_that_a_scheme_has_not_do_not():
    cells = {
        "logout": Cell("-"),
        "password change": Cell("within", 9),
        "deactivation": Cell("at once"),
        "deletion": Cell("never"),
    }
    (standing,) = frontier.standings(table_of(1), revocation_of(Ends("a", cells=cells, **LIFETIMES)))
    assert (standing.seconds, standing.worst) == (9, ("password change",))
    assert frontier.standings(table_of(1), ends_of(Cell("-"))) == []


NOW, LATER = Cell("at once"), Cell("within", 9)


def contest(first, second, verdict):
    return Contest(first, second, Interval(0, 0, 0), verdict)


@pytest.mark.parametrize(
    ("overheads", "cells", "contests", "dominated"),
    [
        ((100, 200), (NOW, NOW), [], {"b": ("a",)}),  # as soon, and cheaper
        ((100, 200), (LATER, NOW), [], {}),  # cheaper, but later: a choice
        ((200, 100), (LATER, NOW), [], {"a": ("b",)}),  # costlier and later
        ((100, 115), (NOW, NOW), [], {}),  # the intervals touch
        ((100, 115), (NOW, NOW), [contest("a", "b", "faster")], {"b": ("a",)}),  # a contest decides
        ((100, 115), (NOW, NOW), [contest("b", "a", "slower")], {"b": ("a",)}),  # from either side
        ((100, 200), (NOW, NOW), [contest("a", "b", "inconclusive")], {}),
        ((100, 100), (NOW, NOW), [contest("a", "b", "equivalent")], {}),  # neither is better
        ((100, 100), (NOW, LATER), [contest("a", "b", "equivalent")], {"b": ("a",)}),  # sooner, costs no more
        ((100, 100), (NOW, LATER), [contest("a", "b", "inconclusive")], {}),
        ((100, 200, 300), (NOW, NOW, LATER), [], {"b": ("a",), "c": ("a", "b")}),
    ],
)
def test_a_scheme_is_dominated_by_who_is_as_good_at_both_and_better_at_one(overheads, cells, contests, dominated):
    standings = frontier.standings(table_of(*overheads, contests=contests), ends_of(*cells))
    assert {one.name: one.dominated_by for one in standings if one.dominated_by} == dominated
    assert all(one.overhead.estimate <= other.overhead.estimate for one, other in pairwise(standings))


# --- words ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (595.4, "595"),
        (97.24, "97.2"),
        (-4.2, "−4.2"),
        (-0.04, "0.0"),
        (0, "0.0"),
        (98_000, "98,000"),
        (-1234.5, "−1,234"),
    ],
)
def test_a_figure_has_three_digits_or_a_decimal(value, text):
    assert number(value) == text
    assert interval(Interval(value, value, value)) == f"{text} ({text} to {text})"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (30, "30 s"),
        (90, "90 s"),
        (300, "5 min"),
        (3600, "1 h"),
        (5400, "90 min"),
        (86_400, "1 d"),
        (0.5, "500 ms"),
        (0.024, "24 ms"),
        (1.5, "1.5 s"),
        (0, "0 s"),
    ],
)
def test_a_duration_is_in_the_largest_whole_unit(seconds, text):
    assert duration(seconds) == text


def test_a_text_for_a_picture_is_one_printable_line():
    assert short(" a\x00b\n c ") == "a b c"
    assert short("x" * 40, 10) == "x" * 9 + "…"
