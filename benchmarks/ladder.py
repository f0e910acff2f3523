"""The run behind `python -m benchmarks ladder`: which step of a scheme takes how much of what it adds.

All times are in microseconds. What a rung adds is the paired difference to the rung below it: 25th percentile
of its block minus that of the other's block in the same round, averaged within the process. Intervals are
Student's at 95 % over the processes, each for itself.

The rungs' sum is held against the whole, which is what the untouched class adds, timed apart in the same
rounds. The sum is the highest rung minus anonymous, so what the rest can show is a ladder that is not made of
what the class does, and a run that tells two equal things apart. A ladder adds up unless

- the interval of the rest excludes zero and the rest matters: 99 %, shared among the ladders, and half a
  percent of anonymous's request, as the A/A control of `overhead` is judged;
- or that interval reaches further than half of the whole: the run sees too little.
"""

import json
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from benchmarks import environment, plan, processes
from benchmarks.analysis import CONTROL_LEVEL, MATTERS, STEAL_BOUND, Verdict
from benchmarks.databases import Database
from benchmarks.intervals import Interval, t_interval
from benchmarks.messages import ANONYMOUS, Assignment
from benchmarks.screen import Watcher

ASKED = "ask"
PARSED = "parse"
VERIFIED = "verify"
LOADED = "load"
PERMITTED = "permit"
WHOLE = "whole"

MEANINGS = {
    ASKED: "DRF makes the class's object and asks it, which hands out a user read before",
    PARSED: "it reads the Authorization header",
    VERIFIED: "it checks what needs no database: the signature and the claims, or the key's shape",
    LOADED: "it loads the user (and what stands with the user)",
    PERMITTED: "IsAuthenticated lets in, in the place of AllowAny",
}


@dataclass(frozen=True, slots=True)
class Task:
    """What one worker process is to do.

    `rounds`  scheme, as contenders.find_scheme takes it -> rounds; 0: prove, count and warm up only
    `block`   consecutive requests of one rung, of which the first `drop` are not looked at
    """

    rounds: dict[str, int]
    url: str
    block: int
    drop: int
    seed: int

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Task":
        return cls(**json.loads(text))


@dataclass(frozen=True, slots=True)
class Counts:
    """What is counted of one request.

    `sql_us`            within the cursor's execute(), 25th percentile over requests timed for nothing else
    `header_bytes`      the line that carries the credential with its CR LF (HTTP/1.1)
    `signature_checks`  by PyJWT
    """

    sql_statements: int
    sql_us: float
    header_bytes: int
    signature_checks: int


@dataclass(frozen=True, slots=True)
class Climb:
    """What one process found of one scheme.

    `rungs`          from the lowest to the highest; empty for a class that does not tell its steps
    `counts`         of anonymous, each rung and WHOLE
    `round_seconds`  how long a round takes here
    `p25_ns`         of anonymous, each rung and WHOLE -> 25th percentile of its block in each round
    """

    scheme: str
    rungs: list[str]
    counts: dict[str, Counts]
    round_seconds: float
    p25_ns: dict[str, list[float]]

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "Climb":
        return cls(**{**data, "counts": {rung: Counts(**counts) for rung, counts in data["counts"].items()}})


@dataclass(frozen=True, slots=True)
class Rung:
    """`adds` to the rung below it; the counts are of the whole request up to here."""

    name: str
    adds: Interval
    sql_statements: int
    signature_checks: int


@dataclass(frozen=True, slots=True)
class Whole:
    """What an untouched class adds to anonymous's `request`, at one URL."""

    scheme: str
    url: str
    rounds: int
    request: float
    whole: Interval
    facts: Counts


@dataclass(frozen=True, slots=True)
class Ladder(Whole):
    """`rest` is the whole minus the sum, at `rest_level`; `why_not` it adds up, empty where it does."""

    rungs: tuple[Rung, ...]
    sum: Interval
    rest: Interval
    rest_level: float
    adds_up: bool
    why_not: str


@dataclass(frozen=True, slots=True)
class Run:
    """`climbs` by scheme, for each process; `service` as messages.Sample, `steal` as environment.steal() has it."""

    rounds: dict[str, int]
    climbs: tuple[dict[str, Climb], ...]
    service: dict[str, Any]
    steal: float | None


