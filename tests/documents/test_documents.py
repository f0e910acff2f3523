"""Commands, options and files that the documents name exist.

test_readme.py, test_how_tos.py and test_deployment.py run the commands of the README, the tutorial
and the how-to pages. The lab's transcripts on the other pages took minutes, so here the commands
only read their options.
"""

import re
import shlex
import subprocess

import pytest
from django.core.management import get_commands, load_command_class

from benchmarks.__main__ import main
from tests.support import servers

pytestmark = pytest.mark.once

DOCUMENTS = [servers.ROOT / "README.md", servers.ROOT / "CONTRIBUTING.md", *sorted(servers.ROOT.glob("docs/**/*.md"))]


def is_executed(document) -> bool:
    """Return whether another test runs the page's blocks."""
    return document.parent.name == "how-to" or document.name in ("README.md", "tutorial.md")


MADE_BY_A_READER = {"tokens/signed.py", "config/claims.py"}  # of how-to pages, whose tests write them

# Code is in a block, or in a span within a sentence.
CODE = [
    (document.name, code.strip().removeprefix("$ "))
    for document in DOCUMENTS
    for block, span in re.findall(r"```\w*\n(.*?)```|`([^`]+)`", document.read_text("utf-8"), re.DOTALL)
    for code in [*re.findall(r"^\$ .*$|^ *\.venv/.*$", block, re.MULTILINE), " ".join(span.split())]
    if code and not (block and is_executed(document))
]


def lines(pattern: str) -> list[tuple[str, str]]:
    """Return (document, what comes after the pattern) for all code that the pattern begins."""
    found = [(name, re.search(pattern + r"(.*)", code)) for name, code in CODE]
    return sorted({(name, match[1].strip()) for name, match in found if match})


@pytest.mark.parametrize(("document", "arguments"), lines(r"^(?:\.venv/bin/)?python -m benchmarks (?!COMMAND)"))
def test_the_labs_commands_take_the_options_they_are_shown_with(document, arguments, monkeypatch, tmp_path):
    words = [word for word in shlex.split(arguments.split("#")[0]) if word not in ("…", "...")]
    command = main.get_command(None, words[0])
    assert command is not None, f"no command {words[0]!r}"
    # The commands before this one wrote files of results.
    for name in [word for word in words if word.endswith(".json")]:
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(servers.ROOT))  # a process looks at the contenders from outside
    command.make_context(words[0], words[1:])


@pytest.mark.parametrize(("document", "arguments"), lines(r"^(?:[A-Z_]+=\S* )*(?:\.venv/bin/python )?manage\.py "))
def test_management_commands_exist_with_their_options(document, arguments):
    name, *options = [word for word in shlex.split(arguments) if word not in ("…", "USERNAME")]
    command = load_command_class(get_commands()[name], name)
    known = command.create_parser("manage.py", name)._option_string_actions
    for option in (word for word in options if word.startswith("--")):
        assert option in known, arguments


@pytest.mark.parametrize(("document", "target"), lines(r"^make ([a-z-]+)\b"))
def test_targets_of_make_exist(document, target):
    done = subprocess.run(["make", "-n", target], cwd=servers.ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("document", "path"),
    lines(
        r"^((?:auth_core|benchmarks|clients|config|docs|jwt_auth|requirements|telemetry|tests|tokens|tracks)/[\w./-]+)$"
    ),
)
def test_files_exist(document, path):
    assert path in MADE_BY_A_READER or (servers.ROOT / path).exists()
