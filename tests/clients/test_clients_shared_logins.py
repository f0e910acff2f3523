"""Processes, threads and tasks that share one login through clients/httpx_auth.py."""

import asyncio
import os
import re
import resource
import sqlite3
import subprocess
import sys
from collections import Counter
from contextlib import ExitStack
from datetime import timedelta
from importlib import import_module
from threading import Timer

import pytest
from asgiref.sync import sync_to_async
from asgiref.wsgi import WsgiToAsgi
from django.db import connections

from clients.httpx_auth import BearerAuth, CredentialError, FileStore, Store
from config.handler import Handler
from jwt_auth import models
from jwt_auth.models import RefreshFamily
from tests.support import processes, servers
from tests.support.threads import at_once
from tests.support.wire import BASE, LOGOUT, OBTAIN, REFRESH, ROTATE, THREADS, Wire, who


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
    assert who(one) == "jwt"  # clients that share a store share a login


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


def asynchronous(httpx, auth, wire: list, *steps):
    """Run the steps at the same time in one event loop, and return what they return."""
    service = httpx.ASGITransport(WsgiToAsgi(Handler()))

    async def note(response):
        wire.append((response.request.url.path, response.status_code))

    async def main():
        hooks = {"response": [note]}
        async with httpx.AsyncClient(transport=service, base_url=BASE, auth=auth, event_hooks=hooks) as client:
            try:
                return await asyncio.gather(*[step(client) for step in steps])
            finally:
                # Close them in the thread that served. No response was closed there, which would
                # have ended its request.
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
    """Each process refreshes every half second, at grace 0. A token used twice ends the login."""
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
    # The service refused no request.
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
