"""No filter, order or search of a list reveals a secret, in the API or in the admin."""

from urllib.parse import urlencode

import pytest
from django.apps import apps
from django.contrib import admin
from django.test import Client
from django.urls import reverse
from rest_framework.authtoken.models import Token

from jwt_auth.models import RefreshFamily
from tests.support.accounts import PASSWORD
from tokens.models import HashedToken

# The service refuses these before it makes a query, so one database is enough.
pytestmark = [pytest.mark.attack, pytest.mark.once, pytest.mark.django_db]

# The fields that hold a user's secrets, seen from a track and from a user.
OF_A_USER = [
    *(
        "password",
        "auth_token",
        "auth_token__key",
        "hashed_tokens",
        "hashed_tokens__digest",
        "hashed_tokens__last_four",
    ),
    *("refresh_families", "refresh_families__id", "refresh_families__current_jti", "outstandingtoken__token"),
    *("outstandingtoken__jti", "email", "is_superuser", "last_login", "logentry__object_repr", "groups__name"),
]
FROM_A_TRACK = [f"owner__{name}" for name in OF_A_USER] + ["owner", "owner_id", "owner__pk", "key", "digest", "token"]
LOOKUPS = ["", "__startswith", "__regex", "__contains", "__gt", "__in", "__isnull", "__length", "!", "[]", "%00"]


@pytest.fixture
def asks(door_to, user):
    door = door_to("token")
    return lambda **query: door.client.get("/tracks/", query, HTTP_AUTHORIZATION=f"Token {door.credential(user)}")


@pytest.mark.parametrize("name", FROM_A_TRACK)
def test_tracks_are_not_filtered_by_a_secret(asks, name):
    for lookup in LOOKUPS:
        if name + lookup == "owner":
            continue  # the filter accepts "me" alone
        answer = asks(**{name + lookup: "a"})
        assert answer.status_code == 400
        assert answer["Content-Type"] == "application/json"
        assert list(answer.json()) == [name + lookup]


@pytest.mark.parametrize("name", FROM_A_TRACK)
def test_tracks_are_not_ordered_by_a_secret(asks, name):
    for order in (name, f"-{name}", f"title,{name}", f"+{name}", f"{name} desc", f"{name}__length", f"lower({name})"):
        assert asks(ordering=order).status_code == 400


@pytest.mark.parametrize("owner", ["ada", "1", "me,1", "ME", " me x", "me%00", "!me", "me' OR '1'='1", "*", "null"])
def test_tracks_are_asked_for_by_no_owner_but_who_asks(asks, owner):
    assert asks(owner=owner).status_code == 400


def test_no_page_of_tracks_holds_a_secret(asks, user):
    for query in ({}, {"search": "ada"}, {"search": user.auth_token.key[:8]}, {"search": user.password[:8]}):
        content = asks(**query).content.decode()
        assert user.auth_token.key not in content
        assert user.password not in content


# --- the admin: if a right guess gets another response than a wrong one, it is an oracle ----------

PATHS = {
    "tokens.opaquetoken": [
        "key",
        "pk",
        "user__password",
        "user__hashed_tokens__digest",
        "user__refresh_families__current_jti",
    ],
    "tokens.hashedtoken": ["digest", "user__password", "user__auth_token__key", "user__auth_token"],
    "jwt_auth.refreshfamily": [
        "user__password",
        "user__auth_token__key",
        "user__auth_token",
        "user__hashed_tokens__digest",
    ],
    "auth.user": [
        "password",
        "auth_token__key",
        "auth_token",
        "hashed_tokens__digest",
        "refresh_families__current_jti",
    ],
    "auth.group": ["user__password", "user__auth_token__key", "user__hashed_tokens__digest"],
    "tracks.track": ["owner__password", "owner__auth_token__key", "owner__auth_token", "owner__hashed_tokens__digest"],
    "tracks.album": ["tracks__owner__password", "tracks__owner__auth_token__key"],
    "tracks.artist": ["albums__tracks__owner__password", "albums__tracks__owner__auth_token__key"],
    "tracks.genre": ["tracks__owner__password", "tracks__owner__auth_token__key"],
}
GUESSES = ["", "__startswith", "__istartswith", "__contains", "__regex", "__iregex", "__gte", "__lt", "__in", "__range"]


def guessed(client: Client, model: str, lookup: str, value: str) -> tuple[int, str | None, bytes]:
    """Return the status, the Location and the rows of the admin's list under this filter."""
    address = reverse(f"admin:{model.replace('.', '_')}_changelist")
    response = client.get(f"{address}?{urlencode({lookup: value})}")
    page = response.content if response.status_code == 200 else b""
    return response.status_code, response.get("Location"), page.partition(b'id="result_list"')[2]


def test_every_page_of_the_admin_is_asked():
    assert set(PATHS) == {model._meta.label_lower for model in admin.site._registry}


@pytest.mark.parametrize(("model", "path"), [(model, path) for model, paths in PATHS.items() for path in paths])
def test_the_admin_tells_no_right_guess_from_a_wrong_one(pages, staff, model, path):
    right = {
        "password": staff.password,
        "key": Token.objects.get(user=staff).key,
        "pk": Token.objects.get(user=staff).key,
        "auth_token": Token.objects.get(user=staff).key,
        "current_jti": RefreshFamily.objects.get().current_jti,
        "digest": HashedToken.objects.get().digest.hex(),
    }[path.rpartition("__")[2]]
    for guess in GUESSES:
        for value in (right[:8], "!"):
            status, place, rows = guessed(pages, model, path + guess, value)
            assert (status, rows) == (400, b"") or (status, place[-4:], rows) == (302, "?e=1", b""), (guess, value)


@pytest.mark.parametrize("model", PATHS)
def test_the_admin_orders_and_searches_by_no_secret(pages, staff, model):
    secrets = [staff.password, Token.objects.get(user=staff).key, RefreshFamily.objects.get().current_jti, PASSWORD]
    for secret in secrets:
        status, _, rows = guessed(pages, model, "q", secret)
        assert status == 200
        # A page with a search finds nothing by the secret.
        assert not (rows and admin.site.get_model_admin(apps.get_model(model)).search_fields)
        assert secret.encode() not in rows
    for parameter in ("_to_field", "_popup", "o", "_changelist_filters"):
        for value in ("password", "key"):
            status, _, rows = guessed(pages, model, parameter, value)
            assert status in (200, 302, 400, 403)
            assert not any(secret.encode() in rows for secret in secrets)


@pytest.mark.parametrize("model", PATHS)
def test_no_page_of_the_admin_opens_to_whoever_is_no_staff(user, model):
    client = Client(raise_request_exception=False)
    client.force_login(user)
    for name in ("changelist", "add"):
        address = reverse(f"admin:{model.replace('.', '_')}_{name}")
        for method in (client.get, client.post):
            assert method(address).status_code in (302, 403)
    key = Token.objects.get(user=user).key
    bearer = {"HTTP_AUTHORIZATION": f"Token {key}"}
    assert Client().get(reverse(f"admin:{model.replace('.', '_')}_changelist"), **bearer).status_code == 302
