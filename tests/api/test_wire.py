"""Responses as clients see them: challenges, errors, caching, and a database that is away."""

import json
import re
import socket

import pytest
from django.utils.module_loading import import_string
from rest_framework.test import APIClient

from config.schemes import SCHEMES
from jwt_auth import models
from tests.support import servers
from tests.support.accounts import PASSWORD
from tests.support.wire_texts import DEAD_KEY, STATEMENTS, get

TOKEN, BEARER = 'Token realm="api"', 'Bearer realm="api"'
# Authorization header (None: none), the challenges of the 401 response.
CHALLENGES = [
    (None, f"{TOKEN}, {BEARER}"),
    ("", f"{TOKEN}, {BEARER}"),
    ("Basic YTpi", f"{TOKEN}, {BEARER}"),
    ("Digest x", f"{TOKEN}, {BEARER}"),
    (f"Token {DEAD_KEY}", f'{TOKEN}, error="invalid_token", {BEARER}'),
    ("token x", f'{TOKEN}, error="invalid_token", {BEARER}'),
    ("Token", f'{TOKEN}, error="invalid_token", {BEARER}'),
    ("Token a b", f'{TOKEN}, error="invalid_token", {BEARER}'),
    ("Bearer x.y.z", f'{TOKEN}, {BEARER}, error="invalid_token"'),
    ("BEARER", f'{TOKEN}, {BEARER}, error="invalid_token"'),
    ("Bearer x y", f'{TOKEN}, {BEARER}, error="invalid_token"'),
    (f"Token {DEAD_KEY}, Bearer x", f'{TOKEN}, error="invalid_token", {BEARER}'),
    ("Bearer \x00", f'{TOKEN}, {BEARER}, error="invalid_token"'),
    ("Token \xff\xfe", f'{TOKEN}, error="invalid_token", {BEARER}'),
    ("Bearer " + "a" * 100_000, f'{TOKEN}, {BEARER}, error="invalid_token"'),
    ("Bearer\tx", f'{TOKEN}, {BEARER}, error="invalid_token"'),
]


@pytest.mark.parametrize("path", ["/whoami/", "/tracks/", "/tracks/1/"])
@pytest.mark.parametrize(("header", "challenges"), CHALLENGES, ids=lambda text: repr(text)[:30])
def test_a_401_names_every_scheme_and_the_error_of_the_presented_one(api, db, path, header, challenges):
    response = api.get(path, **({} if header is None else {"HTTP_AUTHORIZATION": header}))
    assert response.status_code == 401
    assert response["WWW-Authenticate"] == challenges
    assert response["Content-Type"] == "application/json"
    assert "detail" in response.json()


@pytest.mark.parametrize("name", ["token", "jwt"])
@pytest.mark.parametrize("write", [str.lower, str.upper, str.title, str.swapcase])
def test_the_scheme_is_compared_without_case(door_to, user, name, write):
    door = door_to(name)
    assert door.get("/whoami/", door.credential(user), write(door.scheme.keyword)).status_code == 200


def test_a_credential_of_each_row_opens_the_api_and_nothing_else_does(door, user):
    credential = door.credential(user)
    response = door.get("/whoami/", credential)
    assert response.status_code == 200
    assert response.json()["id"] == user.pk
    assert response.json()["scheme"] == door.scheme.name
    assert door.get("/tracks/", credential).status_code == 200
    for wrong in (None, "garbage", credential[:-10] + ("b" if credential[-10] == "a" else "a") + credential[-9:]):
        assert door.get("/whoami/", wrong).status_code == 401
        assert door.get("/tracks/", wrong).status_code == 401
    for other in SCHEMES.values():
        if other.keyword != door.scheme.keyword:
            assert door.get("/whoami/", import_string(other.issue)(user)).status_code == 401


def test_a_row_takes_the_statements_it_is_said_to_take(door, user, django_assert_num_queries):
    credential = door.credential(user)
    with django_assert_num_queries(STATEMENTS[door.scheme.name]):
        assert door.get("/whoami/", credential).status_code == 200


@pytest.mark.parametrize("name", ["access_token", "token", "key", "Authorization", "authorization"])
def test_a_credential_in_query_or_body_is_never_read(api, user, name):
    for value in (user.auth_token.key, f"Token {user.auth_token.key}", str(models.log_in(user).access)):
        assert api.get("/whoami/", {name: value}).status_code == 401
        assert api.post("/tracks/", {name: value}).status_code == 401
        assert api.post("/tracks/", {name: value}, format="multipart").status_code == 401


