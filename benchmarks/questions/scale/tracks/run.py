"""The run behind `python -m benchmarks scale tracks`: pages and searches among many tracks.

Each number of tracks has a database of its own. Fresh processes take turns among them (see
processes/turns.py), and with `--against` also among the services of this checkout and of a
revision: the revision has a copy of the same database. Each service runs its own migrations.

A process's figure for a query is the median of its requests, by anonymous, in process. Intervals
are Student's over the turns, that of a ratio over the ratios of the turns: so few turns often leave
Fieller's without bounds. The control is the first query, timed twice by each process.
"""

import json
import os
import secrets
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from benchmarks.databases import scratch
from benchmarks.databases.scratch import Database, DatabaseError
from benchmarks.processes import environment, revisions, start
from benchmarks.processes.ending import Ending, kept
from benchmarks.processes.turns import Place
from benchmarks.questions.scale.tracks.messages import Filled, Found, Task
from benchmarks.results.records.scale_tracks import Catalogue, Query, ScaleTracks, TracksTurn
from benchmarks.results.records.versus import Revision
from benchmarks.stats.design import endless
from benchmarks.stats.intervals import t_interval
from benchmarks.stats.overhead import CONTROL_LEVEL, Verdict, control_reasons, machine_reasons, machine_remarks
from benchmarks.terminal import Watcher

