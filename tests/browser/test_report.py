"""The report's page in Chromium: on a phone, on a desk, and on paper.

SCREENSHOTS=folder keeps pictures of it.
"""

import json
import os
from itertools import pairwise
from pathlib import Path

import pytest

from tests.support.question_results import WRITERS
from tests.support.reports import page_from

pytestmark = [pytest.mark.browser, pytest.mark.once]


SCHEMES = 9

# Everything that reaches beyond the right edge and is in no box that scrolls by itself.
TOO_WIDE = """[...document.querySelectorAll('body *')]
    .filter(each => !each.closest('.scroll') && each.getBoundingClientRect().right > innerWidth + 1)
    .map(each => each.outerHTML.slice(0, 120))"""


def many(costs):
    return {f"scheme-{place}": costs for place in range(SCHEMES)}


@pytest.fixture(scope="session")
def page_file(tmp_path_factory):
    """Return the path of the page of all results."""
    folder = tmp_path_factory.mktemp("report")
    paths = []
    for number, write in enumerate(WRITERS.values()):
        document = write()
        if document["command"] == "flows":
            costs = document["curve"]["schemes"]["token"]
            document |= {"curve": {"requests": [1, 10, 100, 1000], "schemes": many(costs)}, "crossings": []}
        paths.append(folder / f"{number}.json")
        paths[-1].write_text(json.dumps(document), "utf-8")
    page = folder / "page.html"
    page.write_bytes(page_from(paths))
    return page


@pytest.fixture
def open_page(chromium, page_file):
    """Return open_page(width, **context), which opens the page; a refused load fails the test."""
    contexts, problems = [], []

    def open_page(width: int, **options):
        contexts.append(chromium.new_context(viewport={"width": width, "height": 900}, **options))
        tab = contexts[-1].new_page()
        tab.on("console", lambda message: problems.append(message.text))
        tab.on("request", lambda request: request.url.startswith(("file:", "data:")) or problems.append(request.url))
        tab.goto(page_file.as_uri())
        return tab

    yield open_page
    for each in contexts:
        each.close()
    assert problems == []


@pytest.mark.parametrize("colours", ["light", "dark"])
@pytest.mark.parametrize("width", [400, 1280])
def test_the_page_scrolls_down_only(open_page, width, colours):
    tab = open_page(width, color_scheme=colours)
    assert tab.evaluate(TOO_WIDE) == []
    assert tab.evaluate("document.documentElement.scrollWidth") == width
    if folder := os.environ.get("SCREENSHOTS"):
        tab.screenshot(path=Path(folder) / f"report-{width}-{colours}.png", full_page=True)


def test_a_matrix_keeps_its_names_in_sight_where_it_scrolls(open_page):
    tab = open_page(200)
    box = tab.locator("#contests .scroll").first
    box.evaluate("each => each.scrollLeft = 1000")
    assert box.evaluate("each => each.scrollLeft") > 0
    name = box.locator("tbody th").first
    assert name.bounding_box()["x"] == pytest.approx(box.bounding_box()["x"], abs=1)
    assert {each.get_attribute("scope") for each in box.locator("tbody th").all()} == {"row"}
    assert {each.get_attribute("scope") for each in box.locator("thead th").all()} == {"col"}


def test_no_label_of_a_curve_lies_on_another(open_page):
    """All nine curves end at the same height."""
    labels = open_page(400).locator("#flows figure").first.locator("svg text").filter(has_text="scheme-")
    boxes = sorted((each.bounding_box() for each in labels.all()), key=lambda box: box["y"])
    assert len(boxes) == SCHEMES
    assert min(below["y"] - above["y"] for above, below in pairwise(boxes)) >= 11, "as high as a letter"


def test_everything_fits_on_paper(open_page):
    tab = open_page(690)  # A4 less its margins
    tab.emulate_media(media="print")
    assert tab.evaluate("[...document.querySelectorAll('table')].filter(each => each.offsetWidth > 692).length") == 0
    folded = tab.locator("details table").first
    assert folded.bounding_box()["height"] > 20, "what is folded on the screen is printed"
