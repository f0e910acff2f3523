"""What `versus` found: this checkout against an earlier revision."""

from dataclasses import dataclass
from typing import ClassVar

from benchmarks.messages import Facts
from benchmarks.results.records.measured import ByTurns
from benchmarks.stats.intervals import Interval
from benchmarks.stats.verdicts import Outcome


@dataclass(frozen=True, slots=True)
class Revision:
    """A git revision as it was named, and the whole name of its commit."""

    name: str
    commit: str


@dataclass(frozen=True, slots=True)
class Added:
    """What a contender adds to anonymous's request, at the revision and in this checkout.

    `now`  the verdict on this checkout, compared with the revision
    """

    before: Interval
    after: Interval
    difference: Interval
    now: Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Versus(ByTurns):
    """The result of `versus`: a request of this checkout's service, compared with the revision's.

    `before`, `after`  a request at the revision and in this checkout
    `ratio`            after to before
    `now`              the verdict on this checkout, compared with the revision; it and that of
                       `adds` hold together (Holm)
    `adds`             None: the contender is anonymous
    `control`          this checkout's copy minus this checkout
    `facts`            before, after or again (the copy) -> what is counted of one request
    `unlike`           where the bodies differ; empty: they are equal
    """

    command: ClassVar[str] = "versus"

    revision: Revision
    url: str
    contender: str
    unlike: str
    margin_us: float
    before: Interval
    after: Interval
    difference: Interval
    ratio: Interval | None
    now: Outcome
    adds: Added | None = None
    control: Interval
    facts: dict[str, Facts]
