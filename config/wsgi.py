import os
from pathlib import Path

import django
from django.core import checks
from django.core.exceptions import ImproperlyConfigured
from django.db import connections

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup(set_prefix=False)

from config.handler import Handler  # noqa: E402 - as get_wsgi_application does, after the set-up

application = Handler()

# A file that has gone is a database that is away. SQLite would make a new, empty one in its place.
for _database in connections.settings.values():
    if isinstance(_database["NAME"], Path):
        _database["NAME"] = f"{_database['NAME'].as_uri()}?mode=rw"

# A server runs no management command, so nothing else would stop it on a misconfiguration.
_errors = [message for message in checks.run_checks() if message.is_serious()]
if _errors:
    raise ImproperlyConfigured("\n".join(str(error) for error in _errors))
