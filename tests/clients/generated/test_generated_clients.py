"""What `make clients` runs and what the page about it says agree."""

import re

import pytest

from tests.clients.generated.tools import HERE, STEPS, TOOLS, node_version
from tests.support.transcripts import blocks, page, sections

pytestmark = pytest.mark.once

PAGE = page("docs/how-to/generate-a-client.md")


def stripped(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines()]


def test_the_page_names_each_tool_with_its_locked_version():
    rows = re.findall(r"^\| (.+?) \| (\d\S*) \|$", PAGE, re.MULTILINE)
    assert rows == [(tool.name, tool.version) for tool in TOOLS]


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.folder)
def test_the_page_shows_the_command_that_is_run_and_lines_of_the_driver(tool):
    section = sections(PAGE)[tool.name]
    assert blocks("sh", section) == [f"{tool.generate}\n"]
    lines = [
        line for block in blocks("typescript" if tool.needs_node else "python", section) for line in stripped(block)
    ]
    assert lines
    assert set(lines) <= set(stripped((HERE / "drivers" / tool.driver).read_text("utf-8")))


def test_both_flows_have_the_same_steps_in_the_same_order():
    in_typescript = re.findall(r"^    async (\w+)\(\) \{$", (HERE / "drivers/flow.ts").read_text("utf-8"), re.MULTILINE)
    assert tuple(in_typescript) == STEPS
    assert {"patch", "throttled", "unavailable", "refresh", "log_out"} < set(STEPS)


def test_the_locks_name_no_registry():
    lock = (HERE / "package-lock.json").read_text("utf-8")
    assert '"integrity"' in lock
    assert '"resolved"' not in lock
    assert "://" not in (HERE / "requirements.txt").read_text("utf-8")


@pytest.mark.parametrize(
    ("printed", "version"), [("v20.19.0\n", (20, 19, 0)), ("v22.1.3-nightly\n", (22, 1, 3)), ("", (0,))]
)
def test_the_version_of_node_is_read(printed, version):
    assert node_version(printed) == version
