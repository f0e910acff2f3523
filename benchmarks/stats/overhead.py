"""What a run answers: a table for each URL, and whether the run can be trusted.

All times are in microseconds. A process's figure for a contender is the mean, over the middle half
of its rounds, of the paired difference: the 25th percentile of the contender's block minus that of
anonymous's block in the same round. (Among mean, median and trimmed means over the rounds, this one
scattered least between processes, for the A/A control, planted delays and real schemes alike: half
as much as the mean.) Intervals are Student's at 95 % over those figures, one by one. Verdicts hold
for all contests of a URL together.

The run is inconclusive for any of seven reasons:

- The A/A control differs from anonymous: the interval of that difference excludes zero and the
  difference matters. At 95 % an honest run would fail one time in twenty, so the control is judged
  at 99 %, shared among the URLs. A difference below half a percent of anonymous's request does not
  matter (the order of two URLs alone moved a result by 0.4 %).
- The control's interval reaches further on either side than half of the largest overhead: the run
  is too coarse.
- The interval of a contender's overhead says too little. It reaches further on either side than
  half of that overhead or of the median one, whichever is larger, or than a quarter if it includes
  zero; or no contest has a verdict, and one of their intervals reaches further than a quarter of
  the largest overhead. One within the margin says enough. Against the largest overhead, one dear
  contender would make every interval look narrow.
- A contender costs less than the same request without authentication: the whole interval says so,
  by more than matters. Something answers in the place of the view, or slows anonymous only.
- The hypervisor took more than 5 % of the time in which the processors had work (steal, Linux
  only).
- The run's processes waited more than 70 % of their time for a processor. The clock stands still
  while they wait, but their caches are cold afterwards. What that adds was measured in part
  (docs/explanation/how-the-lab-measures.md, "What a busy machine adds").
- An interval is wider than --precision.
"""

from collections.abc import Collection, Container, Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import ceil
from statistics import median_low

import numpy as np
from scipy.stats import trim_mean

from benchmarks.messages import ANONYMOUS, CONTROL, Blocks, Entry, Facts, Sample
from benchmarks.stats import verdicts
from benchmarks.stats.intervals import Interval, ratio_interval, t_interval
from benchmarks.stats.verdicts import Contest, Verdict

CONTROL_LEVEL = 0.99  # for all controls of a run together (Bonferroni)
MATTERS = 0.005  # of anonymous's request
STEAL_BOUND = 0.05  # of the time the processors had work
WAITED_BOUND = 0.70  # of a process's time
BUSY = 0.20  # of a process's time; from here on a conclusive run says what that does to its figures
WIDE, WIDE_AT_ZERO = 0.5, 0.25  # of an overhead; an interval that reaches further is vague
TRIMMED = 0.25  # of the rounds at either end


@dataclass(frozen=True, slots=True)
class Row:
    """A contender at one URL.

    `request`, `median`, `least`  the whole request: 25th percentile and median of a block, and the
                                  fastest of all
    `ratio`                       its overhead divided by that of `reference`, the first stock row
                                  with its keyword
    """

    name: str
    overhead: Interval
    request: float
    median: float
    least: float
    reference: str | None
    ratio: Interval | None
    facts: Facts


@dataclass(frozen=True, slots=True)
class Table:
    """All contenders at one URL.

    `control`    anonymous's copy minus anonymous
    `switching`  the cost of switching contenders: by how much the first requests of a block exceed
                 the kept ones, summed
    `contests`   one for every pair of `rows`
    `champions`  one row for each keyword
    `outside`    the other rows that the line-up lacks: what the user named
    """

    url: str
    rounds: int
    anonymous: Row
    rows: tuple[Row, ...]
    control: Interval
    control_level: float
    switching: Interval
    margin_us: float
    contests: tuple[Contest, ...]
    champions: tuple[Row, ...]
    outside: tuple[Row, ...] = ()


def overhead(blocks: Blocks, name: str) -> float:
    """Return what a contender added in a process, in µs."""
    return float(trim_mean(np.subtract(blocks.p25_ns[name], blocks.p25_ns[ANONYMOUS]), TRIMMED)) / 1000


def request(blocks: Blocks, name: str) -> float:
    """Return the 25th percentile of a contender's request in a process, in µs."""
    return float(trim_mean(blocks.p25_ns[name], TRIMMED)) / 1000


def overheads(samples: Sequence[Sample], url: str, name: str) -> list[float]:
    """Return what a contender added in each process, in µs."""
    return [overhead(sample.blocks[url], name) for sample in samples]


