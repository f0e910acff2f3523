"""clients/httpx_auth.py against the service: what a client holds survives whatever happens on the way."""

import asyncio
import os
import re
import resource
import sqlite3
import subprocess
import sys
from collections import Counter
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from importlib import import_module
from threading import Timer
from types import SimpleNamespace

import pytest
import time_machine
from asgiref.sync import sync_to_async
from asgiref.wsgi import WsgiToAsgi
from django.contrib.auth import get_user_model
from django.core.signals import request_finished, request_started
from django.db import OperationalError, close_old_connections, connections
from rest_framework.authtoken.models import Token

from clients import httpx_auth
from clients.httpx_auth import BearerAuth, CredentialError, FileStore, Store, TokenAuth
from config.handler import Handler
from jwt_auth import models
from jwt_auth.models import RefreshFamily
from tests.support import processes, servers
from tests.support.accounts import PASSWORD
from tests.support.threads import at_once
from tracks.models import Genre

BASE = "http://testserver"
NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
OBTAIN, REFRESH, LOGOUT = "/api/token/", "/api/token/refresh/", "/api/token/logout/"
ROTATE, REVOKE = "/api-token-auth/new/", "/api-token-auth/revoke/"
THREADS = 16


class Wire:
    """Carries requests to the service, and notes them. `loses` is a path of which the next answer does not arrive."""

    def __init__(self, httpx):
        self._httpx = httpx
        self._service = httpx.WSGITransport(Handler())
        self.sent: list[tuple[str, int]] = []  # (path, status)
        self.loses = ""

    def handle_request(self, request):
        response = self._service.handle_request(request)
        response.read()
        self.sent.append((request.url.path, response.status_code))
        if request.url.path == self.loses:
            self.loses = ""
            raise self._httpx.ReadError("the connection is gone", request=request)
        return response


@pytest.fixture(autouse=True)
def _one_transaction(request):
    """The service must not close the connection that holds the test's transaction, if it has one."""
    marker = request.node.get_closest_marker("django_db")
    if marker and marker.kwargs.get("transaction"):
        yield
        return
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


class Clock:
    """Stands, of client and service both; `pass_` moves the service's, and with `awake` the client's."""

    def __init__(self, traveller):
        self._traveller = traveller
        self.monotonic = 1000.0  # seconds

    def pass_(self, awake: bool = True, **time):
        self._traveller.shift(timedelta(**time))
        self.monotonic += timedelta(**time).total_seconds() * awake


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
    """A client of the service by way of `wire`, with this auth."""
    return lambda auth: httpx.Client(transport=wire, base_url=BASE, auth=auth)


@pytest.fixture
def bearer(user):
    return lambda **options: BearerAuth(BASE, "ada", PASSWORD, **options)


@pytest.fixture
def token(user):
    return lambda **options: TokenAuth(BASE, "ada", PASSWORD, **options)


@pytest.fixture
def client(client_of, bearer):
    """Logged in."""
    client = client_of(bearer())
    assert who(client) == "jwt"
    return client


def who(client) -> str:
    """The scheme by which the client is let in as ada."""
    response = client.get("/whoami/")
    assert response.status_code == 200, response.text
    assert response.json()["username"] == "ada"
    return response.json()["scheme"]


# Pairs


@pytest.mark.once
def test_the_first_request_logs_in_and_the_next_ones_use_what_it_got(wire, client):
    assert [who(client), who(client)] == ["jwt", "jwt"]
    assert wire.sent == [(OBTAIN, 200), *[("/whoami/", 200)] * 3]
    assert RefreshFamily.objects.count() == 1


@pytest.mark.once
def test_a_pair_is_refreshed_before_its_access_token_expires(clock, wire, client):
    clock.pass_(seconds=300 - httpx_auth.MARGIN - 1)
    assert who(client) == "jwt"
    assert REFRESH not in dict(wire.sent)
    clock.pass_(seconds=1)
    assert who(client) == "jwt"
    assert wire.sent[-2:] == [(REFRESH, 200), ("/whoami/", 200)]


