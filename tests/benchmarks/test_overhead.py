"""The command `overhead`: what it measures, keeps and refuses. No test asserts a time."""

import json
import re
import subprocess
from dataclasses import replace

import pytest
from click.testing import CliRunner
from rich.console import Console

from benchmarks.__main__ import main
from benchmarks.messages import ANONYMOUS, CONTROL, Assignment
from benchmarks.reporting import tables
from benchmarks.stats.intervals import Interval
from benchmarks.terminal import WIDTH
from config.schemes import SCHEMES
from tests.support import servers
from tests.support.pages import Page
from tests.support.results import overhead_record

pytestmark = pytest.mark.once  # the lab brings its own database

URLS = ("/whoami/", "/tracks/")

# --- the command ----------------------------------------------------------------------------------


def benchmarks(*arguments, **switches) -> subprocess.CompletedProcess[str]:
    return servers.run("-m", "benchmarks", *map(str, arguments), **switches)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """Run the command once, next to the files of a developer. Return process, document, folder."""
    folder = tmp_path_factory.mktemp("tiny")
    (folder / "env").write_text(f"DATABASE_URL=sqlite:///{folder}/env.sqlite3\nJWT_LEEWAY=nonsense\n")
    own = servers.ROOT / "db.sqlite3"
    before = own.exists() and own.read_bytes()
    arguments = (
        "--processes",
        2,
        "--rounds",
        1,
        "--block",
        8,
        "--drop",
        3,
        "--population",
        50,
        "--json",
        folder / "new" / "run.json",
    )
    process = benchmarks(
        "overhead",
        *arguments,
        ENV_FILE=str(folder / "env"),
        DATABASE_URL=f"sqlite:///{folder}/of_shell.sqlite3",
    )
    assert (own.exists() and own.read_bytes()) == before
    assert process.returncode in (0, 3), process.stderr
    return process, json.loads((folder / "new" / "run.json").read_text()), folder


def test_a_run_times_every_row_and_keeps_what_it_measured(tiny):
    _, document, _ = tiny
    everybody = [ANONYMOUS, CONTROL, *SCHEMES]
    assert document["format"] == 3
    assert [entry["name"] for entry in document["contenders"]] == everybody
    assert [table["url"] for table in document["tables"]] == list(URLS)
    for table in document["tables"]:
        assert [row["name"] for row in table["rows"]] == list(SCHEMES)
    assert len(document["processes"]) == 2
    for process in document["processes"]:
        assert set(process["blocks"]) == set(URLS)
        for blocks in process["blocks"].values():
            assert [sorted(order) for order in blocks["orders"]] == [sorted(everybody)]
            assert all(len(blocks["p25_ns"][name]) == 1 for name in everybody)
    first, second = document["processes"]
    assert first["hash_seed"] != second["hash_seed"]
    assert document["service"]["connection_policy"]["CONN_MAX_AGE"] is None
    assert document["environment"]["packages"]["PyJWT"]


def test_a_run_tells_how_many_others_there_were(tiny):
    process, document, _ = tiny
    assert document["population"] == 50
    assert document["stored"]["tables"][0]["rows"] == 51
    assert "Population: 50 users besides the one who is timed" in process.stdout


STATEMENTS = {
    "drf-token": 1,
    "simplejwt": 1,
    "simplejwt-stateless": 0,
    "token": 1,
    "token-hashed": 1,
    "token-cached": 0,
    "jwt": 1,
    "jwt-pushed": 0,
    "jwt-stateless": 0,
}


@pytest.mark.parametrize("url", URLS)
def test_statements_and_bytes_are_counted(tiny, url):
    (table,) = [table for table in tiny[1]["tables"] if table["url"] == url]
    anonymous = table["anonymous"]["facts"]
    assert anonymous["header_bytes"] == 0
    assert anonymous["sql_statements"] == {"/whoami/": 0, "/tracks/": 2}[url]
    facts = {row["name"]: row["facts"] for row in table["rows"]}
    added = {name: each["sql_statements"] - anonymous["sql_statements"] for name, each in facts.items()}
    assert added == STATEMENTS
    assert facts["token"]["header_bytes"] == len("Authorization: Token \r\n") + 40


def test_a_run_leaves_the_developers_databases_alone(tiny):
    _, _, folder = tiny
    assert sorted(path.name for path in folder.iterdir()) == ["env", "new"]


def test_the_exit_code_is_the_verdict(tiny):
    process, document, _ = tiny
    assert process.returncode == (0 if document["verdict"]["conclusive"] else 3)
    assert ("INCONCLUSIVE" in process.stdout) == (process.returncode == 3)


