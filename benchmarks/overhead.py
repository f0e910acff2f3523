"""The run behind `python -m benchmarks overhead`: a rehearsal, then fresh processes one after another."""

import os
import secrets
import time
from dataclasses import dataclass, replace

from benchmarks import environment, plan, processes
from benchmarks.databases import Database
from benchmarks.messages import Assignment, Sample
from benchmarks.screen import Watcher


@dataclass(frozen=True, slots=True)
class Process:
    """One fresh process: PYTHONHASHSEED, the seed of its orders, and what it found."""

    hash_seed: int
    seed: int
    sample: Sample


@dataclass(frozen=True, slots=True)
class Run:
    """`steal` as environment.steal() has it, `load_average` at the end."""

    rounds: dict[str, int]
    rehearsal: Sample
    processes: tuple[Process, ...]
    steal: float | None
    load_average: tuple[float, ...]


def run(
    assignment: Assignment,
    database: Database,
    count: int,
    rounds: int | None,
    end: float,
    watcher: Watcher,
) -> Run:
    """Do `assignment` in `count` processes, with `rounds`, or as many as end by `end` (time.monotonic()).

    The assignment's own rounds and seed are not looked at.
    Raises processes.WorkerRefusedError or WorkerFailedError.
    """
    processes.fill(database)
    start = time.monotonic()
    # The same process as all others but for its rounds: it tells what one costs, and proves the contenders.
    rehearsal = processes.work(
        replace(assignment, rounds=dict.fromkeys(assignment.rounds, 0)), database, 0, lambda url: None
    )
    process_seconds = time.monotonic() - start
    if rounds is None:
        left = end - time.monotonic()
        planned = plan.rounds_for(left, count, process_seconds, rehearsal.round_seconds)
    else:
        planned = dict.fromkeys(assignment.rounds, rounds)
    round_seconds = rehearsal.round_seconds
    watcher.expected(count * (process_seconds + sum(planned[url] * round_seconds[url] for url in planned)))

    before = environment.processor_time()
    done = []
    for _ in range(count):
        hash_seed, seed = secrets.randbelow(2**32), secrets.randbelow(2**32)
        sample = processes.work(
            replace(assignment, rounds=planned, seed=seed),
            database,
            hash_seed,
            lambda url: watcher.passed(round_seconds[url]),
        )
        watcher.passed(process_seconds)
        done.append(Process(hash_seed, seed, sample))
    steal = environment.steal(before, environment.processor_time())
    return Run(planned, rehearsal, tuple(done), steal, os.getloadavg())
