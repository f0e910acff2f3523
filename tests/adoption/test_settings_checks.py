"""The checks of our settings: each wrong, misspelt or unknown one by name, all of them at once."""

from datetime import timedelta

import pytest
from django.core.checks import run_checks

from auth_core.conf import Conf
from auth_core.rules import RULES
from tests.support.host_projects import BOTH, BOTH_URLS, Host

pytestmark = pytest.mark.once

TEXT = ["5m", 300, 300.0, True, b"5m", [timedelta(1)]]
FLAGS = ["on", 1, None]
# The values of each setting that a project may have by mistake.
WRONG = {
    "LOGIN_THROTTLE": ["10", "ten/min", "0/min", "10/fortnight", 10, "", b"10/min"],
    "CORS_ORIGINS": [
        "https://app.example",
        None,
        [b"https://app.example"],
        ["*"],
        ["https://app.example/"],
        ["app.example"],
    ],
    "TOKEN_AUTO_CREATE": FLAGS,
    "TOKEN_ROTATE_ON_GET": FLAGS,
    "TOKEN_LIFETIME": [*TEXT, timedelta(0), timedelta(-1), timedelta.max],
    "TOKEN_IDLE_LIFETIME": [*TEXT, timedelta(seconds=119)],
    "TOKENS_PER_USER": [0, -1, "50", 1.0, True, 10**6],
    "TOKEN_CACHE_SECONDS": [-1, "30", None, 30.0, timedelta(seconds=30)],
    "JWT_SIGNING_KEY": [None, b"k" * 50],
    "JWT_VERIFYING_KEYS": ["k" * 50, None, [b"k"], [""]],
    "JWT_ACCESS_LIFETIME": [*TEXT, None, timedelta(0)],
    "JWT_REFRESH_LIFETIME": [*TEXT, None, timedelta(0)],
    "JWT_SESSION_LIFETIME": [*TEXT, None, timedelta(0)],
    "JWT_REUSE_GRACE": [*TEXT, None, timedelta(seconds=-1)],
    "JWT_REFRESH_COOKIE": FLAGS,
    "JWT_ISSUER": ["", 5, b"me"],
    "JWT_AUDIENCE": ["", 5, [5], {"a": 1}],
    "JWT_LEEWAY": [*TEXT, None, timedelta(hours=2)],
}
CHECKED_BY_JWT_AUTH = {"JWT_ALGORITHM", "JWT_CLAIMS", "JWT_ACCESS_TYPE", "JWT_ACCEPT_STOCK_UNTIL"}
RIGHT = {
    "LOGIN_THROTTLE": [None, "10/min", "1/s"],
    "TOKEN_LIFETIME": [None, timedelta(days=30)],
    "TOKENS_PER_USER": [None, 1],
    "TOKEN_CACHE_SECONDS": [0, 30],
    "JWT_VERIFYING_KEYS": [[], (), ["k" * 50]],
    "JWT_REUSE_GRACE": [timedelta(0)],
    "CORS_ORIGINS": [[], ("https://app.example", "http://localhost:5173", "http://[::1]:3000", "http://127.0.0.1")],
    "JWT_REFRESH_COOKIE": [True],
    "JWT_ISSUER": [None, "https://example.org"],
    "JWT_AUDIENCE": ["api", ["api", "web"]],
}


def told(*ids: str) -> list[str]:
    return [f"{each.id} {each.msg} {each.hint}" for each in run_checks() if each.id in ids]


def test_each_setting_has_a_rule_and_wrong_values_to_try():
    assert set(RULES) == set(WRONG)
    assert set(RULES) | CHECKED_BY_JWT_AUTH == {name for name in vars(Conf) if name.isupper()}


@pytest.mark.parametrize(
    ("name", "value"),
    [pytest.param(name, value, id=f"{name} {value!r}") for name, values in WRONG.items() for value in values],
)
def test_a_wrong_value_is_named_with_what_is_allowed(settings, name, value):
    setattr(settings, name, value)
    (message,) = told("auth_core.E001")
    assert message.startswith(f"auth_core.E001 {name} is ")
    assert " Allowed: " in message
    assert "KEY" in name or repr(value)[:100] in message


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in RIGHT.items() for value in values])
def test_a_right_value_is_right(settings, name, value):
    setattr(settings, name, value)
    assert told("auth_core.E001") == []


def test_all_wrong_settings_are_named_at_once(settings):
    for name, values in WRONG.items():
        setattr(settings, name, values[0])
    assert [message.split()[1] for message in told("auth_core.E001")] == list(RULES)


