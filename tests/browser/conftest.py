"""Fixtures of the tests in Chromium: the browser, a service with a user, a proxy with a page."""

import pytest

from tests.support import browsers, fronts, servers
from tests.support.accounts import PASSWORD

ADA = f"from django.contrib.auth.models import User; User.objects.create_user('ada', password='{PASSWORD}')"

FILES = {
    "fetch_auth.js": (servers.ROOT / "clients/fetch_auth.js").read_text("utf-8"),
    "page.html": """<!doctype html><title>page</title><script type="module">
        import * as fetchAuth from "./fetch_auth.js";
        Object.assign(window, fetchAuth);
    </script>""",
}


@pytest.fixture(scope="session")
def chromium():
    """Return playwright's Browser, one for all tests."""
    with browsers.chromium() as browser:
        yield browser


@pytest.fixture
def context(chromium):
    """Return a new BrowserContext: tabs that share cookies and storage with nobody else."""
    with chromium.new_context() as found:
        yield found


@pytest.fixture(scope="session")
def serve(tmp_path_factory):
    """Return serve(**switches), a context that runs the service and yields its address.

    The user ada exists there.
    """

    def serve(**switches: str):
        database = servers.migrated_sqlite(tmp_path_factory.mktemp("service"))
        switches = {**servers.QUICK, "DATABASE_URL": database, "LOGIN_THROTTLE": "none", **switches}
        done = servers.run("manage.py", "shell", "--verbosity", "0", "-c", ADA, **switches)
        assert done.returncode == 0, done.stderr
        return servers.granian(**switches)

    return serve


@pytest.fixture(scope="session")
def front_of():
    """Return fronts.front, which serves clients/fetch_auth.js and an empty page with it."""

    def front_of(service: str, **options):
        return fronts.front(service, files={**FILES, **options.pop("files", {})}, **options)

    return front_of
