"""Request bodies: unreadable, encoded, too long or cut off; and headers that cannot be read."""

import gzip
import io
import json
from wsgiref.util import setup_testing_defaults

import pytest
from django.http import HttpResponse
from rest_framework.test import APIClient

from config.handler import Request
from config.middleware import ApiErrorMiddleware
from tests.support import servers
from tests.support.accounts import PASSWORD
from tests.support.wire_texts import get

ENDS = {"wsgi.input_terminated": True}  # granian's mark for an input that ends with the body
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


def test_a_form_of_too_many_fields_is_400(api, db):
    body = "&".join(f"a{number}=1" for number in range(2000))
    response = api.post("/api-token-auth/", body, content_type="application/x-www-form-urlencoded")
    assert response.status_code == 400
    assert response["Content-Type"] == "application/json"


def test_a_body_that_nobody_asked_for_is_read_away(rf):
    """Otherwise granian sometimes closes a kept connection.

    It did so for 7 of 14,400 requests before, and for none since.
    """
    request = rf.post("/api-token-auth/new/", b"{}", content_type="application/json")
    ApiErrorMiddleware(lambda request: HttpResponse(status=401))(request)
    assert request.environ["wsgi.input"].read() == b""


def test_a_body_that_is_cut_off_or_has_no_length_reaches_no_view(rf):
    def view(request):
        raise AssertionError("reached")

    for status, headers in (
        (400, {"CONTENT_LENGTH": "9", "wsgi.input": io.BytesIO(b"{}")}),
        (411, {"HTTP_TRANSFER_ENCODING": "chunked"}),
        # granian passes HTTP/2 on without either header; the input ends by itself.
        (411, {"CONTENT_LENGTH": "", "SERVER_PROTOCOL": "HTTP/2", "wsgi.input_terminated": True}),
        (411, {"CONTENT_LENGTH": "0", "SERVER_PROTOCOL": "HTTP/1.1", "wsgi.input_terminated": True}),
    ):
        request = rf.post("/tracks/", b"{}", content_type="application/json", **headers)
        assert ApiErrorMiddleware(view)(request).status_code == status
    request = rf.generic("GET", "/tracks/", b"{}", CONTENT_LENGTH="", SERVER_PROTOCOL="HTTP/2", **ENDS)
    assert ApiErrorMiddleware(view)(request).status_code == 411


class Unread(io.BytesIO):
    """An input that fails the test when it is read."""

    def read(self, size=-1):
        raise AssertionError("read")


@pytest.mark.parametrize(
    ("method", "environ"),
    [
        ("POST", {"SERVER_PROTOCOL": "HTTP/2", **ENDS}),
        ("DELETE", {"SERVER_PROTOCOL": "HTTP/1.1", **ENDS}),
        ("GET", {"SERVER_PROTOCOL": "HTTP/2", **ENDS}),
        ("GET", {"SERVER_PROTOCOL": "HTTP/1.1", "wsgi.input": Unread(), **ENDS}),
        ("POST", {"SERVER_PROTOCOL": "HTTP/1.1", "wsgi.input": Unread()}),  # a read might block forever
    ],
)
def test_a_request_without_a_body_needs_no_length(rf, method, environ):
    request = rf.generic(method, "/tracks/", **{"wsgi.input": io.BytesIO(), **environ})
    assert ApiErrorMiddleware(lambda request: HttpResponse(status=418))(request).status_code == 418


@pytest.mark.parametrize("length", ["+2", "-2", "1_0", " 2", "\u0662", "2.0", "two", "9" * 5000])
def test_a_length_that_is_not_written_in_digits_is_400(rf, length):
    request = rf.post("/tracks/", b"{}", content_type="application/json", CONTENT_LENGTH=length)
    assert ApiErrorMiddleware(lambda request: HttpResponse())(request).status_code == 400


@pytest.mark.once
def test_an_odd_charset_is_refused_before_django_decodes_a_query_by_it(tmp_path):
    with servers.granian(DATABASE_URL=f"sqlite:///{tmp_path}/a.sqlite3") as base:
        for charset in ("rot13", "punycode", "utf-7"):
            status, body = get(f"{base}/health/?a=%2B2AA-", **{"Content-Type": f"text/plain; charset={charset}"})
            assert (status, list(json.loads(body))) == (415, ["detail"])
        assert get(f"{base}/health/?a=1", **{"Content-Type": "text/plain; charset=UTF-8"})[0] == 200


def test_an_oversize_form_is_413_too(api, db):
    response = api.post("/api-token-auth/", {"username": "x" * 300_000}, format="multipart")
    assert response.status_code == 413
    assert response["Content-Type"] == "application/json"


UNREADABLE = "text/html; x*=a; x*0=b"  # Python's `email` (3.11 to 3.13) raises TypeError for it


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
    assert Request(environ).content_params is None  # the middleware answers 400


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
