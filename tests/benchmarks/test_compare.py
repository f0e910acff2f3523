"""The comparison of two runs, and the export of one as CSV."""

import csv
import io
import json
from dataclasses import replace

import pytest
from click.testing import CliRunner, Result

from benchmarks.__main__ import main
from benchmarks.messages import ANONYMOUS
from benchmarks.results import comparison
from benchmarks.results.files import FORMAT
from tests.support.results import SCATTER, environment, overhead_of, run_of

pytestmark = pytest.mark.once


def run(*arguments) -> Result:
    return CliRunner().invoke(main, [*map(str, arguments)])


@pytest.fixture
def saved(tmp_path):
    def save(name: str, document: dict):
        path = tmp_path / name
        path.write_text(json.dumps(document))
        return path

    return save


def test_each_contender_is_compared_with_itself():
    before = run_of({"token": 300, "jwt": 500, "gone": 1})
    after = run_of({"jwt": 450, "token": 301, "new": 1}, anonymous=240)
    changes = comparison.compare(comparison.figures_of(before), comparison.figures_of(after), margin_us=5)
    assert {change.name: (change.difference.estimate, change.verdict) for change in changes} == {
        ANONYMOUS: (pytest.approx(40), "faster"),  # before, compared with now
        "token": (pytest.approx(1), "equivalent"),
        "jwt": (pytest.approx(-50), "slower"),
    }


def conditions(part: str = "", **others) -> comparison.Conditions:
    """Return the conditions of a run, with other values in one part."""
    record = run_of({"token": 300})
    found = comparison.Conditions(environment(), record.service, record.plan)
    if part == "environment":
        return replace(found, environment=replace(found.environment, **others))
    return replace(found, **{part: {**getattr(found, part), **others}}) if part else found


@pytest.mark.parametrize(("part", "name"), comparison.ALIKE, ids=lambda word: word)
def test_unlike_environments_are_refused_unless_told_otherwise(part, name):
    before = conditions()
    assert comparison.differences(before, conditions()) == []
    assert comparison.differences(before, conditions(part, **{name: "another"})) == [
        f"{name}: {before.get(part, name)} and another"
    ]


def test_other_versions_are_what_is_to_be_compared():
    before = replace(environment(), packages={"Django": "5.2.19"}, commit="abc")
    after = replace(before, packages={"Django": "5.2.20"}, commit="def")
    assert comparison.differences(conditions(), replace(conditions(), environment=after)) == []
    assert comparison.versions(before, after) == ["Django: 5.2.19 and 5.2.20", "commit: abc and def"]


def test_the_command_refuses_and_names_what_is_unlike_and_how_to_go_on(saved):
    before, other = overhead_of({"token": 300}), overhead_of({"token": 300})
    other["service"]["connection"] = "per-request"
    files = saved("a.json", before), saved("b.json", other)
    refused = run("compare", *files)
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "--anyway" in refused.stderr
    assert "connection: kept and per-request" in refused.stderr
    compared = run("compare", *files, "--anyway")
    assert compared.exit_code == 0
    assert "Unlike: connection: kept and per-request" in compared.stdout
    assert "the same within 5" in compared.stdout


def test_no_interval_of_a_comparison_breaks_over_lines(saved):
    name = "simplejwt-stateless-eddsa"
    files = saved("a.json", overhead_of({name: 300})), saved("b.json", overhead_of({name: 320}))
    line = next(line for line in run("compare", *files).stdout.splitlines() if name in line)
    assert (line.count("("), line.count(" to "), line.count(")")) == (3, 3, 3), line


def test_a_comparison_of_what_cannot_be_trusted_cannot_be_either(saved):
    doubtful = overhead_of({"token": 300})
    doubtful["verdict"] = {"conclusive": False, "reasons": ["the control failed"]}
    compared = run("compare", saved("a.json", overhead_of({"token": 300})), saved("b.json", doubtful))
    assert compared.exit_code == 3
    assert "the control failed" in " ".join(compared.stdout.split())


@pytest.mark.parametrize(
    ("document", "why"),
    [
        ({"format": FORMAT, "command": "flows"}, "a result of 'flows'; allowed: overhead"),
        ({"format": 1, "command": "overhead"}, f"format 1; this version reads {FORMAT}"),
        ({}, "no result of python -m benchmarks"),
        (json.loads(json.dumps(overhead_of({})).replace("/whoami/", "/tracks/")), "no URL and no contender in common"),
    ],
    ids=["of another command", "of another format", "of nothing", "of nothing in common"],
)
def test_what_cannot_be_compared_is_told(document, why, saved):
    refused = run("compare", saved("a.json", overhead_of({"token": 300})), saved("b.json", document))
    assert refused.exit_code == 1
    assert why in refused.stderr
    assert isinstance(refused.exception, SystemExit)


