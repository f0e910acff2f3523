"""What `selftest` found: whether the lab's numbers can be trusted."""

from dataclasses import dataclass
from typing import Any, ClassVar

from benchmarks.results.records.common import Record


@dataclass(frozen=True, slots=True, kw_only=True)
class Selftest(Record):
    """The result of `selftest`.

    `refusals`  misbehaving contender -> why the lab refused it; None: the lab timed it
    `lines`     one for each question: its rate, its bounds, and whether it passed
    `records`   one for each process of the campaign
    """

    command: ClassVar[str] = "selftest"

    seconds: float
    plan: dict[str, int]
    refusals: dict[str, str | None]
    lines: tuple[dict[str, Any], ...]
    records: tuple[Any, ...]
