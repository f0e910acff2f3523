"""Can the lab's numbers be trusted? Rates over contests drawn from a campaign, with bounds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.messages import CONTROL
from benchmarks.questions.selftest.campaign import PLANTED, Record, drawn
from benchmarks.stats.intervals import Interval, mean, t_interval
from benchmarks.stats.verdicts import probabilities
from benchmarks.terminal import INCONCLUSIVE

CONTEST = 10  # processes: the fewest that `overhead` uses by default
SMALL, LARGE = PLANTED  # the contenders with planted delays of 2 and 5 µs
LARGE_SECONDS, SMALL_SECONDS = 30, 120  # time of a contest that must find them
MARGIN_US = 2.0  # within it, a planted delay of 5 µs must not be called equivalent to no delay


@dataclass(frozen=True, slots=True)
class Line:
    """One question: it held in `count` of `contests`, and the rate must be in low to high (0 to 1).

    `least`  the fewest contests to judge by: with fewer, an honest lab leaves the bounds too often
    """

    question: str
    count: int
    contests: int
    least: int
    low: float
    high: float

    @property
    def rate(self) -> float:
        return self.count / self.contests if self.contests else float("nan")

    @property
    def passed(self) -> bool | None:
        """Return True if the rate is within its bounds, None with too few contests to tell."""
        return self.low <= self.rate <= self.high if self.contests >= self.least else None


def judge(records: Sequence[Record]) -> list[Line]:
    """Return a line for each question."""
    seconds = float(np.mean([record.seconds for record in records]))
    tens = drawn(records, CONTEST)
    longer = [
        (name, budget, drawn(records, max(CONTEST, int(budget / seconds))), bounds)
        for name, budget, bounds in ((LARGE, LARGE_SECONDS, (0.9, 1.0)), (SMALL, SMALL_SECONDS, (0.8, 1.0)))
    ]
    return [
        _line(
            f"A/A excludes zero ({CONTEST} processes)",
            [interval(contest, CONTROL).excludes(0) for contest in tens],
            least=200,
            bounds=(0.02, 0.08),
        ),
        *(
            _line(
                f"{name} is found in {seconds} s ({len(contests[0]) if contests else 0} processes)",
                [interval(contest, name).low > 0 for contest in contests],
                least=20,
                bounds=bounds,
            )
            for name, seconds, contests, bounds in longer
        ),
        _line(
            "what is planted is found with the wrong sign",
            [interval(contest, name).high < 0 for contest in tens for name in PLANTED],
            least=200,
            bounds=(0.0, 0.0),
        ),
        _line(
            "the interval covers what is planted",
            [not interval(contest, name).excludes(planted(contest, name)) for contest in tens for name in PLANTED],
            least=200,
            bounds=(0.92, 0.98),
        ),
        _line(
            f"A/A is called equivalent within {MARGIN_US:g} µs",
            [_equivalent(contest, CONTROL) for contest in tens],
            least=20,
            bounds=(0.8, 1.0),
        ),
        _line(
            f"{LARGE} is called equivalent to nothing within {MARGIN_US:g} µs",
            [_equivalent(contest, LARGE) for contest in tens],
            least=200,
            bounds=(0.0, 0.05),
        ),
    ]


def verdict(lines: Sequence[Line], refused: Mapping[str, str | None]) -> tuple[str, int]:
    """Return the verdict in words, and the command's exit code."""
    passed = {line.passed for line in lines} | {refusal is not None for refusal in refused.values()}
    if False in passed:
        return "FAILED", 1
    if None in passed:
        return "INCONCLUSIVE: too few contests for some of the bounds", INCONCLUSIVE
    return "passed", 0


def interval(contest: Sequence[Record], name: str) -> Interval:
    """Return what `name` adds to anonymous, over the processes of one contest."""
    return t_interval([record.figures[name] for record in contest])


def planted(contest: Sequence[Record], name: str) -> float:
    """Return the mean of the planted delay in these processes, in µs, by the clock."""
    return float(np.mean([record.planted_us[name] for record in contest]))


def _equivalent(contest: Sequence[Record], name: str) -> bool:
    return probabilities(mean([record.figures[name] for record in contest]), MARGIN_US)[1] < 0.05


def _line(question: str, held: Sequence[bool], least: int, bounds: tuple[float, float]) -> Line:
    return Line(question, sum(held), len(held), least, *bounds)
