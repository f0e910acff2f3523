"""The run behind `python -m benchmarks flows`: the cost of each flow and of requests.

A process's figure is the 25th percentile of a block's calls, averaged over the rounds without the
outermost, as in `overhead`. It leaves out what is rare, such as a checkpoint of the write-ahead
log. Intervals are Student's at 95 % over the processes. All times are in microseconds unless named
otherwise.

The time of a login is that of its endpoint with a fast password hasher, plus the time in which the
service's own hasher verifies one password: hashing every password would take all the run's time.
"""

import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace

import numpy as np
from scipy.stats import trim_mean

from benchmarks.databases.scratch import Database
from benchmarks.messages import ANONYMOUS, CONTROL, Stored
from benchmarks.processes import environment, runs, start
from benchmarks.processes.ending import Ending, kept
from benchmarks.questions.flows.messages import BY_COOKIE, HASHERS, OBTAIN, REFRESH, Found, Task
from benchmarks.results.records import flows as records
from benchmarks.results.records.flows import Flow, Flows, Hasher
from benchmarks.stats import break_even
from benchmarks.stats.break_even import Costs, Crossing, Lifetimes
from benchmarks.stats.intervals import Interval, ratio_interval, t_interval
from benchmarks.stats.overhead import (
    AGAIN,
    CONTROL_LEVEL,
    TRIMMED,
    Verdict,
    control_reasons,
    machine_reasons,
    machine_remarks,
)
from benchmarks.terminal import Watcher
from config.schemes import SCHEMES

FEWEST = 4  # processes: they take longer than those of other runs, and the control is judged at one URL


@dataclass(frozen=True, slots=True)
class Process:
    """One fresh process: PYTHONHASHSEED, the seed of its orders, and what it found."""

    hash_seed: int
    seed: int
    found: Found


