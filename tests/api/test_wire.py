"""What goes over the wire: challenges, errors, caching, a database that is away."""

import gzip
import io
import json
import re
import socket
import urllib.error
import urllib.request
from wsgiref.util import setup_testing_defaults

import pytest
from django.http import HttpResponse
from django.utils.module_loading import import_string
from rest_framework.test import APIClient

from config.handler import Request
from config.middleware import ApiErrorMiddleware
from config.schemes import SCHEMES, choose
from jwt_auth import models
from tests.support import servers
from tests.support.accounts import PASSWORD

TOKEN, BEARER = 'Token realm="api"', 'Bearer realm="api"'
DEAD_KEY = "0" * 40
ENDS = {"wsgi.input_terminated": True}  # as granian marks an input that is at its end after the body
AWAY = '{"detail": "The service is temporarily unavailable, please try again."}'


# Authorization header (None: none), the challenges of the 401.
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


STATEMENTS = {
    "drf-token": 1,
    "simplejwt": 1,
    "simplejwt-stateless": 0,
    "token": 1,
    "token-hashed": 1,
    "token-cached": 1,  # not remembered: a test is a transaction
    "jwt": 1,
    "jwt-stateless": 0,
}


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


ENDPOINTS = [
    "/api-token-auth/",
    "/api-token-auth/new/",
    "/api-token-auth/revoke/",
    "/api/token/",
    "/api/token/refresh/",
    "/api/token/verify/",
    "/api/token/logout/",
    "/tracks/",
]
BODIES = {
    "empty": b"",
    "truncated": b'{"username": "ada"',
    "list": b"[]",
    "null": b"null",
    "number": b"7",
    "text": b'"x"',
    "deep": b"[" * 100_000,
    "deep object": b'{"a":' * 20_000,
    "just deep": b"[" * 800 + b"]" * 800,
    "NaN": b'{"username": NaN, "password": Infinity, "refresh": NaN, "token": NaN}',
    "huge number": b'{"username": 1' + b"0" * 5000 + b"}",
    "huge exponent": b'{"duration_ms": 1e400, "refresh": 1e400, "token": 1e400, "username": 1e400}',
    "NUL": json.dumps(dict.fromkeys(("username", "password", "refresh", "token", "title", "genre"), "\x00")).encode(),
    "lone surrogate": b'{"username": "\\ud800", "password": "x", "refresh": "\\udfff", "token": "\\ud800"}',
    "lone surrogate in a name": b'{"\\ud800": 1}',
    "no UTF-8": b'{"username": "\xff\xfe"}',
    "UTF-16": '{"username": "ada"}'.encode("utf-16"),
    "wrong types": b'{"username": {}, "password": [], "refresh": {}, "token": [], "everywhere": "x", "title": {}}',
    "too large": b'{"username": "' + b"x" * 300_000 + b'"}',
    "twice": b'{"username": "a", "username": "b", "refresh": "a", "token": "a"}',
}


@pytest.mark.parametrize("path", ENDPOINTS)
@pytest.mark.parametrize("content_type", ["application/json", "application/x-www-form-urlencoded", "text/plain"])
@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_a_bad_body_is_the_clients_error_in_json(api, staff, path, content_type, body):
    header = {"Authorization": f"Token {staff.auth_token.key}"}
    response = api.post(path, body, content_type=content_type, headers=header)
    # Rotating, revoking and logging out need no body at all.
    assert 400 <= response.status_code < 500 or response.status_code in (200, 204)
    assert response.status_code != 200 or path == "/api-token-auth/new/"
    assert response.status_code == 204 or response["Content-Type"] == "application/json"
    if len(body) > 256 * 1024:
        assert response.status_code == 413


CHARSETS = [
    "rot13",
    "punycode",
    "idna",
    "undefined",
    "zlib_codec",
    "hex",
    "ascii",
    "utf-7",
    "utf-16",
    "latin-1",
    "nonsense",
]


