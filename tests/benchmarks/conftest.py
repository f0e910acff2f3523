"""The user of contenders, and reports for tests that read them."""

import json

import pytest

from benchmarks.databases.write_counts import one_connection
from tests.support.pages import Page
from tests.support.question_results import (
    WRITERS,
)
from tests.support.reports import everything, page_from


@pytest.hookimpl(tryfirst=True)  # before pytest selects by markers
def pytest_collection_modifyitems(items):
    """Mark the tests of a long run: those that use a fixture in their module's LAB_FIXTURES."""
    for item in items:
        if getattr(item.module, "LAB_FIXTURES", set()) & set(item.fixturenames):
            item.add_marker(pytest.mark.lab)


@pytest.fixture
def user(user):
    """Return the user, while no request closes the test's connection."""
    with one_connection():
        yield user


@pytest.fixture
def files(tmp_path):
    """Return a function that writes documents, and returns their paths."""

    def write(*documents):
        paths = [tmp_path / f"{index}.json" for index in range(len(documents))]
        for path, document in zip(paths, documents, strict=True):
            path.write_text(document if isinstance(document, str) else json.dumps(document), "utf-8")
        return paths

    return write


@pytest.fixture(scope="module")
def pages():
    """Return the pages that page_of has made: a page with all pictures takes seconds."""
    return {}


@pytest.fixture
def page_of(files, pages):
    def page(*documents):
        key = json.dumps(documents)
        if key not in pages:
            pages[key] = Page(page_from(files(*documents)).decode("utf-8"))
        return pages[key]

    return page


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Return the page of all results, which many tests read."""
    paths = [tmp_path_factory.mktemp("whole") / f"{index}.json" for index in range(len(WRITERS))]
    for path, document in zip(paths, everything(" x"), strict=True):
        path.write_text(json.dumps(document), "utf-8")
    return Page(page_from(paths).decode("utf-8"))
