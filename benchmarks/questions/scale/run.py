"""What a run of `python -m benchmarks scale` answers: does a scheme cost more where there are more credentials?

All times are in microseconds. One run measures what each scheme adds in a small and in larger databases, by turns (see
turns.py); at each size it is the figure of `overhead`. Differences and ratios are paired by turn.

The run is inconclusive where `overhead` would be, at any of the sizes, or where anonymous's request, which reads no
credential, is not the same at all of them: 99 %, shared among all controls, and half a percent of the request.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.messages import ANONYMOUS, CONTROL
from benchmarks.processes.turns import Run
from benchmarks.stats import overhead, verdicts
from benchmarks.stats.intervals import Interval, mean, ratio_interval, t_interval
from benchmarks.stats.overhead import CONTROL_LEVEL, MATTERS, Table, Verdict
from config.schemes import SCHEMES


@dataclass(frozen=True, slots=True)
class Change:
    """What a scheme adds beside `population` others, compared with what it adds beside the fewest.

    `verdict`  what it is there: verdicts.FASTER, SLOWER, EQUIVALENT, INCONCLUSIVE; all of a run hold together (Holm)
    """

    scheme: str
    population: int
    adds: Interval
    difference: Interval
    ratio: Interval | None
    verdict: str


@dataclass(frozen=True, slots=True)
class Answer:
    """`tables` by population, as `overhead` has them; `controls` by population: anonymous's request beside as many
    others minus that beside the fewest, at `control_level`."""

    tables: dict[int, Table]
    changes: tuple[Change, ...]
    controls: dict[int, Interval]
    control_level: float
    verdict: Verdict


def analyse(
    run: Run,
    populations: Sequence[float],
    url: str,
    drop: int,
    margin_us: float,
    tracks: bool = False,
    place: str = "beside {:,}",
) -> Answer:
    """Of a run whose places are named after `populations`, in ascending order, or after other numbers that `place`
    is the word for.

    `tracks`  whether there are more of them too, so that anonymous's request may well take longer
    """
    least, *larger = populations
    controls = len(populations) + len(larger)
    level = 1 - (1 - CONTROL_LEVEL) / controls
    tables = {}
    for population in populations:
        facts = run.rehearsals[str(population)].facts
        (tables[population],) = overhead.tabulate(
            run.samples(str(population)), facts, drop, margin_us, SCHEMES, controls
        )
    changes = _changes(run, least, larger, url, margin_us)
    between = {
        population: t_interval(np.subtract(_requests(run, population, url), _requests(run, least, url)), level)
        for population in larger
    }
    named = [replace(table, url=f"{url} {place.format(population)}") for population, table in tables.items()]
    judged = overhead.judge(named, run.steal, run.waited, 0.0, None)
    reasons = list(judged.reasons)
    for population, control in between.items() if not tracks else ():
        request = tables[least].anonymous.request
        if control.excludes(0) and abs(control.estimate) > MATTERS * request:
            reasons.append(
                f"anonymous, which reads no credential, differs by {control.estimate:+.1f} µs ({control.low:+.1f} to "
                f"{control.high:+.1f}) of {request:.0f} µs {place.format(population)}"
            )
    return Answer(tables, changes, between, level, Verdict.of(reasons))


def _changes(run: Run, least: int, larger: Sequence[int], url: str, margin_us: float) -> tuple[Change, ...]:
    schemes = [each.name for each in run.rehearsals[str(least)].entries if each.name not in (ANONYMOUS, CONTROL)]
    found = [
        (scheme, population, _adds(run, population, url, scheme), _adds(run, least, url, scheme))
        for scheme in schemes
        for population in larger
    ]
    # The verdict is on what is subtracted.
    judged = verdicts.judge([mean(np.subtract(few, many)) for _, _, many, few in found], margin_us)
    return tuple(
        Change(
            scheme,
            population,
            t_interval(many),
            t_interval(np.subtract(many, few)),
            ratio_interval(many, few),
            verdict,
        )
        for (scheme, population, many, few), verdict in zip(found, judged, strict=True)
    )


def _adds(run: Run, population: int, url: str, scheme: str) -> list[float]:
    return run.figures(str(population), url, lambda blocks: overhead.overhead(blocks, scheme))


def _requests(run: Run, population: int, url: str) -> list[float]:
    return run.figures(str(population), url, lambda blocks: overhead.request(blocks, ANONYMOUS))
