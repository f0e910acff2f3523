"""Contests: each verdict agrees with the literature, and all hold together."""

import pytest
from scipy import stats

from benchmarks.stats.intervals import Interval, Mean, mean, t_interval, welch
from benchmarks.stats.verdicts import EQUIVALENT, FASTER, INCONCLUSIVE, SLOWER, contests, holm, judge, probabilities

pytestmark = pytest.mark.once


def test_a_difference_is_tested_by_students_t():
    figures = [318.2, 330.1, 309.9, 322.4]
    differs, _ = probabilities(mean(figures), 5)
    assert differs == pytest.approx(stats.ttest_1samp(figures, 0).pvalue)


@pytest.mark.parametrize("figures", [[1.0, 3.0, 2.5], [-1.0, -3.0, -2.5]])
def test_equivalence_is_tested_by_two_one_sided_tests(figures):
    _, within = probabilities(mean(figures), 5)
    above = stats.ttest_1samp(figures, -5, alternative="greater").pvalue
    below = stats.ttest_1samp(figures, 5, alternative="less").pvalue
    assert within == pytest.approx(max(above, below))


def test_two_runs_are_compared_by_welchs_t():
    before, after = [10.0, 11.0, 12.5, 9.0], [14.0, 20.0, 11.0]
    expected = stats.ttest_ind(after, before, equal_var=False)
    change = welch(before, after)
    low, high = expected.confidence_interval()
    assert change.interval() == Interval(pytest.approx(change.estimate), pytest.approx(low), pytest.approx(high))
    assert probabilities(change, 5)[0] == pytest.approx(expected.pvalue)


def test_figures_that_do_not_scatter_leave_no_doubt():
    assert welch([1, 1], [1, 1]).interval() == Interval(0, 0, 0)
    assert probabilities(Mean(0.0, 0.0, 9), 5) == (1, 0)
    assert probabilities(Mean(7.0, 0.0, 9), 5) == (0, 1)


def test_holm_stops_at_the_first_that_is_not_small_enough():
    # Three contests, six hypotheses, of which three at most are true: 0.05 / 3, 3, 3, 3, 2, 1.
    assert holm([0.001, 0.9, 0.016, 0.9, 0.017, 0.9]) == [True, False, True, False, False, False]
    assert holm([0.016] * 6) == [True] * 6
    # 0.018 would be small enough when two are left, but 0.0168, which comes before, was not.
    assert holm([0.001, 0.002, 0.003, 0.0168, 0.018, 0.018]) == [True, True, True, False, False, False]
    assert holm([0.001, 0.002, 0.003, 0.0166, 0.024, 0.049]) == [True] * 6


def test_one_contest_needs_no_correction():
    assert holm([0.049, 0.9]) == [True, False]
    assert holm([0.051, 0.9]) == [False, False]


@pytest.mark.parametrize(
    ("difference", "verdict"),
    [
        (Mean(20, 1, 9), FASTER),
        (Mean(-20, 1, 9), SLOWER),
        (Mean(1, 1, 9), EQUIVALENT),
        (Mean(3, 0.1, 9), EQUIVALENT),  # shown, and still smaller than the margin
        (Mean(6, 0.1, 9), FASTER),
        (Mean(4, 3, 9), INCONCLUSIVE),
        (Mean(0, 30, 9), INCONCLUSIVE),
    ],
)
def test_a_verdict_for_each_difference(difference, verdict):
    assert judge([difference], margin_us=5) == [verdict]


def test_more_contests_ask_for_more():
    barely = Mean(2.5, 1, 9)  # p = 0.034
    assert judge([barely], 0.1) == [FASTER]
    assert judge([barely, Mean(0, 9, 9)], 0.1) == [INCONCLUSIVE, INCONCLUSIVE]


def test_every_two_meet_once_and_the_sign_is_the_seconds_minus_the_firsts():
    figures = {"a": [10, 11, 12], "b": [30, 31, 33], "c": [10, 11, 13]}
    met = contests(figures, margin_us=5)
    assert [(each.first, each.second) for each in met] == [("a", "b"), ("a", "c"), ("b", "c")]
    assert met[0].difference == t_interval([20, 20, 21])
    assert [each.verdict for each in met] == [FASTER, EQUIVALENT, SLOWER]