@dataclass(frozen=True, slots=True)
class Run:
    """The processes of a run.

    `rehearsal`  what the process found that counted
    `steal`      as in environment.steal()
    `remarks`    why there are so few processes
    """

    rounds: int
    rehearsal: Found
    processes: tuple[Process, ...]
    steal: float | None
    remarks: tuple[str, ...] = ()
    ending: Ending = field(default_factory=Ending)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the processes of a run say together.

    `requests_us`  what authentication adds to a request, which takes `anonymous_us` without it
    `control`      a copy of anonymous minus anonymous
    """

    flows: tuple[Flow, ...]
    hash_us: Interval
    requests_us: dict[str, Interval]
    curves: dict[str, list[Interval]]
    crossings: tuple[Crossing, ...]
    anonymous_us: float
    control: Interval
    verdict: Verdict


def run(schemes: Sequence[str], database: Database, count: int | None, end: float, watcher: Watcher) -> Run:
    """Time the flows in `count` fresh processes, with as many rounds as end by `end`.

    `count`: None for as many as runs.plan() finds. `end` is in seconds of time.monotonic(). The
    database has been filled (start.fill).
    Raises start.WorkerRefusedError or start.WorkerFailedError.
    """
    task = Task(tuple(schemes), rounds=0, counts=True, password_hash="", seed=0, hashers=1)
    begun = time.monotonic()
    # A process like the others, without rounds: it times one round, proves the flows, and counts.
    rehearsal = _work(task, database, 0)
    process_seconds = time.monotonic() - begun - rehearsal.once_seconds
    plan = runs.plan(count, {"": rehearsal.round_seconds}, 1, process_seconds, end, 1, FEWEST)
    seconds = (end - time.monotonic()) / plan.count - process_seconds
    rounds = max(1, int(seconds / rehearsal.round_seconds))
    before = environment.processor_time()
    hashers = HASHERS if plan.count >= runs.PROCESSES else 1
    task = replace(task, rounds=rounds, counts=False, password_hash=rehearsal.password_hash.encoded, hashers=hashers)
    done: list[Process] = []
    with kept(done) as ending:
        for _ in runs.repetitions(plan.count, end, process_seconds, watcher, lambda: True, plan.fewest):
            hash_seed, seed = secrets.randbelow(2**32), secrets.randbelow(2**32)
            found = _work(replace(task, seed=seed), database, hash_seed, lambda _: watcher.tick())
            done.append(Process(hash_seed, seed, found))
            watcher.tick()
    steal = environment.steal(before, environment.processor_time())
    return Run(rounds, rehearsal, tuple(done), steal, runs.remarks(count, len(done), end, FEWEST), ending)


def analyse(run: Run, lifetimes: Lifetimes) -> Answer:
    """Return what the processes say together."""
    everything = [process.found for process in run.processes]
    costs = {name: [costs_of(found, name) for found in everything] for name in run.rehearsal.endpoints}
    control = t_interval([_request_us(found, CONTROL) for found in everything], CONTROL_LEVEL)
    anonymous = float(np.mean([figure(found.request_ns[ANONYMOUS]) for found in everything]))
    return Answer(
        flows=tuple(
            _flow_cost(run, scheme, flow)
            for scheme, timed in run.rehearsal.endpoints.items()
            for flow in run.rehearsal.counts[timed]
        ),
        hash_us=t_interval([found.password_hash.verify_ns / 1000 for found in everything]),
        requests_us={name: t_interval([each.request for each in row]) for name, row in costs.items()},
        curves={name: break_even.curve(row, lifetimes) for name, row in costs.items()},
        crossings=tuple(break_even.crossings(costs, lifetimes)),
        control=control,
        anonymous_us=anonymous,
        verdict=judge(control, anonymous, run.steal, float(np.mean([found.waited for found in everything]))),
    )


def record(
    run: Run, lifetimes: Lifetimes, budget_seconds: float, population: int, stored: Stored, seconds: float
) -> Flows:
    """Return what the run found."""
    answer, rehearsal = analyse(run, lifetimes), run.rehearsal
    return Flows(
        seconds=seconds,
        service=rehearsal.service,
        steal=run.steal,
        population=population,
        stored=stored,
        plan={"processes": len(run.processes), "rounds": run.rounds, "budget_seconds": budget_seconds},
        lifetimes_seconds=asdict(lifetimes),
        flows=answer.flows,
        bytes_written=rehearsal.bytes_meaning,
        endpoints=rehearsal.endpoints,
        password_hash=records.PasswordHash(
            rehearsal.password_hash.algorithm, rehearsal.password_hash.iterations, answer.hash_us
        ),
        hashers=_hashers(run),
        requests_us=answer.requests_us,
        anonymous_us=answer.anonymous_us,
        request_statements=rehearsal.statements,
        curve=records.Curve(break_even.REQUESTS, {name: _costs(row) for name, row in answer.curves.items()}),
        crossings=tuple(_crossing(each) for each in answer.crossings if each.requests is not None),
        without_crossing=tuple(
            records.Uncrossed(each.first, each.second, each.cheaper_below, each.cheaper_above)
            for each in answer.crossings
            if each.requests is None
        ),
        control=answer.control,
        verdict=run.ending.mark(answer.verdict, run.remarks),
        processes=tuple(
            records.FlowProcess(
                process.hash_seed,
                process.seed,
                process.found.request_ns,
                process.found.flow_ns,
                process.found.password_hash.verify_ns,
                tuple(each.nanoseconds for each in process.found.hashed),
            )
            for process in run.processes
        ),
    )


def _costs(intervals: Sequence[Interval]) -> records.Costs:
    figures = [(each.estimate, each.low, each.high) for each in intervals]
    return records.Costs(*zip(*figures, strict=True))


def _crossing(each: Crossing) -> records.Crossing:
    at = each.requests
    return records.Crossing(
        each.first, each.second, at.estimate, at.low, at.high, each.cheaper_below, each.cheaper_above
    )


def costs_of(found: Found, scheme: str) -> Costs:
    """Return what one process found about a scheme."""
    flows = found.flow_ns[found.endpoints[scheme]]
    return Costs(
        request=_request_us(found, scheme),
        login=figure(flows[OBTAIN]) + found.password_hash.verify_ns / 1000,
        refresh=figure(flows[REFRESH]) if REFRESH in flows else 0.0,
    )


def judge(control: Interval, anonymous_us: float, steal: float | None, waited: float) -> Verdict:
    """Decide whether the run can be trusted: A/A control, steal time and processor contention.

    `waited` is the mean of the processes'.
    """
    differs = control_reasons(control, anonymous_us)
    return Verdict.of(
        [*differs, *machine_reasons(steal, waited)],
        [*([AGAIN] if differs else []), *machine_remarks(steal, waited)],
    )


def _request_us(found: Found, name: str) -> float:
    """Return what `name` adds to anonymous's request, paired within the round."""
    return figure(np.subtract(found.request_ns[name], found.request_ns[ANONYMOUS]))