@pytest.mark.parametrize("charset", [*CHARSETS, "utf-8", "UTF-8", "utf8"])
@pytest.mark.parametrize("content_type", ["application/x-www-form-urlencoded", "application/json"])
def test_no_codec_but_utf_8_is_used(api, db, content_type, charset):
    body = b"username=+2AA-%d8%00\xff&password=x" if "form" in content_type else b'{"username": "a"}'
    response = api.post("/api-token-auth/", body, content_type=f"{content_type}; charset={charset}")
    assert response.status_code == (400 if charset.lower() in ("utf-8", "utf8") else 415)
    assert response["Content-Type"] == "application/json"


@pytest.mark.parametrize("coding", ["gzip", "x-gzip", "br", "gzip, identity"])
@pytest.mark.parametrize("content_type", ["application/x-www-form-urlencoded", "application/json"])
def test_an_encoded_body_is_refused_and_not_parsed_as_it_came(api, db, content_type, coding):
    body = gzip.compress(b'{"username": "ada", "password": "x"}')
    header = {"Content-Encoding": coding}
    response = api.post("/api-token-auth/", body, content_type=content_type, headers=header)
    assert response.status_code == 415
    assert response["Accept-Encoding"] == "identity"
    assert response["Content-Type"] == "application/json"


def test_identity_is_no_encoding(api, user):
    login = {"username": "ada", "password": PASSWORD}
    assert api.post("/api-token-auth/", login, headers={"Content-Encoding": "Identity"}).status_code == 200


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


def test_a_form_of_too_many_fields_is_400(api, db):
    body = "&".join(f"a{number}=1" for number in range(2000))
    response = api.post("/api-token-auth/", body, content_type="application/x-www-form-urlencoded")
    assert response.status_code == 400
    assert response["Content-Type"] == "application/json"


def test_a_body_that_nobody_asked_for_is_read_away(rf):
    """Else granian closes a kept connection over it, now and then: 7 in 14,400 requests before, none after."""
    request = rf.post("/api-token-auth/new/", b"{}", content_type="application/json")
    ApiErrorMiddleware(lambda request: HttpResponse(status=401))(request)
    assert request.environ["wsgi.input"].read() == b""


def test_a_body_that_is_cut_off_or_has_no_length_reaches_no_view(rf):
    def view(request):
        raise AssertionError("reached")

    for status, headers in (
        (400, {"CONTENT_LENGTH": "9", "wsgi.input": io.BytesIO(b"{}")}),
        (411, {"HTTP_TRANSFER_ENCODING": "chunked"}),
        # As granian hands on HTTP/2: neither header, and an input that ends.
        (411, {"CONTENT_LENGTH": "", "SERVER_PROTOCOL": "HTTP/2", "wsgi.input_terminated": True}),
        (411, {"CONTENT_LENGTH": "0", "SERVER_PROTOCOL": "HTTP/1.1", "wsgi.input_terminated": True}),
    ):
        request = rf.post("/tracks/", b"{}", content_type="application/json", **headers)
        assert ApiErrorMiddleware(view)(request).status_code == status
    request = rf.generic("GET", "/tracks/", b"{}", CONTENT_LENGTH="", SERVER_PROTOCOL="HTTP/2", **ENDS)
    assert ApiErrorMiddleware(view)(request).status_code == 411


class Unread(io.BytesIO):
    """An input that must not be asked for a byte."""

    def read(self, size=-1):
        raise AssertionError("read")


@pytest.mark.parametrize(
    ("method", "environ"),
    [
        ("POST", {"SERVER_PROTOCOL": "HTTP/2", **ENDS}),
        ("DELETE", {"SERVER_PROTOCOL": "HTTP/1.1", **ENDS}),
        ("GET", {"SERVER_PROTOCOL": "HTTP/2", **ENDS}),
        ("GET", {"SERVER_PROTOCOL": "HTTP/1.1", "wsgi.input": Unread(), **ENDS}),
        ("POST", {"SERVER_PROTOCOL": "HTTP/1.1", "wsgi.input": Unread()}),  # it might wait there for ever
    ],
)
def test_a_request_without_a_body_needs_no_length(rf, method, environ):
    request = rf.generic(method, "/tracks/", **{"wsgi.input": io.BytesIO(), **environ})
    assert ApiErrorMiddleware(lambda request: HttpResponse(status=418))(request).status_code == 418


