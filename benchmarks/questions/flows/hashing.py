"""What the password hashers cost, in words: for the console's table and the report's."""

from collections.abc import Iterable
from dataclasses import dataclass

from benchmarks.reporting.wording import listed, ratio
from benchmarks.results.records.flows import Flows, Hasher
from benchmarks.stats.intervals import Interval


@dataclass(frozen=True, slots=True)
class Row:
    """A hasher's line in a table.

    `login`  a login's time, from the cheapest scheme to the dearest
    `share`  the hash's part of it in percent
    """

    hasher: Hasher
    to_own: str
    login: str
    share: str


def rows(record: Flows) -> list[Row]:
    """Return a line for each hasher."""
    return [_row(each) for each in record.hashers]


def sentences(record: Flows) -> list[str]:
    """Return what an upgrade of Django does to a login, if the service uses Django's default.

    The list is empty if it does not, or if no later release that is known has a dearer default.
    """
    own = next((each for each in record.hashers if each.is_own), None)
    if own is None or not own.default_of:
        return []
    dearer = [each for each in record.hashers if each.default_of and each.iterations > own.iterations]
    if not dearer:
        return []
    ratios = listed(f"{_to_own(each)} times as long with the default of {each.default_of}" for each in dearer)
    first = listed(f"{milliseconds(each.renewal_us)} ms with that of {each.default_of}" for each in dearer)
    return [
        f"A hash takes {ratios}. After the upgrade every login takes that much longer, with every scheme. A user's "
        f"first login then checks the old hash and makes the new one, which takes {first}, and one UPDATE.",
    ]


def milliseconds(us: Interval) -> str:
    """Return an interval in ms, with two decimals if it is below 100 ms."""
    digits = 0 if us.estimate >= 100_000 else 2
    return "{:.{d}f} ({:.{d}f} to {:.{d}f})".format(us.estimate / 1000, us.low / 1000, us.high / 1000, d=digits)


def _row(hasher: Hasher) -> Row:
    logins = [each.estimate for each in hasher.logins_us.values()]
    shares = [100 * hasher.time_us.estimate / login for login in logins]
    return Row(
        hasher,
        _to_own(hasher),
        _range((login / 1000 for login in logins), digits=0),
        _range(shares, digits=1),
    )


def _to_own(hasher: Hasher) -> str:
    if hasher.is_own:
        return "own"
    return ratio(hasher.ratio) if hasher.ratio else "?"


def _range(figures: Iterable[float], digits: int) -> str:
    figures = list(figures)
    low, high = (f"{edge(figures):.{digits}f}" for edge in (min, max))
    return low if low == high else f"{low} to {high}"
