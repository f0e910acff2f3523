"""The run of `overhead`: a rehearsal, then fresh processes until the aim is reached."""

import os
import secrets
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from math import inf
from typing import Any

from benchmarks.contenders.lineup import LINEUP
from benchmarks.databases.scratch import Database
from benchmarks.messages import Assignment, Sample
from benchmarks.processes import environment, runs, start
from benchmarks.processes.ending import Ending, kept
from benchmarks.results.records.overhead import Overhead, Process
from benchmarks.stats import overhead
from benchmarks.terminal import Watcher
from config.schemes import SCHEMES


@dataclass(frozen=True, slots=True)
class Aim:
    """The point at which a run stops: after `processes`, as soon as one of the others is reached.

    `processes`     None: as runs.plan() finds
    `end`           seconds of time.monotonic(); None: no further process
    `precision_us`  half-width of the widest interval in µs; None: as narrow as the time allows

    Stopping at a width does not favour a result, because the estimate itself has no part in the
    decision. (Y. S. Chow, H. Robbins, On the asymptotic theory of fixed-width sequential confidence
    intervals for the mean, Annals of Mathematical Statistics 36, 1965.)
    """

    processes: int | None
    end: float | None = None
    precision_us: float | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """What the processes sent, before anything is computed of it.

    `rounds`      for each URL that was timed: the others of the assignment did not fit
    `rehearsal`   the sample of a process without rounds, which proves and counts
    `samples`     one for each of `processes`
    `widest_us`   as stats.overhead.widest() has it
    `steal`       as environment.steal() has it
    """

    rounds: dict[str, int]
    rehearsal: Sample
    processes: tuple[Process, ...]
    samples: tuple[Sample, ...]
    widest_us: float
    steal: float | None
    load_average: tuple[float, ...]
    ending: Ending = field(default_factory=Ending)


def run(
    assignment: Assignment,
    database: Database,
    aim: Aim,
    rounds: int | None,
    watcher: Watcher,
    spare: Collection[str] = (),
) -> Run:
    """Do `assignment` in fresh processes, with `rounds`, or as many as pay best.

    The run ignores the assignment's own rounds and seed. It leaves out the URLs of `spare` if not
    even the fewest processes fit with them. The database must be filled (start.fill).
    Raises start.WorkerRefusedError or WorkerFailedError.
    """
    begin = time.monotonic()
    # A process without rounds: it shows what a process costs, and proves the contenders.
    rehearsal = start.work(replace(assignment, rounds=dict.fromkeys(assignment.rounds, 0)), database, 0)
    process_seconds = time.monotonic() - begin - rehearsal.audit_seconds
    if spare and aim.processes is None and not runs.fits(rehearsal.round_seconds, process_seconds, aim.end, rounds):
        rehearsal = _without(rehearsal, spare)
    plan = runs.plan(aim.processes, rehearsal.round_seconds, len(rehearsal.entries), process_seconds, aim.end, rounds)

    before = environment.processor_time()
    begun = time.monotonic()
    done: list[tuple[Process, Sample]] = []
    widest = inf

    def is_narrow() -> bool:
        return aim.precision_us is not None and widest <= aim.precision_us

    with kept(done) as ending:
        for _ in runs.repetitions(plan.count, aim.end, process_seconds, watcher, is_narrow, plan.fewest):
            done.append(work(replace(assignment, rounds=plan.rounds), database, lambda _: watcher.tick()))
            watcher.tick()
            if len(done) >= 2:
                widest = overhead.widest([sample for _, sample in done])
            if aim.precision_us is not None and len(done) >= plan.count:
                # Half-widths fall as one over the square root of the number of processes.
                needed = len(done) * (widest / aim.precision_us) ** 2
                each = (time.monotonic() - begun) / len(done)
                watcher.expected(min(needed * each, (aim.end or inf) - begun))
    steal = environment.steal(before, environment.processor_time())
    found, samples = zip(*done, strict=True)
    start.refuse_growth(rehearsal, samples)
    if ending.code:
        widest = overhead.widest(samples)
    return Run(plan.rounds, rehearsal, found, samples, widest, steal, os.getloadavg(), ending)


def _without(rehearsal: Sample, urls: Collection[str]) -> Sample:
    kept = [url for url in rehearsal.facts if url not in urls]
    return replace(
        rehearsal,
        facts={url: rehearsal.facts[url] for url in kept},
        round_seconds={url: rehearsal.round_seconds[url] for url in kept},
    )


def record(
    run: Run, assignment: Assignment, aim: Aim, margin_us: float, budget_seconds: float | None, **others: Any
) -> Overhead:
    """Return what the run found. `others`: the fields of the record that the command knows."""
    tables = overhead.tabulate(run.samples, run.rehearsal.facts, assignment.drop, margin_us, SCHEMES, LINEUP)
    waited = sum(sample.waited for sample in run.samples) / len(run.samples)
    verdict = overhead.judge(tables, run.steal, waited, run.widest_us, aim.precision_us, others["seconds"])
    fewer = runs.remarks(aim.processes, len(run.processes), aim.end)
    left_out = (
        f"{url} is left out: on a machine as busy or slow as this it does not fit into --budget. --url {url} times it "
        "all the same."
        for url in assignment.rounds
        if url not in run.rounds
    )
    verdict = run.ending.mark(verdict, (*fewer, *left_out))
    return Overhead(
        service=run.rehearsal.service,
        steal=run.steal,
        waited=waited,
        disturbed=overhead.disturbed(run.samples),
        load_average_after=run.load_average,
        plan={
            "processes": len(run.processes),
            "rounds": run.rounds,
            "block": assignment.block,
            "drop": assignment.drop,
            "budget_seconds": budget_seconds,
            "precision_us": aim.precision_us,
        },
        widest_us=run.widest_us,
        tables=tuple(tables),
        verdict=verdict,
        answer=overhead.answer(tables, verdict),
        contenders=tuple(run.rehearsal.entries),
        processes=run.processes,
        **others,
    )


def work(assignment: Assignment, database: Database, done: Callable[[str], None]) -> tuple[Process, Sample]:
    """Do `assignment` in one fresh process with seeds of its own."""
    hash_seed, seed = secrets.randbelow(2**32), secrets.randbelow(2**32)
    sample = start.work(replace(assignment, seed=seed), database, hash_seed, done)
    return Process(hash_seed, seed, sample.warm_up, sample.blocks), sample
