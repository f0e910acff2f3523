"""The page that browsers get at `/`: who gets it, its headers, and that it loads nothing else.

tests/browser/ drives it in Chromium.
"""

import json
import re
from pathlib import Path

import pytest
from django.contrib.staticfiles import finders

from config import playground
from config.schemes import SCHEMES, choose
from tests.support import servers

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"
STATIC = Path(playground.__file__).parent / "static/playground"

# What `GET /` answered before there was a page.
INDEX = (
    b'{"schemes":[{"name":"token","header":"Authorization: Token <credential>","summary":"DRF\'s table and wire '
    b'format, hardened: shape checked first, expiry, atomic rotation"},{"name":"jwt","header":"Authorization: '
    b'Bearer <credential>","summary":"SimpleJWT\'s wire format, user and refresh family read in one query, '
    b'revoked at once"}],"endpoints":{"/"'
)


def page(api, **headers):
    answer = api.get("/", headers={"Accept": BROWSER, **headers})
    return answer, answer.content.decode()


def directives(answer) -> dict[str, list[str]]:
    parts = (part.split() for part in answer["Content-Security-Policy"].split(";"))
    return {name: sources for name, *sources in parts}


@pytest.mark.parametrize("accept", ["text/html", BROWSER, "text/*", "application/json;q=0.5, text/html"])
def test_a_browser_gets_the_page(api, accept):
    answer = api.get("/", headers={"Accept": accept})
    assert (answer.status_code, answer["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert answer["Vary"] == "Accept"
    assert b'<form id="login"' in answer.content


@pytest.mark.parametrize("accept", [None, "", "*/*", "application/json", "application/json, text/plain, */*"])
def test_everybody_else_gets_the_same_json_as_ever(api, accept):
    answer = api.get("/", headers={} if accept is None else {"Accept": accept})
    assert answer.content.startswith(INDEX)
    assert set(answer.json()) == {"schemes", "endpoints"}
    for name, value in {"Content-Type": "application/json", "Vary": "Accept", "Allow": "GET, HEAD, OPTIONS"}.items():
        assert answer[name] == value
    for name in ("Content-Security-Policy", "ETag", "Cache-Control"):
        assert name not in answer
    assert api.get("/?format=json", headers={"Accept": BROWSER}).content == answer.content


def test_drfs_own_page_is_still_there_by_its_name(api):
    answer = api.get("/?format=api", headers={"Accept": BROWSER})
    assert b"Django REST framework" in answer.content
    assert b'<form id="login"' not in answer.content


@pytest.mark.parametrize(("method", "status"), [("options", 200), ("post", 405), ("delete", 405)])
def test_only_get_and_head_answer_with_the_page(api, method, status):
    answer = getattr(api, method)("/", headers={"Accept": BROWSER})
    assert answer.status_code == status
    assert b'<form id="login"' not in answer.content


def test_the_policy_lets_this_origin_in_and_nothing_inline(api):
    answer, _ = page(api)
    policy = directives(answer)
    assert policy["default-src"] == policy["form-action"] == policy["base-uri"] == ["'none'"]
    assert policy["frame-ancestors"] == ["'none'"]
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == ["'self'"]
    assert not re.search(r"unsafe|nonce|sha256|data:|\*|//", answer["Content-Security-Policy"])


def test_the_page_holds_nothing_that_the_policy_would_block(api):
    _, text = page(api)
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:", text, re.IGNORECASE)
    assert re.findall(r"<script[^>]*>([^<]*)", text) == [""]


def test_neither_the_page_nor_its_files_name_another_host(api):
    _, text = page(api)
    files = [file.read_text() for file in STATIC.iterdir() if file.suffix != ".svg"]  # which names its XML namespace
    assert len(files) == 3
    for content in (text, *files):
        assert not re.search(r"""(?:https?:|["'(=]\s*)//\w""", content)
    for word in ("localStorage", "sessionStorage", "indexedDB", "document.cookie", "innerHTML"):
        assert word not in "".join(files)


def test_the_files_of_the_page_are_found_and_named_by_their_content(api, monkeypatch, tmp_path):
    _, text = page(api)
    links = re.findall(r'(?:href|src)="/static/([^"?]+)\?v=([0-9a-f]{12})"', text)
    assert {Path(path).suffix for path, _ in links} == {".js", ".css", ".svg"}
    assert len({version for _, version in links}) == 1
    named = {Path(finders.find(path)) for path, _ in links}
    # The script imports the other one, with the same version.
    assert named | {STATIC / "wire.js"} == set(STATIC.iterdir())
    assert "import(`./wire.js${search}`)" in (STATIC / "playground.js").read_text()
    (tmp_path / "playground.js").write_text("another")
    monkeypatch.setattr(playground, "_STATIC", tmp_path)
    playground._version.cache_clear()
    try:
        assert page(api)[1] != text
    finally:
        playground._version.cache_clear()


def test_head_and_a_page_that_the_browser_has_are_answered_without_a_body(api):
    answer, _ = page(api)
    assert answer["Cache-Control"] == "no-cache"
    head = api.head("/", headers={"Accept": BROWSER})
    assert (head.status_code, head.content) == (200, b"")
    for name in ("ETag", "Content-Type", "Content-Security-Policy", "Vary", "Content-Length"):
        assert head[name] == answer[name]
    for had in (answer["ETag"], f"W/{answer['ETag']}", f'"x", {answer["ETag"]}', "*"):
        again, _ = page(api, **{"If-None-Match": had})
        assert (again.status_code, again.content) == (304, b"")
        assert (again["ETag"], again["Vary"]) == (answer["ETag"], "Accept")
    assert page(api, **{"If-None-Match": '"another"'})[0].status_code == 200
    assert page(api, **{"If-Match": '"another"'})[0].status_code == 200
    # A JSON answer has no ETag, so it is never taken for the page.
    assert api.get("/", headers={"If-None-Match": answer["ETag"]}).status_code == 200


def test_the_page_says_the_same_to_everybody_and_reads_nothing(api, user, django_assert_num_queries):
    with django_assert_num_queries(0):
        answer, text = page(api, Authorization=f"Token {user.auth_token.key}")
    assert text == page(api)[1]
    assert not answer.cookies
    for secret in (user.username, "SECRET", "sqlite", "postgresql"):
        assert secret not in text


def test_a_cookie_is_offered_where_the_switch_is_on(api, settings):
    assert 'name="cookie"' not in page(api)[1]
    settings.JWT_REFRESH_COOKIE = True
    assert 'name="cookie"' in page(api)[1]
    assert re.findall(r'data-scheme="(\w+)"[^>]* data-cookie="on"', page(api)[1]) == ["jwt"]
    settings.SCHEMES = choose(["token", "simplejwt"])  # a library's login knows no cookie
    assert 'name="cookie"' not in page(api)[1]


SCRIPT = """
import django, json; django.setup()
from django.test import Client
client = Client(headers={"host": "localhost"})
page = client.get("/", headers={"accept": "text/html"})
print(json.dumps([page.status_code, page.content.decode(), client.get("/").json()]))
"""
ACTIONS = ("login", "refresh", "verify", "rotate", "logout", "list")


@pytest.mark.once
@pytest.mark.parametrize("name", SCHEMES)
def test_a_column_offers_what_its_scheme_has(name):
    switches = {"AUTH_SCHEMES": name, "DJANGO_SETTINGS_MODULE": "config.settings"}
    done = servers.run("-c", SCRIPT, **switches)
    assert done.returncode == 0, done.stderr
    status, text, index = json.loads(done.stdout)
    assert status == 200
    (column,) = re.findall(r'<section class="column"([^>]*)>', text)
    data = dict(re.findall(r'data-([a-z]+)="([^"]+)"', column))
    assert (data["scheme"], data["keyword"]) == (name, SCHEMES[name].keyword)
    paths = {action: data[action] for action in ACTIONS if action in data}
    assert set(paths.values()) <= set(index["endpoints"])
    assert paths["login"] in ("/api-token-auth/", "/api/token/")
    buttons = set(re.findall(r'data-action="(\w+)"', text))
    assert buttons - {"whoami", "tracks", "everywhere"} == paths.keys() - {"verify"}
    assert ("everywhere" in buttons) == ("logout" in paths)
    assert ("has no endpoint that ends a login" in text) == ("logout" not in paths)
    others = re.findall(r"<dt>([a-z-]+)</dt>", text)
    assert others == [other for other in SCHEMES if other != name]
