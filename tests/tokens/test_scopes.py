"""Tokens that may only read or only write: how they are issued, and what endpoints ask of them."""

import logging
import re
from io import StringIO

import pytest
from django.core.checks import run_checks
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from rest_framework.permissions import IsAuthenticated
from rest_framework.response import Response
from rest_framework.test import APIClient, APIRequestFactory, force_authenticate
from rest_framework.views import APIView

from auth_core import scopes
from auth_core.scopes import FULL, READ, WRITE, HasScope
from config.schemes import SCHEMES
from jwt_auth import models as logins
from tests.support.events import Logged
from tests.support.hashed import LOGIN, User, delete, header, obtain, own, rotate, whoami
from tests.support.keys import forge
from tests.support.tracks import NEW
from tokens import hashed, wire
from tokens.authentication import HashedTokenAuthentication
from tokens.models import HashedToken
from tracks.models import Genre, Track


@pytest.fixture
def api(door_to) -> APIClient:
    """Return a client of the URLs as they are with AUTH_SCHEMES=token-hashed."""
    return door_to("token-hashed").client


@pytest.fixture
def logged():
    """Return the events that are logged during the test."""
    handler = Logged()
    logging.getLogger("auth").addHandler(handler)
    yield handler
    logging.getLogger("auth").removeHandler(handler)


def assert_lacks(response, needed: str):
    """Assert the answer of RFC 6750 3.1 to a credential of too little scope."""
    assert response.status_code == 403, response.content
    assert response["WWW-Authenticate"] == f'Token realm="api", error="insufficient_scope", scope="{needed}"'
    assert response.json() == {
        "detail": f"The scope of this credential does not include “{needed}”.",
        "code": "insufficient_scope",
    }


# --- how it is issued -----------------------------------------------------------------------------

WRITTEN = [
    (None, FULL),
    ("read write", FULL),
    ("write read", FULL),
    ("read", READ),
    ("write", WRITE),
    ("read read", READ),
    ("write read write", FULL),
    (" read ", READ),
]


@pytest.mark.parametrize(("asked", "granted"), WRITTEN)
def test_a_login_is_granted_the_scope_it_asked_for_and_is_told_so(api, user, asked, granted):
    answer = api.post("/api-token-auth/", LOGIN | ({} if asked is None else {"scope": asked}))
    assert (answer.status_code, answer.json()["scope"], set(answer.json())) == (200, granted, {"token", "scope"})
    assert HashedToken.objects.get().scope == granted


NO_SCOPE = ["", " ", "admin", "READ", "read,write", "read  write", "read\twrite", "read write admin", "read\x00"]
NO_SCOPE += ["ｒｅａｄ", "read\u00a0write", "a" * 1000, None, [], ["read"], {"read": True}, 5, True]


@pytest.mark.parametrize("scope", NO_SCOPE, ids=lambda scope: ascii(scope)[:30])
def test_a_scope_that_is_none_is_refused_and_what_is_allowed_is_named(api, user, logged, scope):
    answer = api.post("/api-token-auth/", LOGIN | {"scope": scope})
    assert (answer.status_code, list(answer.json())) == (400, ["scope"])
    assert "read, write, or both" in answer.json()["scope"][0]
    assert len(answer.content) < 200
    assert not HashedToken.objects.exists()
    assert logged.words() == []


def test_an_unknown_word_is_named():
    with pytest.raises(ValueError, match='"admin" is no scope; allowed: read, write, or both with a space'):
        scopes.normal("read admin")


def test_the_command_issues_a_token_of_a_scope(api, user):
    out = StringIO()
    call_command("issue_token", "ada", "--scope", "write read", stdout=out)
    call_command("issue_token", "ada", "--scope", "read", stdout=out)
    full, limited = out.getvalue().split()
    assert [hashed.find(key).scope for key in (full, limited)] == [FULL, READ]
    for scope in ("", "admin", "read  write"):
        with pytest.raises(CommandError, match=re.escape(f"--scope {scope!r}: ") + '".*" is no scope; allowed: read'):
            call_command("issue_token", "ada", "--scope", scope)
    assert HashedToken.objects.count() == 2


