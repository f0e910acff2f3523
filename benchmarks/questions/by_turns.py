"""What the questions share whose processes take turns among places (see processes/turns.py)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from benchmarks.contenders.lineup import LINEUP
from benchmarks.messages import ANONYMOUS, Assignment
from benchmarks.processes.turns import Run
from benchmarks.results.records.measured import Turn
from benchmarks.stats import overhead
from benchmarks.stats.intervals import Interval, t_interval
from benchmarks.stats.overhead import CONTROL_LEVEL, MATTERS, Table
from benchmarks.stats.verdicts import Verdict
from config.schemes import SCHEMES


def fields(run: Run, place: str, assignment: Assignment, budget_seconds: float | None, **plan: Any) -> dict[str, Any]:
    """Return the fields of a ByTurns record, except `seconds` and `verdict`.

    `place` names the service to describe; `plan` holds more fields of the plan.
    """
    return {
        "service": run.rehearsals[place].service,
        "steal": run.steal,
        "waited": run.waited,
        "disturbed": run.disturbed,
        "load_average_after": run.load_average,
        "plan": {
            "turns": len(run.turns),
            "rounds": run.rounds,
            "block": assignment.block,
            "drop": assignment.drop,
            "budget_seconds": budget_seconds,
            **plan,
        },
        "turns": tuple(
            Turn(turn.hash_seed, turn.seed, {name: sample.blocks for name, sample in turn.samples.items()})
            for turn in run.turns
        ),
    }


@dataclass(frozen=True, slots=True)
class Across:
    """What contenders add at several places, which are numbered.

    `tables`    place -> what each contender adds there, as in `overhead`
    `controls`  place -> anonymous's request there minus that at the first place, at `control_level`
    """

    tables: dict[float, Table]
    controls: dict[float, Interval]
    control_level: float
    verdict: Verdict


def across(
    run: Run, places: Sequence[float], url: str, drop: int, margin_us: float, words: str, *, judge_controls: bool = True
) -> Across:
    """Return what a run found whose places are named after numbers, in ascending order.

    `words` says in a sentence which place is meant. Anonymous's request must not notice the place,
    unless `judge_controls` is False.
    """
    first, *others = places
    count = len(places) + len(others)
    level = 1 - (1 - CONTROL_LEVEL) / count
    tables = {}
    for place in places:
        facts = run.rehearsals[str(place)].facts
        (tables[place],) = overhead.tabulate(run.samples(str(place)), facts, drop, margin_us, SCHEMES, LINEUP, count)
    controls = {
        place: t_interval(np.subtract(_requests(run, place, url), _requests(run, first, url)), level)
        for place in others
    }
    named = [replace(table, url=f"{url} {words.format(place)}") for place, table in tables.items()]
    judged = overhead.judge(named, run.steal, run.waited, 0.0, None, run.seconds)
    reasons = list(judged.reasons)
    for place, control in controls.items() if judge_controls else ():
        request = tables[first].anonymous.request
        if control.excludes(0) and abs(control.estimate) > MATTERS * request:
            reasons.append(
                f"anonymous, which reads no credential, differs by {control.estimate:+.1f} µs ({control.low:+.1f} to "
                f"{control.high:+.1f}) of {request:.0f} µs {words.format(place)}"
            )
    return Across(tables, controls, level, run.ending.mark(Verdict.of(reasons, judged.remarks), run.remarks))


def _requests(run: Run, place: float, url: str) -> list[float]:
    return run.figures(str(place), url, lambda blocks: overhead.request(blocks, ANONYMOUS))
