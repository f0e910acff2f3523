"""The lab's statistics: designs, intervals, rounds, and whether a run can be trusted."""

import itertools
import random
from collections import Counter
from dataclasses import replace
from math import inf

import pytest
from scipy import stats

from benchmarks.messages import ANONYMOUS, CONTROL, Blocks, Entry, Facts, Sample
from benchmarks.processes import timing
from benchmarks.processes.environment import ProcessorTime, steal
from benchmarks.stats import overhead, verdicts
from benchmarks.stats.design import rounds, williams
from benchmarks.stats.intervals import Interval, ratio_interval, t_interval
from benchmarks.stats.overhead import MATTERS, Row, Table, answer, judge, tabulate
from benchmarks.stats.rounds import LEAST_ROUNDS, rounds_for
from config.schemes import SCHEMES

pytestmark = pytest.mark.once  # the lab brings its own database

# --- the order of blocks --------------------------------------------------------------------------


def followers(sequences) -> Counter:
    return Counter(pair for sequence in sequences for pair in itertools.pairwise(sequence))


@pytest.mark.parametrize("count", range(2, 10))
def test_each_follows_each_other_equally_often(count):
    design = williams(count)
    assert all(sorted(sequence) == list(range(count)) for sequence in design)
    times = 2 if count % 2 else 1
    assert followers(design) == dict.fromkeys(itertools.permutations(range(count), 2), times)


def test_rounds_are_whole_designs_one_after_another():
    names = ["a", "b", "c", "d"]
    made = rounds(names, 12, random.Random(1))
    assert all(sorted(sequence) == names for sequence in made)
    assert followers(made) == dict.fromkeys(itertools.permutations(names, 2), 3)
    assert made != rounds(names, 12, random.Random(2))
    assert len(rounds(names, 3, random.Random(1))) == 3


# --- figures and intervals ------------------------------------------------------------------------


def test_the_first_requests_of_a_block_are_not_looked_at():
    assert timing.figures([10**9, 10**9, 1, 2, 3, 4, 5], drop=2) == (2, 3, 1)


def test_the_t_interval_is_students():
    # Computed by hand: mean 3, s = sqrt(2.5), t(0.975, 4) = 2.776445.
    interval = t_interval([1, 2, 3, 4, 5])
    assert (interval.estimate, interval.high) == (3, pytest.approx(3 + 2.776445 * (2.5 / 5) ** 0.5))
    figures = [318.2, 330.1, 309.9, 322.4]
    low, high = stats.t.interval(0.99, 3, loc=stats.tmean(figures), scale=stats.sem(figures))
    interval = t_interval(figures, 0.99)
    assert (interval.low, interval.high) == (pytest.approx(low), pytest.approx(high))


def test_the_ratio_interval_holds_the_ratios_that_a_t_test_does_not_refuse():
    above, below = [10.1, 11.9, 9.2, 10.8], [5.2, 5.9, 4.4, 5.3]
    interval = ratio_interval(above, below)
    assert interval.estimate == pytest.approx(sum(above) / sum(below))
    for ratio in (interval.low, interval.high):
        refused = stats.ttest_1samp([a - ratio * b for a, b in zip(above, below, strict=True)], 0).pvalue
        assert refused == pytest.approx(0.05)


def test_there_is_no_ratio_to_what_may_be_nothing():
    assert ratio_interval([10, 11, 12], [-1, 0, 1]) is None


def test_a_process_does_whole_designs_for_about_as_long_as_it_takes_to_start():
    assert rounds_for(inf, 1.0, {"/a/": 0.04, "/b/": 0.36}, design=7) == {"/a/": 21, "/b/": 2}
    assert rounds_for(inf, 1.0, {"/a/": 0.2}, design=7) == {"/a/": 5}


def test_a_process_does_fewer_rounds_where_the_budget_is_short():
    assert rounds_for(1.5, 1.0, {"/a/": 0.03, "/b/": 0.03}, design=4) == {"/a/": 8, "/b/": 8}
    assert rounds_for(0.5, 1.0, {"/a/": 0.04}, design=4) == {"/a/": LEAST_ROUNDS}


