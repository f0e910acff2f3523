"""What `instructions` found: the processor instructions that a request of each scheme takes."""

from dataclasses import dataclass
from typing import ClassVar

from benchmarks.results.records.common import Record


@dataclass(frozen=True, slots=True)
class Counted:
    """A scheme's count, the mean of the runs, and what it takes over anonymous's count.

    `repeats_to`  by how much the runs differ in the latter, as a share of it
    """

    scheme: str
    instructions_per_request: float
    over_anonymous: float
    repeats_to: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Instructions(Record):
    """The result of `instructions`.

    `valgrind`  its version; None: it is not installed, and nothing was counted
    `requests`  how many requests the two processes of a contender did
    `runs`      contender -> instructions of one request, for each run
    """

    command: ClassVar[str] = "instructions"

    seconds: float | None = None
    valgrind: str | None
    url: str
    requests: tuple[int, int] | None = None
    rows: tuple[Counted, ...]
    runs: tuple[dict[str, float], ...] = ()
