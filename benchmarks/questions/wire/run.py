"""The result of `wire`: what each scheme adds over HTTP, compared with in process.

All times are in microseconds. A process's figure over the wire is made as in `overhead` (see
stats/overhead.py), from the client's clock around a request. The run is inconclusive if `overhead`
would be, over the wire or in process.

Processes over the wire and in process are not paired, so their difference is Welch's, as between
two runs of `overhead`.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from benchmarks.contenders.lineup import LINEUP
from benchmarks.databases.scratch import Database
from benchmarks.messages import Assignment, Sample
from benchmarks.processes.turns import Place, Run
from benchmarks.results import comparison
from benchmarks.results.records.common import Environment, Head
from benchmarks.results.records.compare import Change
from benchmarks.results.records.measured import Turn
from benchmarks.results.records.overhead import Overhead
from benchmarks.results.records.wire import Beside, Wire
from benchmarks.stats import overhead
from benchmarks.stats.overhead import Table
from config.schemes import SCHEMES

WIRE, IN_PROCESS = "over the wire", "in process"  # places of a run by turns

WORKER = "benchmarks.questions.wire.worker"

Inside = tuple[Head, Overhead]  # a result of `overhead`, to compare with

# A run over the wire always differs from one in process in this; the reasons below say so.
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
    machine: dict[str, Any],
    inside: Inside | None,
    **others: Any,
) -> Wire:
    """Return what a run at `places` found. `others`: the fields that the command knows.

    Raises comparison.UnlikeError if `inside` has nothing in common with the run.
    """
    places = (WIRE,) if inside else (WIRE, IN_PROCESS)
    rehearsal = run.rehearsals[WIRE]
    tables = {
        place: overhead.tabulate(
            run.samples(place),
            rehearsal.facts,
            assignment.drop,
            margin_us,
            SCHEMES,
            LINEUP,
            len(places) * len(rehearsal.facts),
        )
        for place in places
    }
    widest = overhead.widest(run.samples(WIRE))
    judged = [replace(each, url=f"{each.url} {place}") for place in places for each in tables[place]]
    verdict = overhead.judge(judged, run.steal, run.waited, widest, precision_us, run.seconds)
    verdict = run.ending.mark(verdict, run.remarks)
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
        unlike=unlike(inside, comparison.Conditions(Environment(**machine), rehearsal.service, plan)) if inside else (),
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
    """Return the conditions, other than the wire itself, in which the two differ."""
    lines = comparison.differences(comparison.conditions(*inside), wire)
    return tuple(line for line in lines if not line.startswith(_MEANT))


def reasons(tables: Sequence[Table], server: str) -> list[str]:
    """Return why wire and process differ, a paragraph for each reason."""
    lines = {row.name: row.facts.header_bytes for row in tables[0].rows if row.facts.header_bytes}
    counted = ", ".join(f"{name} {size}" for name, size in lines.items())
    return [
        "Why they differ: over the wire the client sends the line that carries the credential, and the server reads "
        f"it, parses it and makes a string of it ({counted} bytes); in process the string exists already.",
        f"{server.partition(' ')[0]} hands each request to another thread and takes the answer back, under the "
        "interpreter's lock. That is the same for all contenders, and part of anonymous's request. But between two "
        "requests the server, the client and the kernel use the processor's caches, so the same code takes longer "
        "than in a loop of its own.",
        "Python collects garbage when it sees fit, perhaps during a request that is timed; the 25th percentile of a "
        "block leaves such a request out.",
    ]


def _figures(samples: Sequence[Sample]) -> comparison.Figures:
    return comparison.figures(samples[0].entries, [each.blocks for each in samples])


def _beside(change: Change) -> Beside:
    return Beside(change.url, change.name, change.before, change.after, change.difference, change.verdict)
