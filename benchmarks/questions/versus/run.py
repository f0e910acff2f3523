"""The run behind `python -m benchmarks versus`: did a request's cost change since a revision?

The service at the revision and the service of this checkout, with its uncommitted changes, are two
folders of packages. Fresh processes of this checkout's lab time one or the other by turns (see
turns.py), each on a scratch database that its own migrations made and its own code filled. A third
folder, a second copy of this checkout's service with a database of its own, is the A/A control.

All times are in microseconds. A turn's figure is that of a whole request: the 25th percentile of
its blocks, averaged over the middle half of the rounds. Difference and ratio are paired by turn,
with Student's and Fieller's intervals. A contender is also compared by what it adds to anonymous's
request, which the same processes time.

The run is inconclusive if the control differs (99 %, and by more than half a percent of the
request), or if the machine was busy, by the bounds of `overhead`.
"""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.databases.scratch import Database
from benchmarks.messages import ANONYMOUS, Assignment
from benchmarks.processes import revisions, start
from benchmarks.processes.revisions import RevisionError
from benchmarks.processes.turns import Place, Run
from benchmarks.questions import by_turns
from benchmarks.results.records.versus import Added, Revision, Versus
from benchmarks.stats import overhead, verdicts
from benchmarks.stats.intervals import Figures, Interval, mean, ratio_interval, t_interval
from benchmarks.stats.overhead import CONTROL_LEVEL, Verdict
from benchmarks.stats.verdicts import Outcome

BEFORE, AFTER, AGAIN = "before", "after", "again"
PLACES = (BEFORE, AFTER, AGAIN)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the run says about this checkout's request, compared with the revision's.

    `difference`, `ratio`  this checkout's request to the revision's
    `verdict`  on this checkout, compared with the revision
    `adds`     the same for what the contender adds to anonymous's request; None: it is anonymous
    `control`  this checkout's copy minus this checkout
    `run`      whether the run can be trusted
    """

    before: Interval
    after: Interval
    difference: Interval
    ratio: Interval | None
    verdict: Outcome
    adds: Added | None
    control: Interval
    run: Verdict


def lay_out(commit: str, folder: Path) -> dict[str, Path]:
    """Copy the packages of each place into `folder`, and return place -> its folder.

    Raises RevisionError.
    """
    services = {place: folder / place for place in PLACES}
    revisions.lay_out(commit, services[BEFORE])
    for place in (AFTER, AGAIN):
        for package in revisions.SERVICE:
            # Without compiled modules: the first process of each place compiles its own.
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(start.ROOT / package, services[place] / package, ignore=ignored)
    return services


def fill(databases: Sequence[Database], services: Mapping[str, Path], schemes: Sequence[str]) -> dict[str, Place]:
    """Let each place's own service fill its database, and return the places.

    Raises RevisionError and start.WorkerFailedError.
    """
    places = {name: Place(database, services[name]) for name, database in zip(PLACES, databases, strict=True)}
    for name, place in places.items():
        with revisions.driving(name == BEFORE):
            start.fill(place.database, schemes, service=place.service)
    return places


def unlike(places: Mapping[str, Place], assignment: Assignment) -> str:
    """Return where the bodies of the revision and of this checkout differ; empty: they are equal.

    Raises RevisionError, start.WorkerRefusedError and start.WorkerFailedError.
    """
    after, before = (_bodies(name, places[name], assignment) for name in (AFTER, BEFORE))
    return "; ".join(dict.fromkeys(filter(None, map(difference, before, after))))


def difference(before: bytes, after: bytes) -> str:
    """Return where two bodies differ; empty: they are equal."""
    if before == after:
        return ""
    at = next((at for at, pair in enumerate(zip(before, after, strict=False)) if pair[0] != pair[1]), None)
    at = min(len(before), len(after)) if at is None else at
    shown = slice(max(0, at - 20), at + 40)
    return (
        f"{len(before):,} and {len(after):,} bytes, first different at byte {at:,}: {before[shown]} and {after[shown]}"
    )


def analyse(run: Run, url: str, contender: str, margin_us: float) -> Answer:
    """Return the answer of a run whose places are PLACES."""
    figures = {
        place: np.array(run.figures(place, url, lambda blocks: overhead.request(blocks, contender))) for place in PLACES
    }
    before, after = figures[BEFORE], figures[AFTER]
    control = t_interval(figures[AGAIN] - after, CONTROL_LEVEL)
    differs = overhead.control_reasons(control, float(after.mean()))
    reasons = [*overhead.machine_reasons(run.steal, run.waited), *differs]
    remarks = [*([overhead.AGAIN] if differs else []), *overhead.machine_remarks(run.steal, run.waited), *run.remarks]
    added = {
        place: np.array(run.figures(place, url, lambda blocks: overhead.overhead(blocks, contender)))
        for place in (BEFORE, AFTER)
        if contender != ANONYMOUS
    }
    # Each verdict is on the subtrahend: this checkout.
    differences = [before - after, *([added[BEFORE] - added[AFTER]] if added else [])]
    verdict, *of_added = verdicts.judge([mean(each) for each in differences], margin_us)
    return Answer(
        before=t_interval(before),
        after=t_interval(after),
        difference=t_interval(after - before),
        ratio=ratio_interval(after, before),
        verdict=verdict,
        adds=_added(added[BEFORE], added[AFTER], *of_added) if added else None,
        control=control,
        run=Verdict.of(reasons, remarks),
    )


def _added(before: Figures, after: Figures, verdict: Outcome) -> Added:
    return Added(t_interval(before), t_interval(after), t_interval(np.subtract(after, before)), verdict)


def record(
    run: Run,
    assignment: Assignment,
    margin_us: float,
    budget_seconds: float | None,
    revision: Revision,
    unlike: str,
    seconds: float,
) -> Versus:
    """Return what the run found, at the assignment's only URL, by its only scheme or anonymous."""
    (url,) = assignment.rounds
    contender = run.rehearsals[AFTER].entries[-1].name if assignment.schemes else ANONYMOUS
    answer = analyse(run, url, contender, margin_us)
    return Versus(
        **by_turns.fields(run, AFTER, assignment, budget_seconds),
        seconds=seconds,
        revision=revision,
        url=url,
        contender=contender,
        unlike=unlike,
        margin_us=margin_us,
        before=answer.before,
        after=answer.after,
        difference=answer.difference,
        ratio=answer.ratio,
        now=answer.verdict,
        adds=answer.adds,
        control=answer.control,
        facts={place: run.rehearsals[place].facts[url][contender] for place in PLACES},
        verdict=answer.run,
    )


def _bodies(name: str, place: Place, assignment: Assignment) -> list[bytes]:
    """Return the body that each contender gets at each URL."""
    with revisions.driving(name == BEFORE):
        answer = start.ask(
            "benchmarks.questions.versus.bodies_worker",
            assignment.to_json(),
            place.database,
            assignment.schemes,
            hash_seed=0,
            service=place.service,
        )
    if Path(answer["service"]) != place.service.resolve():
        raise RevisionError(f"{name}: the service in {answer['service']} answered, not that in {place.service}")
    return [body.encode("latin-1") for body in answer["bodies"]]