@pytest.mark.once
def test_a_short_life_is_refreshed_at_half_of_it(clock, wire, client_of, bearer, settings):
    settings.JWT_ACCESS_LIFETIME = timedelta(seconds=httpx_auth.MARGIN)
    client = client_of(bearer())
    who(client)
    clock.pass_(seconds=httpx_auth.MARGIN / 2 - 1)
    who(client)
    assert REFRESH not in dict(wire.sent)
    clock.pass_(seconds=1)
    who(client)
    assert wire.sent[-2:] == [(REFRESH, 200), ("/whoami/", 200)]


@pytest.mark.once
def test_a_client_that_slept_over_the_expiry_is_refused_once_and_refreshes(clock, wire, client):
    clock.pass_(minutes=10, awake=False)
    assert who(client) == "jwt"
    assert wire.sent[-3:] == [("/whoami/", 401), (REFRESH, 200), ("/whoami/", 200)]


@pytest.mark.once
def test_a_refused_request_is_sent_again_with_its_body(clock, wire, client):
    Genre.objects.create(name="Jazz")
    clock.pass_(minutes=10, awake=False)
    track = {"title": "So What", "album": "Kind of Blue", "artist": "Miles Davis", "genre": "Jazz", "duration_ms": 1}
    response = client.post("/tracks/", json=track)
    assert response.status_code == 201, response.text
    assert response.json()["title"] == "So What"
    assert wire.sent[-3:] == [("/tracks/", 401), (REFRESH, 200), ("/tracks/", 201)]


@pytest.mark.once
def test_a_login_goes_on_for_as_long_as_it_may_and_then_ends_with_one_clear_error(clock, wire, client):
    for _ in range(31 * 2 - 1):
        assert who(client) == "jwt"
        clock.pass_(hours=12)
    with pytest.raises(CredentialError, match=r"the login has ended, log in again: .*token_not_valid") as raised:
        client.get("/whoami/")
    assert raised.value.response.status_code == 401
    assert RefreshFamily.objects.count() == 1
    told = len(wire.sent)
    with pytest.raises(CredentialError, match="the login has ended"):
        client.get("/whoami/")
    assert len(wire.sent) == told  # it is not asked again


@pytest.mark.once
def test_a_login_that_was_ended_elsewhere_is_told_so(clock, client):
    models.end(models.LOGOUT)
    with pytest.raises(CredentialError, match="The login has been ended"):
        client.get("/whoami/")


def expire(wire, client, clock, store):
    clock.pass_(days=2)


def end(wire, client, clock, store):
    models.end(models.LOGOUT)
    clock.pass_(minutes=5)


def use_again(wire, client, clock, store):
    stolen = store.load()
    for _ in range(2):
        stolen = client.post(REFRESH, json={"refresh": stolen}, auth=None).json()["refresh"]
    clock.pass_(minutes=5)


@pytest.mark.once
@pytest.mark.parametrize("finish", [expire, end, use_again])
def test_a_refusal_that_is_final_is_not_asked_for_again(clock, wire, client_of, bearer, finish):
    store = Store()
    client = client_of(bearer(store=store))
    who(client)
    finish(wire, client, clock, store)
    asked = len(wire.sent)
    for _ in range(3):
        with pytest.raises(CredentialError, match="the login has ended, log in again"):
            client.get("/whoami/")
    assert wire.sent[asked:] == [(REFRESH, 401)]


@contextmanager
def other_key(settings):
    """As on a server that does not know the new key yet."""
    key = settings.JWT_SIGNING_KEY
    settings.JWT_SIGNING_KEY = "another key of this service, or of its next version"
    yield
    settings.JWT_SIGNING_KEY = key


@contextmanager
def inactive_user(settings):
    get_user_model().objects.update(is_active=False)
    yield
    get_user_model().objects.update(is_active=True)