def test_the_figure_of_a_process_is_the_mean_of_the_middle_half_of_its_rounds():
    blocks = Blocks([], {ANONYMOUS: [0] * 8, "a": [9e9, 1000, 2000, 3000, 4000, 5000, -9e9, 8e9]}, {}, {}, {})
    assert overhead.overhead(blocks, "a") == 3.5


def test_what_a_switch_costs_is_read_off_the_first_requests_of_a_block():
    curve = {"a": [1500, 1100, 1000, 1000, 900], "b": [2300, 2300, 2000, 2000, 2000]}
    assert overhead.switching(Blocks([], {}, {}, {}, curve), drop=2) == pytest.approx((0.6 + 0.6) / 2)


# --- the table and the verdict --------------------------------------------------------------------


def sample(**microseconds) -> Sample:
    """Return a sample of one URL: contender -> 25th percentile of each round."""
    entries = [
        Entry(ANONYMOUS),
        Entry(CONTROL),
        Entry("drf-token", "Token", is_stock=True),
        Entry("token", "Token"),
        Entry("jwt", "Bearer"),
    ]
    nanoseconds = {name.replace("_", "-"): [1000 * us for us in row] for name, row in microseconds.items()}
    nanoseconds[CONTROL] = nanoseconds[ANONYMOUS]
    blocks = Blocks([tuple(nanoseconds)] * 2, nanoseconds, nanoseconds, nanoseconds, nanoseconds)
    return Sample(entries, {}, {}, {}, blocks={"/whoami/": blocks})


def test_differences_are_paired_within_the_round_and_averaged_within_the_process():
    samples = [
        # The machine was slow in the second round; the differences are unchanged.
        sample(anonymous=[100, 900], drf_token=[300, 1100], token=[250, 1050], jwt=[400, 1200]),
        sample(anonymous=[100, 100], drf_token=[306, 306], token=[252, 254], jwt=[408, 408]),
    ]
    facts = dict.fromkeys((ANONYMOUS, CONTROL, "drf-token", "token", "jwt"), Facts(0, 0, 0))
    (table,) = tabulate(samples, {"/whoami/": facts}, drop=1, margin_us=5, schemes=SCHEMES, lineup=SCHEMES)
    by_name = {row.name: row for row in table.rows}
    assert list(by_name) == ["drf-token", "token", "jwt"]
    assert by_name["token"].overhead == t_interval([150, 153])
    assert by_name["token"].reference == "drf-token"
    assert by_name["token"].ratio == ratio_interval([150, 153], [200, 206])
    assert (by_name["jwt"].reference, by_name["jwt"].ratio) == (None, None)
    assert table.control == Interval(0, 0, 0)
    # One row for each keyword, ours before stock.
    assert [row.name for row in table.champions] == ["token", "jwt"]
    met = {(contest.first, contest.second): contest.difference for contest in table.contests}
    assert list(met) == [("drf-token", "token"), ("drf-token", "jwt"), ("token", "jwt")]
    assert met["token", "jwt"] == t_interval([300 - 150, 308 - 153])
    assert overhead.widest(samples) == max(
        interval.half_width for interval in (*met.values(), *(row.overhead for row in table.rows))
    )


def tabulated(**adds: float) -> Table:
    """Return the table of a run in which each contender adds so many µs to 100 µs."""
    keywords = {"jwt": "Bearer"}
    made = []
    for more in (0, 0.1):
        figures = {name.replace("_", "-"): [100 + us + more] * 2 for name, us in adds.items()}
        given = sample(anonymous=[100, 100], **{name.replace("-", "_"): each for name, each in figures.items()})
        entries = [Entry(name, keywords.get(name, "Token"), name == "drf-token") for name in figures]
        made.append(replace(given, entries=[Entry(ANONYMOUS), Entry(CONTROL), *entries]))
    facts = dict.fromkeys((ANONYMOUS, CONTROL, *figures), Facts(0, 0, 0))
    lineup = (*SCHEMES, "knox")
    return tabulate(made, {"/whoami/": facts}, drop=1, margin_us=5, schemes=SCHEMES, lineup=lineup)[0]


