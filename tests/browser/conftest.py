"""Fixtures of the tests in Chromium: the browser, and a service with a user."""

import pytest

from tests.support import browsers, servers
from tests.support.accounts import PASSWORD

ADA = f"from django.contrib.auth.models import User; User.objects.create_user('ada', password='{PASSWORD}')"


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
