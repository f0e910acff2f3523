"""The form of a response that a client's Accept header selects (RFC 9110 12.4.2 and 12.5.1)."""

from random import Random
from threading import Thread

import pytest
from rest_framework.renderers import BrowsableAPIRenderer
from rest_framework.request import Request

from auth_core import negotiation
from auth_core.negotiation import LONGEST_REMEMBERED, MOST_REMEMBERED, ContentNegotiation
from auth_core.renderers import JSONRenderer

JSON, HTML = "application/json", "text/html"
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"

# Accept (None: no header), the content type of the response (None: 406).
CHOICES = [
    (None, JSON),
    ("", JSON),
    (" ", JSON),
    (",", JSON),
    ("*/*", JSON),
    (JSON, JSON),
    (HTML, HTML),
    (BROWSER, HTML),
    ("text/html; q=1.0, */*", HTML),  # DRF's forms
    ("text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2", HTML),  # Java's
    ("application/json, text/plain, */*", JSON),  # axios
    ("APPLICATION/JSON", JSON),
    ("application/*", JSON),
    ("text/*", HTML),
    ("application/json, text/html", JSON),
    ("text/html, application/json", JSON),  # equal quality: the first of the view's types
    ("application/json;q=0.5, text/html", HTML),
    ("application/json;q=0.5, text/html;q=0.6", HTML),
    ("text/html;q=0.5, application/json;q=0.6", JSON),
    ("application/json;q=0.5, */*", HTML),
    ("application/json;q=0.5, text/*", HTML),
    ("text/html;q=0.9, */*;q=0.95", JSON),
    ("text/*;q=0.3, text/html;q=0.7, */*;q=0.5", HTML),
    ("application/json;q=0, */*", HTML),
    ("*/*, application/json;q=0.000", HTML),
    ("text/html;q=0, */*;q=0.1", JSON),
    ("application/json; indent=2; q=0.2, text/html;q=0.1", JSON),
    ("application/json;q=2", JSON),  # an invalid quality is ignored
    ("application/json;q=x, text/html;q=0.9", JSON),
    ("application/json;q=nan, text/html;q=0.9", JSON),
    ("application/json;q=0", None),
    ("*/*;q=0", None),
    ("application/*;q=0, text/html;Q=0", None),
    ("image/png", None),
    ("application/json;q=0, text/html;q=0, */*", None),
]


@pytest.mark.parametrize(("accept", "chosen"), CHOICES)
def test_the_quality_of_each_type_is_honoured(api, db, accept, chosen):
    answer = api.get("/", headers={} if accept is None else {"Accept": accept})
    assert answer.status_code == (200 if chosen else 406)
    assert answer["Content-Type"].split(";")[0] == (chosen or JSON)


@pytest.mark.parametrize(("accept", "chosen"), [each for each in CHOICES if each[1]])
def test_an_error_outside_of_the_api_is_told_in_the_form_that_the_api_would_take(api, db, accept, chosen):
    answer = api.get("/nowhere/", headers={} if accept is None else {"Accept": accept})
    assert (answer.status_code, answer["Content-Type"].split(";")[0]) == (404, chosen)


@pytest.mark.parametrize("accept", [None, "*/*", JSON, HTML])
def test_what_programs_send_is_not_parsed(api, db, monkeypatch, accept):
    def parsed(self, request, media_types):
        raise AssertionError("parsed")

    monkeypatch.setattr(ContentNegotiation, "preferred", parsed)
    assert api.get("/health/", headers={} if accept is None else {"Accept": accept}).status_code == 200


def test_what_is_not_parsed_is_chosen_as_if_it_were(rf):
    for accept in ("*/*", JSON, HTML):
        request = rf.get("/", headers={"Accept": accept})
        position, media_type = ContentNegotiation().preferred(request, [JSON, HTML])
        assert ([JSON, HTML][position], media_type) == ((JSON, JSON) if accept == "*/*" else (accept, accept))


# --- what is remembered --------------------------------------------------------------------------


@pytest.fixture
def remembered():
    """Return the cache of choices, empty."""
    negotiation._remembered.cache_clear()
    return negotiation._remembered.cache_info


def choose(rf, accept: str, *media_types: str):
    return ContentNegotiation().preferred(rf.get("/", headers={"Accept": accept}), media_types or (JSON, HTML))


