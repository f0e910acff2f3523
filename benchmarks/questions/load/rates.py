"""Rates of a contender, turn by turn, and the contender with which all others are compared."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from benchmarks.results.records.load import Loaded, Series, Step
from benchmarks.stats.intervals import Interval, t_interval

PARTS = (0.2, 0.4, 0.6, 0.8, 0.9, 1.0)  # of the rate at saturation

Figure = Callable[[Series], float | None]


@dataclass(frozen=True, slots=True)
class Contender:
    """A scheme on a server.

    `distance_ms`  delay of the database's answers; None: none is added
    `again`        whether it is the A/A control, a second series of the stock contender
    """

    scheme: str
    server: str
    distance_ms: float | None = None
    again: bool = False

    @property
    def name(self) -> str:
        """Return the name in tables and results."""
        away = "" if self.distance_ms is None else f", {self.distance_ms:g} ms away"
        return f"{self.scheme} on {self.server}{away}{', again' if self.again else ''}"


STOCK = Contender("drf-token", "gunicorn")  # all others are compared with it


def stock(distance_ms: float | None) -> Contender:
    """Return the stock contender at this distance from the database."""
    return replace(STOCK, distance_ms=distance_ms)


def ratios(ones: Sequence[Series], others: Sequence[Series], figure: Figure) -> list[float]:
    """Return one's figure divided by the other's, for each turn in which both have it."""
    pairs = [(figure(one), figure(other)) for one, other in zip(ones, others, strict=True)]
    return [one / other for one, other in pairs if one and other]


def ratios_to_stock(each: Loaded, contenders: Sequence[Loaded], figure: Figure) -> list[float] | None:
    """Return the ratios to the stock contender, for every turn; None if a turn lacks one."""
    name = stock(each.distance_ms).name
    other = next((one for one in contenders if one.name == name), None)
    found = [] if other is None else ratios(each.turns, other.turns, figure)
    return found if len(found) == len(each.turns) else None


def ratio_to_stock(each: Loaded, contenders: Sequence[Loaded], figure: Figure) -> Interval | None:
    """Return the mean of those ratios with Student's interval over the turns; None: there are none.

    The interval of a single turn is that turn's ratio alone.
    """
    found = ratios_to_stock(each, contenders, figure)
    if not found:
        return None
    return t_interval(found) if len(found) > 1 else Interval(found[0], found[0], found[0])


def at_saturation(series: Series) -> float:
    """Return the requests per second at saturation."""
    return series.saturation.per_second


def highest(series: Series) -> float | None:
    """Return the highest rate within the bound; None: no rate was."""
    return series.highest_per_second


def at_part(series: Series, part: float) -> Step:
    """Return the step at this part of the rate at saturation."""
    return series.steps[PARTS.index(part)]


def median(figures: Sequence[float]) -> float | None:
    """Return the median; None for no figures."""
    return statistics.median(figures) if figures else None
