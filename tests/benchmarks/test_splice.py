"""README's figures: made of one record, and stale when they differ from it."""

from dataclasses import replace

import pytest

from benchmarks.questions.splice import readme
from benchmarks.results import shared
from benchmarks.results.files import ResultError
from benchmarks.stats.intervals import Interval
from tests.support import records
from tests.support.reports import having

pytestmark = pytest.mark.once  # no database

README = (
    "Before.\n<!-- answer of old -->\nold\n<!-- end -->\nBetween.\n<!-- table of old -->\nold\n<!-- end -->\nAfter.\n"
)


def record_of(tmp_path, *changes):
    document, _, revocation = records.results()
    for value, *place in changes:
        document = having(document, value, *place)
    return shared.read(records.make(tmp_path / "records", document, revocation))


@pytest.fixture
def record(tmp_path):
    return record_of(tmp_path)


def test_the_text_between_the_comments_is_the_records_and_all_else_stays(record):
    text = readme.spliced(README, record)
    assert readme.named(text) == record.index.name == "2026-11-24-amd-epyc-2-cores"
    begin, between, after = text.partition("\nBetween.\n")
    assert begin.startswith("Before.\n<!-- answer of 2026-11-24-amd-epyc-2-cores -->\n**Cost can decide it.** To a")
    assert after.startswith(
        "<!-- table of 2026-11-24-amd-epyc-2-cores -->\n```console\n$ make bench\n/whoami/ (10 proc"
    )
    assert after.endswith("\n…\n```\n<!-- end -->\nAfter.\n")
    assert between
    assert readme.spliced(text, record) == text


def test_the_answer_says_what_the_record_says(record):
    assert " ".join(readme.answer(record).split()) == (
        "**Cost can decide it.** To a request of 184 µs, `token` (DRF's table) adds 372 µs (362 to 382) and `jwt` adds "
        "595 µs (585 to 605): `jwt` costs 223 (213 to 233) µs more. The libraries' own classes add 366 µs "
        "(`drf-token`) and 389 µs (`simplejwt`). Measured on 24 November 2026: 2 cores "
        "(AMD EPYC), CPython 3.11.7, Django 5.2.19, SQLite 3.40.1, in process; 95 % intervals "
        "([record](records/2026-11-24-amd-epyc-2-cores/))."
    )
    assert max(map(len, readme.answer(record).splitlines())) <= 100


@pytest.mark.parametrize(
    ("verdict", "difference", "words"),
    [
        ("equivalent", Interval(1.0, -2.0, 4.2), "**Cost does not decide it.**|: the same within 5 µs."),
        (
            "inconclusive",
            Interval(3.8, 1.9, 5.8),
            "**Cost does not decide it.**|: no difference is shown (1.9 to 5.8 µs).",
        ),
        (
            "inconclusive",
            Interval(3.0, -60.0, 66.0),
            "**Cost can decide it.**|: no difference is shown (-60.0 to 66.0 µs",
        ),
        ("faster", Interval(9.0, 8.0, 10.0), "**Cost does not decide it.**|: `jwt` costs 9.0 (8.0 to 10.0) µs more."),
        ("slower", Interval(-9.0, -10.0, -8.0), "**Cost does not decide it.**|: `token` costs 9.0 (8.0 to 10.0) µs mo"),
    ],
)
def test_the_words_follow_the_verdict(record, verdict, difference, words):
    head, found = record.part("overhead")
    table = found.tables[0]
    contests = tuple(
        replace(each, verdict=verdict, difference=difference) if {each.first, each.second} == {"token", "jwt"} else each
        for each in table.contests
    )
    found = replace(found, tables=(replace(table, contests=contests), *found.tables[1:]))
    answer = " ".join(readme.answer(replace(record, results={"overhead.json": (head, found)})).split())
    for part in words.split("|"):
        assert part in answer


def test_the_table_shows_some_rows_as_the_lab_prints_them(record):
    names = [line.split()[0] for line in readme.table(record).splitlines() if line.startswith(" ")]
    assert names[0] == "contender"
    assert names[2:] == ["anonymous", "drf-token", "simplejwt", "token", "jwt"]


def test_the_picture_is_a_file_of_its_own_that_says_the_figures(record):
    svg = readme.picture(record)
    assert svg.startswith('<svg xmlns="http://www.w3.org/2000/svg" viewBox=')
    said = readme.says(svg)
    assert said[0].startswith("Overhead on /whoami/, in microseconds, against time to revoke. simplejwt-stateless 104")
    assert {"token", "372 (362 to 382)"} <= set(" ".join(said).replace(";", "").split("  ")) | set(said)


def test_what_differs_from_the_record_is_stale(record):
    text, svg = readme.spliced(README, record), readme.picture(record)
    assert readme.stale(text, svg, record) == []
    assert readme.stale(text.replace("372 µs", "371 µs"), svg, record) == ["README.md"]
    assert readme.stale(text, svg.replace("372", "371"), record) == ["docs/explanation/frontier.svg"]
    assert readme.stale(README, "<svg/>", record) == ["README.md", "docs/explanation/frontier.svg"]
    with pytest.raises(ResultError, match=r"frontier\.svg: "):
        readme.stale(text, "<svg", record)


@pytest.mark.parametrize(
    "text",
    ["", README.replace("answer of old", "answer of new"), README.replace("<!-- end -->", ""), README[:60]],
)
def test_a_readme_without_its_comments_is_refused(record, text):
    with pytest.raises(ResultError, match=r"README\.md: between"):
        readme.spliced(text, record)


def test_a_record_in_doubt_or_without_a_row_is_refused(tmp_path):
    doubt = record_of(tmp_path / "doubt", ({"conclusive": False, "reasons": ["steal"]}, "verdict"))
    with pytest.raises(ResultError, match="cores: overhead is inconclusive: steal"):
        readme.spliced(README, doubt)
    without = records.results()[0]["tables"][0]["rows"][:-1]
    with pytest.raises(ResultError, match="cores: overhead was measured without jwt"):
        readme.spliced(README, record_of(tmp_path / "few", (without, "tables", 0, "rows")))
    first, flows, _ = records.results()
    alone = shared.read(records.make(tmp_path / "alone", first, flows))
    with pytest.raises(ResultError, match="cores: no result of revocation in this record"):
        readme.picture(alone)
