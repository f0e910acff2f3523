"""The answer of `python -m benchmarks scale`: does a scheme cost more with more credentials?

All times are in microseconds. One run measures what each scheme adds in a small and in larger
databases, by turns (see processes/turns.py); at each size the figure is that of `overhead`.
Differences and ratios are paired by turn.

The run is inconclusive where `overhead` would be, at any of the sizes, or if anonymous's request,
which reads no credential, differs between sizes: 99 %, shared among all controls, and half a
percent of the request.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks import terminal
from benchmarks.databases.scratch import Database
from benchmarks.messages import ANONYMOUS, CONTROL, Assignment, Population
from benchmarks.processes import start, turns
from benchmarks.processes.ending import kept
from benchmarks.processes.turns import Run
from benchmarks.questions import by_turns
from benchmarks.questions.by_turns import Across
from benchmarks.questions.scale import login_costs
from benchmarks.results.records.scale import Growth, Scale, Size
from benchmarks.stats import overhead, verdicts
from benchmarks.stats.intervals import mean, ratio_interval, t_interval
from config.schemes import SCHEMES


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run must do.

    `refreshes`       of each login in the databases
    `tracks`          whether each user has a track
    `turns`           the fewest turns; None: as the budget allows
    `budget_seconds`  after the databases are loaded; None: no more turns
    `rounds`          None: as many as pay best
    `flow_turns`      processes at each size that time logins
    """

    refreshes: int
    tracks: bool
    turns: int | None
    budget_seconds: float | None
    rounds: int | None
    flow_turns: int
    margin_us: float


@dataclass(frozen=True, slots=True)
class Answer:
    """What a run found at all sizes, and what each scheme adds compared with the smallest."""

    across: Across
    changes: tuple[Growth, ...]


def analyse(
    run: Run, populations: Sequence[int], url: str, drop: int, margin_us: float, tracks: bool = False
) -> Answer:
    """Return the answer of a run whose places are named after populations, in ascending order.

    `tracks` says that there are more tracks, too, so that anonymous's request may take longer.
    """
    found = by_turns.across(run, populations, url, drop, margin_us, "with {:,} other users", judge_controls=not tracks)
    return Answer(found, _changes(run, populations[0], populations[1:], url, margin_us))


def measure(assignment: Assignment, places: Mapping[int, Database], plan: Plan, begin: float) -> Scale:
    """Load the databases, measure at each size, and return what was found at the only URL.

    `places` are in ascending order of their population; `begin` is when the command began.
    Raises start.WorkerRefusedError or start.WorkerFailedError.
    """
    stored = {
        each: start.fill(database, assignment.schemes, Population(each, plan.refreshes, plan.tracks))
        for each, database in places.items()
    }
    named = {str(each): turns.Place(database) for each, database in places.items()}
    end = None if plan.budget_seconds is None else time.monotonic() + plan.budget_seconds
    with terminal.progress() as watcher:
        run = turns.run(assignment, named, plan.turns, end, plan.rounds, watcher)
    rows = [name for name in assignment.schemes if name in SCHEMES]
    logins: dict[int, list[login_costs.Process]] = {}
    with terminal.progress() as watcher, kept(run.turns, "turns") as ending:
        if not run.ending.code:
            logins = login_costs.run(rows, places, plan.refreshes, plan.flow_turns, watcher)
    (url,) = assignment.rounds
    answer = analyse(run, list(places), url, assignment.drop, plan.margin_us, plan.tracks)
    across = answer.across
    costs = {each: login_costs.analyse(found, stored[each]) for each, found in logins.items() if found}
    return Scale(
        **by_turns.fields(run, next(iter(named)), assignment, plan.budget_seconds, flow_turns=plan.flow_turns),
        seconds=round(time.monotonic() - begin, 1),
        refreshes=plan.refreshes,
        tracks=plan.tracks,
        sizes=tuple(Size(each, stored[each], across.tables[each], costs.get(each)) for each in places),
        changes=answer.changes,
        margin_us=plan.margin_us,
        controls={str(population): control for population, control in across.controls.items()},
        control_level=across.control_level,
        verdict=ending.mark(across.verdict),
    )


def _changes(run: Run, least: int, larger: Sequence[int], url: str, margin_us: float) -> tuple[Growth, ...]:
    schemes = [each.name for each in run.rehearsals[str(least)].entries if each.name not in (ANONYMOUS, CONTROL)]
    found = [
        (scheme, population, _adds(run, population, url, scheme), _adds(run, least, url, scheme))
        for scheme in schemes
        for population in larger
    ]
    # The verdict is on the subtrahend: the larger population.
    judged = verdicts.judge([mean(np.subtract(few, many)) for _, _, many, few in found], margin_us)
    return tuple(
        Growth(
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
