"""Contests: two contenders, their difference, and a verdict that holds among all contests of a run.

Each contest tests two hypotheses. Student's t tests that there is no difference. Two one-sided t
tests test that there is a difference of the margin or more (D. J. Schuirmann, A comparison of the
two one-sided tests procedure and the power approach, Journal of Pharmacokinetics and
Biopharmaceutics 15, 1987). The probability that any verdict of a run is wrong is at most 5 %, by
Holm's procedure (S. Holm, A simple sequentially rejective multiple test procedure, Scandinavian
Journal of Statistics 6, 1979). It uses that at most one of a contest's two hypotheses is true
(J. P. Shaffer, Modified sequentially rejective multiple test procedures, Journal of the American
Statistical Association 81, 1986).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np
from scipy.special import stdtr

from benchmarks.stats.intervals import Figures, Interval, Mean, mean

Outcome = Literal["faster", "slower", "equivalent", "inconclusive"]
FASTER: Outcome = "faster"
SLOWER: Outcome = "slower"
EQUIVALENT: Outcome = "equivalent"
INCONCLUSIVE: Outcome = "inconclusive"
ERROR = 0.05  # of all contests together


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a run can be trusted.

    `reasons`    if not, why, a clause each
    `remarks`    sentences: what the machine's load did to the figures, and what would make the run
                 conclusive
    `exit_code`  of a run that ended early: 128 and the signal, or 1; 0: it did not
    """

    conclusive: bool
    reasons: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    exit_code: int = 0

    @classmethod
    def of(cls, reasons: Iterable[str], remarks: Iterable[str] = ()) -> "Verdict":
        """Return the verdict on a run against which there are these reasons."""
        reasons = tuple(reasons)
        return cls(not reasons, reasons, tuple(dict.fromkeys(remarks)))


@dataclass(frozen=True, slots=True)
class Contest:
    """Two contenders and the verdict on their difference.

    `difference`  how much longer the second takes than the first, in µs, with its own 95 % interval
    `verdict`     what the first is, compared with the second: FASTER, SLOWER, EQUIVALENT or
                  INCONCLUSIVE; a proven difference below the margin is EQUIVALENT
    """

    first: str
    second: str
    difference: Interval
    verdict: Outcome

    def reversed(self) -> "Contest":
        """Return the same contest, seen from the second contender."""
        swapped: dict[Outcome, Outcome] = {FASTER: SLOWER, SLOWER: FASTER}
        return Contest(self.second, self.first, self.difference.negated(), swapped.get(self.verdict, self.verdict))


def contests(figures: Mapping[str, Figures], margin_us: float) -> tuple[Contest, ...]:
    """Return a contest for every pair of contenders.

    `figures` has one figure in µs for each process, in the same order for all contenders.
    """
    pairs = list(combinations(figures, 2))
    differences = [mean(np.subtract(figures[second], figures[first])) for first, second in pairs]
    return tuple(
        Contest(*pair, difference.interval(), verdict)
        for pair, difference, verdict in zip(pairs, differences, judge(differences, margin_us), strict=True)
    )


def judge(differences: Sequence[Mean], margin_us: float) -> list[Outcome]:
    """Return a verdict on what is subtracted in each difference, in µs: FASTER, SLOWER, …"""
    rejected = holm([p for difference in differences for p in probabilities(difference, margin_us)])
    return [
        _verdict(difference.estimate, *rejected[2 * index : 2 * index + 2])
        for index, difference in enumerate(differences)
    ]


def probabilities(difference: Mean, margin_us: float) -> tuple[float, float]:
    """Return the p values of "there is no difference" and "there is one of `margin_us` or more"."""
    size = abs(difference.estimate)
    if difference.standard_error == 0:
        return float(size == 0), float(size >= margin_us)
    return (
        float(2 * stdtr(difference.degrees_of_freedom, -size / difference.standard_error)),
        float(stdtr(difference.degrees_of_freedom, (size - margin_us) / difference.standard_error)),
    )


def holm(p_values: Sequence[float]) -> list[bool]:
    """Return which hypotheses are rejected. At most one of each pair (0, 1), (2, 3), … is true."""
    rejected = [False] * len(p_values)
    for step, index in enumerate(np.argsort(p_values, kind="stable")):
        may_be_true = min(len(p_values) // 2, len(p_values) - step)
        if p_values[index] * may_be_true > ERROR:
            break
        rejected[index] = True
    return rejected


def _verdict(estimate: float, differs: bool, within_margin: bool) -> Outcome:
    if within_margin:
        return EQUIVALENT
    if differs:
        return FASTER if estimate > 0 else SLOWER
    return INCONCLUSIVE
