"""What a scheme costs against how soon it can be revoked: which schemes are the best at neither?"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from benchmarks.intervals import Interval
from benchmarks.reported import Cell, Contest, End, Revocation, Table
from benchmarks.wording import duration

EVENTS = ("logout", "password change", "deactivation")


@dataclass(frozen=True, slots=True)
class Standing:
    """A scheme at one URL.

    `overhead`      in microseconds
    `seconds`       from the worst of the events until nothing is answered any more; infinite: never
    `worst`         the events that take so long
    `dominated_by`  schemes that are revoked as soon at least and cost no more, and are better at one of the two
    """

    name: str
    overhead: Interval
    seconds: float
    delay: str
    worst: tuple[str, ...]
    dominated_by: tuple[str, ...] = ()


def seconds_to_revoke(cell: Cell, access_seconds: float | None) -> float | None:
    """Until neither the credential nor its refresh token is answered. None: the scheme has no such event."""
    ends = [end for end in (cell, cell.refresh) if end is not None and end.kind != "-"]
    return max((_seconds(end, access_seconds) for end in ends), default=None)


def standings(table: Table, revocation: Revocation, events: Sequence[str] = EVENTS) -> list[Standing]:
    """One for each scheme that both results have, cheapest first."""
    lives = {life.scheme: life for life in revocation.rows}
    found = []
    for row in table.rows:
        if row.name not in lives:
            continue
        life = lives[row.name]
        seconds = {name: seconds_to_revoke(life.cells[name], life.access_seconds) for name in events if name in life.cells}
        seconds = {name: value for name, value in seconds.items() if value is not None}
        if not seconds:
            continue
        longest = max(seconds.values())
        worst = tuple(name for name, value in seconds.items() if value == longest and value > 0)
        found.append(Standing(row.name, row.overhead, longest, delay(longest, life.access_seconds), worst))
    return sorted((_judged(one, found, table) for one in found), key=lambda one: one.overhead.estimate)


def delay(seconds: float, access_seconds: float | None) -> str:
    if seconds == 0:
        return "at once"
    if seconds == math.inf:
        return "never"
    if seconds == access_seconds:
        return f"at access expiry ({duration(seconds)})"
    return f"within {duration(seconds)}"


def verdicts(table: Table) -> dict[tuple[str, str], Contest]:
    """Every contest of the table, from both sides: (first, second) -> Contest."""
    return {(each.first, each.second): each for contest in table.contests for each in (contest, contest.reversed())}


def _seconds(end: End, access_seconds: float | None) -> float:
    return {
        "at once": 0.0,
        "within": end.seconds,
        "at access expiry": access_seconds,
        "never": math.inf,
    }[end.kind]


def _judged(one: Standing, all: Sequence[Standing], table: Table) -> Standing:
    contests = verdicts(table)
    return replace(one, dominated_by=tuple(other.name for other in all if _dominates(other, one, contests)))


def _dominates(one: Standing, other: Standing, contests: dict[tuple[str, str], Contest]) -> bool:
    """What a contest left open dominates nothing. Without a contest, the intervals must not touch."""
    contest = contests.get((one.name, other.name))
    if contest is not None:
        cheaper, no_dearer = contest.verdict == "faster", contest.verdict in ("faster", "equivalent")
    else:
        cheaper = no_dearer = one.overhead.high < other.overhead.low
    sooner, no_later = one.seconds < other.seconds, one.seconds <= other.seconds
    return no_dearer and no_later and (cheaper or sooner)
