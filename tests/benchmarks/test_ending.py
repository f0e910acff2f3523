"""A run that ends early: what its finished processes found is kept, marked, and nothing is lost."""

import json
import os
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path

import pytest

from benchmarks.processes.ending import kept
from benchmarks.processes.start import WorkerFailedError, WorkerRefusedError
from benchmarks.questions.outcome import refusals
from benchmarks.stats.verdicts import Verdict
from tests.support import processes, servers

pytestmark = pytest.mark.once  # the lab brings its own database

MARK = "TESTS_ENDING"  # in the environment of everything that a command starts
needs_proc = pytest.mark.skipif(
    not Path("/proc/self/environ").exists(), reason="there is no /proc to find processes by"
)


def test_a_run_that_ends_by_itself_keeps_its_verdict():
    with kept([1, 2]) as ending:
        pass
    assert ending.mark(Verdict.of(())) == Verdict.of(())
    assert ending.mark(Verdict.of(["steal"])) == Verdict.of(["steal"])


@pytest.mark.parametrize(
    ("error", "code", "reason"),
    [
        (SystemExit(130), 130, "SIGINT ended the run after 2 turns"),
        (SystemExit(143), 143, "SIGTERM ended the run after 2 turns"),
        (
            WorkerFailedError("w ended with 1:\nTraceback\nMemoryError"),
            1,
            "after 2 turns a process failed: MemoryError",
        ),
        (WorkerFailedError("w ended with -9:\n"), 1, "after 2 turns a process failed: w ended with -9:"),
    ],
)
def test_a_run_that_ends_early_is_inconclusive_and_says_why(error, code, reason, capsys):
    with kept([1, 2], "turns") as ending:
        raise error
    assert ending.mark(Verdict.of(["steal"])) == Verdict(False, (reason, "steal"), exit_code=code)
    assert capsys.readouterr().err == (f"{error}\n" if code == 1 else "")


@pytest.mark.parametrize("error", [SystemExit(130), WorkerFailedError("failed")])
def test_of_one_process_there_is_no_interval_and_nothing_to_keep(error):
    with pytest.raises(type(error)), kept([1]):
        raise error


@pytest.mark.parametrize(
    "error",
    [
        *(WorkerRefusedError("a liar"), ValueError("a mistake of ours")),
        *(SystemExit(1), SystemExit(0), SystemExit(None), SystemExit("a message"), SystemExit(255)),  # no signal's
    ],
)
def test_a_refusal_a_mistake_and_an_exit_are_never_kept(error):
    with pytest.raises(type(error)) as raised, kept([1, 2, 3]):
        raise error
    assert raised.value is error


@pytest.mark.parametrize("code", [1, 255])
def test_an_exit_that_no_signal_caused_is_not_called_one(code, capsys):
    with pytest.raises(SystemExit), refusals():
        raise SystemExit(code)
    assert capsys.readouterr().err == ""


# --- whole commands -------------------------------------------------------------------------------

LONG = ("--processes", "400", "--rounds", "1", "--scheme", "token", "--url", "/whoami/")
COMMANDS = {
    "overhead": (LONG, "benchmarks.processes.timing_worker"),
    "wire": (LONG, "benchmarks.questions.wire.worker"),
    "ladder": (LONG, "benchmarks.questions.ladder.worker"),
    "flows": (("--processes", "400", "--scheme", "token"), "benchmarks.questions.flows.worker"),
    "versus": (
        ("HEAD", "--processes", "400", "--rounds", "1", "--url", "/whoami/"),
        "benchmarks.processes.timing_worker",
    ),
}
PLACES = {"versus": 3}  # processes of a turn, and of the rehearsal; of the others: 1


def end(command, arguments, worker, signals, number, path):
    """Run a command, send a signal once `signals` of its workers were seen, and return the process.

    A rehearsal is one worker, and the one that runs is not finished.
    """
    processes.skip_if_ignored(number)
    mark = uuid.uuid4().hex
    line = [sys.executable, "-m", "benchmarks", command, *arguments, "--json", path]
    environment = servers.environment(**{MARK: mark})
    with processes.group(
        line, cwd=servers.ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as running:
        seen: set[int] = set()
        limit = time.monotonic() + 240
        while len(seen) < signals:
            assert time.monotonic() < limit
            assert running.poll() is None, running.communicate()
            seen |= {each.pid for each in processes.marked(MARK, mark) if worker in each.command}
            time.sleep(0.02)
        os.killpg(running.pid, number)  # as a terminal does: all processes of the command
        output, errors = running.communicate(timeout=120)
    return running.returncode, output, errors


@pytest.mark.lab
@needs_proc
@pytest.mark.parametrize("command", COMMANDS)
def test_a_long_run_that_is_interrupted_keeps_its_processes(command, tmp_path):
    arguments, worker = COMMANDS[command]
    path = tmp_path / "run.json"
    code, output, errors = end(command, arguments, worker, 6 * PLACES.get(command, 1), signal.SIGINT, path)
    assert (code, errors) == (130, "")
    assert "INCONCLUSIVE: SIGINT ended the run after " in " ".join(output.split())
    document = json.loads(path.read_text())
    assert document["verdict"]["conclusive"] is False
    assert document["verdict"]["exit_code"] == 130
    assert 2 <= document["plan"].get("processes", document["plan"].get("turns")) < 400
    assert servers.run("-m", "benchmarks", "csv", str(path)).returncode == 0


@pytest.mark.lab
@needs_proc
def test_a_run_that_is_interrupted_at_once_says_that_it_wrote_nothing(tmp_path):
    arguments, worker = COMMANDS["overhead"]
    code, _, errors = end("overhead", arguments, worker, 1, signal.SIGTERM, tmp_path / "run.json")
    assert (code, errors) == (143, "Ended by SIGTERM: no result is written.\n")
    assert list(tmp_path.iterdir()) == []