@pytest.mark.once
@pytest.mark.parametrize("refusing", [other_key, inactive_user])
def test_a_refusal_that_may_pass_is_tried_again_by_the_next_request_once(clock, wire, client, settings, refusing):
    clock.pass_(minutes=5)
    asked = len(wire.sent)
    with refusing(settings):
        for _ in range(3):
            with pytest.raises(CredentialError, match="the refresh token was refused, the next request presents it"):
                client.get("/whoami/")
    assert wire.sent[asked:] == [(REFRESH, 401)] * 3
    assert who(client) == "jwt"
    assert Counter(wire.sent)[OBTAIN, 200] == 1


@pytest.mark.once
def test_the_end_of_a_login_is_an_error_and_not_another_login(clock, wire, client):
    models.end(models.REUSE)
    for _ in range(2):
        with pytest.raises(CredentialError):
            client.get("/whoami/")
    assert Counter(wire.sent)[OBTAIN, 200] == 1


@pytest.mark.parametrize("grace_seconds", [1, 9])
def test_a_refresh_whose_answer_was_lost_is_repeated_and_the_login_goes_on(httpx, clock, wire, client, grace_seconds):
    for _ in range(3):
        clock.pass_(minutes=5)
        wire.loses = REFRESH
        with pytest.raises(httpx.ReadError):
            client.get("/whoami/")
        clock.pass_(seconds=grace_seconds)
        assert who(client) == "jwt"
    assert Counter(wire.sent) == {(OBTAIN, 200): 1, (REFRESH, 200): 6, ("/whoami/", 200): 4}


@pytest.mark.once
def test_a_login_whose_answer_was_lost_is_repeated(httpx, wire, client_of, bearer):
    client = client_of(bearer())
    wire.loses = OBTAIN
    with pytest.raises(httpx.ReadError):
        client.get("/whoami/")
    assert who(client) == "jwt"


@pytest.mark.once
def test_a_503_at_refresh_reaches_the_caller_and_loses_nothing(httpx, clock, wire, client, monkeypatch):
    clock.pass_(minutes=5)
    with monkeypatch.context() as without_database:

        def away(token):
            raise OperationalError("the database is away")

        without_database.setattr(models, "living_family", away)
        with pytest.raises(httpx.HTTPStatusError, match=f"POST {BASE}{REFRESH} returned 503, not 200") as raised:
            client.get("/whoami/")
    assert raised.value.response.headers["Retry-After"] == "5"
    assert who(client) == "jwt"


@pytest.mark.once
def test_a_429_at_login_reaches_the_caller_and_the_password_is_kept(httpx, clock, wire, client_of, bearer, settings):
    settings.LOGIN_THROTTLE = "1/min"
    who(client_of(bearer()))
    client = client_of(bearer())
    with pytest.raises(httpx.HTTPStatusError, match="returned 429") as raised:
        client.get("/whoami/")
    clock.pass_(seconds=int(raised.value.response.headers["Retry-After"]))
    assert who(client) == "jwt"


@pytest.mark.once
def test_others_who_are_refused_at_the_same_address_cost_no_refresh(httpx, clock, wire, client, settings):
    settings.LOGIN_THROTTLE = "1/min"
    clock.pass_(minutes=5)
    for _ in range(2):
        client.post(REFRESH, json={"refresh": "garbage"}, auth=None)
    assert wire.sent[-1] == (REFRESH, 429)
    assert who(client) == "jwt"


@pytest.mark.once
def test_a_429_at_refresh_is_not_the_end_of_a_login_and_its_end_is_told_after_it(httpx, clock, wire, client, settings):
    settings.LOGIN_THROTTLE = "1/min"
    clock.pass_(minutes=5)
    assert models.end(models.LOGOUT)
    client.post(REFRESH, json={"refresh": "garbage"}, auth=None)
    with pytest.raises(httpx.HTTPStatusError, match="returned 429"):
        client.get("/whoami/")
    clock.pass_(minutes=1)
    with pytest.raises(CredentialError):
        client.get("/whoami/")


@pytest.mark.once
@pytest.mark.parametrize(("auth", "path"), [(BearerAuth, OBTAIN), (TokenAuth, "/api-token-auth/")])
def test_a_wrong_password_is_tried_once(wire, client_of, user, auth, path):
    client = client_of(auth(BASE, "ada", "wrong"))
    for _ in range(2):
        with pytest.raises(CredentialError, match=r"the login was refused: .*credentials"):
            client.get("/whoami/")
    assert [sent for sent, _ in wire.sent] == [path]


