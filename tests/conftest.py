import logging
import time
from importlib import import_module

import pytest
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.core.cache import cache
from django.test import client as test_client
from rest_framework.test import APIClient

from config.handler import Request
from config.schemes import SCHEMES
from jwt_auth.pushed import logins
from tests.support import processes, servers
from tests.support.accounts import PASSWORD
from tests.support.admin import client_with_rows
from tests.support.clients import Door
from tests.support.events import Logged
from tests.urlconf import urlconf_for

test_client.WSGIRequest = Request  # the class whose requests the service's handler makes


# pytest-django moves tests with transactions of their own behind all others. This puts each file
# together again, so that fixtures of a module, such as servers, are made once.
@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: item.path)


# Before the fixtures end: a listener that a test has started reads from the test's database.
@pytest.hookimpl(tryfirst=True)
def pytest_runtest_teardown(item):
    logins.close()


@pytest.fixture(scope="session", autouse=True)
def _nobody_is_left():
    """Fail the last test of each pytest process if a process that the tests started still runs."""
    yield
    servers.end()
    end = time.monotonic() + 10  # seconds: a process needs a moment to end
    while (left := processes.left()) and time.monotonic() < end:
        time.sleep(0.1)
    if left:
        pytest.fail("the tests left processes running:\n" + "\n".join(map(str, left)), pytrace=False)


@pytest.fixture(autouse=True)
def _empty_cache():
    yield
    cache.clear()


@pytest.fixture
def user(db):
    return get_user_model().objects.create_user("ada", password=PASSWORD)


@pytest.fixture
def staff(db):
    return get_user_model().objects.create_superuser("grace", password=PASSWORD)


@pytest.fixture
def api():
    """Return a client of the project's own URLs, under the default switch (token, jwt)."""
    # A server turns an exception into a 500, so the test gets a 500 too.
    return APIClient(raise_request_exception=False)


@pytest.fixture
def door_to(settings):
    """Return door_to("drf-token"), which gives the URLs to that row and returns its Door."""

    def open_door(name: str) -> Door:
        settings.ROOT_URLCONF = urlconf_for(SCHEMES[name])
        return Door(SCHEMES[name], APIClient(raise_request_exception=False))

    return open_door


@pytest.fixture(params=SCHEMES)
def door(request, door_to):
    """Return the Door of each row in turn."""
    return door_to(request.param)


@pytest.fixture(params=["httpx", "httpx2"])
def httpx(request):
    """Return each of the two libraries whose clients clients/httpx_auth.py serves."""
    return import_module(request.param)


@pytest.fixture
def pages(staff, monkeypatch):
    """Return a client of the admin, logged in as staff.

    Each page lists a row. The sidebar is off.
    """
    monkeypatch.setattr(admin.site, "enable_nav_sidebar", False)
    return client_with_rows(staff)


@pytest.fixture
def logged():
    """Yield the events of the logger `auth`, in tests/support/events.py."""
    handler = Logged()
    logging.getLogger("auth").addHandler(handler)
    yield handler
    logging.getLogger("auth").removeHandler(handler)


@pytest.fixture
def obtain_pair(api, user):
    """Return a function that logs in and returns {"refresh": ..., "access": ...}."""

    def obtain() -> dict[str, str]:
        response = api.post("/api/token/", {"username": user.username, "password": PASSWORD})
        assert response.status_code == 200, response.content
        return response.json()

    return obtain
