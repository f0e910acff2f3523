"""The fields of the results of timed runs."""

from dataclasses import dataclass
from typing import Any

from benchmarks.messages import Blocks
from benchmarks.results.records.common import Record
from benchmarks.stats.verdicts import Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured(Record):
    """The fields that every timed run has.

    `seconds`  how long the command ran
    `service`  versions, database, connection policy and switches of the service
    `steal`    share of the processors' time that the hypervisor took, 0 to 1; None: unknown
    `verdict`  whether the run can be trusted
    """

    seconds: float
    service: dict[str, Any]
    steal: float | None
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn: PYTHONHASHSEED, the seed of its orders, and place -> URL -> blocks."""

    hash_seed: int
    seed: int
    blocks: dict[str, dict[str, Blocks]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ByTurns(Measured):
    """The fields of a run whose processes alternate between places.

    `waited`              share of their time that the processes waited for a processor, 0 to 1
    `disturbed`           as in Tabulated
    `load_average_after`  of the machine, over 1, 5 and 15 minutes
    """

    waited: float
    disturbed: float | None = None
    load_average_after: tuple[float, ...]
    plan: dict[str, Any]
    turns: tuple[Turn, ...]
