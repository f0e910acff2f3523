"""How often a run repeats: a count, then as long as there is time, unless it has enough."""

import time

import pytest

from benchmarks.processes import runs
from benchmarks.terminal import Watcher

pytestmark = pytest.mark.once


@pytest.fixture
def expected():
    return []


@pytest.fixture
def watcher(expected):
    return Watcher(expected.append, tick=lambda: None)


def test_a_run_without_an_end_repeats_as_often_as_it_is_told(watcher, expected):
    assert list(runs.repetitions(3, None, 0.5, watcher)) == [0, 1, 2]
    assert expected == [3.0]


def test_a_run_repeats_its_count_even_after_its_end(watcher, expected):
    assert list(runs.repetitions(2, time.monotonic() - 1, 0.5, watcher)) == [0, 1]
    assert expected == [0.0]


def test_a_run_goes_on_while_there_is_time_for_one_more(watcher, expected):
    done = []
    for _ in runs.repetitions(2, time.monotonic() + 0.2, 0.01, watcher):
        done.append(time.sleep(0.02))
    assert 2 < len(done) <= 10
    assert expected == [pytest.approx(0.2, abs=0.1)]


def test_a_run_with_enough_does_its_count_and_no_more(watcher):
    assert list(runs.repetitions(2, time.monotonic() + 60, 0.01, watcher, lambda: True)) == [0, 1]


def test_a_run_whose_time_is_over_ends_with_the_fewest(watcher):
    assert list(runs.repetitions(10, time.monotonic() - 1, 0.5, watcher, fewest=4)) == [0, 1, 2, 3]


def test_a_run_with_time_does_not_end_with_the_fewest(watcher):
    end = time.monotonic() + 60
    assert list(runs.repetitions(10, end, 0.01, watcher, lambda: True, fewest=4)) == list(range(10))


URLS = {"/a/": 0.04, "/b/": 0.06}


def plan(asked, process_seconds, seconds, rounds=None):
    end = None if seconds is None else time.monotonic() + seconds
    return runs.plan(asked, URLS, 4, process_seconds, end, rounds)


@pytest.mark.parametrize(
    ("asked", "process_seconds", "seconds", "expected"),
    [
        (None, 1.0, None, (10, 10)),
        (None, 1.0, 100, (10, 5)),
        (None, 1.0, 12.1, (10, 5)),  # ten with two rounds
        (None, 1.0, 11.9, (8, 5)),  # with four rounds
        (None, 5.0, 3, (5, 5)),
        (6, 5.0, 3, (6, 6)),
    ],
)
def test_as_many_processes_are_planned_as_fit_but_never_fewer_than_the_fewest(
    asked, process_seconds, seconds, expected
):
    planned = plan(asked, process_seconds, seconds)
    assert (planned.count, planned.fewest) == expected


def test_fewer_processes_do_more_rounds_each():
    assert set(plan(None, 1.0, 12.1).rounds.values()) == {2}
    assert set(plan(None, 5.0, 3).rounds.values()) == {4}
    assert set(plan(6, 5.0, 3).rounds.values()) == {2}
    assert plan(None, 5.0, 3, rounds=7).rounds == {"/a/": 7, "/b/": 7}


@pytest.mark.parametrize(
    ("seconds", "rounds", "expected"),
    [(None, None, True), (7.1, None, True), (6.9, None, False), (8.1, 6, True), (7.9, 6, False)],
)
def test_all_urls_fit_if_the_fewest_processes_with_four_rounds_do(seconds, rounds, expected):
    end = None if seconds is None else time.monotonic() + seconds
    assert runs.fits(URLS, 1.0, end, rounds) == expected


def test_a_run_with_fewer_processes_says_why():
    assert runs.remarks(None, 7, 1.0) == ("7 processes instead of 10: more did not fit into --budget.",)
    assert runs.remarks(None, 5, 1.0) == (
        "5 processes instead of 10: more did not fit into --budget, and fewer are never enough.",
    )
    assert runs.remarks(4, 4, 1.0) == runs.remarks(None, 4, None) == runs.remarks(None, 10, 1.0) == ()


def test_rounds_are_planned_for_the_time_that_each_process_has():
    url = {"/a/": 0.04}
    assert runs.plan(10, url, 7, 1.0, None).rounds == {"/a/": 14}
    assert runs.plan(10, url, 4, 1.0, time.monotonic() + 13).rounds == {"/a/": 4}
