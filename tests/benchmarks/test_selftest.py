"""The lab's selftest: its verdicts, and how it continues a stopped campaign.

No time is asserted.
"""

import json
import random
from math import nan

import pytest

from benchmarks import terminal
from benchmarks.contenders import misbehaving
from benchmarks.contenders.lineup import find_scheme
from benchmarks.databases.scratch import scratch
from benchmarks.messages import CONTROL
from benchmarks.processes import start
from benchmarks.questions.selftest import campaign
from benchmarks.questions.selftest import run as selftest
from benchmarks.questions.selftest.campaign import PLANTED, CampaignError, Record, drawn
from tests.support import servers

pytestmark = pytest.mark.once
LAB_FIXTURES = {"short"}  # a long run, for `make test-lab`

SIZES = {CONTROL: 0.0, **{name: nanoseconds / 1000 for name, nanoseconds in PLANTED.items()}}


def records(count: int, scatter: float, bias: float = 0.0) -> list[Record]:
    """Return an honest lab's records, with `bias` (µs) added to the planted delays."""
    drawn_by = random.Random(1)
    return [
        Record(
            1.5,
            {name: size + bias * (size > 0) + drawn_by.gauss(0, scatter) for name, size in SIZES.items()},
            {name: SIZES[name] for name in PLANTED},
        )
        for _ in range(count)
    ]


def passed(lines) -> dict[str, bool | None]:
    """Return whether each line passed, by its question."""
    return {line.question: line.passed for line in lines}


def test_an_honest_lab_passes():
    assert set(passed(selftest.judge(records(2000, scatter=0.7))).values()) == {True}


@pytest.mark.parametrize(
    ("made", "failing"),
    [
        (records(2000, scatter=0.7, bias=0.5), ["the interval covers what is planted"]),
        (
            records(2000, scatter=20.0),
            [
                "planted 5 µs is found in 30 s (20 processes)",
                "planted 2 µs is found in 120 s (80 processes)",
                "what is planted is found with the wrong sign",
                "A/A is called equivalent within 2 µs",
            ],
        ),
        (
            records(2000, scatter=0.7, bias=-6.0),
            [
                "planted 5 µs is found in 30 s (20 processes)",
                "planted 2 µs is found in 120 s (80 processes)",
                "what is planted is found with the wrong sign",
                "the interval covers what is planted",
                "planted 5 µs is called equivalent to nothing within 2 µs",
            ],
        ),
    ],
    ids=["biased", "blind", "wrong"],
)
def test_a_lab_that_is_not_fails_where_it_is_not(made, failing):
    lines = passed(selftest.judge(made))
    assert [question for question, ok in lines.items() if ok is False] == failing


def test_identical_code_called_different_too_often_or_never_is_a_failure():
    def rate(made):
        return selftest.judge(made)[0]

    # A shift that all processes of a contest share, such as a place in memory, is no scatter.
    shared = [
        Record(r.seconds, r.figures | {CONTROL: r.figures[CONTROL] + (index // 10 % 2)}, r.planted_us)
        for index, r in enumerate(records(2000, scatter=0.7))
    ]
    assert rate(shared).passed is False
    alike = [Record(r.seconds, r.figures | {CONTROL: index % 2 - 0.5}, r.planted_us) for index, r in enumerate(shared)]
    assert (rate(alike).rate, rate(alike).passed) == (0, False)


def test_too_few_contests_are_not_judged():
    lines = selftest.judge(records(30, scatter=0.7))
    assert set(passed(lines).values()) == {None}
    assert [line.contests for line in lines] == [3, 1, 0, 6, 6, 3, 3]
    assert str(lines[2].rate) == str(nan)


def test_no_process_is_in_two_contests():
    contests = drawn(range(25), 10)
    assert contests == [list(range(10)), list(range(10, 20))]


# --- a real one, short ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def short(tmp_path_factory):
    """Return process, document and campaign's path of a selftest of three processes."""
    folder = tmp_path_factory.mktemp("selftest")
    process = servers.run(
        *("-m", "benchmarks", "selftest", "--processes", "3", "--rounds", "2"),
        *("--campaign", str(folder / "campaign.jsonl"), "--json", str(folder / "run.json")),
    )
    return process, json.loads((folder / "run.json").read_text()), folder / "campaign.jsonl"


def test_every_broken_contender_is_refused_with_its_reason(short):
    _, document, _ = short
    refusals = document["refusals"]
    assert set(refusals) == {name.partition(":")[2] for name in misbehaving.ALL} | {"NOWHERE"}
    assert "says id -1" in refusals["WRONG_BODY"]
    assert "answers 401 with its credential" in refusals["REFUSING"]
    assert "answers 500 with its credential" in refusals["FAILING"]
    assert "answers 404 with its credential" in refusals["UNMATCHED"]
    assert "answers 200 without a credential" in refusals["OPEN"]
    assert "SQL statements in 160 equal requests" in refusals["LEAKING_STATEMENTS"]
    assert "bytes more after each of 1000 equal requests" in refusals["LEAKING_MEMORY"]
    assert "µs more in the last round of a process than in the first" in refusals["SLOWING"]
    assert "was answered 200 OK, 500 Internal Server Error under the clock" in refusals["FAILING_LATE"]
    assert "was answered 200 OK, 401 Unauthorized under the clock" in refusals["REFUSING_LATE"]
    assert "answers 200 without a credential, not 401, after more requests" in refusals["OPEN_LATE"]
    assert "apps: 'no_such_app' cannot be installed" in refusals["MISSING_APP"]
    for name, refusal in refusals.items():
        if name != "NOWHERE":
            assert find_scheme(f"{misbehaving.__name__}:{name}").name in refusal or name in refusal
    assert "no such URL" in refusals["NOWHERE"]


def test_three_processes_are_too_few_and_the_exit_code_says_so(short):
    process, document, _ = short
    assert process.returncode == 3, process.stderr
    assert "too few" in process.stdout
    assert {line["passed"] for line in document["lines"]} == {None}


def test_each_process_times_the_copy_and_the_plants_and_reads_the_plants_off_the_clock(short):
    _, document, path = short
    lines = path.read_text().splitlines()
    assert len(lines) == 1 + 3
    for record in document["records"]:
        assert set(record["figures"]) == set(SIZES)
        # A delay ends when the clock says so; only the last look at the clock may come late.
        assert record["planted_us"] == {name: pytest.approx(SIZES[name], abs=0.5) for name in PLANTED}


def test_a_campaign_that_was_stopped_goes_on(short):
    _, before, path = short
    with scratch("sqlite", None, "kept") as database, terminal.progress() as watcher:
        start.fill(database)
        after = campaign.collect(path, database, processes=4, rounds=2, watcher=watcher)
    assert after[:3] == [Record(**record) for record in before["records"]]
    assert len(after) == 4
    assert campaign.read(path) == after


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("nonsense\n", "no campaign"),
        ('{"campaign": {}}\n{"seconds": 1}\n', "no campaign"),
        ('{"campaign": {"python": "PyPy 2"}}\n', "python was 'PyPy 2' and is 'CPython"),
    ],
    ids=["no JSON", "no record", "another machine"],
)
def test_a_campaign_of_another_kind_is_left_alone(content, why, tmp_path):
    path = tmp_path / "campaign.jsonl"
    path.write_text(content)
    with pytest.raises(CampaignError, match=why):
        campaign.read(path)
    assert path.read_text() == content
