"""Where the lab's commands write: unwritable files, ASCII terminals, readers that end."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks import terminal
from benchmarks.__main__ import COMMANDS, main
from benchmarks.results import files as results
from benchmarks.results import flat
from benchmarks.results.records import RESULTS
from tests.support import processes, servers
from tests.support.question_results import WRITERS
from tests.support.results import overhead, overhead_of

pytestmark = pytest.mark.once

MARK = "TESTS_LAB_OUTPUT"  # in the environment of everything that a command starts
FULL = Path("/dev/full")  # every write to it fails: the disk is full
needs_full = pytest.mark.skipif(not FULL.exists(), reason="there is no /dev/full")


@pytest.fixture
def saved(tmp_path):
    """Return saved(document), which writes the document and returns its path."""

    def save(document: dict) -> str:
        path = tmp_path / f"{uuid.uuid4().hex}.json"
        path.write_text(json.dumps(document), "utf-8")
        return str(path)

    return save


def run(*arguments) -> tuple[int, str, str]:
    result = CliRunner().invoke(main, list(map(str, arguments)))
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exc_info
    return result.exit_code, result.stdout, result.stderr


# --- the file is tried first ----------------------------------------------------------------------

# The further options that each command needs which writes a file.
WRITING = {
    **dict.fromkeys(("overhead", "wire", "ladder", "instructions", "flows", "load", "distance", "revocation"), ()),
    **dict.fromkeys(("scale", "selftest", "proposals", "refreshes"), ()),
    "versus": ("HEAD",),
    "plan": ("overhead",),
    "compare": ("compared", "compared"),
    "report": ("overhead",),
}
NOT_WRITING = {"users", "csv", "schema", "record", "site", "splice"}


def test_every_command_is_known_to_write_or_not():
    assert set(WRITING) | NOT_WRITING == set(COMMANDS)


@pytest.fixture
def files(saved):
    return {"overhead": saved(overhead()), "compared": saved(overhead_of({"token": 300})), "HEAD": "HEAD"}


@pytest.mark.parametrize(
    "place",
    ["file/run.json", f"{'x' * 300}.json", "file/new/run.json"],
    ids=["in a file", "with a name that is too long", "in a folder in a file"],
)
@pytest.mark.parametrize("command", WRITING)
def test_a_file_that_cannot_be_written_is_refused_before_anything_is_measured(command, place, files, tmp_path):
    (tmp_path / "file").write_text("kept")
    option = "--html" if command == "report" else "--json"
    code, output, errors = run(command, *(files[each] for each in WRITING[command]), option, tmp_path / place)
    assert (code, output) == (1, "")
    assert errors.startswith(f"Error: cannot write {tmp_path / place}: ")
    assert errors.count("\n") == 1
    assert (tmp_path / "file").read_text() == "kept"


def test_the_campaign_of_the_selftest_is_tried_too(tmp_path):
    (tmp_path / "file").write_text("")
    arguments = ("--campaign", tmp_path / "file" / "campaign.jsonl", "--json", tmp_path / "run.json")
    code, output, errors = run("selftest", *arguments)
    assert (code, output) == (1, "")
    assert errors.startswith(f"Error: cannot write {tmp_path}/file/campaign.jsonl: ")


def test_trying_a_file_makes_none_and_keeps_what_is_there(tmp_path):
    new, old = tmp_path / "folder" / "new.json", tmp_path / "old.json"
    old.write_text("kept")
    results.try_file(new)
    results.try_file(old)
    assert old.read_text() == "kept"
    assert list((tmp_path / "folder").iterdir()) == []


def test_trying_a_pipe_takes_no_reader_from_it(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    results.try_file(tmp_path / "pipe")  # opening it would wait for a reader


# --- the table is printed even if the file cannot be written --------------------------------------


@needs_full
@pytest.mark.parametrize(
    ("command", "shown"),
    [("plan", "Verdict: conclusive."), ("compare", "the same within 5"), ("report", "Token or JWT: ")],
)
def test_where_the_result_is_not_written_what_was_found_is_shown(command, shown, files):
    option = "--html" if command == "report" else "--json"
    code, output, errors = run(command, *(files[each] for each in WRITING[command]), option, FULL)
    assert code == 1
    assert shown in " ".join(output.split())
    assert re.fullmatch(r"Error: cannot write /dev/full: .*\n", errors)
    assert "The plan: " not in output
    assert "Written: " not in output


@needs_full
def test_a_run_whose_result_is_not_written_shows_its_table_in_ascii_and_ends_with_one():
    arguments = ("--scheme", "token", "--url", "/whoami/", "--processes", 2, "--rounds", 1, "--json", FULL)
    done = servers.run("-m", "benchmarks", "overhead", *map(str, arguments), PYTHONIOENCODING="ascii")
    assert done.returncode == 1, done.stderr
    assert re.fullmatch(r"Error: cannot write /dev/full: .*\n", done.stderr)
    assert done.stdout.isascii()
    assert re.search(r"^\|token .* us|^\|token ", done.stdout, re.MULTILINE), done.stdout
    assert "Not written: /dev/full" in done.stdout
    assert "Verdict: " in done.stdout


# --- what standard output is ----------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])
def test_a_table_is_shown_in_any_encoding(encoding, files, tmp_path):
    command = [sys.executable, "-m", "benchmarks", "plan", files["overhead"], "--json", tmp_path / "plan.json"]
    environment = servers.environment(PYTHONIOENCODING=encoding)
    done = subprocess.run(command, cwd=servers.ROOT, env=environment, capture_output=True)
    assert (done.returncode, done.stderr) == (0, b"")
    shown = done.stdout.decode(encoding)
    assert "?" not in shown
    assert ("+-: 95 %" if encoding == "ascii" else "±: 95 %") in " ".join(shown.split())


def test_every_character_of_ours_has_a_plain_form():
    ours = {character for path in (servers.ROOT / "benchmarks").rglob("*.py") for character in path.read_text("utf-8")}
    assert {character for character in ours if not character.isascii()} <= set(terminal.PLAIN)
    assert "".join(terminal.PLAIN.values()).isascii()


@pytest.mark.parametrize(
    "arguments",
    [("csv", "overhead"), ("schema",), ("plan", "overhead", "--json", "/dev/null"), ("--help",), ("wire", "--help")],
    ids=["csv", "schema", "plan", "help", "help of a command"],
)
def test_a_reader_that_ends_is_no_traceback(arguments, files):
    command = [sys.executable, "-m", "benchmarks", *(files.get(each, each) for each in arguments)]
    reading, writing = os.pipe()
    os.close(reading)
    environment = {name: text for name, text in servers.environment().items() if name != "PYTHONUNBUFFERED"}
    done = subprocess.run(command, cwd=servers.ROOT, env=environment, stdout=writing, stderr=subprocess.PIPE, text=True)
    os.close(writing)
    assert (done.returncode, done.stderr) == (1, "")


# --- results of other commands --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "takes"),
    [
        (("csv", "--processes"), "overhead"),
        (("plan",), "overhead, flows, revocation, scale"),
        (("compare", "compared"), "overhead, scale tracks"),
    ],
    ids=["csv --processes", "plan", "compare"],
)
@pytest.mark.parametrize("other", ["wire", "versus"])
def test_a_result_of_another_command_is_refused_with_those_that_are_taken(arguments, takes, other, files, saved):
    path = saved({**overhead(), "command": other})
    code, output, errors = run(*(files.get(each, each) for each in arguments), path)
    assert (code, output) == (1, "")
    assert re.fullmatch(rf"Error: {path}: a result of '?{other}'?; .*{takes}\n", errors)


@pytest.mark.parametrize("name", WRITERS)
def test_every_result_is_a_table_of_comma_separated_values(name, saved):
    code, output, errors = run("csv", saved(WRITERS[name]()))
    assert (code, errors) == (0, "")
    assert len(output.splitlines()) >= 2


def test_every_result_that_is_written_can_be_exported_and_reported():
    assert {load["command"] for load in (write() for write in WRITERS.values())} == set(RESULTS) == set(flat.TABLES)


# --- an end from outside --------------------------------------------------------------------------


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="there is no /proc to find processes by")
@pytest.mark.lab
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_command_that_is_told_to_end_leaves_no_database_behind(number, tmp_path):
    processes.skip_if_ignored(number)
    mark = uuid.uuid4().hex

    def running(word: str) -> list[str]:
        return [each.command for each in processes.marked(MARK, mark) if word in each.command]

    command = [sys.executable, "-m", "benchmarks", "overhead", "--database", "postgresql", "--json", tmp_path / "x"]
    environment = servers.environment(**{MARK: mark})
    with processes.group(command, cwd=servers.ROOT, env=environment, stderr=subprocess.PIPE, text=True) as process:
        end = time.monotonic() + 120
        while not running("benchmarks.processes.timing_worker"):
            assert time.monotonic() < end
            time.sleep(0.05)
        assert running("postgres")
        process.send_signal(number)
        assert process.wait(timeout=60) == 128 + number
    end = time.monotonic() + 10
    while (left := running("")) and time.monotonic() < end:
        time.sleep(0.05)
    assert left == []


def test_the_help_of_all_commands_cuts_no_sentence():
    text = CliRunner().invoke(main, ["--help"]).output.partition("Commands:")[2]
    assert "..." not in text
    for name in COMMANDS:
        assert re.search(rf"^  {name} +\S", text, re.MULTILINE)
