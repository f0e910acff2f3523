"""The run behind `python -m benchmarks versus`: did a request's cost change since a revision?

The service at the revision and the service of this checkout, with its uncommitted changes, are two
folders of packages. Fresh processes of this checkout's lab time one or the other by turns (see
turns.py), each on a scratch database that its own migrations made and its own code filled. A third
folder, a second copy of this checkout's service with a database of its own, is the A/A control.

The run of `versus --of` compares a contender's package in the same way; see classes.py.

All times are in microseconds. A turn's figure is that of a whole request: the 25th percentile of
its blocks, averaged over the middle half of the rounds. Difference and ratio are paired by turn,
with Student's and Fieller's intervals. A contender is also compared by what it adds to anonymous's
request, which the same processes time.

The run is inconclusive if the control differs (99 %, and by more than half a percent of the
request), or if the machine was busy, by the bounds of `overhead`.
"""

import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.databases.scratch import Database
from benchmarks.messages import ANONYMOUS, Assignment, Blocks
from benchmarks.processes import revisions, start
from benchmarks.processes.revisions import RevisionError
from benchmarks.processes.turns import Place, Run
from benchmarks.questions import by_turns
from benchmarks.results.records.versus import Added, Class, Revision, Versus
from benchmarks.stats import overhead, verdicts
from benchmarks.stats.intervals import Interval, mean, ratio_interval, t_interval
from benchmarks.stats.overhead import CONTROL_LEVEL, Verdict
from benchmarks.stats.verdicts import Outcome

BEFORE, AFTER, AGAIN = "before", "after", "again"
PLACES = (BEFORE, AFTER, AGAIN)

# The name of a place -> what makes a failure there a refusal that names it.
Driving = Callable[[str], AbstractContextManager[None]]


def driving(name: str) -> AbstractContextManager[None]:
    """Raise RevisionError if the service fails at the revision; pass on other failures."""
    return revisions.driving(name == BEFORE)


