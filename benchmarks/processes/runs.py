"""What runs of fresh processes share: how many there are, their rounds, and when to stop."""

import time
from collections.abc import Callable, Iterator, Mapping
from math import inf

from benchmarks.stats.design import design_length
from benchmarks.stats.rounds import rounds_for
from benchmarks.terminal import Watcher

PROCESSES = 10  # where nobody says how many
FEWEST = 4  # of them, where the budget is too short for PROCESSES
LEAST_SHARE = 0.5  # seconds under the clock for each second of a process's other work


def plan_count(processes: int | None, process_seconds: float, end: float | None) -> tuple[int, int]:
    """Return how many processes to plan for, and the fewest with which a run may end.

    `processes`        as many as were asked for; None: PROCESSES, or fewer if time is short
    `process_seconds`  what a process takes besides its rounds
    `end`              time.monotonic() in seconds; None: whenever they are done
    """
    if processes is not None:
        return processes, processes
    if end is None:
        return PROCESSES, PROCESSES
    fitting = int((end - time.monotonic()) / ((1 + LEAST_SHARE) * process_seconds))
    return min(PROCESSES, max(FEWEST, fitting)), FEWEST


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
    fewest: int | None = None,
) -> Iterator[int]:
    """Yield `count` times, then while one more fits before `end`, unless `is_enough`.

    If time runs out, `fewest` are enough (None: `count`). The watcher learns what to expect: a
    process takes twice as long with its rounds as without (rounds.TIMED_SHARE).
    """
    start = time.monotonic()
    watcher.expected(2 * process_seconds * count if end is None else max(end - start, 0.0))
    done, fewest = 0, count if fewest is None else fewest
    while (
        done < fewest
        or (end is None and done < count)
        or (end is not None and (done < count or not is_enough()) and _ends_after_one_more(start, done) <= end)
    ):
        yield done
        done += 1


def remarks(asked: int | None, done: int, end: float | None) -> tuple[str, ...]:
    """Return the sentence about a run that did fewer processes than PROCESSES; empty otherwise.

    `asked`, `end`  as `processes` and `end` of plan_count
    """
    if asked is not None or end is None or done >= PROCESSES:
        return ()
    why = "more did not fit into --budget" if done > FEWEST else "the fewest, even if they take longer than --budget"
    return (f"{done} processes instead of {PROCESSES}: {why}.",)


def _ends_after_one_more(start: float, done: int) -> float:
    now = time.monotonic()
    return now + (now - start) / max(done, 1)