def test_a_logout_ends_the_login_here_and_there(clock, wire, client_of, bearer):
    store = Store()
    client = client_of(bearer(store=store))
    who(client)
    clock.pass_(minutes=10)
    assert client.post(LOGOUT).status_code == 204
    assert store.load() is None
    assert RefreshFamily.objects.get().reason == models.LOGOUT
    with pytest.raises(CredentialError, match="logged out"):
        client.get("/whoami/")


@pytest.mark.once
def test_a_logout_everywhere_too(client, client_of, token):
    other = client_of(token())
    assert who(other) == "token"
    assert client.post(LOGOUT, json={"everywhere": True}).status_code == 204
    with pytest.raises(CredentialError, match=r"the token was refused, log in again: .*Invalid token"):
        other.get("/whoami/")


@pytest.mark.once
def test_the_next_process_goes_on_with_the_newest_refresh_token(clock, wire, client_of, bearer, tmp_path):
    who(client_of(bearer(store=FileStore(tmp_path / "login"))))
    for _ in range(3):
        clock.pass_(hours=1)
        assert who(client_of(BearerAuth(BASE, store=FileStore(tmp_path / "login")))) == "jwt"
    assert Counter(wire.sent) == {(OBTAIN, 200): 1, (REFRESH, 200): 3, ("/whoami/", 200): 4}
    assert (tmp_path / "login").stat().st_mode & 0o777 == 0o600


@pytest.mark.once
def test_a_logout_leaves_the_login_that_another_process_has_begun_since(client_of, bearer, tmp_path):
    path = tmp_path / "login"
    one = client_of(bearer(store=FileStore(path)))
    who(one)
    path.unlink()
    who(client_of(bearer(store=FileStore(path))))
    assert one.post(LOGOUT).status_code == 204
    assert who(client_of(BearerAuth(BASE, store=FileStore(path)))) == "jwt"
    first, second = RefreshFamily.objects.order_by("created_at")
    assert first.reason == models.LOGOUT
    assert second.revoked_at is None
    assert who(one) == "jwt"  # who shares a store shares a login


@pytest.mark.once
def test_a_logout_empties_the_store_if_another_process_has_refreshed_since(client_of, bearer):
    store = Store()
    one = client_of(bearer(store=store))
    who(one)
    before = store.load()
    who(client_of(BearerAuth(BASE, store=store)))
    assert store.load() != before
    assert one.post(LOGOUT).status_code == 204
    assert store.load() is None


@pytest.mark.once
@pytest.mark.parametrize("kind", ["json", "data"])
def test_a_logout_of_another_login_leaves_this_one(client_of, bearer, kind):
    store, other = Store(), Store()
    client = client_of(bearer(store=store))
    who(client)
    who(client_of(bearer(store=other)))
    kept = store.load()
    assert client.post(LOGOUT, **{kind: {"refresh": other.load()}}).status_code == 204
    assert store.load() == kept
    assert who(client) == "jwt"
    assert client.post(LOGOUT, **{kind: {"refresh": kept}}).status_code == 204
    assert store.load() is None


@pytest.mark.once
def test_a_process_that_finds_its_login_ended_logs_in_with_the_password_it_was_given(wire, client_of, bearer):
    store = Store()
    who(client_of(bearer(store=store)))
    models.end(models.LOGOUT)
    client = client_of(bearer(store=store))
    assert who(client) == "jwt"
    models.end(models.LOGOUT)
    with pytest.raises(CredentialError, match="the login has ended"):
        client.get("/whoami/")


@pytest.mark.once
def test_of_two_that_share_a_store_each_goes_on_with_what_the_other_left(clock, wire, client_of, bearer, tmp_path):
    one, two = (client_of(bearer(store=FileStore(tmp_path / "login"))) for _ in range(2))
    for _ in range(4):
        assert [who(one), who(two)] == ["jwt", "jwt"]
        clock.pass_(minutes=5)
    assert RefreshFamily.objects.count() == 1
    assert set(dict(wire.sent).values()) == {200}
    assert one.post(LOGOUT).status_code == 204
    with pytest.raises(CredentialError):
        two.get("/whoami/")


