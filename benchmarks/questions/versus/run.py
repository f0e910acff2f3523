"""The run behind `python -m benchmarks versus`: does a request cost another time than at a revision of the service?

The service at the revision and the service as it lies in this checkout, changes that are not committed included, are
two folders of packages. Fresh processes of this checkout's lab, by turns (see turns.py), time the one or the other,
each on a scratch database that its own migrations made and its own code filled. A third folder, a second copy of this
checkout's service with a database of its own, is the A/A control.

All times are in microseconds. A turn's figure is that of a whole request: the 25th percentile of its blocks, the mean
over the middle half of the rounds. Difference and ratio are paired by turn, with Student's and Fieller's interval.

The run is inconclusive where the control differs (99 %, and by more than half a percent of the request), or the
machine was busy, as `overhead` has it.
"""

import io
import shutil
import subprocess
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.databases.scratch import Database
from benchmarks.messages import Assignment
from benchmarks.processes import start
from benchmarks.processes.turns import Place, Run
from benchmarks.stats import overhead, verdicts
from benchmarks.stats.intervals import Interval, mean, ratio_interval, t_interval
from benchmarks.stats.overhead import CONTROL_LEVEL, MATTERS, Verdict

BEFORE, AFTER, AGAIN = "before", "after", "again"
PLACES = (BEFORE, AFTER, AGAIN)
SERVICE = ("config", "tokens", "jwt_auth", "tracks")  # the packages that are measured


class RevisionError(Exception):
    """A revision that does not exist, or whose service this lab cannot drive; the message says why."""


@dataclass(frozen=True, slots=True)
class Answer:
    """`difference`, `ratio`: what a request costs now to what it cost at the revision. `control`: now to its copy.

    `verdict`  what now is, compared with the revision: verdicts.FASTER, SLOWER, EQUIVALENT, INCONCLUSIVE
    `run`      whether the run can be trusted
    """

    before: Interval
    after: Interval
    difference: Interval
    ratio: Interval | None
    verdict: str
    control: Interval
    run: Verdict


def commit(revision: str) -> str:
    """The whole name of the commit. Raises RevisionError."""
    return _git("rev-parse", "--verify", f"{revision}^{{commit}}").decode().strip()


def lay_out(commit: str, folder: Path) -> dict[str, Path]:
    """Three folders of packages in `folder`, by place. Raises RevisionError."""
    services = {place: folder / place for place in PLACES}
    with zipfile.ZipFile(io.BytesIO(_git("archive", "--format=zip", commit, "--", *SERVICE))) as archive:
        archive.extractall(services[BEFORE])
    for place in (AFTER, AGAIN):
        for package in SERVICE:
            # Not the compiled ones: each place's first process compiles its own.
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(start.ROOT / package, services[place] / package, ignore=ignored)
    return services


def fill(databases: Sequence[Database], services: Mapping[str, Path], schemes: Sequence[str]) -> dict[str, Place]:
    """Each place with its database filled, by its own service. Raises RevisionError, processes.WorkerFailedError."""
    places = {name: Place(database, services[name]) for name, database in zip(PLACES, databases, strict=True)}
    for name, place in places.items():
        with _driving(name):
            start.fill(place.database, schemes, service=place.service)
    return places


def unlike(places: Mapping[str, Place], assignment: Assignment) -> str:
    """Where the bodies part that the service answers with, now and at the revision; empty: they are the same.

    Raises RevisionError, processes.WorkerRefusedError and WorkerFailedError.
    """
    after, before = (_bodies(name, places[name], assignment) for name in (AFTER, BEFORE))
    return "; ".join(dict.fromkeys(filter(None, map(difference, before, after))))


def difference(before: bytes, after: bytes) -> str:
    """Where two bodies part; empty where they are equal."""
    if before == after:
        return ""
    at = next((at for at, pair in enumerate(zip(before, after, strict=False)) if pair[0] != pair[1]), None)
    at = min(len(before), len(after)) if at is None else at
    shown = slice(max(0, at - 20), at + 40)
    return (
        f"{len(before):,} and {len(after):,} bytes, first different at byte {at:,}: {before[shown]} and {after[shown]}"
    )


def analyse(run: Run, url: str, contender: str, margin_us: float) -> Answer:
    """Of a run whose places are PLACES."""
    figures = {
        place: np.array(run.figures(place, url, lambda blocks: overhead.request(blocks, contender))) for place in PLACES
    }
    before, after = figures[BEFORE], figures[AFTER]
    control = t_interval(figures[AGAIN] - after, CONTROL_LEVEL)
    reasons = list(overhead.judge([], run.steal, run.waited, 0.0, None).reasons)
    if control.excludes(0) and abs(control.estimate) > MATTERS * after.mean():
        reasons.append(
            f"the A/A control differs from itself by {control.estimate:+.1f} µs ({control.low:+.1f} to "
            f"{control.high:+.1f}) of {after.mean():.0f} µs"
        )
    # The verdict is on what is subtracted.
    (verdict,) = verdicts.judge([mean(before - after)], margin_us)
    return Answer(
        before=t_interval(before),
        after=t_interval(after),
        difference=t_interval(after - before),
        ratio=ratio_interval(after, before),
        verdict=verdict,
        control=control,
        run=Verdict.of(reasons),
    )


def _bodies(name: str, place: Place, assignment: Assignment) -> list[bytes]:
    """What each contender is answered at each URL."""
    with _driving(name):
        answer = start.ask(
            "benchmarks.questions.versus.bodies_worker",
            assignment.to_json(),
            place.database,
            assignment.schemes,
            hash_seed=0,
            service=place.service,
        )
    if Path(answer["service"]) != place.service.resolve():
        raise RevisionError(f"{name}: the service in {answer['service']} was asked, not that in {place.service}")
    return [body.encode("latin-1") for body in answer["bodies"]]


@contextmanager
def _driving(name: str) -> Iterator[None]:
    """Where the service of the revision fails, it is the revision's fault."""
    try:
        yield
    except start.WorkerRefusedError as refusal:
        if name != BEFORE:
            raise
        raise RevisionError(f"at that revision: {refusal}") from None
    except start.WorkerFailedError as error:
        if name != BEFORE:
            raise
        last = str(error).strip().rpartition("\n")[2]
        raise RevisionError(f"this lab cannot drive the service at that revision: {last}") from None


def _git(*arguments: str) -> bytes:
    try:
        return subprocess.run(["git", *arguments], cwd=start.ROOT, capture_output=True, check=True).stdout
    except FileNotFoundError:
        raise RevisionError("git is not installed") from None
    except subprocess.CalledProcessError as error:
        raise RevisionError(error.stderr.decode(errors="replace").strip()) from None
