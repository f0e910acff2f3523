"""Pages and searches of the catalogue among many tracks. No test asserts a time."""

import csv
import hashlib
import io
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import jsonschema
import psycopg
import pytest
from click.testing import CliRunner, Result

from benchmarks.__main__ import main
from benchmarks.databases import scratch
from benchmarks.messages import RefusedError
from benchmarks.processes import revisions
from benchmarks.questions.scale.tracks import run as experiment
from benchmarks.questions.scale.tracks import timing
from benchmarks.questions.scale.tracks.messages import Filled, Found, Task
from benchmarks.results.records.versus import Revision
from benchmarks.results.schema import schema
from tests.support import servers
from tests.support.pages import Page
from tests.support.question_results import scale_tracks
from tests.support.reports import page_from, rows_of
from tests.support.results import overhead
from tracks import catalogue

FEW, MANY, OLD = "3,503 tracks", "10,509 tracks", "10,509 tracks, before"


def run(*arguments) -> Result:
    return CliRunner().invoke(main, [*map(str, arguments)])


# --- a process ------------------------------------------------------------------------------------


@pytest.fixture
def tracks(user, settings):
    """Load the first thirty tracks of the catalogue, which fill two pages."""
    settings.CONNECTION, settings.PINNED, settings.BROUGHT = "served", {}, {}
    catalogue.load(catalogue.read(catalogue.CHINOOK)[:30])


@pytest.mark.usefixtures("tracks")
def test_a_process_counts_explains_and_keeps_what_was_answered():
    task = Task(("", "page=2", "page=3", "title__icontains=zzzz"), times=False, seed=1)
    found = timing.run(task, lambda query: None)
    assert {query: bool(digest) for query, digest in found.digests.items()} == {
        "": True,
        "page=2": True,
        "page=3": False,  # it does not exist
        "title__icontains=zzzz": True,
    }
    assert found.statements[""] == found.statements["page=2"] >= 2
    assert set(found.plans) == set(found.statements) == {"", "page=2", "title__icontains=zzzz"}
    assert any("tracks_track" in step for step in found.plans["page=2"])
    assert (found.median_ms, found.again_ms) == ({}, 0.0)


@pytest.mark.usefixtures("tracks")
def test_a_process_times_what_exists_and_the_first_query_twice(monkeypatch):
    monkeypatch.setattr(timing, "SECONDS", 0)
    asked = []
    found = timing.run(Task(("", "page=2", "page=3"), times=True, seed=1), asked.append)
    assert sorted(asked) == ["", "", "page=2"]
    assert set(found.median_ms) == {"", "page=2"}
    assert min(*found.median_ms.values(), found.again_ms) > 0


@pytest.mark.usefixtures("tracks")
def test_a_query_that_the_service_refuses_is_not_timed():
    with pytest.raises(RefusedError, match="ordering=nothing: answers 400, not 200"):
        timing.run(Task(("", "ordering=nothing"), times=True, seed=1), lambda query: None)


# --- the answer -----------------------------------------------------------------------------------

QUERIES = ("", "page=2", "page=300")


def found(first: float, second: float, deep: float | None = None, again: float | None = None) -> Found:
    """Return what a process found of QUERIES, in ms; `deep`: None where there is no such page."""
    medians = {"": first, "page=2": second} | ({} if deep is None else {"page=300": deep})
    digests = {"": "a", "page=2": "b", "page=300": "" if deep is None else "c"}
    steps = {query: ["Seq Scan on tracks_track"] for query in medians}
    return Found(medians, first if again is None else again, digests, dict.fromkeys(medians, 2), steps, 0.0, {})


def record_of(turns: list[dict[str, Found]], revision: Revision | None = None):
    tracks = {FEW: 3503, MANY: 10_509, OLD: 10_509}
    filled = {name: Filled(tracks[name], 1_000_000, 0.0) for name in turns[0]}
    done = tuple(experiment.Turn(0, 0, turn) for turn in turns)
    plan = experiment.Plan((1, 3), "", revision, QUERIES, len(turns), False)
    return experiment.record(experiment.Run(filled, turns[0], done, 0.0, (0.0,)), plan, 0.0)


def test_without_a_revision_a_query_is_compared_with_the_fewest_tracks():
    # The machine's speed differs between turns, the ratio does not. The largest comes first.
    turns = [{MANY: found(speed, 3 * speed, 9), FEW: found(speed, speed)} for speed in (1.0, 2.0, 1.5)]
    record = record_of(turns)
    few, many = record.sizes
    assert (few.tracks, many.tracks) == (3503, 10_509)
    assert (few.missing, many.missing) == (("page=300",), ())
    assert [each.ratio for each in few.queries] == [None, None]
    first, second, deep = many.queries
    assert (first.ratio.estimate, second.ratio.estimate) == (pytest.approx(1), pytest.approx(3))
    assert (deep.time_ms.estimate, deep.ratio, deep.before_ms) == (pytest.approx(9), None, None)
    assert record.verdict.conclusive