def test_the_admin_issues_a_token_of_a_scope_and_lists_and_filters_by_it(api, user, staff, client, settings):
    settings.ROOT_URLCONF = "config.urls"
    client.force_login(staff)
    add, changelist = (reverse(f"admin:tokens_hashedtoken_{page}") for page in ("add", "changelist"))
    assert '<option value="read write" selected>' in client.get(add).content.decode()
    page = client.post(add, {"user": user.pk, "label": "reader", "scope": "read"})
    assert hashed.find(re.search(wire.PATTERN, page.content.decode())[0]).scope == READ
    for scope in ("", "admin", "write read"):
        assert client.post(add, {"user": user.pk, "label": "x", "scope": scope}).context["errors"]
    assert HashedToken.objects.count() == 1
    for scope, shown in (("read", True), ("write", False)):
        page = client.get(changelist, {"scope__exact": scope}).content.decode()
        assert ("reader" in page) is shown
    detail = client.get(reverse("admin:tokens_hashedtoken_change", args=[HashedToken.objects.get().pk]))
    assert "field-scope" in detail.content.decode()


def test_a_moved_key_has_the_full_scope(user):
    key = user.auth_token.key
    call_command("move_drf_tokens", "--force", stdout=StringIO())
    assert hashed.find(key).scope == FULL


def test_a_row_that_an_older_process_inserts_has_the_full_scope(user):
    """An older process does not name the column, and serves while the newer one migrates."""
    hashed.obtain(user)
    columns = [field.column for field in HashedToken._meta.concrete_fields if field.name not in ("id", "scope")]
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {', '.join(columns)} FROM tokens_hashedtoken")
        row = dict(zip(columns, cursor.fetchone(), strict=True)) | {"digest": b"x" * 32}
        places = ", ".join(["%s"] * len(row))
        cursor.execute(f"INSERT INTO tokens_hashedtoken ({', '.join(row)}) VALUES ({places})", list(row.values()))
    assert HashedToken.objects.order_by("pk").last().scope == FULL


@pytest.mark.parametrize("scope", scopes.CHOICES)
def test_a_rotation_keeps_the_scope_and_says_it_whatever_it_is(api, user, scope):
    key = obtain(api, scope=scope)
    answer = rotate(api, key)
    assert (answer.status_code, answer.json()["scope"]) == (200, scope)
    assert hashed.find(answer.json()["token"]).scope == scope


def test_the_list_shows_the_scopes(api, user):
    key = obtain(api, scope="read")
    obtain(api, scope="write")
    assert [each["scope"] for each in own(api, key)] == [WRITE, READ]


# --- what the endpoints ask for -------------------------------------------------------------------


def test_who_am_i_is_for_a_token_that_may_read(api, user):
    assert [whoami(api, obtain(api, scope=scope)) for scope in scopes.CHOICES] == [200, 200, 403]
    assert_lacks(api.get("/whoami/", headers=header(obtain(api, scope="write"))), READ)


def test_a_token_that_may_only_read_changes_no_track(api, user):
    Genre.objects.create(name="Rock")
    full, reader = obtain(api), obtain(api, scope="read")
    track = api.post("/tracks/", NEW, headers=header(full)).json()
    path = f"/tracks/{track['id']}/"
    for method, url in (("post", "/tracks/"), ("put", path), ("patch", path), ("delete", path)):
        assert_lacks(getattr(api, method)(url, NEW, headers=header(reader)), WRITE)
    for method in ("get", "head", "options"):
        assert getattr(api, method)(path, headers=header(reader)).status_code == 200
    assert api.get(path, headers=header(full)).json() == track
    assert Track.objects.count() == 1


def test_a_token_that_may_only_write_reads_no_track(api, user):
    Genre.objects.create(name="Rock")
    writer = header(obtain(api, scope="write"))
    track = api.post("/tracks/", NEW, headers=writer)
    assert track.status_code == 201
    path = f"/tracks/{track.json()['id']}/"
    for url in ("/tracks/", path):
        assert_lacks(api.get(url, headers=writer), READ)
        assert api.head(url, headers=writer).status_code == api.options(url, headers=writer).status_code == 403
    assert api.patch(path, {"title": "Other"}, headers=writer).status_code == 200
    assert api.delete(path, headers=writer).status_code == 204


def test_the_owner_of_another_track_gets_the_answer_as_before(api, user, staff):
    Genre.objects.create(name="Rock")
    track = api.post("/tracks/", NEW, headers=header(hashed.obtain(staff).key)).json()
    answer = api.delete(f"/tracks/{track['id']}/", headers=header(obtain(api)))
    assert (answer.status_code, list(answer.json())) == (403, ["detail"])
    assert "WWW-Authenticate" not in answer


def test_where_anyone_may_read_so_may_a_token_that_may_only_write(api, user, settings):
    settings.ANONYMOUS_READ = True
    reader, writer = header(obtain(api, scope="read")), header(obtain(api, scope="write"))
    assert api.get("/tracks/").status_code == api.get("/tracks/", headers=writer).status_code == 200
    assert_lacks(api.post("/tracks/", {}, headers=reader), WRITE)
    assert api.post("/tracks/", {}, headers=writer).status_code == 400
    assert_lacks(api.get("/whoami/", headers=writer), READ)


