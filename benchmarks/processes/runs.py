"""What runs of fresh processes share: how many rounds each process does, and when to stop."""

import time
from collections.abc import Callable, Iterator, Mapping
from math import inf

from benchmarks.stats.design import design_length
from benchmarks.stats.rounds import rounds_for
from benchmarks.terminal import Watcher


def plan_rounds(
    round_seconds: Mapping[str, float], contenders: int, process_seconds: float, count: int, end: float | None
) -> dict[str, int]:
    """Return the best rounds for each URL in each of `count` processes that end by `end`.

    `round_seconds`    what a round takes at each URL
    `process_seconds`  what a process takes besides its rounds
    `end`              time.monotonic() in seconds; None: whenever they are done
    """
    available = inf if end is None else (end - time.monotonic()) / count
    return rounds_for(available, process_seconds, round_seconds, design_length(contenders))


def repetitions(
    count: int,
    end: float | None,
    process_seconds: float,
    watcher: Watcher,
    is_enough: Callable[[], bool] = lambda: False,
) -> Iterator[int]:
    """Yield `count` times, then while one more fits before `end`, unless `is_enough`.

    The watcher learns what to expect: a process takes twice as long with its rounds as without
    (rounds.TIMED_SHARE).
    """
    start = time.monotonic()
    watcher.expected(2 * process_seconds * count if end is None else max(end - start, 0.0))
    done = 0
    while done < count or (end and not is_enough() and _ends_after_one_more(start, done) <= end):
        yield done
        done += 1


def _ends_after_one_more(start: float, done: int) -> float:
    now = time.monotonic()
    return now + (now - start) / done
