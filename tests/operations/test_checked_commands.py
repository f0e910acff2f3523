"""A command that cannot be undone runs only after the system checks, which nothing skips."""

from io import StringIO

import pytest
from django.core.checks import Error
from django.core.checks.registry import registry
from django.core.management import CommandError, call_command, get_commands, load_command_class
from django.core.management.base import SystemCheckError
from rest_framework.authtoken.models import Token

from auth_core.commands import CheckedCommand
from jwt_auth import models as logins
from jwt_auth.models import RefreshFamily
from tests.support import servers
from tokens import hashed
from tokens.models import HashedToken

OURS = ("auth_core", "config", "jwt_auth", "tokens", "tracks")
# What these write can be deleted again, or they write nothing.
UNDOABLE = {"issue_token", "load_tracks", "serve_demo", "switches"}
NAMES = sorted(name for name, app in get_commands().items() if app in OURS and name not in UNDOABLE)
ARGUMENTS = {"drf_create_token": ("-r", "ada"), "revoke_all_credentials": ("--all",), "move_drf_tokens": ("--force",)}
COMMANDS = pytest.mark.parametrize("name", NAMES)


@pytest.fixture
def rows(user, monkeypatch):
    """Return a function that returns all credentials of the user, while one check fails."""
    hashed.obtain(user)
    logins.log_in(user)
    RefreshFamily.objects.update(refresh_expires_at="2020-01-01T00:00:00Z")

    def fails(app_configs, **kwargs):
        return [Error("The sky has fallen.", id="test.E001")]

    fails.tags = ()  # Django 6.1 reads it of every check

    monkeypatch.setattr(registry, "registered_checks", {*registry.registered_checks, fails})
    return lambda: [list(model.objects.values()) for model in (Token, HashedToken, RefreshFamily)]


def test_every_command_that_cannot_be_undone_is_here():
    assert NAMES == ["drf_create_token", "flush_refresh_families", "move_drf_tokens", "revoke_all_credentials"]
    for name in NAMES:
        assert isinstance(load_command_class(get_commands()[name], name), CheckedCommand), name


@COMMANDS
def test_it_changes_nothing_while_a_check_fails(name, rows):
    before = rows()
    assert all(before)
    for options in ({}, {"stderr": StringIO()}):
        with pytest.raises(SystemCheckError, match="The sky has fallen"):
            call_command(name, *ARGUMENTS.get(name, ()), **options)
    assert rows() == before


@COMMANDS
def test_the_checks_cannot_be_skipped(name, rows):
    before = rows()
    with pytest.raises(CommandError, match="unrecognized arguments: --skip-checks"):
        call_command(name, *ARGUMENTS.get(name, ()), "--skip-checks")
    with pytest.raises(TypeError, match=r"Unknown option.*skip_checks"):
        call_command(name, *ARGUMENTS.get(name, ()), skip_checks=True)
    assert rows() == before


@pytest.mark.once
def test_manage_py_prints_what_is_wrong_and_moves_nothing(tmp_path):
    switches = {"DATABASE_URL": servers.migrated_sqlite(tmp_path), "AUTH_SCHEMES": "token-hashed"}
    done = servers.run("manage.py", "move_drf_tokens", JWT_ACCESS_LIFETIME="2d", **switches)
    assert done.returncode == 1
    assert "(jwt_auth.E004) JWT_ACCESS_LIFETIME (2 days, 0:00:00) is longer than JWT_REFRESH_LIFETIME" in done.stderr
    assert done.stdout == ""
    done = servers.run("manage.py", "move_drf_tokens", **switches)
    assert (done.returncode, done.stdout) == (0, "0 keys moved, none left in clear\n")
