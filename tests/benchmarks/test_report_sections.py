"""The sections of a report: each result in pictures and tables."""

import pytest

from benchmarks.reporting.pictures.curves import spread
from benchmarks.reporting.pictures.drawing import plain
from tests.support.question_results import (
    distance,
    flows,
    load,
    load_away,
    plan,
    revocation,
    scale,
    selftest,
    versus,
    wire,
)
from tests.support.reports import having, rows_of
from tests.support.results import around, compare, instructions, overhead

pytestmark = pytest.mark.once  # no database


def test_contests_are_read_from_both_sides_cheapest_first(page_of):
    cells = rows_of(page_of(overhead()), "contests")
    assert list(cells) == ["", "simplejwt-stateless", "drf-token", "token", "simplejwt", "jwt"]
    assert cells[""] == list(cells)[1:]
    assert cells["token"] == ["+268", "≈", "·", "−17", "−223"]
    assert cells["jwt"] == ["+491", "+229", "+223", "+206", "·"]


def test_a_mark_of_a_contest_has_words_for_who_hears_it(page_of):
    source = page_of(overhead()).source
    assert '<span aria-hidden="true">≈</span><span class="said">equivalent, +6.0 (−4.0 to +16.0) µs</span>' in source
    assert '<span aria-hidden="true">−223</span><span class="said">faster, −223 (−233 to −213) µs</span>' in source


def test_what_a_scheme_adds_over_http_stands_beside_in_process(page_of):
    page = page_of(overhead(), wire())
    assert page.sections[:3] == ["overhead", "contests", "wire"]
    cells = rows_of(page, "wire", 1)
    around = ["392 (382 to 402)", "372 (362 to 382)", "+20.0 (+10.0 to +30.0)"]
    assert cells["token"] == [*around, "more over HTTP"]
    assert "Unlike overhead.json: processor: AMD and Intel." in page.texts
    assert "The same schemes over HTTP add" in page.texts


def test_a_revision_is_compared_with_the_checkout(page_of):
    cells = rows_of(page_of(overhead(), versus()), "versus")
    assert cells["request"] == [
        *("500 (490 to 510)", "400 (390 to 410)", "−100 (−110 to −90.0)"),
        "faster now",
    ]
    assert cells["adds to anonymous"][-1] == "the same within 5"


OF = {"scheme": "shop.cost:SCHEME", "head": "a" * 40, "uncommitted": True, "no_base": ""}
NOTHING = {"before": None, "difference": None, "now": None}


def test_somebodys_class_is_compared_at_the_base_and_at_the_head(page_of):
    page = page_of(overhead(), {**versus(), "of": OF})
    assert "The class at the base and at the head" in page.texts
    assert "at the head aaaaaaaaaaaa with uncommitted changes" in page.text
    assert {"at the base (95 %)", "at the head (95 %)"} <= set(rows_of(page, "versus")[""])
    assert "checkout" not in page.text.split("The class at the base and at the head")[-1].split("The bodies")[0]


def test_a_head_without_a_base_is_shown_alone(page_of):
    alone = {**versus(), **NOTHING, "ratio": None, "unlike": "", "of": {**OF, "no_base": "base: no module shop"}}
    page = page_of(overhead(), {**alone, "adds": {**alone["adds"], **NOTHING}})
    cells = rows_of(page, "versus")
    assert cells["request"] == ["–", "400 (390 to 410)", "–", "–"]
    assert cells["adds to anonymous"] == ["–", "302 (292 to 312)", "–", "–"]
    assert "Only the head was measured: base: no module shop." in page.text
    assert "byte for byte" not in page.text


def test_a_result_without_a_section_of_its_own_is_a_table(page_of):
    cells = rows_of(page_of(overhead(), selftest()), "of-selftest")
    assert cells["question"] == ["contests", "rate", "low", "high", "passed", "refusal"]
    assert cells["called different"] == ["200", "0.005", "0", "0.03", "True", "–"]
    assert cells["refuses lets everybody in"] == ["–", "–", "–", "–", "True", "200 without a credential"]


def test_a_cell_says_when_each_token_dies(page_of):
    page = page_of(overhead(), revocation())
    cells = rows_of(page, "revocation")
    assert cells["simplejwt"] == ["–", "at access expiry (5 min); refresh token: at once (500)", "at once"]
    assert cells["jwt"] == ["at once", "at once", "within 30 s"]
    assert "user.save(); jwt: by hand" in page.text