def test_a_header_is_parsed_once_for_the_same_types(rf, remembered, monkeypatch):
    parsed = []
    media_type = negotiation._MediaType
    monkeypatch.setattr(negotiation, "_MediaType", lambda text: parsed.append(text) or media_type(text))
    assert [choose(rf, BROWSER), choose(rf, BROWSER), choose(rf, BROWSER)] == [(1, HTML)] * 3
    assert ",".join(parsed) == BROWSER
    assert choose(rf, BROWSER, "application/yaml", HTML) == (1, HTML)  # the schema's types
    assert choose(rf, BROWSER, HTML) == (0, HTML)
    assert len(parsed) == 3 * len(BROWSER.split(","))


@pytest.mark.parametrize("accept", [accept or "" for accept, _ in CHOICES])
def test_what_is_remembered_is_what_would_be_chosen(rf, remembered, accept):
    for media_types in ((JSON, HTML), (HTML, JSON), (HTML,), ("application/yaml", JSON)):
        first, second = choose(rf, accept, *media_types), choose(rf, accept, *media_types)
        accepted = tuple(ContentNegotiation().get_accept_list(rf.get("/", headers={"Accept": accept})))
        assert first == second == negotiation._preferred(accepted, media_types)
    assert remembered().hits >= 4


def test_a_refusal_is_remembered_too(rf, remembered):
    assert [choose(rf, "image/png"), choose(rf, "image/png")] == [None, None]
    assert remembered().hits == 1


def test_a_flood_of_different_headers_does_not_grow_the_memory(rf, remembered):
    for number in range(3 * MOST_REMEMBERED):
        assert choose(rf, f"text/html;x={number}, */*;q=0.1") == (1, f"text/html;x={number}")
    assert remembered().currsize == MOST_REMEMBERED


def test_a_long_header_is_not_kept(rf, remembered):
    longest = "text/html;x=" + "1" * (LONGEST_REMEMBERED - len("text/html;x="))
    assert choose(rf, longest) == (1, longest)
    assert remembered().currsize == 1
    assert choose(rf, f"{longest}1") == (1, f"{longest}1")
    assert choose(rf, "text/html," * 50 + "*/*") == (1, HTML)
    assert remembered().currsize == 1


class ByParameter(ContentNegotiation):
    """What a project may have: the query counts before the header."""

    def get_accept_list(self, request):
        return (
            [request.query_params["accept"]] if "accept" in request.query_params else super().get_accept_list(request)
        )


def test_a_subclass_is_asked_for_each_request(rf, remembered):
    renderers = [JSONRenderer(), BrowsableAPIRenderer()]
    for accept, chosen in ((HTML, 1), ("text/*", 1), ("application/*", 0), (HTML, 1)):
        request = Request(rf.get("/", {"accept": accept}, headers={"Accept": "application/*, text/*;q=0.5"}))
        assert ByParameter().select_renderer(request, renderers)[0] is renderers[chosen]
    request = Request(rf.get("/", headers={"Accept": "application/*, text/*;q=0.5"}))
    assert ByParameter().select_renderer(request, renderers)[0] is renderers[0]


def test_threads_remember_together(rf, remembered):
    headers = [f"text/html;q=0.{number}, application/json;q=0.{1000 - number}" for number in range(1, 400)]
    wrong = []

    def ask(seed):
        for accept in Random(seed).choices(headers, k=400):
            _, (html, json) = accept, (float(part.partition("q=")[2]) for part in accept.split(","))
            if choose(rf, accept)[0] != (html > json):
                wrong.append(accept)

    threads = [Thread(target=ask, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


# --- before the header ---------------------------------------------------------------------------


def test_a_format_in_the_query_goes_before_the_header(api, db):
    assert api.get("/?format=api", headers={"Accept": "*/*"})["Content-Type"].startswith(HTML)
    assert api.get("/?format=json", headers={"Accept": BROWSER})["Content-Type"] == JSON
    assert api.get("/?format=json", headers={"Accept": HTML}).status_code == 406
    assert api.get("/?format=x", headers={"Accept": "*/*"}).status_code == 404


@pytest.mark.parametrize(
    ("path", "accept", "status", "chosen"),
    [
        ("/schema/", "", 200, "application/vnd.oai.openapi"),
        ("/schema/", "application/yaml;q=0.2, application/json;q=0.3", 200, JSON),
        ("/schema/", "application/vnd.oai.openapi;q=0, application/*", 200, "application/yaml"),
        ("/schema/", "application/*;q=0", 406, JSON),
        ("/docs/", "", 200, HTML),
        ("/docs/", "text/html;q=0, */*", 406, JSON),
    ],
)
def test_the_documentation_is_chosen_by_quality_too(api, db, path, accept, status, chosen):
    answer = api.get(path, headers={"Accept": accept})
    assert (answer.status_code, answer["Content-Type"].split(";")[0]) == (status, chosen)
