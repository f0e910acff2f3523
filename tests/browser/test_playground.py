"""The playground at `/`, driven by its keyboard in Chromium.

A message of the console that is not about a refusal, a violation of the page's policy and a
request to another host fail each test. SCREENSHOTS=folder keeps pictures of what is tested.
"""

import os
import re
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.support import servers
from tests.support.accounts import PASSWORD

pytestmark = [pytest.mark.browser, pytest.mark.once]

VIOLATIONS = "document.addEventListener('securitypolicyviolation', e => console.error('blocked: ' + e.blockedURI))"
MOST_TABS = 80  # presses until the focus must have come by
STOP = "from django.contrib.auth.models import User; User.objects.filter(username='ada').update(is_active=False)"


class Playground:
    """A tab with the page in it."""

    def __init__(self, tab, base: str):
        self.tab, self.base = tab, base
        self.problems, self.requests = [], []
        tab.add_init_script(VIOLATIONS)
        tab.on("pageerror", lambda error: self.problems.append(str(error)))
        tab.on("console", self._note)
        tab.on("request", lambda request: self.requests.append(request))
        self.open()

    def open(self):
        self.tab.goto(f"{self.base}/")
        self.tab.locator("html[data-ready]").wait_for()

    def _note(self, message):
        # Chromium logs every answer of 400 and more. The page expects some from the API.
        refusal = r"Failed to load resource: (the server responded with a status of (400|401|429|503)|net::ERR_CONN)"
        is_expected = re.match(refusal, message.text) and "/static/" not in message.location["url"]
        if message.type in ("error", "warning") and not is_expected:
            self.problems.append(message.text)

    def column(self, scheme: str):
        return self.tab.locator(f'[data-scheme="{scheme}"]')

    def says(self, scheme: str, text: str):
        """Wait until the column's live region has this text."""
        self.column(scheme).locator(".status[role=status]").get_by_text(text).wait_for()

    def verdict(self, scheme: str, what: str, verdict: str):
        """Wait until the watch has this verdict about a credential."""
        line = self.tab.locator(".watched li").filter(has_text=f"{scheme}, {what} ")
        line.first.locator(".verdict").get_by_text(verdict, exact=True).wait_for()

    def wire(self, scheme: str, part: str) -> str:
        """Return the newest request or answer of a column, as the page shows it."""
        return self.column(scheme).locator(f"pre.{part}").first.inner_text()

    def tab_to(self, target):
        """Move the focus to the element by the Tab key."""
        for _ in range(MOST_TABS):
            if target.evaluate("each => each === document.activeElement"):
                outline = target.evaluate("each => getComputedStyle(each).outlineStyle")
                assert outline != "none"
                return
            self.tab.keyboard.press("Tab")
        raise AssertionError(f"the Tab key does not reach {target}")

    def press(self, scheme: str, button: str):
        self.tab_to(self.column(scheme).get_by_role("button", name=button, exact=True))
        self.tab.keyboard.press("Enter")

    def type_user(self, password: str = PASSWORD):
        for label, text in (("User name", "ada"), ("Password", password)):
            self.tab_to(self.tab.get_by_label(label, exact=True))
            self.tab.keyboard.press("Control+A")
            self.tab.keyboard.type(text)

    def log_in(self, *schemes: str):
        self.type_user()
        self.tab.keyboard.press("Enter")
        for scheme in schemes:
            self.says(scheme, "Logged in.")

    def picture(self, name: str):
        if folder := os.environ.get("SCREENSHOTS"):
            self.tab.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


@pytest.fixture
def visit(chromium):
    """Return visit(base), a context that opens the page there and looks for problems at its end."""

    @contextmanager
    def visit(base: str, **options):
        with chromium.new_context(**options) as context:
            page = Playground(context.new_page(), base)
            yield page
            assert page.problems == []
            assert {request.url.startswith(f"{base}/") for request in page.requests} == {True}
            assert context.storage_state()["origins"] == []
            assert page.tab.evaluate("localStorage.length + sessionStorage.length") == 0

    return visit


