"""The checks refuse settings that somebody sets and the project's rows do not read."""

import pytest
from django.core.checks import run_checks
from django.utils.module_loading import import_string
from rest_framework.authentication import TokenAuthentication as StockTokenAuthentication
from rest_framework.authtoken.models import Token
from rest_framework_simplejwt.authentication import JWTAuthentication as StockJWTAuthentication
from rest_framework_simplejwt.settings import DEFAULTS

from config.schemes import SCHEMES
from jwt_auth.authentication import JWTStatelessUserAuthentication
from tokens import hashed
from tokens.authentication import CachedTokenAuthentication, HashedTokenAuthentication, TokenAuthentication
from tokens.models import HashedToken

pytestmark = pytest.mark.once

# Settings that a project with a SIMPLE_JWT of its own may have.
SET = {
    "AUTH_HEADER_NAME": "HTTP_X_ACCESS_TOKEN",
    "AUTH_TOKEN_CLASSES": ("rest_framework_simplejwt.tokens.SlidingToken",),
    "TOKEN_TYPE_CLAIM": None,
    "JTI_CLAIM": "id",
    "TOKEN_USER_CLASS": "host.models.TokenUser",
    "USER_AUTHENTICATION_RULE": "host.rules.may_log_in",
    "CHECK_USER_IS_ACTIVE": False,
    "JWK_URL": "https://elsewhere.example/jwks.json",
    "JSON_ENCODER": "host.json.Encoder",
    **{name: "host.Serializer" for name in DEFAULTS if name.endswith("_SERIALIZER")},
    **{name: "x" for name in DEFAULTS if name.startswith("SLIDING_TOKEN") and not name.endswith("_SERIALIZER")},
}
# Our rows read these, or promise what they promise (tests/jwt_auth/test_simplejwt_settings.py).
READ = {"AUTH_HEADER_TYPES", "USER_ID_CLAIM", "USER_ID_FIELD", "UPDATE_LAST_LOGIN", "LEEWAY"}
READ |= {"CHECK_REVOKE_TOKEN", "REVOKE_TOKEN_CLAIM"}
READ |= {"ALGORITHM", "SIGNING_KEY", "VERIFYING_KEY", "ISSUER", "AUDIENCE"}
READ |= {"ACCESS_TOKEN_LIFETIME", "REFRESH_TOKEN_LIFETIME", "ROTATE_REFRESH_TOKENS", "BLACKLIST_AFTER_ROTATION"}


def errors() -> list[str]:
    return [message.msg for message in run_checks() if message.id == "jwt_auth.E006"]


def test_every_setting_of_simplejwt_is_set_from_a_switch_or_named_by_the_check():
    assert set(DEFAULTS) == READ | set(SET)


@pytest.mark.parametrize("name", SET)
def test_a_setting_of_simplejwt_that_our_rows_do_not_read_is_named(settings, name):
    assert errors() == []
    settings.SIMPLE_JWT = {**settings.SIMPLE_JWT, name: SET[name]}
    (error,) = errors()
    assert f"SIMPLE_JWT[{name!r}]" in error
    assert "'jwt' does not honour: " in error
    # SimpleJWT's own rows honour them.
    classes = [SCHEMES["token"].authentication, SCHEMES["simplejwt"].authentication]
    settings.REST_FRAMEWORK = {**settings.REST_FRAMEWORK, "DEFAULT_AUTHENTICATION_CLASSES": classes}
    assert errors() == []


@pytest.mark.parametrize(
    ("name", "id", "hint"),
    [
        ("ACCES_TOKEN_LIFETIME", "jwt_auth.E006", "Did you mean ACCESS_TOKEN_LIFETIME?"),
        ("leeway", "jwt_auth.E006", "Did you mean LEEWAY?"),
        ("AUTH_COOKIE", "jwt_auth.W001", "Remove it, unless code of yours reads it."),
    ],
)
def test_a_name_that_simplejwt_does_not_know_is_told(settings, name, id, hint):
    settings.SIMPLE_JWT = {**settings.SIMPLE_JWT, name: 5}
    (message,) = [each for each in run_checks() if "no setting of SimpleJWT" in each.msg]
    assert (message.id, message.hint) == (id, hint)
    assert f"SIMPLE_JWT[{name!r}]" in message.msg


def test_what_is_set_to_its_default_is_no_error(settings):
    written = {name: list(value) if isinstance(value, tuple) else value for name, value in DEFAULTS.items()}
    settings.SIMPLE_JWT = {**written, **settings.SIMPLE_JWT}
    assert errors() == []


@pytest.mark.parametrize(
    "cls", [row.authentication for row in SCHEMES.values() if row.authentication.startswith("tokens.")]
)
def test_a_model_of_a_subclass_is_refused_and_not_ignored(cls):
    """DRF's class finds tokens by this attribute. Ours would ignore it and use DRF's table."""
    base = import_string(cls)
    with pytest.raises(TypeError, match="Mine: TokenAuthentication does not read `model`; "):
        type("Mine", (base,), {"model": HashedToken})
    with pytest.raises(TypeError, match="`get_model`"):
        type("Mine", (base,), {"get_model": lambda self: HashedToken})

    class Mixin:
        model = HashedToken

    with pytest.raises(TypeError, match="Mine"):
        type("Mine", (Mixin, base), {})
    assert type("Mine", (base,), {"keyword": "Key"}).keyword == "Key"
    assert type("Stock", (StockTokenAuthentication,), {"model": Token})().get_model() is Token


def test_the_memory_refuses_another_service_than_that_of_drfs_table():
    """Its entries have no scope, and nothing drops them when another service revokes a token."""
    with pytest.raises(TypeError, match="Mine: CachedTokenAuthentication does not read `service`; derive from"):
        type("Mine", (CachedTokenAuthentication,), {"service": hashed})
    assert type("Mine", (TokenAuthentication,), {"service": hashed}).service is hashed


@pytest.mark.parametrize(
    "cls", [row.authentication for row in SCHEMES.values() if row.authentication.startswith("jwt_auth.")]
)
@pytest.mark.parametrize("name", ["get_header", "get_raw_token", "get_validated_token", "media_type", "user_model"])
def test_a_hook_of_simplejwts_class_is_refused_and_not_ignored(cls, name):
    """A rule in a method that nobody calls would be enforced by nobody."""
    base = import_string(cls)
    with pytest.raises(TypeError, match=f"Mine: JWTAuthentication does not read `{name}`; override `keyword`"):
        type("Mine", (base,), {name: lambda self, *arguments: None})
    with pytest.raises(TypeError, match="`get_header`, `get_raw_token`, `get_validated_token`"):
        type("Mine", (base, StockJWTAuthentication), {})
    mine = type("Mine", (base,), {"keyword": "JWT", "www_authenticate_realm": "mine"})
    assert mine().authenticate_header(None) == 'JWT realm="mine"'


@pytest.mark.parametrize("base", [HashedTokenAuthentication, JWTStatelessUserAuthentication])
@pytest.mark.parametrize(
    "keyword", ["", "Two words", "Token ", (), ("Token", ""), ["Token"], b"Token", None, property()]
)
def test_a_keyword_that_no_request_can_have_is_refused(base, keyword):
    with pytest.raises(TypeError, match="; allowed: a word, or a tuple of words"):
        type("Mine", (base,), {"keyword": keyword})
