"""Intervals from one figure per process: it is the unit of replication, not the request."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

Figures = Sequence[float] | NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with its confidence interval."""

    estimate: float
    low: float
    high: float

    @property
    def half_width(self) -> float:
        return (self.high - self.low) / 2

    def divided(self, by: float) -> "Interval":
        """Return the interval in a unit that is `by` times as large."""
        return Interval(self.estimate / by, self.low / by, self.high / by)

    def negated(self) -> "Interval":
        """Return the interval of the same difference, taken the other way round."""
        return Interval(-self.estimate, -self.high, -self.low)

    def excludes(self, value: float) -> bool:
        return not self.low <= value <= self.high


@dataclass(frozen=True, slots=True)
class Mean:
    """An estimated mean, or a difference of two, with its standard error and degrees of freedom."""

    estimate: float
    standard_error: float
    degrees_of_freedom: float

    def interval(self, level: float = 0.95) -> Interval:
        reach = _quantile(level, self.degrees_of_freedom) * self.standard_error
        return Interval(self.estimate, self.estimate - reach, self.estimate + reach)


def mean(figures: Figures) -> Mean:
    """Return the mean of at least two independent figures."""
    array = np.asarray(figures, dtype=float)
    return Mean(float(array.mean()), float(array.std(ddof=1)) / sqrt(len(array)), len(array) - 1)


def welch(before: Figures, after: Figures) -> Mean:
    """Return the mean of `after` minus the mean of `before`, whose variances may differ.

    (B. L. Welch, The generalization of Student's problem when several different population
    variances are involved, Biometrika 34, 1947.)
    """
    one, other = mean(before), mean(after)
    variance = one.standard_error**2 + other.standard_error**2
    scatter = one.standard_error**4 / one.degrees_of_freedom + other.standard_error**4 / other.degrees_of_freedom
    degrees_of_freedom = variance**2 / scatter if scatter else one.degrees_of_freedom + other.degrees_of_freedom
    return Mean(other.estimate - one.estimate, sqrt(variance), degrees_of_freedom)


def t_interval(figures: Figures, level: float = 0.95) -> Interval:
    """Return Student's interval of the mean of at least two independent figures."""
    return mean(figures).interval(level)


def ratio_interval(numerators: Figures, denominators: Figures, level: float = 0.95) -> Interval | None:
    """Return Fieller's interval of mean(numerators) / mean(denominators), paired by process.

    It contains every ratio r for which a t test cannot tell mean(numerators - r * denominators)
    from zero. Return None where it is not bounded: a t test cannot tell the denominator from zero.
    (E. C. Fieller, Some problems in interval estimation, Journal of the Royal Statistical Society B
    16, 1954.)
    """
    above, below = np.asarray(numerators, dtype=float), np.asarray(denominators, dtype=float)
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
    """Return the two-sided quantile of Student's t."""
    return float(stdtrit(degrees_of_freedom, (1 + level) / 2))