@pytest.mark.parametrize(
    ("adds", "words"),
    [
        (
            {"drf_token": 260, "mine": 30},
            "drf-token adds 260 µs (259 to 261) and mine adds 30 µs (29 to 31), so drf-token costs 230 µs",
        ),
        (
            {"drf_token": 260, "token": 35, "jwt": 39, "mine": 30, "knox": 300},
            "token adds 35 µs (34 to 36) and jwt adds 39 µs (38 to 40), which is the same within 5 µs (4.0 to 4.0 µs); "
            "mine adds 30 µs (29 to 31), 230 µs less than drf-token.",
        ),
        ({"mine": 30}, "mine adds 30 µs (29 to 31)."),
        ({"token": 35, "mine": 30, "other": 30}, "token adds 35 µs (34 to 36); mine adds 30 µs (29 to 31); other adds"),
        ({"knox": 300, "mine": 30}, "knox adds 300 µs (299 to 301) and mine adds 30 µs (29 to 31), so knox costs"),
        ({"knox": 300, "token": 35}, "to a request of 100 µs, token adds 35 µs (34 to 36)."),
    ],
)
def test_the_answer_names_what_the_user_named_from_outside(adds, words):
    assert words in answer([tabulated(**adds)], verdicts.Verdict.of([]))


def table_with(control: Interval, request: float = 200) -> Table:
    def row(name, overhead):
        return Row(name, overhead, request, request, request, None, None, Facts(0, 0, 0))

    nothing = row(ANONYMOUS, Interval(0, 0, 0))
    rows = (row("token", Interval(100, 99, 101)),)
    return Table("/whoami/", 2, nothing, rows, control, 0.99, Interval(0, 0, 0), 5, (), rows)


MATTERING = MATTERS * 200


@pytest.mark.parametrize(
    ("control", "stolen", "why"),
    [
        (Interval(0, -2, 2), 0.0, None),
        (Interval(0, -2, 2), None, None),
        (Interval(2 * MATTERING, -1, 5), 0.0, None),
        (Interval(0.9 * MATTERING, 0.1, 1.7), 0.0, None),
        (Interval(1.1 * MATTERING, 0.1, 2.1), 0.0, "differs from itself"),
        (Interval(-1.1 * MATTERING, -2.1, -0.1), 0.0, "differs from itself"),
        (Interval(0, -49, 49), 0.0, None),
        (Interval(0, -51, 51), 0.0, "more than half of the largest overhead"),
        (Interval(0, -2, 2), 0.05, None),
        (Interval(0, -2, 2), 0.051, "the hypervisor took 5.1%"),
    ],
)
def test_a_run_that_cannot_be_trusted_is_inconclusive_and_says_why(control, stolen, why):
    table = table_with(control)
    verdict = judge([table], stolen, waited=0.7, widest_us=3, precision_us=None)
    assert verdict.conclusive == (why is None)
    if why is None:
        assert "token adds 100 µs (99 to 101)" in answer([table], verdict)
    else:
        assert why in " ".join(verdict.reasons)
        cannot_tell, estimates = answer([table], verdict).split(" Its estimates, not to be relied on: ")
        assert cannot_tell == "Token or JWT: this run cannot tell what each costs here."
        assert "token adds 100 µs (99 to 101)" in estimates


def table_of(*overheads: Interval, verdict: str = verdicts.FASTER, reach: float = 1) -> Table:
    table = table_with(Interval(0, -2, 2))
    rows = tuple(replace(table.rows[0], name=f"row {place}", overhead=each) for place, each in enumerate(overheads))
    contests = tuple(
        verdicts.Contest(one.name, other.name, Interval(0, -reach, reach), verdict)
        for one, other in itertools.combinations(rows, 2)
    )
    return replace(table, rows=rows, champions=rows, contests=contests)