def test_what_is_no_terminal_gets_plain_text_that_ends_with_the_answer(tiny):
    process, document, folder = tiny
    assert not re.search(r"[^\n -~µ─≈−]", process.stdout)
    assert process.stderr == ""
    lines = process.stdout.splitlines()
    assert max(len(line) for line in lines if str(folder) not in line) <= 100
    assert " ".join(process.stdout.split()).endswith(document["answer"])
    assert document["answer"].startswith("Token or JWT: ")
    assert "CONN_MAX_AGE=None" in process.stdout
    assert "A/A control on /whoami/" in process.stdout


@pytest.mark.lab
@pytest.mark.parametrize("named", [False, True], ids=["by default", "named"])
def test_a_budget_that_is_too_short_leaves_out_what_nobody_named(named, tmp_path):
    arguments = (
        "--budget",
        1,
        "--scheme",
        "token",
        "--block",
        8,
        *(word for url in URLS * named for word in ("--url", url)),
    )
    process = benchmarks("overhead", *arguments, "--json", tmp_path / "run.json")
    assert process.returncode in (0, 3), process.stderr
    document = json.loads((tmp_path / "run.json").read_text())
    assert [table["url"] for table in document["tables"]] == list(URLS if named else URLS[:1])
    assert document["plan"]["processes"] == 5
    told = "/tracks/ is left out: on a machine as busy or slow as this it does not fit into --budget."
    assert (told in " ".join(process.stdout.split())) == (not named)


def test_what_was_measured_makes_a_page(tiny, tmp_path):
    _, document, folder = tiny
    page = tmp_path / "page.html"
    reported = benchmarks("report", folder / "new" / "run.json", "--html", page)
    assert reported.returncode == 0, reported.stderr
    read = Page(page.read_text("utf-8"))
    assert document["answer"] in read.texts
    assert set(SCHEMES) <= set(read.figures[0]["svg"]) & set(read.figures[0]["table"])


@pytest.mark.lab
def test_a_refused_contender_is_never_timed(tmp_path):
    process = benchmarks(
        "overhead",
        *(
            "--contender",
            "tests.support.dishonest:FAILING",
            "--contender",
            "tests.support.dishonest:REFUSING",
        ),
        *("--scheme", "token", "--processes", 2, "--rounds", 1, "--json", tmp_path / "run.json"),
    )
    assert process.returncode == 1
    assert (
        "Error: failing at /whoami/: answers 500 with its credential, not 200: RuntimeError: on purpose"
        in process.stderr
    )
    assert "refusing at /tracks/: answers 401 with its credential, not 200" in process.stderr
    assert "Traceback" not in process.stderr
    assert process.stdout.startswith("Load ")  # how busy the machine is, and no result
    assert list(tmp_path.iterdir()) == []


@pytest.mark.lab
def test_a_worker_refuses_before_its_first_round(tmp_path):
    database = {"BENCHMARKS_DATABASE_URL": f"sqlite:///{tmp_path}/scratch.sqlite3"}
    assert servers.run("-m", "benchmarks.processes.fill_worker", **database).returncode == 0
    expected = {"OPEN": ["refused"], "HONEST": ["done", "sample"]}
    for scheme, kinds in expected.items():
        assignment = Assignment((f"tests.support.dishonest:{scheme}",), {"/whoami/": 1}, 8, 3, seed=1)
        process = servers.run("-m", "benchmarks.processes.timing_worker", assignment.to_json(), **database)
        assert [next(iter(json.loads(line))) for line in process.stdout.splitlines()] == kinds


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--scheme", "nonsense"), ["nonsense", *SCHEMES]),
        (("--block", "6", "--drop", "5"), ["--drop 5 leaves fewer than 2 of the 6 requests"]),
        (("--precision", "0"), ["'--precision': 0", "x>0"]),
        (("--url", "whoami"), ["'whoami'", "beginning with /"]),
        (("--database-url", "sqlite:///db.sqlite3"), ["postgresql://"]),
    ],
)
def test_wrong_usage_is_told_with_the_choices(arguments, message):
    result = CliRunner().invoke(main, ["overhead", *arguments])
    assert result.exit_code == 2
    for part in message:
        assert part in result.stderr


def test_help_lists_the_command_and_its_exit_codes():
    assert "overhead" in benchmarks("--help").stdout
    assert "3  inconclusive" in CliRunner().invoke(main, ["overhead", "--help"]).stdout


def test_the_table_of_slow_contenders_fits_the_console():
    record = overhead_record().tables[0]
    slow = Interval(1503.0, -131.0, 3136.0)
    longest = max(SCHEMES, key=len)
    row = replace(record.rows[0], name=longest, overhead=slow, request=12_410.0, ratio=Interval(0.2, -0.1, 0.3))
    wide = replace(record, rows=(row,))
    width = Console(width=500).measure(tables.table_of(wide, 10)).maximum
    assert width <= WIDTH
