"""Responses while the database is away, and the Server-Timing of each response."""

import json
import re

import pytest

from config.schemes import choose
from tests.support import servers
from tests.support.wire_texts import DEAD_KEY, STATEMENTS, get

AWAY = '{"detail": "The service is temporarily unavailable, please try again."}'
_WITHOUT_DATABASE = """
import django, json; django.setup()
from concurrent.futures import ThreadPoolExecutor
from django.test import Client
def ask(method, path, header):
    client = Client(headers={"host": "localhost"}, raise_request_exception=False)
    headers = {"Authorization": header} if header else {}
    form = {"data": "username=ada&password=x", "content_type": "application/x-www-form-urlencoded"}
    response = client.generic(method, path, headers=headers, **form)
    return f"{method} {path} {(header or '')[:6]}", [
        response.status_code, response.get("Retry-After"), response["Content-Type"]]
asked = json.loads(%r)
# All at once: each waits some seconds for a connection.
print(json.dumps(dict(ThreadPoolExecutor(len(asked)).map(ask, *zip(*asked)))))
"""


@pytest.mark.parametrize("url", ["postgresql://x:y@127.0.0.1:1/z", "sqlite:////nowhere/at/all.sqlite3"])
@pytest.mark.once
def test_a_database_that_is_away_is_503_and_never_a_wrong_401(url):
    asked = [
        ("GET", "/whoami/", f"Token {DEAD_KEY}"),
        ("GET", "/tracks/", f"Token {DEAD_KEY}"),
        ("POST", "/api-token-auth/", None),
        ("POST", "/api-token-auth/new/", f"Token {DEAD_KEY}"),
        ("POST", "/api-token-auth/revoke/", f"Token {DEAD_KEY}"),
        ("POST", "/api/token/", None),
        ("POST", "/admin/login/", None),
    ]
    done = servers.run(
        "-c", _WITHOUT_DATABASE % json.dumps(asked), DATABASE_URL=url, DJANGO_SETTINGS_MODULE="config.settings"
    )
    assert done.returncode == 0, done.stderr
    answers = json.loads(done.stdout.splitlines()[-1])
    assert len(answers) == 7
    for asked_for, answer in answers.items():
        assert answer == [503, "5", "application/json"], asked_for


@pytest.mark.once
def test_a_file_that_has_gone_or_is_damaged_is_a_database_that_is_away(tmp_path):
    file, elsewhere = tmp_path / "a b.sqlite3", tmp_path / "elsewhere"
    url = f"sqlite:///{file}"
    assert servers.run("manage.py", "migrate", "--verbosity", "0", DATABASE_URL=url).returncode == 0

    with servers.granian(DATABASE_URL=url) as base:

        def whoami() -> tuple[int, str]:
            return get(f"{base}/whoami/", Authorization=f"Token {DEAD_KEY}")

        assert whoami()[0] == 401
        content = file.read_bytes()
        file.rename(elsewhere)
        assert whoami() == (503, AWAY)
        assert not file.exists()
        for damaged in (b"no database" * 1000, content[:100] + b"\xff" * (len(content) - 100)):
            file.write_bytes(damaged)
            assert whoami() == (503, AWAY)
        elsewhere.replace(file)
        assert whoami()[0] == 401


_LIVENESS = """
import django; django.setup()
from django.test import Client
client = Client(headers={"host": "localhost"}, raise_request_exception=False)
print(client.get("/health/").status_code, client.get("/whoami/", headers={"Authorization": "Token %s"}).status_code)
"""


@pytest.mark.once
def test_health_asks_no_database_and_a_missing_table_stays_a_500(tmp_path):
    empty = f"sqlite:///{tmp_path}/empty.sqlite3"
    done = servers.run("-c", _LIVENESS % DEAD_KEY, DATABASE_URL=empty, DJANGO_SETTINGS_MODULE="config.settings")
    assert done.stdout.split() == ["200", "500"], done.stderr


_TIMING = """
import django, json; django.setup()
from django.contrib.auth import get_user_model
from django.test import Client
from django.http import HttpResponse
from django.utils.module_loading import import_string
from django.conf import settings
user = get_user_model().objects.create_user("ada")
client = Client(headers={"host": "localhost"}, raise_request_exception=False)
answers = {}
for row in settings.SCHEMES:
    response = client.get("/whoami/", headers={"Authorization": f"{row.keyword} {import_string(row.issue)(user)}"})
    answers[row.name] = [response.json()["scheme"], response.get("Server-Timing")]
print(json.dumps(answers))
"""


@pytest.mark.once
@pytest.mark.parametrize(
    ("schemes", "switch"),
    [
        ("token,jwt", "on"),
        ("token,jwt", "off"),  # the middleware is not installed, whatever the scheme
        ("drf-token,simplejwt", "on"),
        ("simplejwt-stateless", "on"),
        ("token-hashed", "on"),
    ],
)
def test_server_timing_says_by_switch_what_a_request_spent(tmp_path, schemes, switch):
    done = servers.run(
        "-c",
        _TIMING,
        DJANGO_SETTINGS_MODULE="config.settings",
        DATABASE_URL=servers.migrated_sqlite(tmp_path),
        AUTH_SCHEMES=schemes,
        SERVER_TIMING=switch,
    )
    assert done.returncode == 0, done.stderr
    answers = json.loads(done.stdout.splitlines()[-1])
    assert list(answers) == [scheme.name for scheme in choose(schemes.split(","))]
    for name, (said, timing) in answers.items():
        assert said == name
        if switch == "off":
            assert timing is None
            continue
        spent = dict(re.findall(r"(\w+);dur=([\d.]+)", timing))
        assert list(spent) == ["auth", "db", "total"]
        assert 0 < float(spent["auth"]) < float(spent["total"])
        assert (float(spent["db"]) > 0) == (STATEMENTS[name] > 0)