def widest(samples: Sequence[Sample]) -> float:
    """Return the half-width in µs of the widest interval of any overhead or contest."""
    widths = [0.0]
    for url in samples[0].blocks:
        figures = [overheads(samples, url, entry.name) for entry in samples[0].entries if entry.name != CONTROL]
        widths += [t_interval(np.subtract(*pair)).half_width for pair in combinations(figures, 2)]
    return max(widths)


def disturbed(samples: Sequence[Sample]) -> float | None:
    """Return the share of blocks, 0 to 1, that stayed disturbed; None: it cannot be told."""
    told = [sample.disturbed for sample in samples if sample.disturbed is not None]
    return float(np.mean(told)) if told else None


def tabulate(
    samples: Sequence[Sample],
    facts: dict[str, dict[str, Facts]],
    drop: int,
    margin_us: float,
    schemes: Container[str],
    lineup: Container[str],
    controls: int | None = None,
) -> list[Table]:
    """Return a table for each URL of `facts`, in that order.

    All samples have the same contenders and rounds.

    `schemes`   names in the scheme table: if there are any, only they can be champions
    `lineup`    names that the lab has itself
    `controls`  how many the whole run has; None: one for each URL
    """
    level = 1 - (1 - CONTROL_LEVEL) / (controls or len(facts))
    return [_table(samples, url, facts[url], level, drop, margin_us, schemes, lineup) for url in facts]


def judge(
    tables: Sequence[Table],
    steal: float | None,
    waited: float,
    widest_us: float,
    precision_us: float | None,
    seconds: float | None = None,
) -> Verdict:
    """Decide whether the run can be trusted.

    `steal`    as environment.steal() returns it; None: the machine does not tell
    `waited`   the mean of the samples'
    `seconds`  how long the run took, for advice on a longer one; None: it has no --budget
    """
    reasons, advice = [], []
    if precision_us is not None and widest_us > precision_us:
        reasons.append(f"the widest interval is {widest_us:.1f} µs either way, not the {precision_us:g} µs asked for")
        advice += longer(seconds, widest_us / precision_us, f"the widest interval would reach {precision_us:g} µs")
    for table in tables:
        differs = control_reasons(table.control, table.anonymous.request)
        reasons += [f"on {table.url} {reason}" for reason in differs]
        largest = max((row.overhead.estimate for row in table.rows), default=float("inf"))
        if table.control.half_width > largest / 2:
            reasons.append(
                f"on {table.url} the interval of the A/A control reaches {table.control.half_width:.1f} µs either way, "
                f"which is more than half of the largest overhead ({largest:.1f} µs)"
            )
            if largest > 0:
                wanted = f"the control on {table.url} would be narrow enough"
                advice += longer(seconds, table.control.half_width / (largest / 2), wanted)
        elif differs:
            advice.append(AGAIN)
        below = [row.name for row in table.rows if row.overhead.high < -MATTERS * table.anonymous.request]
        if below:
            reasons.append(f"on {table.url} {_each(below)} costs less than the same request without authentication")
        for reason, times in _vague(table, largest):
            reasons.append(f"on {table.url} {reason}")
            advice += longer(seconds, times, f"the intervals on {table.url} would be narrow enough")
    if waited > WAITED_BOUND:
        advice = []  # more of such time makes no figure right
    return Verdict.of([*reasons, *machine_reasons(steal, waited)], [*advice, *machine_remarks(steal, waited)])


def _vague(table: Table, largest: float) -> list[tuple[str, float]]:
    """Return why intervals of this table say too little, and how many times too wide they are.

    An interval within the margin always says enough.
    """
    typical = median_low(row.overhead.estimate for row in table.rows) if table.rows else 0.0
    bounds = {
        row.name: max(row.overhead.estimate, typical) * (WIDE if row.overhead.excludes(0) else WIDE_AT_ZERO)
        for row in table.rows
    }
    wide = {
        row.name: row.overhead.half_width / max(bounds[row.name], table.margin_us)
        for row in table.rows
        if row.overhead.half_width > max(bounds[row.name], table.margin_us)
    }
    if wide:
        reach = max(row.overhead.half_width for row in table.rows if row.name in wide)
        reason = (
            f"what {_each(wide)} adds is known too coarsely: an interval reaches {reach:.1f} µs either way, which "
            f"is more than half of what it adds and of the median overhead ({typical:.1f} µs), or than a quarter of "
            "both and includes zero"
        )
        return [(reason, max(wide.values()))]
    reach = max((contest.difference.half_width for contest in table.contests), default=0.0)
    bound = max(largest * WIDE_AT_ZERO, table.margin_us)
    if reach > bound and all(contest.verdict == verdicts.INCONCLUSIVE for contest in table.contests):
        reason = (
            f"no contest has a verdict, and the interval of one reaches {reach:.1f} µs either way, which is more than "
            f"a quarter of the largest overhead ({largest:.1f} µs)"
        )
        return [(reason, reach / bound)]
    return []


