"""What `compare` found: changes between two runs of `overhead` or of `scale tracks`."""

from dataclasses import dataclass
from typing import ClassVar

from benchmarks.results.records.common import Environment, Record
from benchmarks.stats.intervals import Interval
from benchmarks.stats.verdicts import Outcome, Verdict

# The command whose results are compared -> what is shown of them, and in how many microseconds.
SHOWN = {
    "overhead": ("Anonymous: its request; all others: what they add; in µs", 1),
    "scale tracks": ("A request for a page or a search among so many tracks; in ms", 1000),
}


@dataclass(frozen=True, slots=True)
class Change:
    """What changed for one contender at one URL: for anonymous its request, else what it adds.

    Among tracks, `name` is their number, and what changed is the request.

    `difference`  after minus before
    `verdict`     on the contender as it was before, compared with now
    """

    url: str
    name: str
    before: Interval
    after: Interval
    difference: Interval
    verdict: Outcome


@dataclass(frozen=True, slots=True)
class Run:
    """One of the two runs."""

    file: str
    date: str
    environment: Environment


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison(Record):
    """The result of `compare`.

    `of`            the command whose results they are
    `unlike`        conditions in which the runs differ
    `versions`      packages and commits that differ, which may be the cause of a change
    `inconclusive`  why the runs are inconclusive by themselves, a line for each reason
    """

    command: ClassVar[str] = "compare"

    of: str = "overhead"
    before: Run
    after: Run
    unlike: tuple[str, ...]
    versions: tuple[str, ...]
    margin_us: float
    inconclusive: tuple[str, ...]
    changes: tuple[Change, ...]

    @property
    def verdict(self) -> Verdict:
        """Return True if the comparison can be trusted."""
        return Verdict.of((*self.inconclusive, *(f"unlike environments: {line}" for line in self.unlike)))