@contextmanager
def visit_after(service, visit):
    """Yield the page of a service, and a function that stops the service."""
    with ExitStack() as stack:
        base = stack.enter_context(service)
        with visit(base) as page:
            yield page, stack.close


@pytest.fixture(scope="module")
def base(serve):
    """Yield the address of a service with the default schemes and SERVER_TIMING."""
    with serve(SERVER_TIMING="on") as base:
        yield base


def test_the_keyboard_alone_goes_through_the_life_of_both_kinds(base, visit):
    with visit(base) as page:
        page.press("token", "Who am I")  # without a credential: the challenges
        page.says("token", "401: ")
        assert "www-authenticate: Token" in page.wire("token", "answer")
        page.log_in("token", "jwt")
        page.picture("logged-in")
        for scheme, keyword in (("token", "Token"), ("jwt", "Bearer")):
            page.press(scheme, "Who am I")
            page.says(scheme, "You are user ada.")
            shown = re.search(r"^Authorization: (.*)$", page.wire(scheme, "request"), re.MULTILINE)[1]
            sent = [each.headers for each in page.requests if each.url == f"{base}/whoami/"][-1]
            assert shown == sent["authorization"]
            assert shown.startswith(f"{keyword} ")
            assert '"username":"ada"' in page.wire(scheme, "answer")
            assert page.column(scheme).locator("details[open] .bar").count() == 3
        page.press("jwt", "List tracks")
        page.says("jwt", "0 tracks.")
        before = page.column("jwt").locator(".refresh-token").inner_text()
        page.press("jwt", "Refresh")
        page.says("jwt", "Refreshed")
        assert page.column("jwt").locator(".refresh-token").inner_text() != before
        page.press("token", "Rotate")
        page.says("token", "Rotated")
        page.verdict("token", "token", "refused")
        page.press("jwt", "My logins")
        page.says("jwt", "1 login.")
        assert "(this one)" in page.column("jwt").locator(".logins li").inner_text()
        page.picture("before-the-end")
        page.tab_to(page.column("jwt").locator(".logins button"))
        page.tab.keyboard.press("Enter")
        page.says("jwt", "This login has ended.")
        assert page.column("jwt").locator("[data-action=list]").evaluate("each => each === document.activeElement")
        page.verdict("jwt", "access token", "refused")
        page.verdict("jwt", "refresh token", "refused")
        page.press("token", "Log out")
        page.says("token", "Logged out.")
        page.press("token", "Log out")
        page.says("token", "Log in first")
        page.picture("ended")


def test_the_password_is_never_shown_and_the_mask_hides_credentials(base, visit):
    with visit(base) as page:
        page.log_in("token", "jwt")
        secrets = [page.column(scheme).locator(".credential").inner_text().split()[-1] for scheme in ("token", "jwt")]
        text = page.tab.locator("body").inner_text()
        assert all(secret in text for secret in secrets)
        page.tab_to(page.tab.get_by_label("Mask credentials"))
        page.tab.keyboard.press("Space")
        page.press("token", "Who am I")
        page.says("token", "You are user ada.")
        page.tab.get_by_role("button", name="Watch now").press("Enter")
        page.verdict("jwt", "access token", "accepted")
        while page.tab.locator("details:not([open]) summary").count():
            page.tab.locator("details:not([open]) summary").first.press("Enter")
        masked = page.tab.locator("body").inner_text()
        assert not any(secret in masked or secret[-20:] in masked for secret in secrets)
        assert PASSWORD not in text + masked
        page.tab.get_by_role("button", name="Stop watching").press("Enter")
        page.tab.get_by_label("Mask credentials").press("Space")
        assert all(secret in page.tab.locator("body").inner_text() for secret in secrets)


