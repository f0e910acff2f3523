"""Fixtures of several files of this folder."""

import re

import pytest

from tests.support.stock import LOGIN, holds_for


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Print with a failure for which versions of the libraries the finding holds."""
    report = yield
    finding = re.search(r"\b[TJB][0-9]+\b", f"{item.function.__doc__ or ''} {item.name}")
    if report.failed and finding:
        report.sections.append(("Stock beside ours", holds_for(finding[0])))
    return report


@pytest.fixture
def log_in(door_to, user):
    """Return log_in("jwt"), which returns the row's door and a pair obtained there."""

    def log_in(row: str):
        door = door_to(row)
        response = door.client.post("/api/token/", LOGIN)
        assert response.status_code == 200, response.content
        return door, response.json()

    return log_in
