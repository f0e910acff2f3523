"""A change of password revokes every credential, even during a renewal of the hash."""

from io import StringIO

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.hashers import MD5PasswordHasher, make_password
from django.core import serializers
from django.core.management import call_command
from django.test import Client

from auth_core import revocation
from jwt_auth import models as logins
from tests.support.accounts import PASSWORD
from tests.support.renewal import LOGIN, NEW, User, a_proxy
from tests.support.threads import at_once
from tokens import models as tokens
from tokens import signals

# --- every way to another password ----------------------------------------------------------------


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
    user.save(update_fields=["first_name"])  # Django then considers the change saved
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
    """Return an opaque token, an access token and a refresh token of the user as stored now."""
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


# --- other user models ----------------------------------------------------------------------------


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


# --- at the same moment ---------------------------------------------------------------------------


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
