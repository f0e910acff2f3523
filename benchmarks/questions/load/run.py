"""The run behind `python -m benchmarks load`: how many requests per second, and how long they take at which rate.

In each turn every contender has a fresh server, in another order. A closed loop tells how many requests it answers
at saturation; then requests are offered at parts of that rate, open-model (see generator.py), and halving finds the
highest rate at which the 99th percentile is within the bound and everything was answered 200.
"""

import os
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import islice
from random import Random
from typing import Any

from hdrh.histogram import HdrHistogram

from benchmarks.databases import latency
from benchmarks.databases.latency import RoundTrip
from benchmarks.databases.scratch import Database
from benchmarks.processes import environment, start
from benchmarks.questions.load.rates import Contender
from benchmarks.servers import service
from benchmarks.stats.design import endless
from benchmarks.stats.overhead import STEAL_BOUND, Verdict
from benchmarks.terminal import Watcher

PARTS = (0.2, 0.4, 0.6, 0.8, 0.9, 1.0)  # of the rate at saturation
BEYOND = (1.15, 1.3)  # while all before were within the bound
HALVINGS = 3
WARM_UP = 1.0  # seconds, in a closed loop; no longer than a step

# A run in which one of these is exceeded has found something else than the server's limit.
GENERATOR_SHARE = 0.5  # the most, of its own ceiling and of its core
LATE_SHARE = 0.25  # the most, of the bound, that the generator may be late by itself (99th percentile)
SERVER_SHARE = 0.85  # the least, of its core, that the server uses at saturation


@dataclass(frozen=True, slots=True)
class Step:
    """Some seconds at one rate; None: in a closed loop.

    `per_second`       answered within the time
    `unanswered`       of those offered, when the grace was over
    `p50_us`, `p99_us` from the intended time; `sent_p99_us` from the moment of sending, which hides a stall
    `late_p99_us`      how much later than intended the generator sent, though a connection was free
    `generator_share`  of its core, that the generator used
    `from_intended`, `from_sent` HdrHistograms of microseconds in their own encoding
    """

    offered_per_second: float | None
    per_second: float
    answered: int
    unanswered: int
    statuses: dict[str, int]
    resent: int
    p50_us: float
    p99_us: float
    sent_p99_us: float
    late_p99_us: float
    generator_share: float
    from_intended: str
    from_sent: str

    def is_within(self, bound_us: float) -> bool:
        return self.p99_us <= bound_us and not self.unanswered and set(self.statuses) == {"200"}


@dataclass(frozen=True, slots=True)
class Series:
    """One contender in one turn.

    `server_share`        of its core, that the server used at saturation; None where that is not known
    `highest_per_second`  the highest rate offered at which it was within the bound; None: at none
    """

    saturation: Step
    server_share: float | None
    steps: tuple[Step, ...]
    highest_per_second: float | None


@dataclass(frozen=True, slots=True)
class Plan:
    """What is asked of each contender: `seconds` a step, on so many kept connections."""

    url: str
    connections: int
    seconds: float
    bound_us: float


@dataclass(frozen=True, slots=True)
class Run:
    """`turns`: the contender's name -> what it did. `ceiling_per_second`: what the generator sends at the most.

    `apart`  whether server and generator had cores of their own
    """

    turns: tuple[dict[str, Series], ...]
    ceiling_per_second: float
    apart: bool
    round_trips: tuple[RoundTrip, ...]
    steal: float | None
    load_average: tuple[float, ...]


def run(
    plan: Plan, contenders: Sequence[Contender], database: Database, core: int | None, turns: int, watcher: Watcher
) -> Run:
    """Raises processes.WorkerRefusedError or WorkerFailedError, databases.DatabaseError.

    The database has been filled. This process and all that it starts run where keep_off() let them.
    """
    before = environment.processor_time()
    by_name = {contender.name: contender for contender in contenders}
    watcher.expected(turns * len(contenders) * (2 + WARM_UP + plan.seconds * (1 + len(PARTS) + HALVINGS)))
    with ExitStack() as stack:
        ways = {
            asked: stack.enter_context(latency.away(database, asked))
            for asked in dict.fromkeys(contender.distance_ms for contender in contenders)
        }
        asked = {each: way for each, way in ways.items() if each is not None}
        round_trips = latency.measure(database, asked) if asked else []
        ceiling = _ceiling(plan, database, core)
        done = []
        for order in islice(endless(list(by_name), Random(secrets.randbits(64))), turns):
            found = {}
            for name in order:
                contender = by_name[name]
                found[name] = _series(plan, contender, ways[contender.distance_ms], core, watcher)
            done.append({name: found[name] for name in by_name})
    steal = environment.steal(before, environment.processor_time())
    return Run(tuple(done), ceiling, core is not None, tuple(round_trips), steal, os.getloadavg())


def keep_off(core: int | None):
    """Leave that processor to the server: this process and all that it starts from now on run on the others."""
    if core is not None:
        os.sched_setaffinity(0, os.sched_getaffinity(0) - {core})


