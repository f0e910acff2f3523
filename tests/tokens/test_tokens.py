"""An opaque token from start to end: obtained, rotated, revoked, expired, ended with its user."""

from datetime import timedelta

import pytest
import time_machine
from django.contrib.auth import get_user_model
from django.core import serializers
from django.core.management import call_command
from django.db import transaction
from django.db.models.signals import post_save, pre_save
from rest_framework.authtoken.models import Token

from auth_core import revocation
from jwt_auth import models as jwt_models
from tests.support.accounts import ENDINGS, PASSWORD, change_password, deactivate
from tests.support.opaque import rotate, whoami
from tokens import issue, models

User = get_user_model()


def obtain(api, user, password=PASSWORD):
    return api.post("/api-token-auth/", {"username": user.username, "password": password})


def test_a_token_is_made_with_every_new_user(user):
    assert Token.objects.filter(user=user).count() == 1


def test_no_token_is_made_when_the_switch_is_off(db, settings):
    settings.TOKEN_AUTO_CREATE = False
    user = User.objects.create_user("byron")
    assert not Token.objects.filter(user=user).exists()


def test_saving_a_user_again_makes_no_second_token_and_keeps_the_first(user):
    key = user.auth_token.key
    user.first_name = "Ada"
    user.save()
    assert list(Token.objects.values_list("key", flat=True)) == [key]


def test_a_token_made_with_a_user_goes_when_the_user_is_rolled_back(db):
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        User.objects.create_user("byron")
        raise ZeroDivisionError
    assert not User.objects.exists()
    assert not Token.objects.exists()


def test_loaddata_of_users_and_their_tokens_works(user, tmp_path):
    key = user.auth_token.key
    fixture = tmp_path / "dump.json"
    fixture.write_text(serializers.serialize("json", [user, Token.objects.get(user=user)]))
    user.delete()
    call_command("loaddata", str(fixture), verbosity=0)
    assert Token.objects.get(user__username="ada").key == key


@pytest.mark.parametrize("form", ["json", "multipart", "urlencoded"])
def test_a_user_obtains_the_token_by_form_and_by_json(api, user, form):
    body = {"username": "ada", "password": PASSWORD}
    if form == "urlencoded":
        response = api.post(
            "/api-token-auth/",
            f"username=ada&password={PASSWORD.replace(' ', '+')}",
            content_type="application/x-www-form-urlencoded",
        )
    else:
        response = api.post("/api-token-auth/", body, format=form)
    assert response.status_code == 200
    assert response.json() == {"token": user.auth_token.key}
    assert response["Cache-Control"] == "no-store"


def test_obtaining_twice_gives_the_same_token(api, user):
    assert obtain(api, user).json() == obtain(api, user).json()


def test_obtaining_makes_the_token_that_is_missing(api, user):
    Token.objects.all().delete()
    assert whoami(api, obtain(api, user).json()["token"]).status_code == 200


@pytest.mark.parametrize("password", ["wrong", PASSWORD.upper(), f" {PASSWORD}"])
def test_a_wrong_password_obtains_nothing(api, user, password):
    response = obtain(api, user, password)
    assert response.status_code == 400
    assert "token" not in response.json()


def test_an_inactive_user_obtains_nothing(api, user):
    User.objects.filter(pk=user.pk).update(is_active=False)
    assert obtain(api, user).status_code == 400


def test_a_password_changed_between_the_check_and_the_token_obtains_nothing(user):
    checked = User.objects.get(pk=user.pk)
    user.set_password("another one entirely")
    user.save()
    assert models.obtain(checked) is None
    assert not Token.objects.exists()
    with pytest.raises(ValueError, match=f"user {user.pk} is disabled"):
        issue.token(checked)


def test_rotating_kills_the_presented_token_and_returns_its_successor(api, user):
    old = user.auth_token.key
    response = rotate(api, old)
    assert response.status_code == 200
    assert response["Cache-Control"] == "no-store"
    new = response.json()["token"]
    assert new != old
    assert whoami(api, old).status_code == 401
    assert whoami(api, new).status_code == 200
    assert obtain(api, user).json() == {"token": new}


