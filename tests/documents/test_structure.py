"""The code keeps to the limits of size and the rules of writing that CONTRIBUTING names."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from functools import cache

import pytest

from tests.support import servers

pytestmark = pytest.mark.once

MOST_LINES, MOST_COMMAND_LINES = 450, 60
LONGER = {"clients/httpx_auth.py"}  # people copy it, so it stays one file
FOLDERS = ("auth_core", "benchmarks", "clients", "config", "docs", "jwt_auth", "telemetry", "tests", "tokens", "tracks")
# ruff's D401 knows verbs; a docstring that begins with one of these words has none.
NO_VERB = re.compile(
    r"`*(A|All|An|And|As|At|But|By|Each|Every|For|From|How|If|In|It|No|Not|Of|On|One|Only|Or|That|The|These|They|"
    r"This|Those|To|What|When|Where|Whether|Which|Who|Whoever|Whose|Why|With)\b"
)
FUNCTIONS = ast.FunctionDef | ast.AsyncFunctionDef


@cache
def sources() -> dict[str, str]:
    """Return the text of each Python file by its name."""
    files = [path for folder in FOLDERS for path in (servers.ROOT / folder).rglob("*.py")]
    return {str(path.relative_to(servers.ROOT)): path.read_text() for path in [servers.ROOT / "manage.py", *files]}


def command_lines(tree: ast.Module) -> int:
    """Return the lines of the longest command, its decorators included."""
    return max(
        (
            node.end_lineno - node.decorator_list[0].lineno + 1
            for node in ast.walk(tree)
            if isinstance(node, ast.FunctionDef) and ".command(" in " ".join(map(ast.unparse, node.decorator_list))
        ),
        default=0,
    )


def docstrings(source: str) -> Iterator[tuple[ast.AST, str]]:
    """Yield each docstring with the node that it belongs to."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | FUNCTIONS) and (text := ast.get_docstring(node)):
            yield node, text


def comments(source: str) -> Iterator[str]:
    """Yield each block of comment lines, or comment behind code, as one text."""
    block, last = [], 0
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type != tokenize.COMMENT:
            continue
        line = token.start[0]
        if line != last + 1:
            yield " ".join(block)
            block = []
        block.append(token.string.lstrip("# "))
        last = line
    yield " ".join(block)


def test_no_file_is_longer_than_450_lines():
    lengths = {name: len(text.splitlines()) for name, text in sources().items()}
    assert len(lengths) > 300
    longer = {name: lines for name, lines in lengths.items() if lines > MOST_LINES}
    assert longer.keys() == LONGER, longer


def test_no_command_of_the_lab_is_longer_than_60_lines():
    lengths = {
        name: command_lines(ast.parse(text)) for name, text in sources().items() if name.startswith("benchmarks/")
    }
    assert sum(map(bool, lengths.values())) > 15
    longer = {name: lines for name, lines in lengths.items() if lines > MOST_COMMAND_LINES}
    assert longer == {}


def test_a_functions_docstring_begins_with_a_verb():
    wrong = [
        f"{name}:{node.lineno} {text.splitlines()[0]}"
        for name, source in sources().items()
        for node, text in docstrings(source)
        if isinstance(node, FUNCTIONS) and not node.name.startswith("test_") and NO_VERB.match(text)
    ]
    assert wrong == []


def test_no_sentence_begins_with_of_by_as_or_with():
    wrong = [
        f"{name}: {match[0]}"
        for name, source in sources().items()
        for text in [*(text for _, text in docstrings(source)), *comments(source)]
        for match in re.finditer(r"(?:^|(?<=[.!?] )|(?<=\n\n))(Of|By|As|With)\b.{,60}", text)
    ]
    assert wrong == []
