"""Sessions, CSRF, users and messages of Django act on the admin's requests only.

The service as it is served is compared with one whose MIDDLEWARE has Django's own four classes,
which act on every request. Nothing may differ but cookies.
"""

import io
import re
from itertools import product
from random import Random
from urllib.parse import unquote_to_bytes

import pytest
from django.conf import settings as live
from django.core import checks
from django.core.cache import cache
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, transaction
from django.test import Client, RequestFactory
from django.urls import URLResolver, get_resolver, reverse
from django.utils.module_loading import import_string

from config.handler import Handler
from config.middleware import ADMIN, AdminOnly
from config.views import _endpoints
from jwt_auth.issue import jwt
from tests.support.accounts import PASSWORD
from tokens.issue import token

DJANGOS = {
    "config.middleware.SessionMiddleware": "django.contrib.sessions.middleware.SessionMiddleware",
    "config.middleware.CsrfViewMiddleware": "django.middleware.csrf.CsrfViewMiddleware",
    "config.middleware.AuthenticationMiddleware": "django.contrib.auth.middleware.AuthenticationMiddleware",
    "config.middleware.MessageMiddleware": "django.contrib.messages.middleware.MessageMiddleware",
}
ODD_PATHS = (
    *(
        "/nowhere/",
        "/nowhere",
        "/whoami",
        "/tracks",
        "/tracks/abc/",
        "/tracks/?format=api",
        "/tracks/?page=x",
        "//whoami/",
    ),
    *(
        "/admin",
        "//admin/",
        "/admin%2F",
        "/%61dmin/",
        "/ADMIN/",
        "/admin/../whoami/",
        "/whoami/../admin/",
        "/administration/",
    ),
    *(
        "/admin/login/",
        "/admin/login",
        "/admin/logout/",
        "/admin/nowhere/",
        "/admin/tracks/genre/",
        "/admin/tracks/genre/add",
    ),
    *("/admin/tracks/genre/add/", "/admin/auth/user/", "/admin/jsi18n/", "/%61dmin/tracks/genre/add/"),
    *("/static/admin/css/base.css", "/static/nothing", "/favicon.ico", "", "admin/", "/%ff/", "/admin/%ff/"),
)
JSON, FORM = "application/json", "application/x-www-form-urlencoded"
QUESTIONS = (
    *(("GET", b"", ""), ("HEAD", b"", ""), ("OPTIONS", b"", ""), ("DELETE", b"", "")),
    *(("POST", b'{"username": "ada", "password": "%s"}' % PASSWORD.encode(), JSON), ("PATCH", b'{"title": "x"}', JSON)),
    *(("POST", b"name=Rock&username=grace&password=" + PASSWORD.encode(), FORM), ("PUT", b"{", JSON)),
)
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
# Random keys, CSRF tokens, sessions and JWTs, and the moment.
CHANGING = re.compile(rb"[\w.-]{32,}|\d{4}-\d\d-\d\dT[\d:.]+Z|\d\d:\d\d:\d\d GMT")


@pytest.fixture(scope="module")
def served():
    return Handler()


@pytest.fixture
def everywhere(settings):
    """Return a handler whose sessions, CSRF, users and messages are Django's, for every request."""
    settings.MIDDLEWARE = [DJANGOS.get(path, path) for path in settings.MIDDLEWARE]
    return Handler()


@pytest.fixture
def ask(db):
    """Ask a handler, undo what it wrote, and return status, headers and body."""

    def ask(handler, method: str, path: str, body: bytes = b"", content_type: str = "", **fields: str):
        path, _, query = path.partition("?")
        environ = RequestFactory()._base_environ(
            REQUEST_METHOD=method,
            PATH_INFO=unquote_to_bytes(path).decode("latin-1"),
            QUERY_STRING=query,
            CONTENT_TYPE=content_type,
            CONTENT_LENGTH=str(len(body)),
        )
        started = []
        cache.clear()
        with transaction.atomic():
            response = handler(
                environ | {"wsgi.input": io.BytesIO(body)} | fields, lambda *answer: started.append(answer)
            )
            content = b"".join(response)
            response.close()
            transaction.set_rollback(True)
        ((status, headers),) = started
        return status, headers, content

    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield ask
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.fixture
def senders(user, staff):
    """Return what each sender puts into its headers."""
    browser = Client()
    browser.force_login(staff)
    browser.get("/admin/password_change/")  # its form makes a CSRF token
    cookies = f"sessionid={browser.cookies['sessionid'].value}; csrftoken={browser.cookies['csrftoken'].value}"
    return {
        "nobody": {},
        "a token": {"HTTP_AUTHORIZATION": f"Token {token(user)}"},
        "staff's JWT": {"HTTP_AUTHORIZATION": f"Bearer {jwt(staff)}", "HTTP_COOKIE": cookies},
        "a browser": {"HTTP_COOKIE": cookies},
        "a form": {"HTTP_COOKIE": cookies, "HTTP_X_CSRFTOKEN": browser.cookies["csrftoken"].value},
        "odd cookies": {"HTTP_COOKIE": f"sessionid={'a' * 32}; csrftoken=\xff; messages=[[1]]; =; x"},
    }


