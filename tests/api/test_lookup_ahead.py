"""The requests whose lookup is sent ahead, and that nobody notices it but by the clock."""

import pytest
from django.core.exceptions import MiddlewareNotUsed
from django.db import connections
from django.test.utils import CaptureQueriesContext
from rest_framework.authentication import BasicAuthentication
from rest_framework.authtoken.models import Token
from rest_framework.permissions import AllowAny
from rest_framework.test import APIClient, APIRequestFactory

from auth_core.ahead import LookupAheadMiddleware
from config.views import WhoAmIView
from jwt_auth import models
from jwt_auth.authentication import JWTAuthentication, JWTPushedAuthentication, JWTStatelessUserAuthentication
from tests.support.accounts import PASSWORD
from tokens import hashed
from tokens.authentication import CachedTokenAuthentication, HashedTokenAuthentication, TokenAuthentication

pytestmark = pytest.mark.django_db(transaction=True)
needs_postgresql = pytest.mark.skipif("connections['default'].vendor != 'postgresql'")
MIDDLEWARE = "auth_core.ahead.LookupAheadMiddleware"


@pytest.fixture
def key(user):
    return Token.objects.get(user=user).key


@pytest.fixture
def access(user):
    return str(models.log_in(user).access)


@pytest.fixture
def ahead(monkeypatch):
    """Return a list of what was sent ahead: True for each lookup that was read, else False."""
    if connections["default"].vendor != "postgresql":
        return []
    from auth_core.direct_postgresql import Prepared

    sent, ask, forget = [], Prepared.ask_ahead, Prepared.forget

    def ask_ahead(self, arguments):
        done = ask(self, arguments)
        if done:
            sent.append(None)
        return done

    def forgotten(self):
        sent[-1] = self._asked is None
        forget(self)

    monkeypatch.setattr(Prepared, "ask_ahead", ask_ahead)
    monkeypatch.setattr(Prepared, "forget", forgotten)
    return sent


def warm(api, *credentials):
    for credential in credentials:
        for _ in range(8):  # psycopg has prepared the statement then
            assert api.get("/whoami/", headers={"Authorization": credential}).status_code == 200


@needs_postgresql
def test_a_lookup_is_sent_ahead_for_the_requests_that_make_it_and_for_no_others(api, user, key, access, ahead):
    token, bearer = f"Token {key}", f"Bearer {access}"
    warm(api, token, bearer)
    fresh = str(models.log_in(user).access)
    unknown = models.log_in(user)
    cases = [
        ("/whoami/", token, 200, [True]),
        ("/whoami/", f"tOKEN {key}", 200, [True]),
        ("/whoami/", bearer, 200, [True]),
        ("/tracks/", token, 200, [True]),
        ("/whoami/", f"Token {key[::-1]}", 401, [True]),
        ("/whoami/", f"Bearer {unknown.access}", 200, []),  # it is verified for the first time
        ("/whoami/", f"Bearer {unknown.access}", 200, [True]),
        ("/whoami/", f"Bearer {fresh}x", 401, []),
        ("/whoami/", f"Bearer {unknown.refresh}", 401, []),
        ("/whoami/", f"Bearer {key}", 401, []),
        ("/whoami/", f"Token {access}", 401, []),
        ("/whoami/", f"Token {key}0", 401, []),
        ("/whoami/", f"Token {key} {key}", 401, []),
        ("/whoami/", "Token", 401, []),
        ("/whoami/", "Bearer", 401, []),
        ("/whoami/", f"Basic {key}", 401, []),
        ("/whoami/", key, 401, []),
        ("/whoami/", None, 401, []),
        ("/nothing/", token, 404, []),
        ("/whoami", token, 301, []),
        ("/health/", token, 200, []),
        ("/schema/", token, 200, []),
    ]
    for path, authorization, status, expected in cases:
        del ahead[:]
        headers = {} if authorization is None else {"Authorization": authorization}
        response = api.get(path, headers=headers)
        assert (response.status_code, ahead) == (status, expected), (path, authorization)
    del ahead[:]
    login = {"username": "ada", "password": PASSWORD}
    assert api.post("/api/token/", login, headers={"Authorization": token}).status_code == 200
    assert ahead == []


@needs_postgresql
def test_what_is_refused_before_authentication_leaves_nothing_behind(api, key, ahead):
    warm(api, f"Token {key}")
    del ahead[:]
    refused = api.get("/whoami/", headers={"Authorization": f"Token {key}", "Accept": "image/png"})
    assert (refused.status_code, ahead) == (406, [False])
    Token.objects.all().delete()
    assert api.get("/whoami/", headers={"Authorization": f"Token {key}"}).status_code == 401


def test_the_answers_and_the_statements_are_those_without_it(api, settings, key, access):
    without = APIClient(raise_request_exception=False)
    without.handler.load_middleware = lambda: None
    settings.MIDDLEWARE = [path for path in settings.MIDDLEWARE if path != MIDDLEWARE]
    type(without.handler).load_middleware(without.handler)
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, MIDDLEWARE]
    warm(api, f"Token {key}", f"Bearer {access}")
    for credential in (f"Token {key}", f"Bearer {access}", f"Token {key[::-1]}", "Token x", "Bearer x", "Basic x"):
        for path in ("/whoami/", "/tracks/", "/tracks/?page=0", "/nothing/"):
            found = []
            for client in (api, without):
                with CaptureQueriesContext(connections["default"]) as statements:
                    logged = client.get(path, headers={"Authorization": credential})
                quiet = client.get(path, headers={"Authorization": credential})
                assert (logged.status_code, logged.content) == (quiet.status_code, quiet.content)
                found.append((quiet.status_code, quiet.content, [each["sql"] for each in statements]))
            assert found[0] == found[1], (path, credential)


