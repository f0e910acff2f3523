"""Fresh processes in turns: each turn has one process for each of several places, all alike.

No process can time two databases, two versions of the service or two ways of asking it. So their
processes alternate, in the orders of a balanced design. All processes of a turn have the same hash
seed and the same orders of blocks, and run at about the same time, so these affect all places
alike. The turn is the unit of replication, and figures are paired within it.
"""

import os
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random

from benchmarks.databases.scratch import Database
from benchmarks.messages import Assignment, Blocks, Sample
from benchmarks.processes import environment, runs, start
from benchmarks.processes.ending import Ending, kept
from benchmarks.stats import overhead
from benchmarks.stats.design import endless
from benchmarks.terminal import Watcher


@dataclass(frozen=True, slots=True)
class Place:
    """Where a process times: on which database, which service, and by which way of asking.

    `database`  has been filled
    `service`   the folder of the service's packages; None: those of this checkout
    `server`    as in Assignment; empty: the handler is called in process
    `worker`    the module that times
    `imports`   the folder of packages that a contender comes from; None: of this checkout
    """

    database: Database
    service: Path | None = None
    server: str = ""
    worker: str = start.TIMING_WORKER
    imports: Path | None = None


@dataclass(frozen=True, slots=True)
class Turn:
    """One sample of each place, in the order of the turn.

    `hash_seed`  PYTHONHASHSEED of their processes
    `seed`       the seed of their orders of blocks
    """

    hash_seed: int
    seed: int
    samples: dict[str, Sample]


@dataclass(frozen=True, slots=True)
class Run:
    """What a run by turns found.

    `rehearsals`  one for each place, without rounds
    `steal`       as environment.steal() returns it
    `seconds`     how long it took
    `remarks`     why it has so few turns
    """

    rounds: dict[str, int]
    rehearsals: dict[str, Sample]
    turns: tuple[Turn, ...]
    steal: float | None
    load_average: tuple[float, ...]
    seconds: float | None = None
    remarks: tuple[str, ...] = ()
    ending: Ending = field(default_factory=Ending)

    @property
    def waited(self) -> float:
        """Return the share of their time (0 to 1) that the processes waited for a processor."""
        waited = [sample.waited for turn in self.turns for sample in turn.samples.values()]
        return sum(waited) / len(waited)

    @property
    def disturbed(self) -> float | None:
        """Return the share of blocks (0 to 1) that stayed disturbed; None: it cannot be told."""
        return overhead.disturbed([sample for turn in self.turns for sample in turn.samples.values()])

    def samples(self, place: str) -> list[Sample]:
        """Return the samples of a place, one for each turn."""
        return [turn.samples[place] for turn in self.turns]

    def figures(self, place: str, url: str, figure: Callable[[Blocks], float]) -> list[float]:
        """Return a figure of a place's blocks at a URL, one for each turn."""
        return [figure(sample.blocks[url]) for sample in self.samples(place)]


def run(
    assignment: Assignment,
    places: Mapping[str, Place],
    count: int | None,
    end: float | None,
    rounds: int | None,
    watcher: Watcher,
    precision_us: float | None = None,
) -> Run:
    """Do `assignment` at every place in `count` turns, and in more until `end`.

    `count`         None: as runs.plan() finds
    `end`           time.monotonic() in seconds; None: no further turn
    `rounds`        for each URL; None: as many as stats/rounds.py finds best
    `precision_us`  no further turn once the widest interval of the first place reaches no further

    The rounds, seed and server of `assignment` itself do not count. Raises WorkerRefusedError or
    WorkerFailedError.
    """
    begin = time.monotonic()
    # A rehearsal differs only in its rounds. It shows what a process costs, and proves the
    # contenders.
    rehearsed = replace(assignment, rounds=dict.fromkeys(assignment.rounds, 0))
    rehearsals = {name: _work(rehearsed, place, 0, watcher) for name, place in places.items()}
    audits = sum(sample.audit_seconds for sample in rehearsals.values())
    process_seconds = (time.monotonic() - begin - audits) / len(places)
    # A turn has a process, and so a round at each URL, for each place.
    turn_seconds = process_seconds * len(places)
    slowest = {
        url: len(places) * max(each.round_seconds[url] for each in rehearsals.values()) for url in assignment.rounds
    }
    contenders = len(next(iter(rehearsals.values())).entries)
    plan = runs.plan(count, slowest, contenders, turn_seconds, end, rounds)

    before = environment.processor_time()
    orders = endless(list(places), Random(secrets.randbits(64)))
    turns: list[Turn] = []

    def is_narrow() -> bool:
        return bool(precision_us) and _widest(turns, next(iter(places))) <= precision_us

    with kept(turns, "turns") as ending:
        for _ in runs.repetitions(plan.count, end, turn_seconds, watcher, is_narrow, plan.fewest):
            hash_seed, seed = secrets.randbelow(2**32), secrets.randbelow(2**32)
            seeded = replace(assignment, rounds=plan.rounds, seed=seed)
            samples = {name: _work(seeded, places[name], hash_seed, watcher) for name in next(orders)}
            turns.append(Turn(hash_seed, seed, samples))
    steal = environment.steal(before, environment.processor_time())
    for name, rehearsal in rehearsals.items():
        start.refuse_growth(rehearsal, [turn.samples[name] for turn in turns])
    return Run(
        plan.rounds,
        rehearsals,
        tuple(turns),
        steal,
        os.getloadavg(),
        time.monotonic() - begin,
        runs.remarks(count, len(turns), end),
        ending,
    )


def _work(assignment: Assignment, place: Place, hash_seed: int, watcher: Watcher) -> Sample:
    assignment = replace(assignment, server=place.server)
    return start.work(
        assignment,
        place.database,
        hash_seed,
        lambda _: watcher.tick(),
        place.service,
        place.worker,
        place.imports,
    )


def _widest(turns: Sequence[Turn], place: str) -> float:
    return overhead.widest([turn.samples[place] for turn in turns])