def test_no_key_is_printed(settings):
    settings.JWT_SIGNING_KEY = b"hidden-in-bytes"
    settings.JWT_VERIFYING_KEYS = "hidden-too"
    messages = told("auth_core.E001")
    assert len(messages) == 2
    assert not any("hidden" in message for message in messages)


@pytest.mark.parametrize(
    ("misspelt", "meant"),
    [
        ("TOKEN_LIFETMIE", "TOKEN_LIFETIME"),
        ("JTW_ACCESS_LIFETIME", "JWT_ACCESS_LIFETIME"),
        ("TOKEN_PER_USER", "TOKENS_PER_USER"),
        ("LOGIN_THROTTLES", "LOGIN_THROTTLE"),
        ("JWT_SIGNINGKEY", "JWT_SIGNING_KEY"),
    ],
)
def test_a_misspelt_setting_is_an_error(settings, misspelt, meant):
    setattr(settings, misspelt, "a-secret")
    (message,) = told("auth_core.E002", "auth_core.W001")
    assert message == f"auth_core.E002 {misspelt} is no setting, and nothing reads it. Did you mean {meant}?"


def test_a_setting_that_another_library_may_read_is_a_warning(settings):
    settings.JWT_AUTH = {}
    settings.LOGIN_REDIRECT_URL = "/"
    (message,) = told("auth_core.E002", "auth_core.W001")
    assert message.startswith("auth_core.W001 JWT_AUTH is no setting of auth_core, tokens or jwt_auth.")


# --- what a project must have, each with the lines that forget it ---------------------------------

MIDDLEWARE = 'MIDDLEWARE = ["django.middleware.common.CommonMiddleware"]\nREST_FRAMEWORK["NUM_PROXIES"] = 1\n'
REDIS = 'CACHES = {"default": {"BACKEND": "auth_core.caches.RedisCache"'
FORGOTTEN = {
    "rest_framework": ('INSTALLED_APPS.remove("rest_framework")', "auth_core.E003"),
    "our handler of errors": ('del REST_FRAMEWORK["EXCEPTION_HANDLER"]', "auth_core.W002"),
    "a cache that counts": (
        'CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": "redis://h"}}',
        "auth_core.E006",
    ),
    "a cache in the database": (
        'CACHES = {"default": {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "t"}}',
        "auth_core.E006",
    ),
    "no cache": ('CACHES = {"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}', "auth_core.E006"),
    "DRF's own class": (
        'REST_FRAMEWORK["DEFAULT_AUTHENTICATION_CLASSES"].insert(0,"rest_framework.authentication.TokenAuthentication")',
        "auth_core.E007",
    ),
    "SimpleJWT's own class": (
        'REST_FRAMEWORK["DEFAULT_AUTHENTICATION_CLASSES"].append('
        '"rest_framework_simplejwt.authentication.JWTAuthentication")',
        "jwt_auth.E009",
    ),
    "a server for the cache": (f"{REDIS}}}}}", "auth_core.E006"),
    "a URL that the package redis knows": (f'{REDIS}, "LOCATION": ["redis://h", "valkey://h"]}}}}', "auth_core.E006"),
    "the middleware of proxies": (MIDDLEWARE, "auth_core.W003"),
    "the classes": ('del REST_FRAMEWORK["DEFAULT_AUTHENTICATION_CLASSES"]', "auth_core.W006"),
    "sessions in the database": (
        'INSTALLED_APPS.append("django.contrib.sessions")\n'
        'SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"',
        "auth_core.W004",
    ),
    "a transaction around each request": (
        'DATABASES["default"]["ATOMIC_REQUESTS"] = True\n'
        'REST_FRAMEWORK["DEFAULT_AUTHENTICATION_CLASSES"][0] = "tokens.authentication.CachedTokenAuthentication"',
        "tokens.W001",
    ),
    "time zones": ('USE_TZ, TIME_ZONE = False, "Europe/Berlin"', "auth_core.W005"),
}
ALONE = {"auth_core.E007", "auth_core.W006", "jwt_auth.E009", "tokens.W001"}  # their lines exclude each other
KEPT = {
    "an entry of CACHES that counts": FORGOTTEN["a cache in the database"][0]
    + '\nCACHES["auth"] = {"BACKEND": "auth_core.caches.LocMemCache"}',
    "no limit": FORGOTTEN["no cache"][0] + "\nLOGIN_THROTTLE = None",
    "the middleware": MIDDLEWARE + 'MIDDLEWARE.insert(0, "auth_core.address.ForwardedMiddleware")',
    "another keyword": 'REST_FRAMEWORK["DEFAULT_AUTHENTICATION_CLASSES"].append("config.mine.OldTokens")',
    "SimpleJWT's own class with another keyword": 'REST_FRAMEWORK["DEFAULT_AUTHENTICATION_CLASSES"].append('
    '"rest_framework_simplejwt.authentication.JWTAuthentication")\n'
    'REST_FRAMEWORK["DEFAULT_AUTHENTICATION_CLASSES"][1] = "config.mine.OurPairs"',
    "two servers for the cache": f'{REDIS}, "LOCATION": ["redis://h", "unix://h"]}}}}',
    "UTC": 'USE_TZ, TIME_ZONE = False, "UTC"',
}


