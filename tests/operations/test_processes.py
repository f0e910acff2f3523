"""A test ends the processes that it starts; otherwise the run of the tests fails."""

import os
import re
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support import processes, servers

pytestmark = [
    pytest.mark.once,
    pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="there is no /proc to find processes by"),
]

# This makes an orphan: its parent has ended, and it is in a group of its own.
_LEAVE = (
    "import subprocess; print(subprocess.Popen(['sleep', '600'], start_new_session=True, stdout=-3, stderr=-3).pid)"
)


def test_a_process_that_is_left_is_found_with_the_test_that_started_it(request):
    done = subprocess.run([sys.executable, "-c", _LEAVE], capture_output=True, text=True)
    pid = int(done.stdout)
    try:
        (found,) = [each for each in processes.left() if each.pid == pid]
        assert str(found) == f"{pid} sleep 600 [{request.node.nodeid} (call)]"
    finally:
        os.kill(pid, signal.SIGKILL)


def test_a_child_is_found_whatever_its_environment_is():
    with processes.group(["sleep", "600"], env={}) as child:
        assert child.pid in [each.pid for each in processes.left()]
    assert child.pid not in [each.pid for each in processes.left()]


def test_a_group_ends_with_what_its_process_started(tmp_path):
    script = f"sleep 600 & echo $! > {tmp_path}/pid; echo ready; wait"
    with processes.group(["sh", "-c", script], stdout=subprocess.PIPE, text=True) as shell:
        assert shell.stdout.readline() == "ready\n"
        pid = int((tmp_path / "pid").read_text())
        os.kill(pid, 0)
    end = time.monotonic() + 30  # seconds, until the system has removed the process
    with suppress(FileNotFoundError):
        while " Z " not in Path(f"/proc/{pid}/stat").read_text():
            assert time.monotonic() < end
            time.sleep(0.05)


def test_a_run_in_which_a_test_leaves_a_process_is_red_and_names_both(tmp_path):
    file = tmp_path / "test_leaving.py"
    file.write_text(f"import subprocess, sys\ndef test_it():\n    subprocess.run([sys.executable, '-c', {_LEAVE!r}])\n")
    (tmp_path / "conftest.py").write_text("from tests.conftest import _nobody_is_left\n")
    options = ("--rootdir", str(servers.ROOT), "-c", "pyproject.toml", "-p", "no:cacheprovider")
    done = servers.run_cold("-m", "pytest", *options, str(file))
    pid = re.search(r"^(\d+) sleep 600 \[.*::test_it \(call\)\]$", done.stdout, re.MULTILINE)
    assert pid, done.stdout
    os.kill(int(pid[1]), signal.SIGKILL)
    assert done.returncode == 1
    assert "1 passed, 1 error" in done.stdout
