"""The report: one page that needs nothing else, says what its files say, and cannot be talked into more."""

import json
import os
import re
import subprocess
import sys
from copy import deepcopy
from dataclasses import replace
from itertools import pairwise

import jsonschema
import pytest
from click.testing import CliRunner

from benchmarks.questions.report.command import command
from benchmarks.questions.report.reading import KINDS, read
from benchmarks.questions.report.sections import FAR, absent, sections
from benchmarks.reporting import frontier
from benchmarks.reporting import page as report
from benchmarks.reporting.pictures import COLOURS, plain
from benchmarks.reporting.wording import duration, interval, number, short
from benchmarks.results import files as results
from benchmarks.results.records.revocation import Cell, Delay, End, Ends
from benchmarks.results.schema import schema
from benchmarks.stats.intervals import Interval
from benchmarks.stats.verdicts import Contest
from tests.support import servers
from tests.support.pages import Page
from tests.support.question_results import (
    WRITERS,
    distance,
    flows,
    load,
    load_away,
    plan,
    revocation,
    revocation_of,
    scale,
)
from tests.support.results import SCHEMES, around, compare, instructions, ladder, overhead, overhead_record, row

pytestmark = pytest.mark.once  # no database

HOSTILE = (
    "<script>alert(1)</script>",
    "</svg></table></style><img src=x onerror=alert(1)>",
    "\" onload='alert(1)' style=\"background:url(http://evil.example/)",
    "{{ answer }}{% include 'report.html' %}",
    r"$\frac{1}{2}$ --> ]]> &lt;b&gt; #010101",
    "\x00\x1b[31m\n\t\u202e漢字 🦊",
    "\ud800 half a pair",
)


@pytest.fixture
def files(tmp_path):
    """files(document, ...): where they were written."""

    def write(*documents):
        paths = [tmp_path / f"{index}.json" for index in range(len(documents))]
        for path, document in zip(paths, documents, strict=True):
            path.write_text(document if isinstance(document, str) else json.dumps(document), "utf-8")
        return paths

    return write


def page_from(paths) -> bytes:
    found = read(paths, frontier.EVENTS)
    return report.html(found, sections(found), absent(found))


@pytest.fixture(scope="module")
def pages():
    """What page_of has made: the same documents make the same bytes, which takes seconds with all pictures."""
    return {}


@pytest.fixture
def page_of(files, pages):
    def page(*documents):
        key = json.dumps(documents)
        if key not in pages:
            pages[key] = Page(page_from(files(*documents)).decode("utf-8"))
        return pages[key]

    return page


def everything(mark=""):
    return [write(mark) for write in WRITERS.values()]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The page of everything: a second of work, which many look at."""
    paths = [tmp_path_factory.mktemp("whole") / f"{index}.json" for index in range(len(WRITERS))]
    for path, document in zip(paths, everything(" x"), strict=True):
        path.write_text(json.dumps(document), "utf-8")
    return Page(page_from(paths).decode("utf-8"))


# --- reading the page back ------------------------------------------------------------------------


def rows_of(page, section, index=0):
    """Of a section's table so many before it: the heading of each row -> its other cells."""
    table = page.source.split(f'id="{section}"')[1].split("</table>")[index]
    rows = (re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row) for row in re.findall(r"<tr>(.*?)</tr>", table))
    return {row[0]: row[1:] for row in rows}


# --- the page as a file ---------------------------------------------------------------------------


def test_the_page_asks_for_nothing_from_anywhere(whole):
    assert not [
        tag for tag, _ in whole.tags if tag in ("script", "iframe", "object", "embed", "img", "image", "base", "form")
    ]
    assert not whole.all("src")
    assert not whole.all("xlink:href")
    assert {href[:1] for href in whole.all("href") if href != "data:,"} == {"#"}
    assert not re.search(r"https?:|@import|@font-face", whole.source)
    assert {target[:1] for target in re.findall(r"url\(\s*['\"]?(.)", whole.source)} == {"#"}
    (policy,) = [tag["content"] for _, tag in whole.tags if tag.get("http-equiv") == "Content-Security-Policy"]
    assert policy == "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


def test_the_page_is_small(whole):
    assert len(whole.source.encode()) < 300_000


