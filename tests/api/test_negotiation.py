"""The form of a response that a client's Accept header selects (RFC 9110 12.4.2 and 12.5.1)."""

import pytest

from auth_core.negotiation import ContentNegotiation

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
    def parsed(self, request):
        raise AssertionError("parsed")

    monkeypatch.setattr(ContentNegotiation, "_ranges", parsed)
    assert api.get("/health/", headers={} if accept is None else {"Accept": accept}).status_code == 200


def test_what_is_not_parsed_is_chosen_as_if_it_were(rf):
    for accept in ("*/*", JSON, HTML):
        request = rf.get("/", headers={"Accept": accept})
        position, media_type = ContentNegotiation().preferred(request, [JSON, HTML])
        assert ([JSON, HTML][position], media_type) == ((JSON, JSON) if accept == "*/*" else (accept, accept))


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