def test_rotating_is_one_update_after_one_read(api, user, django_assert_num_queries):
    with django_assert_num_queries(2) as captured:
        rotate(api, user.auth_token.key)
    assert captured[-1]["sql"].startswith("UPDATE")


def test_a_dead_token_rotates_nothing(api, user):
    old = user.auth_token.key
    new = rotate(api, old).json()["token"]
    assert rotate(api, old).status_code == 401
    assert whoami(api, new).status_code == 200


def test_rotating_by_get_follows_its_switch(api, user):
    # Another test turns it off in a fresh process, because a view's methods are fixed on import.
    response = api.get("/api-token-auth/new/", headers={"Authorization": f"Token {user.auth_token.key}"})
    assert response.status_code == 200
    assert whoami(api, response.json()["token"]).status_code == 200


def test_a_jwt_rotates_and_revokes_no_opaque_token(api, user, obtain_pair):
    key, access = user.auth_token.key, obtain_pair()["access"]
    for path in ("/api-token-auth/new/", "/api-token-auth/revoke/"):
        response = api.post(path, headers={"Authorization": f"Bearer {access}"})
        assert response.status_code == 401
        assert response["WWW-Authenticate"] == 'Token realm="api"'
    assert whoami(api, key).status_code == 200


def test_revoking_kills_the_presented_token_alone(api, user, staff, obtain_pair):
    pair = obtain_pair()
    key = user.auth_token.key
    response = api.post("/api-token-auth/revoke/", headers={"Authorization": f"Token {key}"})
    assert response.status_code == 204
    assert whoami(api, key).status_code == 401
    assert whoami(api, staff.auth_token.key).status_code == 200
    assert api.get("/whoami/", headers={"Authorization": f"Bearer {pair['access']}"}).status_code == 200


def test_revoking_everywhere_ends_both_kinds_of_this_user_alone(api, user, staff, obtain_pair):
    pair = obtain_pair()
    key = user.auth_token.key
    response = api.post("/api-token-auth/revoke/", {"everywhere": True}, headers={"Authorization": f"Token {key}"})
    assert response.status_code == 204
    assert whoami(api, key).status_code == 401
    assert api.get("/whoami/", headers={"Authorization": f"Bearer {pair['access']}"}).status_code == 401
    assert api.post("/api/token/refresh/", {"refresh": pair["refresh"]}).status_code == 401
    assert whoami(api, staff.auth_token.key).status_code == 200


def test_a_token_dies_at_the_end_of_its_lifetime_and_a_login_brings_another(api, user, settings):
    settings.TOKEN_LIFETIME = timedelta(hours=1)
    created = user.auth_token.created
    key = user.auth_token.key
    with time_machine.travel(created + timedelta(minutes=59), tick=False):
        assert whoami(api, key).status_code == 200
        assert obtain(api, user).json() == {"token": key}
    with time_machine.travel(created + timedelta(minutes=60), tick=False):
        assert whoami(api, key).status_code == 401
        assert rotate(api, key).status_code == 401
        new = obtain(api, user).json()["token"]
        assert new != key
        assert whoami(api, new).status_code == 200
    with time_machine.travel(created + timedelta(minutes=119), tick=False):
        assert whoami(api, new).status_code == 200


def test_rotating_starts_the_lifetime_anew(api, user, settings):
    settings.TOKEN_LIFETIME = timedelta(hours=1)
    created = user.auth_token.created
    with time_machine.travel(created + timedelta(minutes=50), tick=False):
        new = rotate(api, user.auth_token.key).json()["token"]
    with time_machine.travel(created + timedelta(minutes=100), tick=False):
        assert whoami(api, new).status_code == 200


MALFORMED = ["x", "a" * 39, "a" * 41, "A" * 40, "g" * 40, "a" * 39 + "\x00", "é" * 20, "0" * 39 + "\u0660"]


@pytest.mark.parametrize("key", MALFORMED)
def test_what_cannot_be_a_key_is_refused_without_a_query(api, db, django_assert_num_queries, key):
    with django_assert_num_queries(0):
        header = f"Token {key}".encode().decode("latin-1")
        response = api.get("/whoami/", HTTP_AUTHORIZATION=header)
    assert response.status_code == 401