@dataclass(frozen=True, slots=True)
class Compared:
    """What a run compares, filled and asked once.

    `unlike`  where the bodies differ; empty: they are equal
    `of`      None: the service at the revision and of this checkout
    """

    places: dict[str, Place]
    revision: Revision
    unlike: str
    of: Class | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What the run says about this checkout's request, compared with the revision's.

    `difference`, `ratio`  this checkout's request to the revision's
    `verdict`  on this checkout, compared with the revision
    `adds`     the same for what the contender adds to anonymous's request; None: it is anonymous
    `control`  this checkout's copy minus this checkout
    `run`      whether the run can be trusted

    Nothing is compared if the run has no place BEFORE.
    """

    before: Interval | None
    after: Interval
    difference: Interval | None
    ratio: Interval | None
    verdict: Outcome | None
    adds: Added | None
    control: Interval
    run: Verdict


def prepare(revision: str, folder: Path, databases: Sequence[Database], assignment: Assignment) -> Compared:
    """Return the service at the revision and of this checkout, in `folder`, ready to be timed.

    Raises RevisionError, start.WorkerRefusedError and start.WorkerFailedError.
    """
    commit = revisions.commit(revision)
    places = fill(databases, lay_out(commit, folder), assignment.schemes)
    return Compared(places, Revision(revision, commit), unlike(places, assignment))


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
        fill_one(name, place, schemes, driving)
    return places


def fill_one(name: str, place: Place, schemes: Sequence[str], driving: Driving):
    with driving(name):
        start.fill(place.database, schemes, service=place.service, imports=place.imports)


def unlike(places: Mapping[str, Place], assignment: Assignment) -> str:
    """Return where the bodies of the revision and of this checkout differ; empty: they are equal.

    Raises RevisionError, start.WorkerRefusedError and start.WorkerFailedError.
    """
    after, before = (bodies(name, places[name], assignment, driving) for name in (AFTER, BEFORE))
    return differences(before, after)


def differences(before: Sequence[bytes], after: Sequence[bytes]) -> str:
    """Return where the bodies of two places differ; empty: they are equal."""
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


def analyse(run: Run, url: str, contender: str, margin_us: float, of: Class | None = None) -> Answer:
    """Return the answer of a run whose places are PLACES, perhaps without BEFORE."""
    places = list(run.turns[0].samples)
    requests = {place: _figures(run, place, url, contender, overhead.request) for place in places}
    added = {place: _figures(run, place, url, contender, overhead.overhead) for place in places}
    controlled = added if of else requests
    control = t_interval(controlled[AGAIN] - controlled[AFTER], CONTROL_LEVEL)
    differs = overhead.control_reasons(control, float(requests[AFTER].mean()))
    reasons = [*overhead.machine_reasons(run.steal, run.waited), *differs]
    remarks = [*([overhead.AGAIN] if differs else []), *overhead.machine_remarks(run.steal, run.waited), *run.remarks]
    if BEFORE not in places:
        half = float(added[AFTER].mean()) / 2
        if control.half_width > half:
            reasons.append(
                f"the interval of the A/A control reaches {control.half_width:.1f} µs either way, which is more than "
                f"half of what {contender} adds ({2 * half:.1f} µs)"
            )
            wanted = "the interval of the control would be narrow enough"
            remarks += overhead.longer(run.seconds, control.half_width / half, wanted) if half > 0 else []
    compared = [requests] if contender == ANONYMOUS else [requests, added]
    # Each verdict is on the subtrahend: this checkout.
    pairs = [each[BEFORE] - each[AFTER] for each in compared if BEFORE in places]
    verdict, of_added = (*verdicts.judge(list(map(mean, pairs)), margin_us), None, None)[:2]
    request = _added(requests, verdict)
    return Answer(
        before=request.before,
        after=request.after,
        difference=request.difference,
        ratio=ratio_interval(requests[AFTER], requests[BEFORE]) if BEFORE in places else None,
        verdict=verdict,
        adds=_added(added, of_added) if contender != ANONYMOUS else None,
        control=control,
        run=run.ending.mark(Verdict.of(reasons, remarks)),
    )


def _figures(run: Run, place: str, url: str, contender: str, figure: Callable[[Blocks, str], float]) -> np.ndarray:
    return np.array(run.figures(place, url, lambda blocks: figure(blocks, contender)))


def _added(figures: Mapping[str, np.ndarray], verdict: Outcome | None) -> Added:
    before, after = figures.get(BEFORE), figures[AFTER]
    if before is None:
        return Added(None, t_interval(after), None, None)
    return Added(t_interval(before), t_interval(after), t_interval(after - before), verdict)


def record(
    run: Run, assignment: Assignment, margin_us: float, budget_seconds: float | None, compared: Compared, seconds: float
) -> Versus:
    """Return what the run found, at the assignment's only URL, by its only scheme or anonymous."""
    (url,) = assignment.rounds
    contender = run.rehearsals[AFTER].entries[-1].name if assignment.schemes else ANONYMOUS
    answer = analyse(run, url, contender, margin_us, compared.of)
    return Versus(
        **by_turns.fields(run, AFTER, assignment, budget_seconds),
        seconds=seconds,
        revision=compared.revision,
        url=url,
        contender=contender,
        unlike=compared.unlike,
        margin_us=margin_us,
        before=answer.before,
        after=answer.after,
        difference=answer.difference,
        ratio=answer.ratio,
        now=answer.verdict,
        adds=answer.adds,
        control=answer.control,
        facts={place: run.rehearsals[place].facts[url][contender] for place in run.rehearsals},
        of=compared.of,
        verdict=answer.run,
    )


def bodies(name: str, place: Place, assignment: Assignment, driving: Driving) -> list[bytes]:
    """Return the body that each contender gets at each URL of the assignment at that place.

    Raises RevisionError if another folder's packages answered; `driving` says what a refusal is.
    """
    with driving(name):
        answer = start.ask(
            "benchmarks.questions.versus.bodies_worker",
            assignment.to_json(),
            place.database,
            assignment.schemes,
            hash_seed=0,
            service=place.service,
            imports=place.imports,
        )
    if Path(answer["service"]) != (place.service or start.ROOT).resolve():
        raise RevisionError(f"{name}: the service in {answer['service']} answered, not that in {place.service}")
    for what, file in answer["origins"].items():
        if place.imports and place.imports.resolve() not in Path(file).resolve().parents:
            with driving(name):
                raise start.WorkerRefusedError(
                    f"{what} comes from {file}, which is the same on both sides; it must lie in the folder that --of "
                    "names"
                )
    return [body.encode("latin-1") for body in answer["bodies"]]