def test_a_leaked_token_that_may_only_read_ends_itself_and_nothing_else(api, user):
    other, reader = obtain(api), obtain(api, scope="read")
    ids = [each["id"] for each in own(api, reader)]
    for pk in (*ids, 0):
        assert_lacks(api.delete(f"/api-token-auth/tokens/{pk}/", headers=header(reader)), WRITE)
    assert_lacks(api.post("/api-token-auth/revoke/", {"everywhere": True}, headers=header(reader)), WRITE)
    assert [whoami(api, key) for key in (other, reader)] == [200, 200]
    assert api.post("/api-token-auth/revoke/", headers=header(reader)).status_code == 204
    assert [whoami(api, key) for key in (other, reader)] == [200, 401]


def test_a_token_that_may_only_write_lists_no_tokens_and_ends_each(api, user):
    other, writer = obtain(api), obtain(api, scope="write")
    assert_lacks(api.get("/api-token-auth/tokens/", headers=header(writer)), READ)
    assert delete(api, writer, hashed.find(other).pk) == 204
    assert api.post("/api-token-auth/revoke/", {"everywhere": True}, headers=header(writer)).status_code == 204
    assert not HashedToken.objects.exists()


def test_the_forms_of_the_browsable_api_are_for_a_token_that_may_write(api, user):
    for scope, is_shown in (("read", False), (FULL, True)):
        page = api.get("/tracks/", headers=header(obtain(api, scope=scope)) | {"Accept": "text/html"})
        assert page.status_code == 200
        assert ('method="POST"' in page.content.decode()) is is_shown
        actions = api.options("/tracks/", headers=header(obtain(api, scope=scope))).json().get("actions", {})
        assert ("POST" in actions) is is_shown


def test_a_dead_token_of_too_little_scope_is_refused_as_dead(api, user):
    key = obtain(api, scope="read")
    User.objects.update(is_active=False)
    assert api.post("/tracks/", {}, headers=header(key)).status_code == 401


@pytest.mark.parametrize("scope", [READ, WRITE])
def test_a_scope_costs_no_statement(api, user, scope):
    full, limited = obtain(api), obtain(api, scope=scope)
    counts = {}
    for method, path in (("get", "/whoami/"), ("post", "/tracks/"), ("get", "/api-token-auth/tokens/")):
        for key in (full, limited):
            with CaptureQueriesContext(
                connection,
            ) as captured:
                status = getattr(api, method)(path, headers=header(key)).status_code
            counts[method, path, status] = len(captured)
    assert counts["get", "/whoami/", 200] == 1
    assert {counts[asked] for asked in counts if asked[2] == 403} == {1}


# --- what is logged -------------------------------------------------------------------------------


def test_a_refusal_for_its_scope_is_logged_with_the_tokens_id(api, user, logged):
    key = obtain(api, scope="read")
    logged.words()
    api.post("/tracks/", {}, headers=header(key))
    api.get("/tracks/", headers=header(key) | {"Accept": "text/html"})  # asks for permissions to draw forms
    (event,) = logged.events
    token = str(HashedToken.objects.get().pk)
    assert event == {
        "event": "credential.refused",
        "scheme": "token-hashed",
        "reason": "scope",
        "user": str(user.pk),
        "token": token,
        "address": "127.0.0.1",
    }


# --- other credentials, other views ---------------------------------------------------------------


@pytest.mark.parametrize("name", [name for name, row in SCHEMES.items() if not row.scoped])
def test_a_credential_without_a_scope_is_not_limited(door_to, user, name):
    Genre.objects.create(name="Rock")
    door = door_to(name)
    headers = {"Authorization": f"{door.scheme.keyword} {door.credential(user)}"}
    assert door.get("/whoami/", door.credential(user)).status_code == 200
    assert door.client.post("/tracks/", NEW, headers=headers).status_code == 201


@pytest.mark.parametrize("name", ["jwt", "jwt-pushed", "jwt-stateless"])
@pytest.mark.parametrize(
    ("scope", "statuses"),
    [
        ("read", [200, 403]),
        ("write", [403, 400]),
        ("openid write read", [200, 400]),
        ("openid", [403, 403]),
        ("", [403, 403]),
        (["read", "write"], [403, 403]),
        (7, [403, 403]),
        (True, [403, 403]),
    ],
)
def test_a_claim_of_a_scope_limits_an_access_token(door_to, user, logged, name, scope, statuses):
    door = door_to(name)
    access = forge(str(logins.log_in(user).access), scope=scope)
    headers = {"Authorization": f"Bearer {access}"}
    answers = [door.client.get("/whoami/", headers=headers), door.client.post("/tracks/", {}, headers=headers)]
    assert [answer.status_code for answer in answers] == statuses
    for answer in answers:
        if answer.status_code == 403:
            assert 'error="insufficient_scope"' in answer["WWW-Authenticate"]
            assert answer["WWW-Authenticate"].startswith('Bearer realm="api"')
    assert logged.words() == ["credential.refused scope"] * statuses.count(403)