def test_a_page_too_large_to_mail_is_refused(page_of):
    document = overhead()
    document["answer"] = "µ" * 500_000
    with pytest.raises(report.ReportError, match="above 1,000,000: give it fewer contenders"):
        page_of(document)


def test_the_same_files_make_the_same_bytes_whatever_the_process(files, tmp_path):
    """A process of its own, too, has no Django settings, and needs none."""
    made = []
    for seed in ("1", "2"):
        out = tmp_path / f"{seed}.html"
        environment = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
        subprocess.run(
            [sys.executable, "-m", "benchmarks", "report", *files(*everything()), "--html", out],
            env={**environment, "PYTHONHASHSEED": seed},
            check=True,
            capture_output=True,
        )
        made.append(out.read_bytes())
    assert made[0] == made[1]


def test_rendering_a_report_imports_no_server_and_no_process():
    code = (
        "import sys; import benchmarks.questions.report.command; "
        "print(*(name for name in sys.modules if name.startswith(('benchmarks.servers', 'benchmarks.processes'))))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=servers.ROOT, check=True, capture_output=True, text=True)
    assert done.stdout.split() == []


def test_every_id_is_the_only_one_and_every_reference_finds_one(whole):
    ids = whole.all("id")
    assert len(set(ids)) == len(ids)
    references = {href[1:] for href in whole.all("href") if href.startswith("#")}
    references |= set(re.findall(r"url\(#([^)]+)\)", whole.source))
    assert references <= set(ids)


# --- what is seen ---------------------------------------------------------------------------------


def test_every_picture_has_words_for_who_cannot_see_it_and_its_numbers_in_a_table(whole):
    pictures = [attributes for tag, attributes in whole.tags if tag == "svg"]
    assert len(pictures) == len(whole.figures)
    # forests, frontiers, curve, ladder; load on two servers; distance; load away, and at each distance; growth
    assert len(pictures) == 2 + 2 + 1 + 1 + 2 + 1 + (1 + 4) + 5
    assert all(picture["role"] == "img" and len(picture["aria-label"]) > 40 for picture in pictures)
    for figure in whole.figures:
        numbers = [text for text in figure["svg"] if re.search(r"\d to .*\d", text)]
        assert set(numbers) <= set(figure["table"])
        if "µs per request" in figure["svg"]:  # the curve, whose points have no labels
            assert {"10", "100", "1,000"} <= set(figure["svg"]) & set(figure["table"])
        elif "users" in figure["svg"]:  # growth, neither
            assert {"1,000", "100,000"} <= set(figure["svg"]) & set(figure["table"])
        elif "ms" in figure["svg"]:  # saturation, neither
            assert "99th percentile" in figure["svg"]
            assert {"10.0", "45.0"} & set(figure["table"])
        elif "round trip to the database, ms" in figure["svg"]:
            assert {"0.30 ms", "5.30 ms"} <= set(figure["table"])
        else:
            assert len(numbers) >= 3


def test_a_picture_has_no_colour_but_the_pages(whole):
    styles = " ".join(whole.all("style"))
    assert not re.search(r"#[0-9a-fA-F]{3}", styles)
    assert not [key for _, tag in whole.tags for key in ("fill", "stroke") if key in tag]
    assert set(re.findall(r"var\([^)]+\)", styles)) <= set(COLOURS.values())


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_ink_and_lines_stand_out_from_the_paper(page_of, scheme):
    """WCAG 2.2: 4.5 to 1 for text (1.4.3), 3 to 1 for what a picture is made of (1.4.11)."""
    blocks = re.findall(r":root \{(.*?)\}", page_of(overhead()).source, re.DOTALL)
    assert len(blocks) == 2
    colours = dict(re.findall(r"--([\w-]+): (#\w{6});", blocks[scheme == "dark"]))
    assert {value.removeprefix("var(--").removesuffix(")") for value in COLOURS.values()} <= set(colours)
    for name in ("ink", "faint", "link"):
        assert contrast(colours[name], colours["paper"]) >= 4.5, name
    for name in (name for name in colours if name.startswith("series-")):
        assert contrast(colours[name], colours["paper"]) >= 3, name
    for name in ("good", "mixed", "bad", "band"):
        assert contrast(colours["ink"], colours[name]) >= 4.5, name
    assert contrast(colours["alarm"], colours["alarm-paper"]) >= 4.5


def contrast(one, other):
    """WCAG 2.2, "contrast ratio" and "relative luminance"."""

    def luminance(colour):
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_a_word_stands_in_each_coloured_cell(whole):
    assert re.findall(r'<td class="(?:good|mixed|bad)"></td>', whole.source) == []
    assert {tag["class"] for name, tag in whole.tags if name == "td" and "class" in tag} == {"good", "mixed", "bad"}


def test_the_answer_comes_first(page_of):
    page = page_of(overhead())
    assert page.texts[1:4] == [
        "Token or JWT: what does each cost?",
        "Conclusive",
        "Token or JWT: jwt costs 223 µs more.",
    ]


def test_below_the_answer_stands_where_it_was_measured(page_of):
    expected = "Measured 2026-11-24T03:51:49+00:00, SQLite 3.40.1, 2 x AMD EPYC, CPython 3.11.7, Django 5.2.19."
    assert page_of(overhead()).texts[4] == expected


def test_an_inconclusive_run_is_told_before_anything_else_with_its_reasons(page_of):
    document = overhead()
    document["verdict"] = {"conclusive": False, "reasons": ["the A/A control differs", "the hypervisor took 9 %"]}
    page = page_of(document)
    start = page.texts.index("Inconclusive: decide nothing by this run")
    assert start == 2
    assert {"the A/A control differs", "the hypervisor took 9 %"} <= set(
        page.texts[: page.texts.index("Method and environment")]
    )
    assert ("div", {"class": "verdict inconclusive", "role": "alert"}) in page.tags
    assert "Conclusive" not in page.texts


def test_a_ladder_in_doubt_is_told_at_the_top_and_at_the_ladder(page_of):
    page = page_of(overhead(), ladder())
    assert page.texts[2] == "Conclusive"
    assert page.texts[4:6] == ["Inconclusive: ", "Where the time goes"]
    assert "the rungs of jwt do not add up" in page.texts
    assert "The rungs do not add up to the whole." in page.texts


def test_results_of_different_checkouts_are_told_apart(page_of):
    other = revocation()
    assert "same conditions" not in page_of(overhead(), other).text
    other["environment"]["commit"] = "f" * 40
    other["service"]["database"] = "PostgreSQL"
    text = page_of(overhead(), other).text
    assert "commit: overhead 9ebc36ced171, revocation ffffffffffff" in text
    assert "database: overhead SQLite 3.40.1, revocation PostgreSQL 3.40.1" in text


def test_contests_are_read_from_both_sides(page_of):
    page = page_of(overhead())
    cells = rows_of(page, "contests")
    assert cells[""] == list(SCHEMES)
    assert cells["token"] == ["equivalent", "faster by 17.0", "slower by 268", "·", "faster by 223"]
    assert cells["jwt"] == ["slower by 229", "slower by 206", "slower by 491", "slower by 223", "·"]


def test_a_cell_says_when_each_token_dies(page_of):
    page = page_of(overhead(), revocation())
    cells = rows_of(page, "revocation")
    assert cells["simplejwt"] == ["–", "at access expiry (5 min); refresh token: at once (500)", "at once"]
    assert cells["jwt"] == ["at once", "at once", "within 30 s"]
    assert "user.save(); jwt: by hand" in page.text


def test_another_process_has_a_table_of_its_own(page_of):
    text = page_of(overhead(), revocation()).text
    assert "In another process" in text
    assert "3.2 ms, worst of 2" in text


def test_what_was_faster_before_is_slower_now(page_of):
    cells = rows_of(page_of(overhead(), compare()), "compare")
    assert cells["token"] == ["/whoami/", "372 (362 to 382)", "402 (392 to 412)", "30.0 (20.0 to 40.0)", "slower now"]
    assert cells["jwt"][-1] == "the same within 5"


def test_runs_compared_in_unlike_environments_are_told(page_of):
    page = page_of(overhead(), having(compare(), ["processor: AMD and Intel"], "unlike"))
    assert {"monday.json: steal", "unlike environments: processor: AMD and Intel"} <= set(page.texts)


def test_a_plan_says_what_each_scheme_takes_and_what_is_not_known(page_of):
    page = page_of(overhead(), plan())
    cells = rows_of(page, "plan")
    assert cells["jwt"] == [
        *("39.3 ±10.0", "107,899", "10,503", "77.5 ±10.0", "0.5/1.5/1"),
        *("810.5 MB", "295.8 GB", "at once"),
    ]
    assert cells["knox"] == ["80.0 ±10.0", "200,000", "–", "90.0 ±10.0", "1", "–", "–", "–"]
    assert {"R = users x requests / 86,400 s", "flows: steal"} <= set(page.texts)


def test_the_population_of_a_plan_is_described(page_of):
    page = page_of(overhead(), plan())
    described = rows_of(page, "plan", 1)
    assert described["requests of a user in a day"] == ["50"]
    assert described["lifetime of an access token"] == ["5 min"]
    assert described["utilisation of the cores in that hour"] == ["60%"]


def test_rates_are_compared_with_the_stock_row_turn_by_turn(page_of):
    rates = rows_of(page_of(overhead(), load()), "load", 2)
    assert rates["token on granian"] == [
        *("950 (900 to 1,000)", "2.12 (2.00 to 2.25)"),
        # The stock row was within the bound in one turn only.
        *("855 (810 to 900)", "–", "97%"),
    ]
    assert rates["drf-token on gunicorn"] == ["450 (400 to 500)", "stock", "–", "stock", "97%"]


def test_a_rate_that_was_not_all_answered_is_crossed_and_counted(page_of):
    page = page_of(overhead(), load())
    at_once = page_of(overhead(), having(load(), [], "contenders", 1, "turns", 0, "steps"))
    assert page.source.count("<use ") > at_once.source.count("<use ")
    table = page.figures[-1]["table"]
    lines = [table[i : i + 9] for i in range(9, len(table), 9)]
    assert [line[2] for line in lines] == ["200", "900", "1,000", "180", "810", "900"]
    assert lines[2] == ["token", "1", "1,000", "990", "10.0", "45.0", "35.0", "3", "7"]


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.2, "0.2"), (100_000, "100,000"), (1_000_000, "1 M"), (2_500_000, "2.5 M"), (10_000_000, "10 M")],
)
def test_an_axis_tells_no_exponent(value, text):
    assert plain(value) == text


