"""Anonymous requests, at every endpoint, with values longer than anything the service reads.

No time is measured. The costly steps are watched instead: a value that is too long is refused or
cut before it reaches Unicode normalisation, a password hasher, a JWT decoder, the address parser
or the database.
"""

import ipaddress
import json
import re
import unicodedata
from types import ModuleType
from urllib.parse import urlencode

import jwt
import pytest
from django.contrib.auth.hashers import MD5PasswordHasher
from django.db import connection
from django.test import Client
from django.urls import include, path, resolve

from config import urls
from config.schemes import SCHEMES
from jwt_auth.keys import MAX_TOKEN_LENGTH

pytestmark = [pytest.mark.attack, pytest.mark.django_db]

NAME = "n" * 300  # auth_user.username has 150
TOKEN = "t" * (MAX_TOKEN_LENGTH + 1)
FIELDS = {
    "username": NAME,
    "password": "p",
    "refresh": TOKEN,
    "token": TOKEN,
    "label": NAME,
    "everywhere": NAME,
    "scope": NAME,
}


def urlconf(*patterns) -> ModuleType:
    module = ModuleType("tests.urlconf_sizes")
    module.urlpatterns = list(patterns)
    for handler in ("handler400", "handler403", "handler404", "handler500"):
        setattr(module, handler, getattr(urls, handler))
    return module


# The endpoints of each of our rows. Two rows may share a path, so each row has URLs of its own.
URLCONFS = [urlconf(*urls.urlpatterns, path("", include("telemetry.metrics_view")))]
URLCONFS += [
    urlconf(path("", include(each))) for each in dict.fromkeys(s.urlconf for s in SCHEMES.values() if not s.is_stock)
]


def leaves(patterns, prefix=""):
    for pattern in patterns:
        if hasattr(pattern, "url_patterns"):
            yield from leaves(pattern.url_patterns, prefix + str(pattern.pattern))
        else:
            yield prefix + str(pattern.pattern), pattern.callback


def example(route: str) -> str:
    """Return a path that matches this route, which has converters or is a regular expression."""
    filled = re.sub(r"<uuid:[^>]*>", "00000000-0000-4000-8000-000000000000", route)
    filled = re.sub(r"<[^>]*>|\(\?P<pk>[^)]*\)", "1", re.sub(r"\(\?P<(app_label|url)>[^)]*\)", "auth", filled))
    return "/" + filled.replace("^", "").replace("$", "")


ENDPOINTS = [
    pytest.param(module, example(route), callback, id=f"{number} {example(route)}")
    for number, module in enumerate(URLCONFS)
    for route, callback in leaves(module.urlpatterns)
]

FORM = "application/x-www-form-urlencoded"
# The place of each value: query, body, Content-Type, header fields.
PLACES = {
    "a query": (urlencode(FIELDS), "", FORM, {}),
    "a form": ("", urlencode(FIELDS), FORM, {}),
    "JSON": ("", json.dumps(FIELDS), "application/json", {}),
    "an opaque token": ("", "", FORM, {"Authorization": f"Token {TOKEN}"}),
    "an access token": ("", "", FORM, {"Authorization": f"Bearer {TOKEN}"}),
    "an address": ("", "", FORM, {"X-Forwarded-For": f"{NAME}, [{NAME}]:1"}),
    "other header fields": ("", "", FORM, {"Accept": NAME, "Accept-Language": NAME, "Cookie": NAME}),
}
# The longest text that each step may receive.
BOUNDS = {"normalize": 150, "hash": 0, "decode": MAX_TOKEN_LENGTH, "parse": 100, "query": 254}


@pytest.fixture
def longest(monkeypatch):
    """Yield the longest text that each step has received."""
    seen = dict.fromkeys(BOUNDS, 0)

    def watch(owner, name, step, position):
        original = getattr(owner, name)

        def watched(*arguments, **options):
            seen[step] = max(seen[step], len(arguments[position]))
            return original(*arguments, **options)

        monkeypatch.setattr(owner, name, watched)

    watch(unicodedata, "normalize", "normalize", 1)
    watch(MD5PasswordHasher, "encode", "hash", 1)
    watch(MD5PasswordHasher, "verify", "hash", 1)
    watch(jwt, "decode", "decode", 0)
    watch(jwt, "get_unverified_header", "decode", 0)
    watch(ipaddress, "ip_address", "parse", 0)

    def execute(execute, sql, parameters, many, context):
        texts = [each for each in parameters or () if isinstance(each, str | bytes)]
        seen["query"] = max(seen["query"], *map(len, texts), 0)
        return execute(sql, parameters, many, context)

    with connection.execute_wrapper(execute):
        yield seen


@pytest.mark.parametrize(("module", "path", "callback"), ENDPOINTS)
def test_no_costly_step_is_given_what_is_too_long(settings, longest, module, path, callback):
    settings.ROOT_URLCONF = module
    settings.LOGIN_THROTTLE = "1000000/min"
    settings.METRICS_TOKEN = "m" * 32
    settings.REST_FRAMEWORK = {**settings.REST_FRAMEWORK, "NUM_PROXIES": 1}
    client = Client(raise_request_exception=False)
    assert resolve(path).func is callback or path == "/admin/login/"  # the project's view precedes the admin's own
    for place, (query, body, content_type, fields) in PLACES.items():
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
            headers = {"X-Forwarded-For": "192.0.2.1", **fields}
            answer = client.generic(method, f"{path}?{query}", body, content_type, headers=headers)
            assert answer.status_code < 500, (place, method, answer.content)
            beyond = {step: length for step, length in longest.items() if length > BOUNDS[step]}
            assert beyond == {}, (place, method)


@pytest.mark.parametrize("path", ["/api-token-auth/", "/api/token/", "/admin/login/"])
@pytest.mark.parametrize("name", ["ada", "nobody"])
def test_a_password_as_long_as_a_body_may_hold_is_hashed_once(user, monkeypatch, path, name):
    hashed = []
    original = MD5PasswordHasher.encode
    monkeypatch.setattr(MD5PasswordHasher, "encode", lambda *each: hashed.append(len(each[1])) or original(*each))
    assert Client().post(path, {"username": name, "password": "p" * 250_000}).status_code in (200, 400, 401)
    assert hashed == [250_000]


def test_the_steps_are_watched(settings, longest, user):
    """Otherwise the test above would prove nothing."""
    settings.LOGIN_THROTTLE = "1000000/min"
    settings.REST_FRAMEWORK = {**settings.REST_FRAMEWORK, "NUM_PROXIES": 1}
    client = Client(headers={"X-Forwarded-For": "192.0.2.1"})
    client.post("/api-token-auth/", {"username": user.username, "password": "wrong"})
    client.post("/api/token/refresh/", {"refresh": "garbage"})
    assert all(longest.values()), longest
