"""What a run of `python -m benchmarks wire` answers: what each scheme adds over HTTP, and beside it in process.

All times are in microseconds. A process's figure over the wire is made as that of `overhead` (see analysis.py), of
what the client's clock says around a request. The run is inconclusive where `overhead` would be, over the wire or in
process.

Processes over the wire and in process are not paired: their difference is Welch's, as between two runs of `overhead`.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from benchmarks.databases.scratch import Database
from benchmarks.messages import Sample
from benchmarks.processes.turns import Place, Run
from benchmarks.results import comparison
from benchmarks.results.comparison import Change
from benchmarks.stats import overhead
from benchmarks.stats.intervals import Interval
from benchmarks.stats.overhead import Table, Verdict
from config.schemes import SCHEMES

WIRE, IN_PROCESS = "over the wire", "in process"  # places of a run by turns

WORKER = "benchmarks.questions.wire.worker"

# Where a run on the wire is always unlike one in process, and the reasons below say so.
_MEANT = "garbage_collection: "


@dataclass(frozen=True, slots=True)
class Beside:
    """What a contender adds in process and over the wire, of anonymous its whole request; `difference`: wire minus in
    process.

    `verdict`  what it is in process, compared with the wire: verdicts.FASTER, SLOWER, EQUIVALENT, INCONCLUSIVE; all of
               a run hold together (Holm)
    """

    url: str
    name: str
    in_process: Interval
    wire: Interval
    difference: Interval
    verdict: str


@dataclass(frozen=True, slots=True)
class Answer:
    """`tables` as `overhead` has them; `widest_us` as analysis.widest(), both over the wire."""

    tables: list[Table]
    widest_us: float
    beside: tuple[Beside, ...]
    verdict: Verdict


def places(database: Database, server: str, result: dict[str, Any] | None) -> dict[str, Place]:
    """The server's, and one in process unless there is the `result` of an `overhead` run to stand beside it."""
    return {WIRE: Place(database, server=server, worker=WORKER), **({} if result else {IN_PROCESS: Place(database)})}


def analyse(run: Run, drop: int, margin_us: float, precision_us: float | None, result: dict[str, Any] | None) -> Answer:
    """Of a run at `places`.

    Raises comparison.UnlikeError where that result has nothing in common with the run.
    """
    places = (WIRE,) if result else (WIRE, IN_PROCESS)
    facts = run.rehearsals[WIRE].facts
    tables = {
        place: overhead.tabulate(run.samples(place), facts, drop, margin_us, SCHEMES, len(places) * len(facts))
        for place in places
    }
    widest = overhead.widest(run.samples(WIRE))
    judged = [replace(each, url=f"{each.url} {place}") for place in places for each in tables[place]]
    verdict = overhead.judge(judged, run.steal, run.waited, widest, precision_us)
    inside = result or _document(run.samples(IN_PROCESS))
    changes = comparison.compare(inside, _document(run.samples(WIRE)), margin_us)
    return Answer(tables[WIRE], widest, tuple(map(_beside, changes)), verdict)


def unlike(result: dict[str, Any], document: dict[str, Any]) -> list[str]:
    """What else is different between the two than the wire, a line each: the result of an `overhead` run, and one of
    this command."""
    return [line for line in comparison.differences(result, document) if not line.startswith(_MEANT)]


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


def _document(samples: Sequence[Sample]) -> dict[str, Any]:
    """As comparison.compare() reads it."""
    return {
        "tables": [{"url": url} for url in samples[0].facts],
        "contenders": [asdict(entry) for entry in samples[0].entries],
        "processes": [{"blocks": {url: asdict(blocks) for url, blocks in each.blocks.items()}} for each in samples],
    }


def _beside(change: Change) -> Beside:
    return Beside(change.url, change.name, change.before, change.after, change.difference, change.verdict)
