"""A hash that Django renews when a password is checked is no change of password; another hash is, whoever writes it."""

from collections.abc import Callable
from io import StringIO

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth import aauthenticate, authenticate, get_user_model
from django.contrib.auth.hashers import MD5PasswordHasher, make_password
from django.core import serializers
from django.core.management import call_command
from django.db import connection
from django.db.models.signals import pre_save
from django.test import Client
from django.test.utils import CaptureQueriesContext, isolate_apps

from auth_core import revocation
from config.schemes import SCHEMES
from jwt_auth import models as logins
from tests.support.accounts import PASSWORD
from tests.support.hashers import TwoRounds
from tests.support.threads import at_once
from tokens import models as tokens
from tokens import signals

User = get_user_model()
LOGIN = {"username": "ada", "password": PASSWORD}
NEW = "another one entirely"


# How a hash came to be out of date: the hashers of today, and the hash of yesterday.
OUT_OF_DATE = {
    "rounds": (["tests.support.hashers.TwoRounds"], lambda: TwoRounds().encode(PASSWORD, "s" * 22, iterations=1)),
    "hasher": (
        ["django.contrib.auth.hashers.MD5PasswordHasher", "tests.support.hashers.TwoRounds"],
        lambda: TwoRounds().encode(PASSWORD, "s" * 22),
    ),
    "salt": (
        ["django.contrib.auth.hashers.MD5PasswordHasher"],
        lambda: MD5PasswordHasher().encode(PASSWORD, "short"),
    ),
}


@pytest.fixture(params=OUT_OF_DATE)
def outdate(request, settings) -> Callable:
    """outdate(user): the user's hash is out of date; returned as it is in the database."""
    settings.PASSWORD_HASHERS, old_hash = OUT_OF_DATE[request.param]

    def outdate(user) -> str:
        user.password = old_hash()
        User.objects.filter(pk=user.pk).update(password=user.password)
        return user.password

    return outdate


def stored() -> str:
    return User.objects.values_list("password", flat=True).get(username="ada")


# --- every door at which a password is checked -------------------------------------------------------


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
    assert client.post("/admin/password_change/", typed).status_code == 200  # the form again


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


@isolate_apps("django.contrib.auth")
def a_proxy():
    class Proxy(User):
        class Meta:
            proxy = True
            app_label = "auth"

    return Proxy


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
    call_command("move_drf_tokens", stdout=StringIO())
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
    assert read.check_password(PASSWORD)  # it was, when it was read
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
    """A hash brought from elsewhere is tried before it is saved."""
    user = User(username="ada")
    brought = outdate(user)
    assert user.check_password(PASSWORD)
    assert user.password == brought
    assert not User.objects.exists()


def test_the_admins_other_sessions_end_with_a_renewal_as_django_has_it(user, outdate):
    """Django signs each session with the hash, and renews the session that checks the password alone."""
    outdate(user)
    User.objects.update(is_staff=True)
    earlier, renewing = Client(), Client()
    earlier.force_login(User.objects.get())
    assert earlier.get("/admin/").status_code == 200
    assert renewing.post("/admin/login/", LOGIN).status_code == 302
    assert renewing.get("/admin/").status_code == 200
    assert earlier.get("/admin/").status_code == 302


# --- every way to another password -------------------------------------------------------------------


def set_and_save(user):
    user.set_password(NEW)
    user.save()


def write_a_hash(user):
    user.password = make_password(NEW)
    user.save(update_fields=["password"])


def write_a_hash_after_a_saved_change(user):
    set_and_save(user)
    User.objects.update(password=make_password(PASSWORD))
    renewed_credentials(user)
    write_a_hash(user)


def write_a_hash_after_a_renewal(user):
    User.objects.update(password=MD5PasswordHasher().encode(PASSWORD, "short"))
    user.refresh_from_db()
    assert user.check_password(PASSWORD)
    write_a_hash(user)


def save_a_change_after_a_save_of_another_field(user):
    user.set_password(NEW)
    user.save(update_fields=["first_name"])  # Django takes the change for saved
    user.save(update_fields=["password"])


def save_a_change_after_a_save_of_nothing(user):
    user.set_password(NEW)
    user.save(update_fields=[])
    user.save(update_fields=["password"])


def write_what_a_renewal_writes(user):
    user.set_password(NEW)
    user._password = None
    user.save(update_fields=["password"])


def save_asynchronously(user):
    user.set_password(NEW)
    async_to_sync(user.asave)(update_fields=["password"])


def by_the_users_page(user):
    admin = Client()
    admin.force_login(User.objects.create_superuser("grace", password=PASSWORD))
    typed = {"password1": NEW, "password2": NEW}
    assert admin.post(f"/admin/auth/user/{user.pk}/password/", typed).status_code == 302


def by_ones_own_page(user):
    User.objects.update(is_staff=True)
    client = Client()
    client.force_login(User.objects.get())
    typed = {"old_password": PASSWORD, "new_password1": NEW, "new_password2": NEW}
    assert client.post("/admin/password_change/", typed).status_code == 302


def make_unusable(user):
    user.set_unusable_password()
    user.save()


def through_a_proxy(user):
    proxy = a_proxy()
    revocation.watch(proxy)
    set_and_save(proxy.objects.get(pk=user.pk))


