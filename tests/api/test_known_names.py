"""Requests that change something may contain only what the service reads.

It refuses unknown names, unknown parameters and bodies that are no object.
"""

import json
from itertools import product
from urllib.parse import urlencode

import pytest
from drf_spectacular.generators import EndpointEnumerator, SchemaGenerator
from rest_framework.authtoken.models import Token

from auth_core.bodies import KnownNamesMixin
from auth_core.throttling import PasswordThrottleMixin
from config.schemes import SCHEMES
from jwt_auth import models as logins
from jwt_auth.models import RefreshFamily
from tests.support.accounts import PASSWORD
from tests.support.tracks import NEW
from tokens import issue
from tokens.models import HashedToken
from tracks.models import Album, Artist, Genre, Track

pytestmark = pytest.mark.once  # the refusals do not depend on the database

ROWS = [name for name, row in SCHEMES.items() if not row.is_stock]
JSON, FORM = "application/json", "application/x-www-form-urlencoded"
WRITE = {JSON: json.dumps, FORM: urlencode}


@pytest.fixture
def track(staff):
    album = Album.objects.create(title="2112", artist=Artist.objects.create(name="Rush"))
    fields = {"album": album, "genre": Genre.objects.create(name="Rock"), "composer": "Peart", "duration_ms": 1000}
    return Track.objects.create(title="Overture", owner=staff, **fields)


@pytest.fixture
def ask(door_to, staff):
    """Return ask("token", "POST", "/tracks/", {...}), which sends a credential of that row.

    A body that is text is sent unchanged.
    """

    def ask(row, method, path, body="", content_type=JSON, **headers):
        door = door_to(row)
        text = body if isinstance(body, str) else WRITE[content_type](body)
        headers["Authorization"] = f"{door.scheme.keyword} {door.credential(staff)}"
        return door.client.generic(method, path, text, content_type=content_type, headers=headers)

    return ask


@pytest.fixture
def endpoints(door_to, track, staff):
    """Return endpoints("token"): the method, path and valid body of each request that writes."""

    def body_for(path: str) -> dict:
        return {
            "/api-token-auth/revoke/": {"everywhere": "false"},
            "/api/token/refresh/": {"refresh": str(logins.log_in(staff).refresh)},
            "/api/token/logout/": {"refresh": str(logins.log_in(staff).refresh), "everywhere": "false"},
            "/api/token/verify/": {"token": str(logins.log_in(staff).access)},
        }.get(path, NEW if path.startswith("/tracks/") else {})

    def endpoints(row):
        door_to(row)
        for path, _, method, callback in EndpointEnumerator().get_api_endpoints():
            view = callback.cls
            if method not in getattr(view, "changing_methods", KnownNamesMixin.changing_methods):
                continue
            if issubclass(view, PasswordThrottleMixin):
                continue  # log-in endpoints have a test of their own below
            assert issubclass(view, KnownNamesMixin), path
            yield (
                method,
                path.format(pk=next(pk for start, pk in ids.items() if path.startswith(start))),
                body_for(path),
            )

    issue.hashed_token(staff)
    # The id of an object of each kind; the last is that of the paths without one.
    ids = {
        "/tracks/": track.pk,
        "/api-token-auth/tokens/": HashedToken.objects.get().pk,
        "/api/token/sessions/": logins.log_in(staff).access.sid,
        "/": None,
    }
    return endpoints


def state() -> list:
    """Return what these endpoints change: tracks, opaque tokens, logins that have ended."""
    rows = (Track, Token, RefreshFamily.objects.exclude(revoked_at=None))
    first = HashedToken.objects.order_by("pk").values("pk", "digest").first()
    return [first, *(list(getattr(each, "objects", each).order_by("pk").values()) for each in rows)]


@pytest.mark.parametrize("content_type", [JSON, FORM])
@pytest.mark.parametrize("row", ROWS)
def test_a_name_that_nobody_reads_is_refused_wherever_something_is_changed(ask, endpoints, row, content_type):
    before, asked = state(), 0
    for method, path, body in endpoints(row):
        answer = ask(row, method, path, body | {"nonsense": "1"}, content_type)
        # A rotation and a deletion accept no name at all.
        wrong = {"nonsense"} if body is not NEW or method != "DELETE" else {"nonsense", *NEW}
        assert (answer.status_code, set(answer.json())) == (400, wrong), (method, path)
        assert answer.json()["nonsense"][0].startswith("Unknown name. "), (method, path)
        asked += 1
    assert asked >= 7
    assert state() == before


@pytest.mark.parametrize("row", ROWS)
def test_a_parameter_that_nobody_reads_is_refused_wherever_something_is_changed(ask, endpoints, row):
    before = state()
    for method, path, body in endpoints(row):
        answer = ask(row, method, f"{path}?nonsense=1&everywhere=1&format=json", {} if method == "DELETE" else body)
        assert answer.status_code == 400, (method, path)
        said = ["Unknown parameter. Allowed: format."]
        assert answer.json() == {"nonsense": said, "everywhere": said}, (method, path)
    assert state() == before


