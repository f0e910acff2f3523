"""The README's commands and Python examples run and print what it shows; so do the client's."""

import re
import shutil
import subprocess
import sys

import pytest

from config.switches import SWITCHES
from tests.support import servers
from tests.support.transcripts import Shell, blocks, commands, is_shown, page

pytestmark = pytest.mark.once

README = page("README.md")
TOKEN = r"[0-9a-f]{40}"


def test_it_is_as_long_as_a_reader_reads():
    assert README.count("\n") <= 130


def test_its_figures_and_its_picture_are_those_of_the_record_it_names():
    done = servers.run("-m", "benchmarks", "splice", "--check")
    assert done.returncode == 0, done.stderr


def test_its_switches_have_the_programs_defaults():
    rows = re.findall(r"^\| `([A-Z_]+)` \| `(.*?)` \|", README, re.MULTILINE)
    assert len(rows) == 6
    assert rows == [(name, SWITCHES[name].default) for name, _ in rows]


def test_every_make_target_it_names_exists():
    for target in set(re.findall(r"(?:`|\$ )make ([a-z]+)\b", README)):
        done = subprocess.run(["make", "-n", target], cwd=servers.ROOT, capture_output=True, text=True)
        assert done.returncode == 0, target


def test_every_folder_of_the_layout_exists():
    (layout,) = blocks("text", README)
    for name in re.findall(r"(?<!\S)([a-z_/]+)/ ", layout):
        folders = [servers.ROOT / name, servers.ROOT / "tests" / name]
        assert any(folder.is_dir() for folder in folders), name


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """Run `make run`; yield its address and the file that holds its output."""
    folder = tmp_path_factory.mktemp("demo")
    with servers.demo(DATABASE_URL=f"sqlite:///{folder}/demo.sqlite3", LOGIN_THROTTLE="none") as (base, output):
        yield base, output


def test_the_commands_run_as_written_and_print_what_is_shown(served):
    base, output = served
    (run, begin), *curls = [each for each in commands(README) if each[0] != "make bench"]
    assert run == "make run"
    # granian logs lines in between.
    assert set(begin.splitlines()) <= set(output.read_text().replace(base, "http://127.0.0.1:8000").splitlines())
    assert len(curls) == 2
    shell = Shell(servers.environment())
    (token,) = re.findall(TOKEN, curls[0][1])
    issued = token
    try:
        for command, shown in curls:
            here = command.replace("http://127.0.0.1:8000", base).replace("curl ", "curl -s ").replace(token, issued)
            code, answer = shell.run(here)
            assert code == 0, command
            issued = re.search(TOKEN, answer)[0] if issued == token else issued
            assert is_shown(shown.replace(token, issued), answer), (command, answer)
    finally:
        shell.close()


@pytest.mark.parametrize("library", ["httpx", "httpx2"])
@pytest.mark.parametrize("name", ["README.md", "docs/how-to/use-the-client.md"])
def test_the_python_runs_beside_a_copy_of_the_client_and_prints_what_its_comments_say(served, tmp_path, library, name):
    base, _ = served
    script = re.sub(r"\bhttpx\b", library, "\n".join(blocks("python", page(name))))
    shown = re.findall(r"print\(.*\)  # (.*)", script)
    assert len(shown) == script.count("print(") > 0
    shutil.copy(servers.ROOT / "clients/httpx_auth.py", tmp_path)
    (tmp_path / "script.py").write_text(script.replace("http://127.0.0.1:8000", base))
    # Isolated from the environment and from the project: the script can import only what is in its
    # own folder.
    done = subprocess.run(
        [sys.executable, "-E", "script.py"], cwd=tmp_path, capture_output=True, text=True, timeout=600
    )  # seconds
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == shown
