"""clients/fetch_auth.js in Chromium: tabs and workers that share a login."""

import time

import pytest

from tests.support.accounts import PASSWORD

pytestmark = [pytest.mark.browser, pytest.mark.once]

REFRESH, LOGOUT = "/api/token/refresh/", "/api/token/logout/"
GRACE = 1  # seconds
STORE, COOKIE = "{ store: new LocalStore() }", "{ cookie: true }"

both_modes = pytest.mark.parametrize("mode", [pytest.param(STORE, id="store"), pytest.param(COOKIE, id="cookie")])


@pytest.fixture(scope="module")
def service(serve):
    """Return the address of a service whose grace is short, and whose cookie is on."""
    with serve(JWT_REUSE_GRACE=str(GRACE), JWT_REFRESH_COOKIE="on") as base:
        yield base


@pytest.fixture
def front(service, front_of):
    """Return a front with the page, a worker, and the service behind it."""
    files = {"worker.js": WORKER}
    with front_of(service, files=files) as found:
        yield found


# Answers each message with what a request got.
WORKER = """
import { BearerAuth } from "./fetch_auth.js";
const auth = new BearerAuth("/", { cookie: true });
onmessage = async () => postMessage((await auth.fetch("/whoami/")).status);
"""


@pytest.fixture
def tab(context, front):
    """Return tab(mode), a new tab with a BearerAuth in `auth` and its events in `events`."""

    return lambda mode: _open(context, front, mode)


def _open(context, front, mode: str):
    page = context.new_page()
    page.goto(f"{front.base}/app/page.html")
    page.wait_for_function("() => window.BearerAuth")
    page.evaluate(f"""() => {{
        window.auth = new BearerAuth("/", {mode});
        window.events = [];
        for (const type of ["begin", "end"]) {{
            auth.addEventListener(type, (event) => events.push([type, event.reason]));
        }}
    }}""")
    return page


def log_in(page):
    page.evaluate("(password) => auth.logIn({ username: 'ada', password })", PASSWORD)


def who(page) -> str:
    return page.evaluate("async () => (await (await auth.fetch('/whoami/')).json()).scheme")


def begin_request(page):
    """Begin a request in this tab, and do not wait for its answer."""
    page.evaluate("() => { window.result = auth.fetch('/whoami/').then((response) => response.status); }")


def refusal(page) -> list[str]:
    """Return the name and the reason of the error with which a request rejects."""
    return page.evaluate("() => auth.fetch('/whoami/').then(() => null, ({ name, reason }) => [name, reason])")


def sid_of_login(page) -> str:
    """Return the id of the login that this tab's requests use."""
    return page.evaluate("""async () => {
        const sessions = await (await auth.fetch("/api/token/sessions/")).json();
        return sessions.find(({ current }) => current).id;
    }""")


@both_modes
def test_two_tabs_that_race_make_one_refresh(tab, front, mode):
    log_in(first := tab(mode))
    first.close()
    one, two = tab(mode), tab(mode)  # neither has an access token
    held = front.hold(REFRESH)
    begin_request(one)
    assert held.arrived.wait(30)
    begin_request(two)
    two.wait_for_function("async () => (await navigator.locks.query()).pending.length === 1")
    held.release()
    assert [page.evaluate("() => window.result") for page in (one, two)] == [200, 200]
    assert front.count(REFRESH) == 1
    assert (one.evaluate("() => events"), two.evaluate("() => events")) == ([["begin", None]], [["begin", None]])


@both_modes
def test_a_new_tab_takes_the_access_token_of_another_one(tab, front, mode):
    log_in(one := tab(mode))
    two = tab(mode)
    assert two.evaluate("() => auth.resume()") is True
    assert (who(one), who(two)) == ("jwt", "jwt")
    assert front.count(REFRESH) == 0
    one.close()  # its login stays with the other
    assert who(two) == "jwt"
    assert tab(mode).evaluate("() => auth.resume()") is True
    assert front.count(REFRESH) == 0


