"""The settings under given switches, read in this process as a new process would read them."""

import json
import os
import runpy
from unittest import mock

from django.conf import UserSettingsHolder, global_settings
from django.core.exceptions import ImproperlyConfigured

from tests.support import servers


def settings_of(**switches: str | None) -> UserSettingsHolder:
    """Run config/settings.py in the environment of a new process. None leaves a switch unset.

    A new process would take a second; this takes milliseconds. The tests of manage.py and of the
    server start real processes.
    """
    environment = {name: text for name, text in servers.environment(**switches).items() if text is not None}
    with mock.patch.dict(os.environ, environment, clear=True):
        found = runpy.run_path(str(servers.ROOT / "config/settings.py"))
    settings = UserSettingsHolder(global_settings)
    for name in filter(str.isupper, found):
        setattr(settings, name, found[name])
    return settings


def value_of(expression: str, **switches: str | None):
    """Return what an expression over `settings` is, in the types of JSON."""
    value = eval(expression, {"settings": settings_of(**switches)})
    return json.loads(json.dumps(value, default=str))


def refusal_of(**switches: str) -> str:
    """Return the text with which the settings refuse these switches, or "" if they take them."""
    try:
        settings_of(**switches)
    except ImproperlyConfigured as error:
        return str(error)
    return ""


def printed_refusal_of(**switches: str) -> str:
    """Return the line with which manage.py refuses these switches, and check that it ends there."""
    done = servers.run("manage.py", "check", **switches)
    assert done.returncode != 0
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: ")
    return line.removeprefix("error: ")