def test_the_countdown_runs_and_ends(base, chromium):
    with chromium.new_context() as context:
        tab = context.new_page()
        tab.clock.install()
        page = Playground(tab, base)
        page.log_in("token", "jwt")
        expires = page.column("jwt").locator(".expires")
        assert re.fullmatch(r"in (5:00|4:5\d)", expires.inner_text())
        assert re.fullmatch(r"in (24:00:00|23:59:5\d)", page.column("jwt").locator(".refresh-expires").inner_text())
        assert page.column("token").locator(".expires").inner_text() == "the answer does not say"
        tab.clock.run_for(120_000)
        assert re.fullmatch(r"in (3:0\d|2:\d\d)", expires.inner_text())
        tab.clock.run_for(190_000)
        assert expires.inner_text().startswith("expired")
        assert page.problems == []


def test_a_logout_everywhere_reaches_each_scheme_at_its_own_moment(serve, visit):
    with serve(AUTH_SCHEMES="token,jwt-stateless") as base, visit(base) as page:
        page.log_in("token", "jwt-stateless")
        page.press("token", "Log out everywhere")
        page.says("token", "Logged out everywhere")
        page.verdict("token", "token", "refused")
        page.verdict("jwt-stateless", "refresh token", "refused")
        page.verdict("jwt-stateless", "access token", "accepted")
        assert "SERVER_TIMING=on" in page.column("token").locator("details[open]").inner_text()
        page.press("jwt-stateless", "Who am I")  # nobody knows the name: the user is not read
        page.says("jwt-stateless", "You are user 1.")
        page.press("jwt-stateless", "Refresh")
        page.says("jwt-stateless", "401: ")
        page.picture("one-outlives-the-other")


def test_a_refresh_token_in_a_cookie_outlives_a_reload_and_ends_with_the_logout(serve, visit):
    with serve(JWT_REFRESH_COOKIE="on") as base, visit(base) as page:
        box = page.tab.get_by_label("Keep the refresh token in an HttpOnly cookie")
        page.tab_to(box)
        page.tab.keyboard.press("Space")
        page.log_in("token", "jwt")
        assert page.column("jwt").locator(".refresh-token").inner_text().startswith("in an HttpOnly cookie")
        assert '"refresh":' not in page.wire("jwt", "answer")
        (cookie,) = page.tab.context.cookies(f"{base}/api/token/")
        assert (cookie["httpOnly"], cookie["sameSite"], cookie["path"]) == (True, "Strict", "/api/token/")
        page.open()
        page.press("jwt", "Who am I")
        page.says("jwt", "401: ")
        page.tab_to(box)
        page.tab.keyboard.press("Space")
        page.press("jwt", "Refresh")
        page.says("jwt", "Refreshed")
        page.press("jwt", "Who am I")
        page.says("jwt", "You are user ada.")
        page.picture("by-cookie")
        page.tab_to(box)
        page.tab.keyboard.press("Space")  # off: the next login is its own, beside the cookie
        page.type_user()
        page.press("jwt", "Log in")
        page.says("jwt", "Logged in.")
        page.press("jwt", "Refresh")
        page.says("jwt", "Refreshed")
        page.press("jwt", "Log out")
        page.says("jwt", "Logged out.")
        assert len(page.tab.context.cookies(f"{base}/api/token/")) == 1
        page.tab_to(box)
        page.tab.keyboard.press("Space")
        with page.tab.expect_response("**/api/token/logout/"):  # the page says "Logged out." already
            page.press("jwt", "Log out")
        page.says("jwt", "Logged out.")
        assert page.tab.context.cookies(f"{base}/api/token/") == []


def test_a_deactivation_is_watched_in_both_columns(serve, visit, tmp_path):
    url = servers.migrated_sqlite(tmp_path)
    with serve(DATABASE_URL=url) as base, visit(base) as page:
        page.log_in("token", "jwt")
        page.tab_to(page.tab.get_by_role("button", name="Watch now"))
        page.tab.keyboard.press("Enter")
        for credential in (("token", "token"), ("jwt", "access token"), ("jwt", "refresh token")):
            page.verdict(*credential, "accepted")
        done = servers.run("manage.py", "shell", "--verbosity", "0", "-c", STOP, DATABASE_URL=url)
        assert done.returncode == 0, done.stderr
        for credential in (("token", "token"), ("jwt", "access token"), ("jwt", "refresh token")):
            page.verdict(*credential, "refused")
        page.picture("deactivated")