BEFORE = ", before"  # in the name of a place: the revision's service


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run must do.

    `copies`    sizes to load, in copies of the catalogue
    `source`    URL of a database to copy; empty: none
    `revision`  the service to compare with; None: none
    `analyze`   whether all of a SQLite file is analysed first
    """

    copies: tuple[int, ...]
    source: str
    revision: Revision | None
    queries: tuple[str, ...]
    turns: int
    analyze: bool


@dataclass(frozen=True, slots=True)
class Turn:
    """One process at each place."""

    hash_seed: int
    seed: int
    found: dict[str, Found]


@dataclass(frozen=True, slots=True)
class Run:
    """What the processes found.

    `filled`      place -> its database
    `rehearsals`  place -> what was counted, explained and answered there
    """

    filled: dict[str, Filled]
    rehearsals: dict[str, Found]
    turns: tuple[Turn, ...]
    steal: float | None
    load_average: tuple[float, ...]
    ending: Ending = field(default_factory=Ending)


def prepare(
    plan: Plan, stack: ExitStack, database: str, database_url: str | None, connection: str
) -> dict[str, tuple[Place, Filled]]:
    """Make the databases, until the stack ends, and return the places by name.

    A revision's service makes each database and ours migrates a copy, so that both read the same
    tracks. Raises DatabaseError, revisions.RevisionError and start.WorkerFailedError.
    """
    earlier = None
    if plan.revision:
        earlier = Path(stack.enter_context(TemporaryDirectory(prefix="benchmarks-"))) / "service"
        revisions.lay_out(plan.revision.commit, earlier)
    made = stack.enter_context(scratch.several(len(plan.copies), database, database_url, connection))
    if plan.source:
        made.append(stack.enter_context(scratch.copy(plan.source, connection)))
    found: dict[str, tuple[Place, Filled]] = {}
    for each, copies in zip(made, (*plan.copies, 0), strict=False):
        first = Place(each, earlier)
        filled = _fill(first, copies, plan.analyze)
        places = {BEFORE if earlier else "": (first, filled)}
        if earlier:
            ours = Place(stack.enter_context(scratch.copy(each.url, connection)))
            places[""] = (ours, replace(_fill(ours, 0, plan.analyze), seconds=filled.seconds))
        if f"{filled.tracks:,} tracks" in found:
            raise DatabaseError(f"two databases with {filled.tracks:,} tracks; allowed: sizes that differ")
        for suffix, place in places.items():
            found[f"{filled.tracks:,} tracks{suffix}"] = place
    return found


def _fill(place: Place, copies: int, analyze: bool) -> Filled:
    order = json.dumps({"copies": copies, "analyze": analyze})
    with revisions.driving(place.service is not None):
        return Filled(**_ask("fill_worker", order, place, 0))


def run(plan: Plan, prepared: Mapping[str, tuple[Place, Filled]], anyway: bool, watcher: Watcher) -> Run:
    """Time the queries at every place by turns.

    Raises revisions.RevisionError if bodies differ, unless `anyway`, and start.WorkerFailedError.
    """
    places = {name: place for name, (place, _) in prepared.items()}
    task = Task(plan.queries, times=False, seed=0)
    rehearsals = {name: _work(task, place, 0, watcher) for name, place in places.items()}
    for name in places:
        if (differing := unlike(rehearsals, name)) and not anyway:
            listed = ", ".join(query or "the first page" for query in differing)
            raise revisions.RevisionError(f"answered unlike among {name}; --anyway times them all the same: {listed}")
    before, begin, done = environment.processor_time(), time.monotonic(), []
    orders = endless(list(places), Random(secrets.randbits(64)))
    with kept(done, "turns") as ending:
        for number in range(1, plan.turns + 1):
            hash_seed, seed = secrets.randbelow(2**32), secrets.randbelow(2**32)
            timed = replace(task, times=True, seed=seed)
            found = {name: _work(timed, places[name], hash_seed, watcher) for name in next(orders)}
            done.append(Turn(hash_seed, seed, found))
            watcher.expected((time.monotonic() - begin) * plan.turns / number)
    steal = environment.steal(before, environment.processor_time())
    filled = {name: found for name, (_, found) in prepared.items()}
    return Run(filled, rehearsals, tuple(done), steal, os.getloadavg(), ending)


def unlike(rehearsals: Mapping[str, Found], name: str) -> list[str]:
    """Return the queries that the revision answers with another body than this checkout."""
    ours, theirs = rehearsals[name], rehearsals.get(f"{name}{BEFORE}")
    return [] if theirs is None else [each for each, body in ours.digests.items() if theirs.digests[each] != body]


def record(run: Run, plan: Plan, begin: float) -> ScaleTracks:
    """Return what the run found. `begin`: time.monotonic() when the command began."""
    names = sorted((name for name in run.filled if not name.endswith(BEFORE)), key=lambda name: run.filled[name].tracks)
    level = 1 - (1 - CONTROL_LEVEL) / len(names)
    sizes = tuple(_size(run, plan.queries, name, names[0], level) for name in names)
    waited = float(np.mean([found.waited for turn in run.turns for found in turn.found.values()]))
    reasons = machine_reasons(run.steal, waited)
    for size in sizes:
        reasons += control_reasons(size.control.divided(1e-3), 1000 * size.queries[0].time_ms.estimate)
    return ScaleTracks(
        seconds=round(time.monotonic() - begin, 1),
        service=run.rehearsals[names[0]].service,
        steal=run.steal,
        verdict=run.ending.mark(Verdict.of(reasons, machine_remarks(run.steal, waited))),
        waited=waited,
        load_average_after=run.load_average,
        plan={"turns": len(run.turns), "copies": plan.copies, "copied": bool(plan.source)},
        revision=plan.revision,
        analyzed=plan.analyze,
        sizes=sizes,
        control_level=level,
        turns=tuple(
            TracksTurn(turn.hash_seed, turn.seed, {name: found.median_ms for name, found in turn.found.items()})
            for turn in run.turns
        ),
    )


def _size(run: Run, queries: Sequence[str], name: str, least: str, level: float) -> Catalogue:
    ours, filled = run.rehearsals[name], run.filled[name]
    again = [turn.found[name].again_ms for turn in run.turns]
    first = _figures(run, name, queries[0])
    return Catalogue(
        filled.tracks,
        filled.database_bytes,
        filled.seconds,
        tuple(_query(run, name, least, query) for query in queries if query in ours.statements),
        missing=tuple(query for query in queries if not ours.digests[query]),
        unlike=tuple(unlike(run.rehearsals, name)),
        control=t_interval(np.subtract(again, first), level),
    )


def _query(run: Run, name: str, least: str, query: str) -> Query:
    ours, theirs = run.rehearsals[name], run.rehearsals.get(f"{name}{BEFORE}")
    times = _figures(run, name, query)
    reference: Sequence[float] | None = None
    if theirs is not None:
        reference = _figures(run, f"{name}{BEFORE}", query)
    elif name != least and query in run.rehearsals[least].statements:
        reference = _figures(run, least, query)
    return Query(
        query,
        ours.statements[query],
        tuple(ours.plans[query]),
        t_interval(times),
        before_ms=t_interval(reference) if theirs is not None and reference else None,
        before_statements=theirs.statements[query] if theirs is not None else None,
        before_plan=tuple(theirs.plans[query]) if theirs is not None else (),
        ratio=t_interval(np.divide(times, reference)) if reference else None,
    )


def _figures(run: Run, name: str, query: str) -> list[float]:
    return [turn.found[name].median_ms[query] for turn in run.turns]


def _work(task: Task, place: Place, hash_seed: int, watcher: Watcher) -> Found:
    with revisions.driving(place.service is not None):
        return Found(**_ask("worker", json.dumps(asdict(task)), place, hash_seed, watcher))


def _ask(worker: str, argument: str, place: Place, hash_seed: int, watcher: Watcher | None = None) -> dict[str, Any]:
    database: Database = place.database
    return start.ask(
        f"benchmarks.questions.scale.tracks.{worker}",
        argument,
        database,
        (),
        hash_seed,
        lambda _: watcher and watcher.tick(),
        service=place.service,
    )