def test_pictures_of_two_servers_have_the_same_axes(page_of):
    gunicorn, granian = page_of(overhead(), load()).figures[2:]
    ticks = [[text for text in each["svg"] if text[0].isdigit() and text[-1].isdigit()] for each in (gunicorn, granian)]
    assert ticks[0] == ticks[1] != []


def test_what_each_adds_is_drawn_against_the_measured_round_trip(page_of):
    page = page_of(overhead(), distance())
    table = page.figures[-1]["table"]
    assert table[:3] == ["0.30 ms", "1.30 ms", "5.30 ms"]
    assert "5,372 (5,362 to 5,382)" in table
    assert rows_of(page, "distance", 1)["token"] == ["0.99 (0.96 to 1.02)", "1"]
    assert rows_of(page, "distance", 1)["simplejwt-stateless"] == ["−0.01 (−0.04 to 0.02)", "1"]
    assert rows_of(page, "distance", 2) == {"asked for": ["median"], "directly": ["0.08"]} | {
        asked: [took] for asked, took in (("0", "0.30"), ("1", "1.30"), ("5", "5.30"))
    }


def test_rates_at_several_distances_are_drawn_beside_those_of_a_near_database(page_of):
    page = page_of(overhead(), load(), load_away())
    rates = rows_of(page, "load-distance", 0)
    assert rates["token on granian"] == ["950 (900 to 1,000)", "475 (450 to 500)"]
    # The stock row that is as far away
    assert rows_of(page, "load-distance", 5)["token on granian, 5 ms away"][1] == "2.12 (2.00 to 2.25)"
    assert rows_of(page, "load", 2)["token on granian"][0] == "950 (900 to 1,000)"
    one = page_of(overhead(), load(distances=(5.0,)))
    assert one.sections[-2:] == ["load-distance", "method"]
    assert len(one.figures) == 2 + 2


