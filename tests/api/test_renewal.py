"""Django's renewal of a hash during a password check does not count as a change of password.

Any other new hash does, no matter what code writes it.
"""

from io import StringIO

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth import aauthenticate, authenticate
from django.contrib.auth.hashers import make_password
from django.core.management import call_command
from django.db import connection
from django.db.models.signals import pre_save
from django.test import Client
from django.test.utils import CaptureQueriesContext

from config.schemes import SCHEMES
from jwt_auth import models as logins
from tests.support.accounts import PASSWORD
from tests.support.renewal import LOGIN, NEW, User, a_proxy
from tokens import models as tokens


def stored() -> str:
    return User.objects.values_list("password", flat=True).get(username="ada")


# --- every place that checks a password -----------------------------------------------------------


def by_opaque_login(door_to, settings):
    assert door_to("token").client.post("/api-token-auth/", LOGIN).status_code == 200


def by_stock_opaque_login(door_to, settings):
    assert door_to("drf-token").client.post("/api-token-auth/", LOGIN).status_code == 200


def by_hashed_login(door_to, settings):
    assert door_to("token-hashed").client.post("/api-token-auth/", LOGIN).status_code == 200


def by_bearer_login(door_to, settings):
    assert door_to("jwt").client.post("/api/token/", LOGIN).status_code == 200


def by_stock_bearer_login(door_to, settings):
    assert door_to("simplejwt").client.post("/api/token/", LOGIN).status_code == 200


def by_the_admin(door_to, settings):
    settings.ROOT_URLCONF = "config.urls"
    User.objects.update(is_staff=True)
    client = Client()
    assert client.post("/admin/login/", LOGIN).status_code == 302
    assert client.get("/admin/").status_code == 200  # the session knows the renewed hash


def by_the_admins_page_for_another_password_that_is_refused(door_to, settings):
    settings.ROOT_URLCONF = "config.urls"
    User.objects.update(is_staff=True)
    client = Client()
    client.force_login(User.objects.get())
    typed = {"old_password": PASSWORD, "new_password1": NEW, "new_password2": "not the same"}
    assert client.post("/admin/password_change/", typed).status_code == 200  # the form is shown again


def by_authenticate(door_to, settings):
    assert authenticate(**LOGIN).password == stored()


def by_aauthenticate(door_to, settings):
    assert async_to_sync(aauthenticate)(**LOGIN).password == stored()


def by_a_question(door_to, settings):
    assert User.objects.get().check_password(PASSWORD)


def by_an_asynchronous_question(door_to, settings):
    assert async_to_sync(User.objects.get().acheck_password)(PASSWORD)


def by_a_proxy(door_to, settings):
    assert a_proxy().objects.get().check_password(PASSWORD)


DOORS = [
    by_opaque_login,
    by_stock_opaque_login,
    by_hashed_login,
    by_bearer_login,
    by_stock_bearer_login,
    by_the_admin,
    by_the_admins_page_for_another_password_that_is_refused,
    by_authenticate,
    by_aauthenticate,
    by_a_question,
    by_an_asynchronous_question,
    by_a_proxy,
]


@pytest.mark.parametrize("check", DOORS)
def test_a_renewed_hash_ends_no_credential_whoever_checks_the_password(door_to, user, outdate, settings, check):
    old = outdate(user)
    credentials = {name: door_to(name).credential(user) for name in SCHEMES}
    refresh = str(logins.log_in(user).refresh)
    check(door_to, settings)
    assert stored() != old
    assert User.objects.get().check_password(PASSWORD)
    for name, credential in credentials.items():
        assert door_to(name).get("/whoami/", credential).status_code == 200, name
    assert door_to("jwt").client.post("/api/token/refresh/", {"refresh": refresh}).status_code == 200


def test_a_moved_key_works_when_its_owners_hash_is_renewed(door_to, user, outdate):
    key = user.auth_token.key
    outdate(user)
    call_command("move_drf_tokens", "--force", stdout=StringIO())
    door = door_to("token-hashed")
    assert door.client.post("/api-token-auth/", LOGIN).status_code == 200
    assert door.get("/whoami/", key).status_code == 200


def test_a_wrong_password_renews_nothing(user, outdate):
    old = outdate(user)
    assert not User.objects.get().check_password(NEW)
    assert stored() == old


def test_a_renewal_is_one_conditional_update_and_no_save(user, outdate):
    old, saved = outdate(user), []

    def notice(instance, **kwargs):
        saved.append(instance)

    pre_save.connect(notice, sender=User)
    try:
        with CaptureQueriesContext(connection) as captured:
            assert user.check_password(PASSWORD)
    finally:
        pre_save.disconnect(notice, sender=User)
    (statement,) = [query["sql"] for query in captured]
    assert statement.startswith("UPDATE")
    assert old in statement.partition("WHERE")[2]
    assert not saved


def test_a_renewal_writes_over_no_password_that_was_changed_after_it_was_read(user, outdate):
    outdate(user)
    read = User.objects.get()
    User.objects.update(password=make_password(NEW))
    assert read.check_password(PASSWORD)  # it was right when the user was read
    assert User.objects.get().check_password(NEW)
    assert tokens.obtain(read) is None
    assert logins.log_in(read) is None


def test_a_renewal_that_another_outran_takes_over_the_others_hash(user, outdate):
    outdate(user)
    first, second = User.objects.get(), User.objects.get()
    assert first.check_password(PASSWORD)
    assert second.check_password(PASSWORD)
    assert first.password == second.password == stored()
    assert tokens.obtain(first)
    assert tokens.obtain(second)


def test_the_check_of_a_user_who_is_not_in_the_database_changes_nothing(db, outdate):
    """An imported hash may be checked before its user is saved."""
    user = User(username="ada")
    brought = outdate(user)
    assert user.check_password(PASSWORD)
    assert user.password == brought
    assert not User.objects.exists()


def test_the_admins_other_sessions_end_with_a_renewal_as_django_has_it(user, outdate):
    """Django signs each session with the hash, and renews only the one that checks the password."""
    outdate(user)
    User.objects.update(is_staff=True)
    earlier, renewing = Client(), Client()
    earlier.force_login(User.objects.get())
    assert earlier.get("/admin/").status_code == 200
    assert renewing.post("/admin/login/", LOGIN).status_code == 302
    assert renewing.get("/admin/").status_code == 200
    assert earlier.get("/admin/").status_code == 302