@pytest.mark.parametrize(
    ("table", "why"),
    [
        (table_of(Interval(100, 51, 149), Interval(20, 10, 30)), None),
        (table_of(Interval(100, 95, 105), Interval(90, 85, 95), Interval(20, -2, 42)), None),
        (table_of(Interval(100, 95, 105), Interval(20, -4, 44)), "what row 1 adds is known too coarsely"),
        # One dear row hides none.
        (table_of(Interval(180_000, 179_000, 181_000), Interval(50, 23, 77)), "what row 1 adds is known too coarsely"),
        (
            table_of(Interval(150_000, 148_000, 152_000), Interval(1939, -2449, 6327), Interval(-1210, -6104, 3684)),
            "what each of row 1, row 2 adds is known too coarsely",
        ),
        (table_of(Interval(3909, -9218, 17037)), "what row 0 adds is known too coarsely"),
        (table_of(Interval(100, 99, 101), Interval(20, -6, 46)), "what row 1 adds is known too coarsely"),
        (table_of(Interval(100, 99, 101), Interval(70, 19, 121)), "what row 1 adds is known too coarsely"),
        (table_of(Interval(6, 1.5, 10.5)), None),  # within the margin of 5 µs
        (table_of(Interval(100, 60, 140), Interval(120, 80, 160), verdict="inconclusive", reach=31), "no contest has"),
        (table_of(Interval(100, 98, 102), Interval(104, 99, 109), verdict="inconclusive", reach=6), None),
    ],
)
def test_an_interval_that_says_nothing_is_not_conclusive(table, why):
    verdict = judge([table], 0.0, 0.0, widest_us=3.0, precision_us=None, seconds=60)
    assert verdict.conclusive == (why is None)
    if why:
        (reason,) = verdict.reasons
        assert reason.startswith(f"on /whoami/ {why}")
        assert any("--budget" in remark for remark in verdict.remarks)


def test_a_contender_that_costs_less_than_no_authentication_is_named():
    """On a request of 200 µs, 1 µs matters."""
    (reason,) = judge([table_of(Interval(80, 78, 82), Interval(-30, -32, -28))], 0.0, 0.0, 3.0, None).reasons
    assert reason == "on /whoami/ row 1 costs less than the same request without authentication"
    assert judge([table_of(Interval(80, 78, 82), Interval(-1.5, -2.2, -0.8))], 0.0, 0.0, 3.0, None).conclusive


def test_a_run_that_is_wider_than_asked_for_is_inconclusive():
    table = table_with(Interval(0, -2, 2))
    assert judge([table], 0.0, 0.0, widest_us=3.0, precision_us=3).conclusive
    (reason,) = judge([table], 0.0, 0.0, widest_us=3.1, precision_us=3).reasons
    assert reason == "the widest interval is 3.1 µs either way, not the 3 µs asked for"


def test_a_run_that_had_to_wait_for_a_processor_is_inconclusive():
    verdict = judge([table_with(Interval(0, -2, 2))], 0.0, waited=0.71, widest_us=3, precision_us=None)
    assert verdict.reasons == ("the run waited 71% of its time for a processor (bound: 70%)",)
    (remark,) = verdict.remarks
    assert remark.startswith("Stop other work")


def test_a_conclusive_run_on_a_busy_machine_says_so():
    table = table_with(Interval(0, -2, 2))
    busy = judge([table], 0.0, waited=0.58, widest_us=3, precision_us=None)
    assert busy.conclusive
    assert "Other work had the processor for 58% of the time" in " ".join(busy.remarks)
    assert judge([table], 0.0, waited=0.2, widest_us=3, precision_us=None).remarks == ()


def test_a_run_that_is_too_coarse_says_which_budget_would_do():
    """Twice as narrow takes four times as long, and a fifth more since the width is an estimate."""
    wide = judge([table_with(Interval(0, -100, 100))], 0.0, 0.0, widest_us=3, precision_us=None, seconds=20)
    assert wide.remarks == (
        "With --budget 96 the control on /whoami/ would be narrow enough, if the machine stays as it was.",
    )
    hopeless = judge([table_with(Interval(0, -100, 100))], 0.0, 0.9, widest_us=3, precision_us=None, seconds=20)
    assert [remark.partition(":")[0] for remark in hopeless.remarks] == ["Stop other work"]
    asked = judge([table_with(Interval(0, -2, 2))], 0.0, 0.0, widest_us=6, precision_us=2, seconds=10)
    (remark,) = asked.remarks
    assert remark.startswith("With --budget 108 the widest interval would reach 2 µs")
    assert judge([table_with(Interval(0, -100, 100))], 0.0, 0.0, 3, None).remarks == ()
    (again,) = judge([table_with(Interval(5, 3, 7))], 0.0, 0.0, 3, None, seconds=20).remarks
    assert again.startswith("Run it again.")


def test_steal_is_a_part_of_the_time_that_was_wanted():
    assert steal(ProcessorTime(1000, 10), ProcessorTime(1200, 20)) == 0.05
    assert steal(None, ProcessorTime(1, 0)) is None
