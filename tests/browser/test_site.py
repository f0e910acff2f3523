"""The page over records in Chromium: filters, permalinks, a phone, paper and no script."""

import pytest

from benchmarks.questions.site import page as site
from benchmarks.results import shared
from tests.support import records

pytestmark = [pytest.mark.once, pytest.mark.browser]

LINK = "2026-11-24-amd-epyc-2-cores-postgresql/overhead/whoami/jwt/token"
HOSTILE = "</script></style><img src=x onerror=alert(1)><script>alert(1)</script>\u202e" + "x" * 300

WIDER = """[...document.querySelectorAll("main *, form *")].filter((each) => each.getBoundingClientRect().right > 400
    && !each.closest(".scroll *")).map((each) => each.outerHTML.slice(0, 100)).slice(0, 5)"""


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """Return the address of a page of three records, one of which is hostile."""
    folder = tmp_path_factory.mktemp("site")
    records.make(folder / "records", *records.results(), records.away())
    records.make(folder / "records", *records.results(database="PostgreSQL", connection="pool"), label="postgresql")
    records.make(folder / "records", *records.results(HOSTILE, database=HOSTILE), machine="hostile")
    page = folder / "index.html"
    page.write_bytes(site.html([shared.read(each) for each in shared.folders([folder / "records"])]))
    return page.as_uri()


@pytest.fixture
def opened(chromium, address):
    """Return a function that opens the page, and check that it asked for nothing else."""
    contexts, seen = [], []

    def open_page(fragment: str = "", **options):
        context = chromium.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        page.on("request", lambda request: seen.append(request.url))
        page.on("console", lambda message: seen.append(message.text))
        page.on("dialog", lambda dialog: seen.append(dialog.message))
        page.on("pageerror", lambda error: seen.append(str(error)))
        page.goto(f"{address}#{fragment}" if fragment else address)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert {each.partition("#")[0] for each in seen} == {address}


def shown(page) -> list[str]:
    return [each.get_attribute("id") for each in page.locator("article").all() if each.is_visible()]


def test_filters_hide_what_they_leave_out_and_say_so(opened):
    page = opened()
    assert len(shown(page)) == 3
    page.get_by_label("Database", exact=True).select_option("PostgreSQL")
    assert shown(page) == ["2026-11-24-amd-epyc-2-cores-postgresql"]
    assert page.locator("tbody tr[data-record]:visible").count() == 1
    assert page.get_by_role("status").text_content() == "1 of 3 records: PostgreSQL"
    page.get_by_label("Connection policy").select_option("served")
    assert shown(page) == []
    page.get_by_role("button", name="Show all").click()
    page.get_by_text("3 of 3 records").wait_for()
    assert len(shown(page)) == 3


def test_the_keyboard_reaches_and_moves_the_filters(opened):
    page = opened()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.name") == "database"
    for _ in range(2):  # after "all" comes the hostile text, then PostgreSQL
        page.keyboard.press("ArrowDown")
    assert shown(page) == ["2026-11-24-amd-epyc-2-cores-postgresql"]


def test_a_permalink_unfolds_shows_and_marks_its_contest(opened):
    page = opened(LINK)
    bout = page.locator(f"[id='{LINK}']")
    assert bout.is_visible()
    assert page.locator("details[open]").count() == 1
    box = bout.bounding_box()
    assert 0 <= box["y"] <= page.viewport_size["height"]
    assert page.evaluate("document.querySelector(':target').id") == LINK


def test_a_permalink_may_name_its_contenders_in_either_order(opened):
    page = opened(LINK.replace("jwt/token", "token/jwt"))
    page.locator(":target").wait_for()
    assert page.evaluate("document.querySelector(':target').id") == LINK
    assert page.locator(f"[id='{LINK}']").is_visible()
    page.evaluate("location.hash = 'no/such/contest'")
    assert page.evaluate("location.hash") == "#no/such/contest"


def test_a_contest_looks_like_the_link_that_it_is(opened):
    link = opened(LINK).locator(f"[id='{LINK}'] a")
    assert link.evaluate("(link) => getComputedStyle(link).textDecorationLine") == "underline"


def test_a_permalink_beats_the_filters(opened):
    page = opened()
    page.get_by_label("Database", exact=True).select_option("SQLite")
    page.evaluate(f"location.hash = '{LINK}'")
    page.locator(f"[id='{LINK}']").wait_for()
    page.get_by_text("3 of 3 records").wait_for()


def test_a_permalink_to_a_hostile_name_works_too(opened):
    page = opened()
    page.locator("article[id$='hostile'] summary").first.click()
    link = page.locator("article[id$='hostile'] .bouts a").first
    link.click()
    target = page.evaluate("document.querySelector(':target').id")
    assert f"#{target}" == link.get_attribute("href")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_wider_than_a_phone(opened, scheme):
    page = opened(viewport={"width": 400, "height": 800}, color_scheme=scheme)
    for each in page.locator("summary").all():
        each.click()
    assert page.evaluate("document.documentElement.scrollWidth") == 400, page.evaluate(WIDER)
    paper, ink = page.evaluate(
        "[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color]"
    )
    brightness = [int(colour.split("(")[1].split(",")[0]) for colour in (paper, ink)]
    assert (brightness[0] < brightness[1]) == (scheme == "dark")


def test_paper_shows_every_contest_and_no_control(opened):
    page = opened()
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert not page.locator("form").is_visible()
    assert all(each.is_visible() for each in page.locator(".bouts li").all())
    page.set_viewport_size({"width": 718, "height": 1000})  # A4 without its margins
    assert page.evaluate("document.documentElement.scrollWidth") == 718
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.locator("details[open]").count() == 0


def test_without_a_script_everything_is_shown_but_the_filters(opened):
    page = opened(LINK, java_script_enabled=False)
    assert len(shown(page)) == 3
    assert all(each.is_visible() for each in page.locator(".bouts li").all())
    assert not page.locator("form").is_visible()
    assert page.locator(":target").get_attribute("id") == LINK