def test_growth_is_drawn_line_by_line_and_what_is_not_above_zero_too(page_of):
    page = page_of(overhead(), scale())
    growth = page.figures[2:]
    assert [{"token", "jwt", "simplejwt", "flushexpiredtokens"} & set(each["svg"]) for each in growth] == [
        {"token", "jwt"},
        {"token", "jwt"},
        {"jwt"},
        {"flushexpiredtokens"},
        {"jwt", "simplejwt"},
    ]
    assert "900" in growth[-1]["table"]
    # 190 bytes a row, and the database does not tell of indexes
    assert rows_of(page, "scale", 5)["auth_user"] == ["100,000", "100,000", "190", "–"]
    faster = having(scale(), around(-1.0), "sizes", 0, "table", "rows", 0, "overhead")
    assert "−1.0 (−11.0 to 9.0)" in page_of(overhead(), faster).figures[2]["table"]
    assert (
        len(
            page_of(overhead(), having(having(scale(), None, "sizes", 0, "upkeep"), None, "sizes", 1, "upkeep")).figures
        )
        == 3
    )


def test_where_valgrind_was_missing_the_section_says_so(page_of):
    page = page_of(overhead(), {**instructions(), "valgrind": None, "rows": []})
    assert "None: valgrind was not installed." in page.texts


