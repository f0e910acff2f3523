"""Rates of a contender, turn by turn, and the contender with which all others are compared."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from benchmarks.results.records.load import Series


@dataclass(frozen=True, slots=True)
class Contender:
    """`distance_ms`: how far the database is away; None: as near as it is."""

    scheme: str
    server: str
    distance_ms: float | None = None

    @property
    def name(self) -> str:
        away = "" if self.distance_ms is None else f", {self.distance_ms:g} ms away"
        return f"{self.scheme} on {self.server}{away}"


STOCK = Contender("drf-token", "gunicorn")  # what all others are compared with


def ratios(ones: Sequence[Series], others: Sequence[Series], figure: Callable[[Series], float | None]) -> list[float]:
    """Of each turn in which both have that figure: the one's divided by the other's."""
    pairs = [(figure(one), figure(other)) for one, other in zip(ones, others, strict=True)]
    return [one / other for one, other in pairs if one and other]


def at_saturation(series: Series) -> float:
    return series.saturation.per_second


def highest(series: Series) -> float | None:
    return series.highest_per_second


def stock(distance_ms: float | None) -> Contender:
    """Which a contender as far from the database is compared with."""
    return replace(STOCK, distance_ms=distance_ms)


def median(figures: Sequence[float]) -> float | None:
    return statistics.median(figures) if figures else None
