"""What `wire` found: the cost that each scheme adds to a request over HTTP."""

from dataclasses import dataclass
from typing import ClassVar

from benchmarks.results.records.measured import Turn
from benchmarks.results.records.overhead import Tabulated
from benchmarks.stats.intervals import Interval
from benchmarks.stats.verdicts import Outcome


@dataclass(frozen=True, slots=True)
class Beside:
    """What a contender adds in process and over the wire; for anonymous, its whole request.

    `difference`  wire minus in process
    `verdict`     on the contender in process, compared with itself over the wire; the verdicts
                  hold for all rows of a run together (Holm)
    """

    url: str
    name: str
    in_process: Interval
    wire: Interval
    difference: Interval
    verdict: Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Wire(Tabulated):
    """The result of `wire`; `tables` are of the wire.

    `beside_file`  the result of `overhead` that it was compared with; None: measured in the run
    `unlike`       conditions in which the two differ, which makes them hard to compare
    """

    command: ClassVar[str] = "wire"

    beside: tuple[Beside, ...]
    beside_file: str | None = None
    unlike: tuple[str, ...] = ()
    turns: tuple[Turn, ...]
