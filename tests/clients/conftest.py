"""Fixtures of several files of this folder."""

from types import SimpleNamespace

import pytest
import time_machine
from django.core.signals import request_finished, request_started
from django.db import close_old_connections

from clients import httpx_auth
from clients.httpx_auth import BearerAuth, TokenAuth
from tests.support.accounts import PASSWORD
from tests.support.wire import BASE, NOON, Clock, Wire, who


@pytest.fixture(autouse=True)
def _one_transaction(request):
    """Keep the service from closing the connection of the test's transaction, if there is one."""
    marker = request.node.get_closest_marker("django_db")
    if marker and marker.kwargs.get("transaction"):
        yield
        return
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.fixture
def clock(monkeypatch, user):
    with time_machine.travel(NOON, tick=False) as traveller:
        clock = Clock(traveller)
        monkeypatch.setattr(httpx_auth, "monotonic", lambda: clock.monotonic)
        monkeypatch.setattr("auth_core.caches.time", SimpleNamespace(monotonic=lambda: clock.monotonic))
        yield clock


@pytest.fixture
def wire(httpx):
    return Wire(httpx)


@pytest.fixture
def client_of(httpx, wire):
    """Return client_of(auth), a client that reaches the service through `wire`."""
    return lambda auth: httpx.Client(transport=wire, base_url=BASE, auth=auth)


@pytest.fixture
def bearer(user):
    return lambda **options: BearerAuth(BASE, "ada", PASSWORD, **options)


@pytest.fixture
def token(user):
    return lambda **options: TokenAuth(BASE, "ada", PASSWORD, **options)


@pytest.fixture
def client(client_of, bearer):
    """Return a client that is logged in."""
    client = client_of(bearer())
    assert who(client) == "jwt"
    return client


@pytest.fixture
def to(httpx):
    """Return to(base), a client of the service at this address, logged in as ada.

    It uses BearerAuth unless the test names another class.
    """

    def client(base: str, auth: type = BearerAuth, **options):
        held = auth(base, "ada", PASSWORD, store=options.pop("store", None))
        return httpx.Client(base_url=base, auth=held, **options)

    return client