def test_crossings_are_numbered_in_the_picture_and_listed_below(page_of):
    page = page_of(overhead(), flows())
    assert "1" in page.figures[-1]["svg"]
    assert rows_of(page, "flows", 1)["1"] == ["token, jwt", "12.9 (12.1 to 13.8)", "token", "jwt"]


# --- which files ----------------------------------------------------------------------------------

SECTIONS = {
    "overhead": ["overhead", "contests"],
    "revocation": ["frontier", "revocation"],
    "flows": ["flows"],
    "ladder": ["ladder"],
    "instructions": ["instructions"],
    "load": ["load"],
    "distance": ["distance"],
    "load --distance": ["load-distance"],
    "scale": ["scale"],
    "plan": ["plan"],
    "compare": ["compare"],
}


@pytest.mark.parametrize("others", [(), *[(name,) for name in WRITERS if name != "overhead"], ("flows", "revocation")])
def test_the_sections_follow_the_files(page_of, others):
    page = page_of(*(WRITERS[name]() for name in ("overhead", *others)))
    expected = {section for name in ("overhead", *others) for section in SECTIONS[name]}
    assert set(page.sections) == {*expected, "method"}
    assert len(page.sections) == len(expected) + 1
    missing = [
        text.removeprefix("python -m benchmarks ") for text in page.texts if text.startswith("python -m benchmarks ")
    ]
    assert set(missing) >= set(WRITERS) - {"overhead", *others}
    for name in set(WRITERS) - {"overhead", *others}:
        assert f"<code>python -m benchmarks {name}</code> makes it" in page.source


def test_a_run_of_one_contender_has_no_contests(page_of):
    document = overhead()
    for table in document["tables"]:
        table["contests"] = []
    page = page_of(document)
    assert page.sections == ["overhead", "method"]


def test_every_result_of_the_table_has_a_section():
    assert {*KINDS, FAR} == set(WRITERS) == set(SECTIONS)


def without(document, *path):
    document = deepcopy(document)
    place = document
    for key in path[:-1]:
        place = place[key]
    del place[path[-1]]
    return document


def having(document, value, *path):
    document = deepcopy(document)
    place = document
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return document