@pytest.mark.parametrize("row", ROWS)
@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("[]", "an array"),
        ('[{"everywhere": true}]', "an array"),
        ("null", "null"),
        ("7", "a number"),
        ("1.5", "a number"),
        ("true", "a boolean"),
        ('"everywhere"', "a string"),
    ],
)
def test_a_body_that_is_no_object_is_refused_wherever_something_is_changed(ask, endpoints, row, body, said):
    before = state()
    for method, path, _ in endpoints(row):
        answer = ask(row, method, path, body)
        assert answer.status_code == 400, (method, path)
        assert answer.json() == {"non_field_errors": [f"Send a JSON object, not {said}."]}, (method, path)
    assert state() == before


@pytest.mark.parametrize("row", ROWS)
def test_the_same_requests_are_answered_when_they_say_what_is_read(ask, endpoints, row):
    """Otherwise the refusals above would prove nothing."""
    for method, path, body in endpoints(row):
        answer = ask(row, method, f"{path}?format=json", {} if method == "DELETE" else body)
        assert answer.status_code in (200, 201, 204), (method, path, answer.content)


def test_the_names_that_are_allowed_are_told(ask, track):
    names = "id, title, album, artist, genre, composer, duration_ms, owner, created, updated"
    answer = ask("token", "PATCH", f"/tracks/{track.pk}/", {"titel": "x"})
    assert answer.json() == {"titel": [f"Unknown name. Allowed: {names}."]}
    answer = ask("token", "POST", "/api-token-auth/new/", {"token": "x"})
    assert answer.json() == {"token": ["Unknown name. None is allowed here."]}


def test_of_many_unknown_names_the_first_are_told(ask):
    """A body can hold 60,000 names, and the response would be thirty times as long."""
    names = [f"n{number}" for number in range(5_000)]
    answer = ask("jwt", "POST", "/api/token/refresh/", dict.fromkeys(names, 1))
    assert list(answer.json()) == names[:10]


def test_a_misspelt_name_in_a_put_does_not_empty_the_composer(ask, track):
    body = {name: value for name, value in NEW.items() if name != "composer"} | {"compser": "Lee"}
    answer = ask("token", "PUT", f"/tracks/{track.pk}/", body)
    assert (answer.status_code, list(answer.json())) == (400, ["compser"])
    track.refresh_from_db()
    assert (track.title, track.composer) == ("Overture", "Peart")


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_what_a_client_was_answered_may_be_sent_back(ask, track, method):
    shown = ask("token", "GET", f"/tracks/{track.pk}/").json()
    answer = ask("token", method, f"/tracks/{track.pk}/", shown)
    assert (answer.status_code, answer.json() | {"updated": ""}) == (200, shown | {"updated": ""})


def test_a_field_that_is_given_twice_is_refused(ask, track):
    answer = ask("token", "PATCH", f"/tracks/{track.pk}/", "title=One&title=Two", FORM)
    assert (answer.status_code, answer.json()) == (400, {"title": ["Given more than once."]})
    answer = ask("token", "PATCH", f"/tracks/{track.pk}/", '{"title": "One", "title": "Two"}')
    assert (answer.status_code, answer.json()) == (
        400,
        {"detail": "JSON parse error - 'title' is given more than once"},
    )
    answer = ask("token", "PATCH", f"/tracks/{track.pk}/?format=json&format=json", '{"title": "One"}')
    assert (answer.status_code, answer.json()) == (400, {"format": ["Given more than once."]})
    track.refresh_from_db()
    assert track.title == "Overture"


@pytest.mark.parametrize("name", ["a", r"\ud800"])
def test_an_object_inside_of_a_body_holds_no_name_twice(api, user, name):
    body = json.dumps({"token": {}})
    answer = api.post("/api/token/verify/", body, content_type=JSON)
    assert (answer.status_code, list(answer.json())) == (400, ["token"])
    body = body.replace("{}", f'{{"{name}": 1, "{name}": 2}}')
    answer = api.post("/api/token/verify/", body, content_type=JSON)
    assert (answer.status_code, list(answer.json())) == (400, ["detail"])


@pytest.mark.parametrize("path", ["/api/token/", "/api-token-auth/"])
@pytest.mark.parametrize("name", ["username", "password"])
def test_a_login_is_told_that_its_own_name_is_given_twice(api, user, path, name):
    body = json.dumps({"username": "ada", "password": PASSWORD})
    answer = api.post(path, body.replace("{", f'{{"{name}": "other", '), content_type=JSON)
    assert (answer.status_code, list(answer.json())) == (400, ["detail"])


