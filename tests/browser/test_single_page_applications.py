"""The page of docs/how-to/single-page-applications.md runs as it stands, on another port."""

import shutil
import subprocess
import sys
import time

import httpx
import pytest

from tests.support import processes, servers
from tests.support.accounts import PASSWORD
from tests.support.transcripts import blocks, commands, page

pytestmark = [pytest.mark.browser, pytest.mark.once]

TEXT = page("docs/how-to/single-page-applications.md")


@pytest.fixture
def site(tmp_path):
    """Serve the folder that the guide describes, with its command. Yield the address and folder."""
    port = servers.free_port()
    _, (command, _) = commands(TEXT)
    assert command.startswith("python3 -m http.server 3000 ")
    program = [sys.executable, *command.replace("3000", str(port)).split()[1:]]
    shutil.copy(servers.ROOT / "clients/fetch_auth.js", tmp_path)
    base = f"http://127.0.0.1:{port}"
    with processes.group(program, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT):
        end = time.monotonic() + 30
        while time.monotonic() < end:
            try:
                # Browsers refuse a module of another type.
                assert "javascript" in httpx.get(f"{base}/fetch_auth.js").headers["Content-Type"]
                break
            except httpx.ConnectError:
                time.sleep(0.05)
        yield base, tmp_path


@pytest.fixture
def service(site, serve):
    """Run the service with the switches of the guide's command, for this site."""
    (command, _), _ = commands(TEXT)
    *switches, make, run = command.replace("http://127.0.0.1:3000", site[0]).split()
    assert (make, run) == ("make", "run")
    with serve(**dict(each.split("=", 1) for each in switches)) as base:
        yield base


@pytest.fixture
def open_page(site, service, context):
    """Return a function that opens the guide's page in a new tab."""
    base, folder = site
    (html,) = blocks("html", TEXT)
    (folder / "index.html").write_text(html.replace("http://127.0.0.1:8000", service))

    def open_page(host: str = "127.0.0.1"):
        tab = context.new_page()
        tab.errors = []
        tab.on("pageerror", lambda error: tab.errors.append(str(error)))
        tab.goto(base.replace("127.0.0.1", host))
        return tab

    return open_page


def log_in(tab, password: str = PASSWORD):
    tab.get_by_label("User name").fill("ada")
    tab.get_by_label("Password").fill(password)
    tab.get_by_role("button", name="Log in").click()


def test_the_page_logs_in_stays_logged_in_over_a_reload_and_logs_every_tab_out(open_page, service):
    one = open_page()
    log_in(one, "wrong")
    one.get_by_text("the login was refused").wait_for()
    log_in(one)
    one.get_by_text("The first track: there is none").wait_for()
    one.reload()
    one.get_by_text("The first track: there is none").wait_for()
    two = open_page()
    two.get_by_text("The first track: there is none").wait_for()
    one.get_by_role("button", name="Log out").click()
    for tab in (one, two):
        tab.get_by_text("You are logged out: logged out").wait_for()
    two.reload()
    two.get_by_role("button", name="Log in").wait_for()
    assert one.errors == two.errors == []


def test_the_other_name_of_the_machine_is_another_site_that_may_not_ask(open_page):
    tab = open_page("localhost")
    tab.get_by_text("Try again: Failed to fetch").wait_for(state="attached")