@pytest.mark.parametrize("length", ["+2", "-2", "1_0", " 2", "\u0662", "2.0", "two", "9" * 5000])
def test_a_length_that_is_not_written_in_digits_is_400(rf, length):
    request = rf.post("/tracks/", b"{}", content_type="application/json", CONTENT_LENGTH=length)
    assert ApiErrorMiddleware(lambda request: HttpResponse())(request).status_code == 400


# --- a path without its slash ------------------------------------------------------------------------

PATHS = ["/tracks", "/tracks/1", "/api-token-auth", "/api-token-auth/new", "/api-token-auth/revoke", "/api/token"]
PATHS += ["/api/token/refresh", "/api/token/verify", "/api/token/logout", "/whoami?a=1"]


@pytest.mark.parametrize("debug", [False, True])
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("path", PATHS)
def test_a_change_sent_to_a_path_without_its_slash_is_told_the_path(api, db, settings, path, method, debug):
    """A client would repeat it as a GET after a 301, and take the 200 for a success."""
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
    )  # done: what follows is a GET
    settings.SECURE_SSL_REDIRECT = True
    plain = APIClient()
    answer = plain.post("/tracks/", {"title": "x"})
    assert (answer.status_code, answer["Location"]) == (308, "https://testserver/tracks/")
    assert plain.get("/tracks/").status_code == 301


@pytest.mark.parametrize("path", ["/nowhere", "/tracks/x", "/.well-known/jwks.json/"])
def test_a_change_sent_to_no_path_at_all_is_not_found(api, db, path):
    answer = api.post(path, {"title": "x"})
    assert (answer.status_code, answer.json()) == (404, {"detail": "Not found."})


@pytest.mark.once
def test_an_odd_charset_is_refused_before_django_decodes_a_query_by_it(tmp_path):
    with servers.granian(DATABASE_URL=f"sqlite:///{tmp_path}/a.sqlite3") as base:
        for charset in ("rot13", "punycode", "utf-7"):
            status, body = _get(f"{base}/health/?a=%2B2AA-", **{"Content-Type": f"text/plain; charset={charset}"})
            assert (status, list(json.loads(body))) == (415, ["detail"])
        assert _get(f"{base}/health/?a=1", **{"Content-Type": "text/plain; charset=UTF-8"})[0] == 200


def test_an_oversize_form_is_413_too(api, db):
    response = api.post("/api-token-auth/", {"username": "x" * 300_000}, format="multipart")
    assert response.status_code == 413
    assert response["Content-Type"] == "application/json"


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


_WITHOUT_DATABASE = """
import django, json; django.setup()
from concurrent.futures import ThreadPoolExecutor
from django.test import Client
def ask(method, path, header):
    client = Client(headers={"host": "localhost"}, raise_request_exception=False)
    headers = {"Authorization": header} if header else {}
    form = {"data": "username=ada&password=x", "content_type": "application/x-www-form-urlencoded"}
    response = client.generic(method, path, headers=headers, **form)
    return f"{method} {path} {(header or '')[:6]}", [
        response.status_code, response.get("Retry-After"), response["Content-Type"]]
asked = json.loads(%r)
# All at once: each waits some seconds for a connection.
print(json.dumps(dict(ThreadPoolExecutor(len(asked)).map(ask, *zip(*asked)))))
"""


