"""What grows along a run: statements, memory, time. Its figure depends on how long the run was.

Statements and memory are counted, so their rules have no error rate. Time scatters: a contender
slows along the run if what it adds grows from the first round of a process to the last, or from the
first process to the last, by more than a quarter of itself and by more than half a percent of
anonymous's request, while its request also grows in relation to anonymous's. The second condition
leaves out a machine that becomes slower and slows all requests alike. A machine that becomes busier
does not: cold caches slow a long request more. So the trend from process to process does not count
if the later half of the processes waited more for a processor than the earlier one. Each is a
one-sided t test over the processes. A run of honest contenders is refused with a probability of at
most ERROR, shared among all contenders, URLs and tests (Bonferroni), if their times scatter
independently.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr

from benchmarks.messages import ANONYMOUS, REFERENCES, Facts, Sample
from benchmarks.stats.intervals import Figures, Mean, mean
from benchmarks.stats.overhead import MATTERS

ERROR = 0.001  # of all tests of a run together
SHARE = 0.25  # of what a contender adds, by which that may grow
LEAST_BYTES = 48  # of one request: an empty string
# Bytes by which memory may grow in all: each of two connections to SQLite keeps up to 200 weak
# references to cursors, and the listener of jwt-pushed has one.
BOUNDED = 40_000
FEWEST = 4  # processes in which a trend from the first to the last can be seen
BUSIER = 0.02  # of a process's time, by which the later half of the processes may wait more


@dataclass(frozen=True, slots=True)
class _Trend:
    """How far what a contender adds grew along the run.

    `microseconds`  its estimate
    `relative`      the same as a share of what it adds
    `share`         the growth of its request in relation to anonymous's
    """

    microseconds: float
    relative: Mean
    share: Mean


def of_statements(counts: Sequence[int]) -> str | None:
    """Return what is wrong with the statements of consecutive requests; None: nothing.

    One request may send more than the others, as a class does that notes once an hour when a
    credential was last used.
    """
    fewest = min(counts)
    more = [number for number, count in enumerate(counts, 1) if count > fewest]
    if len(more) < 2:
        return None
    return (
        f"sends {fewest} to {max(counts)} SQL statements in {len(counts)} equal requests, more than {fewest} in "
        f"{len(more)} of them; the number must not grow"
    )


def of_memory(grown: int, requests: int) -> str | None:
    """Return what is wrong if so many requests keep `grown` bytes; None: nothing."""
    if grown < max(LEAST_BYTES * requests, BOUNDED):
        return None
    return f"keeps {grown / requests:,.0f} bytes more after each of {requests} equal requests; memory must not grow"


def faults(facts: Mapping[str, Mapping[str, Facts]], samples: Sequence[Sample]) -> list[str]:
    """Return what grew from process to process, or from round to round, a sentence each.

    `facts`    URL -> contender -> Facts, as the rehearsal counted them
    `samples`  in the order in which they were taken
    """
    found = []
    for url, counted in facts.items():
        for name, first in counted.items():
            if name in REFERENCES:
                continue
            statements = [first.sql_statements, *(sample.facts[url][name].sql_statements for sample in samples)]
            if _steps_up(statements):
                found.append(
                    f"{name} at {url}: sends {statements[0]} SQL statements in the first process and "
                    f"{statements[-1]} in the last; the number must not grow"
                )
    return [*found, *_slower(samples)]


def _steps_up(counts: Sequence[int]) -> bool:
    half = len(counts) // 2
    return len(counts) >= FEWEST and max(counts[:half]) < min(counts[-half:])


def _slower(samples: Sequence[Sample]) -> list[str]:
    timed = [
        (url, name) for url, blocks in samples[0].blocks.items() for name in blocks.p25_ns if name not in REFERENCES
    ]
    level, became_busier = ERROR / max(1, 2 * len(timed)), _became_busier(samples)
    found = []
    for url, name in timed:
        of_each = [_differences(sample, url, name) for sample in samples]
        adds = float(np.mean([each.mean() for each, _ in of_each]))
        anonymous = float(np.mean([np.mean(sample.blocks[url].p25_ns[ANONYMOUS]) for sample in samples])) / 1000
        least = MATTERS * anonymous / SHARE
        for words, trend in _trends(of_each, least, became_busier).items():
            probability = max(_probability(trend.relative, SHARE), _probability(trend.share, MATTERS))
            if probability < level:
                found.append(
                    f"{name} at {url}: adds {trend.microseconds:.0f} µs more in the last {words} than in the "
                    f"first, to {adds:.0f} µs on average; what it adds must not grow along the run"
                )
                break
    return found


def _differences(sample: Sample, url: str, name: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return for each round what the contender adds in µs, and the logarithm of its ratio."""
    blocks = sample.blocks[url]
    own, anonymous = np.asarray(blocks.p25_ns[name], float), np.asarray(blocks.p25_ns[ANONYMOUS], float)
    return (own - anonymous) / 1000, np.log(own / anonymous)


def _became_busier(samples: Sequence[Sample]) -> bool:
    waited, half = [sample.waited for sample in samples], len(samples) // 2
    return half > 0 and float(np.mean(waited[-half:]) - np.mean(waited[:half])) > BUSIER


def _trends(
    of_each: Sequence[tuple[NDArray[np.float64], NDArray[np.float64]]], least: float, became_busier: bool
) -> dict[str, _Trend]:
    """Return by how much the figures grew along the rounds and, if they can tell, the processes.

    Each process counts by the share of what it added itself, because on a busy machine some repeat
    many blocks, so that their rounds have more requests. `least` stands for what adds less.
    """
    trends = {}
    added = [max(float(each.mean()), least) for each, _ in of_each]
    if len(of_each) >= 2 and min(len(each) for each, _ in of_each) >= 2:
        rises = [_rise(each) for each, _ in of_each]
        trends["round of a process"] = _Trend(
            float(np.mean(rises)), mean(np.divide(rises, added)), mean([_rise(ratios) for _, ratios in of_each])
        )
    if len(of_each) >= FEWEST and not became_busier:
        line, typical = _line([float(each.mean()) for each, _ in of_each]), float(np.mean(added))
        relative = Mean(line.estimate / typical, line.standard_error / typical, line.degrees_of_freedom)
        trends["process"] = _Trend(line.estimate, relative, _line([float(ratios.mean()) for _, ratios in of_each]))
    return trends


def _rise(figures: Figures) -> float:
    """Return by how much the figures rise from the first to the last.

    The slope is the median over all pairs, which a few disturbed rounds do not move. (P. K. Sen,
    Estimates of the regression coefficient based on Kendall's tau, Journal of the American
    Statistical Association 63, 1968.)
    """
    first, second = np.triu_indices(len(figures), 1)
    array = np.asarray(figures)
    return float(np.median((array[second] - array[first]) / (second - first))) * (len(figures) - 1)


def _line(figures: Figures) -> Mean:
    """Return by how much a straight line through the figures rises from the first to the last."""
    places = np.arange(len(figures)) - (len(figures) - 1) / 2
    slope, level = map(float, np.polyfit(places, figures, 1))
    rest = np.asarray(figures) - level - slope * places
    freedom = len(figures) - 2
    error = float(np.sqrt((rest**2).sum() / freedom / (places**2).sum())) * (len(figures) - 1)
    return Mean(slope * (len(figures) - 1), error, freedom)


def _probability(grown: Mean, bound: float) -> float:
    """Return the p value of "it grew by `bound` or less"."""
    if grown.standard_error == 0:
        return float(grown.estimate <= bound)
    return float(stdtr(grown.degrees_of_freedom, (bound - grown.estimate) / grown.standard_error))