def test_with_a_revision_a_query_is_compared_with_the_revisions():
    turns = [{MANY: found(1, speed, 10 * speed), OLD: found(1, speed, 100 * speed)} for speed in (1.0, 2.0)]
    (size,) = record_of(turns, Revision("v1", "9ebc36c")).sizes
    deep = size.queries[2]
    assert deep.ratio.estimate == pytest.approx(0.1)
    assert deep.before_ms.estimate == pytest.approx(150)
    assert deep.before_plan == ("Seq Scan on tracks_track",)


def test_a_first_page_that_differs_from_itself_makes_the_run_inconclusive():
    turns = [{FEW: found(first, 1, again=first + 1)} for first in (1.0, 1.01, 1.02)]
    (reason,) = record_of(turns).verdict.reasons
    assert reason.startswith("the A/A control differs from itself by +1000.0 µs")


def test_queries_with_unlike_bodies_are_named():
    ours, theirs = found(1, 1, 1), found(1, 1)  # the revision has no such page
    assert experiment.unlike({MANY: ours, OLD: theirs}, MANY) == ["page=300"]
    assert experiment.unlike({MANY: ours, OLD: ours}, MANY) == []
    assert experiment.unlike({MANY: ours}, MANY) == []


# --- copies ---------------------------------------------------------------------------------------


@pytest.mark.once
def test_a_sqlite_file_is_copied_with_what_its_log_holds(tmp_path):
    path = tmp_path / "tracks.sqlite3"
    with closing(sqlite3.connect(path)) as source:
        source.execute("PRAGMA journal_mode = WAL")
        source.execute("CREATE TABLE kept (id INTEGER)")
        source.execute("INSERT INTO kept VALUES (7)")
        source.commit()
        with scratch.copy(f"sqlite:///{path}", "served") as copied:
            copy = Path(copied.url.removeprefix(scratch.SQLITE))
            with closing(sqlite3.connect(copy)) as made:
                assert made.execute("SELECT id FROM kept").fetchall() == [(7,)]
                made.execute("DELETE FROM kept")
                made.commit()
        assert not copy.exists()
        assert source.execute("SELECT id FROM kept").fetchall() == [(7,)]


@pytest.mark.once
def test_a_database_that_is_not_there_is_named(tmp_path):
    path = tmp_path / "nothing.sqlite3"
    result = run("scale", "tracks", "--from", f"sqlite:///{path}", "--json", tmp_path / "run.json")
    assert result.exit_code == 1
    assert result.stderr == f"Error: SQLite: {path}: unable to open database file\n"
    assert not path.exists()


@pytest.mark.once
def test_a_postgresql_database_is_copied_and_the_copy_dropped():
    with scratch.scratch("postgresql", None, "served") as source:
        with psycopg.connect(source.url, autocommit=True) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 7 AS id")
        with scratch.copy(source.url, "served") as copied, psycopg.connect(copied.url, autocommit=True) as connection:
            assert connection.execute("DELETE FROM kept RETURNING id").fetchall() == [(7,)]
        with psycopg.connect(source.url, autocommit=True) as connection:
            assert connection.execute("SELECT id FROM kept").fetchall() == [(7,)]
            names = [name for (name,) in connection.execute("SELECT datname FROM pg_database").fetchall()]
            assert len([name for name in names if name.startswith("benchmarks_")]) == 1
            with pytest.raises(scratch.DatabaseError, match="is being accessed by other users"):
                scratch.copy(source.url, "served").__enter__()


# --- the command ----------------------------------------------------------------------------------

TINY = ("--query", "", "--query", "page=200", "--query", "search=love", "--processes", "2", "--plans")


def measured(path: Path, *arguments: str) -> tuple[dict, str]:
    process = servers.run("-m", "benchmarks", "scale", "tracks", *TINY, *arguments, "--json", str(path))
    assert process.returncode in (0, 3), process.stderr
    document = json.loads(path.read_text())
    jsonschema.Draft202012Validator(schema()).validate(document)
    assert process.returncode == (0 if document["verdict"]["conclusive"] else 3)
    assert max(len(line) for line in process.stdout.splitlines() if str(path) not in line) <= 100
    return document, process.stdout


@pytest.mark.once
@pytest.mark.lab
@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_sizes_are_loaded_and_timed_by_turns(database, tmp_path):
    document, shown = measured(tmp_path / "run.json", "--copies", "2", "--copies", "1", "--database", database)
    few, many = document["sizes"]
    assert [(size["tracks"], size["missing"]) for size in (few, many)] == [(3503, ["page=200"]), (7006, [])]
    assert [each["query"] for each in many["queries"]] == ["", "page=200", "search=love"]
    assert all(each["plan"] and each["statements"] for size in (few, many) for each in size["queries"])
    assert [sorted(turn["median_ms"]) for turn in document["turns"]] == [["3,503 tracks", "7,006 tracks"]] * 2
    assert "3,503 tracks have no such page: page=200." in shown


