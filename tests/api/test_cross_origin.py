"""CORS_ORIGINS: which pages of other origins may call the API, over a real server."""

import http.client

import pytest

from tests.support import servers
from tests.support.cookies import FRIEND, NAME
from tests.support.http_client import MAKE_USER, PASSWORD, USER
from tests.support.keys import a_key
from tests.support.start import settings_of

pytestmark = pytest.mark.once

KEY = a_key("ES256")
STRANGERS = ["https://evil.example", "http://localhost:5174", "https://localhost:5173", "http://localhost", "null"]
GUARDED = ["/whoami/", "/tracks/", "/api/token/sessions/", "/api/token/refresh/", "/api-token-auth/new/"]


def serving(folder, **switches: str):
    """Start a server with one user and these switches."""
    switches |= {
        "LOGIN_THROTTLE": "none",
        "DATABASE_URL": servers.migrated_sqlite(folder),
        "JWT_ALGORITHM": "ES256",
        "JWT_SIGNING_KEY": KEY,
    }
    done = servers.run("manage.py", "shell", "--no-imports", "-c", MAKE_USER, **switches)
    assert done.returncode == 0, done.stderr
    return servers.granian(**switches)


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cors")
    with serving(folder, JWT_REFRESH_COOKIE="on", CORS_ORIGINS=f"https://app.example,{FRIEND}") as base:
        yield base


@pytest.fixture(scope="module")
def closed(tmp_path_factory):
    """Serve without CORS_ORIGINS."""
    with serving(tmp_path_factory.mktemp("closed")) as base:
        yield base


def ask(base: str, method: str, path: str, body: str | None = None, **headers: str):
    """Return (status, headers, text) of one answer."""
    connection = http.client.HTTPConnection(base.removeprefix("http://"), timeout=60)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, path, body, named)
    response = connection.getresponse()
    text = response.read().decode()
    connection.close()
    return response.status, response.headers, text


def cors(headers) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items() if name.lower().startswith("access-control")}


def preflight(base: str, path: str, origin: str, method: str = "POST"):
    wants = {"Access_Control_Request_Method": method, "Access_Control_Request_Headers": "authorization,content-type"}
    return ask(base, "OPTIONS", path, Origin=origin, **wants)


@pytest.mark.parametrize("path", GUARDED)
@pytest.mark.parametrize("method", ["GET", "POST", "PATCH", "DELETE"])
def test_a_preflight_of_a_guarded_path_is_answered_before_anybody_is_asked_who_they_are(base, path, method):
    status, headers, _ = preflight(base, path, FRIEND, method)
    assert status == 200
    allowed = cors(headers)
    assert allowed["access-control-allow-origin"] == FRIEND
    assert allowed["access-control-allow-credentials"] == "true"
    assert {"authorization", "content-type"} <= set(allowed["access-control-allow-headers"].split(", "))
    assert method in allowed["access-control-allow-methods"]
    assert "origin" in headers["Vary"].lower()


@pytest.mark.parametrize("origin", STRANGERS)
@pytest.mark.parametrize("path", GUARDED)
def test_a_stranger_is_allowed_nothing(base, path, origin):
    for _, headers, _ in (preflight(base, path, origin), ask(base, "GET", path, Origin=origin)):
        assert cors(headers) == {}


@pytest.mark.parametrize("path", [*GUARDED, "/no/such/path/", "/"])
def test_a_page_can_read_every_answer_and_the_headers_that_clients_use(base, path):
    _, headers, _ = ask(base, "GET", path, Origin=FRIEND)
    assert cors(headers) == {
        "access-control-allow-origin": FRIEND,
        "access-control-allow-credentials": "true",
        "access-control-expose-headers": "ETag, Retry-After, Server-Timing, WWW-Authenticate",
    }


def test_a_page_can_read_a_refusal_that_comes_before_any_view(base):
    status, headers, _ = ask(base, "POST", "/tracks/", "x", Origin=FRIEND, Content_Encoding="gzip")
    assert status == 415
    assert cors(headers)["access-control-allow-origin"] == FRIEND


@pytest.mark.parametrize("path", ["/admin/", "/admin/login/", "/admin/auth/user/", "/metrics/"])
def test_no_page_reads_the_admin_or_the_metrics(base, path):
    for _, headers, _ in (preflight(base, path, FRIEND), ask(base, "GET", path, Origin=FRIEND)):
        assert cors(headers) == {}


