"""Pages on three ports of one host in Chromium: the service's own, one of CORS_ORIGINS, a stranger.

The cookie belongs to the host, so Chromium sends it from all three. Only `Origin` tells them apart.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from tests.support.accounts import PASSWORD

pytestmark = [pytest.mark.browser, pytest.mark.once]


@contextmanager
def empty_pages() -> Iterator[str]:
    """Serve an empty page at every path of a free port, and yield its origin."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<!doctype html><title>page</title>")

        def log_message(self, *arguments):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture(scope="module")
def friend():
    with empty_pages() as origin:
        yield origin


@pytest.fixture(scope="module")
def stranger():
    with empty_pages() as origin:
        yield origin


@pytest.fixture(scope="module")
def service(serve, friend):
    with serve(JWT_REFRESH_COOKIE="on", CORS_ORIGINS=friend, JWT_ALGORITHM="HS256") as base:
        yield base


@pytest.fixture
def open_page(context):
    """Return open_page(origin), a new tab with a page of this origin."""

    def open_page(origin: str):
        tab = context.new_page()
        tab.goto(f"{origin}/health/")
        return tab

    return open_page


# Returns [status, body, the names of exposed headers], or the name of the error of `fetch`.
ASK = """async ([url, body, more]) => {
    const options = { method: "POST", credentials: "include", keepalive: true, body: JSON.stringify(body), ...more };
    options.headers = { "Content-Type": "application/json" };
    try {
        const answer = await fetch(url, options);
        return [answer.status, answer.status === 204 ? null : await answer.json(), [...answer.headers.keys()]];
    } catch (error) {
        return error.name;
    }
}"""


def ask(tab, url: str, body: dict, **more):
    return tab.evaluate(ASK, [url, body, more])


def log_in(tab, service: str):
    return ask(tab, f"{service}/api/token/", {"username": "ada", "password": PASSWORD, "cookie": True})


def test_a_page_on_an_allowed_port_logs_in_refreshes_and_logs_out(open_page, service, friend, context):
    tab = open_page(friend)
    status, pair, _ = log_in(tab, service)
    assert (status, sorted(pair)) == (200, ["access", "expires_in", "refresh_expires_in"])
    assert tab.evaluate("() => document.cookie") == ""
    (before,) = context.cookies(f"{service}/api/token/")
    status, refreshed, _ = ask(tab, f"{service}/api/token/refresh/", {})
    assert (status, "refresh" in refreshed) == (200, False)
    (after,) = context.cookies(f"{service}/api/token/")
    assert after["value"] != before["value"]
    assert (after["httpOnly"], after["sameSite"]) == (True, "Strict")
    # A preflight comes before this request, since it has an Authorization header.
    read = """async ([url, access]) => {
        const answer = await fetch(url, { headers: { Authorization: `Bearer ${access}` } });
        return [answer.status, (await fetch(url)).headers.get("WWW-Authenticate")];
    }"""
    status, challenge = tab.evaluate(read, [f"{service}/whoami/", refreshed["access"]])
    assert (status, "Bearer" in challenge) == (200, True)
    assert ask(tab, f"{service}/api/token/logout/", {})[0] == 204
    assert context.cookies(f"{service}/api/token/") == []


def test_a_page_on_another_port_is_stopped_at_its_preflight(open_page, service, friend, stranger, context):
    log_in(open_page(friend), service)
    (before,) = context.cookies(f"{service}/api/token/")
    tab = open_page(stranger)
    assert log_in(tab, service) == "TypeError"
    assert ask(tab, f"{service}/api/token/refresh/", {}) == "TypeError"
    assert context.cookies(f"{service}/api/token/") == [before]
    assert ask(open_page(friend), f"{service}/api/token/refresh/", {})[0] == 200


@pytest.mark.parametrize("path", ["refresh/", "logout/"])
def test_a_form_of_another_port_sends_the_cookie_and_is_refused_by_its_origin(
    open_page, service, friend, stranger, context, path
):
    log_in(open_page(friend), service)
    (before,) = context.cookies(f"{service}/api/token/")
    tab = open_page(stranger)
    with tab.expect_request(lambda request: request.method == "POST") as sent, tab.expect_navigation() as arrived:
        tab.evaluate(
            """(url) => {
                const form = document.createElement("form");
                Object.assign(form, { method: "POST", action: url });
                document.body.append(form);
                form.submit();
            }""",
            f"{service}/api/token/{path}",
        )
    # SameSite=Strict lets it through: another port is the same site.
    assert "refresh_token=" in sent.value.all_headers()["cookie"]
    assert arrived.value.status == 403
    assert context.cookies(f"{service}/api/token/") == [before]
    assert ask(open_page(friend), f"{service}/api/token/refresh/", {})[0] == 200


def test_a_request_of_another_port_without_a_preflight_is_refused_too(open_page, service, friend, stranger, context):
    log_in(open_page(friend), service)
    (before,) = context.cookies(f"{service}/api/token/")
    tab = open_page(stranger)
    # No body and no header of its own: Chromium sends it without asking, and hides the answer.
    with tab.expect_response(lambda response: "refresh" in response.url) as answer:
        options = "{ method: 'POST', credentials: 'include', mode: 'no-cors' }"
        tab.evaluate(f"(url) => fetch(url, {options}).then(() => null)", f"{service}/api/token/refresh/")
    assert answer.value.status == 403  # without the cookie it would be 401
    assert context.cookies(f"{service}/api/token/") == [before]


def test_a_page_of_the_service_needs_no_entry(open_page, service, context):
    tab = open_page(service)
    assert log_in(tab, "")[0] == 200
    assert ask(tab, "/api/token/refresh/", {})[0] == 200
    assert ask(tab, "/api/token/logout/", {})[0] == 204


def test_localhost_is_another_site(open_page, service, friend, context):
    tab = open_page(friend.replace("127.0.0.1", "localhost"))
    assert log_in(tab, service) == "TypeError"
    assert context.cookies() == []
