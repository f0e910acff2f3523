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


@dataclass(frozen=True, slots=True)
class Mean:
    """An estimated mean, or a difference of two, with its standard error and degrees of freedom."""

    estimate: float
    error: float
    degrees_of_freedom: float

    def interval(self, level: float = 0.95) -> Interval:
        reach = _quantile(level, self.degrees_of_freedom) * self.error
        return Interval(self.estimate, self.estimate - reach, self.estimate + reach)


def mean(figures: Sequence[float]) -> Mean:
    """Of at least two independent figures."""
    figures = np.asarray(figures, dtype=float)
    return Mean(float(figures.mean()), float(figures.std(ddof=1)) / sqrt(len(figures)), len(figures) - 1)


def welch(before: Sequence[float], after: Sequence[float]) -> Mean:
    """Mean of `after` minus mean of `before`, which need not scatter alike.

    (B. L. Welch, The generalization of Student's problem when several different population variances are
    involved, Biometrika 34, 1947.)
    """
    one, other = mean(before), mean(after)
    variance = one.error**2 + other.error**2
    scatter = one.error**4 / one.degrees_of_freedom + other.error**4 / other.degrees_of_freedom
    degrees_of_freedom = variance**2 / scatter if scatter else one.degrees_of_freedom + other.degrees_of_freedom
    return Mean(other.estimate - one.estimate, sqrt(variance), degrees_of_freedom)


def t_interval(figures: Sequence[float], level: float = 0.95) -> Interval:
    """Student's interval of the mean of at least two independent figures."""
    return mean(figures).interval(level)


def ratio_interval(above: Sequence[float], below: Sequence[float], level: float = 0.95) -> Interval | None:
    """Fieller's interval of mean(above) / mean(below), where the figures are paired by process.

    It holds every ratio r for which a t test does not tell mean(above - r * below) from zero. None when that
    is no bounded interval: `below` itself is not told from zero. (E. C. Fieller, Some problems in interval
    estimation, Journal of the Royal Statistical Society B 16, 1954.)
    """
    above, below = np.asarray(above, dtype=float), np.asarray(below, dtype=float)
    (aa, ab), (_, bb) = np.cov(above, below, ddof=1) * _quantile(level, len(above) - 1) ** 2 / len(above)
    # The roots of (mean_above - r mean_below)^2 = aa - 2 r ab + r^2 bb.
    square = below.mean() ** 2 - bb
    if square <= 0:
        return None
    middle = above.mean() * below.mean() - ab
    reach = sqrt(max(0.0, middle**2 - square * (above.mean() ** 2 - aa)))
    ratio = above.mean() / below.mean()
    return Interval(float(ratio), float((middle - reach) / square), float((middle + reach) / square))


def _quantile(level: float, degrees_of_freedom: float) -> float:
    """Of Student's t, two-sided."""
    return float(stdtrit(degrees_of_freedom, (1 + level) / 2))