def test_every_answer_that_carries_a_credential_says_no_store(api, user):
    login = {"username": "ada", "password": PASSWORD}
    token = api.post("/api-token-auth/", login)
    pair = api.post("/api/token/", login)
    header = {"Authorization": f"Token {token.json()['token']}"}
    answers = [
        token,
        pair,
        api.post("/api-token-auth/new/", headers=header),
        api.post("/api/token/refresh/", {"refresh": pair.json()["refresh"]}),
    ]
    for answer in answers:
        assert answer.status_code == 200
        assert answer["Cache-Control"] == "no-store"


def test_head_does_not_rotate(api, user):
    key = user.auth_token.key
    header = {"Authorization": f"Token {key}"}
    assert api.head("/api-token-auth/new/", headers=header).status_code == 405
    assert api.get("/whoami/", headers=header).status_code == 200


def test_the_documentation_is_a_page_and_nothing_else(api, db):
    for accept in ("*/*", "text/html", "application/json"):
        for method in (api.options, api.post, api.delete):
            assert method("/docs/", headers={"Accept": accept}).status_code in (405, 406)
        assert api.get("/docs/", headers={"Accept": accept}).status_code in (200, 406)


@pytest.mark.parametrize("path", ["/docs/", "/schema/"])
@pytest.mark.parametrize(
    ("method", "query", "accept", "status"),
    [
        ("get", "", "image/png", 406),
        ("get", "", "*/*;q=0", 406),
        ("get", "?format=x", "*/*", 404),
        ("get", "?format=%00", "text/html", 404),
        ("post", "", "*/*", 405),
        ("post", "", "text/html,application/yaml", 405),
    ],
)
def test_an_error_of_the_documentation_is_json_as_any_other(api, db, path, method, query, accept, status):
    response = getattr(api, method)(path + query, headers={"Accept": accept})
    assert response.status_code == status
    assert response["Content-Type"] == "application/json"
    assert list(response.json()) == ["detail"]


def test_each_form_of_the_documentation_is_served_as_asked(api, db):
    assert api.get("/docs/", headers={"Accept": "application/json"}).status_code == 406
    for path, accept, served in (
        ("/docs/", "text/html,*/*;q=0.8", "text/html"),
        ("/schema/", "*/*", "application/vnd.oai.openapi"),
        ("/schema/", "application/json", "application/json"),
        ("/schema/?format=json", "*/*", "application/vnd.oai.openapi+json"),
    ):
        response = api.get(path, headers={"Accept": accept})
        assert (response.status_code, response["Content-Type"].split(";")[0]) == (200, served)


def test_no_version_asked_for_gets_into_the_schema_or_its_header(api, db):
    for version in ("2", "a%0Ab", "%00"):
        response = api.get(f"/schema/?version={version}&format=json")
        assert response.status_code == 200
        assert response.json()["info"]["version"] == "0.1.0"
        assert response["Content-Disposition"] == 'inline; filename="Tracks.json"'


# --- a path without its slash ---------------------------------------------------------------------


PATHS = ["/tracks", "/tracks/1", "/api-token-auth", "/api-token-auth/new", "/api-token-auth/revoke", "/api/token"]
PATHS += ["/api/token/refresh", "/api/token/verify", "/api/token/logout", "/whoami?a=1"]


@pytest.mark.parametrize("debug", [False, True])
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("path", PATHS)
def test_a_change_sent_to_a_path_without_its_slash_is_told_the_path(api, db, settings, path, method, debug):
    """After a 301 a client would repeat it as a GET, and take the 200 for a success."""
    settings.DEBUG = debug
    answer = api.generic(method, path, '{"username": "ada"}', content_type="application/json")
    assert answer.status_code == 404
    assert answer.json() == {"detail": f"Not found. Send it to {path.partition('?')[0]}/ instead."}


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("path", PATHS)
def test_a_path_without_its_slash_is_read_after_a_redirect(api, db, path, method):
    answer = api.generic(method, path)
    path, _, query = path.partition("?")
    assert (answer.status_code, answer["Location"]) == (301, f"{path}/" + (query and f"?{query}"))


def test_a_change_that_is_redirected_is_repeated_as_it_was(api, staff, settings):
    api.force_login(staff)
    answer = api.post("/admin/tracks/genre/add", {"name": "Rock"})
    assert (answer.status_code, answer["Location"]) == (308, "/admin/tracks/genre/add/")
    assert api.get("/admin/tracks/genre/add").status_code == 301
    assert (
        api.post("/admin/tracks/genre/add/", {"name": "Rock"}, format="multipart").status_code == 302
    )  # success redirects to a page
    settings.SECURE_SSL_REDIRECT = True
    plain = APIClient()
    answer = plain.post("/tracks/", {"title": "x"})
    assert (answer.status_code, answer["Location"]) == (308, "https://testserver/tracks/")
    assert plain.get("/tracks/").status_code == 301