REFUSED = {
    "two of one command": ([overhead(), overhead()], r"0\.json and .*1\.json are both results of overhead"),
    "none of overhead": ([flows()], r"no result of overhead among .*0\.json"),
    "another command's": (
        [{**overhead(), "command": "wire"}],
        "a result of 'wire'; allowed: overhead, rev",
    ),
    "no command's": ([{**overhead(), "command": ["flows"]}], r"a result of \['flows'\]"),
    "another format": ([{**overhead(), "format": 1}], f"format 1; this version reads {results.FORMAT}"),
    "no result": (["[]"], "no result of python -m benchmarks"),
    "no JSON": (["{"], r"0\.json: "),
    "brackets without end": (["[" * 100_000], r"0\.json: "),
    "a field too few": (
        [without(overhead(), "tables", 1, "control", "low")],
        r"missing required field `low` - at `\$\.tables\[1\]\.control`",
    ),
    "no table": ([having(overhead(), [], "tables")], "tables must not be empty"),
    "a text for a number": (
        [having(overhead(), "1e3", "tables", 0, "rows", 2, "overhead", "estimate")],
        r"Expected `float`, got `str` - at `\$\.tables\[0\]\.rows\[2\]\.overhead\.estimate`",
    ),
    "no number": ([having(overhead(), float("nan"), "tables", 0, "control", "low")], "NaN is no measurement"),
    "a number too large": (
        [having(overhead(), 10**400, "tables", 0, "control", "low")],
        r"0000… is no measurement: allowed within ±1e\+15",
    ),
    "a yes for a number": ([having(overhead(), True, "steal")], r"got `bool` - at `\$\.steal`"),
    "an unknown verdict": (
        [having(overhead(), "better", "tables", 0, "contests", 0, "verdict")],
        r"Invalid enum value 'better' - at `\$\.tables\[0\]\.contests\[0\]\.verdict`",
    ),
    "an unknown end": (
        [overhead(), having(revocation(), "soon", "rows", 0, "cells", "logout", "kind")],
        r"Invalid enum value 'soon' - at `\$\.rows\[0\]\.cells\[\.\.\.\]\.kind`",
    ),
    "an end without its seconds": (
        [overhead(), having(revocation(), None, "rows", 4, "cells", "deactivation", "seconds")],
        r"within how many seconds\? - at `\$\.rows\[4\]",
    ),
    "curves of unlike length": (
        [overhead(), having(flows(), [1.0], "curve", "schemes", "jwt", "low")],
        "'jwt' needs 4 figures, as many as there are requests",
    ),
    "two loads of a distance": (
        [overhead(), load_away(), load_away()],
        r"1\.json and .*2\.json are both results of load -",
    ),
    "a load of nobody": ([overhead(), having(load(), [], "contenders")], "contenders must not be empty"),
    "a turn too few": (
        [overhead(), without(load(), "contenders", 1, "turns", 0)],
        "'token on granian' needs 2 turns, as many as the first has",
    ),
    "a step at no rate": (
        [overhead(), having(load(), None, "contenders", 1, "turns", 0, "steps", 0, "offered_per_second")],
        "'token on granian': a step at no rate",
    ),
    "a load at a distance that nobody measured": (
        [overhead(), having(load_away(), 7.0, "contenders", 0, "distance_ms")],
        "no round trip of 7 ms, at which 'drf-token on gunicorn",
    ),
    "no distance": ([overhead(), having(distance(), [], "distances")], "distances must not be empty"),
    "a distance that nobody measured": (
        [overhead(), having(distance(), 7.0, "distances", 1, "distance_ms")],
        "no round trip of 7 ms",
    ),
    "other schemes at another distance": (
        [overhead(), without(distance(), "distances", 1, "table", "rows", 0)],
        "other schemes at 1 ms than at the first distance",
    ),
    "waits of others": (
        [overhead(), without(distance(), "waits", "token")],
        "waits must be of the schemes: token, simplejwt-stateless",
    ),
    "a crossing of nobody": (
        [overhead(), having(flows(), "x", "crossings", 0, "first")],
        "a crossing of 'x', which has no",
    ),
}


@pytest.mark.parametrize(("documents", "message"), REFUSED.values(), ids=REFUSED)
def test_other_files_are_refused_by_name(files, documents, message):
    result = CliRunner().invoke(command, [str(path) for path in files(*documents)])
    assert result.exit_code == 1
    assert re.search(message, result.output.replace("\n", " ")), result.output
    assert not result.exception or isinstance(result.exception, SystemExit)


def test_an_event_that_nobody_tried_is_refused(files):
    arguments = [*map(str, files(overhead(), revocation())), "--event", "eclipse"]
    result = CliRunner().invoke(command, arguments)
    assert result.exit_code == 1
    assert "no event eclipse; it has logout, password change and deactivation" in result.output


