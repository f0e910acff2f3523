"""What runs of fresh processes share: how many there are, their rounds, and when to stop."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from math import inf

from benchmarks.stats.design import design_length
from benchmarks.stats.rounds import LEAST_ROUNDS, SETTLED_ROUNDS, rounds_for
from benchmarks.terminal import Watcher

PROCESSES = 10  # where nobody says how many
FEWEST = 5  # of them, where the budget is too short for PROCESSES


@dataclass(frozen=True, slots=True)
class Plan:
    """How a run divides its time.

    `count`   processes, or turns
    `fewest`  with so many the run may end if time runs out
    `rounds`  of each process at each URL
    """

    count: int
    fewest: int
    rounds: dict[str, int]


def plan(
    asked: int | None,
    round_seconds: Mapping[str, float],
    contenders: int,
    process_seconds: float,
    end: float | None,
    rounds: int | None = None,
    fewest: int = FEWEST,
) -> Plan:
    """Return the best plan for a run that ends by `end`, as the rehearsal shows it.

    If PROCESSES do not fit, fewer do SETTLED_ROUNDS each: it is a busy machine, whose outliers must
    not decide.

    `asked`            processes; None: PROCESSES, or fewer, but never below `fewest`
    `round_seconds`    what a round takes at each URL
    `process_seconds`  what a process takes besides its rounds
    `end`              time.monotonic() in seconds; None: whenever they are done
    `rounds`           at each URL; None: as many as pay best
    """
    available = inf if end is None else end - time.monotonic()
    count, least = asked or PROCESSES, LEAST_ROUNDS
    if asked is None and available < count * _takes(round_seconds, process_seconds, rounds or least):
        least = SETTLED_ROUNDS
        fitting = int(available / _takes(round_seconds, process_seconds, rounds or least))
        count = min(PROCESSES, max(fewest, fitting))
    planned = (
        rounds_for(available / count, process_seconds, round_seconds, design_length(contenders), least)
        if rounds is None
        else dict.fromkeys(round_seconds, rounds)
    )
    return Plan(count, count if asked or end is None else fewest, planned)


def fits(round_seconds: Mapping[str, float], process_seconds: float, end: float | None, rounds: int | None) -> bool:
    """Return whether FEWEST processes end by `end`. The parameters are those of plan()."""
    seconds = FEWEST * _takes(round_seconds, process_seconds, rounds or SETTLED_ROUNDS)
    return end is None or time.monotonic() + seconds <= end


def _takes(round_seconds: Mapping[str, float], process_seconds: float, rounds: int) -> float:
    """Return how many seconds a process takes with so many rounds at each URL."""
    return process_seconds + rounds * sum(round_seconds.values())


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


def remarks(asked: int | None, done: int, end: float | None, fewest: int = FEWEST) -> tuple[str, ...]:
    """Return the sentence about a run that did fewer processes than PROCESSES; empty otherwise.

    The parameters are those of plan().
    """
    if asked is not None or end is None or done >= PROCESSES:
        return ()
    why = "more did not fit into --budget" + ("" if done > fewest else ", and fewer are never enough")
    return (f"{done} processes instead of {PROCESSES}: {why}.",)


def _ends_after_one_more(start: float, done: int) -> float:
    now = time.monotonic()
    return now + (now - start) / max(done, 1)
