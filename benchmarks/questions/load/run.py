"""The run behind `python -m benchmarks load`: requests per second, and response times by rate.

In each turn every contender has a fresh server, in another order. A closed loop measures how many
requests it answers at saturation. Then requests are offered at parts of that rate, open-model (see
generator.py), and halving finds the highest rate at which the 99th percentile is within the bound
and every answer is 200.
"""

import os
import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from itertools import islice, product
from random import Random
from typing import Any

from hdrh.histogram import HdrHistogram

from benchmarks.databases import latency
from benchmarks.databases.scratch import Database
from benchmarks.messages import Assignment, Population, RoundTrip, Stored
from benchmarks.processes import environment, start
from benchmarks.processes.ending import Ending, kept
from benchmarks.questions.load.rates import PARTS, Contender, at_saturation, ratios_to_stock, stock
from benchmarks.results.records.load import Load, Loaded, LoadPlan, Series, Step
from benchmarks.servers import server, service
from benchmarks.stats.design import endless
from benchmarks.stats.intervals import t_interval
from benchmarks.stats.overhead import CONTROL_LEVEL, Verdict, machine_reasons
from benchmarks.terminal import Watcher

BEYOND = (1.15, 1.3)  # of the rate at saturation, while all lower rates were within the bound
HALVINGS = 3
WARM_UP = 1.0  # seconds in a closed loop, at most a step

# A run outside one of these bounds has not found the server's limit.
GENERATOR_SHARE = 0.5  # highest share of its ceiling and of its core that the generator may use
LATE_SHARE = 0.25  # highest share of the bound that the generator itself may be late (99th percentile)
SERVER_SHARE = 0.85  # lowest share of its core that the server must use at saturation
CONTROL_SHARE = 0.02  # highest difference of the A/A control's rate at saturation that does not matter


@dataclass(frozen=True, slots=True)
class Run:
    """What was measured.

    `turns`               in each, contender's name -> its series
    `ceiling_per_second`  the most requests that the generator sends
    `apart`               whether server and generator had separate cores
    """

    turns: tuple[dict[str, Series], ...]
    ceiling_per_second: float
    apart: bool
    round_trips: tuple[RoundTrip, ...]
    steal: float | None
    load_average: tuple[float, ...]
    ending: Ending = field(default_factory=Ending)


def lineup(
    schemes: Iterable[str], kinds: Iterable[str], distances: Iterable[float], reference: bool
) -> list[Contender]:
    """Return the contenders: each scheme on each server at each distance.

    `reference` adds the stock one first, and once more as the A/A control.
    """
    found: dict[Contender, None] = {}
    for away in distances or [None]:
        rows = [Contender(scheme, kind, away) for kind, scheme in product(kinds, schemes)]
        found |= dict.fromkeys([stock(away), replace(stock(away), again=True), *rows] if reference else rows)
    return list(found)


def prepare(
    scratch: Database, contenders: Sequence[Contender], url: str, population: int
) -> tuple[Stored, dict[str, Any]]:
    """Fill the database and prove all contenders in process. Return the service's facts too."""
    proved = tuple(dict.fromkeys(each.scheme for each in contenders))
    stored = start.fill(scratch, proved, Population(population))
    found = start.work(Assignment(proved, {url: 0}, 15, 5, seed=0), scratch, 0).service
    del found["garbage_collection"]  # of a process that times itself
    return stored, found


def run(
    plan: LoadPlan, contenders: Sequence[Contender], database: Database, core: int | None, turns: int, watcher: Watcher
) -> Run:
    """Measure every contender in `turns` turns, on a database that has been filled.

    `core`  what server.own_core() returned, which keeps this process off that core

    Raises start.WorkerRefusedError, start.WorkerFailedError or DatabaseError.
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
        done: list[dict[str, Series]] = []
        with kept(done, "turns") as ending:
            for order in islice(endless(list(by_name), Random(secrets.randbits(64))), turns):
                found = {}
                for name in order:
                    contender = by_name[name]
                    found[name] = _series(plan, contender, ways[contender.distance_ms], core, watcher)
                done.append({name: found[name] for name in by_name})
    steal = environment.steal(before, environment.processor_time())
    return Run(tuple(done), ceiling, core is not None, tuple(round_trips), steal, os.getloadavg(), ending)


def search(at: Callable[[float], bool], saturation: float) -> float | None:
    """Return the highest rate tried at which `at` is true; None: it was true at no rate.

    It tries PARTS of `saturation`, BEYOND, and rates between. If a lower rate failed and a higher
    one succeeded, the rate was not the cause of the failure.
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