@both_modes
def test_tabs_that_are_refused_at_once_make_one_refresh(tab, front, mode):
    log_in(one := tab(mode))
    two = tab(mode)
    assert who(two) == "jwt"
    held = front.hold(REFRESH)
    for page in (one, two):
        front.answer("/whoami/", 401, **{"WWW-Authenticate": 'Bearer error="invalid_token"'})
        begin_request(page)
        page.wait_for_function("""async () => {
            const { held, pending } = await navigator.locks.query();
            return [...held, ...pending].some(({ mode }) => mode === "exclusive");
        }""")
    two.wait_for_function("async () => (await navigator.locks.query()).pending.length === 1")
    held.release()
    assert [page.evaluate("() => window.result") for page in (one, two)] == [200, 200]
    assert front.count(REFRESH) == 1


def test_a_tab_that_is_closed_in_the_middle_of_a_refresh_is_still_logged_in_after_the_grace(tab, front):
    _close_in_the_middle_of_a_refresh(tab, front, COOKIE)
    back = tab(COOKIE)
    assert back.evaluate("() => auth.resume()") is True
    assert who(back) == "jwt"
    assert front.count(REFRESH) == 2


def test_the_same_ends_the_login_where_script_keeps_the_refresh_token(tab, front):
    _close_in_the_middle_of_a_refresh(tab, front, STORE)
    back = tab(STORE)
    assert refusal(back) == ["CredentialError", "reused"]
    assert back.evaluate("() => auth.resume()") is False
    assert back.evaluate("() => [events, localStorage.length]") == [[["end", "reused"]], 0]


def _close_in_the_middle_of_a_refresh(tab, front, mode):
    log_in(first := tab(mode))
    first.close()
    one = tab(mode)
    held = front.hold(REFRESH)
    begin_request(one)
    assert held.arrived.wait(30)  # the service has rotated
    one.close()
    time.sleep(1)  # Chromium needs a moment to end what a closed tab waits for
    held.release()
    assert held.sent.wait(30)
    time.sleep(GRACE + 0.5)


@both_modes
def test_a_logout_ends_the_login_in_every_tab_and_a_new_login_begins_in_every_tab(tab, front, mode):
    log_in(one := tab(mode))
    two = tab(mode)
    assert who(two) == "jwt"
    one.evaluate("() => auth.logOut()")
    two.wait_for_function("() => events.length === 2")
    assert (refusal(one), refusal(two)) == (["CredentialError", "logged out"],) * 2
    assert one.evaluate("() => auth.resume()") is False
    log_in(two)
    one.wait_for_function("() => events.length === 3")
    assert (who(one), who(two)) == ("jwt", "jwt")
    expected = [["begin", None], ["end", "logged out"], ["begin", None]]
    assert (one.evaluate("() => events"), two.evaluate("() => events")) == (expected, expected)


@both_modes
def test_a_login_in_one_tab_replaces_the_login_of_the_others(tab, mode):
    log_in(one := tab(mode))
    two = tab(mode)
    before = sid_of_login(two)
    log_in(two)
    one.wait_for_function("() => events.length === 2")
    assert sid_of_login(one) == sid_of_login(two) != before


@both_modes
def test_a_login_that_the_service_has_ended_ends_in_every_tab_and_is_asked_about_once(tab, front, mode):
    log_in(one := tab(mode))
    two = tab(mode)
    ended = sid_of_login(two)
    one.evaluate("(id) => auth.fetch(`/api/token/sessions/${id}/`, { method: 'DELETE' })", ended)
    assert refusal(one) == ["CredentialError", "ended"]
    two.wait_for_function("() => events.length === 2")
    assert refusal(two) == ["CredentialError", "ended"]
    assert (one.evaluate("() => events"), two.evaluate("() => events")) == ([["begin", None], ["end", "ended"]],) * 2
    assert front.count(REFRESH) == 1


def test_a_worker_shares_the_login_of_its_tab(tab, front):
    log_in(one := tab(COOKIE))
    status = one.evaluate("""() => new Promise((resolve) => {
        const worker = new Worker("worker.js", { type: "module" });
        worker.onmessage = ({ data }) => resolve(data);
        worker.postMessage("go");
    })""")
    assert status == 200
    assert front.count(REFRESH) == 0


def test_a_login_in_the_store_does_not_send_the_cookie_of_another_login(tab, front):
    log_in(tab(COOKIE))
    log_in(first := tab(STORE))
    first.close()
    other = tab(STORE)  # a body and a cookie together would be refused
    assert who(other) == "jwt"
    assert ("POST", REFRESH, 200) in front.seen
    other.evaluate("() => auth.logOut()")
    assert ("POST", LOGOUT, 204) in front.seen
    assert tab(COOKIE).evaluate("() => auth.resume()") is True


