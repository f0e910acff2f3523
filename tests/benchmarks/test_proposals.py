"""The command `proposals`: whole small runs, its record, its verdict and bad input."""

import json

import jsonschema
import pytest
from click.testing import CliRunner

from benchmarks.__main__ import main
from benchmarks.messages import Facts
from benchmarks.questions.proposals import run as experiment
from benchmarks.questions.proposals.messages import DPOP, Found, Task
from benchmarks.results import files, flat
from benchmarks.results.schema import schema

pytestmark = pytest.mark.once  # the lab brings its own database
LAB_FIXTURES = {"tiny"}  # a long run, for `make test-lab`

SMALL = ("--processes", "2", "--rounds", "2")


def found(*, control: float = 0.0, proof: float = 200.0, base: float = 100.0) -> Found:
    """Return what a process found; times in µs."""
    takes = {
        "anonymous": base,
        "anonymous again": base + control,
        "jwt": base + 40,
        "proof": base + 40 + proof,
    }
    return Found(
        names=list(takes),
        p25_ns={name: [1000 * each] * 4 for name, each in takes.items()},
        mean_ns={name: 1000 * each for name, each in takes.items()},
        facts={name: Facts(0, 0, 0) for name in takes},
        counted={},
        round_seconds=0.1,
        waited=0.0,
    )


def timing(*samples: Found):
    return experiment.tabulate(experiment.Part(Task(DPOP, 4, 15, 5, 0), samples[0], samples), 0.99)


def test_a_step_is_compared_with_the_step_below_it_in_the_same_process():
    made = timing(found(proof=200), found(proof=202, base=900))
    rows = {row.name: row for row in made.rows}
    assert list(rows) == ["anonymous", "jwt", "proof"]
    assert (rows["proof"].over, rows["proof"].adds.estimate) == ("jwt", pytest.approx(201))
    assert rows["jwt"].adds.half_width == pytest.approx(0)
    assert rows["anonymous"].adds is None


def test_a_run_is_inconclusive_for_its_control_its_coarseness_or_its_machine():
    good = timing(found(), found(proof=201))
    assert experiment.judge([good], 0.0, 0.0).conclusive
    differs = timing(found(control=5), found(control=5.01))
    assert "dpop: the A/A control differs from itself" in experiment.judge([differs], 0.0, 0.0).reasons[0]
    coarse = timing(found(control=-90), found(control=90))
    assert "more than half of the largest step" in experiment.judge([coarse], 0.0, 0.0).reasons[0]
    assert "waited 71%" in experiment.judge([good], 0.0, 0.71).reasons[0]
    assert "busy machine" in experiment.judge([good], 0.0, 0.7).remarks[0]
    assert "steal" in experiment.judge([good], 0.2, 0.0).reasons[0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--only", "dance"], "'dance' is not one of 'dpop', 'ml-dsa', 'status-list'"),
        (["--budget", "0"], "0 is not in the range x>=1"),
        (["--processes", "1"], "1 is not in the range x>=2"),
        (["--connection", "pool"], "SQLite has none"),
        (["--database-url", "mysql://h/n"], "allowed: postgresql://"),
    ],
)
def test_what_cannot_be_measured_is_refused_by_name(arguments, message, tmp_path):
    result = CliRunner().invoke(main, ["proposals", *arguments, "--json", str(tmp_path / "run.json")])
    assert result.exit_code == 2
    assert message in result.output
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """Return the output and the document of a small run of everything."""
    path = tmp_path_factory.mktemp("proposals") / "run.json"
    result = CliRunner().invoke(main, ["proposals", *SMALL, "--json", str(path)])
    assert result.exit_code in (0, 3), result.output
    return result.output, path


def test_the_record_keeps_to_the_schema_and_is_read_back(tiny):
    _, path = tiny
    document = json.loads(path.read_text())
    jsonschema.Draft202012Validator(schema()).validate(document)
    head, record = files.load(path, ["proposals"])
    assert record.dpop.timing.block == 15
    assert head.service == record.service
    assert len({len(record.dpop.timing.processes), len(record.ml_dsa.timing.processes)}) == 1
    assert {each["part"] for each in flat.records(document)} == {
        "dpop",
        "signatures",
        "status-list requests",
        "status-list work",
    }


def test_a_run_says_what_each_step_takes_and_where_it_is_stored(tiny):
    _, path = tiny
    _, record = files.load(path, ["proposals"])
    facts = {row.name: row.facts for row in record.dpop.timing.rows}
    assert {name: each.sql_statements for name, each in facts.items()} == {
        "anonymous": 0,
        "jwt": 1,
        "proof": 1,
        "proof, jti in memory": 1,
        "proof, jti in the database": 2,
        "proof, jti in memory, nonce": 1,
        "proof, jti in Valkey": 1,
    }
    assert facts["proof"].header_bytes > facts["jwt"].header_bytes + 500
    listed = {row.name: row.facts for row in record.status_list.requests.rows}
    assert listed["jwt-stateless, status list"].sql_statements == 0
    assert record.status_list.logins == 1_000_000


def test_one_measurement_can_be_asked_for(tiny, tmp_path):
    path = tmp_path / "run.json"
    result = CliRunner().invoke(main, ["proposals", "--only", "dpop", *SMALL, "--json", str(path)])
    assert result.exit_code in (0, 3), result.output
    _, record = files.load(path, ["proposals"])
    assert record.dpop is not None
    assert (record.ml_dsa, record.status_list) == (None, None)
    assert "ML-DSA" not in result.output


def test_the_screen_shows_all_three_and_what_they_rest_on(tiny):
    output, _ = tiny
    for words in (
        "DPoP (RFC 9449), GET /whoami/",
        "proof, jti in the database",
        "Computed by cryptography",
        "granian 2.",
        "Limits, defaults except for granian",
        "1,000,000 logins at one bit",
        "jwt-stateless, status list",
        "How long a revoked login goes on",
        "Connection policy: served",
        "Verdict: ",
    ):
        assert words in output, words
