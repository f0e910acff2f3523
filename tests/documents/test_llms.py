"""llms.txt has the form of llmstxt.org and leads to every page, and to nothing that is hidden.

`make lint` fails when it is stale.
"""

import re

import pytest

from docs.reference.llms import llms
from tests.support import servers
from tests.support.transcripts import page

pytestmark = pytest.mark.once

TEXT = page("llms.txt")
LINKS = re.findall(r"^- \[(.+?)\]\((.+?)\): (.+)$", TEXT, re.MULTILINE)
MOST = 12_000  # bytes; an agent reads it whole


def test_it_is_what_the_documents_say():
    assert llms() == TEXT


def test_it_has_one_title_a_summary_and_then_lists_of_links_alone():
    title, summary, note, *parts = TEXT.split("\n\n")
    assert re.fullmatch(r"# .+", title)
    assert re.fullmatch(r"> .+\.", summary)
    assert not note.startswith(("#", "-"))
    headings, lists = parts[::2], parts[1::2]
    assert len(headings) == len(lists) > 4
    assert all(re.fullmatch(r"## .+", each) for each in headings)
    assert headings[-1] == "## Optional"
    lines = [line for each in lists for line in each.splitlines()]
    assert len(lines) == len(LINKS)
    assert len(TEXT.encode()) < MOST


@pytest.mark.parametrize(("name", "target", "note"), LINKS, ids=[target for _, target, _ in LINKS])
def test_a_link_leads_to_a_file_and_has_a_sentence(name, target, note):
    assert (servers.ROOT / target).is_file()
    assert re.fullmatch(r"[A-Z`].{3,250}\.", note)


def test_every_page_is_listed_once():
    targets = [target for _, target, _ in LINKS]
    pages = {str(path.relative_to(servers.ROOT)) for path in servers.ROOT.glob("docs/**/*.md")} - {"docs/README.md"}
    assert len(targets) == len(set(targets))
    assert pages <= set(targets)


def test_it_leads_to_nothing_that_a_reader_of_the_readme_would_not_find():
    found = {"README.md"}
    for name in ("README.md", "docs/README.md", "docs/how-to/single-page-applications.md"):
        folder = (servers.ROOT / name).parent
        for target in re.findall(r"\]\(([^)#\s]+)", page(name)):
            if not target.startswith("https://"):
                found.add(str((folder / target).resolve().relative_to(servers.ROOT)))
    assert {target for _, target, _ in LINKS} <= found