@pytest.mark.parametrize("path", ["/nowhere", "/tracks/x", "/.well-known/jwks.json/"])
def test_a_change_sent_to_no_path_at_all_is_not_found(api, db, path):
    answer = api.post(path, {"title": "x"})
    assert (answer.status_code, answer.json()) == (404, {"detail": "Not found."})


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("get", "/nowhere/", 404),
        ("get", "/tracks/99999999999999999999999/", 404),
        ("get", "/tracks/%00/", 404),
        ("get", "/%ff%fe/", 404),
        ("get", "/tracks/?page=99999999999999999999999", 404),
        ("get", "/tracks/?search=%00", 400),
        ("get", "/tracks/?title=%00", 400),
        ("get", "/tracks/?owner__password=x", 400),
        ("get", "/tracks/?ordering=owner__password", 400),
        ("delete", "/api/token/", 405),
        ("patch", "/whoami/", 405),
        ("trace", "/whoami/", 405),
    ],
)
def test_an_error_is_json(api, staff, method, path, status):
    header = {"Authorization": f"Token {staff.auth_token.key}"}
    response = (
        getattr(api, method)(path, headers=header) if method != "trace" else api.generic("TRACE", path, headers=header)
    )
    assert response.status_code == status
    assert response["Content-Type"] == "application/json"
    assert response.json()


def test_a_host_that_is_not_ours_is_refused_in_json(api, db):
    response = api.get("/whoami/", headers={"host": "evil.example"})
    assert response.status_code == 400
    assert response["Content-Type"] == "application/json"


def test_a_browser_gets_pages(api, db):
    for path, status in (("/nowhere/", 404), ("/", 200), ("/whoami/", 401)):
        response = api.get(path, headers={"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
        assert response.status_code == status
        assert response["Content-Type"].startswith("text/html")


def test_the_index_lists_what_exists(api, db):
    index = api.get("/").json()
    assert [scheme["name"] for scheme in index["schemes"]] == ["token", "jwt"]
    assert index["endpoints"]["/api/token/refresh/"] == ["POST"]
    assert index["endpoints"]["/tracks/{id}/"] == ["GET", "PUT", "PATCH", "DELETE"]


def test_a_user_id_that_cannot_be_one_is_refused_where_no_user_is_read(door_to, user):
    from rest_framework_simplejwt.tokens import AccessToken

    door = door_to("simplejwt-stateless")
    for user_id in ("nobody", "", {}, [1], None):
        token = AccessToken.for_user(user)
        token["user_id"] = user_id
        assert door.get("/whoami/", str(token)).status_code in (200, 401)
        assert door.get("/tracks/", str(token)).status_code in (200, 401)


@pytest.mark.once
def test_pages_for_people_have_their_styles_from_here_with_debug_off(tmp_path):
    url = servers.migrated_sqlite(tmp_path)
    with servers.granian(DATABASE_URL=url, ANONYMOUS_READ="on") as base:
        for path in ("/admin/login/", "/docs/", "/tracks/", "/"):
            status, page = get(base + path, Accept="text/html")
            assert status == 200
            links = re.findall(r'<(?:link|script|img)[^>]*(?:href|src)="([^"]+)"', page)
            assert links, path
            for link in links:
                assert link.startswith("/static/"), link
                assert get(base + link)[0] == 200, link


@pytest.mark.once
def test_a_link_that_answers_a_query_of_raw_bytes_leads_to_the_same_tracks(tmp_path):
    """Raw bytes of UTF-8, as curl sends what is typed (PEP 3333 passes them on as Latin-1)."""
    switches = {"DATABASE_URL": servers.migrated_sqlite(tmp_path), "ANONYMOUS_READ": "on"}
    assert servers.run("manage.py", "load_tracks", "--verbosity", "0", **switches).returncode == 0
    with servers.granian(**switches) as base:
        host, port = base.removeprefix("http://").split(":")

        def get(target: str) -> tuple[str, dict]:
            with socket.create_connection((host, int(port)), timeout=30) as raw:
                head = f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
                raw.sendall(head.encode())
                answer = b"".join(iter(lambda: raw.recv(65536), b""))
            head, _, body = answer.decode().partition("\r\n\r\n")
            location = re.search("^location: (.*?)\r?$", head, re.MULTILINE | re.IGNORECASE)
            return location and location[1], json.loads(body) if body else {}

        _, page = get("/tracks/?artist__icontains=MOTÖRHEAD&page_size=1")
        assert page["count"] == 15
        _, following = get(page["next"].removeprefix("http://127.0.0.1"))
        assert following["count"] == 15
        location, _ = get("/tracks?artist=Motörhead")
        assert get(location)[1]["count"] == 15