def test_another_process_has_a_table_of_its_own(page_of):
    text = page_of(overhead(), revocation()).text
    assert "In another process" in text
    assert "3.2 ms, worst of 2" in text


def test_what_was_faster_before_is_slower_now(page_of):
    cells = rows_of(page_of(overhead(), compare()), "compare")
    assert cells["token"] == ["/whoami/", "372 (362 to 382)", "402 (392 to 412)", "30.0 (20.0 to 40.0)", "slower now"]
    assert cells["jwt"][-1] == "the same within 5"


def test_runs_compared_in_unlike_environments_are_told(page_of):
    page = page_of(overhead(), having(compare(), ["processor: AMD and Intel"], "unlike"))
    assert {"monday.json: steal", "unlike environments: processor: AMD and Intel"} <= set(page.texts)


def test_a_plan_says_what_each_scheme_takes_and_what_is_not_known(page_of):
    page = page_of(overhead(), plan())
    cells = rows_of(page, "plan")
    assert cells["jwt"] == [
        *("39.3 ±10.0", "107,899", "10,503", "77.5 ±10.0", "0.5/1.5/1"),
        *("810.5 MB", "295.8 GB", "at once"),
    ]
    assert cells["knox"] == ["80.0 ±10.0", "200,000", "–", "90.0 ±10.0", "1", "–", "–", "–"]
    assert {"R = users x requests / 86,400 s", "flows: steal"} <= set(page.texts)


def test_the_population_of_a_plan_is_described(page_of):
    page = page_of(overhead(), plan())
    described = rows_of(page, "plan", 1)
    assert described["requests of a user in a day"] == ["50"]
    assert described["lifetime of an access token"] == ["5 min"]
    assert described["utilisation of the cores in that hour"] == ["60%"]


def test_rates_are_compared_with_the_stock_row_turn_by_turn(page_of):
    rates = rows_of(page_of(overhead(), load()), "load", 2)
    assert rates["token on granian"] == [
        *("950 (900 to 1,000)", "2.12 (0.54 to 3.71)"),
        # The stock row was within the bound in one turn only.
        *("855 (810 to 900)", "–", "97%"),
    ]
    assert rates["drf-token on gunicorn"] == ["450 (400 to 500)", "stock", "–", "stock", "97%"]


def test_a_rate_that_was_not_all_answered_is_crossed_and_counted(page_of):
    page = page_of(overhead(), load())
    at_once = page_of(overhead(), having(load(), [], "contenders", 1, "turns", 0, "steps"))
    assert page.source.count("<use ") > at_once.source.count("<use ")
    table = page.figures[-1]["table"]
    lines = [table[i : i + 9] for i in range(9, len(table), 9)]
    assert [line[2] for line in lines] == ["200", "900", "1,000", "180", "810", "900"]
    assert lines[2] == ["token", "1", "1,000", "990", "10.0", "45.0", "35.0", "3", "7"]


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.2, "0.2"), (100_000, "100,000"), (1_000_000, "1 M"), (2_500_000, "2.5 M"), (10_000_000, "10 M")],
)
def test_an_axis_tells_no_exponent(value, text):
    assert plain(value) == text


def test_pictures_of_two_servers_have_the_same_axes(page_of):
    gunicorn, granian = page_of(overhead(), load()).figures[2:]
    ticks = [[text for text in each["svg"] if text[0].isdigit() and text[-1].isdigit()] for each in (gunicorn, granian)]
    assert ticks[0] == ticks[1] != []


def test_what_each_adds_is_drawn_against_the_measured_round_trip(page_of):
    page = page_of(overhead(), distance())
    table = page.figures[-1]["table"]
    assert table[:3] == ["0.30 ms", "1.30 ms", "5.30 ms"]
    assert "5,372 (5,362 to 5,382)" in table
    assert rows_of(page, "distance", 1)["token"] == ["0.99 (0.96 to 1.02)", "1"]
    assert rows_of(page, "distance", 1)["simplejwt-stateless"] == ["−0.01 (−0.04 to 0.02)", "1"]
    assert rows_of(page, "distance", 2) == {"asked for": ["median"], "directly": ["0.08"]} | {
        asked: [took] for asked, took in (("0", "0.30"), ("1", "1.30"), ("5", "5.30"))
    }