def test_a_login_by_cookie_from_another_port_from_the_first_request_to_the_last(base):
    login = f'{{"username": "{USER}", "password": "{PASSWORD}", "cookie": true}}'
    json = {"Content_Type": "application/json"}
    status, headers, text = ask(base, "POST", "/api/token/", login, Origin=FRIEND, **json)
    assert (status, "refresh" in text.replace("refresh_expires_in", "")) == (200, False)
    cookie = headers["Set-Cookie"].partition(";")[0]
    for origin, expected in ((STRANGERS[1], 403), (FRIEND, 200)):
        status, headers, _ = ask(base, "POST", "/api/token/refresh/", Origin=origin, Cookie=cookie)
        assert status == expected
        assert cors(headers).get("access-control-allow-origin") == (FRIEND if expected == 200 else None)
    cookie = headers["Set-Cookie"].partition(";")[0]
    status, headers, _ = ask(base, "POST", "/api/token/logout/", Origin=FRIEND, Cookie=cookie)
    assert status == 204
    assert headers["Set-Cookie"].startswith(f'{NAME}="";')
    # The same over the service's own pages.
    status, headers, _ = ask(base, "POST", "/api/token/", login, Origin=base, **json)
    assert status == 200


@pytest.mark.parametrize("origin", [FRIEND, *STRANGERS])
def test_the_keys_are_readable_by_every_page(base, closed, origin):
    for server in (base, closed):
        status, headers, text = ask(server, "GET", "/.well-known/jwks.json", Origin=origin)
        assert (status, '"keys"' in text) == (200, True)
        assert cors(headers)["access-control-allow-origin"] in ("*", origin)


@pytest.mark.parametrize("path", GUARDED)
def test_without_the_switch_there_is_no_header_of_the_kind_and_no_preflight(closed, path):
    _, headers, _ = preflight(closed, path, FRIEND)
    assert cors(headers) == {}
    assert cors(ask(closed, "GET", path, Origin=FRIEND)[1]) == {}
    assert "origin" not in headers.get("Vary", "").lower()


def test_the_switches_decide_whether_there_is_a_middleware_and_whether_cookies_are_allowed():
    name = "corsheaders.middleware.CorsMiddleware"
    assert name not in settings_of(JWT_REFRESH_COOKIE="on").MIDDLEWARE
    bodies = settings_of(CORS_ORIGINS=FRIEND)
    assert name in bodies.MIDDLEWARE
    assert bodies.CORS_ALLOW_CREDENTIALS is False
    assert settings_of(CORS_ORIGINS=FRIEND, JWT_REFRESH_COOKIE="on").CORS_ALLOW_CREDENTIALS is True
    # Before all that can refuse a request.
    timed = settings_of(CORS_ORIGINS=FRIEND, SERVER_TIMING="on").MIDDLEWARE
    assert timed.index(name) == 1


@pytest.mark.parametrize("origins", ["https://app.example", f"https://app.example, {FRIEND} ,http://[::1]:3000"])
def test_right_origins_are_taken(origins):
    found = settings_of(CORS_ORIGINS=origins).CORS_ORIGINS
    assert found == tuple(each.strip() for each in origins.split(","))


def test_https_only_makes_the_cookie_secure():
    assert settings_of(HTTPS_ONLY="on").SESSION_COOKIE_SECURE is True


def raw(base: str, *headers: tuple[str, str]) -> int:
    """Send a refresh with these header lines, in this order; return the status."""
    connection = http.client.HTTPConnection(base.removeprefix("http://"), timeout=60)
    connection.putrequest("POST", "/api/token/refresh/")
    for name, value in (*headers, ("Content-Length", "0")):
        connection.putheader(name, value)
    connection.endheaders()
    response = connection.getresponse()
    response.read()
    connection.close()
    return response.status


def test_a_header_that_is_sent_twice_lets_nobody_in(base):
    evil = ("Origin", "https://evil.example")
    ours, cookie, second = ("Origin", base), ("Cookie", f"{NAME}=x.y.z"), ("Cookie", f"{NAME}=a.b.c")
    assert raw(base, ours, cookie) == 401
    assert raw(base, ours, evil, cookie) == 403
    assert raw(base, evil, ours, cookie) == 403
    assert raw(base, ours, cookie, second) == 400
    assert raw(base, ours, ("Cookie", "a=b"), cookie) == 401
    assert raw(base, ours, ("Cookie", f"{NAME}=" + "x" * 17_000)) == 431
