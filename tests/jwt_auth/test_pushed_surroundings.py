"""What surrounds `jwt-pushed` in a project: routers, transactions by hand, custom users, limits."""

import threading
from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.core.serializers import deserialize, serialize
from django.db import connections, transaction
from django.utils import timezone

from jwt_auth import channels, models
from jwt_auth.pushed import logins
from jwt_auth.tokens import AccessToken
from tests.support.pushed import HIT, MISS, asked, begin, hear, remember, remembers

pytestmark = pytest.mark.usefixtures("heard")


@pytest.fixture
def access(pair) -> str:
    return pair["access"]


# --- databases and transactions -------------------------------------------------------------------


class Tenants:
    """A router that chooses the database of the tenant whose request it is."""

    tenant = "default"

    def db_for_read(self, model, **hints):
        return self.tenant

    db_for_write = db_for_read


def test_a_login_remembered_in_one_tenants_database_opens_no_other_tenants(settings, access, monkeypatch):
    monkeypatch.setitem(connections.databases, "other", connections.databases["default"])
    router = Tenants()
    settings.DATABASE_ROUTERS = [router]
    remember(logins, access)
    router.tenant = "other"
    with pytest.raises(AssertionError, match="connections to 'other'"):  # which a test must not ask
        logins.user_of(AccessToken(access))
    router.tenant = "default"
    assert remembers(logins, access)


def test_nothing_that_was_read_while_the_project_commits_by_hand_is_remembered(access):
    transaction.set_autocommit(False)
    try:
        logins.user_of(AccessToken(access))
        assert len(logins) == 0
    finally:
        transaction.rollback()
        transaction.set_autocommit(True)


def test_a_deleted_login_that_was_loaded_again_leaves_a_new_note(access):
    """A backup brings it back. Its second deletion must be found by whoever reads the notes."""
    family = models.RefreshFamily.objects.get(pk=AccessToken(access).sid)
    backup = serialize("json", [family])
    family.delete()
    long_ago = timezone.now() - timedelta(hours=1)
    models.DeletedLogin.objects.update(deleted_at=long_ago)
    for loaded in deserialize("json", backup):
        loaded.save()
    remember(logins, access)
    models.RefreshFamily.objects.all().delete()
    assert models.DeletedLogin.objects.get().deleted_at > long_ago


def test_logins_that_a_join_finds_twice_are_deleted(user, access):
    user.groups.set([Group.objects.create(name=name) for name in ("a", "b")])
    found = models.RefreshFamily.objects.filter(user__groups__name__in=["a", "b"])
    assert found.count() == 2
    found.delete()
    assert not models.RefreshFamily.objects.exists()
    assert models.DeletedLogin.objects.count() == 1


# --- users ----------------------------------------------------------------------------------------


def until_the_end_of_the_contract(user) -> bool:
    return True


@pytest.mark.parametrize(
    ("is_active", "is_remembered"), [(True, True), (property(until_the_end_of_the_contract), False)]
)
def test_users_whose_activity_is_computed_are_read(monkeypatch, is_active, is_remembered):
    """Nobody announces that such a user is no longer active."""
    users = get_user_model()
    fields = [field for field in users._meta.local_concrete_fields if field.name != "is_active"]
    monkeypatch.setitem(users._meta.__dict__, "local_concrete_fields", tuple(fields))
    monkeypatch.setattr(users, "is_active", is_active)
    reason = "is_active is no column of auth.User, so nobody announces its change"
    assert channels.why_not() == (None if is_remembered else reason)


# --- limits ---------------------------------------------------------------------------------------


def test_a_request_is_answered_when_no_thread_can_be_started(settings, pushed_door, access, caplog):
    begin(settings)
    before = threading.stack_size(2**46)  # more than there is
    try:
        assert [asked(pushed_door, access) for _ in range(3)] == [MISS] * 3
    finally:
        threading.stack_size(before)
    assert [record.getMessage().rpartition(": ")[2] for record in caplog.records] == ["can't start new thread"]
    hear()
    remember(logins, access)
    assert asked(pushed_door, access) == HIT