def test_rates_at_several_distances_are_drawn_beside_those_of_a_near_database(page_of):
    page = page_of(overhead(), load(), load_away())
    rates = rows_of(page, "load-distance", 0)
    assert rates["token on granian"] == ["950 (900 to 1,000)", "475 (450 to 500)"]
    # The stock row at the same distance
    assert rows_of(page, "load-distance", 5)["token on granian, 5 ms away"][1] == "2.12 (0.54 to 3.71)"
    assert rows_of(page, "load", 2)["token on granian"][0] == "950 (900 to 1,000)"
    one = page_of(overhead(), load(distances=(5.0,)))
    assert one.sections[-2:] == ["load-distance", "method"]
    assert len(one.figures) == 2 + 2


def test_growth_is_drawn_line_by_line_and_what_is_not_above_zero_too(page_of):
    page = page_of(overhead(), scale())
    growth = page.figures[2:]
    assert [{"token", "jwt", "simplejwt", "flushexpiredtokens"} & set(each["svg"]) for each in growth] == [
        {"token", "jwt"},
        {"token", "jwt"},
        {"jwt"},
        {"flushexpiredtokens"},
        {"jwt", "simplejwt"},
    ]
    assert "900" in growth[-1]["table"]
    # 190 bytes a row, and the database does not report indexes
    assert rows_of(page, "scale", 5)["auth_user"] == ["100,000", "100,000", "190", "–"]
    faster = having(scale(), around(-1.0), "sizes", 0, "table", "rows", 0, "overhead")
    assert "−1.0 (−11.0 to 9.0)" in page_of(overhead(), faster).figures[2]["table"]
    assert (
        len(
            page_of(overhead(), having(having(scale(), None, "sizes", 0, "upkeep"), None, "sizes", 1, "upkeep")).figures
        )
        == 3
    )


def test_where_valgrind_was_missing_the_section_says_so(page_of):
    page = page_of(overhead(), {**instructions(), "valgrind": None, "rows": []})
    assert "Nothing was counted: valgrind was not installed." in page.texts


def test_where_two_schemes_cost_the_same_is_a_matrix_with_intervals_below(page_of):
    page = page_of(overhead(), flows())
    matrix = rows_of(page, "flows", 2)
    assert matrix[""] == ["token", "jwt"]
    assert matrix["token"] == ["·", "&lt;13"]
    assert matrix["jwt"] == ["≥13", "·"]
    assert "cheaper from 12.9 (12.1 to 13.8) requests on" in page.texts
    assert rows_of(page, "flows", 5)["token, jwt"] == ["12.9 (12.1 to 13.8)", "token", "jwt"]


@pytest.mark.parametrize("count", [1, 2, 8, 40])
def test_curves_are_named_at_their_ends_and_no_name_lies_on_another(page_of, count):
    document = flows()
    costs = document["curve"]["schemes"]["token"]
    document["curve"]["schemes"] = {f"scheme-{place}": costs for place in range(count)}
    document["crossings"] = []
    together, panels = page_of(overhead(), document).figures[2:]
    for picture in (together, panels):
        assert {f"scheme-{place}" for place in range(count)} <= set(picture["svg"])


def test_labels_stay_in_order_apart_and_near_their_lines():
    assert spread([0.5, 0.1, 0.9], 0.1) == pytest.approx([0.5, 0.1, 0.9])
    assert spread([0.5, 0.5, 0.52], 0.1) == pytest.approx([0.4067, 0.5067, 0.6067], abs=1e-3)
    assert spread([0.0, 0.0, 1.0, 1.0], 0.2) == pytest.approx([0, 0.2, 0.8, 1.0])
    assert spread([0.5] * 20, 0.1)[-1] == pytest.approx(1.9), "where there is no room they run over the top"


def test_a_login_with_each_password_hasher_is_told(page_of):
    page = page_of(overhead(), flows())
    rows = rows_of(page, "flows", 4)
    assert rows["argon2"] == ["–", "–", "67.90 (66.90 to 68.90)", "0.70 (0.69 to 0.71)", "69 to 71", "95.8 to 98.5"]
    assert any(text.strip().endswith("and one UPDATE.") for text in page.texts)