def through_an_instance_made_by_hand(user):
    User(pk=user.pk, username="ada", password=make_password(NEW)).save()


@pytest.fixture
def by_a_fixture(tmp_path):
    def load(user):
        user.password = make_password(NEW)
        (tmp_path / "users.json").write_text(serializers.serialize("json", [user]))
        call_command("loaddata", str(tmp_path / "users.json"), verbosity=0)

    return load


@pytest.fixture
def by_the_command(monkeypatch):
    def change(user):
        monkeypatch.setattr("getpass.getpass", lambda *arguments, **options: NEW)
        call_command("changepassword", "ada", stdout=StringIO())

    return change


WAYS = [
    set_and_save,
    write_a_hash,
    write_a_hash_after_a_saved_change,
    write_a_hash_after_a_renewal,
    save_a_change_after_a_save_of_another_field,
    save_a_change_after_a_save_of_nothing,
    write_what_a_renewal_writes,
    save_asynchronously,
    by_the_users_page,
    by_ones_own_page,
    make_unusable,
    through_a_proxy,
    through_an_instance_made_by_hand,
]


def renewed_credentials(user):
    """An opaque token, and the access and refresh token of a login, of the user as they are now."""
    now = User.objects.get(pk=user.pk)
    return tokens.obtain(now), logins.log_in(now)


def assert_ended(user, change):
    renewed_credentials(user)
    change(user)
    assert not User.objects.get(pk=user.pk).check_password(PASSWORD)
    assert not tokens.Token.objects.filter(user=user).exists()
    assert not logins.RefreshFamily.objects.filter(user=user, revoked_at=None).exists()


@pytest.mark.parametrize("change", WAYS)
def test_another_password_ends_every_credential_whatever_way_it_is_saved(user, change):
    assert_ended(user, change)


@pytest.mark.parametrize("change", ["by_a_fixture", "by_the_command"])
def test_another_password_ends_every_credential_when_a_command_saves_it(user, change, request):
    assert_ended(user, request.getfixturevalue(change))


# --- other models of users ---------------------------------------------------------------------------


def test_whoever_is_deleted_or_disabled_as_a_proxy_loses_every_credential(user, staff):
    proxy, reasons = a_proxy(), set()
    revocation.watch(proxy)

    def notice(reason, **kwargs):
        reasons.add(reason)

    revocation.credentials_revoked.connect(notice)
    for each, end in ((user, disable), (staff, proxy.delete)):
        renewed_credentials(each)
        end(proxy.objects.get(pk=each.pk))
        assert not tokens.Token.objects.filter(user=each.pk).exists()
        assert not logins.RefreshFamily.objects.filter(user=each.pk, revoked_at=None).exists()
    assert reasons == {revocation.DEACTIVATION, revocation.DELETION}


def test_a_token_is_made_with_a_new_user_who_is_saved_as_a_proxy(db):
    proxy = a_proxy()
    signals.watch(proxy)
    assert tokens.Token.objects.filter(user=proxy.objects.create(username="ada").pk).exists()


@pytest.mark.django_db(transaction=True)  # what is remembered is dropped on commit
def test_what_is_remembered_of_a_user_who_is_saved_as_a_proxy_is_forgotten(door_to, user):
    proxy = a_proxy()
    signals.watch(proxy)
    door, key = door_to("token-cached"), user.auth_token.key
    assert door.get("/whoami/", key).json()["username"] == "ada"
    saved = proxy.objects.get(pk=user.pk)
    saved.username = "lovelace"
    saved.save()
    assert door.get("/whoami/", key).json()["username"] == "lovelace"


def disable(user):
    user.is_active = False
    user.save()


# --- at the same moment ------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("path", ["/api-token-auth/", "/api/token/", "/admin/login/"])
def test_of_many_logins_that_renew_the_hash_none_is_refused_and_none_ends(user, outdate, path):
    User.objects.update(is_staff=True)
    for _ in range(3):
        outdate(user)
        clients = [Client(raise_request_exception=False) for _ in range(8)]
        answers = at_once(*[lambda client=client: client.post(path, LOGIN) for client in clients])
        assert {answer.status_code for answer in answers} <= {200, 302}
        for client, answer in zip(clients, answers, strict=True):
            assert is_open(client, answer)


def is_open(client, answer) -> bool:
    if answer.status_code == 302:
        return client.get("/admin/").status_code == 200
    credentials = answer.json()
    header = f"Token {credentials['token']}" if "token" in credentials else f"Bearer {credentials['access']}"
    return client.get("/whoami/", headers={"Authorization": header}).status_code == 200


@pytest.mark.django_db(transaction=True)
def test_of_a_renewal_and_a_change_of_password_at_once_the_change_stays(outdate):
    for _ in range(5):
        User.objects.all().delete()
        user = User.objects.create_user("ada", password=PASSWORD)
        outdate(user)
        answer, _ = at_once(lambda: Client().post("/api/token/", LOGIN), lambda pk=user.pk: set_and_save_by(pk))
        assert User.objects.get().check_password(NEW)
        assert answer.status_code == 401 or not is_open(Client(), answer)


def set_and_save_by(pk):
    set_and_save(User.objects.get(pk=pk))
