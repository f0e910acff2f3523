"""Cost against time to revoke: which schemes does another one beat at both?"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from benchmarks.reporting.wording import duration
from benchmarks.results.records.revocation import Cell, End, Ends, Revocation
from benchmarks.stats.intervals import Interval
from benchmarks.stats.overhead import Table
from benchmarks.stats.verdicts import Contest

EVENTS = ("logout", "password change", "deactivation")


@dataclass(frozen=True, slots=True)
class Worst:
    """The time until a scheme's credentials are refused, after the `events` that take longest.

    `seconds`  infinite: never
    `delay`    the same time in words
    """

    seconds: float
    delay: str
    events: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Standing:
    """A scheme at one URL.

    `overhead`      in microseconds
    `seconds`       from the slowest event until all its credentials are refused; infinite: never
    `delay`         the same time in words
    `worst`         the events that take this long
    `dominated_by`  schemes that are revoked as soon or sooner and cost no more, and that are
                    better at one of the two
    """

    name: str
    overhead: Interval
    seconds: float
    delay: str
    worst: tuple[str, ...]
    dominated_by: tuple[str, ...] = ()


def standings(
    table: Table, revocation: Revocation, events: Sequence[str] = EVENTS, *, elsewhere: bool = True
) -> list[Standing]:
    """Return the standing of each scheme that both results have and to which an event applies.

    The cheapest comes first. The time to revoke is that of the slowest process, without Valkey;
    without `elsewhere`, that of the process in which the event happened.
    """
    slowest = worst(revocation, events, elsewhere=elsewhere)
    found = [
        Standing(row.name, row.overhead, each.seconds, each.delay, each.events)
        for row in table.rows
        if (each := slowest.get(row.name)) is not None
    ]
    return sorted((_judged(one, found, table) for one in found), key=lambda one: one.overhead.estimate)


def worst(revocation: Revocation, events: Sequence[str] = EVENTS, *, elsewhere: bool = True) -> dict[str, Worst]:
    """Return the slowest end of each scheme to which an event applies, without Valkey.

    It is that of any process; without `elsewhere`, of the one in which the event happened.
    """
    others = revocation.elsewhere if elsewhere else ()
    cross_process = {(each.scheme, each.event): each.alone for each in others}
    found = {}
    for row in revocation.rows:
        ends = {
            name: last(row.cells[name], row, cross_process.get((row.scheme, name)))
            for name in events
            if name in row.cells
        }
        ends = {name: end for name, end in ends.items() if end is not None}
        if ends:
            slowest = max(ends.values(), key=lambda end: seconds(end, row))
            names = tuple(name for name, end in ends.items() if seconds(end, row) == seconds(slowest, row) > 0)
            found[row.scheme] = Worst(seconds(slowest, row), delay(slowest, row), names)
    return found


def last(cell: Cell, row: Ends, other: End | None = None) -> End | None:
    """Return the end that comes last: credential in this or the other process, or refresh token.

    None: the event does not apply.
    """
    ends = [end for end in (cell, cell.refresh, other) if end is not None and end.kind != "-"]
    return max(ends, key=lambda end: seconds(end, row), default=None)


def seconds(end: End, row: Ends) -> float:
    """Return the seconds from the event until the token is refused."""
    lifetimes = {"at access expiry": row.access_seconds, "at refresh expiry": row.refresh_seconds}
    if end.kind in lifetimes:
        known = lifetimes[end.kind] if end.seconds is None else end.seconds
        return math.inf if known is None else known
    return {"at once": 0.0, "within": end.seconds, "never": math.inf}[end.kind]


def delay(end: End, row: Ends) -> str:
    """Return the time in words: `end.kind`, and the seconds that it leaves open."""
    if end.kind == "within":
        return f"within {duration(end.seconds)}"
    if end.kind in ("at access expiry", "at refresh expiry") and seconds(end, row) < math.inf:
        return f"{end.kind} ({duration(seconds(end, row))})"
    return end.kind


def kind(seconds: float) -> str:
    """Return the Field.kind of a time to revoke."""
    return {0.0: "good", math.inf: "bad"}.get(seconds, "mixed")


def verdicts(table: Table) -> dict[tuple[str, str], Contest]:
    """Return every contest of the table from both sides: (first, second) -> Contest."""
    return {(each.first, each.second): each for contest in table.contests for each in (contest, contest.reversed())}


def _judged(one: Standing, all: Sequence[Standing], table: Table) -> Standing:
    contests = verdicts(table)
    return replace(one, dominated_by=tuple(other.name for other in all if _dominates(other, one, contests)))


def _dominates(one: Standing, other: Standing, contests: dict[tuple[str, str], Contest]) -> bool:
    """Return True if `one` beats `other`.

    An inconclusive contest beats nothing. Without a contest, the intervals must not touch.
    """
    contest = contests.get((one.name, other.name))
    if contest is not None:
        cheaper, no_dearer = contest.verdict == "faster", contest.verdict in ("faster", "equivalent")
    else:
        cheaper = no_dearer = one.overhead.high < other.overhead.low
    sooner, no_later = one.seconds < other.seconds, one.seconds <= other.seconds
    return no_dearer and no_later and (cheaper or sooner)
