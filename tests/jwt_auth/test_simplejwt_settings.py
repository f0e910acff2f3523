"""A project's SIMPLE_JWT: our rows do what it says, or a check says why not."""

import json
from datetime import timedelta

import pytest
from django.conf import settings as django_settings
from django.core.checks import run_checks

from auth_core.conf import Conf, conf, derived_signing_key
from tests.support import servers
from tests.support.accounts import PASSWORD
from tests.support.keys import a_key, public_pem
from tests.support.logins import claims, refresh, verify

JWT_NAMES = [name for name in vars(Conf) if name.startswith("JWT_")]
SECRET = "a secret of the project, long enough for HS256"


@pytest.fixture
def host(settings):
    """Return host(NAME=value, ...), which sets SIMPLE_JWT; no setting of ours is set."""
    for name in JWT_NAMES:
        if hasattr(django_settings, name):
            delattr(settings, name)

    def simple_jwt(**values):
        settings.SIMPLE_JWT = values

    simple_jwt()
    yield simple_jwt
    conf.__dict__.clear()


def log_in(api, **more):
    return api.post("/api/token/", {"username": "ada", "password": PASSWORD, **more})


def ids() -> list[str]:
    return [message.id for message in run_checks() if message.id.startswith("jwt_auth")]


def whoami(api, token, keyword):
    return api.get("/whoami/", headers={"Authorization": f"{keyword} {token}"})


def test_a_project_may_have_no_simple_jwt(host, settings):
    del settings.SIMPLE_JWT
    conf.__dict__.clear()
    assert ids() == []
    assert conf.JWT_ALGORITHM == "HS256"


def test_keys_claims_and_lifetimes_are_taken_from_it(host, api, user):
    host(
        ALGORITHM="HS384",
        SIGNING_KEY=SECRET * 2,
        ISSUER="https://host.example",
        AUDIENCE=["host", "app"],
        ACCESS_TOKEN_LIFETIME=timedelta(minutes=1),
        REFRESH_TOKEN_LIFETIME=timedelta(days=90),
        LEEWAY=3,
    )
    assert ids() == []
    pair = log_in(api).json()
    access, parent = claims(pair["access"]), claims(pair["refresh"])
    assert (access["iss"], access["aud"]) == ("https://host.example", ["host", "app"])
    assert access["exp"] - access["iat"] == 60
    assert parent["exp"] - parent["iat"] == 90 * 86_400
    assert timedelta(seconds=3) == conf.JWT_LEEWAY
    assert whoami(api, pair["access"], "Bearer").status_code == 200
    assert refresh(api, pair).status_code == 200
    host(ALGORITHM="HS384", SIGNING_KEY="another " * 10)
    assert whoami(api, pair["access"], "Bearer").status_code == 401


def test_a_pair_of_keys_is_taken_from_it(host, api, user):
    key = a_key("ES256")
    host(ALGORITHM="ES256", SIGNING_KEY=key.encode(), VERIFYING_KEY=public_pem(key))
    assert ids() == ["jwt_auth.W007"]
    assert whoami(api, log_in(api).json()["access"], "Bearer").status_code == 200
    assert len(api.get("/.well-known/jwks.json").json()["keys"]) == 1


def test_without_a_signing_key_ours_is_derived_and_secret_key_signs_nothing(host):
    assert derived_signing_key(django_settings.SECRET_KEY) == conf.JWT_SIGNING_KEY
    host(SIGNING_KEY="")
    assert derived_signing_key(django_settings.SECRET_KEY) == conf.JWT_SIGNING_KEY


def test_each_of_its_keywords_is_accepted_and_the_first_is_the_challenge(host, api, user):
    host(AUTH_HEADER_TYPES=["JWT", "Bearer"])
    access = log_in(api).json()["access"]
    for keyword in ("JWT", "jwt", "Bearer"):
        assert whoami(api, access, keyword).json()["id"] == user.pk
        refused = whoami(api, "x", keyword)
        assert refused.status_code == 401
        assert 'JWT realm="api", error="invalid_token"' in refused["WWW-Authenticate"]
    assert whoami(api, access, "JWTs").status_code == 401
    assert api.post("/api/token/logout/", headers={"Authorization": f"JWT {access}"}).status_code == 204
    assert whoami(api, access, "Bearer").status_code == 401


@pytest.mark.parametrize("field", ["username", "pk", "id"])
def test_the_claim_and_the_field_of_the_user_are_taken_from_it(host, api, user, field):
    host(USER_ID_CLAIM="sub", USER_ID_FIELD=field)
    pair = log_in(api).json()
    for token in (pair["access"], pair["refresh"]):
        assert claims(token)["sub"] == str(getattr(user, field))
        assert "user_id" not in claims(token)
    assert whoami(api, pair["access"], "Bearer").json()["id"] == user.pk
    assert verify(api, pair["refresh"]).status_code == 200
    child = refresh(api, pair).json()
    user.username = "another"
    user.save()
    assert whoami(api, child["access"], "Bearer").status_code == (401 if field == "username" else 200)


