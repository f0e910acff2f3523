"""The living logins of one process: what it remembers, and when it drops it."""

import threading
import time
import tracemalloc
from uuid import uuid4

import pytest
from django.contrib.auth import get_user_model
from django.db import connections, transaction
from rest_framework_simplejwt.exceptions import TokenError

from jwt_auth import models
from jwt_auth import pushed as module
from jwt_auth.pushed import LivingLogins, logins
from jwt_auth.tokens import AccessToken
from tests.support.pushed import ENDINGS, HIT, MISS, REFUSED, another, asked, log_in, remember, remembers, wait_until
from tests.support.threads import at_once

pytestmark = pytest.mark.usefixtures("heard")


def test_a_hit_takes_no_query(pushed_door, pair):
    assert [asked(pushed_door, pair["access"]) for _ in range(3)] == [MISS, HIT, HIT]


@pytest.mark.parametrize(("path", "statements"), [("/whoami/", 0), ("/tracks/", 1), ("/tracks/?owner=me", 1)])
def test_a_hit_makes_the_statements_of_its_view_alone(pushed_door, pair, path, statements):
    remember(logins, pair["access"])
    assert asked(pushed_door, pair["access"], path) == (200, statements)


def test_the_next_access_token_of_the_login_is_a_hit_too(pushed_door, pair):
    remember(logins, pair["access"])
    access = pushed_door.client.post("/api/token/refresh/", {"refresh": pair["refresh"]}).json()["access"]
    assert asked(pushed_door, access) == HIT


def test_a_token_that_says_another_user_is_no_hit(pushed_door, pair, staff):
    remember(logins, pair["access"])
    token = AccessToken(pair["access"])
    token.payload["user_id"] = str(staff.pk)
    assert asked(pushed_door, str(token)) == (REFUSED, 2)  # as by jwt, whose second query says why
    assert asked(pushed_door, pair["access"]) == HIT


def test_refusals_are_not_remembered(pushed_door, pair):
    token = AccessToken(pair["access"])
    for _ in range(3):
        token.payload["sid"] = uuid4().hex
        assert asked(pushed_door, str(token)) == (REFUSED, 2)
    assert len(logins) == 0


def test_the_number_of_entries_is_bounded_and_the_ones_used_last_stay(pushed_door, user, monkeypatch):
    monkeypatch.setattr(module, "ENTRIES", 3)
    a, b, c, d = (log_in(user)["access"] for _ in range(4))
    for access in (a, b, c, a, d):
        remember(logins, access)
        asked(pushed_door, access)
    assert len(logins) == 3
    assert [asked(pushed_door, access) for access in (a, c, d, b)] == [HIT, HIT, HIT, MISS]


def test_ends_of_unknown_logins_take_no_memory():
    logins.entries.drop([uuid4().hex])
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for _ in range(100_000):
            logins.entries.drop([uuid4().hex])
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before < 50_000  # bytes; what other threads do in between counts, too


def test_an_entry_takes_400_bytes_at_the_most():
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for key in range(10_000):
            logins.entries.put(uuid4().hex, (str(key), key), logins.entries.drops)
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (after - before) / len(logins) <= 400


# --- ends -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ENDINGS)
def test_what_ends_a_login_ends_it_here_at_once_and_elsewhere_soon(pushed_door, user, pair, ending):
    keeper = log_in(get_user_model().objects.create_user("eve"))["access"]
    with another() as other:
        for those, access in ((logins, pair["access"]), (logins, keeper), (other, pair["access"])):
            remember(those, access)
        ending(pushed_door, user, pair)
        assert asked(pushed_door, pair["access"])[0] == REFUSED
        wait_until(lambda: not remembers(other, pair["access"]))
        assert len(other) == 0
        assert asked(pushed_door, keeper) == HIT


@pytest.mark.parametrize("ending", ENDINGS)
def test_what_is_rolled_back_ends_nothing_and_forgets_nothing(pushed_door, user, pair, ending):
    remember(logins, pair["access"])
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        ending(pushed_door, user, pair)
        raise ZeroDivisionError
    assert asked(pushed_door, pair["access"]) == HIT
    assert models.DeletedLogin.objects.count() == 0


def test_an_end_counts_when_it_is_committed_and_not_before(pushed_door, pair):
    remember(logins, pair["access"])
    with transaction.atomic():
        assert models.end(models.LOGOUT, pk=AccessToken(pair["access"]).sid)
        assert asked(pushed_door, pair["access"]) == HIT
    assert asked(pushed_door, pair["access"])[0] == REFUSED


