"""The settings of a fresh process."""

import json

from tests.support import servers

_SETTING = "import json; from django.conf import settings; print(json.dumps({}, default=str))"


def value_of(expression: str, **switches: str):
    """An expression over `settings`, evaluated in a fresh process."""
    done = servers.run("-c", _SETTING.format(expression), DJANGO_SETTINGS_MODULE="config.settings", **switches)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