@pytest.mark.parametrize("url", ["postgresql://x:y@127.0.0.1:1/z", "sqlite:////nowhere/at/all.sqlite3"])
@pytest.mark.once
def test_a_database_that_is_away_is_503_and_never_a_wrong_401(url):
    asked = [
        ("GET", "/whoami/", f"Token {DEAD_KEY}"),
        ("GET", "/tracks/", f"Token {DEAD_KEY}"),
        ("POST", "/api-token-auth/", None),
        ("POST", "/api-token-auth/new/", f"Token {DEAD_KEY}"),
        ("POST", "/api-token-auth/revoke/", f"Token {DEAD_KEY}"),
        ("POST", "/api/token/", None),
        ("POST", "/admin/login/", None),
    ]
    done = servers.run(
        "-c", _WITHOUT_DATABASE % json.dumps(asked), DATABASE_URL=url, DJANGO_SETTINGS_MODULE="config.settings"
    )
    assert done.returncode == 0, done.stderr
    answers = json.loads(done.stdout.splitlines()[-1])
    assert len(answers) == 7
    for asked_for, answer in answers.items():
        assert answer == [503, "5", "application/json"], asked_for


@pytest.mark.once
def test_a_file_that_has_gone_or_is_damaged_is_a_database_that_is_away(tmp_path):
    file, elsewhere = tmp_path / "a b.sqlite3", tmp_path / "elsewhere"
    url = f"sqlite:///{file}"
    assert servers.run("manage.py", "migrate", "--verbosity", "0", DATABASE_URL=url).returncode == 0

    with servers.granian(DATABASE_URL=url) as base:

        def whoami() -> tuple[int, str]:
            return _get(f"{base}/whoami/", Authorization=f"Token {DEAD_KEY}")

        assert whoami()[0] == 401
        content = file.read_bytes()
        file.rename(elsewhere)
        assert whoami() == (503, AWAY)
        assert not file.exists()
        for damaged in (b"no database" * 1000, content[:100] + b"\xff" * (len(content) - 100)):
            file.write_bytes(damaged)
            assert whoami() == (503, AWAY)
        elsewhere.replace(file)
        assert whoami()[0] == 401


_LIVENESS = """
import django; django.setup()
from django.test import Client
client = Client(headers={"host": "localhost"}, raise_request_exception=False)
print(client.get("/health/").status_code, client.get("/whoami/", headers={"Authorization": "Token %s"}).status_code)
"""


@pytest.mark.once
def test_health_asks_no_database_and_a_missing_table_stays_a_500(tmp_path):
    empty = f"sqlite:///{tmp_path}/empty.sqlite3"
    done = servers.run("-c", _LIVENESS % DEAD_KEY, DATABASE_URL=empty, DJANGO_SETTINGS_MODULE="config.settings")
    assert done.stdout.split() == ["200", "500"], done.stderr


def _get(url: str, **headers: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=30) as response:
            return response.status, response.read().decode("utf-8", "replace")
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode("utf-8", "replace")


@pytest.mark.once
def test_pages_for_people_have_their_styles_from_here_with_debug_off(tmp_path):
    url = f"sqlite:///{tmp_path}/pages.sqlite3"
    assert servers.run("manage.py", "migrate", "--verbosity", "0", DATABASE_URL=url).returncode == 0
    with servers.granian(DATABASE_URL=url, ANONYMOUS_READ="on") as base:
        for path in ("/admin/login/", "/docs/", "/tracks/", "/"):
            status, page = _get(base + path, Accept="text/html")
            assert status == 200
            links = re.findall(r'<(?:link|script|img)[^>]*(?:href|src)="([^"]+)"', page)
            assert links, path
            for link in links:
                assert link.startswith("/static/"), link
                assert _get(base + link)[0] == 200, link


_TIMING = """
import django, json; django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
from django.contrib.auth import get_user_model
from django.test import Client
from django.http import HttpResponse
from django.utils.module_loading import import_string
from django.conf import settings
user = get_user_model().objects.create_user("ada")
client = Client(headers={"host": "localhost"}, raise_request_exception=False)
answers = {}
for row in settings.SCHEMES:
    response = client.get("/whoami/", headers={"Authorization": f"{row.keyword} {import_string(row.issue)(user)}"})
    answers[row.name] = [response.json()["scheme"], response.get("Server-Timing")]
print(json.dumps(answers))
"""