def test_the_page_stands_beside_the_run_and_the_screen_says_what_matters(files):
    document = having(overhead(), {"conclusive": False, "reasons": ["steal"]}, "verdict")
    (path,) = files(document)
    result = CliRunner().invoke(command, [str(path)])
    assert result.exit_code == 0, result.output
    assert path.with_suffix(".html").read_text("utf-8").startswith("<!doctype html>")
    assert "INCONCLUSIVE: overhead: steal" in result.output
    assert (
        "Left out, for want of a result: revocation, flows, ladder, instructions, load, distance, load --distance, "
        "scale, plan, compare" in result.output.replace("\n", " ").replace("  ", " ")
    )


# --- whatever a file says, it is text -------------------------------------------------------------


@pytest.mark.parametrize("mark", HOSTILE)
def test_a_hostile_file_adds_no_element_and_no_attribute(page_of, whole, mark):
    harmless, hostile = whole, page_of(*everything(mark))
    assert [tag for tag, _ in hostile.tags] == [tag for tag, _ in harmless.tags]
    assert [set(attributes) for _, attributes in hostile.tags] == [set(attributes) for _, attributes in harmless.tags]
    assert {href[:1] for href in hostile.all("href") if href != "data:,"} == {"#"}


def test_a_name_that_begins_with_an_underscore_is_in_the_legend(page_of):
    document = json.loads(json.dumps(flows()).replace('"jwt"', '"_jwt"'))
    (curve,) = page_of(overhead(), document).figures[2:]
    assert {"token", "_jwt"} <= set(curve["svg"])


def test_a_long_name_is_cut_in_the_picture_and_whole_in_the_table(page_of):
    page = page_of(overhead("x" * 200))
    assert "token" + "x" * 200 in page.figures[0]["table"]
    assert max(map(len, page.figures[0]["svg"])) < 50


# --- the frontier ---------------------------------------------------------------------------------

LIFETIMES = {"access_seconds": 300, "refresh_seconds": 86_400}
ENDS = [
    (Cell("at once"), "at once", 0),
    (Cell("within", 30), "within 30 s", 30),
    (Cell("at access expiry"), "at access expiry (5 min)", 300),
    (Cell("at access expiry", 310), "at access expiry (310 s)", 310),
    (Cell("never"), "never", float("inf")),
    (Cell("at once", refresh=End("never")), "never", float("inf")),
    (Cell("at access expiry", refresh=End("at once")), "at access expiry (5 min)", 300),
    (Cell("at once", refresh=End("at refresh expiry")), "at refresh expiry (1 d)", 86_400),
    (Cell("within", 30, refresh=End("-")), "within 30 s", 30),
]


def table_of(*overheads, contests=()):
    """Schemes a, b, … with so many µs, each known to 10 µs either way."""
    rows = tuple(row(name, x) for name, x in zip("abcd", overheads, strict=False))
    return replace(overhead_record().tables[0], rows=rows, contests=tuple(contests))


def ends_of(*cells):
    """Schemes a, b, … with these cells for a logout."""
    rows = (Ends(name, cells={"logout": cell}, **LIFETIMES) for name, cell in zip("abcd", cells, strict=False))
    return revocation_of(*rows)


@pytest.mark.parametrize(("cell", "delay", "seconds"), ENDS)
def test_a_login_is_over_when_the_last_of_its_tokens_is(cell, delay, seconds):
    (standing,) = frontier.standings(table_of(1), ends_of(cell))
    assert (standing.delay, standing.seconds) == (delay, seconds)
    assert standing.worst == (("logout",) if seconds else ())


def test_in_another_process_it_may_take_longer():
    elsewhere = (Delay("a", "logout", End("within", 30)), Delay("b", "logout", End("at once")))
    revocation = replace(ends_of(NOW, LATER), elsewhere=elsewhere)
    standings = {one.name: one for one in frontier.standings(table_of(1, 2), revocation)}
    assert (standings["a"].seconds, standings["a"].worst) == (30, ("logout",))
    assert standings["b"].seconds == 9