@pytest.mark.parametrize("name", ["jwt", "jwt-pushed", "jwt-stateless"])
def test_an_access_token_that_may_only_read_ends_its_own_login_alone(door_to, user, name):
    api, pair, other = door_to(name).client, logins.log_in(user), logins.log_in(user)
    headers = {"Authorization": f"Bearer {forge(str(pair.access), scope='read')}"}
    sessions = "/api/token/sessions/"
    assert len(api.get(sessions, headers=headers).json()) == 2
    for refused in (
        api.delete(f"{sessions}{other.access.sid}/", headers=headers),
        api.post("/api/token/logout/", {"everywhere": True}, headers=headers),
    ):
        assert (refused.status_code, refused.json()["code"]) == (403, "insufficient_scope")
        assert refused["WWW-Authenticate"] == 'Bearer realm="api", error="insufficient_scope", scope="write"'
    assert api.post("/api/token/logout/", headers=headers).status_code == 204
    assert [each.pk for each in logins.living()] == [other.access.sid]
    # The holder of a refresh token, which has no scope, can end all.
    refresh = {"refresh": str(other.refresh), "everywhere": True}
    assert api.post("/api/token/logout/", refresh, headers=headers).status_code == 204
    assert not logins.living().exists()


class Guarded(APIView):
    permission_classes = (IsAuthenticated, HasScope)

    def post(self, request):
        return Response({"scope": request.auth.scope})


@pytest.mark.parametrize("scope", scopes.CHOICES)
def test_a_view_of_another_project_asks_for_it_with_drfs_own_handler_too(user, settings, scope):
    settings.REST_FRAMEWORK = {"DEFAULT_PERMISSION_CLASSES": []}
    request = APIRequestFactory().post("/")
    force_authenticate(request, user, hashed.obtain(user, scope=scope))
    answer = Guarded.as_view()(request)
    assert answer.status_code == (403 if scope == READ else 200)
    request = APIRequestFactory().post("/", headers=header(hashed.obtain(user, scope=scope).key))
    answer = Guarded.as_view(authentication_classes=[HashedTokenAuthentication])(request)
    if scope == READ:
        assert (answer.status_code, answer.data["code"]) == (403, "insufficient_scope")
        assert answer["WWW-Authenticate"] == 'Token realm="api", error="insufficient_scope", scope="write"'
    else:
        assert answer.status_code == 200


@pytest.mark.once
def test_a_project_that_asks_for_no_scope_is_told_before_it_serves(settings):
    def errors(schemes, permissions):
        settings.REST_FRAMEWORK = {
            **settings.REST_FRAMEWORK,
            "DEFAULT_AUTHENTICATION_CLASSES": [SCHEMES[name].authentication for name in schemes],
            "DEFAULT_PERMISSION_CLASSES": permissions,
        }
        return [message.id for message in run_checks() if message.id.startswith("tokens.")]

    nothing, something = ["rest_framework.permissions.IsAuthenticated"], ["auth_core.scopes.HasScope"]
    assert errors(["token-hashed", "jwt"], nothing) == ["tokens.E003"]
    assert errors(["token-hashed", "jwt"], nothing + something) == []
    assert errors(["token", "jwt"], nothing) == []


@pytest.mark.once
def test_the_document_names_the_scope_that_an_operation_asks_for(door_to, db):
    found = {}
    for name in ("token-hashed", "token", "jwt"):
        document = door_to(name).client.get("/schema/?format=json").json()
        for path, operations in document["paths"].items():
            for method, operation in operations.items():
                scopes = [each[name] for each in operation["security"] if each.get(name)]
                if scopes:
                    (found[name, method, path],) = scopes
                assert ("403" in operation["responses"]) >= bool(scopes)
    tracks, own = "/tracks/{id}/", "/api-token-auth/tokens/"
    assert found == {
        **{("token-hashed", "get", path): ["read"] for path in ("/whoami/", "/tracks/", tracks, own)},
        **{("token-hashed", method, tracks): ["write"] for method in ("put", "patch", "delete")},
        ("token-hashed", "post", "/tracks/"): ["write"],
        ("token-hashed", "delete", own + "{id}/"): ["write"],
    }
