"""The page over records: what stands on it, and that a stranger's record does nothing there."""

import base64
import hashlib
import os
import re
import subprocess
import sys
from html import unescape

import pytest
from click.testing import CliRunner

from benchmarks.questions.site import page as site
from benchmarks.questions.site.command import command
from benchmarks.results import shared
from tests.support import records
from tests.support.pages import Page
from tests.support.reports import having
from tests.support.results import SCHEMES

pytestmark = pytest.mark.once  # no database

HOSTILE = (
    "<script>alert(1)</script>",
    "</style></table></script><img src=x onerror=alert(1)>",
    "\" onload='alert(1)' style=\"background:url(//evil.example)",
    "{{ style }}{% include 'report.html' %}",
    "\x00\x1b[31m\n\t\u202e漢字 🦊",
    "\ud800 half a pair",
    "javascript:alert(1)//" + "x" * 10_000,
    "漢" * 1000,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a folder of three records."""
    folder = tmp_path_factory.mktemp("records") / "records"
    records.make(folder, *records.results(), records.away())
    other = {"database": "PostgreSQL", "database_version": "18.6", "connection": "pool"}
    records.make(folder, *records.results(**other), label="postgresql")
    newer = [
        having(
            having(each, {"Django": "6.1.3", "djangorestframework": "3.18.3"}, "environment", "packages"),
            "CPython 3.13.0",
            "environment",
            "python",
        )
        for each in records.results()
    ]
    doubt = {"conclusive": False, "reasons": ["the run waited"]}
    records.make(folder, having(newer[0], doubt, "verdict"), *newer[1:], machine="box")
    return folder


def page_of(folder) -> Page:
    return Page(site.html([shared.read(each) for each in shared.folders([folder])]).decode("utf-8"))


@pytest.fixture(scope="module")
def page(folder):
    return page_of(folder)


def test_it_asks_for_nothing_and_runs_no_script_but_its_own(page):
    assert not [tag for tag, _ in page.tags if tag in ("iframe", "object", "embed", "img", "base")]
    assert not page.all("src")
    assert not page.all("style")
    assert {href[:1] for href in page.all("href") if href != "data:,"} == {"#"}
    assert not re.search(r"https?:|@import|@font-face|url\(", page.source)
    assert not [name for _, attributes in page.tags for name in attributes if name.startswith("on")]
    (policy,) = [tag["content"] for _, tag in page.tags if tag.get("http-equiv") == "Content-Security-Policy"]
    for tag in ("style", "script"):
        (source,) = re.findall(rf"<{tag}>(.*?)</{tag}>", page.source, re.DOTALL)
        found = base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{found}'" in policy
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy


def test_the_newest_day_comes_first(tmp_path):
    for day in ("2026-11-24", "2026-11-26", "2026-11-25"):
        dated = [having(each, f"{day}T03:51:49+00:00", "date") for each in records.results()]
        records.make(tmp_path / "records", *dated, machine="m")
    names = [attributes["id"] for tag, attributes in page_of(tmp_path / "records").tags if tag == "article"]
    assert names == ["2026-11-26-m", "2026-11-25-m", "2026-11-24-m"]


def test_every_record_has_a_line_and_a_section(page):
    names = [attributes["id"] for tag, attributes in page.tags if tag == "article"]
    assert names == [f"2026-11-24-{name}" for name in ("amd-epyc-2-cores", "amd-epyc-2-cores-postgresql", "box")]
    marked = [attributes["data-record"] for tag, attributes in page.tags if tag == "tr" and "data-record" in attributes]
    assert marked == names


def test_filters_offer_what_the_records_have(page):
    options = {
        name: re.findall(r"<option>(.*?)</option>", text)
        for name, text in re.findall(r'<select id="by-\w+" name="(\w+)">(.*?)</select>', page.source, re.DOTALL)
    }
    assert options == {
        "database": ["PostgreSQL", "SQLite"],
        "connection": ["pool", "served"],
        "machine": ["amd-epyc-2-cores", "box"],
        "python": ["CPython 3.11", "CPython 3.13"],
        "django": ["5.2", "6.1"],
        "drf": ["3.18", "unknown"],
    }
    for _, attributes in page.tags:
        if "data-record" in attributes:
            assert {name: attributes[f"data-{name}"] in options[name] for name in options} == dict.fromkeys(
                options, True
            )


def test_versions_are_sorted_as_numbers():
    assert sorted(["3.13", "3.9", "3.10", "unknown"], key=site._by_number) == ["3.9", "3.10", "3.13", "unknown"]


def test_every_contest_has_a_permalink_of_its_own(page):
    bouts = [attributes["id"] for tag, attributes in page.tags if tag == "li" and "id" in attributes]
    assert "2026-11-24-amd-epyc-2-cores/overhead/whoami/jwt/token" in bouts
    assert "2026-11-24-amd-epyc-2-cores/distance/whoami/5/jwt/token" in bouts
    whole = len(SCHEMES) * (len(SCHEMES) - 1) // 2
    assert sum(each.startswith("2026-11-24-box/overhead/tracks/") for each in bouts) == whole
    ids = page.all("id")
    assert len(ids) == len(set(ids))
    targets = {href[1:] for href in page.all("href") if href.startswith("#")}
    assert targets <= set(ids)
    assert set(bouts) <= targets


def test_a_contest_begins_with_who_is_faster(page):
    text = re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]*>", " ", page.source)))
    assert "token is faster than jwt by 223 (213 to 233) µs" in text
    assert "drf-token costs the same as token +6.0 (−4.0 to +16.0) µs, within 5" in text
    assert "simplejwt-stateless is faster than drf-token by 262 (252 to 272) µs" in text


def test_an_inconclusive_result_says_so_with_its_reason(page):
    *_, box = page.source.split("<article")
    assert 'overhead <span class="doubt">inconclusive</span>' in box
    assert "<li>the run waited</li>" in box
    (line,) = re.findall(r'<tr data-record="2026-11-24-box".*', page.source)
    assert '<span class="doubt">inconclusive</span>' in line


def test_without_a_script_everything_is_shown_but_the_filters(page):
    hidden = [attributes.get("id") for _, attributes in page.tags if "hidden" in attributes]
    assert hidden == ["filters", "shown"]
    assert all("open" in attributes for tag, attributes in page.tags if tag == "details")


@pytest.mark.parametrize("mark", HOSTILE, ids=range(len(HOSTILE)))
def test_a_strangers_texts_are_only_texts(tmp_path, page, mark):
    folder = records.make(tmp_path / "records", *records.results(mark, database=mark, connection=mark), machine="m")
    found = page_of(folder)
    plain = page_of(records.make(tmp_path / "plain", *records.results(), machine="m"))
    assert [tag for tag, _ in found.tags] == [tag for tag, _ in plain.tags]
    known = {(tag, name) for tag, attributes in plain.tags for name in attributes}
    assert {(tag, name) for tag, attributes in found.tags for name in attributes} <= known
    assert all(len(value or "") < 2500 for _, attributes in found.tags for value in attributes.values())
    assert not re.search("[\x00\x1b\u202e]", found.source)
    assert "\\u202e" in found.source or "\u202e" not in mark


def test_a_page_that_is_too_large_is_refused(folder, monkeypatch):
    monkeypatch.setattr(site, "LARGEST", 10_000)
    with pytest.raises(
        shared.ResultError, match=r"page of 3 records would have [\d,]+ bytes, above 10,000: name fewer"
    ):
        page_of(folder)


def test_forty_records_fit_on_a_page(page):
    assert len(page.source.encode()) / 3 < 25_000


def test_the_command_writes_the_page_and_the_same_records_make_the_same_bytes(folder, tmp_path):
    """A fresh process, which has no Django settings, writes the same bytes."""
    made = []
    for seed in ("1", "2"):
        environment = {name: text for name, text in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks", "site", folder, "--out", tmp_path / seed],
            env={**environment, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        assert re.fullmatch(r"Written: \S+/index\.html \(3 records, \d+ kB\)\n", done.stdout)
        made.append((tmp_path / seed / "index.html").read_bytes())
    assert made[0] == made[1]


def test_a_bad_record_is_one_line_with_its_file_and_reason(tmp_path):
    folder = records.make(tmp_path / "records", *records.results())
    for file, value, reason in (("overhead.json", 9, "this version reads 3"), ("record.json", 7, "reads 1")):
        records.change(folder / file, value, "format")
        done = CliRunner().invoke(command, [str(tmp_path / "records"), "--out", str(tmp_path / "site")])
        assert done.exit_code == 1
        assert re.fullmatch(rf"Error: \S+/{file}: format {value}; .*{reason}\n", done.output)
    records.change(folder / "record.json", 1, "format")
    records.change(folder / "overhead.json", 3, "format")
    records.change(folder / "overhead.json", "a\nb\x1b[2J", "tables", 0, "contests", 0, "verdict")
    done = CliRunner().invoke(command, [str(folder), "--out", str(tmp_path / "site")])
    assert (done.exit_code, done.output.count("\n"), "\x1b" in done.output) == (1, 1, False)
    assert "overhead.json: Invalid enum value" in done.output
    assert not (tmp_path / "site/index.html").exists()
