"""The work of one fresh process: build, prove, warm up, time.

A contender is a function that makes a number of calls and returns the nanoseconds of each. It
prepares what a call needs before the clock starts: a DPoP proof, for example, can be used once.
Order of blocks, figures and garbage are those of processes/timing.py.
"""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from importlib import import_module
from itertools import chain
from random import Random
from typing import Any

from benchmarks.messages import Assignment, Facts
from benchmarks.processes import timing, waits
from benchmarks.questions.proposals.messages import DPOP, LISTED, LISTS, SIGNATURES, Found, Task

Contender = Callable[[int], list[int]]

FIELDS = {
    DPOP: "benchmarks.questions.proposals.dpop.field",
    SIGNATURES: "benchmarks.questions.proposals.ml_dsa.field",
    LISTED: "benchmarks.questions.proposals.status_list.field",
    LISTS: "benchmarks.questions.proposals.status_list.work",
}


@dataclass(frozen=True, slots=True)
class Field:
    """What a process times, by name, and what it counted before (see messages.Found)."""

    contenders: dict[str, Contender]
    facts: dict[str, Facts] = field(default_factory=dict)
    counted: dict[str, Any] = field(default_factory=dict)


class _Noting(timing.Collector):
    """A collector that keeps the times of every block, in the order in which they were timed."""

    def __init__(self):
        super().__init__()
        self.taken: list[list[int]] = []

    def time(self, url: str, block: Callable[[], list[int]], before: Callable[[], list[int]] | None) -> list[int]:
        times = super().time(url, block, before)
        self.taken.append(times)
        return times


def run(task: Task, done: Callable[[str], None]) -> Found:
    """Do the task, and call `done` after each round.

    Raises RefusedError, before anything is timed, if a contender does not do what it says, and
    under the clock if an answer is not what it must be.
    """
    random = Random(task.seed)
    with ExitStack() as stack:
        built: Field = import_module(FIELDS[task.part]).build(task, random, stack)
        # No contender always has the best place in memory, or in a dictionary.
        names = random.sample(list(built.contenders), len(built.contenders))
        environs = {name: built.contenders[name] for name in names}
        assignment = Assignment((), {task.part: task.rounds}, task.block, task.drop, task.seed)
        collector = _Noting()
        p25_ns, kept = {name: [] for name in names}, {name: [] for name in names}
        with timing.garbage_held_back():
            _, round_seconds = timing.warm_up(None, environs, assignment, random, _time_block)
            if task.rounds:
                blocks = timing.time_rounds(None, environs, task.part, assignment, random, collector, done, _time_block)
                p25_ns = blocks.p25_ns
                for name, times in zip(chain.from_iterable(blocks.orders), collector.taken, strict=True):
                    kept[name] += times[task.drop :]
    return Found(
        names=list(built.contenders),
        p25_ns={name: list(p25_ns[name]) for name in built.contenders},
        mean_ns={name: sum(times) / len(times) for name, times in kept.items() if times},
        facts=built.facts,
        counted=built.counted,
        round_seconds=round_seconds,
        waited=collector.waited,
        service=timing.service(),
    )


def _time_block(handler: None, contender: Contender, count: int) -> list[int]:
    return contender(count)


def calls(prepare: Callable[[], Any], call: Callable[[Any], Any], check: Callable[[Any, Any], None]) -> Contender:
    """Return a contender that times `call(prepare())` and lets `check` see both, off the clock."""

    def times(count: int) -> list[int]:
        taken, watch = [], waits.Stopwatch()
        for _ in range(count):
            prepared = prepare()
            watch.start()
            result = call(prepared)
            taken.append(watch.stop())
            check(prepared, result)
        return taken

    return times


def requests(handler, environs: Callable[[], dict]) -> Contender:
    """Return a contender that times requests, each with an environ of its own.

    Raises RefusedError for an answer that is not 200.
    """

    def times(count: int) -> list[int]:
        made = [environs() for _ in range(count)]
        return [timing.time_block(handler, environ, 1)[0] for environ in made]

    return times
