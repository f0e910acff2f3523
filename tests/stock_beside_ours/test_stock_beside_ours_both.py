"""Stock Django REST framework's behaviour for both kinds of credential, and this project's.

Each finding is a pair. The stock half asserts what the library does today, and fails when an
upstream release mends it. The other half asserts what this project promises. `beside` makes the
pair; B1 … B9 are the findings' names. A failure prints the versions that the finding holds for.
"""

import json
from contextlib import suppress
from threading import Barrier, BrokenBarrierError

import pytest
from django.contrib.auth.hashers import MD5PasswordHasher, PBKDF2PasswordHasher
from django.contrib.auth.models import User
from django.db import ConnectionHandler, OperationalError, connection
from django.urls import path
from django.utils.module_loading import import_string
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.generators import SchemaGenerator
from rest_framework.authentication import TokenAuthentication
from rest_framework.authtoken.models import Token
from rest_framework.authtoken.views import ObtainAuthToken
from rest_framework.test import APIClient
from rest_framework_simplejwt.authentication import JWTAuthentication
from rest_framework_simplejwt.tokens import AccessToken
from rest_framework_simplejwt.views import TokenRefreshView

from config.openapi import EXTENSIONS
from config.schemes import SCHEMES, SchemeError, choose
from config.switches import SWITCHES
from config.views import WhoAmIView
from tests.support import servers
from tests.support.stock import (
    HOLDS_FOR,
    LOGIN,
    ON_POSTGRESQL,
    ThreePerMinute,
    beside,
    by_the_library,
    holds_for,
    installed,
    serve,
    whoami,
)
from tests.support.threads import at_once
from tests.urlconf import urlconf_for

# --- B1 ------------------------------------------------------------------------------------------

STOCK_PAIR = (TokenAuthentication, JWTAuthentication)


def test_stock_words_a_refused_bearer_as_a_challenge_for_a_token(settings):
    """B1"""
    view = by_the_library(WhoAmIView, authentication_classes=STOCK_PAIR)
    response = whoami(serve(settings, path("whoami/", view)), "Bearer x.y.z")
    assert response.status_code == 401
    assert response["WWW-Authenticate"] == "Token"


@pytest.mark.parametrize("names", [("token", "jwt"), ("jwt", "token")], ids=" then ".join)
def test_ours_words_a_refused_bearer_as_such_and_names_every_scheme(settings, names):
    """B1"""
    settings.ROOT_URLCONF = urlconf_for(*choose(names))
    response = whoami(APIClient(raise_request_exception=False), "Bearer x.y.z")
    assert response.status_code == 401
    challenges = {"token": 'Token realm="api"', "jwt": 'Bearer realm="api", error="invalid_token"'}
    assert response["WWW-Authenticate"] == ", ".join(challenges[name] for name in names)


# --- B2 ------------------------------------------------------------------------------------------


class BearerToken(TokenAuthentication):
    """Change the keyword as DRF's documentation says."""

    keyword = "Bearer"


@pytest.mark.parametrize(
    ("classes", "opaque", "access"),
    [((BearerToken, JWTAuthentication), 200, 401), ((JWTAuthentication, BearerToken), 401, 200)],
    ids=["opaque first", "JWT first"],
)
def test_stock_serves_one_of_two_classes_with_the_same_keyword(settings, user, classes, opaque, access):
    """B2"""
    client = serve(settings, path("whoami/", by_the_library(WhoAmIView, authentication_classes=classes)))
    assert whoami(client, f"Bearer {Token.objects.get(user=user).key}").status_code == opaque
    assert whoami(client, f"Bearer {AccessToken.for_user(user)}").status_code == access


@pytest.mark.parametrize(
    "names", [("simplejwt", "jwt"), ("jwt", "simplejwt"), ("token", "jwt", "drf-token")], ids=",".join
)
def test_ours_does_not_start_with_two_rows_of_one_keyword(names):
    """B2"""
    with pytest.raises(SchemeError, match="both answer to the keyword") as refused:
        choose(names)
    assert refused.value.id == "config.E003"


@pytest.mark.once
def test_ours_stops_at_start_up_on_two_rows_of_one_keyword():
    """B2"""
    done = servers.run("manage.py", "check", AUTH_SCHEMES="simplejwt,jwt")
    assert done.returncode != 0
    assert "config.E003" in done.stderr


