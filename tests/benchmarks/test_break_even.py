"""The cost of a request by the number of requests, and where two schemes cost the same: by hand."""

from dataclasses import replace

import pytest

from benchmarks.stats.break_even import REQUESTS, Costs, Crossing, Lifetimes, cost, crossings, curve, fixed
from benchmarks.stats.intervals import t_interval

pytestmark = pytest.mark.once  # no database

MONTH = Lifetimes(access=300, session=300 * 1000)


def test_a_session_begins_with_one_login_and_every_further_access_lifetime_with_a_refresh():
    costs = Costs(request=7, login=5000, refresh=20)
    # One of 1000 access lifetimes begins with a login, and 999 with a refresh.
    assert fixed(costs, MONTH) == pytest.approx((5000 + 999 * 20) / 1000)
    assert cost(costs, MONTH, 10) == pytest.approx(7 + (5000 + 999 * 20) / 1000 / 10)


def test_a_session_of_one_access_lifetime_needs_no_refresh():
    assert fixed(Costs(request=7, login=5000, refresh=20), Lifetimes(60, 60)) == 5000


def test_the_curve_is_of_each_process_and_its_intervals_are_over_them():
    start = [Costs(100, 5000, 20), Costs(110, 5200, 22), Costs(96, 4700, 19)]
    intervals = curve(start, MONTH)
    assert len(intervals) == len(REQUESTS)
    assert (REQUESTS[0], REQUESTS[-1]) == (1, 100_000)
    assert list(REQUESTS) == sorted(REQUESTS)
    at_ten = intervals[REQUESTS.index(10)]
    assert at_ten == t_interval([cost(each, MONTH, 10) for each in start])


def scattered(request: float, login: float, refresh: float) -> list[Costs]:
    """Return what three processes measured, on machines of different speed."""
    return [Costs(request * speed, login * speed, refresh * speed) for speed in (0.99, 1.0, 1.02)]


OPAQUE = scattered(request=300, login=0, refresh=0)
PAIR = scattered(request=100, login=0, refresh=1001.001)  # 1000 for each access lifetime
COSTLIER = scattered(request=400, login=1000, refresh=0)


@pytest.mark.parametrize("names", [("opaque", "pair"), ("pair", "opaque")])
def test_two_curves_cross_where_what_is_saved_on_requests_has_paid_for_the_refresh(names):
    (crossing,) = crossings({name: {"opaque": OPAQUE, "pair": PAIR}[name] for name in names}, MONTH)
    assert (crossing.first, crossing.second) == names
    assert (crossing.cheaper_below, crossing.cheaper_above) == ("opaque", "pair")
    # 1000 / (300 - 100), and both sides scale with the speed: the processes agree.
    assert crossing.requests.estimate == pytest.approx(5)
    assert crossing.requests.low == pytest.approx(5)
    at = crossing.requests.estimate
    assert cost(OPAQUE[0], MONTH, at) == pytest.approx(cost(PAIR[0], MONTH, at))


def test_the_interval_of_a_crossing_is_as_wide_as_the_processes_disagree():
    pair = [replace(each, refresh=each.refresh * factor) for each, factor in zip(PAIR, (1, 1.1, 0.9), strict=True)]
    (crossing,) = crossings({"opaque": OPAQUE, "pair": pair}, MONTH)
    assert crossing.requests.low < 5 < crossing.requests.high


def test_what_is_cheaper_in_all_parts_is_cheaper_at_every_n():
    assert crossings({"costlier": COSTLIER, "opaque": OPAQUE}, MONTH) == [
        Crossing("costlier", "opaque", None, cheaper_below="opaque", cheaper_above="opaque")
    ]


def test_a_dearer_login_alone_makes_no_crossing():
    # At one request as at many, authentication costs more than the login's share.
    pair = scattered(request=100, login=1000, refresh=0)
    (crossing,) = crossings({"opaque": OPAQUE, "pair": pair}, MONTH)
    assert (crossing.requests, crossing.cheaper_below, crossing.cheaper_above) == (None, "pair", "pair")


def test_no_winner_is_named_where_the_processes_do_not_agree_on_one():
    other = [replace(each, request=request) for each, request in zip(OPAQUE, (310, 290, 305), strict=True)]
    assert crossings({"opaque": OPAQUE, "other": other}, MONTH) == [Crossing("opaque", "other", None, None, None)]