def test_a_credential_that_was_revoked_before_its_request_is_refused(api, user, key, access):
    """Each request begins after the revocation was committed, so its lookup is sent after it."""
    warm(api, f"Token {key}", f"Bearer {access}")
    for _ in range(50):
        token, login = Token.objects.get(user=user), models.log_in(user)
        headers = [{"Authorization": f"Token {token.key}"}, {"Authorization": f"Bearer {login.access}"}]
        for each in headers * 2:
            assert api.get("/whoami/", headers=each).status_code == 200
        token.delete()
        Token.objects.create(user=user)
        models.end(models.LOGOUT, pk=login.access.sid)
        assert [api.get("/whoami/", headers=each).status_code for each in headers] == [401, 401]


class Own(TokenAuthentication):
    pass


class OwnJWT(JWTAuthentication):
    pass


class OwnThatStates(TokenAuthentication):
    ask_ahead = TokenAuthentication.ask_ahead


class Chooses(WhoAmIView):
    def get_authenticators(self):
        return [TokenAuthentication()]


@needs_postgresql
@pytest.mark.parametrize(
    ("classes", "view", "expected"),
    [
        ([TokenAuthentication], WhoAmIView, True),
        ([JWTAuthentication, TokenAuthentication], WhoAmIView, True),
        ([OwnThatStates], WhoAmIView, True),
        ([], WhoAmIView, False),
        ([Own], WhoAmIView, False),
        ([OwnJWT, TokenAuthentication], WhoAmIView, False),
        ([CachedTokenAuthentication], WhoAmIView, False),
        ([BasicAuthentication, TokenAuthentication], WhoAmIView, False),  # which may ask the database first
        ([HashedTokenAuthentication], WhoAmIView, False),  # the key is none of its own
        ([TokenAuthentication], Chooses, False),
    ],
)
def test_the_first_class_that_may_look_elsewhere_decides(api, key, ahead, classes, view, expected):
    warm(api, f"Token {key}")
    del ahead[:]
    request = APIRequestFactory().get("/whoami/", headers={"Authorization": f"Token {key}"})
    middleware = LookupAheadMiddleware(lambda request: None)
    middleware.process_view(
        request, view.as_view(authentication_classes=classes, permission_classes=[AllowAny]), (), {}
    )
    assert ahead == [None] * expected
    middleware(request)
    assert ahead == [False] * expected


@needs_postgresql
@pytest.mark.parametrize("kind", [JWTStatelessUserAuthentication, JWTPushedAuthentication])
def test_classes_that_answer_from_memory_send_nothing(api, access, ahead, kind):
    warm(api, f"Bearer {access}")
    del ahead[:]
    request = APIRequestFactory().get("/whoami/", headers={"Authorization": f"Bearer {access}"})
    LookupAheadMiddleware(lambda request: None).process_view(
        request, WhoAmIView.as_view(authentication_classes=[kind]), (), {}
    )
    assert ahead == []


@needs_postgresql
@pytest.mark.parametrize("row", ["token", "token-hashed", "jwt"])
def test_a_lookup_that_was_sent_ahead_is_sent_once(door_to, user, monkeypatch, row):
    """A digest is a psycopg.Binary, which equals no other, so a comparison must not use it."""
    from auth_core.direct_postgresql import Prepared

    door = door_to(row)
    credential = door.credential(user)
    for _ in range(8):
        assert door.get("/whoami/", credential).status_code == 200
    results = []
    wait, result = Prepared._wait, Prepared._result
    monkeypatch.setattr(Prepared, "_wait", lambda self, *args: (results.append("dropped"), wait(self, *args))[1])
    monkeypatch.setattr(Prepared, "_result", lambda self: (results.append("read"), result(self))[1])
    assert door.get("/whoami/", credential).status_code == 200
    assert results == ["read"]


@needs_postgresql
def test_a_hashed_token_is_asked_for_ahead(door_to, user, ahead):
    door, key = door_to("token-hashed"), hashed.obtain(user).key
    for _ in range(8):
        assert door.get("/whoami/", key).status_code == 200
    del ahead[:]
    assert door.get("/whoami/", key).status_code == 200
    assert ahead == [True]


@needs_postgresql
def test_a_view_that_raises_leaves_nothing_behind(api, key, ahead, monkeypatch):
    warm(api, f"Token {key}")
    del ahead[:]
    monkeypatch.setattr(WhoAmIView, "initial", lambda *arguments, **options: 1 / 0)
    assert api.get("/whoami/", headers={"Authorization": f"Token {key}"}).status_code == 500
    assert ahead == [False]
    monkeypatch.undo()
    Token.objects.all().delete()
    assert api.get("/whoami/", headers={"Authorization": f"Token {key}"}).status_code == 401


def test_it_is_used_where_a_database_is_a_postgresql():
    if connections["default"].vendor == "postgresql":
        LookupAheadMiddleware(lambda request: None)
    else:
        with pytest.raises(MiddlewareNotUsed):
            LookupAheadMiddleware(lambda request: None)