@pytest.mark.parametrize("is_on", [True, False])
def test_a_login_writes_last_login_where_it_says_so(host, api, user, is_on):
    host(UPDATE_LAST_LOGIN=is_on)
    assert log_in(api).status_code == 200
    user.refresh_from_db()
    assert (user.last_login is not None) == is_on


@pytest.mark.once
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AUTH_HEADER_TYPES", ()),
        ("AUTH_HEADER_TYPES", ("Two words",)),
        ("AUTH_HEADER_TYPES", 5),
        ("USER_ID_CLAIM", "sid"),
        ("USER_ID_FIELD", "first_name"),
        ("USER_ID_FIELD", "uuid"),
    ],
)
def test_a_value_that_nobody_can_honour_is_an_error(host, name, value):
    host(**{name: value})
    (error,) = [message for message in run_checks() if message.id == "jwt_auth.E008"]
    assert error.msg.startswith(f"SIMPLE_JWT[{name!r}] is {value!r}: ")


@pytest.mark.once
def test_a_keyword_of_two_classes_is_an_error(host):
    host(AUTH_HEADER_TYPES=("JWT", "token"))
    (error,) = [message for message in run_checks() if message.id == "auth_core.E007"]
    assert error.msg.endswith("the keyword 'token', so the first refuses every credential of the second.")


@pytest.mark.once
@pytest.mark.parametrize(
    ("name", "value", "stock", "other"),
    [
        ("JWT_ALGORITHM", "HS256", "ALGORITHM", "HS512"),
        ("JWT_SIGNING_KEY", SECRET, "SIGNING_KEY", "the other secret" * 3),
        ("JWT_ACCESS_LIFETIME", timedelta(minutes=2), "ACCESS_TOKEN_LIFETIME", timedelta(minutes=3)),
        ("JWT_LEEWAY", timedelta(seconds=2), "LEEWAY", 0),
    ],
)
def test_of_two_settings_that_differ_a_check_says_which_counts(host, settings, name, value, stock, other):
    setattr(settings, name, value)
    host(**{stock: other})
    (warning,) = [message for message in run_checks() if message.id == "jwt_auth.W002"]
    assert warning.msg == f"{name} and SIMPLE_JWT[{stock!r}] differ. {name} counts for the tokens of jwt_auth."
    assert SECRET not in str(warning)
    assert getattr(conf, name) == value
    host(**{stock: value.total_seconds() if name == "JWT_LEEWAY" else value})
    assert "jwt_auth.W002" not in ids()


@pytest.mark.once
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SIGNING_KEY", b"\xffhidden" * 8),
        ("VERIFYING_KEY", b"\xffhidden" * 8),
        *[("LEEWAY", value) for value in (float("nan"), float("inf"), 10**400)],
    ],
)
def test_a_value_that_cannot_be_read_is_an_error_that_shows_no_key(host, name, value):
    host(**{"ALGORITHM": "ES256", "SIGNING_KEY": a_key("ES256"), name: value})
    (error,) = [message for message in run_checks() if message.id == "auth_core.E001"]
    assert error.msg.startswith(f"SIMPLE_JWT['{name}'] is ")
    assert "hidden" not in f"{error.msg} {error.hint}"


def test_an_error_names_the_setting_that_the_value_came_from(host):
    host(SIGNING_KEY="short", REFRESH_TOKEN_LIFETIME=timedelta(minutes=1))
    messages = {message.id: message.msg for message in run_checks() if message.is_serious()}
    assert messages["jwt_auth.E002"].startswith("SIMPLE_JWT['SIGNING_KEY']: HS256 needs a secret of at least 32 bytes")
    assert "SIMPLE_JWT['REFRESH_TOKEN_LIFETIME'] (0:01:00)" in messages["jwt_auth.E004"]


_HOST = """
import django, json
from django.conf import settings
settings.configure(
    SECRET_KEY="k" * 50, ALLOWED_HOSTS=["testserver"], ROOT_URLCONF="__main__", LOGIN_THROTTLE=None,
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions",
        "rest_framework", "jwt_auth"],
    REST_FRAMEWORK={"DEFAULT_AUTHENTICATION_CLASSES": ["jwt_auth.authentication.JWTStatelessUserAuthentication"]},
    SIMPLE_JWT={"AUTH_HEADER_TYPES": ("JWT",), "USER_ID_CLAIM": "sub", "USER_ID_FIELD": "username"},
)
django.setup()
from django.contrib.auth.models import User
from django.core.management import call_command
from django.urls import include, path
from rest_framework.decorators import api_view
from rest_framework.response import Response
from rest_framework.test import APIClient
urlpatterns = [
    path("", include("jwt_auth.urls")), path("who/", api_view()(lambda request: Response([request.user.pk])))]
call_command("migrate", verbosity=0)
User.objects.create_user("ada", password="correct horse")
client = APIClient()
access = client.post("/api/token/", {"username": "ada", "password": "correct horse"}).json()["access"]
print(json.dumps(client.get("/who/", headers={"authorization": "JWT " + access}).json()))
"""


@pytest.mark.once
def test_the_stateless_user_is_found_by_the_claim_of_the_project():
    done = servers.run("-c", _HOST)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == ["ada"]
