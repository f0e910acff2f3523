"""The OpenAPI document says what linters, client generators and Swagger UI need."""

import json

import httpx
import pytest
from jsonschema import Draft202012Validator

from config.schemes import SCHEMES
from config.switches import SWITCHES
from tests.support import servers
from tests.support.openapi import VARIANTS, document_of, operations, reachable

pytestmark = pytest.mark.once

JSON = "application/json"
LOGINS = {("POST", "/api-token-auth/"), ("POST", "/api/token/")}
OPEN = LOGINS | {
    ("POST", "/api/token/refresh/"),
    ("POST", "/api/token/verify/"),
    ("GET", "/"),
    ("GET", "/health/"),
    ("GET", "/ready/"),
    ("GET", "/.well-known/jwks.json"),
}
# An error names only the members that it has.
ERRORS = {"Problem", "Refused"}


@pytest.fixture(params=VARIANTS)
def variant(request):
    return request.param


@pytest.fixture
def document(variant):
    return document_of(variant)


@pytest.fixture
def enabled(variant):
    return VARIANTS[variant].get("AUTH_SCHEMES", SWITCHES["AUTH_SCHEMES"].default).split(",")


def bodies(document: dict) -> dict[tuple[str, str], dict]:
    """Return the content of each request body by method and path."""
    found = operations(document).items()
    return {name: each["requestBody"]["content"] for name, each in found if "requestBody" in each}


def test_request_bodies_are_json_only(document):
    assert {tuple(content) for content in bodies(document).values()} == {(JSON,)}


def test_a_patch_has_no_default_that_a_client_would_send(document):
    schema = document["components"]["schemas"]["PatchedTrackRequest"]
    assert set(schema["properties"]) == {"title", "album", "artist", "genre", "composer", "duration_ms"}
    assert "required" not in schema
    assert "default" not in json.dumps(schema)


def test_an_answer_holds_every_field_and_no_default(document, variant):
    answers = reachable(document, [each["responses"] for each in operations(document).values()])
    schemas = document["components"]["schemas"]
    assert {"Track", "PaginatedTrackList", "Root"} <= answers
    for name in answers - ERRORS:
        properties = schemas[name].get("properties", {})
        may_lack = {"refresh"} if name == "Pair" and variant == "hashed and pushed" else set()  # in its cookie
        assert set(schemas[name].get("required", ())) == set(properties) - may_lack, name
        assert not any("default" in each for each in properties.values()), name
    requests = reachable(document, bodies(document).values())
    assert answers & requests == set()


def test_no_component_says_what_may_be_read_or_written_only(document):
    text = json.dumps(document)
    assert "readOnly" not in text
    assert "writeOnly" not in text


def test_no_component_has_a_default(document):
    """A client sends a default unasked, and openapi-typescript takes such a field as required."""
    assert '"default":' not in json.dumps(document["components"]["schemas"])


def test_ids_of_tracks_and_tokens_are_integers(document):
    found = {
        path: parameter["schema"]
        for (_, path), operation in operations(document).items()
        for parameter in operation.get("parameters", ())
        if parameter["in"] == "path"
    }
    assert found.pop("/api/token/sessions/{id}/", {"format": "uuid"})["format"] == "uuid"
    assert "/tracks/{id}/" in found
    assert all(schema == {"type": "integer", "minimum": 1} for schema in found.values())
    assert document["components"]["schemas"]["Track"]["properties"]["id"] == {"type": "integer"}


def test_every_operation_names_its_security(document, enabled):
    for name, operation in operations(document).items():
        security = operation["security"]
        if name in OPEN:
            assert security == [], name
        elif name == ("POST", "/api/token/logout/"):
            assert security == [{enabled[1]: []}, {}]
        else:
            assert security, name
            names = {each for requirement in security for each in requirement}
            assert names <= {*enabled, "metrics"}, name
    known = set(document["components"]["securitySchemes"])
    assert known - {"metrics"} == set(enabled)


def test_anybody_may_read_where_the_switch_says_so():
    found = operations(document_of("hashed and pushed"))
    assert found["GET", "/tracks/"]["security"][-1] == {}
    assert {} not in found["POST", "/tracks/"]["security"]


def test_a_refused_origin_is_documented_where_the_refresh_cookie_may_come():
    for variant in ("default", "hashed and pushed"):
        found = operations(document_of(variant))
        statuses = {path: "403" in found["POST", path]["responses"] for path in ("/api/token/", "/api/token/refresh/")}
        assert set(statuses.values()) == {variant != "default"}


def test_the_field_for_the_refresh_cookie_is_documented_where_the_switch_is_on():
    for variant in ("default", "hashed and pushed"):
        properties = document_of(variant)["components"]["schemas"]["ObtainPairRequest"]["properties"]
        assert ("cookie" in properties) == (variant != "default")