@pytest.mark.django_db(transaction=True)
def test_of_many_threads_one_refreshes_and_none_is_refused(clock, wire, client, settings):
    settings.JWT_REUSE_GRACE = timedelta(0)  # a second refresh would end the login
    for refreshed in range(1, 4):
        clock.pass_(minutes=5)
        assert at_once(*[lambda: who(client)] * THREADS) == ["jwt"] * THREADS
        assert Counter(wire.sent)[REFRESH, 200] == refreshed
    assert set(dict.fromkeys(status for _, status in wire.sent)) == {200}


@pytest.mark.django_db(transaction=True)
def test_of_many_refused_threads_one_refreshes_and_all_go_on(clock, wire, client, settings):
    settings.JWT_REUSE_GRACE = timedelta(0)
    clock.pass_(minutes=10, awake=False)
    assert at_once(*[lambda: who(client)] * THREADS) == ["jwt"] * THREADS
    assert Counter(wire.sent)[REFRESH, 200] == 1


@pytest.mark.django_db(transaction=True)
def test_of_many_threads_one_logs_in(wire, client_of, bearer):
    client = client_of(bearer())
    assert at_once(*[lambda: who(client)] * THREADS) == ["jwt"] * THREADS
    assert Counter(wire.sent)[OBTAIN, 200] == 1


# Opaque tokens


@pytest.mark.once
def test_an_opaque_token_is_obtained_once(wire, client_of, token):
    client = client_of(token())
    assert [who(client), who(client)] == ["token", "token"]
    assert wire.sent == [("/api-token-auth/", 200), *[("/whoami/", 200)] * 2]


@pytest.mark.once
def test_a_token_that_one_has_needs_no_password(wire, client_of, user):
    assert who(client_of(TokenAuth(BASE, store=Store(user.auth_token.key)))) == "token"
    assert wire.sent == [("/whoami/", 200)]


@pytest.mark.once
@pytest.mark.parametrize("method", ["POST", "GET"])
def test_a_rotation_is_taken_notice_of(client_of, token, user, method):
    store = Store()
    client = client_of(token(store=store))
    who(client)
    successor = client.request(method, ROTATE).json()["token"]
    assert store.load() == successor == Token.objects.get().key
    assert who(client) == "token"


@pytest.mark.once
def test_a_rotation_elsewhere_is_found_in_the_store(wire, client_of, token, tmp_path):
    one, two = (client_of(token(store=FileStore(tmp_path / "token"))) for _ in range(2))
    assert [who(one), who(two)] == ["token", "token"]
    assert one.post(ROTATE).status_code == 200
    assert who(two) == "token"
    assert wire.sent[-2:] == [("/whoami/", 401), ("/whoami/", 200)]
    assert two.post(ROTATE).status_code == 200
    assert one.post(ROTATE).status_code == 200
    assert [who(two), who(one)] == ["token", "token"]


@pytest.mark.once
def test_a_token_that_is_refused_is_one_clear_error_each_time(wire, client_of, token):
    client = client_of(token())
    who(client)
    Token.objects.all().delete()
    for path in ("/whoami/", ROTATE, REVOKE):
        with pytest.raises(CredentialError, match=r"the token was refused, log in again: .*Invalid token"):
            client.post(path)
    assert [status for _, status in wire.sent] == [200, 200, 401, 401, 401]


@pytest.mark.once
def test_a_stored_token_that_is_refused_gives_way_to_the_password(wire, client_of, token, user):
    store = Store("0" * 40)
    assert who(client_of(token(store=store))) == "token"
    assert store.load() == user.auth_token.key
    assert [status for _, status in wire.sent] == [401, 200, 200]