@pytest.mark.once
@pytest.mark.parametrize(
    ("schemes", "switch"),
    [
        ("token,jwt", "on"),
        ("token,jwt", "off"),  # whatever the scheme: the middleware is not there
        ("drf-token,simplejwt", "on"),
        ("simplejwt-stateless", "on"),
        ("token-hashed", "on"),
    ],
)
def test_server_timing_says_by_switch_what_a_request_spent(tmp_path, schemes, switch):
    done = servers.run(
        "-c",
        _TIMING,
        DJANGO_SETTINGS_MODULE="config.settings",
        DATABASE_URL=f"sqlite:///{tmp_path}/scratch.sqlite3",
        AUTH_SCHEMES=schemes,
        SERVER_TIMING=switch,
    )
    assert done.returncode == 0, done.stderr
    answers = json.loads(done.stdout.splitlines()[-1])
    assert list(answers) == [scheme.name for scheme in choose(schemes.split(","))]
    for name, (said, timing) in answers.items():
        assert said == name
        if switch == "off":
            assert timing is None
            continue
        spent = dict(re.findall(r"(\w+);dur=([\d.]+)", timing))
        assert list(spent) == ["auth", "db", "total"]
        assert 0 < float(spent["auth"]) < float(spent["total"])
        assert (float(spent["db"]) > 0) == (STATEMENTS[name] > 0)


@pytest.mark.once
def test_a_link_that_answers_a_query_of_raw_bytes_leads_to_the_same_tracks(tmp_path):
    """As curl sends what is typed: the bytes of UTF-8, not percent-encoded (PEP 3333 has them as Latin-1)."""
    url = f"sqlite:///{tmp_path}/file.sqlite3"
    switches = {"DATABASE_URL": url, "ANONYMOUS_READ": "on"}
    for command in ("migrate", "load_tracks"):
        assert servers.run("manage.py", command, "--verbosity", "0", **switches).returncode == 0
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


UNREADABLE = "text/html; x*=a; x*0=b"  # of which Python's `email` raises TypeError (3.11 to 3.13)


@pytest.mark.parametrize(
    "path", ["/health/", "/whoami/", "/schema/", "/nope/", "/.well-known/jwks.json", "/api/token/"]
)
def test_a_header_that_cannot_be_read_is_the_clients_error(api, db, path):
    for method in (api.get, api.post):
        answer = method(path, headers={"Accept": UNREADABLE})
        assert 400 <= answer.status_code < 500, method
        assert answer["Content-Type"].startswith("application/json")


def test_a_content_type_that_cannot_be_read_makes_a_request_all_the_same():
    environ = {"CONTENT_TYPE": UNREADABLE}
    setup_testing_defaults(environ)
    assert Request(environ).content_params is None  # which the middleware answers 400


def test_a_part_of_a_form_whose_header_cannot_be_read_is_400(api, db):
    body = '--x\r\nContent-Disposition: form-data; name="username"; x*=a; x*0=b\r\n\r\nada\r\n--x--\r\n'
    answer = api.generic("POST", "/api/token/", body, content_type="multipart/form-data; boundary=x")
    assert (answer.status_code, list(answer.json())) == (400, ["detail"])


@pytest.mark.parametrize("cookie", [r'"\000\000\000\000\000\000\000\000\000"', "a" * 4000, "UPPERCASE", "' OR 1=1 --"])
def test_a_cookie_that_is_no_sessions_key_is_none(user, cookie):
    for path in ("/admin/login/", "/admin/"):
        answer = APIClient(raise_request_exception=False).get(path, headers={"Cookie": f"sessionid={cookie}"})
        assert answer.status_code in (200, 302), path


def test_a_login_ignores_a_name_that_is_given_twice_too(api, user):
    body = f'{{"device": 1, "device": 2, "username": "{user.username}", "password": "{PASSWORD}"}}'
    for path in ("/api/token/", "/api-token-auth/"):
        assert api.generic("POST", path, body, content_type="application/json").status_code == 200
