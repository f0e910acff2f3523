"""Hashed tokens from the command, the admin and the move from stock keys."""

import re
from io import StringIO

import pytest
from django.contrib.admin.models import LogEntry
from django.core.management import CommandError, call_command
from django.urls import reverse
from rest_framework.test import APIClient

from tests.support.hashed import User, whoami
from tokens import hashed, wire
from tokens.models import HashedToken


@pytest.fixture
def api(door_to) -> APIClient:
    """Return a client of the URLs as they are with AUTH_SCHEMES=token-hashed."""
    return door_to("token-hashed").client


# --- issued by hand -------------------------------------------------------------------------------


def issued_by_command(*arguments) -> str:
    out = StringIO()
    call_command("issue_token", *arguments, stdout=out)
    return out.getvalue()


def test_the_command_prints_a_new_token_and_nothing_else(api, user):
    printed = issued_by_command("ada", "--label", "nightly job")
    assert whoami(api, printed.removesuffix("\n")) == 200
    assert HashedToken.objects.get().label == "nightly job"


def test_the_command_says_why_it_issues_none(user, settings):
    settings.TOKENS_PER_USER = 1
    with pytest.raises(CommandError, match="user nobody does not exist"):
        issued_by_command("nobody")
    with pytest.raises(CommandError, match="at most 64 characters"):
        issued_by_command("ada", "--label", "x" * 65)
    issued_by_command("ada")
    with pytest.raises(CommandError, match="user ada: This user has 1 valid tokens"):
        issued_by_command("ada")
    User.objects.update(is_active=False)
    with pytest.raises(CommandError, match="user ada is disabled"):
        issued_by_command("ada")


@pytest.fixture
def admin_pages(staff, client):
    client.force_login(staff)
    return client


def add_in_the_admin(pages, user, **fields):
    return pages.post(
        reverse("admin:tokens_hashedtoken_add"), {"user": user.pk, "label": "by hand", "scope": "read", **fields}
    )


@pytest.mark.parametrize("button", ["_save", "_continue", "_addanother"])
def test_the_admin_shows_the_token_it_issues_on_one_page_and_nowhere_else(admin_pages, user, button):
    response = add_in_the_admin(admin_pages, user, **{button: "x"})
    assert response.status_code == 200
    (key,) = re.findall(wire.PATTERN, response.content.decode())
    assert "no-store" in response["Cache-Control"]
    token = hashed.find(key)
    assert (token.user, token.label, HashedToken.objects.count()) == (user, "by hand", 1)
    (entry,) = LogEntry.objects.all()
    assert (entry.object_repr, entry.object_id) == (f"…{key[-4:]}", str(token.pk))
    secret, digest = key[:-4], bytes(token.digest).hex()
    assert secret not in f"{entry.change_message} {response.cookies} {dict(admin_pages.session)}"
    for page in ("changelist", "change", "delete", "history"):
        shown = admin_pages.get(
            reverse(f"admin:tokens_hashedtoken_{page}", args=[] if page == "changelist" else [token.pk])
        ).content.decode()
        assert key[-4:] in shown, page
        assert secret not in shown
        assert digest not in shown.lower()


def test_the_admin_says_on_the_form_why_it_issues_none(admin_pages, user, settings):
    settings.TOKENS_PER_USER = 1
    for _ in range(2):
        response = add_in_the_admin(admin_pages, user)
    assert "This user has 1 valid tokens" in response.content.decode()
    assert "is disabled" not in response.content.decode()
    User.objects.filter(pk=user.pk).update(is_active=False)
    assert "This user is disabled." in add_in_the_admin(admin_pages, user).content.decode()
    assert (HashedToken.objects.count(), LogEntry.objects.count()) == (1, 1)


def test_the_admin_changes_no_token_and_deletes_one(api, admin_pages, user, settings):
    settings.ROOT_URLCONF = "config.urls"
    token = hashed.obtain(user)
    change = reverse("admin:tokens_hashedtoken_change", args=[token.pk])
    assert admin_pages.post(change, {"user": user.pk, "label": "x"}).status_code == 403
    admin_pages.post(reverse("admin:tokens_hashedtoken_delete", args=[token.pk]), {"post": "yes"})
    assert not HashedToken.objects.exists()
    assert LogEntry.objects.get().object_repr == str(token)


@pytest.mark.parametrize(
    ("model", "lookup"),
    [
        ("tokens_hashedtoken", "digest"),
        ("tokens_hashedtoken", "digest__startswith"),
        ("auth_user", "hashed_tokens__digest"),
        ("auth_user", "hashed_tokens__last_four"),
    ],
)
def test_no_filter_of_the_admin_spells_a_digest_out(admin_pages, user, model, lookup):
    assert admin_pages.get(reverse(f"admin:{model}_changelist"), {lookup: "a"}).status_code == 400