@pytest.mark.once
def test_a_password_does_not_bring_back_a_stored_token_that_had_been_good(client_of, token, user):
    client = client_of(token(store=Store(user.auth_token.key)))
    who(client)
    Token.objects.all().delete()
    with pytest.raises(CredentialError, match="the token was refused"):
        client.get("/whoami/")


@pytest.mark.once
def test_a_revoked_token_is_gone_from_the_store(client_of, token):
    store = Store()
    client = client_of(token(store=store))
    who(client)
    assert client.post(REVOKE).status_code == 204
    assert store.load() is None
    for path in ("/whoami/", ROTATE):
        with pytest.raises(CredentialError, match="logged out"):
            client.get(path)


@pytest.mark.once
def test_a_revocation_leaves_the_token_that_another_process_has_stored_since(client_of, token, staff):
    store = Store()
    client = client_of(token(store=store))
    who(client)
    store.save(staff.auth_token.key)
    assert client.post(REVOKE).status_code == 204
    assert store.load() == staff.auth_token.key
    assert client.get("/whoami/").json()["username"] == staff.username


class RotatedOnTheWay(Wire):
    """`others` rotate the token, as often as is said, while a request to /whoami/ is on its way."""

    def __init__(self, httpx, others, times: int):
        super().__init__(httpx)
        self._others, self._times = others, times

    def handle_request(self, request):
        if request.url.path == "/whoami/" and self._times:
            self._times -= 1
            assert self._others.post(ROTATE).status_code == 200
        return super().handle_request(request)


@pytest.mark.once
def test_a_request_goes_again_as_often_as_its_token_is_rotated_by_others_on_the_way(httpx, client_of, token):
    auth = token()
    wire = RotatedOnTheWay(httpx, client_of(auth), 3)
    who(httpx.Client(transport=wire, base_url=BASE, auth=auth))
    assert [status for path, status in wire.sent if path == "/whoami/"] == [401, 401, 401, 200]


@pytest.mark.once
def test_a_rotation_whose_answer_was_lost_costs_the_token(httpx, wire, client_of, token):
    client = client_of(token())
    who(client)
    wire.loses = ROTATE
    with pytest.raises(httpx.ReadError):
        client.post(ROTATE)
    with pytest.raises(CredentialError, match="the token was refused"):
        client.get("/whoami/")
    assert who(client_of(token())) == "token"


@pytest.mark.django_db(transaction=True)
def test_threads_go_on_while_others_rotate(client_of, token):
    client = client_of(token())

    def rotate():
        assert client.post(ROTATE).status_code == 200
        return who(client)

    steps = [rotate] * 4 + [lambda: [who(client) for _ in range(4)][-1]] * (THREADS - 4)
    assert at_once(*steps) == ["token"] * THREADS
    assert who(client) == "token"


# Both, in event loops, too


def asynchronous(httpx, auth, wire: list, *steps):
    """What the steps return, all at once in one event loop."""
    service = httpx.ASGITransport(WsgiToAsgi(Handler()))

    async def note(response):
        wire.append((response.request.url.path, response.status_code))

    async def main():
        hooks = {"response": [note]}
        async with httpx.AsyncClient(transport=service, base_url=BASE, auth=auth, event_hooks=hooks) as client:
            try:
                return await asyncio.gather(*[step(client) for step in steps])
            finally:
                # In the thread that served: no answer was closed there, which would have ended its request.
                await sync_to_async(connections.close_all)()

    return asyncio.run(main())


async def who_async(client) -> str:
    response = await client.get("/whoami/")
    assert response.status_code == 200, response.text
    return response.json()["scheme"]


@pytest.mark.django_db(transaction=True)
def test_of_many_tasks_one_logs_in_and_one_refreshes_in_whichever_event_loop(httpx, clock, bearer, settings):
    settings.JWT_REUSE_GRACE = timedelta(0)
    auth, wire = bearer(), []
    for _ in range(3):
        assert asynchronous(httpx, auth, wire, *[who_async] * THREADS) == ["jwt"] * THREADS
        clock.pass_(minutes=5)
    assert Counter(wire) == {(OBTAIN, 200): 1, (REFRESH, 200): 2, ("/whoami/", 200): 3 * THREADS}
    clock.pass_(minutes=10, awake=False)
    asynchronous(httpx, auth, wire, who_async)

    async def log_out(client):
        return (await client.post(LOGOUT)).status_code

    assert asynchronous(httpx, auth, wire, log_out) == [204]
    with pytest.raises(CredentialError, match="logged out"):
        asynchronous(httpx, auth, wire, who_async)