def judge(run: Run, plan: LoadPlan, contenders: Sequence[Contender]) -> Verdict:
    """Decide whether the run found the limits of the servers."""
    reasons = []
    if not run.apart:
        reasons.append("server and generator share their cores: the generator takes time from the server")
    reasons += machine_reasons(run.steal)
    for contender in contenders:
        series = [turn[contender.name] for turn in run.turns]
        fastest = max(each.saturation.per_second for each in series)
        if fastest > GENERATOR_SHARE * run.ceiling_per_second:
            reasons.append(
                f"{contender.name}: the generator may be the limit, {fastest:.0f} requests per second of "
                f"{run.ceiling_per_second:.0f} that it sends at most"
            )
        steps = [step for each in series for step in (each.saturation, *each.steps)]
        share = max(step.generator_share for step in steps)
        if share > GENERATOR_SHARE:
            reasons.append(f"{contender.name}: the generator used {share:.0%} of its core")
        late = max(step.late_p99_us for step in steps)
        if late > LATE_SHARE * plan.bound_us:
            reasons.append(f"{contender.name}: the generator was itself {late / 1000:.1f} ms late (99th percentile)")
        shares = [each.server_share for each in series if each.server_share is not None]
        # A server that waits for a distant database leaves its core idle.
        if shares and min(shares) < SERVER_SHARE and not contender.distance_ms:
            reasons.append(
                f"{contender.name}: at saturation the server used {min(shares):.0%} of its core; something else was "
                "the limit"
            )
        for each in series:
            if set(each.saturation.statuses) != {"200"}:
                answers = ", ".join(f"{count} x {status}" for status, count in each.saturation.statuses.items())
                reasons.append(f"{contender.name}: not every answer was 200 at saturation: {answers}")
    return Verdict.of([*reasons, *_control_reasons(loaded(run, contenders))])


def _control_reasons(found: Sequence[Loaded]) -> list[str]:
    """Return why the A/A control says that the turns cannot be compared."""
    reasons = []
    for each in found:
        ratios = ratios_to_stock(each, found, at_saturation) if each.again else None
        if ratios and len(ratios) > 1:
            ratio = t_interval(ratios, CONTROL_LEVEL)
            if ratio.excludes(1) and abs(ratio.estimate - 1) > CONTROL_SHARE:
                reasons.append(
                    f"{each.name}: answers {ratio.estimate:.3f} times ({ratio.low:.3f} to {ratio.high:.3f}) as many "
                    "requests as itself"
                )
    return reasons


def loaded(run: Run, contenders: Sequence[Contender]) -> tuple[Loaded, ...]:
    """Return the contenders with their series of all turns."""
    return tuple(
        Loaded(
            each.name,
            each.scheme,
            each.server,
            each.distance_ms,
            tuple(turn[each.name] for turn in run.turns),
            each.again,
        )
        for each in contenders
    )


def record(run: Run, plan: LoadPlan, contenders: Sequence[Contender], core: int | None, **others: Any) -> Load:
    """Return what the run found. `others`: the fields of the record that the command knows."""
    return Load(
        steal=run.steal,
        load_average_after=run.load_average,
        plan=plan,
        threads=server.threads(),
        server_core=core,
        ceiling_per_second=run.ceiling_per_second,
        round_trips=run.round_trips,
        contenders=loaded(run, contenders),
        verdict=run.ending.mark(judge(run, plan, contenders)),
        **others,
    )


def request(url: str, authorization: str) -> str:
    """Return the text of a request."""
    return f"GET {url} HTTP/1.1\r\nHost: {service.HOST}\r\nAccept: */*\r\nAuthorization: {authorization}\r\n\r\n"


@contextmanager
def generator(database: Database, port: int, request: str, connections: int) -> Iterator[Callable[..., Step]]:
    """Start a generator and yield a function for a step: (rate, seconds, grace) -> Step."""
    with start.conversation("benchmarks.servers.generator", "", database, (), {}) as process:
        process.ask(host=service.HOST, port=port, request=request, connections=connections)
        yield lambda rate, seconds, grace: step(process.ask(rate=rate, seconds=seconds, grace=grace))


def step(answer: Mapping[str, Any]) -> Step:
    """Return the step that the generator's answer describes."""
    intended, sent, late = (HdrHistogram.decode(answer[name]) for name in ("from_intended", "from_sent", "late"))
    return Step(
        **{name: answer[name] for name in Step.__dataclass_fields__ if name in answer},
        generator_share=answer["processor_share"],
        p50_us=intended.get_value_at_percentile(50),
        p99_us=intended.get_value_at_percentile(99),
        sent_p99_us=sent.get_value_at_percentile(99),
        late_p99_us=late.get_value_at_percentile(99),
    )


def _series(
    plan: LoadPlan,
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


def _ceiling(plan: LoadPlan, database: Database, core: int | None) -> float:
    """Return the requests per second that the generator sends to a server that only answers."""
    argument = "" if core is None else str(core)
    with start.conversation("benchmarks.servers.bare", argument, database, (), {}) as bare:
        port = bare.hear()["port"]
        with generator(database, port, request("/", "Token x"), plan.connections) as make_step:
            return make_step(None, 1.0, 1.0).per_second