@pytest.mark.parametrize("forgotten", FORGOTTEN)
def test_what_a_project_forgets_is_named(tmp_path, forgotten):
    lines, message = FORGOTTEN[forgotten]
    assert set(Host(tmp_path, f"{BOTH}{lines}\n", BOTH_URLS).messages()) == {message}


@pytest.mark.parametrize("kept", KEPT)
def test_what_a_project_may_have_is_no_error(tmp_path, kept):
    mine = (
        "from rest_framework.authentication import TokenAuthentication\n"
        "class OldTokens(TokenAuthentication):\n    keyword = 'Old'\n"
        "from jwt_auth.authentication import JWTAuthentication\n"
        "class OurPairs(JWTAuthentication):\n    keyword = 'Pair'\n"
    )
    assert Host(tmp_path, f"{BOTH}{KEPT[kept]}\n", BOTH_URLS, files={"config/mine.py": mine}).messages() == {}


VIEWS = """
from rest_framework.decorators import action, permission_classes
from rest_framework.permissions import AllowAny, IsAdminUser, IsAuthenticated
from rest_framework.routers import SimpleRouter
from rest_framework.views import APIView
from rest_framework.viewsets import ViewSet
from auth_core.scopes import HasScope

class Own(APIView):
    permission_classes = [IsAuthenticated]

class Optional(APIView):
    permission_classes = [IsAuthenticated | HasScope]

class Both(APIView):
    permission_classes = [IsAuthenticated & HasScope]

class Scoped(APIView):
    permission_classes = [IsAuthenticated, HasScope]

class Public(APIView):
    permission_classes = [AllowAny]

class NoTokens(APIView):
    authentication_classes = []
    permission_classes = [IsAdminUser]

class Orders(ViewSet):
    def list(self, request): ...
    @action(detail=False, permission_classes=[IsAdminUser])
    def all(self, request): ...

@api_view()
@permission_classes([IsAdminUser])
def function(request): ...

router = SimpleRouter()
router.register("orders", Orders, basename="order")
views = [view.as_view() for view in (Own, Optional, Both, Scoped, Public, NoTokens)]
urlpatterns += [path("", include([path(f"{number}/", view) for number, view in enumerate([*views, function])]))]
urlpatterns += router.urls
"""


def test_views_whose_permissions_ask_for_no_scope_are_named(tmp_path):
    messages = Host(tmp_path, BOTH, BOTH_URLS + VIEWS).messages()
    assert set(messages) == {"tokens.W002"}
    views = "config.urls.Optional, config.urls.Orders, config.urls.Own, config.urls.function."
    assert f"has no HasScope: {views} " in messages["tokens.W002"]


def test_all_that_is_wrong_in_a_project_is_named_at_once_without_a_traceback(tmp_path):
    lines = "\n".join(
        [
            *(lines for lines, message in FORGOTTEN.values() if message not in ALONE),
            "JWT_ACCESS_LIFETIME = 300",
            'TOKEN_LIFETMIE = "30d"',
            'JWT_ALGORITHM = "HS999"',
        ]
    )
    done = Host(tmp_path, f"{BOTH}{lines}\n", BOTH_URLS).run("-m", "django", "check")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    expected = {message for _, message in FORGOTTEN.values()} | {"auth_core.E001", "auth_core.E002"}
    assert {message for message in expected if f"({message})" in done.stderr} == expected - ALONE


def test_the_app_of_drfs_tokens_is_asked_for_by_name(tmp_path):
    lines = 'INSTALLED_APPS.remove("rest_framework.authtoken")\n'
    done = Host(tmp_path, f"{BOTH}{lines}", BOTH_URLS).run("-m", "django", "check")
    assert done.stderr.splitlines()[-1] == (
        'django.core.exceptions.ImproperlyConfigured: tokens needs "rest_framework.authtoken" in INSTALLED_APPS, '
        'after "tokens": its table holds the tokens (tokens.E001)'
    )
