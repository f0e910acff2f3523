"""What a run of `python -m benchmarks wire` answers: what each scheme adds over HTTP, and beside it in process.

All times are in microseconds. A process's figure over the wire is made as that of `overhead` (see analysis.py), of
what the client's clock says around a request. The run is inconclusive where `overhead` would be, over the wire or in
process.

Processes over the wire and in process are not paired: their difference is Welch's, as between two runs of `overhead`.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from benchmarks.databases.scratch import Database
from benchmarks.messages import Assignment, Sample
from benchmarks.processes.turns import Place, Run
from benchmarks.results import comparison
from benchmarks.results.records.common import Environment, Head
from benchmarks.results.records.compare import Change
from benchmarks.results.records.overhead import Overhead
from benchmarks.results.records.wire import Beside, Turn, Wire
from benchmarks.stats import overhead
from benchmarks.stats.overhead import Table
from config.schemes import SCHEMES

WIRE, IN_PROCESS = "over the wire", "in process"  # places of a run by turns

WORKER = "benchmarks.questions.wire.worker"

Inside = tuple[Head, Overhead]  # a result of `overhead`, to compare with

# Where a run on the wire is always unlike one in process, and the reasons below say so.
_MEANT = "garbage_collection: "


def places(database: Database, server: str, inside: Inside | None) -> dict[str, Place]:
    """Return the server's place, and one in process unless a result of `overhead` stands for it."""
    return {WIRE: Place(database, server=server, worker=WORKER), **({} if inside else {IN_PROCESS: Place(database)})}


def record(
    run: Run,
    assignment: Assignment,
    margin_us: float,
    precision_us: float | None,
    budget_seconds: float | None,
    machine: Environment,
    inside: Inside | None,
    **others: Any,
) -> Wire:
    """Return what a run at `places` found. `others`: the fields of the record that the command knows.

    Raises comparison.UnlikeError if `inside` has nothing in common with the run.
    """
    places = (WIRE,) if inside else (WIRE, IN_PROCESS)
    rehearsal = run.rehearsals[WIRE]
    tables = {
        place: overhead.tabulate(
            run.samples(place), rehearsal.facts, assignment.drop, margin_us, SCHEMES, len(places) * len(rehearsal.facts)
        )
        for place in places
    }
    widest = overhead.widest(run.samples(WIRE))
    judged = [replace(each, url=f"{each.url} {place}") for place in places for each in tables[place]]
    verdict = overhead.judge(judged, run.steal, run.waited, widest, precision_us)
    before = comparison.figures_of(inside[1]) if inside else _figures(run.samples(IN_PROCESS))
    changes = comparison.compare(before, _figures(run.samples(WIRE)), margin_us)
    plan = {
        "turns": len(run.turns),
        "rounds": run.rounds,
        "block": assignment.block,
        "drop": assignment.drop,
        "budget_seconds": budget_seconds,
        "precision_us": precision_us,
    }
    return Wire(
        service=rehearsal.service,
        steal=run.steal,
        waited=run.waited,
        load_average_after=run.load_average,
        plan=plan,
        widest_us=widest,
        tables=tuple(tables[WIRE]),
        beside=tuple(_beside(change) for change in changes),
        unlike=unlike(inside, comparison.Conditions(machine, rehearsal.service, plan)) if inside else (),
        verdict=verdict,
        answer=f"Over HTTP: {overhead.answer(tables[WIRE], verdict)}",
        contenders=tuple(rehearsal.entries),
        turns=tuple(
            Turn(turn.hash_seed, turn.seed, {place: sample.blocks for place, sample in turn.samples.items()})
            for turn in run.turns
        ),
        **others,
    )


def unlike(inside: Inside, wire: comparison.Conditions) -> tuple[str, ...]:
    """Return in what else than the wire the two differ, a line for each condition."""
    lines = comparison.differences(comparison.conditions(*inside), wire)
    return tuple(line for line in lines if not line.startswith(_MEANT))


def reasons(tables: Sequence[Table], server: str) -> list[str]:
    """Why the two differ, a paragraph each: what is counted, and what is known of the ways."""
    lines = {row.name: row.facts.header_bytes for row in tables[0].rows if row.facts.header_bytes}
    counted = ", ".join(f"{name} {size}" for name, size in lines.items())
    return [
        "Why they differ: over the wire the client sends, the server reads and parses the line that carries the "
        f"credential, and makes a text of it ({counted} bytes); in process it lies there already.",
        f"{server.partition(' ')[0]} hands each request to another thread and takes the answer back, under the "
        "interpreter's lock: the same for all, and part of anonymous's request. But the caches of the processor have "
        "seen the server's, the client's and the kernel's work in between, so the same code takes longer than in a "
        "loop of its own.",
        "Garbage is collected when Python sees fit: a collection may fall into a request that is timed, and the 25th "
        "percentile of a block leaves it out.",
    ]


def _figures(samples: Sequence[Sample]) -> comparison.Figures:
    return comparison.figures(samples[0].entries, [each.blocks for each in samples])


def _beside(change: Change) -> Beside:
    return Beside(change.url, change.name, change.before, change.after, change.difference, change.verdict)
