"""The run of `ladder`: which step of a scheme takes how much of what it adds.

All times are in microseconds. A rung adds the paired difference to the rung below it: 25th
percentile of its block minus that of the other's block in the same round, as a trimmed mean within
the process, as in `overhead`. Intervals are Student's at 95 % over the processes, each by itself.

The whole is what the untouched class adds, timed apart in the same rounds. Except for the trimming,
the sum of the rungs is the highest rung minus anonymous. The rest, whole minus sum, therefore shows
a ladder whose rungs are not what the class does, or a run that finds a difference between two equal
things. A ladder adds up unless

- the interval of the rest excludes zero and the rest matters: 99 %, shared among the ladders, and
  half a percent of anonymous's request, the rule for the A/A control of `overhead`;
- or that interval is wider, either way, than half of the whole: the run sees too little.
"""

import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from scipy.stats import trim_mean

from benchmarks.databases.scratch import Database
from benchmarks.messages import ANONYMOUS, Assignment
from benchmarks.processes import environment, runs, start
from benchmarks.processes.ending import Ending, kept
from benchmarks.results.records.ladder import Climb, Ladder, OneLadder, Rung, Whole
from benchmarks.stats.intervals import Interval, t_interval
from benchmarks.stats.overhead import CONTROL_LEVEL, MATTERS, TRIMMED, Verdict, machine_reasons, machine_remarks
from benchmarks.terminal import Watcher

ASKED = "ask"
PARSED = "parse"
VERIFIED = "verify"
LOADED = "load"
PERMITTED = "permit"
WHOLE = "whole"

MEANINGS = {
    ASKED: "DRF makes the class's object and calls it, which returns a user loaded before",
    PARSED: "it reads the Authorization header",
    VERIFIED: "it checks what needs no database: the signature and the claims, or the key's shape",
    LOADED: "it loads the user (and what the query joins)",
    PERMITTED: "IsAuthenticated permits the request, in place of AllowAny",
}


@dataclass(frozen=True, slots=True)
class Run:
    """What the processes sent: `climbs` by scheme, for each process.

    `remarks` says why there are so few. `service` as messages.Sample has it, `steal` as
    environment.steal() has it.
    """

    rounds: int
    climbs: tuple[dict[str, Climb], ...]
    service: dict[str, Any]
    steal: float | None
    remarks: tuple[str, ...] = ()
    ending: Ending = field(default_factory=Ending)


def run(
    assignment: Assignment,
    database: Database,
    count: int | None,
    end: float | None,
    rounds: int | None,
    watcher: Watcher,
) -> Run:
    """Do `assignment`, which has one URL, in `count` fresh processes, and in more until `end`.

    `count`: None for as many as runs.plan() finds. `end` is in seconds of time.monotonic().
    `rounds`: None for as many as pay best; the run ignores the assignment's own rounds and seed.
    The database must be filled (start.fill).
    Raises start.WorkerRefusedError or WorkerFailedError.
    """
    (url,) = assignment.rounds
    service = start.work(replace(assignment, rounds={url: 0}), database, 0).service
    begin = time.monotonic()
    rehearsal = _climbs(replace(assignment, rounds={url: 0}), database, 0, watcher)
    process_seconds = time.monotonic() - begin
    round_seconds = sum(climb.round_seconds for climb in rehearsal.values())
    most = max(len(climb.counts) for climb in rehearsal.values())
    plan = runs.plan(count, {url: round_seconds}, most, process_seconds, end, rounds)

    before = environment.processor_time()
    climbs = []
    with kept(climbs) as ending:
        for _ in runs.repetitions(plan.count, end, process_seconds, watcher, fewest=plan.fewest):
            seeded = replace(assignment, rounds=plan.rounds, seed=secrets.randbelow(2**32))
            climbs.append(_climbs(seeded, database, secrets.randbelow(2**32), watcher))
    steal = environment.steal(before, environment.processor_time())
    return Run(plan.rounds[url], tuple(climbs), service, steal, runs.remarks(count, len(climbs), end), ending)


def record(run: Run, assignment: Assignment, **others: Any) -> Ladder:
    """Return what the run found. `others`: the fields of the record that the command knows."""
    (url,) = assignment.rounds
    tables = tabulate(run.climbs, url)
    waited = float(np.mean([climb.waited for climbs in run.climbs for climb in climbs.values()]))
    return Ladder(
        service=run.service,
        steal=run.steal,
        plan={
            "processes": len(run.climbs),
            "rounds": run.rounds,
            "block": assignment.block,
            "drop": assignment.drop,
        },
        ladders=tuple(table for table in tables if isinstance(table, OneLadder)),
        without_steps=tuple(table for table in tables if not isinstance(table, OneLadder)),
        verdict=run.ending.mark(judge(tables, run.steal, waited), run.remarks),
        waited=waited,
        processes=run.climbs,
        **others,
    )


def tabulate(climbs: Sequence[dict[str, Climb]], url: str) -> list[Whole]:
    """Return each scheme's ladder, or its whole alone if the class does not show its steps."""
    count = sum(bool(climb.rungs) for climb in climbs[0].values())
    level = 1 - (1 - CONTROL_LEVEL) / max(1, count)
    return [_tabulate([each[scheme] for each in climbs], url, level) for scheme in climbs[0]]


def judge(tables: Sequence[Whole], steal: float | None, waited: float = 0.0) -> Verdict:
    """Return whether the run can be trusted. `steal` and `waited` as overhead.judge has them."""
    reasons = [
        f"the rungs of {ladder.scheme} {ladder.why_not}"
        for ladder in tables
        if isinstance(ladder, OneLadder) and not ladder.adds_up
    ]
    return Verdict.of([*reasons, *machine_reasons(steal, waited)], machine_remarks(steal, waited))


def _climbs(assignment: Assignment, database: Database, hash_seed: int, watcher: Watcher) -> dict[str, Climb]:
    answer = start.ask(
        "benchmarks.questions.ladder.worker",
        assignment.to_json(),
        database,
        assignment.schemes,
        hash_seed,
        lambda url: watcher.tick(),
    )
    return {scheme: Climb.from_dict(climb) for scheme, climb in answer.items()}


def _tabulate(climbs: Sequence[Climb], url: str, level: float) -> Whole:
    """Return the ladder or the whole of one scheme, from its climb in each process."""
    first = climbs[0]
    counts = first.counts
    sql_us = float(np.mean([climb.counts[WHOLE].sql_us for climb in climbs]))
    request = float(np.mean([trim_mean(climb.p25_ns[ANONYMOUS], TRIMMED) for climb in climbs])) / 1000
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
    return OneLadder(
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
            f"cannot be seen to add up: the interval of whole minus sum reaches {rest.half_width:.1f} µs either way, "
            f"which is more than half of the whole ({whole.estimate:.1f} µs)"
        )
    if rest.excludes(0) and abs(rest.estimate) > MATTERS * request:
        return f"do not add up: whole minus sum is {rest.estimate:+.1f} µs ({rest.low:+.1f} to {rest.high:+.1f})"
    return ""


def _differences(climbs: Sequence[Climb], above: str, below: str) -> np.ndarray:
    """Return one figure for each process, in µs."""
    return np.array([trim_mean(np.subtract(each.p25_ns[above], each.p25_ns[below]), TRIMMED) / 1000 for each in climbs])