def run(task: Task, database: Database, count: int, rounds: int | None, end: float, watcher: Watcher) -> Run:
    """Do `task` in `count` processes, with `rounds`, or as many as end by `end` (time.monotonic()).

    The task's own rounds and seed are not looked at. Raises processes.WorkerRefusedError or WorkerFailedError.
    """
    processes.fill(database)
    assignment = Assignment(tuple(task.rounds), {task.url: 0}, task.block, task.drop, seed=0)
    service = processes.work(assignment, database, 0, lambda url: None).service
    start = time.monotonic()
    rehearsal = _climb(replace(task, rounds=dict.fromkeys(task.rounds, 0)), database, 0, lambda scheme: None)
    process_seconds = time.monotonic() - start
    round_seconds = {scheme: climb.round_seconds for scheme, climb in rehearsal.items()}
    if rounds is None:
        planned = plan.rounds_for(end - time.monotonic(), count, process_seconds, round_seconds)
    else:
        planned = dict.fromkeys(task.rounds, rounds)
    watcher.expected(count * (process_seconds + sum(planned[each] * round_seconds[each] for each in planned)))

    before = environment.processor_time()
    climbs = []
    for _ in range(count):
        hash_seed, seed = secrets.randbelow(2**32), secrets.randbelow(2**32)
        climbs.append(
            _climb(
                replace(task, rounds=planned, seed=seed),
                database,
                hash_seed,
                lambda scheme: watcher.passed(round_seconds[scheme]),
            )
        )
        watcher.passed(process_seconds)
    return Run(planned, tuple(climbs), service, environment.steal(before, environment.processor_time()))


def tabulate(climbs: Sequence[Mapping[str, Climb]], url: str) -> list[Whole]:
    """For each scheme its Ladder, or the Whole alone where the class does not tell its steps."""
    count = sum(bool(climb.rungs) for climb in climbs[0].values())
    level = 1 - (1 - CONTROL_LEVEL) / max(1, count)
    return [_tabulate([each[scheme] for each in climbs], url, level) for scheme in climbs[0]]


def judge(tables: Sequence[Whole], steal: float | None) -> Verdict:
    """`steal` as environment.steal() has it; None: the machine does not tell."""
    reasons = [
        f"the rungs of {ladder.scheme} do not add up: {ladder.why_not}"
        for ladder in tables
        if isinstance(ladder, Ladder) and not ladder.adds_up
    ]
    if steal is not None and steal > STEAL_BOUND:
        reasons.append(f"the hypervisor took {steal:.1%} of the processors' time (bound: {STEAL_BOUND:.0%})")
    return Verdict(tuple(reasons))


def _climb(task: Task, database: Database, hash_seed: int, done) -> dict[str, Climb]:
    answer = processes.ask("benchmarks.rungs_worker", task.to_json(), database, hash_seed, done)
    return {scheme: Climb.from_dict(climb) for scheme, climb in answer.items()}


def _tabulate(climbs: Sequence[Climb], url: str, level: float) -> Whole:
    """`climbs` of one scheme, one for each process."""
    first = climbs[0]
    counts = first.counts
    sql_us = float(np.mean([climb.counts[WHOLE].sql_us for climb in climbs]))
    request = float(np.mean([climb.p25_ns[ANONYMOUS] for climb in climbs])) / 1000
    whole = _differences(climbs, WHOLE, ANONYMOUS)
    head = {
        "scheme": first.scheme,
        "url": url,
        "rounds": len(first.p25_ns[WHOLE]),
        "request": request,
        "whole": t_interval(whole),
        "facts": replace(counts[WHOLE], sql_us=sql_us),
    }
    if not first.rungs:
        return Whole(**head)
    adds = {
        rung: _differences(climbs, rung, below)
        for below, rung in zip([ANONYMOUS, *first.rungs], first.rungs, strict=False)
    }
    total = np.sum(list(adds.values()), axis=0)
    rest = t_interval(whole - total, level)
    why_not = _why_not(rest, head["whole"], request)
    return Ladder(
        **head,
        rungs=tuple(
            Rung(rung, t_interval(adds[rung]), counts[rung].sql_statements, counts[rung].signature_checks)
            for rung in first.rungs
        ),
        sum=t_interval(total),
        rest=rest,
        rest_level=level,
        adds_up=not why_not,
        why_not=why_not,
    )


def _why_not(rest: Interval, whole: Interval, request: float) -> str:
    if rest.half_width > abs(whole.estimate) / 2:
        return (
            f"whole minus sum is known to {rest.half_width:.1f} µs either way, which is more than half of the "
            f"whole ({whole.estimate:.1f} µs)"
        )
    if rest.excludes(0) and abs(rest.estimate) > MATTERS * request:
        return f"whole minus sum is {rest.estimate:+.1f} µs ({rest.low:+.1f} to {rest.high:+.1f})"
    return ""


def _differences(climbs: Sequence[Climb], above: str, below: str) -> np.ndarray:
    """One figure for each process, in µs."""
    return np.array([np.mean(np.subtract(each.p25_ns[above], each.p25_ns[below])) / 1000 for each in climbs])