@pytest.mark.django_db(transaction=True)
def test_tasks_rotate_too(httpx, token):
    async def rotate(client):
        return (await client.post(ROTATE)).status_code

    assert asynchronous(httpx, token(), [], *[rotate] * 4) == [200] * 4


@pytest.mark.once
def test_one_auth_serves_clients_of_both_libraries(clock, bearer, token):
    libraries = [import_module(name) for name in ("httpx", "httpx2")]
    for name, auth in (("jwt", bearer()), ("token", token())):
        for httpx in libraries * 2:
            assert who(httpx.Client(transport=Wire(httpx), base_url=BASE, auth=auth)) == name
            clock.pass_(minutes=5)


_WORK = """
import sys, time
import httpx
from clients.httpx_auth import BearerAuth, FileStore
from config.wsgi import application
base = "http://localhost"
auth = BearerAuth(base, store=FileStore(sys.argv[1]))
with httpx.Client(base_url=base, auth=auth, transport=httpx.WSGITransport(application)) as client:
    for _ in range(12):
        client.get("/whoami/").raise_for_status()
        time.sleep(0.1)
"""


@pytest.mark.once
def test_what_is_saved_is_not_lost_to_another_process_that_looks_at_the_file(tmp_path):
    store = FileStore(tmp_path / "login")
    assert store.acquire()
    store.save("first")
    store.release()
    other = sqlite3.connect(tmp_path / "login", check_same_thread=False, isolation_level=None)
    assert store.acquire()
    store.save("second")
    other.execute("BEGIN")
    other.execute("SELECT text FROM credential").fetchall()
    looked = Timer(0.3, other.close)  # seconds
    looked.start()
    store.release()
    looked.join()
    assert store.acquire()
    assert store.load() == "second"
    store.release()


@pytest.mark.django_db(transaction=True)
def test_processes_that_share_a_file_share_a_login(client_of, bearer, settings, tmp_path):
    """Each refreshes every half second, at grace 0: any token used twice would end the login of all."""
    path = tmp_path / "login"
    who(client_of(bearer(store=FileStore(path))))
    before = RefreshFamily.objects.get()
    name = connections["default"].settings_dict["NAME"]
    sqlite = connections["default"].vendor == "sqlite"
    environment = servers.environment(
        DATABASE_URL=f"sqlite:///{name}" if sqlite else os.environ["DATABASE_URL"].replace("/postgres?", f"/{name}?"),
        SECRET_KEY=settings.SECRET_KEY,
        JWT_ACCESS_LIFETIME="1s",
        JWT_REUSE_GRACE="0",
    )
    command = [sys.executable, "-c", _WORK, path]
    options = {"cwd": servers.ROOT, "env": environment, "stderr": subprocess.PIPE, "text": True}
    with ExitStack() as stack:
        running = [stack.enter_context(processes.group(command, **options)) for _ in range(3)]
        logs = [process.communicate(timeout=600)[1] for process in running]  # seconds
    assert [process.returncode for process in running] == [0] * 3, logs
    # No request was refused on the way, either.
    assert set(re.findall(r"HTTP/1.1 (\d+)", "".join(logs))) == {"200"}
    after = RefreshFamily.objects.get()
    assert after.revoked_at is None
    assert before.current_jti != after.current_jti


def test_a_disk_without_room_is_told_before_anything_is_spent(tmp_path):
    store = FileStore(tmp_path / "login")
    assert store.acquire()
    store.save("kept")
    store.release()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, limits[1]))
    try:
        with pytest.raises(sqlite3.OperationalError):
            store.acquire()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert store.acquire()
    assert store.load() == "kept"
    store.release()
