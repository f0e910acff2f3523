"""Opaque tokens in the command and in the admin."""

from io import StringIO

import pytest
from django.contrib.admin.models import LogEntry
from django.core.management import CommandError, call_command
from django.urls import reverse
from rest_framework.authtoken.models import Token

from tests.support.accounts import deactivate
from tests.support.opaque import whoami
from tokens import models


def create_token(*arguments) -> str:
    out = StringIO()
    call_command("drf_create_token", *arguments, stdout=out)
    return out.getvalue().split()[2]


def test_the_command_prints_the_token_and_with_reset_another(api, user):
    key = user.auth_token.key
    assert create_token("ada") == key
    new = create_token("-r", "ada")
    assert new != key
    assert whoami(api, new).status_code == 200
    assert whoami(api, key).status_code == 401


def test_the_command_makes_the_token_that_is_missing(api, user):
    Token.objects.all().delete()
    assert whoami(api, create_token("ada")).status_code == 200
    Token.objects.all().delete()
    assert whoami(api, create_token("--reset", "ada")).status_code == 200


def test_the_command_names_the_user_it_cannot_serve(db, user):
    with pytest.raises(CommandError, match="user nobody does not exist"):
        create_token("nobody")
    deactivate(user)
    with pytest.raises(CommandError, match="user ada is disabled"):
        create_token("ada")


@pytest.fixture
def admin_pages(staff, client):
    client.force_login(staff)
    return client


def token_pages(user):
    change = reverse("admin:tokens_opaquetoken_change", args=[user.pk])
    return [
        reverse("admin:tokens_opaquetoken_changelist"),
        change,
        reverse("admin:tokens_opaquetoken_delete", args=[user.pk]),
        reverse("admin:tokens_opaquetoken_history", args=[user.pk]),
    ]


def logged() -> str:
    return " ".join(f"{entry.object_repr} {entry.change_message} {entry.object_id}" for entry in LogEntry.objects.all())


def test_no_admin_page_shows_a_key(admin_pages, user):
    key = user.auth_token.key
    for page in token_pages(user):
        response = admin_pages.get(page)
        assert response.status_code == 200, page
        assert key not in response.content.decode()
    assert key[:8] in admin_pages.get(token_pages(user)[0]).content.decode()


def test_the_pages_that_ask_before_a_user_is_deleted_show_no_key(admin_pages, user):
    key = user.auth_token.key
    one = admin_pages.get(reverse("admin:auth_user_delete", args=[user.pk]))
    selected = {"action": "delete_selected", "_selected_action": user.pk}
    several = admin_pages.post(reverse("admin:auth_user_changelist"), selected)
    for page in (one, several):
        assert page.status_code == 200
        assert key not in page.content.decode()
        assert f"Token: {key[:8]}…" in page.content.decode()


@pytest.mark.parametrize("name", ["_popup", "_to_field"])
def test_no_pop_up_of_the_admin_hands_a_key_over(admin_pages, user, staff, name):
    value = "1" if name == "_popup" else "key"
    for page in (*token_pages(user)[:3], reverse("admin:tokens_opaquetoken_add")):
        for response in (
            admin_pages.get(page, {name: value}),
            admin_pages.post(page, {name: value, "user": user.pk, "post": "yes"}),
        ):
            assert response.status_code == 403, page
            assert user.auth_token.key not in response.content.decode()


@pytest.mark.parametrize("lookup", ["key", "key__startswith", "key__in", "key__regex", "pk", "pk__startswith"])
def test_no_filter_of_the_admin_spells_a_key_out(admin_pages, user, lookup):
    key = user.auth_token.key
    for value in (key, key[:1], "zzz"):
        # Django answers a lookup that it does not allow with 400.
        assert admin_pages.get(token_pages(user)[0], {lookup: value}).status_code == 400


@pytest.mark.parametrize("lookup", ["auth_token__key__startswith", "auth_token__startswith", "auth_token"])
def test_no_filter_on_users_spells_a_key_out(admin_pages, user, lookup):
    page = reverse("admin:auth_user_changelist")
    assert admin_pages.get(page, {lookup: user.auth_token.key[:1]}).status_code == 400


def test_a_revocation_that_a_rotation_overtook_does_not_say_dead(api, user, monkeypatch):
    monkeypatch.setattr(models, "revoke", lambda key: models.rotate(key) is None)
    response = api.post("/api-token-auth/revoke/", headers={"Authorization": f"Token {user.auth_token.key}"})
    assert response.status_code == 401


def test_adding_a_token_in_the_admin_writes_no_key_into_its_log(admin_pages, user):
    Token.objects.filter(user=user).delete()
    response = admin_pages.post(reverse("admin:tokens_opaquetoken_add"), {"user": user.pk}, follow=True)
    key = Token.objects.get(user=user).key
    assert LogEntry.objects.count() == 1
    assert key not in logged()
    assert key not in response.content.decode()


def test_deleting_a_token_in_the_admin_deletes_it_and_writes_no_key_into_the_log(admin_pages, user):
    key = user.auth_token.key
    admin_pages.post(reverse("admin:tokens_opaquetoken_delete", args=[user.pk]), {"post": "yes"})
    assert not Token.objects.filter(user=user).exists()
    assert LogEntry.objects.count() == 1
    assert key not in logged()


@pytest.mark.parametrize("action", ["rotate", "revoke"])
def test_the_admin_actions_end_the_selected_tokens_alone(api, admin_pages, user, staff, action):
    key, other = user.auth_token.key, staff.auth_token.key
    response = admin_pages.post(
        reverse("admin:tokens_opaquetoken_changelist"),
        {"action": action, "_selected_action": [str(user.pk)]},
        follow=True,
    )
    assert f"1 {action}" in response.content.decode()
    assert whoami(api, key).status_code == 401
    assert whoami(api, other).status_code == 200
    assert Token.objects.filter(user=user).exists() == (action == "rotate")
    assert LogEntry.objects.count() == 1
    assert key not in logged() + response.content.decode()


@pytest.mark.parametrize("selected", ["", "abc", "99999999999999999999", "0"])
def test_an_admin_action_on_what_is_no_token_changes_nothing(admin_pages, user, selected):
    before = set(Token.objects.values_list("key", flat=True))
    response = admin_pages.post(
        reverse("admin:tokens_opaquetoken_changelist"),
        {"action": "revoke", "_selected_action": [selected]},
        follow=True,
    )
    assert response.status_code == 200
    assert set(Token.objects.values_list("key", flat=True)) == before


def test_the_admin_action_on_users_ends_both_kinds(api, admin_pages, user, obtain_pair):
    key, pair = user.auth_token.key, obtain_pair()
    admin_pages.post(
        reverse("admin:auth_user_changelist"),
        {"action": "log_out_everywhere", "_selected_action": [str(user.pk)]},
    )
    assert whoami(api, key).status_code == 401
    assert api.get("/whoami/", headers={"Authorization": f"Bearer {pair['access']}"}).status_code == 401
    assert LogEntry.objects.count() == 1


def test_a_new_password_in_the_admin_ends_both_kinds(api, admin_pages, user, obtain_pair):
    key, pair = user.auth_token.key, obtain_pair()
    response = admin_pages.post(
        reverse("admin:auth_user_password_change", args=[user.pk]),
        {"password1": "another one entirely", "password2": "another one entirely"},
    )
    assert response.status_code == 302
    assert whoami(api, key).status_code == 401
    assert api.post("/api/token/refresh/", {"refresh": pair["refresh"]}).status_code == 401