def test_what_is_read_in_a_transaction_is_not_remembered(pushed_door, pair):
    with transaction.atomic():
        assert [asked(pushed_door, pair["access"]) for _ in range(2)] == [MISS, MISS]
    assert len(logins) == 0


def test_what_is_read_from_another_database_is_not_remembered(pushed_door, pair, monkeypatch):
    """A router may have chosen a replica, which may be behind what this process hears."""
    read = module._user_of

    def from_a_replica(token):
        user = read(token)
        user._state.db = "replica"
        return user

    monkeypatch.setattr(module, "_user_of", from_a_replica)
    assert [asked(pushed_door, pair["access"]) for _ in range(2)] == [MISS, MISS]
    assert len(logins) == 0


def in_a_thread(function):
    def run():
        try:
            function()
        finally:
            connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def test_a_reader_that_stores_late_brings_nothing_back(pushed_door, user, pair, monkeypatch):
    has_read, go, read = threading.Event(), threading.Event(), module._user_of

    def slowly(token):
        found = read(token)
        has_read.set()
        assert go.wait(60)
        return found

    monkeypatch.setattr(module, "_user_of", slowly)
    thread = in_a_thread(lambda: logins.user_of(AccessToken(pair["access"])))
    assert has_read.wait(60)
    models.end(models.LOGOUT, pk=AccessToken(pair["access"]).sid)
    go.set()
    thread.join()
    assert len(logins) == 0


@pytest.mark.parametrize("ending", ENDINGS)
def test_requests_beside_an_end_are_refused_after_it(pushed_door, user, pair, ending):
    """Threads ask all the time: whatever is remembered meanwhile is gone after the end."""
    token, stop, ended = AccessToken(pair["access"]), threading.Event(), threading.Event()
    late, refused = [], []

    def ask():
        while not stop.is_set():
            is_late = ended.is_set()
            try:
                logins.user_of(token)
            except TokenError:
                refused.append(is_late)
            else:
                late.append(is_late)

    threads = [in_a_thread(ask) for _ in range(3)]
    wait_until(lambda: late)
    ending(pushed_door, user, pair)
    ended.set()
    wait_until(lambda: any([*refused, *late]))
    stop.set()
    for thread in threads:
        thread.join()
    assert not any(late)


@pytest.mark.parametrize(("ago", "notes"), [(models.MARGIN, 0), (models.MARGIN / 2, 1)])
def test_a_login_whose_access_token_may_still_live_leaves_a_note_when_it_is_deleted(user, pair, ago, notes):
    models.RefreshFamily.objects.update(refresh_expires_at=models.timezone.now() - ago)
    models.RefreshFamily.objects.all().delete()
    assert models.DeletedLogin.objects.count() == notes


def test_logins_are_deleted_where_the_router_writes(user, pair, settings):
    class Behind:
        def db_for_read(self, model, **hints):
            return "replica"

    settings.DATABASE_ROUTERS = [Behind()]
    assert models.RefreshFamily.objects.filter(user=user).delete()[0] == 1
    assert models.DeletedLogin.objects.using("default").count() == 1


def test_two_deletions_of_a_login_at_once_leave_one_note(user):
    for _ in range(10):
        log_in(user)
        at_once(*[models.RefreshFamily.objects.filter(user=user).delete] * 3)
    assert models.RefreshFamily.objects.count() == 0
    assert models.DeletedLogin.objects.count() == 10


def test_the_end_of_one_login_is_one_statement(pair, django_assert_num_queries):
    remember(logins, pair["access"])
    with django_assert_num_queries(1):
        assert models.end(models.LOGOUT, pk=AccessToken(pair["access"]).sid) == 1


def test_an_announcement_that_fails_undoes_no_logout(pushed_door, pair, monkeypatch):
    def fail(sids):
        raise ZeroDivisionError

    remember(logins, pair["access"])
    monkeypatch.setattr(logins._channel, "announce", fail)
    log_out = pushed_door.client.post("/api/token/logout/", {"refresh": pair["refresh"]})
    assert log_out.status_code == 204
    assert asked(pushed_door, pair["access"])[0] == REFUSED


def test_a_process_without_the_row_that_remembers_nothing_reads_no_ids(user, pair, django_assert_num_queries):
    logins.close()
    with django_assert_num_queries(1):
        assert models.end(models.LOGOUT, user_id=user.pk) == 1


def test_new_logins_begin_empty_and_unheard():
    fresh = LivingLogins()
    assert len(fresh) == 0
    assert not fresh._channel.is_heard(time.monotonic())