def test_a_wrong_password_and_too_many_of_them_are_said_in_words(serve, visit):
    with serve(LOGIN_THROTTLE="4/min") as base, visit(base) as page:
        page.type_user("wrong")
        page.tab.keyboard.press("Enter")
        page.says("token", "400: Unable to log in")
        page.says("jwt", "401: No active account")
        for number in (1, 2):
            page.tab.keyboard.press("Enter")
            page.tab.locator(".exchanges details").nth(2 * number + 1).wait_for()
        for scheme in ("token", "jwt"):
            page.says(scheme, "429, too many attempts. Retry-After: ")
            page.column(scheme).locator(".wait").get_by_text("Try again in").wait_for()
            assert "retry-after: " in page.wire(scheme, "answer")
        page.picture("throttled")


def test_a_service_that_cannot_answer_and_one_that_is_away_are_said_in_words(serve, visit, tmp_path):
    url = servers.migrated_sqlite(tmp_path)
    with visit_after(serve(DATABASE_URL=url), visit) as (page, stop):
        page.log_in("token", "jwt")
        page.tab_to(page.tab.get_by_role("button", name="Watch now"))
        page.tab.keyboard.press("Enter")
        page.verdict("token", "token", "accepted")
        file = Path(url.removeprefix("sqlite:///"))
        file.rename(file.with_suffix(".away"))
        file.mkdir()
        page.press("token", "Who am I")
        page.says("token", "503, the service cannot answer now. Retry-After: 5 s.")
        page.verdict("token", "token", "no verdict")
        page.picture("database-away")
        page.tab.get_by_role("button", name="Stop watching").press("Enter")
        stop()
        page.press("token", "Who am I")
        page.says("token", "No answer: ")


@pytest.mark.parametrize("scheme", ["drf-token", "simplejwt", "token-hashed", "jwt-pushed"])
def test_one_scheme_alone_has_one_column_that_works(serve, visit, scheme):
    with serve(AUTH_SCHEMES=scheme) as base, visit(base) as page:
        assert page.tab.locator(".column").count() == 1
        page.log_in(scheme)
        page.press(scheme, "Who am I")
        page.says(scheme, "You are user ")  # a name, or an id where no user is read
        buttons = page.column(scheme).get_by_role("button").all_inner_texts()
        if "My logins" in buttons:
            page.press(scheme, "My logins")
            page.says(scheme, "1 login.")
        if "Log out" in buttons:
            page.press(scheme, "Log out")
            page.says(scheme, "Logged out.")
            page.tab.locator(".watched .verdict").get_by_text("refused", exact=True).first.wait_for()
        else:
            assert "no endpoint that ends a login" in page.column(scheme).inner_text()
        page.picture(f"only-{scheme}")


@pytest.mark.parametrize("colours", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 400])
def test_the_page_fits_its_window_in_light_and_dark(base, visit, width, colours):
    with visit(base, viewport={"width": width, "height": 900}, color_scheme=colours) as page:
        page.picture(f"start-{width}-{colours}")
        page.log_in("token", "jwt")
        page.press("token", "Who am I")
        page.says("token", "You are user ada.")
        page.press("jwt", "My logins")
        page.says("jwt", "login")
        page.tab.get_by_role("button", name="Watch now").press("Enter")
        page.verdict("token", "token", "accepted")
        assert page.tab.evaluate("document.documentElement.scrollWidth") <= width
        background = page.tab.locator("body").evaluate("each => getComputedStyle(each).backgroundColor")
        red = int(re.match(r"rgb\((\d+)", background)[1])
        assert red > 200 if colours == "light" else red < 60
        first, second = (page.tab.locator(".column").nth(number).bounding_box() for number in (0, 1))
        assert (first["y"] == second["y"]) == (width == 1280)
        page.picture(f"{width}-{colours}")
