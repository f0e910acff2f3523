"""The run behind `python -m benchmarks distance`: one PostgreSQL behind a proxy per distance."""

import time
from collections.abc import Sequence
from contextlib import ExitStack

import numpy as np

from benchmarks import terminal
from benchmarks.databases import latency
from benchmarks.databases.scratch import Database
from benchmarks.messages import REFERENCES, Assignment, RoundTrip
from benchmarks.processes import start, turns
from benchmarks.questions import by_turns
from benchmarks.results.records.distance import Away, Distance
from benchmarks.stats import overhead
from benchmarks.stats.intervals import Interval, t_interval

URL = "/whoami/"  # anonymous sends no query there, so it must not notice the distance
MARGIN_US = 5


def measure(
    assignment: Assignment,
    scratch: Database,
    distances: Sequence[float],
    count: int | None,
    budget_seconds: float | None,
    rounds: int | None,
    begin: float,
) -> Distance:
    """Measure at each distance, in at least `count` turns, and return what was found.

    `count`: None for as many as the budget allows. `distances` are in ascending order; `begin` is
    when the command began.
    Raises start.WorkerRefusedError, start.WorkerFailedError or DatabaseError.
    """
    with ExitStack() as stack:
        start.fill(scratch, assignment.schemes)
        ways = {each: stack.enter_context(latency.away(scratch, each)) for each in distances}
        trips = latency.measure(scratch, ways)
        places = {str(each): turns.Place(way) for each, way in ways.items()}
        end = None if budget_seconds is None else begin + budget_seconds
        with terminal.progress() as watcher:
            run = turns.run(assignment, places, count, end, rounds, watcher)
    words = "where the database is {:g} ms away"
    across = by_turns.across(run, distances, URL, assignment.drop, MARGIN_US, words)
    return Distance(
        **by_turns.fields(run, next(iter(places)), assignment, budget_seconds),
        seconds=round(time.monotonic() - begin, 1),
        distances=tuple(Away(each, across.tables[each]) for each in distances),
        round_trips=tuple(trips),
        waits=waits(run, distances, trips),
        controls={str(each): control for each, control in across.controls.items()},
        control_level=across.control_level,
        verdict=across.verdict,
    )


def waits(run: turns.Run, distances: Sequence[float], trips: Sequence[RoundTrip]) -> dict[str, Interval]:
    """Return scheme -> the round trips to the database that it adds to a request, paired by turn.

    That is the growth of what the scheme adds, from the nearest to the farthest, divided by the
    growth of the round trip.
    """
    took_us = {trip.asked_ms: trip.median_us for trip in trips}
    near, far = distances[0], distances[-1]

    def of(scheme: str) -> Interval:
        nearest, farthest = (
            run.figures(str(each), URL, lambda blocks: overhead.overhead(blocks, scheme)) for each in (near, far)
        )
        return t_interval(np.subtract(farthest, nearest) / (took_us[far] - took_us[near]))

    return {name: of(name) for name in run.rehearsals[str(near)].facts[URL] if name not in REFERENCES}
