"""Django with DEBUG on shows settings, variables and the environment, but no secret of a switch."""

import json

import pytest

from config.switches import SWITCHES
from tests.support import servers

pytestmark = pytest.mark.once

SECRETS = {
    "SECRET_KEY": "secret-of-django-" * 3,
    "JWT_SIGNING_KEY": "secret-that-signs-" * 3,
    "JWT_VERIFYING_KEYS": "secret-that-verifies-" * 3,
    "METRICS_TOKEN": "secret-of-prometheus-" * 3,
    "DATABASE_URL": "postgresql://ada:secret%2Fof+postgresql@db.example/tracks",
    "CACHE_URL": "valkey://:secret%2Fof%2Fvalkey@cache.example/0",
}

# Neutral names, since Django hides a few names by itself.
_PAGES = """
import django, json, os, sys; django.setup()
from django.conf import settings
from django.core.cache import cache
from django.db import connection
from django.test import Client, RequestFactory
from django.views.debug import technical_500_response

def fail(text, mapping, values, thing):
    raise RuntimeError("on purpose")

request = RequestFactory().get("/whoami/", headers={"Accept": "text/html"})
request.META.update(os.environ)  # as a server may that tells its environment
try:
    fail(settings.DATABASES, settings.CACHES["default"]["LOCATION"], [settings.JWT_VERIFYING_KEYS], {
        "a": connection.get_connection_params(), "b": settings.SECRET_KEY.encode(), "c": dict(os.environ),
        "d": cache._cache._get_connection_pool(write=True).connection_kwargs, "e": settings.SIMPLE_JWT})
except RuntimeError:
    error = sys.exc_info()
html = technical_500_response(request, *error).text
request.META["HTTP_ACCEPT"] = "application/json"
text = technical_500_response(request, *error).text
missing = Client(headers={"host": "localhost"}).get("/nowhere/", headers={"Accept": "text/html"})
print(json.dumps({"html": html, "text": text, "404": missing.content.decode()}))
"""


@pytest.mark.parametrize(
    "database",
    [
        {},
        {"DATABASE_URL": "postgresql://ada@db.example/tracks?password=secret%2Fof%2fpostgresql"},
        {"DATABASE_URL": "postgresql://ada@db.example/tracks?sslpassword=secret-of-a-key"},
        {"DATABASE_URL": "sqlite:///tracks.sqlite3", "JWT_VERIFYING_KEYS": ""},
    ],
)
def test_no_page_shows_a_secret(database):
    assert set(SECRETS) == {switch.name for switch in SWITCHES.values() if switch.secret or switch.url}
    switches = {**SECRETS, "DEBUG": "on", "METRICS": "on", **database}
    done = servers.run("-c", _PAGES, DJANGO_SETTINGS_MODULE="config.settings", **switches)
    assert done.returncode == 0, done.stderr
    pages = json.loads(done.stdout)
    # Check that the pages show something at all.
    assert "on purpose" in pages["html"]
    assert "on purpose" in pages["text"]
    assert "DATABASE_URL" in pages["html"]
    assert "GRANIAN_BLOCKING_THREADS" in pages["text"]
    assert "nowhere" in pages["404"]
    for page in pages.values():
        for secret in ("secret-", "secret/", "secret%2F"):
            assert secret not in page