# --- B3, B4: hostile bodies -----------------------------------------------------------------------

DEEP = "[" * 100_000
OURS_THAT_READ_JSON = [
    ("token", "/api-token-auth/"),
    ("token", "/api-token-auth/revoke/"),
    ("jwt", "/api/token/"),
    ("jwt", "/api/token/refresh/"),
    ("jwt", "/api/token/verify/"),
    ("jwt", "/api/token/logout/"),
]


def post_json(client, url, body, **headers):
    return client.post(url, body, content_type="application/json", headers=headers)


@pytest.mark.parametrize("view", [ObtainAuthToken, TokenRefreshView], ids=lambda view: view.__name__)
def test_stock_fails_on_nesting_without_end(settings, view):
    """B3"""
    client = serve(settings, path("api/", by_the_library(view)))
    assert post_json(client, "/api/", DEEP).status_code == 500


@pytest.mark.parametrize(("row", "url"), OURS_THAT_READ_JSON)
def test_ours_refuses_nesting_without_end_as_json(door_to, user, row, url):
    """B3"""
    headers = {"Authorization": f"Token {user.auth_token.key}"} if url.endswith("revoke/") else {}
    response = post_json(door_to(row).client, url, DEEP, **headers)
    assert response.status_code == 400
    assert "nested too deeply" in response.json()["detail"]


OVERSIZE = json.dumps({"username": "a" * 300_000})


@pytest.mark.parametrize("view", [ObtainAuthToken, TokenRefreshView], ids=lambda view: view.__name__)
def test_stock_answers_an_oversize_body_with_a_page_of_html(settings, view):
    """B4"""
    client = serve(settings, path("api/", by_the_library(view)))
    response = post_json(client, "/api/", OVERSIZE)
    assert response.status_code == 400
    assert response["Content-Type"].startswith("text/html")


@pytest.mark.parametrize("content_type", ["application/json", "application/x-www-form-urlencoded", "text/plain"])
@pytest.mark.parametrize(("row", "url"), OURS_THAT_READ_JSON)
def test_ours_answers_an_oversize_body_in_json(door_to, row, url, content_type):
    """B4"""
    response = door_to(row).client.post(url, OVERSIZE, content_type=content_type)
    assert response.status_code == 413
    assert response["Content-Type"] == "application/json"
    assert "too large" in response.json()["detail"]


def test_ours_answers_an_oversize_body_in_json_without_its_middleware_too(door_to, settings):
    """B4"""
    settings.MIDDLEWARE = []
    for row, url in (("token", "/api-token-auth/"), ("jwt", "/api/token/refresh/")):
        response = post_json(door_to(row).client, url, OVERSIZE)
        assert response.status_code == 413
        assert response["Content-Type"] == "application/json"


# --- B5 ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("row", "url", "said"),
    [
        pytest.param("drf-token", "/api-token-auth/", None, id="B5-stock-opaque"),
        pytest.param("token", "/api-token-auth/", "no-store", id="B5-ours-opaque"),
        pytest.param("simplejwt", "/api/token/", None, id="B5-stock-pair"),
        pytest.param("jwt", "/api/token/", "no-store", id="B5-ours-pair"),
    ],
)
def test_whether_a_cache_may_keep_an_issued_credential(door_to, user, row, url, said):
    client = door_to(row).client
    response = client.post(url, LOGIN)
    assert response.status_code == 200
    assert response.get("Cache-Control") == said
    if "refresh" in response.json():
        refreshed = client.post("/api/token/refresh/", {"refresh": response.json()["refresh"]})
        assert refreshed.status_code == 200
        assert refreshed.get("Cache-Control") == said


# --- B6 ------------------------------------------------------------------------------------------


@pytest.fixture
def database_away(transactional_db):
    """Point new connections at a port nobody listens on, or at a folder that is not there."""
    if ON_POSTGRESQL:
        away = {"HOST": "127.0.0.1", "PORT": str(servers.free_port()), "OPTIONS": {"connect_timeout": 1}}
    else:
        away = {"NAME": "/nowhere/at/all.sqlite3"}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in away.items():
            patch.setitem(connection.settings_dict, name, value)
        with pytest.raises(OperationalError):
            at_once(User.objects.exists)
        yield