@pytest.mark.once
@pytest.mark.lab
def test_a_revision_answers_from_a_copy_of_a_database_that_stays_as_it_is(tmp_path):
    if not (servers.ROOT / ".git").exists():
        pytest.skip("this is no checkout")
    source = tmp_path / "tracks.sqlite3"
    servers.run("manage.py", "migrate", DATABASE_URL=f"sqlite:///{source}")
    servers.run("manage.py", "load_tracks", DATABASE_URL=f"sqlite:///{source}")
    before = hashlib.sha256(source.read_bytes()).digest()
    document, shown = measured(tmp_path / "run.json", "--from", f"sqlite:///{source}", "--against", "HEAD", "--analyze")
    assert hashlib.sha256(source.read_bytes()).digest() == before
    (size,) = document["sizes"]
    assert (size["tracks"], size["unlike"], document["analyzed"]) == (3503, [], True)
    assert all(each["before_ms"] and each["ratio"] for each in size["queries"])
    assert "The bodies are equal, byte for byte." in shown
    assert document["revision"]["name"] == "HEAD"


@pytest.mark.once
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--copies", "0"), "1<=x<=10000"),
        (("--copies", "10000", "--copies", "9999", "--against", "HEAD"), "fewer, or --database-url"),
        (("--from", "tracks.sqlite3"), "allowed: sqlite:///file, or postgresql://"),
        (("--database", "postgresql", "--from", "sqlite:///x"), "--from names the database: leave out --database"),
        (("--query", "search=two words"), "allowed: a percent-encoded query string"),
        (("--query", "?page=2"), "allowed: a percent-encoded query string"),
        (("--processes", "1"), "x>=2"),
    ],
)
def test_wrong_usage_is_told(arguments, message, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda folder: type("Usage", (), {"free": 50_000_000_000})())
    result = run("scale", "tracks", *arguments)
    assert result.exit_code == 2
    assert message in " ".join(result.output.split())


@pytest.mark.once
def test_an_option_of_scale_before_its_subcommand_is_refused():
    result = run("scale", "--flow-turns", "2", "tracks")
    assert result.exit_code == 2
    assert "--flow-turns belongs to scale, not tracks" in result.output


@pytest.mark.once
def test_a_revision_that_is_none_is_told(tmp_path):
    result = run("scale", "tracks", "--copies", "1", "--against", "nonsense", "--json", tmp_path / "run.json")
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: ")
    with pytest.raises(revisions.RevisionError):
        revisions.commit("nonsense")


# --- what is made of its result -------------------------------------------------------------------


@pytest.mark.once
def test_two_results_are_compared_query_by_query(files):
    before, after = files(scale_tracks(deep=1300.0), scale_tracks(deep=13.0))
    result = run("compare", before, after)
    assert result.exit_code == 3  # the results say themselves that they are inconclusive
    shown = " ".join(result.output.split())
    assert "a request for a page or a search among so many tracks; in ms" in shown
    assert "1,050,900 1,300 (1,300 to 1,300) 13.0 (13.0 to 13.0)" in shown
    assert "−1,287 (−1,287 to −1,287)" in shown


@pytest.mark.once
def test_results_of_two_kinds_are_not_compared(files):
    result = run("compare", *files(overhead(), scale_tracks()))
    assert result.exit_code == 1
    assert "a result of overhead and one of scale tracks; allowed: two of one" in result.output


@pytest.mark.once
def test_the_export_has_a_line_for_each_query(files):
    (path,) = files(scale_tracks())
    lines = list(csv.DictReader(io.StringIO(run("csv", path).output)))
    assert [(line["tracks"], line["query"]) for line in lines] == [
        ("3503", ""),
        ("1050900", ""),
        ("1050900", "ordering=-duration_ms&page=40000"),
    ]
    assert lines[2]["plan"] == "SCAN tracks_track USING COVERING INDEX by_duration"


@pytest.mark.once
def test_the_report_shows_each_query_with_its_plan(files):
    page = Page(page_from(files(overhead(), scale_tracks())).decode("utf-8"))
    deepest = "ordering=-duration_ms&amp;page=40000"
    times = rows_of(page, "scale-tracks", 1)[deepest]
    assert times == ["2", "1,300 (1,295 to 1,305)", "13.0 (12.5 to 13.5)", "0.010 (0.009 to 0.011)"]
    assert rows_of(page, "scale-tracks", 3)[deepest] == ["SCAN tracks_track USING COVERING INDEX by_duration"]
