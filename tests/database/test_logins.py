"""A login while its account changes: one statement decides, and later changes end its result."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import make_password
from django.db import connection, connections, transaction
from django.db.models.signals import post_save, pre_save
from django.test.utils import CaptureQueriesContext
from rest_framework.authtoken.models import Token

from jwt_auth import models as logins
from jwt_auth.models import RefreshFamily
from tests.support.accounts import PASSWORD, change_password, deactivate, delete
from tests.support.clients import new_client
from tokens import hashed, models
from tokens.models import HashedToken

COMMITTED = pytest.mark.django_db(transaction=True)
User = get_user_model()
LOGIN = {"username": "ada", "password": PASSWORD}


def first_token(user):
    return models.obtain(user)


def hashed_token(user):
    return hashed.obtain(user)


def pair(user):
    return logins.log_in(user)


KINDS = [first_token, hashed_token, pair]
each_kind = pytest.mark.parametrize("issue", KINDS)


@pytest.fixture
def ada(user):
    """Return a user without a credential, as the check of the password leaves it."""
    Token.objects.all().delete()
    return User.objects.get(pk=user.pk)


def living() -> int:
    """Return how many credentials have not ended."""
    return Token.objects.count() + HashedToken.objects.count() + RefreshFamily.objects.filter(revoked_at=None).count()


def in_a_thread(step, *arguments):
    try:
        return step(*arguments)
    finally:
        connections.close_all()


def has_to_wait(future) -> bool:
    threading.Event().wait(0.3)
    return not future.done()


# --- statements -----------------------------------------------------------------------------------


@COMMITTED
def test_a_login_for_a_token_that_is_there_reads_twice_and_locks_nothing(user):
    models.obtain(user)
    with CaptureQueriesContext(connection) as captured:
        assert new_client().post("/api-token-auth/", LOGIN).status_code == 200
    statements = [query["sql"] for query in captured]
    assert len(statements) == 2
    assert all(each.startswith("SELECT") and "FOR " not in each for each in statements)


@COMMITTED
def test_a_login_for_a_pair_reads_the_user_and_inserts(user):
    with CaptureQueriesContext(connection) as captured:
        assert new_client().post("/api/token/", LOGIN).status_code == 200
    assert [query["sql"].split()[0] for query in captured] == ["SELECT", "INSERT"]


@COMMITTED
def test_a_first_login_for_a_token_inserts_without_looking_again(ada):
    with CaptureQueriesContext(connection) as captured:
        assert new_client().post("/api-token-auth/", LOGIN).status_code == 200
    # A transaction, since tokens/signals.py listens to what is saved.
    assert [query["sql"].split()[0] for query in captured] == ["SELECT", "SELECT", "BEGIN", "INSERT", "COMMIT"]


# --- what came before the login -------------------------------------------------------------------


def renew_behind_the_signals(user):
    User.objects.filter(pk=user.pk).update(password=make_password(PASSWORD))


def deactivate_behind_the_signals(user):
    User.objects.filter(pk=user.pk).update(is_active=False)


CHANGES = [change_password, deactivate, delete, renew_behind_the_signals, deactivate_behind_the_signals]
each_change = pytest.mark.parametrize("change", CHANGES)


@each_kind
@each_change
@pytest.mark.django_db
def test_a_change_before_the_login_refuses_it(ada, issue, change):
    change(User.objects.get(pk=ada.pk))
    assert issue(ada) is None
    assert living() == 0


@pytest.mark.django_db
@each_change
def test_a_change_before_the_login_refuses_the_token_that_is_there(ada, change):
    before = models.obtain(ada)
    change(User.objects.get(pk=ada.pk))
    assert models.obtain(ada) is None
    assert not User.objects.filter(auth_token=before, is_active=True, password=ada.password).exists()


# --- a change that has not been committed ---------------------------------------------------------


@COMMITTED
@each_kind
@each_change
@pytest.mark.parametrize("is_committed", [True, False])
def test_a_login_waits_for_a_change_and_then_knows_it(ada, issue, change, is_committed):
    with before_the_commit_of(change, is_committed) as login:
        future = login(issue, ada)
    assert (future.result(timeout=30) is None) is is_committed
    assert living() == (0 if is_committed else 1)


@contextmanager
def before_the_commit_of(change, is_committed):
    """Yield a function that begins a login in another thread while a change is not committed."""
    with ThreadPoolExecutor(1) as pool, transaction.atomic():
        change(User.objects.get(username="ada"))

        def login(issue, user):
            future = pool.submit(in_a_thread, issue, user)
            assert has_to_wait(future)
            return future

        yield login
        transaction.set_rollback(not is_committed)


@COMMITTED
@pytest.mark.parametrize("change", [change_password, deactivate, delete])
def test_a_change_waits_for_a_login_and_then_ends_what_it_issued(ada, change):
    for issue in KINDS:
        user = User.objects.get_or_create(username="ada")[0]
        user.is_active = True
        user.set_password(PASSWORD)
        user.save()
        Token.objects.all().delete()
        with ThreadPoolExecutor(1) as pool:
            with transaction.atomic():
                assert issue(user) is not None
                future = pool.submit(in_a_thread, change, User.objects.get(pk=user.pk))
                assert has_to_wait(future)
            future.result(timeout=30)
        assert living() == 0


@COMMITTED
@pytest.mark.parametrize("change", [change_password, deactivate, delete])
def test_a_token_that_is_there_ends_with_the_change_that_its_login_did_not_wait_for(ada, change):
    """On SQLite the login reads what was committed, as on PostgreSQL."""
    key = models.obtain(ada).key
    with ThreadPoolExecutor(1) as pool, transaction.atomic():
        change(User.objects.get(pk=ada.pk))
        assert pool.submit(in_a_thread, models.obtain, ada).result(timeout=30).key == key
    assert new_client().get("/whoami/", headers={"Authorization": f"Token {key}"}).status_code == 401
    assert living() == 0


# --- who listens ----------------------------------------------------------------------------------


@pytest.fixture
def heard():
    """Yield a function that has a receiver listen to a model's signals until the test ends."""
    connected = []

    def listen(signal, model, receiver):
        signal.connect(receiver, sender=model, weak=False)
        connected.append((signal, model, receiver))

    yield listen
    for signal, model, receiver in connected:
        signal.disconnect(receiver, sender=model)