def search(at: Callable[[float], bool], saturation: float) -> float | None:
    """The highest rate tried at which `at` says that all is well: PARTS of `saturation`, BEYOND, and between.

    Where a lower rate went wrong and a higher one well, something else than the rate was the cause.
    """
    tried = {part: at(part * saturation) for part in PARTS}
    for part in BEYOND:
        if not all(tried.values()):
            break
        tried[part] = at(part * saturation)
    best = max((part for part, well in tried.items() if well), default=0.0)
    worse = min((part for part in tried if part > best), default=None)
    for _ in range(HALVINGS if worse else 0):
        between = (best + worse) / 2
        if at(between * saturation):
            best = between
        else:
            worse = between
    return best * saturation or None


def judge(run: Run, plan: Plan, contenders: Sequence[Contender]) -> Verdict:
    """Whether it was the servers' limit that was found."""
    reasons = []
    if not run.apart:
        reasons.append("server and generator share their cores: what the generator takes is missing to the server")
    if run.steal is not None and run.steal > STEAL_BOUND:
        reasons.append(f"the hypervisor took {run.steal:.1%} of the processor time (steal; bound: {STEAL_BOUND:.0%})")
    for contender in contenders:
        series = [turn[contender.name] for turn in run.turns]
        fastest = max(each.saturation.per_second for each in series)
        if fastest > GENERATOR_SHARE * run.ceiling_per_second:
            reasons.append(
                f"{contender.name}: the generator may be the limit, {fastest:.0f} requests per second of "
                f"{run.ceiling_per_second:.0f} that it sends at the most"
            )
        steps = [step for each in series for step in (each.saturation, *each.steps)]
        share = max(step.generator_share for step in steps)
        if share > GENERATOR_SHARE:
            reasons.append(f"{contender.name}: the generator used {share:.0%} of its core")
        late = max(step.late_p99_us for step in steps)
        if late > LATE_SHARE * plan.bound_us:
            reasons.append(f"{contender.name}: the generator was itself {late / 1000:.1f} ms late (99th percentile)")
        shares = [each.server_share for each in series if each.server_share is not None]
        # Who waits for a distant database leaves its core idle.
        if shares and min(shares) < SERVER_SHARE and not contender.distance_ms:
            reasons.append(
                f"{contender.name}: at saturation the server used {min(shares):.0%} of its core; something else was "
                "the limit"
            )
        for each in series:
            if set(each.saturation.statuses) != {"200"}:
                answers = ", ".join(f"{count} x {status}" for status, count in each.saturation.statuses.items())
                reasons.append(f"{contender.name}: not all was answered 200 at saturation: {answers}")
    return Verdict.of(reasons)


def at_part(series: Series, part: float) -> Step:
    return series.steps[PARTS.index(part)]


def request(url: str, authorization: str) -> str:
    return f"GET {url} HTTP/1.1\r\nHost: {service.HOST}\r\nAccept: */*\r\nAuthorization: {authorization}\r\n\r\n"


@contextmanager
def generator(database: Database, port: int, request: str, connections: int) -> Iterator[Callable[..., Step]]:
    """With what makes one step: (rate, seconds, grace) -> Step. The generator has a process of its own."""
    with start.conversation("benchmarks.servers.generator", "", database, (), {}) as told:
        told.ask(host=service.HOST, port=port, request=request, connections=connections)
        yield lambda rate, seconds, grace: step(told.ask(rate=rate, seconds=seconds, grace=grace))


def step(answer: Mapping[str, Any]) -> Step:
    """Of what the generator says."""
    intended, sent, late = (HdrHistogram.decode(answer[name]) for name in ("from_intended", "from_sent", "late"))
    return Step(
        **{name: answer[name] for name in Step.__slots__ if name in answer},
        generator_share=answer["processor_share"],
        p50_us=intended.get_value_at_percentile(50),
        p99_us=intended.get_value_at_percentile(99),
        sent_p99_us=sent.get_value_at_percentile(99),
        late_p99_us=late.get_value_at_percentile(99),
    )


def _series(
    plan: Plan,
    contender: Contender,
    database: Database,
    core: int | None,
    watcher: Watcher,
) -> Series:
    with service.serving(contender.server, database, contender.scheme, core) as server:
        authorization = service.log_in(server, contender.scheme)
        status, _ = service.ask(server, "GET", plan.url, authorization=authorization)
        if status != 200:
            raise start.WorkerRefusedError(f"{contender.name}: {plan.url} answers {status}, not 200")
        with generator(database, server.port, request(plan.url, authorization), plan.connections) as make_step:

            def make(rate: float | None, seconds: float = plan.seconds) -> Step:
                made = make_step(rate, seconds, max(1.0, plan.bound_us / 1e6))
                watcher.tick()
                return made

            make(None, min(WARM_UP, plan.seconds))
            used, begin = server.processor_seconds(), time.monotonic()
            saturation = make(None)
            seconds = time.monotonic() - begin
            share = None if used is None else (server.processor_seconds() - used) / seconds
            steps = []

            def at(rate: float) -> bool:
                steps.append(make(rate))
                return steps[-1].is_within(plan.bound_us)

            highest = search(at, saturation.per_second)
    return Series(saturation, share, tuple(steps), highest)


def _ceiling(plan: Plan, database: Database, core: int | None) -> float:
    """Requests per second that the generator sends to a server that only answers."""
    argument = "" if core is None else str(core)
    with start.conversation("benchmarks.servers.bare", argument, database, (), {}) as bare:
        port = bare.hear()["port"]
        with generator(database, port, request("/", "Token x"), plan.connections) as make_step:
            return make_step(None, 1.0, 1.0).per_second