def figure(rounds_ns: Sequence[float]) -> float:
    """Return a process's figure in µs, from one for each round in ns."""
    return float(trim_mean(rounds_ns, TRIMMED)) / 1000


def _flow_cost(run: Run, scheme: str, flow: str) -> Flow:
    timed = run.rehearsal.endpoints[scheme]
    besides = [figure(process.found.flow_ns[timed][flow]) for process in run.processes]
    counts = run.rehearsal.counts[timed][flow]
    hashes = [process.found.password_hash.verify_ns / 1000 for process in run.processes]
    takes_password = flow.startswith(OBTAIN)
    reference = _reference(run, scheme, flow)
    stock = [figure(process.found.flow_ns[reference][flow]) for process in run.processes] if reference else None
    body = flow.removesuffix(BY_COOKIE)
    in_the_body = [figure(process.found.flow_ns[timed][body]) for process in run.processes]
    return Flow(
        scheme=scheme,
        flow=flow,
        time_us=t_interval(np.add(besides, hashes) if takes_password else besides),
        besides_hash_us=t_interval(besides) if takes_password else None,
        statements=counts.statements,
        rows_written=counts.rows_written,
        bytes_written=counts.bytes_written,
        tables=counts.tables,
        fsyncs=counts.fsyncs,
        reference=reference,
        ratio=ratio_interval(besides, stock) if stock and reference != timed else None,
        to_body=ratio_interval(besides, in_the_body) if flow != body else None,
    )


def _reference(run: Run, scheme: str, flow: str) -> str | None:
    """Return the first stock scheme of the run with this scheme's keyword and the same flow."""
    return next(
        (
            timed
            for name, timed in run.rehearsal.endpoints.items()
            if SCHEMES[name].is_stock
            and SCHEMES[name].keyword == SCHEMES[scheme].keyword
            and flow in run.rehearsal.counts[timed]
        ),
        None,
    )


def _hashers(run: Run) -> tuple[Hasher, ...]:
    """Return what each hasher costs, and a login with it, paired within the process."""
    everything = [process.found for process in run.processes]
    own = np.array([found.password_hash.verify_ns for found in everything]) / 1000
    besides = {
        scheme: np.array([figure(found.flow_ns[timed][OBTAIN]) for found in everything])
        for scheme, timed in run.rehearsal.endpoints.items()
    }
    hashers = []
    for place, each in enumerate(run.rehearsal.hashed):
        times = np.array([found.hashed[place].nanoseconds for found in everything]) / 1000
        hashers.append(
            Hasher(
                each.algorithm,
                each.iterations,
                each.default_of,
                each.is_own,
                time_us=t_interval(times),
                ratio=None if each.is_own else ratio_interval(times, own),
                renewal_us=None if each.is_own else t_interval(own + times),
                logins_us={scheme: t_interval(figures + times) for scheme, figures in besides.items()},
            )
        )
    return tuple(hashers)


def _work(task: Task, database: Database, hash_seed: int, done: Callable[[str], None] = lambda _: None) -> Found:
    found = start.ask("benchmarks.questions.flows.worker", task.to_json(), database, task.schemes, hash_seed, done)
    return Found.from_dict(found)