@pytest.mark.django_db
@pytest.mark.parametrize(("model", "issue"), [(Token, first_token), (RefreshFamily, pair)])
def test_signals_are_sent_as_save_sends_them(ada, heard, model, issue):
    seen, names = [], ("raw", "using", "update_fields", "created")

    def receive(signal, sender, instance, **kwargs):
        stored = model.objects.filter(pk=instance.pk).exists()
        seen.append((instance._state.adding, stored, {name: kwargs[name] for name in names if name in kwargs}))

    heard(pre_save, model, receive)
    heard(post_save, model, receive)
    issue(ada)
    by_login = list(seen)
    assert [stored for _, stored, _ in by_login] == [False, True]
    seen.clear()
    stored = model.objects.get()
    stored.delete()
    stored.save(force_insert=True)
    assert [kwargs for *_, kwargs in seen] == [kwargs for *_, kwargs in by_login]
    assert by_login[1][0] is False


@COMMITTED
@pytest.mark.parametrize(("model", "issue"), [(Token, first_token), (RefreshFamily, pair)])
def test_an_error_of_a_receiver_undoes_the_login(ada, heard, model, issue):
    def refuse(**kwargs):
        raise ZeroDivisionError

    heard(post_save, model, refuse)
    with pytest.raises(ZeroDivisionError):
        issue(ada)
    assert living() == 0


# --- other databases --------------------------------------------------------------


class ReadsElsewhere:
    """A router that reads tokens from a database that does not exist."""

    def db_for_read(self, model, **hints):
        return "replica" if model is Token else None


@pytest.mark.django_db
def test_a_token_is_not_read_from_a_replica(user, settings):
    settings.DATABASE_ROUTERS = [ReadsElsewhere()]
    assert models.obtain(user) is not None