def is_admins(path: str) -> bool:
    return unquote_to_bytes(path).startswith(ADMIN.encode())


def fixed(headers: list[tuple[str, str]], with_cookies: bool) -> set[tuple[str, str]]:
    """Return the headers without what changes by itself, with or without cookies."""
    found = set()
    for name, value in headers:
        if name == "Set-Cookie":
            found |= {(name, value.partition("=")[0])} if with_cookies else set()
        elif name == "Vary" and not with_cookies:
            found |= {(name, word) for word in value.split(", ") if word != "Cookie"}
        else:
            found.add((name, CHANGING.sub(b"...", value.encode("latin-1")).decode("latin-1")))
    return found


@pytest.mark.once
def test_only_cookies_differ_from_one_chain_with_everything(senders, served, everywhere, ask):
    paths = [path.replace("{id}", "1") for path in _endpoints()]
    cases = list(product((*paths, *ODD_PATHS), QUESTIONS, senders, ("*/*", BROWSER), ("", "/behind")))
    for path, (method, *content), sender, accept, script in Random(16).sample(cases, 1_500):
        fields = {**senders[sender], "HTTP_ACCEPT": accept, "SCRIPT_NAME": script}
        here, there = (ask(each, method, path, *content, **fields) for each in (served, everywhere))
        said = (method, path, content, sender, accept, script, here, there)
        assert here[0] == there[0], said
        assert fixed(here[1], is_admins(path)) == fixed(there[1], is_admins(path)), said
        assert CHANGING.sub(b"...", here[2]) == CHANGING.sub(b"...", there[2]), said


@pytest.mark.parametrize("script", ["", "/behind"])
@pytest.mark.parametrize("folder", ["/admin", "/%61dmin", "/adm%69n"])
def test_no_spelling_comes_past_the_admins_protection_against_forgery(senders, served, ask, folder, script):
    form = ("POST", f"{folder}/tracks/genre/add/", b"name=Rock", FORM)
    status, _, body = ask(served, *form, SCRIPT_NAME=script, **senders["a browser"])
    assert (status, b"CSRF" in body) == ("403 Forbidden", True)
    status, headers, _ = ask(served, *form, SCRIPT_NAME=script, **senders["a form"])
    assert (status, dict(headers)["Location"]) == ("302 Found", f"{script}/admin/tracks/genre/")


@pytest.mark.parametrize("path", ["/", "/docs/", "/whoami/", "/tracks/", "/tracks/?format=api"])
def test_the_api_sets_no_cookie_and_its_answers_do_not_vary_by_one(senders, served, ask, path):
    for sender in ("a token", "a browser"):
        _, headers, _ = ask(served, "GET", path, HTTP_ACCEPT=BROWSER, **senders[sender])
        assert "Set-Cookie" not in dict(headers)
        assert "Cookie" not in dict(headers).get("Vary", "")


def test_every_page_of_the_admin_is_where_its_middleware_acts():
    assert (reverse("admin:index"), reverse("session-login")) == (ADMIN, f"{ADMIN}login/")
    admins = [each for each in get_resolver().url_patterns if getattr(each, "app_name", None) == "admin"]
    assert [str(each.pattern) for each in admins if isinstance(each, URLResolver)] == [ADMIN[1:]]


def test_djangos_checks_find_what_the_admin_needs():
    ours = [path for path in live.MIDDLEWARE if issubclass(import_string(path), AdminOnly)]
    assert ours == list(DJANGOS)
    for path, djangos in DJANGOS.items():
        assert issubclass(import_string(path), import_string(djangos))
    assert [each.id for each in checks.run_checks() if each.id.startswith("admin.")] == []