KEY = "a" * 40


def an_access_token() -> str:
    return str(AccessToken.for_user(User(pk=1)))


@pytest.mark.parametrize("classes", [(TokenAuthentication,), (JWTAuthentication,)], ids=["opaque", "JWT"])
def test_stock_answers_500_without_its_database(settings, database_away, classes):
    """B6"""
    client = serve(settings, path("whoami/", by_the_library(WhoAmIView, authentication_classes=classes)))
    credential = f"Token {KEY}" if TokenAuthentication in classes else f"Bearer {an_access_token()}"
    (response,) = at_once(lambda: whoami(client, credential))
    assert response.status_code == 500


@pytest.mark.parametrize("row", ["token", "jwt"])
def test_ours_answers_503_without_its_database(door_to, obtain_pair, row, request):
    """B6"""
    credential = Token.objects.get(user__username="ada").key if row == "token" else obtain_pair()["access"]
    door = door_to(row)
    assert door.get("/whoami/", credential).status_code == 200
    request.getfixturevalue("database_away")
    login = "/api-token-auth/" if row == "token" else "/api/token/"
    for response in (
        *at_once(lambda: door.get("/whoami/", credential)),
        *at_once(lambda: door.client.post(login, LOGIN)),
    ):
        assert response.status_code == 503
        assert response["Retry-After"] == "5"
        assert response["Content-Type"] == "application/json"


@pytest.fixture
def cache_away(settings):
    settings.CACHES = {"default": SWITCHES["CACHE_URL"].parse(f"redis://127.0.0.1:{servers.free_port()}")}


@pytest.mark.parametrize("view", [ObtainAuthToken, TokenRefreshView], ids=lambda view: view.__name__)
def test_stock_answers_500_on_a_throttled_endpoint_without_its_cache(settings, user, cache_away, view):
    """B6"""
    client = serve(settings, path("api/", by_the_library(view, throttle_classes=(ThreePerMinute,))))
    assert client.post("/api/", LOGIN).status_code == 500


@pytest.mark.parametrize(("row", "login"), [("token", "/api-token-auth/"), ("jwt", "/api/token/")])
def test_ours_refuses_logins_with_503_without_its_cache_and_serves_everything_else(
    door_to, obtain_pair, settings, request, row, login
):
    """B6"""
    pair, key = obtain_pair(), Token.objects.get().key
    request.getfixturevalue("cache_away")
    settings.LOGIN_THROTTLE = "3/min"
    door = door_to(row)
    response = door.client.post(login, LOGIN)
    assert response.status_code == 503
    assert response["Retry-After"] == "5"
    assert response["Content-Type"] == "application/json"
    if row == "token":
        assert door.get("/whoami/", key).status_code == 200
        assert door.client.post("/api-token-auth/new/", headers={"Authorization": f"Token {key}"}).status_code == 200
    else:
        assert door.get("/whoami/", pair["access"]).status_code == 200
        assert door.client.post("/api/token/refresh/", {"refresh": pair["refresh"]}).status_code == 200
        assert door.client.post("/api/token/refresh/", {"refresh": "x"}).status_code == 401


# --- B7 ------------------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.skipif(ON_POSTGRESQL, reason="shows on SQLite only")
@beside(
    "B7",
    (dict, [None, "database is locked"], 1),
    (lambda: connection.settings_dict["OPTIONS"], [None, None], 2),
    names="options, expected, counted",
)
def test_two_transactions_that_read_before_they_write(tmp_path, options, expected, counted):
    # A separate database. A project would set no more for it than these options.
    database = {"ENGINE": "django.db.backends.sqlite3", "NAME": tmp_path / "file", "OPTIONS": options()}
    beside_the_tests = ConnectionHandler({"default": database})
    both_have_read = Barrier(2)

    def execute(statement, *parameters):
        with beside_the_tests["default"].cursor() as cursor:
            cursor.execute(statement, parameters)
            return cursor.fetchone()

    def add_one():
        connection = beside_the_tests["default"]
        try:
            # transaction.atomic() does this, but only for the project's own databases.
            connection.set_autocommit(False, force_begin_transaction_with_broken_autocommit=True)
            (value,) = execute("SELECT value FROM counter")
            # IMMEDIATE makes the second one wait at BEGIN until the first commits, so the barrier
            # breaks.
            with suppress(BrokenBarrierError):
                both_have_read.wait(timeout=0.3)
            execute("UPDATE counter SET value = %s", value + 1)
            connection.commit()
        except OperationalError as error:
            return str(error)
        finally:
            connection.close()

    execute("CREATE TABLE counter (value INTEGER)")
    execute("INSERT INTO counter VALUES (0)")
    assert sorted(at_once(add_one, add_one), key=str) == sorted(expected, key=str)
    assert execute("SELECT value FROM counter") == (counted,)
    beside_the_tests.close_all()


