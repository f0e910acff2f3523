"""Somebody's class compared with a revision of it: `versus --of`. No test asserts a time."""

import html
import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import jsonschema
import pytest
from click.testing import CliRunner
from markdown_it import MarkdownIt

from benchmarks.messages import ANONYMOUS, Blocks, Entry, Facts, Sample
from benchmarks.processes.repositories import Repository
from benchmarks.processes.revisions import RevisionError
from benchmarks.processes.turns import Run, Turn
from benchmarks.questions.versus import comment, tables, verdict
from benchmarks.questions.versus.command import command
from benchmarks.questions.versus.run import AFTER, AGAIN, BEFORE, analyse
from benchmarks.results.records.versus import Added, Class, Revision, Versus
from benchmarks.results.schema import schema
from benchmarks.stats.intervals import Interval
from benchmarks.stats.verdicts import Verdict
from tests.support import servers
from tests.support.question_results import by_turns
from tests.support.shop_class import ASKING, ELSEWHERE, ENDING, GROWING, HONEST, SCHEME, Shop

pytestmark = pytest.mark.once

URL = "/whoami/"
BASE, HEAD = "b" * 40, "a" * 40
MACHINE = {"cores": 2, "processor": "EPYC", "python": "CPython 3.11.7", "packages": {"Django": "5.2.19"}}


# --- the repository -------------------------------------------------------------------------------


def files(folder) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.fixture
def shop(tmp_path):
    return Shop(tmp_path / "shop", HONEST)


def test_the_head_is_the_working_tree_and_the_base_is_the_commit(shop, tmp_path):
    shop.commit({".gitignore": "ignored\n", ".gitattributes": "shop/auth.py export-ignore\n", "old.py": "", "a b": ""})
    shop.write({"shop/auth.py": "changed", "shop/new.py": "", "old.py": None, "ignored": ""})
    (shop.folder / "link").symlink_to("a b")
    before = shop.git("status", "--porcelain"), (shop.folder / ".git/index").read_bytes()
    repository = Repository.around(shop.folder)
    head = files(repository.copy(tmp_path / "head"))
    assert head["shop/auth.py"] == "changed"
    assert {"shop/new.py", "link"} <= head.keys()
    assert not {"old.py", "ignored"} & head.keys()
    assert (tmp_path / "head/link").is_symlink()
    base = files(repository.lay_out(repository.commit("HEAD"), tmp_path / "base"))
    assert base["shop/auth.py"] == HONEST["shop/auth.py"]
    assert "old.py" in base
    assert not {"shop/new.py", "link"} & base.keys()
    assert (shop.git("status", "--porcelain"), (shop.folder / ".git/index").read_bytes()) == before
    assert repository.is_changed()


def test_python_imports_from_the_folder_that_is_named(shop, tmp_path):
    shop.commit({"src/deep.py": ""})
    repository = Repository.around(shop.folder / "src")
    assert repository.copy(tmp_path / "head") == tmp_path / "head/src"
    before = repository.lay_out(repository.commit("HEAD^1"), tmp_path / "base")
    assert list(before.iterdir()) == []  # the folder is new


def test_a_folder_without_a_repository_and_a_missing_commit_are_named(shop, tmp_path):
    with pytest.raises(RevisionError, match=f"{tmp_path}: .*not a git repository"):
        Repository.around(tmp_path)
    with pytest.raises(RevisionError, match=r"HEAD\^1: no such commit"):
        Repository.around(shop.folder).commit("HEAD^1")


@pytest.mark.parametrize(
    ("contender", "why"),
    [
        ((), "--contender anonymous: name a package.module:SCHEME"),
        (("--contender", "token"), "--contender token: name a package.module:SCHEME"),
        (("--contender", "tests.cost:SCHEME"), "the lab has a package tests itself"),
    ],
)
def test_a_contender_that_is_not_of_the_repository_is_refused(shop, contender, why):
    result = CliRunner().invoke(command, ("HEAD", "--of", str(shop.folder), *contender))
    assert result.exit_code == 2
    assert why in result.output.replace("\n", " ")


