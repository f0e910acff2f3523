"""docs/explanation/security.md names tests that exist and has every clause of its standards."""

import re
from functools import cache

import pytest

from tests.support import servers

pytestmark = pytest.mark.once

DOCUMENT = (servers.ROOT / "docs/explanation/security.md").read_text()


@cache
def names_in(file: str) -> set[str]:
    return set(re.findall(r"^def (test_\w+)\(", (servers.ROOT / file).read_text(), re.MULTILINE))


def section(heading: str) -> list[list[str]]:
    """Return the cells of the table under a heading, without its head."""
    text = DOCUMENT.partition(f"\n## {heading}")[2].partition("\n## ")[0]
    rows = [line.strip("|").split(" | ") for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row] for row in rows[2:]]


def test_every_test_it_names_exists():
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", DOCUMENT)
    assert len(named) > 50
    # None is written in another way, which this would not find.
    assert DOCUMENT.count("::") == len(named)
    assert [f"{file}::{name}" for file, name in named if name not in names_in(file)] == []


CLAUSES = {
    "RFC 8725": {f"3.{number}" for number in range(1, 13)},
    "RFC 6750": {"2.1", "2.2", "2.3", "3", "3.1", "5.2", "5.3"},
    "RFC 9700": {"2.2.1", "2.2.2", "4.14.2"},
    "RFC 7009": {"2.1", "2.2", "2.2.1"},
    "RFC 10017": {
        "Cookie Security",
        "Cross-Site Request Forgery Protections",
        "Refresh Tokens",
        "Cross-Origin Requests",
    },
    "OWASP ASVS 5.0, V7": {
        f"7.{section}.{number}"
        for section, last in enumerate((3, 4, 2, 5, 3, 2), start=1)
        for number in range(1, last + 1)
    },
    "OWASP ASVS 5.0, V9": {"9.1.1", "9.1.2", "9.1.3", "9.2.1", "9.2.2", "9.2.3", "9.2.4"},
    "OWASP ASVS 5.0, V10": {"10.3.1", "10.4.5", "10.4.8"},
}


@pytest.mark.parametrize("heading", CLAUSES)
def test_every_clause_has_a_row_that_says_how_it_is_met_or_why_not(heading):
    rows = section(heading)
    assert CLAUSES[heading] <= {clause for cells in rows for clause in cells[0].split(", ")}
    for cells in rows:
        assert len(cells) == 3, cells
        assert re.search(
            r"tests/|not met|[Dd]oes not apply|[Nn]ot offered|as RFC|[Oo]ne algorithm|JWT_AUDIENCE", cells[2]
        ), cells
