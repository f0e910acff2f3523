"""Every transaction locks the user's row before the user's tokens and logins, so none deadlock."""

import re
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from io import StringIO
from threading import Barrier, BrokenBarrierError

import pytest
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.db import connection, connections, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.authtoken.models import Token

from auth_core import revocation
from jwt_auth import models as logins
from jwt_auth.models import RefreshFamily
from tests.support.stock import postgresql_only
from tokens import hashed, models
from tokens.models import HashedToken

User = get_user_model()
LOCKS = re.compile(r"^(UPDATE|DELETE)|FOR (NO KEY )?UPDATE")


@pytest.fixture
def ada(user, settings):
    """Return a user with a login, an expired token of each kind, and a token whose use is noted."""
    settings.TOKEN_LIFETIME = timedelta(days=1)
    models.obtain(user)
    hashed.obtain(user)
    logins.log_in(user)
    Token.objects.update(created=timezone.now() - timedelta(days=400))
    HashedToken.objects.update(created=timezone.now() - timedelta(days=400))
    user.token = hashed.obtain(user)
    user.token.last_used -= timedelta(hours=1)
    user.token.save()
    return user


# --- steps that may happen at any moment ----------------------------------------------------------


def change_password(user):
    user = User.objects.get(pk=user.pk)
    user.set_password("another one entirely")
    user.save()


def deactivate(user):
    user = User.objects.get(pk=user.pk)
    user.is_active = False
    user.save()


def delete(user):
    User.objects.get(pk=user.pk).delete()


def log_out_everywhere(user):
    revocation.revoke_all_credentials(user.pk, revocation.LOGOUT_EVERYWHERE)


def use_a_token_and_log_out_everywhere(user):
    """Use a token and log out in one transaction, as ATOMIC_REQUESTS does."""
    hashed.note_use(user.token)
    log_out_everywhere(user)


def obtain(user):
    models.obtain(user)


def obtain_a_hashed_token(user):
    hashed.obtain(user)


def log_in(user):
    logins.log_in(user)


def move(user):
    call_command("move_drf_tokens", "--force", stdout=StringIO())


def reset_by_the_command(user):
    call_command("drf_create_token", "-r", user.username, stdout=StringIO())


def act(model, action):
    """Run an action of the admin on every row."""

    def step(user):
        admin = Client()
        admin.force_login(User.objects.get_or_create(username="grace", is_staff=True, is_superuser=True)[0])
        rows = model._base_manager.filter(user=user)
        # The admin's page of opaque tokens identifies them by their users.
        chosen = [user.pk] if model is models.OpaqueToken else list(rows.values_list("pk", flat=True))
        page = f"/admin/{model._meta.app_label}/{model._meta.model_name}/"
        assert admin.post(page, {"action": action, "_selected_action": chosen, "post": "yes"}).status_code == 302

    step.__name__ = f"{action}_{model.__name__}"
    return step


STEPS = [
    change_password,
    deactivate,
    delete,
    log_out_everywhere,
    use_a_token_and_log_out_everywhere,
    obtain,
    obtain_a_hashed_token,
    log_in,
    move,
    reset_by_the_command,
    act(models.OpaqueToken, "rotate"),
    act(models.OpaqueToken, "revoke"),
    act(HashedToken, "delete_selected"),
    act(RefreshFamily, "end"),
    act(RefreshFamily, "delete_selected"),
]


@postgresql_only
@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.__name__)
def test_the_users_row_is_locked_first(ada, step):
    with CaptureQueriesContext(connection) as captured:
        step(ada)
    locking = [query["sql"] for query in captured if LOCKS.search(query["sql"])]
    # Ignore the session, which locks its own row only, and `last_login` of the forced login.
    ours = [
        sql for sql in locking if "django_session" not in sql and not sql.startswith('UPDATE "auth_user" SET "last')
    ]
    assert re.search(r'FROM "auth_user" .* FOR (NO KEY )?UPDATE', ours[0]), ours


# --- two steps at the same moment, each after its first lock --------------------------------------


def pause_after_first_lock(barrier):
    """Return a wrapper of statements that waits after its first lock.

    It waits for the other transaction's lock or for its own second one.
    """
    has_paused = False

    def wrapper(execute, sql, params, many, context):
        nonlocal has_paused
        result = execute(sql, params, many, context)
        if LOCKS.search(sql) and not has_paused:
            has_paused = True
            with suppress(BrokenBarrierError):  # the other side waits for this lock, as it should
                barrier.wait(timeout=1)
        return result

    return wrapper


PAIRS = [
    (change_password, obtain_a_hashed_token),
    (change_password, obtain),
    (deactivate, log_out_everywhere),
    (use_a_token_and_log_out_everywhere, log_out_everywhere),
    (delete, move),
    (delete, log_in),
]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: " and ".join(step.__name__ for step in pair))
def test_two_transactions_that_hold_a_lock_each_do_not_deadlock(ada, pair):
    """On SQLite the second transaction waits at its beginning."""
    barrier = Barrier(2)

    def run(step):
        try:
            with transaction.atomic(), connection.execute_wrapper(pause_after_first_lock(barrier)):
                step(ada)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(2) as pool:
        for future in [pool.submit(run, step) for step in pair]:
            future.result(timeout=30)


@postgresql_only
@pytest.mark.django_db(transaction=True)
def test_flush_leaves_a_login_that_somebody_has_locked_to_the_next_run(ada):
    logins.log_in(ada)
    RefreshFamily.objects.update(refresh_expires_at=timezone.now() - timedelta(days=400))
    locked = RefreshFamily.objects.order_by("pk").first()

    def flush() -> str:
        out = StringIO()
        try:
            with connection.cursor() as cursor:
                cursor.execute("SET lock_timeout = '5s'")
            call_command("flush_refresh_families", stdout=out)
        finally:
            connections.close_all()
        return out.getvalue()

    with transaction.atomic(), ThreadPoolExecutor(1) as pool:
        logins.end(logins.LOGOUT, pk=locked.pk)
        assert pool.submit(flush).result(timeout=30) == "1 expired logins deleted\n"
    assert flush() == "1 expired logins deleted\n"