# --- the verdict ----------------------------------------------------------------------------------


def run_of(**adds) -> Run:
    """Return a run in which the class adds so much at each place in each turn, in µs.

    A request without the class takes longer in the copy of the head.
    """

    def sample(microseconds: float, alone: float) -> Sample:
        p25 = {ANONYMOUS: [1000 * alone] * 4, "shop": [1000 * (alone + microseconds)] * 4}
        return Sample([Entry(name) for name in p25], {}, {}, {}, blocks={URL: Blocks([()], p25, p25, p25, p25)})

    alone = {AGAIN: 110}
    turns = zip(*([sample(each, alone.get(name, 100)) for each in adds[name]] for name in adds), strict=True)
    return Run({URL: 4}, {}, tuple(Turn(0, 0, dict(zip(adds, each, strict=True))) for each in turns), 0.0, (0.0,))


OF = Class(SCHEME, HEAD, uncommitted=False)


def test_the_control_is_what_a_copy_of_the_head_adds():
    run = run_of(**{BEFORE: [30, 31, 30], AFTER: [50, 51, 50], AGAIN: [50, 50, 51]})
    found = analyse(run, URL, "shop", margin_us=5, of=OF)
    assert found.adds.difference.estimate == pytest.approx(20)
    assert found.adds.now == "slower"
    assert found.control.estimate == pytest.approx(0)
    assert found.run.conclusive


def test_a_head_without_a_base_is_measured_alone():
    found = analyse(run_of(**{AFTER: [50, 51, 50], AGAIN: [50, 51, 50.1]}), URL, "shop", margin_us=5, of=OF)
    assert (found.before, found.difference, found.ratio, found.verdict) == (None,) * 4
    assert (found.adds.before, found.adds.difference, found.adds.now) == (None,) * 3
    assert found.adds.after.estimate == pytest.approx(151 / 3)
    assert found.run.conclusive


def test_a_head_alone_whose_interval_says_nothing_is_inconclusive():
    found = analyse(run_of(**{AFTER: [50, 51, 50], AGAIN: [20, 90, 50]}), URL, "shop", margin_us=5, of=OF)
    (reason,) = found.run.reasons
    assert "more than half of what shop adds" in reason


def record_of(difference: Interval | None, now: str | None, *, doubts=(), of: Class | None = OF, **others) -> Versus:
    request = Interval(150, 149, 151)
    given = {
        **by_turns(),
        "verdict": Verdict.of(doubts),
        "revision": Revision("HEAD^1", BASE),
        "url": URL,
        "contender": "shop",
        "unlike": "",
        "margin_us": 5.0,
        "before": difference and request,
        "after": request,
        "difference": difference,
        "ratio": None,
        "now": now,
        "adds": Added(difference and request, request, difference, now),
        "control": Interval(0.1, -0.2, 0.4),
        "facts": {name: Facts(1, 60, 40) for name in ((BEFORE,) if difference else ()) + (AFTER, AGAIN)},
        "of": of,
    }
    service = {"database": "SQLite", "database_version": "3", "transport": "in process", "switches": {}}
    service |= {"connection": "served", "connection_policy": {"CONN_MAX_AGE": None}}
    return Versus(**{**given, "service": service, **others})


SLOW, NONE, WIDE = Interval(20, 19, 21), Interval(0.5, -1, 2), Interval(3, -10, 16)
RECORDS = {
    "slower": record_of(SLOW, "slower"),
    "faster": record_of(Interval(-20, -21, -19), "faster"),
    "same": record_of(NONE, "equivalent"),
    "cannot-tell": record_of(WIDE, "inconclusive"),
    "only-head": record_of(None, None, of=replace(OF, no_base="base: no module shop")),
}


def test_the_lines_of_the_table_are_base_and_head():
    record = record_of(NONE, "equivalent", revision=Revision("HEAD", HEAD), of=replace(OF, uncommitted=True))
    (column, *_) = tables.of(record).columns
    assert list(column.cells) == ["base: HEAD (aaaaaaaaaaaa)", "head: aaaaaaaaaaaa with uncommitted changes"]
    assert "compared with the base HEAD" in tables.answer(record)