@pytest.mark.parametrize("row", ROWS)
@pytest.mark.parametrize("content_type", [JSON, FORM])
def test_a_login_goes_on_ignoring_names_it_does_not_know(door_to, user, row, content_type):
    """Both libraries accept them, and existing clients send them."""
    path = {"Token": "/api-token-auth/", "Bearer": "/api/token/"}[SCHEMES[row].keyword]
    body = {"username": "ada", "password": PASSWORD, "grant_type": "password"}
    answer = door_to(row).client.post(f"{path}?client=1", WRITE[content_type](body), content_type=content_type)
    assert answer.status_code == 200


def test_the_form_of_the_browsable_api_is_answered_where_it_stands(ask, track):
    page = ask("token", "GET", "/tracks/?genre=Rock&page_size=1", Accept="text/html")
    assert 'action="/tracks/?genre=Rock&amp;page_size=1" method="POST"' in page.content.decode()
    form = NEW | {"csrfmiddlewaretoken": "a" * 64}
    answer = ask("token", "POST", "/tracks/?genre=Rock&page_size=1", form, FORM, Accept="text/html")
    assert answer.status_code == 201
    # Only forms may use the page's parameters and the CSRF token's name.
    assert ask("token", "POST", "/tracks/?genre=Rock", NEW).status_code == 400
    assert list(ask("token", "POST", "/tracks/", form).json()) == ["csrfmiddlewaretoken"]
    for method, path in (("POST", "/api-token-auth/new/"), ("DELETE", f"/tracks/{track.pk}/")):
        answer = ask("token", method, path, {"csrfmiddlewaretoken": "a"}, FORM, Accept="text/html")
        assert answer.status_code in (200, 204)


def test_raw_data_that_a_browser_without_scripts_sends_as_fields_is_refused(ask):
    """DRF's raw data form uses these names. No view reads them, so `everywhere` would be lost."""
    fields = {"_content_type": JSON, "_content": '{"everywhere": true}'}
    answer = ask("token", "POST", "/api-token-auth/revoke/", fields, FORM)
    assert (answer.status_code, list(answer.json())) == (400, list(fields))


TRUE = [True, 1, 1.0, "true", "True", "TRUE", "yes", "Y", "t", "on", "1"]
FALSE = [False, 0, 0.0, "false", "no", "N", "f", "off", "0"]
NEITHER = [2, -1, 0.5, "", " true", "ja", "truth", "10", "null", None, [], [True], {}, {"a": 1}]


@pytest.mark.parametrize(
    ("value", "is_everywhere"),
    [*product(TRUE, [True]), *product(FALSE, [False]), *product(NEITHER, [None])],
)
@pytest.mark.parametrize(("row", "path"), [("token", "/api-token-auth/revoke/"), ("jwt", "/api/token/logout/")])
def test_everywhere_is_said_in_the_words_of_drf_and_in_no_others(ask, staff, row, path, value, is_everywhere):
    """Each word means one thing, and no 204 is returned for a flag that was ignored.

    The words work in JSON too, because existing clients send them.
    """
    other = logins.log_in(staff).refresh.sid
    answer = ask(row, "POST", path, {"everywhere": value})
    if is_everywhere is None:
        assert (answer.status_code, list(answer.json())) == (400, ["everywhere"])
    else:
        assert answer.status_code == 204
    assert (RefreshFamily.objects.get(pk=other).revoked_at is not None) is (is_everywhere is True)


def test_a_refused_credential_comes_before_a_name_that_nobody_reads(door_to, track):
    client = door_to("token").client
    assert client.post("/tracks/", {"nonsense": 1}).status_code == 401
    assert client.post("/api-token-auth/revoke/", {"nonsense": 1}).status_code == 401
    # A missing method is refused before both.
    client.force_authenticate(track.owner)
    assert client.post("/whoami/", {"nonsense": 1}).status_code == 405


def test_the_openapi_document_says_which_bodies_hold_no_other_names():
    schemas = SchemaGenerator().get_schema(public=True)["components"]["schemas"]
    requests = {name: schema for name, schema in schemas.items() if name.endswith("Request") or "TokenRequest" in name}
    closed = {name for name, schema in requests.items() if schema.get("additionalProperties") is False}
    assert closed == {
        "LogoutRequest",
        "PatchedTrackRequest",
        "RefreshRequest",
        "RevokeRequest",
        "TrackRequest",
        "VerifyRequest",
    }
    assert len(requests) > len(closed)  # the rest belongs to the log-in endpoints


@pytest.mark.parametrize("content_type", WRITE)
def test_a_client_may_send_back_the_whole_pair_to_refresh_it(api, obtain_pair, content_type):
    pair = obtain_pair()
    for _ in range(2):
        answer = api.post("/api/token/refresh/", WRITE[content_type](pair), content_type=content_type)
        assert answer.status_code == 200, answer.content
        pair = answer.json()
