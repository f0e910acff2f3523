"""Links and anchors lead somewhere, and lines of prose are short enough to read."""

import re
from functools import cache
from pathlib import Path

import pytest

from tests.support import servers

pytestmark = pytest.mark.once

PAGES = sorted([*servers.ROOT.glob("*.md"), *servers.ROOT.glob("docs/**/*.md")])
NAMES = [str(path.relative_to(servers.ROOT)) for path in PAGES]
COLUMNS = 100


def prose(path: Path) -> str:
    """Return a page without its fenced blocks."""
    return re.sub(r"^```.*?^```$", "", path.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)


@cache
def anchors(path: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", prose(path), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def leads_nowhere(page: Path, target: str) -> bool:
    """Return whether a link names a file or an anchor that does not exist."""
    name, _, anchor = target.partition("#")
    path = (page.parent / name).resolve() if name else page
    return not path.exists() or bool(anchor and anchor not in anchors(path))


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_every_link_leads_somewhere(page):
    text = prose(page)
    targets = re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r'(?:src|href)="([^"]+)"', text)
    ours = [target for target in targets if not target.startswith(("https://", "http://"))]
    assert [target for target in ours if leads_nowhere(page, target)] == []


def test_every_page_is_listed():
    index = servers.ROOT / "docs/README.md"
    listed = {(index.parent / target).resolve() for target in re.findall(r"\]\(([^)]+)\)", index.read_text("utf-8"))}
    assert {path for path in PAGES if index.parent in path.parents} - {index} <= listed


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_lines_of_prose_have_at_most_100_columns(page):
    """Tables, pictures, code and links that cannot be broken may be longer."""
    lines = [line for line in prose(page).splitlines() if not line.startswith(("|", "<", "    "))]
    assert [line for line in lines if len(line) > COLUMNS and " " in line.strip()[:COLUMNS]] == []
