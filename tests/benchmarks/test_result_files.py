"""Which files make a report, and the schema of result files."""

import json
import re

import jsonschema
import pytest
from click.testing import CliRunner

from benchmarks.processes import environment
from benchmarks.questions import outcome
from benchmarks.questions.flows.section import section
from benchmarks.questions.report.command import command
from benchmarks.questions.report.sections import PURPOSES
from benchmarks.results import files as results
from benchmarks.results.schema import schema
from tests.support import servers
from tests.support.question_results import (
    WRITERS,
    distance,
    flows,
    flows_record,
    load,
    load_away,
    revocation,
)
from tests.support.reports import having, without
from tests.support.results import overhead

pytestmark = pytest.mark.once  # no database


REFUSED = {
    "two of one command": ([overhead(), overhead()], r"0\.json and .*1\.json are both results of overhead"),
    "none of overhead": ([flows()], r"no result of overhead among .*0\.json"),
    "another command's": (
        [{**overhead(), "command": "guess"}],
        "a result of 'guess'; allowed: overhead, ",
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
    assert "Estimates of a run that cannot tell: do not decide by them." in " ".join(result.output.split())
    assert f"Left out, no result given: {', '.join(PURPOSES)}" in " ".join(result.output.split())


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


def test_a_result_describes_the_machine_as_it_was_before_the_run(tmp_path):
    machine = environment.describe() | {"load_average": [7.0, 6.0, 5.0]}
    outcome.finish(tmp_path / "run.json", flows_record(), [], machine=machine)
    head, _ = results.load(tmp_path / "run.json", ["flows"])
    assert head.environment.load_average == (7.0, 6.0, 5.0)


def test_a_result_of_flows_from_before_the_hashers_is_read(tmp_path):
    path = tmp_path / "run.json"
    path.write_text(json.dumps(without(flows(), "hashers")))
    _, record = results.load(path, ["flows"])
    assert record.hashers == ()
    assert len(section(record).grids) == len(section(flows_record()).grids) - 1
