"""`make PYTHON=…` uses an environment of that Python, even if .venv had another Python."""

import os
import shutil
import subprocess
import sys

import pytest

from tests.support import servers

pytestmark = pytest.mark.once


@pytest.fixture
def clone(tmp_path):
    """Return a clone that needs no package and has a complete .venv of another Python."""
    shutil.copy(servers.ROOT / "Makefile", tmp_path)
    for folder in ("requirements", ".venv/bin"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "requirements/run.txt").touch()
    script(tmp_path / ".venv/bin/python", "echo 3.11.0 of long ago")
    (tmp_path / ".venv/run").touch()
    return tmp_path


def script(path, line):
    path.write_text(f"#!/bin/sh\n{line}\n")
    path.chmod(0o755)
    return path


def make(folder, *arguments) -> subprocess.CompletedProcess[str]:
    # Run make on its own, not as a part of the make that may run these tests.
    environment = {name: text for name, text in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    command = ["make", *arguments, ".venv/run"]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=600)


def test_the_python_that_is_named_makes_the_environment_of_another_again(clone):
    done = make(clone, f"PYTHON={sys.executable}")
    assert done.returncode == 0, done.stderr
    first, *others = done.stdout.splitlines()
    version = sys.version.split()[0]
    assert first == f"making .venv again with {sys.executable}, Python {version}"
    assert others == ["installing requirements/run.txt"]
    assert f"version = {version}" in (clone / ".venv/pyvenv.cfg").read_text().splitlines()
    assert make(clone, f"PYTHON={sys.executable}").stdout == "make: '.venv/run' is up to date.\n"


def test_where_none_is_named_the_environment_stays(clone):
    assert make(clone).stdout == "make: '.venv/run' is up to date.\n"
    assert not (clone / ".venv/pyvenv.cfg").exists()


def test_no_python_at_all_is_refused_and_the_environment_stays(clone):
    done = make(clone, "PYTHON=")
    assert done.returncode != 0
    assert done.stdout == "error: PYTHON= is not Python 3.11 or newer with ensurepip\n"
    assert (clone / ".venv/run").exists()


@pytest.mark.parametrize("line", [None, "exit 1"], ids=["is not there", "is too old"])
def test_a_python_that_can_make_none_is_refused_and_the_environment_stays(line, clone):
    named = clone / "python"
    if line:
        script(named, line)
    for _ in range(2):
        done = make(clone, f"PYTHON={named}")
        assert done.returncode != 0
        assert done.stdout == f"error: PYTHON={named} is not Python 3.11 or newer with ensurepip\n"
        assert (clone / ".venv/run").exists()
    shutil.rmtree(clone / ".venv")
    done = make(clone, f"PYTHON={named}")
    assert done.returncode != 0
    assert done.stdout == f"error: PYTHON={named} is not Python 3.11 or newer with ensurepip\n"
    assert not (clone / ".venv").exists()