# --- B8 ------------------------------------------------------------------------------------------


def schema_of(rows) -> dict:
    """Return the OpenAPI document of one endpoint for each row.

    The generator's warnings are then in GENERATOR_STATS.
    """
    GENERATOR_STATS.reset()
    patterns = [
        path(f"{row.name}/", WhoAmIView.as_view(authentication_classes=[import_string(row.authentication)]))
        for row in rows
    ]
    return SchemaGenerator(patterns=patterns).get_schema(public=True)


def warnings() -> str:
    text = "\n".join([*GENERATOR_STATS._warn_cache, *GENERATOR_STATS._error_cache])
    GENERATOR_STATS.reset()
    return text


@pytest.mark.once
def test_stock_gives_both_jwt_classes_one_name_and_warns(monkeypatch):
    """B8"""
    stock = [extension for extension in OpenApiAuthenticationExtension._registry if extension not in EXTENSIONS]
    monkeypatch.setattr(OpenApiAuthenticationExtension, "_registry", stock)
    names = schema_of([SCHEMES["simplejwt"], SCHEMES["simplejwt-stateless"]])["components"]["securitySchemes"]
    assert list(names) == ["jwtAuth"]
    assert "jwtAuth" in warnings()


@pytest.mark.once
def test_ours_names_each_row_as_it_is_called_and_warns_of_nothing():
    """B8"""
    document = schema_of(SCHEMES.values())
    assert warnings() == ""
    assert set(document["components"]["securitySchemes"]) == set(SCHEMES)
    for name, row in SCHEMES.items():
        assert document["paths"][f"/{name}/"]["get"]["security"] == [{name: ["read"] if row.scoped else []}]


# --- B9 ------------------------------------------------------------------------------------------


@pytest.fixture
def password_checks(monkeypatch):
    """Return a list that grows with every check of a password."""
    checks = []
    verify = MD5PasswordHasher.verify
    monkeypatch.setattr(
        MD5PasswordHasher, "verify", lambda self, *arguments: checks.append(1) or verify(self, *arguments)
    )
    return checks


@pytest.mark.parametrize("row", [pytest.param(name, id=f"B9-{name}") for name in SCHEMES])
def test_a_password_is_checked_at_login_and_never_where_requests_are_timed(door_to, user, password_checks, row):
    door = door_to(row)
    login = "/api-token-auth/" if door.scheme.keyword == "Token" else "/api/token/"
    assert door.client.post(login, LOGIN).status_code == 200
    assert len(password_checks) == 1
    credential = door.credential(user)  # a benchmark begins with a credential
    for _ in range(3):
        assert door.get("/whoami/", credential).status_code == 200
    assert len(password_checks) == 1


@pytest.mark.once
def test_the_slow_hasher_is_the_one_that_is_served():
    """B9"""
    script = "from django.conf import settings; print(settings.PASSWORD_HASHERS[0])"
    served = servers.run("-c", script, DJANGO_SETTINGS_MODULE="config.settings")
    assert served.stdout.strip() == "django.contrib.auth.hashers.PBKDF2PasswordHasher"
    assert PBKDF2PasswordHasher.iterations >= 1_000_000


# --- the versions --------------------------------------------------------------------------------


@pytest.mark.once
def test_every_finding_names_the_versions_it_holds_for_and_these_are_installed():
    """Look at the pairs again when this fails, and add the version or mend the stock half."""
    for letter, libraries in HOLDS_FOR.items():
        for library, versions in libraries.items():
            here = ".".join(map(str, installed(library)))
            assert any(f"{here}.".startswith(f"{each}.") for each in versions), holds_for(letter)