def _each(names: Collection[str]) -> str:
    return ("each of " if len(names) > 1 else "") + ", ".join(names)


AGAIN = (
    "Run it again. An honest run's control differs once in a hundred runs; if it differs again, something on this "
    "machine changes with time, such as other work or the processor's clock rate."
)


def longer(seconds: float | None, times: float, outcome: str) -> list[str]:
    """Return the advice to give a run more time, so that an interval becomes `times` narrower.

    Intervals narrow with the square root of the number of processes. `seconds` as in `judge`.
    """
    if seconds is None:
        return []
    budget = ceil(1.2 * seconds * times**2)  # a fifth more, since the width itself is an estimate
    return [f"With --budget {budget} {outcome}, if the machine stays as it was."]


def control_reasons(control: Interval, request: float) -> list[str]:
    """Return the reason not to trust a run with this A/A control; empty if there is none.

    `request` is what the control's request takes, in µs.
    """
    if not control.excludes(0) or abs(control.estimate) <= MATTERS * request:
        return []
    return [
        f"the A/A control differs from itself by {control.estimate:+.1f} µs ({control.low:+.1f} to "
        f"{control.high:+.1f}) of {request:.0f} µs"
    ]


def machine_reasons(steal: float | None, waited: float = 0.0) -> list[str]:
    """Return the reasons not to trust a run on a machine as busy as this."""
    reasons = []
    if steal is not None and steal > STEAL_BOUND:
        reasons.append(f"the hypervisor took {steal:.1%} of the processors' time (steal; bound: {STEAL_BOUND:.0%})")
    if waited > WAITED_BOUND:
        reasons.append(f"the run waited {waited:.0%} of its time for a processor (bound: {WAITED_BOUND:.0%})")
    return reasons


def machine_remarks(steal: float | None, waited: float = 0.0) -> list[str]:
    """Return what the load did to the figures, and what to do about a load that is too high."""
    remarks = []
    if steal is not None and steal > STEAL_BOUND:
        remarks.append("The hypervisor gives this machine's processors to others: run it at another time or elsewhere.")
    if waited > WAITED_BOUND:
        remarks.append(
            "Stop other work: the first line of the output names what used the processors. A longer --budget does "
            "not help, because each wait leaves cold caches behind, which make the figures too high."
        )
    elif waited > BUSY:
        remarks.append(
            f"Other work had the processor for {waited:.0%} of the time, and left cold caches behind. So these are "
            "the figures of a busy machine, which may be too high; docs/explanation/how-the-lab-measures.md, 'What a "
            "busy machine adds', says what is known of by how much."
        )
    return remarks


def answer(tables: Sequence[Table], verdict: Verdict) -> str:
    """Return one sentence that answers: Token or JWT, what does each cost here?"""
    estimates = "; ".join(map(_answer, tables))
    if not verdict.conclusive:
        return (
            f"Token or JWT: this run cannot tell what each costs here. Its estimates, not to be relied on: {estimates}."
        )
    return f"Token or JWT: {estimates}."


def _answer(table: Table) -> str:
    rows = table.champions
    if len(rows) + len(table.outside) == 2:
        rows = (*rows, *table.outside)
    adds = " and ".join(map(_adds, rows))
    text = f"on {table.url}, to a request of {table.anonymous.request:.0f} µs, {adds or 'nothing was added'}"
    if len(rows) == 2:
        text += _compared(table, *rows)
    return "; ".join([text, *(_adds(row) + _beside_stock(table, row) for row in table.outside if row not in rows)])


def _adds(row: Row) -> str:
    return f"{row.name} adds {row.overhead.estimate:.0f} µs ({row.overhead.low:.0f} to {row.overhead.high:.0f})"


def _contest(table: Table, first: str, second: str) -> Contest:
    """Return the contest of two rows, in this order."""
    contest = next(each for each in table.contests if {each.first, each.second} == {first, second})
    return contest if contest.first == first else contest.reversed()


