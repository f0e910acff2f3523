"""Where the curves of two schemes meet, as marks for a matrix and in words."""

from collections.abc import Iterable
from dataclasses import dataclass

from benchmarks.reporting.wording import interval, number
from benchmarks.results.records.flows import Crossing, Flows, Uncrossed
from benchmarks.stats.intervals import Interval

LEGEND = (
    "≥31: the row's scheme is the cheaper one from 31 requests on; <31: with fewer; all, none: at every number of "
    "requests, at none; few, many: with few or with many, from a number that is not known; ?: no difference is shown "
    "with the others."
)


@dataclass(frozen=True, slots=True)
class Mark:
    """Where a scheme is the cheaper one of two. `said`: in words; `kind`: as in page.Field."""

    text: str
    said: str
    kind: str


def marks(record: Flows) -> dict[tuple[str, str], Mark]:
    """Return the mark of every pair of schemes from both sides: (scheme, other) -> Mark."""
    pairs: list[Crossing | Uncrossed] = [*record.crossings, *record.without_crossing]
    return {
        sides: _mark(sides[0], pair)
        for pair in pairs
        for sides in ((pair.first, pair.second), (pair.second, pair.first))
    }


def intervals(crossings: Iterable[Crossing]) -> str:
    """Return the crossings with their intervals, as one phrase."""
    return "; ".join(f"{each.first} and {each.second} at {requests(each)}" for each in crossings)


def requests(crossing: Crossing) -> str:
    """Return the number of requests at which two schemes cost the same, with its interval."""
    if crossing.low is None or crossing.high is None:
        return number(crossing.requests)
    return interval(Interval(crossing.requests, crossing.low, crossing.high))


def _mark(scheme: str, pair: Crossing | Uncrossed) -> Mark:
    with_few, with_many = (
        None if cheaper is None else cheaper == scheme for cheaper in (pair.cheaper_below, pair.cheaper_above)
    )
    if isinstance(pair, Crossing):
        at = f"{pair.requests:,.0f}" if pair.requests >= 9.95 else f"{pair.requests:.1f}"
        if with_many:
            return Mark(f"≥{at}", f"cheaper from {requests(pair)} requests on", "mixed")
        return Mark(f"<{at}", f"cheaper with fewer than {requests(pair)} requests", "mixed")
    return _OTHERS[with_few, with_many]


_UNSHOWN = "no difference is shown"
_OTHERS: dict[tuple[bool | None, bool | None], Mark] = {
    (True, True): Mark("all", "cheaper at every number", "good"),
    (False, False): Mark("none", "costs more at every number", "bad"),
    (True, False): Mark("few", "cheaper with few requests, costs more with many", "mixed"),
    (False, True): Mark("many", "costs more with few requests, cheaper with many", "mixed"),
    (True, None): Mark("few?", f"cheaper with few requests; with many {_UNSHOWN}", ""),
    (None, True): Mark("many?", f"cheaper with many requests; with few {_UNSHOWN}", ""),
    (False, None): Mark("none?", f"costs more with few requests; with many {_UNSHOWN}", ""),
    (None, False): Mark("none?", f"costs more with many requests; with few {_UNSHOWN}", ""),
    (None, None): Mark("?", _UNSHOWN, ""),
}