def test_the_security_schemes_say_what_to_type(document, enabled):
    for name in enabled:
        scheme, keyword = document["components"]["securitySchemes"][name], SCHEMES[name].keyword
        assert f"`Authorization: {keyword} <" in scheme["description"]
        assert "On the page `/docs/`, type the token alone." in scheme["description"] or keyword == "Bearer"
        assert (scheme["type"], scheme.get("scheme")) == (
            ("http", "bearer") if keyword == "Bearer" else ("apiKey", None)
        )


def test_every_operation_has_a_summary_of_its_own_and_a_described_tag(document):
    found = operations(document)
    summaries = [operation["summary"] for operation in found.values()]
    assert all(summary and not summary.endswith(".") and "\n" not in summary for summary in summaries)
    of_tracks = {operation["summary"] for (_, path), operation in found.items() if path.startswith("/tracks/")}
    assert len(of_tracks) == 6
    described = {tag["name"]: tag["description"] for tag in document["tags"]}
    assert set(described) == {tag for operation in found.values() for tag in operation["tags"]}
    assert all(described.values())


def test_the_head_names_license_contact_and_server(document):
    assert document["info"]["license"] == {"name": "MIT", "identifier": "MIT"}
    assert document["info"]["contact"]["name"]
    assert [server["url"] for server in document["servers"]] == ["/"]


def test_component_names_clash_with_no_name_of_a_language(document):
    names = set(document["components"]["schemas"])
    assert {"Problem", "Refused", "Root"} <= names
    assert names & {"Error", "Invalid", "Index", "Exception", "Response", "Request", "Object", "Record"} == set()


def test_examples_fit_their_schemas(document):
    for name, content in bodies(document).items():
        schema = {**content[JSON]["schema"], "components": document["components"]}
        Draft202012Validator(schema).validate(content[JSON]["example"])
        assert content[JSON]["example"], name


def test_the_page_sends_a_bare_credential_with_its_keyword(api):
    page = api.get("/docs/", headers={"accept": "text/html"}).content.decode()
    assert 'const KEYWORD = "Token";' in page
    assert "requestInterceptor: withKeyword" in page
    assert "url: " in page


# --- the examples, sent to the demo ---------------------------------------------------------------


@pytest.mark.parametrize("schemes", ["token,jwt", "token-hashed,jwt-pushed", "drf-token,simplejwt"])
def test_the_examples_work_against_the_served_demo(tmp_path, schemes):
    with (
        servers.demo(AUTH_SCHEMES=schemes, DATABASE_URL=f"sqlite:///{tmp_path}/demo.sqlite3") as (base, _),
        httpx.Client(base_url=base) as client,
    ):
        walk = Walk(client, client.get("/schema/?format=json").json())
        token, pair = walk.send("/api-token-auth/"), walk.send("/api/token/")
        keys = {"Authorization": f"Token {token['token']}"}, {"Authorization": f"Bearer {pair['access']}"}
        for headers in keys:
            track = walk.send("/tracks/", headers, expected=201)
            one = f"/tracks/{track['id']}/"
            walk.send("/tracks/{id}/", headers, "put", address=one)
            changed = walk.send("/tracks/{id}/", headers, "patch", address=one)
            kept = track.keys() - {"title", "updated"}
            assert {name: changed[name] for name in kept} == {name: track[name] for name in kept}
            assert changed["title"] != track["title"]
        walk.send("/api/token/verify/", token=pair["access"])
        walk.send("/api/token/refresh/", refresh=pair["refresh"])
        for path, headers in zip(("/api-token-auth/revoke/", "/api/token/logout/"), keys, strict=True):
            if path in walk.document["paths"]:
                walk.send(path, headers, expected=204)
                assert client.get("/whoami/", headers=headers).status_code == 401
        assert walk.sent == set(bodies(walk.document))


class Walk:
    """Sends the examples of a document, and remembers which."""

    def __init__(self, client: httpx.Client, document: dict):
        self.client, self.document, self.sent = client, document, set()

    def send(self, path, headers=None, method="post", address=None, expected=200, **pasted):
        """Send the example of an operation, with these values in the place of texts to replace."""
        example = self.document["paths"][path][method]["requestBody"]["content"][JSON]["example"]
        assert {name for name, text in example.items() if str(text).startswith("paste ")} == set(pasted)
        answer = self.client.request(method, address or path, json={**example, **pasted}, headers=headers)
        assert answer.status_code == expected, answer.text
        self.sent.add((method.upper(), path))
        return answer.json() if answer.content else None