def test_the_worst_event_counts_and_events_that_a_scheme_has_not_do_not():
    cells = {
        "logout": Cell("-"),
        "password change": Cell("within", 9),
        "deactivation": Cell("at once"),
        "deletion": Cell("never"),
    }
    (standing,) = frontier.standings(table_of(1), revocation_of(Ends("a", cells=cells, **LIFETIMES)))
    assert (standing.seconds, standing.worst) == (9, ("password change",))
    assert frontier.standings(table_of(1), ends_of(Cell("-"))) == []


NOW, LATER = Cell("at once"), Cell("within", 9)


def contest(first, second, verdict):
    return Contest(first, second, Interval(0, 0, 0), verdict)


@pytest.mark.parametrize(
    ("overheads", "cells", "contests", "dominated"),
    [
        ((100, 200), (NOW, NOW), [], {"b": ("a",)}),  # as soon, cheaper
        ((100, 200), (LATER, NOW), [], {}),  # cheaper, but later: a choice
        ((200, 100), (LATER, NOW), [], {"a": ("b",)}),  # dearer and later
        ((100, 115), (NOW, NOW), [], {}),  # the intervals touch
        ((100, 115), (NOW, NOW), [contest("a", "b", "faster")], {"b": ("a",)}),  # a contest knows more
        ((100, 115), (NOW, NOW), [contest("b", "a", "slower")], {"b": ("a",)}),  # from either side
        ((100, 200), (NOW, NOW), [contest("a", "b", "inconclusive")], {}),
        ((100, 100), (NOW, NOW), [contest("a", "b", "equivalent")], {}),  # neither is better
        ((100, 100), (NOW, LATER), [contest("a", "b", "equivalent")], {"b": ("a",)}),  # sooner, costs no more
        ((100, 100), (NOW, LATER), [contest("a", "b", "inconclusive")], {}),
        ((100, 200, 300), (NOW, NOW, LATER), [], {"b": ("a",), "c": ("a", "b")}),
    ],
)
def test_a_scheme_is_dominated_by_who_is_as_good_at_both_and_better_at_one(overheads, cells, contests, dominated):
    standings = frontier.standings(table_of(*overheads, contests=contests), ends_of(*cells))
    assert {one.name: one.dominated_by for one in standings if one.dominated_by} == dominated
    assert all(one.overhead.estimate <= other.overhead.estimate for one, other in pairwise(standings))


# --- words ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (595.4, "595"),
        (97.24, "97.2"),
        (-4.2, "−4.2"),
        (-0.04, "0.0"),
        (0, "0.0"),
        (98_000, "98,000"),
        (-1234.5, "−1,234"),
    ],
)
def test_a_figure_has_three_digits_or_a_decimal(value, text):
    assert number(value) == text
    assert interval(Interval(value, value, value)) == f"{text} ({text} to {text})"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(30, "30 s"), (90, "90 s"), (300, "5 min"), (3600, "1 h"), (5400, "90 min"), (86_400, "1 d"), (0.5, "0.5 s")],
)
def test_a_duration_is_in_the_largest_whole_unit(seconds, text):
    assert duration(seconds) == text


def test_a_text_for_a_picture_is_one_printable_line():
    assert short(" a\x00b\n c ") == "a b c"
    assert short("x" * 40, 10) == "x" * 9 + "…"


# --- the schema -----------------------------------------------------------------------------------


def test_the_schema_in_the_documentation_is_the_programs():
    assert json.loads((servers.ROOT / "docs/reference/results.schema.json").read_text("utf-8")) == json.loads(
        json.dumps(schema())
    )


@pytest.mark.parametrize("name", WRITERS)
def test_a_result_keeps_to_the_schema(name):
    jsonschema.Draft202012Validator(schema()).validate(json.loads(json.dumps(WRITERS[name]())))


@pytest.mark.parametrize(
    "document",
    [
        without(overhead(), "tables"),
        without(overhead(), "environment"),
        having(overhead(), 1, "format"),
        having(overhead(), "dance", "command"),
        having(flows(), "soon", "curve"),
    ],
    ids=["no table", "no environment", "another format", "another command", "another curve"],
)
def test_what_is_no_result_breaks_the_schema(document):
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(schema()).validate(document)
