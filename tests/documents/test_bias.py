"""docs/explanation/bias.md: its commands run, and its tables hold what its contenders are."""

import re
import sys

import pytest

from benchmarks.contenders import tuned_stock
from tests.support import servers
from tests.support.transcripts import Shell, commands, is_shown, page

pytestmark = pytest.mark.once

PAGE = page("docs/explanation/bias.md")
SMALLEST = "--processes 2 --rounds 1 --block 3 --drop 1"
LAB = [each for each in commands(PAGE) if "-m benchmarks" in each[0]]
TESTS = [command for command, _ in commands(PAGE) if "/pytest " in command]
QUICK = [each for each in commands(PAGE) if each not in LAB and each[0] not in TESTS]
TUNED = [command for command, _ in LAB if "--contender" in command]


@pytest.fixture
def shell():
    found = Shell(servers.environment(), servers.ROOT)
    found.run(f"export PATH={sys.prefix}/bin:$PATH")
    yield found
    found.close()


def _here(command: str) -> str:
    return command.replace(".venv/bin/", f"{sys.prefix}/bin/")


@pytest.mark.parametrize(("command", "shown"), QUICK, ids=[command[-40:] for command, _ in QUICK])
def test_a_command_prints_what_is_shown(shell, command, shown):
    code, output = shell.run(f"({_here(command)}) 2>&1")
    assert code == 0, output
    assert is_shown(shown, output), (shown, output)


@pytest.mark.parametrize("command", TESTS, ids=["refreshes", "gives up"])
def test_a_command_that_runs_tests_finds_them(shell, command):
    """They run with all others."""
    code, output = shell.run(f"{_here(command)} --collect-only 2>&1")
    assert code == 0, output
    assert re.search(r"^tests/benchmarks/test_tuned_stock\.py::", output, re.MULTILINE)


@pytest.mark.lab
@pytest.mark.parametrize("command", TUNED, ids=["sqlite", "postgresql"])
def test_a_run_with_the_tuned_classes_ends_with_a_verdict(shell, tmp_path, command):
    """The options of the others are checked by test_documents.py."""
    quick = re.sub(r" --budget \d+", "", _here(command))
    code, output = shell.run(f"{quick} {SMALLEST} --json {tmp_path}/run.json 2>&1")
    assert code in (0, 3), output
    assert re.search(r"^Verdict: ", output, re.MULTILINE)


def test_every_set_up_is_in_the_table_and_in_a_command():
    for each in tuned_stock.ALL:
        assert f"`{each.name}`" in PAGE
        assert any(f":{each.name.replace('-', '_').upper()}" in command for command, _ in LAB)
