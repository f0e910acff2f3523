"""The README is executed: its commands run and print what it says they print, its tables are the program's."""

import json
import re
import shutil
import subprocess
import sys

import pytest

from config.schemes import SCHEMES
from config.switches import SWITCHES
from tests.support import servers

pytestmark = pytest.mark.once

README = (servers.ROOT / "README.md").read_text()


def table(heading: str) -> list[list[str]]:
    """The cells of the first table under a heading, its head left out."""
    section = README.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    rows = [line.strip("|").split(" | ") for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row] for row in rows[2:]]


def transcript() -> list[tuple[str, str]]:
    """(command, what the README shows of its output) for each line of the curl transcript."""
    block = next(block for block in re.findall(r"```console\n(.*?)```", README, re.DOTALL) if "$ curl" in block)
    return [
        (command, shown.strip())
        for command, _, shown in (part.partition("\n") for part in block.split("$ ")[1:] if part)
    ]


def shape(text: str):
    """The names and types of a JSON answer."""

    def of(value):
        if isinstance(value, dict):
            return {name: of(member) for name, member in value.items()}
        return [of(value[0])] if isinstance(value, list) and value else type(value).__name__

    return of(json.loads(text))


def test_the_switch_table_is_the_programs():
    expected = [
        [f"`{switch.name}`", f"`{switch.default}`" if switch.default else "not set", switch.effect]
        for switch in SWITCHES.values()
    ]
    assert table("Switches") == expected


def test_the_endpoint_table_is_what_each_scheme_opens():
    documented = {name: set() for name in SCHEMES}
    for methods_and_path, schemes, _ in table("Endpoints"):
        path = re.search(r"(/\S*?)`", methods_and_path)[1]
        for name in re.findall(r"`([a-z-]+)`", schemes) or SCHEMES:
            documented[name].add(path)
    for name in SCHEMES:
        script = (
            "import django, json; django.setup(); from django.test import Client; "
            "print(json.dumps(list(Client(headers={'host': 'localhost'}).get('/').json()['endpoints'])))"
        )
        metrics = {"METRICS": "on", "METRICS_TOKEN": "m" * 32}
        done = servers.run("-c", script, AUTH_SCHEMES=name, DJANGO_SETTINGS_MODULE="config.settings", **metrics)
        assert done.returncode == 0, done.stderr
        # Two paths of one row of the README.
        assert set(json.loads(done.stdout)) == documented[name] | {"/docs/"}, name


def test_every_make_target_the_readme_names_exists():
    for target in set(re.findall(r"(?:`|\$ |^    )make ([a-z]+)\b", README, re.MULTILINE)):
        done = subprocess.run(["make", "-n", target], cwd=servers.ROOT, capture_output=True, text=True)
        assert done.returncode == 0, target


def test_every_path_the_readme_names_exists():
    for path in re.findall(r"`([a-z_]+/[a-z_./]*)`|\]\(([^)#:]+)\)", README):
        assert (servers.ROOT / "".join(path)).exists(), path


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """`make run`: its address, and the file that holds what it prints."""
    folder = tmp_path_factory.mktemp("demo")
    with servers.demo(DATABASE_URL=f"sqlite:///{folder}/demo.sqlite3") as (base, output):
        yield base, output


def test_the_transcript_runs_as_written_and_prints_what_is_shown(served):
    base, output = served
    commands = transcript()
    assert len(commands) > 8
    begin = output.read_text().strip().replace(base, "http://127.0.0.1:8000")
    for line in re.search(r"\$ make run\n(.*?)```", README, re.DOTALL)[1].splitlines():
        assert line in begin
    # One shell for all, since a line uses what the line before has set.
    script = "".join(f"{command.replace('curl ', 'curl -s ')}\necho; echo ---\n" for command, _ in commands)
    script = script.replace("http://127.0.0.1:8000", base)
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=600)  # seconds
    assert done.returncode == 0, done.stderr
    answers = [answer.strip() for answer in done.stdout.split("---")]
    for (command, shown), answer in zip(commands, answers, strict=False):
        answer = answer.replace(base, "http://127.0.0.1:8000")
        if not shown:
            assert not answer, command
        elif '"created"' in shown or "eyJ" in shown or '"token"' in shown:
            assert shape(answer) == shape(shown), command
            assert re.findall(r'"count":\d+|"title":"[^"]*"', answer) == re.findall(
                r'"count":\d+|"title":"[^"]*"', shown
            )
        else:
            assert answer == shown, command


@pytest.mark.parametrize("library", ["httpx", "httpx2"])
def test_the_python_runs_beside_a_copy_of_the_module_and_prints_what_its_comments_say(served, tmp_path, library):
    base, _ = served
    script = "\n".join(re.findall(r"```python\n(.*?)```", README, re.DOTALL)).replace("httpx", library)
    shown = re.findall(r"print\(.*\)  # (.*)", script)
    assert len(shown) == script.count("print(") > 4
    shutil.copy(servers.ROOT / "clients/httpx_auth.py", tmp_path)
    (tmp_path / "script.py").write_text(script.replace("http://127.0.0.1:8000", base))
    # Isolated from the environment and from the project; only what stands beside the script can be imported.
    done = subprocess.run(
        [sys.executable, "-E", "script.py"], cwd=tmp_path, capture_output=True, text=True, timeout=600
    )  # seconds
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [text.partition(": by")[0] for text in shown]
