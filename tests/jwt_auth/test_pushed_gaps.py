"""Ends of logins that were written long ago, at another time of day, or while nobody looked."""

import sqlite3
import threading
import time
from contextlib import closing, contextmanager
from datetime import timedelta

import pytest
import time_machine
from django.db import connection, connections, transaction
from django.utils import timezone

from auth_core.listening import SILENCE
from jwt_auth import models, pushed
from jwt_auth.channels.common import OVERLAP
from jwt_auth.channels.sqlite import FileChannel, _statement
from jwt_auth.models import RefreshFamily
from jwt_auth.pushed import LivingLogins, logins
from jwt_auth.tokens import AccessToken
from tests.support.pushed import another, begin, hear, remember, remembers, wait_until

pytestmark = pytest.mark.usefixtures("transactional_db")
on_sqlite = pytest.mark.skipif(connection.vendor != "sqlite", reason="concerns SQLite only")


@pytest.fixture(autouse=True)
def _without_valkey(settings):
    begin(settings)


@pytest.fixture
def access(user) -> str:
    return str(models.log_in(user).access)


@contextmanager
def ending(access: str, ago: timedelta):
    """End a login with the clock of so long ago; another connection commits it with the block."""
    write, written = threading.Event(), threading.Event()

    def end():
        try:
            with closing(connections["default"].copy()) as own:
                own.set_autocommit(False)
                with own.cursor() as cursor:
                    cursor.execute(
                        f"UPDATE {RefreshFamily._meta.db_table} SET revoked_at = %s, reason = 'logout'",
                        [own.ops.adapt_datetimefield_value(timezone.now() - ago)],
                    )
                written.set()
                assert write.wait(60)
                own.commit()
        finally:
            written.set()

    thread = threading.Thread(target=end)
    thread.start()
    assert written.wait(60)
    try:
        yield
    finally:
        write.set()
        thread.join()


# --- readings -------------------------------------------------------------------------------------


def test_an_end_that_began_to_be_written_long_before_this_process_listened_is_heard(access):
    """SQLite has one writer, which may hold its transaction open for longer than OVERLAP."""
    other = LivingLogins()
    try:
        with ending(access, 3 * OVERLAP):
            other._channel.listen()
            remember(other, access)  # which lives until the other transaction commits
        wait_until(lambda: not remembers(other, access), seconds=10)
    finally:
        other.close()


@on_sqlite
def test_an_end_that_was_written_while_the_listener_was_stopped_is_heard(access):
    """A process may be stopped for minutes between the file's change and its look at it."""
    with another() as other:
        remember(other, access)
        channel = other._channel
        looking, go_on = threading.Event(), threading.Event()
        look = channel._look

        def late(*arguments):
            channel._look = look
            looking.set()
            assert go_on.wait(60)
            return look(*arguments)

        models.living().update(label="x")  # the change at which it is stopped
        channel._look = late
        assert looking.wait(60)
        with ending(access, 3 * OVERLAP):
            time.sleep(SILENCE + 0.5)
            go_on.set()
            wait_until(lambda: channel.is_heard(time.monotonic()))
            remember(other, access)
        wait_until(lambda: not remembers(other, access), seconds=10)


@on_sqlite
def test_a_look_reads_what_ended_only_where_the_file_changed(access):
    models.end(models.LOGOUT, pk=AccessToken(access).sid)
    dropped = []
    channel = FileChannel("default", dropped.extend, gap=lambda: dropped.append("all"))
    with connection.cursor() as cursor:
        (version,) = cursor.execute("PRAGMA data_version").fetchone()
    assert channel._look(connection, version) == version
    assert dropped == []
    assert channel._look(connection, version - 1) == version
    assert dropped == ["all"]
    assert channel._look(connection, version - 1) == version
    assert dropped == ["all", AccessToken(access).sid.hex]


@on_sqlite
def test_a_look_is_one_statement_by_the_index():
    statement, parameters = _statement(timezone.now(), connection)
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {statement.replace('?', '%s')}", (0, *parameters))
        plan = "\n".join(str(row) for row in cursor.fetchall())
    assert "jwt_auth_login_ended" in plan
    assert "jwt_auth_deletedlogin_deleted_at" in plan


@on_sqlite
def test_a_file_that_cannot_be_read_counts_as_away(access, caplog):
    with another() as other:
        remember(other, access)

        def fail(*arguments):
            raise sqlite3.DatabaseError("database disk image is malformed")

        with caplog.at_level("WARNING", "auth_core.listening"):
            other._channel._look = fail
            wait_until(lambda: "malformed" in caplog.text)
        assert not remembers(other, access)


@on_sqlite
def test_a_listener_whose_look_does_not_end_is_unheard(access):
    with another() as other:
        remember(other, access)
        go_on = threading.Event()
        other._channel._look = lambda connection, version: go_on.wait(60) and version
        try:
            wait_until(lambda: not remembers(other, access), seconds=5)
            assert len(other) == 1
        finally:
            go_on.set()


@pytest.mark.parametrize("minutes", [-600, -10, 10, 600])
def test_an_end_is_heard_whatever_was_done_to_the_clock(access, minutes):
    sid = AccessToken(access).sid
    with another() as other:
        remember(other, access)
        with time_machine.travel(timezone.now() + timedelta(minutes=minutes)):
            models.end(models.LOGOUT, pk=sid)
            wait_until(lambda: sid.hex not in other.entries.by_key, seconds=10)


# --- a reader that is slow to store ---------------------------------------------------------------


@contextmanager
def held(those: LivingLogins, access: str, monkeypatch):
    """Hold a reader in a thread between its query and its storing, until the block ends."""
    has_read, go, read = threading.Event(), threading.Event(), pushed._user_of

    def slowly(token):
        user = read(token)
        has_read.set()
        assert go.wait(60)
        return user

    def reader():
        try:
            those.user_of(AccessToken(access))
        finally:
            has_read.set()
            connections.close_all()

    with monkeypatch.context() as patch:
        patch.setattr(pushed, "_user_of", slowly)
        thread = threading.Thread(target=reader)
        thread.start()
        assert has_read.wait(60)
    try:
        yield
    finally:
        go.set()
        thread.join()


def test_a_reader_that_stores_late_stores_nothing_that_ended_in_its_own_process(access, monkeypatch):
    hear(logins)
    with held(logins, access, monkeypatch):
        models.end(models.LOGOUT, pk=AccessToken(access).sid)
    assert len(logins) == 0


def test_a_reader_that_stores_late_stores_nothing_that_ended_in_another(access, monkeypatch):
    with another() as other:
        drops = other.entries.drops
        with held(other, access, monkeypatch):
            models.end(models.LOGOUT, pk=AccessToken(access).sid)
            wait_until(lambda: other.entries.drops > drops, seconds=10)
        assert len(other) == 0


def test_a_reader_that_stores_late_stores_nothing_after_a_gap(access, monkeypatch):
    with another() as other:
        with held(other, access, monkeypatch):
            other.entries.drop_all()
        assert len(other) == 0


def test_nothing_that_was_read_in_a_transaction_is_remembered(access):
    hear(logins)
    with transaction.atomic():
        logins.user_of(AccessToken(access))
        assert len(logins) == 0
    logins.user_of(AccessToken(access))
    assert len(logins) == 1
