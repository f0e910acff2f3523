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

    All but `after` are None if the revision was not measured.
    """

    before: Interval | None
    after: Interval
    difference: Interval | None
    now: Outcome | None


@dataclass(frozen=True, slots=True)
class Class:
    """A contender that comes from somebody's repository, which `--of` names.

    `scheme`       package.module:SCHEME
    `head`         the commit of its working tree, against which the revision is the base
    `uncommitted`  whether the working tree differs from that commit
    `no_base`      why only the head was measured; empty: the base was measured too
    """

    scheme: str
    head: str
    uncommitted: bool
    no_base: str = ""

    @property
    def words(self) -> str:
        """Return what the head is called."""
        return f"{self.head[:12]}{' with uncommitted changes' if self.uncommitted else ''}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Versus(ByTurns):
    """The result of `versus`: a request of this checkout's service, compared with the revision's.

    If there is `of`, the contender's package is compared instead: at a revision of its repository,
    and in that repository's working tree. This checkout's service is the same on both sides. The
    control is what a copy of the working tree's package adds minus what the package itself adds.

    `before`, `after`  a request at the revision and in this checkout
    `ratio`            after to before
    `now`              the verdict on this checkout, compared with the revision; it and that of
                       `adds` hold together (Holm)
    `adds`             None: the contender is anonymous
    `control`          this checkout's copy minus this checkout
    `facts`            before, after or again (the copy) -> what is counted of one request
    `unlike`           where the bodies differ; empty: they are equal
    `of`               None: the service was compared

    `before`, `difference`, `ratio` and `now` are None if the revision was not measured.
    """

    command: ClassVar[str] = "versus"

    revision: Revision
    url: str
    contender: str
    unlike: str
    margin_us: float
    before: Interval | None
    after: Interval
    difference: Interval | None
    ratio: Interval | None
    now: Outcome | None
    adds: Added | None = None
    control: Interval
    facts: dict[str, Facts]
    of: Class | None = None
