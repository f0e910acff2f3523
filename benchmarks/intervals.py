"""Intervals from one figure per process: the unit of replication is the process, not the request."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
from scipy.special import stdtrit


@dataclass(frozen=True, slots=True)
class Interval:
    estimate: float
    low: float
    high: float

    @property
    def half_width(self) -> float:
        return (self.high - self.low) / 2

    def excludes(self, value: float) -> bool:
        return not self.low <= value <= self.high


def t_interval(figures: Sequence[float], level: float = 0.95) -> Interval:
    """Student's interval of the mean of at least two independent figures."""
    figures = np.asarray(figures, dtype=float)
    mean = figures.mean()
    reach = _quantile(level, len(figures)) * figures.std(ddof=1) / sqrt(len(figures))
    return Interval(float(mean), float(mean - reach), float(mean + reach))


def ratio_interval(above: Sequence[float], below: Sequence[float], level: float = 0.95) -> Interval | None:
    """Fieller's interval of mean(above) / mean(below), where the figures are paired by process.

    It holds every ratio r for which a t test does not tell mean(above - r * below) from zero. None when that
    is no bounded interval: `below` itself is not told from zero. (E. C. Fieller, Some problems in interval
    estimation, Journal of the Royal Statistical Society B 16, 1954.)
    """
    above, below = np.asarray(above, dtype=float), np.asarray(below, dtype=float)
    (aa, ab), (_, bb) = np.cov(above, below, ddof=1) * _quantile(level, len(above)) ** 2 / len(above)
    # The roots of (mean_above - r mean_below)^2 = aa - 2 r ab + r^2 bb.
    square = below.mean() ** 2 - bb
    if square <= 0:
        return None
    middle = above.mean() * below.mean() - ab
    reach = sqrt(max(0.0, middle**2 - square * (above.mean() ** 2 - aa)))
    ratio = above.mean() / below.mean()
    return Interval(float(ratio), float((middle - reach) / square), float((middle + reach) / square))


def _quantile(level: float, count: int) -> float:
    """Of Student's t with count - 1 degrees of freedom, two-sided."""
    return float(stdtrit(count - 1, (1 + level) / 2))
