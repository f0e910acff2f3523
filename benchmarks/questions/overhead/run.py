"""The run behind `python -m benchmarks overhead`: a rehearsal, then fresh processes until it is enough."""

import os
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from math import inf

from benchmarks.databases.scratch import Database
from benchmarks.messages import Assignment, Sample
from benchmarks.processes import environment
from benchmarks.processes import start as processes
from benchmarks.stats import overhead
from benchmarks.stats import rounds as plan
from benchmarks.stats.design import design_length
from benchmarks.terminal import Watcher


@dataclass(frozen=True, slots=True)
class Aim:
    """When a run has done enough: after `processes` at least, and then when the first of the two is reached.

    `end`           time.monotonic() in seconds; None: no process more
    `precision_us`  half-width of the widest interval in µs; None: as narrow as the time allows

    To stop when an interval is narrow enough is not to stop when it says something: its middle has no part
    in that. (Y. S. Chow, H. Robbins, On the asymptotic theory of fixed-width sequential confidence intervals
    for the mean, Annals of Mathematical Statistics 36, 1965.)
    """

    processes: int
    end: float | None = None
    precision_us: float | None = None


@dataclass(frozen=True, slots=True)
class Process:
    """One fresh process: PYTHONHASHSEED, the seed of its orders, and what it found."""

    hash_seed: int
    seed: int
    sample: Sample


@dataclass(frozen=True, slots=True)
class Run:
    """`steal` as environment.steal() has it, `load_average` at the end, `widest_us` as analysis.widest()."""

    rounds: dict[str, int]
    rehearsal: Sample
    processes: tuple[Process, ...]
    widest_us: float
    steal: float | None
    load_average: tuple[float, ...]


def run(assignment: Assignment, database: Database, aim: Aim, rounds: int | None, watcher: Watcher) -> Run:
    """Do `assignment` in fresh processes, with `rounds`, or as many as plan.py finds best.

    The assignment's own rounds and seed are not looked at. The database has been filled (processes.fill).
    Raises processes.WorkerRefusedError or WorkerFailedError.
    """
    begin = time.monotonic()
    # The same process as all others but for its rounds: it tells what one costs, and proves the contenders.
    rehearsal = processes.work(replace(assignment, rounds=dict.fromkeys(assignment.rounds, 0)), database, 0)
    process_seconds = time.monotonic() - begin
    if rounds is None:
        available = inf if aim.end is None else (aim.end - time.monotonic()) / aim.processes
        design = design_length(len(rehearsal.entries))
        planned = plan.rounds_for(available, process_seconds, rehearsal.round_seconds, design)
    else:
        planned = dict.fromkeys(assignment.rounds, rounds)

    before = environment.processor_time()
    start = time.monotonic()
    # A process takes twice as long with its rounds as without: plan.TIMED_SHARE.
    watcher.expected(2 * process_seconds * aim.processes if aim.end is None else max(aim.end - start, 0.0))
    done: list[Process] = []
    widest = inf
    while not _enough(aim, len(done), widest, start):
        done.append(work(replace(assignment, rounds=planned), database, lambda _: watcher.tick()))
        watcher.tick()
        if len(done) >= 2:
            widest = overhead.widest([process.sample for process in done])
        if aim.precision_us is not None and len(done) >= aim.processes:
            # Half-widths fall as one over the square root of the number of processes.
            needed = len(done) * (widest / aim.precision_us) ** 2
            each = (time.monotonic() - start) / len(done)
            watcher.expected(min(needed * each, (aim.end or inf) - start))
    steal = environment.steal(before, environment.processor_time())
    return Run(planned, rehearsal, tuple(done), widest, steal, os.getloadavg())


def work(assignment: Assignment, database: Database, done: Callable[[str], None]) -> Process:
    """One fresh process with seeds of its own."""
    hash_seed, seed = secrets.randbelow(2**32), secrets.randbelow(2**32)
    return Process(hash_seed, seed, processes.work(replace(assignment, seed=seed), database, hash_seed, done))


def _enough(aim: Aim, done: int, widest: float, start: float) -> bool:
    if done < aim.processes:
        return False
    if aim.end is None or (aim.precision_us is not None and widest <= aim.precision_us):
        return True
    now = time.monotonic()
    return now + (now - start) / done > aim.end  # no time for one more
