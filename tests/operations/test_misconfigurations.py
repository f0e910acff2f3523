"""The checks find misconfigurations. Each has its id, and an error stops the server."""

import json

import granian.cli
import pytest

from config.switches import SWITCHES, misspelt
from tests.support import servers
from tests.support.keys import a_key

pytestmark = pytest.mark.once
# Switches, the id of the error or warning, whether it stops the server.
MISCONFIGURED = [
    ({"SECRET_KEY": "k" * 31}, "jwt_auth.E001", True),
    ({"JWT_SIGNING_KEY": "k" * 31}, "jwt_auth.E002", True),
    ({"JWT_ALGORITHM": "RS256"}, "jwt_auth.E002", True),
    ({"JWT_ALGORITHM": "RS256", "JWT_SIGNING_KEY": "k" * 50}, "jwt_auth.E002", True),
    ({"JWT_VERIFYING_KEYS": f"{'a' * 32},short"}, "jwt_auth.E003", True),
    ({"JWT_ACCESS_LIFETIME": "2d"}, "jwt_auth.E004", True),
    ({"JWT_REFRESH_LIFETIME": "31d"}, "jwt_auth.E004", True),
    ({"JWT_REUSE_GRACE": "6m"}, "jwt_auth.E004", True),
    ({"JWT_REFRESH_COOKIE": "on", "JWT_REUSE_GRACE": "0"}, "jwt_auth.E015", True),
    ({"JWT_CLAIMS": "tests.support.no_such_module.role"}, "jwt_auth.E010", True),
    ({"JWT_ACCESS_TYPE": "at+jwt"}, "jwt_auth.E012", True),
    (
        {"AUTH_SCHEMES": "simplejwt", "JWT_ALGORITHM": "Ed25519", "JWT_SIGNING_KEY": a_key("Ed25519")},
        "jwt_auth.E013",
        True,
    ),
    (
        {
            "JWT_ALGORITHM": "Ed25519",
            "JWT_SIGNING_KEY": a_key("EdDSA"),
            "JWT_ACCEPT_STOCK_UNTIL": "2099-12-31",
            "AUTH_SCHEMES": "jwt",
        },
        "jwt_auth.E007",
        True,
    ),
    ({"JWT_ACCEPT_STOCK_UNTIL": "2020-01-01"}, "jwt_auth.W003", False),
    ({"JWT_ALGORITHM": "ES256", "JWT_SIGNING_KEY": a_key("ES256")}, "jwt_auth.W007", False),
    ({"DEBUG": "on", "ALLOWED_HOSTS": "tracks.example"}, "config.E005", True),
    ({"DEBUG": "on", "GRANIAN_HOST": "0.0.0.0"}, "config.E005", True),
    ({"DEBUG": "on", "GRANIAN_HOST": "::"}, "config.E005", True),
    ({"DEBUG": "on", "GRANIAN_HOST": "192.0.2.1"}, "config.E005", True),
    ({"HTTPS_ONY": "on"}, "config.W002", False),
    ({"JWT_SIGNINGKEY": "k" * 50}, "config.W002", False),
    ({"https_only": "on"}, "config.W002", False),
    ({"GRANIAN_WORKERS": "2"}, "config.E006", True),
    (
        {"METRICS": "on", "METRICS_TOKEN": "m" * 32, "GRANIAN_WORKERS": "2", "CACHE_URL": "valkey://127.0.0.1"},
        "config.E007",
        True,
    ),
    ({"METRICS": "on"}, "config.E008", True),
    ({"AUTH_SCHEMES": "drf-token,jwt"}, "config.W001", False),
    ({"AUTH_SCHEMES": "simplejwt-stateless"}, "config.W001", False),
]
# What `manage.py check` would print, and why no server starts ("" if one does).
_CHECK_AND_SERVE = """
import json
from django.core import checks
from django.core.exceptions import ImproperlyConfigured
try:
    refusal = ""
    import config.wsgi
except ImproperlyConfigured as error:
    refusal = str(error)
print(json.dumps([[(message.id, message.is_serious()) for message in checks.run_checks()], refusal]))
"""


@pytest.mark.parametrize(("switches", "id", "stops"), MISCONFIGURED)
def test_a_misconfiguration_has_its_id_and_no_server_starts_with_an_error(switches, id, stops):
    done = servers.run("-c", _CHECK_AND_SERVE, DJANGO_SETTINGS_MODULE="config.settings", **switches)
    assert done.returncode == 0, done.stderr
    found, refusal = json.loads(done.stdout)
    assert dict(found)[id] == stops
    assert (f"({id})" in refusal) == stops
    assert bool(refusal) == stops


@pytest.mark.parametrize(("switches", "id", "stops"), [MISCONFIGURED[0], MISCONFIGURED[-1]])
def test_a_misconfiguration_is_told_by_the_processes_that_meet_it(switches, id, stops):
    checked = servers.run_cold("manage.py", "check", **switches)
    assert f"({id})" in checked.stderr
    assert (checked.returncode != 0) == stops
    done = servers.run_cold("-c", "import config.wsgi", **switches)
    assert (done.returncode != 0) == stops
    assert (f"({id})" in done.stderr) == stops


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1"])
def test_debug_is_right_on_an_address_that_nobody_else_reaches(host):
    assert "config.E005" not in servers.run("manage.py", "check", DEBUG="on", GRANIAN_HOST=host).stderr


def test_a_server_says_that_a_variable_is_misspelt():
    done = servers.run_cold("-c", "import config.wsgi", HTTPS_ONY="xyzzy")
    assert done.returncode == 0
    assert "The environment sets HTTPS_ONY, which is not a switch." in done.stderr
    assert "Did you mean HTTPS_ONLY?" in done.stderr
    assert "xyzzy" not in done.stderr


def test_no_variable_of_another_program_is_taken_for_a_misspelt_switch():
    theirs = [f"GRANIAN_{parameter.name.upper()}" for parameter in granian.cli.cli.params]
    theirs += [parameter.envvar for parameter in granian.cli.cli.params if parameter.envvar]
    theirs += ["DJANGO_SETTINGS_MODULE", "DJANGO_SUPERUSER_PASSWORD", "PGPASSWORD", "PGDATABASE", "PGHOST", "LOG_LEVEL"]
    assert len(theirs) > 50
    assert misspelt(dict.fromkeys([*theirs, *SWITCHES], "x")) == {}


def test_the_defaults_are_no_misconfiguration():
    done = servers.run_cold("manage.py", "check")
    assert done.returncode == 0
    assert done.stderr + done.stdout == "System check identified no issues (0 silenced).\n"


@pytest.mark.parametrize(
    "switches",
    [{"GRANIAN_WORKERS": "2", "CACHE_URL": "valkey://127.0.0.1"}, {"GRANIAN_WORKERS": "2", "LOGIN_THROTTLE": "none"}],
)
def test_several_workers_are_right_with_a_shared_cache_or_without_a_throttle(switches):
    assert "config.E006" not in servers.run("manage.py", "check", **switches).stderr


def test_metrics_of_one_worker_or_of_several_with_a_folder_are_right(tmp_path):
    on = {"METRICS": "on", "METRICS_TOKEN": "m" * 32, "LOGIN_THROTTLE": "none"}
    for switches in ({}, {"GRANIAN_WORKERS": "2", "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}):
        assert servers.run("manage.py", "check", **on, **switches).returncode == 0
