"""What `versus` found: this checkout against an earlier revision."""

from dataclasses import dataclass
from typing import ClassVar

from benchmarks.messages import Facts
from benchmarks.results.records.common import Record
from benchmarks.stats.intervals import Interval
from benchmarks.stats.verdicts import Outcome, Verdict


@dataclass(frozen=True, slots=True)
class Revision:
    name: str
    commit: str


@dataclass(frozen=True, slots=True)
class Versus(Record):
    """`before`: a request of the service at the revision; `after`: of this checkout's. `ratio`: after to before.

    `now`      what the checkout is, compared with the revision
    `control`  this checkout's copy minus this checkout
    `unlike`   where their bodies part; empty: they are the same
    """

    command: ClassVar[str] = "versus"

    revision: Revision
    url: str
    contender: str
    before: Interval
    after: Interval
    difference: Interval
    ratio: Interval | None
    now: Outcome
    control: Interval
    facts: dict[str, Facts]
    margin_us: float
    verdict: Verdict
    unlike: str = ""
