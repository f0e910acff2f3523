"""The token cache of one process and its threads: what it stores, and when it drops it."""

import time
import tracemalloc
from datetime import timedelta

import pytest
import time_machine
from django.db import transaction
from django.urls import reverse
from django.utils import timezone
from rest_framework.authtoken.models import Token

from benchmarks.processes.clock import Clock
from tests.support.accounts import PASSWORD
from tests.support.caches import (
    ENDINGS,
    HIT,
    MISS,
    REFUSED,
    User,
    asked,
    begin,
    change_password,
    deactivate,
    delete_user,
    held,
    read,
    revoke,
    rotate,
)
from tokens import cache as module
from tokens.cache import token_cache
from tokens.entries import Entry

pytestmark = pytest.mark.usefixtures("empty_token_cache")


@pytest.fixture
def door(door_to):
    return door_to("token-cached")


# --- in one process -------------------------------------------------------------------------------


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
    assert key not in repr(token_cache.entries.by_key)
    assert key.encode().hex() not in repr(token_cache.entries.by_key)


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
        User.objects.filter(auth_token__key=key).update(is_active=False)  # sends no signal
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
    token_cache.entries.put(token_cache._digest(key), (time.monotonic(), Entry.of(user, Token.objects.get())), 0)
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
    with django_assert_num_queries(2):  # the query whether the save revokes credentials, and the UPDATE
        user.save(update_fields=["is_active"])


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
