"""clients/fetch_auth.js on pages of other origins than the service's, in Chromium."""

import time
from contextlib import ExitStack
from types import SimpleNamespace

import pytest

from tests.support.accounts import PASSWORD

pytestmark = [pytest.mark.browser, pytest.mark.once]

OBTAIN, REFRESH = "/api/token/", "/api/token/refresh/"
GRACE = 1  # seconds
STORE, COOKIE = "store: new LocalStore()", "cookie: true"
both_modes = pytest.mark.parametrize("mode", [pytest.param(STORE, id="store"), pytest.param(COOKIE, id="cookie")])
FORM = """<form method="post" action="{api}{path}" enctype="{kind}"></form>
<script>document.forms[0].submit()</script>"""


@pytest.fixture(scope="module")
def origins(serve, front_of):
    """Run a service and pages on four origins.

    `api` is in front of the service. The service allows the pages of `one` and `two`, and not those
    of `stranger`. All of them are ports of 127.0.0.1; `elsewhere` is an address of localhost.
    """
    with ExitStack() as stack:
        api, one, two, stranger = (stack.enter_context(front_of("")) for _ in range(4))
        switches = {"CORS_ORIGINS": f"{one.base},{two.base}", "JWT_REFRESH_COOKIE": "on"}
        times = {"JWT_ACCESS_LIFETIME": "2", "JWT_LEEWAY": "0", "JWT_REUSE_GRACE": str(GRACE)}
        api.service = stack.enter_context(serve(**switches, **times))
        yield SimpleNamespace(api=api, one=one, two=two, stranger=stranger)


@pytest.fixture
def tab(context, origins):
    """Return tab(front, mode), a new tab of that front with a BearerAuth in `auth`."""
    origins.api.seen.clear()

    def open_tab(front, mode: str):
        page = context.new_page()
        page.goto(f"{front.base}/app/page.html")
        page.wait_for_function("() => window.BearerAuth")
        page.evaluate(f"() => {{ window.auth = new BearerAuth('{origins.api.base}', {{ {mode} }}); }}")
        return page

    return open_tab


def log_in(page):
    page.evaluate("(password) => auth.logIn({ username: 'ada', password })", PASSWORD)


def who(page) -> str:
    return page.evaluate("async () => (await (await auth.fetch('/whoami/')).json()).scheme")


def cookie(context, origins) -> str:
    (found,) = context.cookies(origins.api.base + OBTAIN)
    return found["value"]


@both_modes
def test_an_allowed_page_logs_in_is_refused_once_refreshes_and_logs_out(tab, origins, mode):
    log_in(page := tab(origins.one, mode))
    page.evaluate("() => { performance.now = () => 0; }")  # its clock says that the token is fresh
    time.sleep(2.5)
    # The page must be able to read the challenge of the 401.
    assert who(page) == "jwt"
    page.evaluate("() => auth.logOut()")
    answers = [(path, status) for method, path, status in origins.api.seen if method != "OPTIONS"]
    assert answers == [
        (OBTAIN, 200),
        ("/whoami/", 401),
        (REFRESH, 200),
        ("/whoami/", 200),
        ("/api/token/logout/", 204),
    ]
    assert page.evaluate("() => auth.resume()") is False


def test_a_tab_of_another_origin_that_is_closed_in_the_middle_of_a_refresh_is_still_logged_in(tab, origins):
    log_in(first := tab(origins.one, COOKIE))
    first.close()
    page = tab(origins.one, COOKIE)
    held = origins.api.hold(REFRESH)
    page.evaluate("() => { auth.fetch('/whoami/'); }")
    assert held.arrived.wait(30)
    page.close()
    time.sleep(1)  # Chromium needs a moment to end what a closed tab waits for
    held.release()
    assert held.sent.wait(30)
    time.sleep(GRACE + 0.5)
    assert tab(origins.one, COOKIE).evaluate("() => auth.resume()") is True


@both_modes
def test_a_page_that_is_not_allowed_gets_no_answer(tab, origins, mode):
    page = tab(origins.stranger, mode)
    error = page.evaluate("() => auth.logIn({ username: 'ada', password: 'x' }).catch(({ message }) => message)")
    assert error == "Failed to fetch"
    assert {method for method, _, _ in origins.api.seen} == {"OPTIONS"}  # the preflight was all


@pytest.mark.parametrize("path", [REFRESH, "/api/token/logout/"])
@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded"])
def test_a_form_of_a_page_that_is_not_allowed_spends_and_ends_nothing(tab, context, origins, path, kind):
    log_in(page := tab(origins.one, COOKIE))
    before = cookie(context, origins)
    origins.stranger.files["form.html"] = FORM.format(api=origins.api.base, path=path, kind=kind)
    form = context.new_page()
    with form.expect_response(lambda response: response.url.endswith(path)) as answer:
        form.goto(f"{origins.stranger.base}/app/form.html")
    # The browser sent the cookie: for SameSite, two ports are one site.
    assert "refresh_token=" in answer.value.request.all_headers()["cookie"]
    assert answer.value.status == 403
    assert cookie(context, origins) == before
    time.sleep(GRACE + 0.5)
    assert who(page) == "jwt"


def test_pages_of_two_ports_share_the_cookie_and_refresh_at_the_same_time(tab, context, origins):
    log_in(first := tab(origins.one, COOKIE))
    first.close()
    one, two = tab(origins.one, COOKIE), tab(origins.two, COOKIE)
    held = origins.api.hold(REFRESH)
    one.evaluate("() => { window.result = auth.fetch('/whoami/').then(({ status }) => status); }")
    assert held.arrived.wait(30)
    assert who(two) == "jwt"  # it does not wait: a Web Lock belongs to the origin
    held.release()
    assert one.evaluate("() => window.result") == 200
    assert origins.api.count(REFRESH) == 2
    time.sleep(GRACE + 0.5)
    assert (who(one), who(two)) == ("jwt", "jwt")


def test_the_other_name_of_the_machine_is_another_site_whose_page_sends_no_cookie(tab, context, origins):
    log_in(tab(origins.one, COOKIE))
    page = context.new_page()
    page.goto(origins.one.base.replace("127.0.0.1", "localhost") + "/app/page.html")
    page.wait_for_function("() => window.BearerAuth")
    with page.expect_request(lambda request: request.url.endswith(REFRESH)) as sent:
        page.evaluate(
            """(api) => fetch(api + "/api/token/refresh/", {
            method: "POST", mode: "no-cors", credentials: "include", body: "",
        })""",
            origins.api.base,
        )
    assert "cookie" not in sent.value.all_headers()