@pytest.mark.parametrize("ending", ENDINGS)
def test_one_rule_ends_every_credential_of_either_kind_and_nobody_elses(api, user, staff, obtain_pair, ending):
    key, pair, other = user.auth_token.key, obtain_pair(), staff.auth_token.key
    bearer = {"Authorization": f"Bearer {pair['access']}"}
    assert whoami(api, key).status_code == 200
    assert api.get("/whoami/", headers=bearer).status_code == 200
    ending(user)
    assert whoami(api, key).status_code == 401
    assert api.get("/whoami/", headers=bearer).status_code == 401
    assert api.post("/api/token/refresh/", {"refresh": pair["refresh"]}).status_code == 401
    assert api.post("/api/token/verify/", {"token": pair["access"]}).status_code == 401
    assert whoami(api, other).status_code == 200


def test_what_a_deactivation_ended_stays_dead_after_reactivation(api, user, obtain_pair):
    key, pair = user.auth_token.key, obtain_pair()
    deactivate(user)
    user.is_active = True
    user.save()
    assert whoami(api, key).status_code == 401
    assert api.post("/api/token/refresh/", {"refresh": pair["refresh"]}).status_code == 401


@pytest.mark.parametrize("change", [{"first_name": "Ada"}, {"last_login": None}, {"email": "a@example.org"}])
def test_other_changes_of_a_user_end_nothing(api, user, obtain_pair, change):
    key, pair = user.auth_token.key, obtain_pair()
    for name, value in change.items():
        setattr(user, name, value)
    user.save()
    user.save(update_fields=list(change))
    assert whoami(api, key).status_code == 200
    assert api.post("/api/token/refresh/", {"refresh": pair["refresh"]}).status_code == 200


def test_a_change_that_is_rolled_back_ends_nothing(api, user):
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        change_password(user)
        raise ZeroDivisionError
    assert whoami(api, Token.objects.get(user=user).key).status_code == 200


def test_a_user_disabled_behind_the_signals_is_refused_all_the_same(api, user):
    User.objects.filter(pk=user.pk).update(is_active=False)
    assert whoami(api, user.auth_token.key).status_code == 401


def test_the_credentials_end_before_the_change_is_saved(api, user, obtain_pair):
    """Otherwise a credential would survive if the process dies between the two statements.

    The test removes what runs after the save.
    """
    key, pair = user.auth_token.key, obtain_pair()
    after = {"sender": User, "dispatch_uid": "auth_core.revocation.after"}
    assert post_save.disconnect(**after)
    try:
        change_password(user)
    finally:
        post_save.connect(revocation._revoke_after_save, **after)
    assert whoami(api, key).status_code == 401
    assert api.post("/api/token/refresh/", {"refresh": pair["refresh"]}).status_code == 401


def test_a_login_that_slips_in_while_the_change_is_saved_ends_with_it(user):
    """pre_save receivers run in the order they were connected.

    This one therefore logs in after the first revocation.
    """
    slipped_in = []

    def log_in(sender, instance, **kwargs):
        before = User.objects.get(pk=instance.pk)
        slipped_in.extend([models.obtain(before).key, str(jwt_models.log_in(before).refresh)])

    pre_save.connect(log_in, sender=User)
    try:
        change_password(user)
    finally:
        pre_save.disconnect(log_in, sender=User)
    assert len(slipped_in) == 2
    assert not Token.objects.filter(user=user).exists()
    assert not jwt_models.RefreshFamily.objects.filter(user=user, revoked_at=None).exists()


@pytest.mark.parametrize("path", ["/api-token-auth/", "/api/token/"])
def test_a_dead_credential_in_the_header_does_not_stop_a_login(api, user, path):
    login = {"username": "ada", "password": PASSWORD}
    for header in (f"Token {'0' * 40}", "Bearer x.y.z", "Token"):
        assert api.post(path, login, headers={"Authorization": header}).status_code == 200