def test_script_sees_no_refresh_token_in_cookie_mode(tab, front, context):
    log_in(one := tab(COOKIE))
    begin = front.count(REFRESH)
    assert tab(COOKIE).evaluate("() => auth.resume()") is True
    assert one.evaluate("() => [document.cookie, localStorage.length, sessionStorage.length]") == ["", 0, 0]
    (cookie,) = context.cookies(f"{front.base}/api/token/")
    assert (cookie["httpOnly"], cookie["sameSite"], cookie["path"]) == (True, "Strict", "/api/token/")
    assert front.count(REFRESH) == begin


@both_modes
def test_without_web_locks_requests_of_one_tab_still_refresh_once(context, tab, front, mode):
    context.add_init_script("Object.defineProperty(navigator, 'locks', { value: undefined });")
    log_in(first := tab(mode))
    first.close()
    one = tab(mode)
    statuses = one.evaluate("""async () => {
        const answers = await Promise.all([1, 2, 3].map(() => auth.fetch("/whoami/")));
        return answers.map(({ status }) => status);
    }""")
    assert statuses == [200] * 3
    assert front.count(REFRESH) == 1


def test_tabs_share_an_opaque_token_its_rotation_and_its_end(tab, front):
    pages = [tab(STORE) for _ in range(2)]
    for page in pages:
        page.evaluate("""() => {
            auth.close();
            window.auth = new TokenAuth("/", { store: new LocalStore("token") });
            auth.addEventListener("end", (event) => events.push(event.reason));
        }""")
    one, two = pages
    log_in(one)
    assert (who(one), who(two)) == ("token", "token")
    one.evaluate("() => auth.rotate()")
    assert (who(one), who(two)) == ("token", "token")
    one.evaluate("() => auth.logOut()")
    two.wait_for_function("() => events.length === 1")
    assert refusal(two) == ["CredentialError", "none"]
    assert two.evaluate("() => events") == ["logged out"]


@both_modes
def test_a_login_to_which_nobody_comes_back_in_time_ends_as_expired(serve, front_of, context, mode):
    times = {"JWT_REUSE_GRACE": "1", "JWT_ACCESS_LIFETIME": "1", "JWT_REFRESH_LIFETIME": "2", "JWT_LEEWAY": "0"}
    with serve(**times, JWT_REFRESH_COOKIE="on") as service, front_of(service) as front:
        one, two = (_open(context, front, mode) for _ in range(2))
        log_in(one)
        assert who(two) == "jwt"
        time.sleep(3)
        assert (refusal(two), refusal(one)) == (["CredentialError", "expired"],) * 2
        assert one.evaluate("() => events") == [["begin", None], ["end", "expired"]]
        assert one.evaluate("() => auth.resume()") is False


@both_modes
def test_tabs_that_never_rest_refresh_once_for_each_access_token(serve, front_of, context, mode):
    switches = {"JWT_REUSE_GRACE": str(GRACE), "JWT_REFRESH_COOKIE": "on"}
    if mode == STORE:
        switches = {"JWT_REUSE_GRACE": "0"}  # so each refresh token is good for one refresh
    with serve(JWT_ACCESS_LIFETIME="2", JWT_LEEWAY="0", **switches) as service, front_of(service) as front:
        tabs = [_open(context, front, mode) for _ in range(3)]
        log_in(tabs[0])
        begin = time.monotonic()
        for page in tabs:
            page.evaluate("""() => {
                window.seen = new Set();
                window.work = (async () => {
                    while (!window.isOver) {
                        const got = await auth.fetch("/whoami/").catch(String);
                        seen.add(got.status ?? got);
                        await new Promise((resolve) => setTimeout(resolve, 20));
                    }
                })();
            }""")
        time.sleep(5)
        for page in tabs:
            page.evaluate("() => { window.isOver = true; return window.work; }")
        assert [page.evaluate("() => [[...seen], events]") for page in tabs] == [[[200], [["begin", None]]]] * 3
        # Each access token is used for at least half of its lifetime, a second.
        assert 1 <= front.count(REFRESH) <= time.monotonic() - begin + 1
