"""The report as a page: it needs no other file, says what its results say, and nothing else."""

import json
import os
import re
import subprocess
import sys

import pytest

from benchmarks.questions.report.sections import FAR, PURPOSES
from benchmarks.reporting import page as report
from benchmarks.reporting.pictures.drawing import COLOURS
from benchmarks.results.records import RESULTS
from tests.support import servers
from tests.support.question_results import (
    WRITERS,
    flows,
    revocation,
)
from tests.support.reports import everything
from tests.support.results import ladder, overhead

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
    assert len(whole.source.encode()) < 350_000


def test_a_page_too_large_to_mail_is_refused(page_of):
    document = overhead()
    document["answer"] = "µ" * 500_000
    with pytest.raises(report.ReportError, match="above 1,000,000: give it fewer contenders"):
        page_of(document)


def test_the_same_files_make_the_same_bytes_whatever_the_process(files, tmp_path):
    """A fresh process, which has no Django settings, writes the same bytes."""
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


# --- the pictures ---------------------------------------------------------------------------------


def test_every_picture_has_words_for_who_cannot_see_it_and_its_numbers_in_a_table(whole):
    pictures = [attributes for tag, attributes in whole.tags if tag == "svg"]
    assert len(pictures) == len(whole.figures)
    # forests, frontiers, over HTTP, curves and panels, ladder; load on two servers; distance; load
    # away, and at each distance; growth
    assert len(pictures) == 2 + 2 + 1 + 2 + 1 + 2 + 1 + (1 + 4) + 5
    assert all(picture["role"] == "img" and len(picture["aria-label"]) > 40 for picture in pictures)
    for figure in whole.figures:
        numbers = [text for text in figure["svg"] if re.search(r"\d to .*\d", text)]
        assert set(numbers) <= set(figure["table"])
        if "requests per access lifetime" in figure["svg"] and "µs" not in figure["svg"]:
            assert {"10", "100", "1,000"} <= set(figure["svg"]) & set(figure["table"])  # whose points have no labels
        elif "requests per access lifetime" in figure["svg"]:  # a panel's are in the table with their intervals
            assert {"1,272", "373"} <= set(figure["svg"])
            assert "1,272 (1,145 to 1,399)" in figure["table"]
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
    """WCAG 2.2: text needs 4.5 to 1 (1.4.3), and the parts of a picture 3 to 1 (1.4.11)."""
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
    """Return the contrast ratio of two colours as WCAG 2.2 defines it."""

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
    assert page.texts[5] == "Which one?"


def test_below_the_answer_stands_where_it_was_measured(page_of):
    expected = "Measured 2026-11-24T03:51:49+00:00, SQLite 3.40.1, 2 x AMD EPYC, CPython 3.11.7, Django 5.2.19."
    assert page_of(overhead()).texts[4] == expected


def test_an_inconclusive_run_is_told_before_anything_else_with_its_reasons(page_of):
    document = overhead()
    document["verdict"] = {"conclusive": False, "reasons": ["the A/A control differs", "the hypervisor took 9 %"]}
    page = page_of(document)
    start = page.texts.index("Inconclusive: do not decide by this run")
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
    assert "different conditions" not in page_of(overhead(), other).text
    other["environment"]["commit"] = "f" * 40
    other["service"]["database"] = "PostgreSQL"
    text = page_of(overhead(), other).text
    assert "commit: overhead 9ebc36ced171, revocation ffffffffffff" in text
    assert "database: overhead SQLite 3.40.1, revocation PostgreSQL 3.40.1" in text


# --- which files ----------------------------------------------------------------------------------

SECTIONS = {
    "overhead": ["overhead", "contests"],
    "wire": ["wire"],
    "revocation": ["frontier", "revocation"],
    "flows": ["flows"],
    "ladder": ["ladder"],
    "instructions": ["instructions"],
    "load": ["load"],
    "distance": ["distance"],
    "load --distance": ["load-distance"],
    "scale": ["scale"],
    "scale tracks": ["scale-tracks"],
    "plan": ["plan"],
    "compare": ["compare"],
    "versus": ["versus"],
    "proposals": ["proposals"],
    "refreshes": ["refreshes"],
    "selftest": ["of-selftest"],
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
    assert set(missing) >= set(PURPOSES) - set(others)
    for name in set(PURPOSES) - set(others):
        assert f"run <code>python -m benchmarks {name}</code>" in page.source


def test_a_run_of_one_contender_has_no_contests(page_of):
    document = overhead()
    for table in document["tables"]:
        table["contests"] = []
    page = page_of(document)
    assert page.sections == ["overhead", "method"]


def test_every_result_of_the_table_has_a_section():
    assert {*RESULTS, FAR} == set(WRITERS) == set(SECTIONS)


# --- a file's words are text, never markup --------------------------------------------------------


@pytest.mark.parametrize("mark", HOSTILE)
def test_a_hostile_file_adds_no_element_and_no_attribute(page_of, whole, mark):
    harmless, hostile = whole, page_of(*everything(mark))
    assert [tag for tag, _ in hostile.tags] == [tag for tag, _ in harmless.tags]
    assert [set(attributes) for _, attributes in hostile.tags] == [set(attributes) for _, attributes in harmless.tags]
    assert {href[:1] for href in hostile.all("href") if href != "data:,"} == {"#"}


def test_a_name_that_begins_with_an_underscore_is_in_the_picture(page_of):
    document = json.loads(json.dumps(flows()).replace('"jwt"', '"_jwt"'))
    for picture in page_of(overhead(), document).figures[2:]:
        assert {"token", "_jwt"} <= set(picture["svg"])


def test_a_long_name_is_cut_in_the_picture_and_whole_in_the_table(page_of):
    page = page_of(overhead("x" * 200))
    assert "token" + "x" * 200 in page.figures[0]["table"]
    assert max(map(len, page.figures[0]["svg"])) < 50