@pytest.mark.parametrize("word", RECORDS)
def test_the_verdict_is_a_word(word):
    assert verdict.word(RECORDS[word]) == word
    assert word in verdict.WORDS


@pytest.mark.parametrize(
    ("record", "most_us", "code"),
    [
        (RECORDS["slower"], None, 0),
        (RECORDS["slower"], 0, 4),
        (RECORDS["slower"], 18.9, 4),
        (RECORDS["slower"], 19.5, 0),  # not proven
        (RECORDS["same"], 0, 0),
        (RECORDS["faster"], 0, 0),
        (RECORDS["only-head"], 0, 0),
        (RECORDS["cannot-tell"], None, 3),
        (record_of(SLOW, "slower", doubts=["busy"]), 0, 3),
        (record_of(WIDE, "inconclusive", of=None), None, 0),  # as a comparison of revisions always was
        (record_of(WIDE, "inconclusive", of=None), 0, 3),
        (record_of(SLOW, "slower", of=None, adds=None), 10, 4),
        (record_of(SLOW, "slower", verdict=Verdict(False, ("SIGINT ended the run",), exit_code=130)), None, 130),
        (record_of(SLOW, "slower", verdict=Verdict(False, ("SIGTERM ended the run",), exit_code=143)), 0, 143),
    ],
)
def test_only_a_proven_regression_is_too_slow(record, most_us, code):
    assert verdict.exit_code(record, most_us) == code


# --- the comment ----------------------------------------------------------------------------------

HOSTILE = '<img src=x>`*|_ @ada #1 [a](b) http://a.example www.a.example -->\n\n# x <script>"'
TAGS = {"code", "pre", "details", "summary", "p", "strong", "table", "thead", "tbody", "tr", "th", "td", "ul", "li"}


class Read(HTMLParser):
    """The tags of a page, and its text apart from that in code and pre."""

    def __init__(self, markdown: str):
        super().__init__()
        self.tags, self.text, self._open, self.comments = set(), "", [], []
        renderer = MarkdownIt("commonmark", {"html": True}).enable("table")
        self.feed(renderer.render(markdown))

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self._open.append(tag)

    def handle_endtag(self, tag):
        self._open.remove(tag)

    def handle_data(self, data):
        if not {"code", "pre"} & set(self._open):
            self.text += data

    def handle_comment(self, data):
        self.comments.append(data.strip())


@pytest.mark.parametrize(
    ("record", "first"),
    [
        (RECORDS["slower"], "**Slower by 20.0 (19.0 to 21.0) µs, more than the 10 µs allowed**"),
        (RECORDS["faster"], "**Faster by 20.0 (19.0 to 21.0) µs**"),
        (RECORDS["same"], "**The same within 5 µs**"),
        (RECORDS["cannot-tell"], "**Cannot tell whether this costs more**"),
        (RECORDS["only-head"], "**Only the head was measured: it adds 150 (149 to 151) µs**"),
        (record_of(SLOW, "slower", doubts=["too busy"]), "**Cannot tell whether this costs more**"),
    ],
)
def test_the_first_line_of_the_comment_is_the_verdict(record, first):
    written = comment.of(record, MACHINE, 10)
    assert written.splitlines()[0].startswith(f"{first}: <code>shop</code>")
    found = Read(written)
    assert {"table", "details"} <= found.tags <= TAGS
    assert found.comments == [
        "token-or-jwt versus shop.cost:SCHEME /whoami/",
        f"verdict: {verdict.word(record)}",
    ]
    assert "150 (149 to 151)" in found.text
    assert ("estimates" in found.text) == (not record.verdict.conclusive)
    assert ("--budget" in found.text) == (record is RECORDS["cannot-tell"])