def _compared(table: Table, one: Row, other: Row) -> str:
    contest = _contest(table, one.name, other.name)
    span = f"{contest.difference.low:.1f} to {contest.difference.high:.1f} µs"
    if contest.verdict == verdicts.EQUIVALENT:
        return f", which is the same within {table.margin_us:g} µs ({span})"
    if contest.verdict == verdicts.INCONCLUSIVE:
        corrected = " after the correction for all contests" if contest.difference.excludes(0) else ""
        return f", with no difference shown between the two{corrected} ({span})"
    if contest.verdict == verdicts.SLOWER:
        contest = contest.reversed()
    difference = contest.difference
    more = f"{abs(difference.estimate):.0f} µs ({difference.low:.0f} to {difference.high:.0f})"
    return f", so {contest.second} costs {more} more"


def _beside_stock(table: Table, row: Row) -> str:
    """Return how a row compares with the stock row of its keyword, if that took part."""
    if row.reference is None:
        return ""
    contest = _contest(table, row.name, row.reference)
    if contest.verdict == verdicts.EQUIVALENT:
        return f", the same as {row.reference} within {table.margin_us:g} µs"
    if contest.verdict == verdicts.INCONCLUSIVE:
        return f", with no difference to {row.reference} shown"
    word = "less" if contest.verdict == verdicts.FASTER else "more"
    return f", {abs(contest.difference.estimate):.0f} µs {word} than {row.reference}"


def _table(
    samples: Sequence[Sample],
    url: str,
    facts: dict[str, Facts],
    control_level: float,
    drop: int,
    margin_us: float,
    schemes: Container[str],
    lineup: Container[str],
) -> Table:
    entries = {entry.name: entry for entry in samples[0].entries}
    by_name = {name: overheads(samples, url, name) for name in entries}

    def row(name: str) -> Row:
        reference = _reference(entries[name], entries.values())
        ratio = None
        if reference is not None and reference != name:
            ratio = ratio_interval(by_name[name], by_name[reference])
        blocks = [sample.blocks[url] for sample in samples]
        return Row(
            name=name,
            overhead=t_interval(by_name[name]),
            request=float(np.mean([request(each, name) for each in blocks])),
            median=float(np.mean([b.median_ns[name] for b in blocks])) / 1000,
            least=float(np.min([b.min_ns[name] for b in blocks])) / 1000,
            reference=reference,
            ratio=ratio,
            facts=facts[name],
        )

    rows = tuple(row(name) for name in entries if name not in (ANONYMOUS, CONTROL))
    champions = _champions(rows, entries, schemes)
    return Table(
        url=url,
        rounds=len(samples[0].blocks[url].orders),
        anonymous=row(ANONYMOUS),
        rows=rows,
        control=t_interval(by_name[CONTROL], control_level),
        control_level=control_level,
        switching=t_interval([switching(sample.blocks[url], drop) for sample in samples]),
        margin_us=margin_us,
        contests=verdicts.contests({each.name: by_name[each.name] for each in rows}, margin_us),
        champions=champions,
        outside=tuple(each for each in rows if each.name not in lineup and each not in champions),
    )


def switching(blocks: Blocks, drop: int) -> float:
    """Return by how much the first `drop` requests of a block exceed settled ones, summed, in µs.

    It is the mean over the contenders.
    """
    curves = np.array(list(blocks.position_ns.values())) / 1000
    settled = np.median(curves[:, drop:], axis=1, keepdims=True)
    return float((curves[:, :drop] - settled).sum(axis=1).mean())


def _reference(entry: Entry, entries: Iterable[Entry]) -> str | None:
    """Return the stock row that an entry is compared with, perhaps itself."""
    return next((other.name for other in entries if other.is_stock and other.keyword == entry.keyword), None)


def _champions(rows: Sequence[Row], entries: dict[str, Entry], schemes: Container[str]) -> tuple[Row, ...]:
    """Return for each keyword the first row of the scheme table that is ours, or else the first.

    In a run without rows of the table, return all its contenders.
    """
    of_table = [row for row in rows if row.name in schemes]
    chosen: dict[str, Row] = {}
    for row in sorted(of_table, key=lambda row: entries[row.name].is_stock):
        chosen.setdefault(entries[row.name].keyword, row)
    return tuple(row for row in of_table if row in chosen.values()) or tuple(rows)
