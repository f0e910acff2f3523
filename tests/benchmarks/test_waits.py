"""A busy machine: what waited for a processor is not counted, and disturbed blocks are timed again.

The waits are made up; no time is asserted.
"""

import itertools
import time

import pytest

from benchmarks.processes import environment, timing, waits
from benchmarks.processes.environment import Load

pytestmark = pytest.mark.once

QUIET, DISTURBED = 0, 10**12  # nanoseconds


@pytest.fixture
def machine(monkeypatch):
    """Return a list: by how much the thread's waits grow at each block, in ns; then not at all."""
    grows: list[int] = []
    waited = 0
    reads = itertools.count()

    def waited_ns() -> int:
        nonlocal waited
        if next(reads) % 2 and grows:  # after a block
            waited += grows.pop(0)
        return waited

    monkeypatch.setattr(waits, "can_tell", lambda: True)
    monkeypatch.setattr(waits, "waited_ns", waited_ns)
    return grows


def blocks():
    """Return a block that returns the number of its attempt."""
    numbers = itertools.count(1)
    return lambda: [next(numbers)]


def test_an_undisturbed_block_is_timed_once(machine):
    collector = timing.Collector()
    assert collector.time("/a/", blocks(), blocks()) == [1]
    assert collector.disturbed == 0


def test_a_disturbed_block_is_timed_again(machine):
    machine += [DISTURBED, QUIET]
    collector = timing.Collector()
    before = blocks()
    assert collector.time("/a/", blocks(), before) == [2]
    assert collector.disturbed == 0
    assert before() == [2]  # it ran once more, so that the repeat follows what the first attempt followed


def test_the_first_block_of_all_follows_nothing_and_is_timed_once(machine):
    machine += [DISTURBED]
    collector = timing.Collector()
    assert collector.time("/a/", blocks(), None) == [1]
    assert collector.disturbed == 1


def test_a_block_that_stays_disturbed_is_timed_so_many_times_and_no_more(machine):
    machine += [DISTURBED] * 10
    collector = timing.Collector()
    block = blocks()
    collector.time("/a/", block, blocks())
    assert block() == [collector.AGAIN + 2]
    assert collector.disturbed == 1
    assert collector.waited > 0.9


def test_blocks_are_not_timed_again_where_that_finds_no_quiet_moment(machine):
    machine += [DISTURBED] * 1000
    collector, block = timing.Collector(), blocks()
    for _ in range(100):
        collector.time("/a/", block, blocks())
    assert block() == [100 + collector.FREE + 1]
    again = blocks()
    collector.time("/b/", again, blocks())  # another URL may have quiet moments
    assert again() == [collector.AGAIN + 2]


def test_nothing_is_timed_again_where_waits_cannot_be_told(machine, monkeypatch):
    monkeypatch.setattr(waits, "can_tell", lambda: False)
    machine += [DISTURBED]
    collector = timing.Collector()
    assert collector.time("/a/", blocks(), blocks()) == [1]
    assert collector.disturbed is None


@pytest.mark.parametrize(
    ("waited", "run", "wall", "expected"),
    [
        (0, 70, 100, 100),  # undisturbed: whatever it waited for belongs to the request
        (60, 40, 100, 40),
        (60, 20, 100, 40),  # it also slept, for the disk for example
        (60, 100, 100, 100),  # it waited before or after, not meanwhile
    ],
)
def test_the_stopwatch_leaves_out_what_the_thread_waited(monkeypatch, waited, run, wall, expected):
    monkeypatch.setattr(waits, "can_tell", lambda: True)
    monkeypatch.setattr(waits, "waited_ns", iter([0, waited]).__next__)
    monkeypatch.setattr(waits, "thread_time_ns", iter([0, run]).__next__)
    monkeypatch.setattr(waits, "perf_counter_ns", iter([0, wall]).__next__)
    watch = waits.Stopwatch()
    watch.start()
    assert watch.stop() == expected


def test_the_kernel_counts_waits_or_says_nothing():
    before = waits.waited_ns()
    time.sleep(0)
    assert waits.waited_ns() >= before >= 0


def test_the_machine_is_described_before_a_run():
    load = Load(4.125, 2, 0.41, {"yes": 1.2, "a (b) c": 0.4})
    assert load.sentence == (
        "Load 4.1 on 2 processors; a busy thread gets 41% of one. What uses them, in % of one: yes (120%), "
        "a (b) c (40%)."
    )
    assert Load(0.0, 1, 1.0, {}).sentence == "Load 0.0 on 1 processors; a busy thread gets 100% of one."
    found = environment.look_around(0.01)
    assert 0 < found.share <= 1
    assert found.processors >= 1


def test_a_process_that_changes_its_name_meanwhile_is_the_same_process(monkeypatch):
    reads = iter([{7: ("kworker", 100.0), 8: ("yes", 5.0)}, {7: ("events", 100.0), 8: ("yes", 6.0)}])
    monkeypatch.setattr(environment, "_program_seconds", lambda: next(reads))
    assert list(environment.look_around(0.01).busiest) == ["yes"]