def test_no_name_acts_in_the_comment():
    record = record_of(
        NONE,
        "equivalent",
        contender=HOSTILE,
        url=f"/{HOSTILE}",
        unlike=HOSTILE,
        revision=Revision(HOSTILE, BASE),
        of=Class(HOSTILE, HEAD, uncommitted=True),
    )
    for written in (comment.of(record, MACHINE), comment.refused(HOSTILE, HOSTILE, HOSTILE)):
        found = Read(written)
        assert found.tags <= TAGS
        assert len(found.comments) == 2
        assert not {"@", "#"} & set(found.text)  # the rest is in code, where GitHub looks for no names


def test_a_refusal_has_the_marker_of_the_run_that_it_stands_for():
    markers = {
        text.splitlines()[-2] for text in (comment.of(RECORDS["same"], MACHINE), comment.refused("", SCHEME, URL))
    }
    assert markers == {"<!-- token-or-jwt versus shop.cost:SCHEME /whoami/ -->"}


# --- whole runs -----------------------------------------------------------------------------------


def versus(tmp_path, shop: Shop, revision: str = "HEAD", *more: str):
    """Return the exit code, the result, the comment and the messages of the smallest run."""
    result, text = tmp_path / "result.json", tmp_path / "comment.md"
    command = ("versus", revision, "--of", str(shop.folder), "--contender", SCHEME, "--url", URL)
    small = ("--processes", "2", "--rounds", "1", "--json", str(result), "--comment", str(text))
    done = servers.run("-m", "benchmarks", *command, *small, *more)
    document = json.loads(result.read_text()) if result.exists() else None
    return done.returncode, document, text.read_text("utf-8"), done.stderr


@pytest.mark.lab
def test_a_head_that_asks_more_is_compared_with_its_base(shop, tmp_path):
    shop.write(ASKING)
    code, document, written, errors = versus(tmp_path, shop)
    assert code in (0, 3), errors
    jsonschema.Draft202012Validator(schema()).validate(document)
    assert document["of"] == {
        "scheme": SCHEME,
        "head": shop.git("rev-parse", "HEAD"),
        "uncommitted": True,
        "no_base": "",
    }
    assert [sorted(turn["blocks"]) for turn in document["turns"]] == [sorted((BEFORE, AFTER, AGAIN))] * 2
    statements = {place: facts["sql_statements"] for place, facts in document["facts"].items()}
    assert statements == {BEFORE: 1, AFTER: 2, AGAIN: 2}
    assert "with uncommitted changes" in written


@pytest.mark.lab
def test_a_base_that_is_refused_leaves_the_head_to_measure(tmp_path):
    shop = Shop(tmp_path / "shop", {**HONEST, **GROWING}, HONEST)
    code, document, written, errors = versus(tmp_path, shop, "HEAD^1")
    assert code in (0, 3), errors
    assert document["of"]["no_base"].startswith("base: shop at /whoami/: ")
    assert "SQL statements" in document["of"]["no_base"]
    assert document["of"]["no_base"] in html.unescape(written)


@pytest.mark.lab
def test_a_base_whose_process_fails_opens_no_gate(tmp_path):
    shop = Shop(tmp_path / "shop", {**HONEST, **ENDING}, HONEST)
    code, document, written, errors = versus(tmp_path, shop, "HEAD^1", "--fail-above", "0")
    assert (code, document) == (1, None), errors
    assert re.search("base: a process failed, so nothing is compared: .* ended with 9", " ".join(errors.split()))
    assert "base: a process failed" in html.unescape(written)


@pytest.mark.lab
def test_a_base_whose_class_lies_elsewhere_leaves_the_head_to_measure(tmp_path):
    shop = Shop(tmp_path / "shop", {**HONEST, **ELSEWHERE}, HONEST)
    code, document, _, errors = versus(tmp_path, shop, "HEAD^1")
    assert code in (0, 3), errors
    assert document["of"]["no_base"].startswith("base: rest_framework.authentication.TokenAuthentication comes from ")


@pytest.mark.lab
def test_a_class_that_lies_outside_the_repository_is_refused(shop, tmp_path):
    shop.write(ELSEWHERE)
    code, _, _, errors = versus(tmp_path, shop)
    assert code == 1
    assert "head: rest_framework.authentication.TokenAuthentication comes from" in errors