def test_a_run_without_processes_is_refused(saved):
    path = saved("run.json", {**overhead_of({"token": 300}), "processes": []})
    result = run("compare", path, path)
    assert result.exit_code == 1
    assert result.output.startswith("Error: ")


def test_a_result_is_exported_a_line_for_each_contender(saved):
    exported = run("csv", saved("a.json", overhead_of({"token": 300, "jwt": 500})))
    assert exported.exit_code == 0, exported.stderr
    lines = csv.DictReader(io.StringIO(exported.stdout))
    assert [(line["url"], line["name"], line["request"], line["overhead.low"]) for line in lines] == [
        ("/whoami/", ANONYMOUS, "200.0", "6.0"),
        ("/whoami/", "token", "484.0", "290.0"),
        ("/whoami/", "jwt", "684.0", "490.0"),
    ]


def test_what_each_process_found_can_be_exported(saved):
    exported = run("csv", "--processes", saved("a.json", overhead_of({"token": 300})))
    lines = list(csv.DictReader(io.StringIO(exported.stdout)))
    assert len(lines) == len(SCATTER) * 3
    token = [float(line["adds_us"]) for line in lines if line["contender"] == "token"]
    assert token == [300 + scatter for scatter in SCATTER]


def test_a_load_is_exported_a_line_for_each_rate(saved):
    step = {"offered_per_second": 20, "p99_us": 900, "statuses": {"200": 60}, "from_intended": "HIST", "from_sent": "H"}
    series = {"saturation": {**step, "offered_per_second": None, "statuses": {"200": 9, "503": 1}}, "steps": [step]}
    contender = {"scheme": "jwt", "server": "granian", "distance_ms": 5.0, "turns": [series, series]}
    exported = run("csv", saved("a.json", {"format": FORMAT, "command": "load", "contenders": [contender]}))
    who = {"scheme": "jwt", "server": "granian", "distance_ms": "5.0"}
    saturated = {"offered_per_second": "", "p99_us": "900", "statuses.200": "9", "statuses.503": "1"}
    offered = {"offered_per_second": "20", "p99_us": "900", "statuses.200": "60", "statuses.503": ""}
    assert list(csv.DictReader(io.StringIO(exported.stdout))) == [
        {**who, "turn": turn, **figures} for turn in ("1", "2") for figures in (saturated, offered)
    ]


def test_distances_are_exported_a_line_for_each_contender_at_each(saved):
    document = {
        "format": FORMAT,
        "command": "distance",
        "waits": {"jwt": {"estimate": 1.1, "low": 1.0}},
        "round_trips": [{"asked_ms": ms, "median_us": took} for ms, took in ((None, 80), (0, 300), (5, 5300))],
        "distances": [
            {"distance_ms": ms, "table": {"rows": [{"name": "jwt", "overhead": {"estimate": adds}}]}}
            for ms, adds in ((0, 400), (5, 5900))
        ],
    }
    exported = run("csv", saved("a.json", document))
    assert list(csv.DictReader(io.StringIO(exported.stdout))) == [
        {
            "distance_ms": ms,
            "round_trip_us": took,
            "name": "jwt",
            "overhead.estimate": adds,
            "waits.estimate": "1.1",
            "waits.low": "1.0",
        }
        for ms, took, adds in (("0", "300", "400"), ("5", "5300", "5900"))
    ]


def test_what_has_no_table_is_told_with_those_that_have(saved):
    refused = run("csv", saved("a.json", {"format": FORMAT, "command": "dance"}))
    assert refused.exit_code == 1
    assert "a result of dance; allowed: overhead, wire, revocation" in refused.stderr


def test_a_busy_run_is_not_compared_with_a_quiet_one():
    quiet = run_of({"token": 100.0})
    busy, unknown = replace(quiet, waited=0.58), replace(quiet, waited=None)
    assert comparison.loads(quiet, busy) == ["waited for a processor: 2% and 58% of the time"]
    assert comparison.loads(busy, quiet) == ["waited for a processor: 58% and 2% of the time"]
    assert comparison.loads(quiet, unknown) == comparison.loads(busy, busy) == []
