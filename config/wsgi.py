import logging
import os
from pathlib import Path

import django
from django.conf import settings
from django.core import checks
from django.core.exceptions import ImproperlyConfigured
from django.db import connections

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup(set_prefix=False)

from config.handler import Handler  # noqa: E402 - after the set-up, as in get_wsgi_application

application = Handler()

# A missing file means that the database is away. SQLite would create a new, empty one in its place.
for _database in connections.settings.values():
    if isinstance(_database["NAME"], Path):
        _database["NAME"] = f"{_database['NAME'].as_uri()}?mode=rw"

# A server runs no management command, so only this stops it on a misconfiguration.
_messages = checks.run_checks()
_errors = [message for message in _messages if message.is_serious()]
if _errors:
    raise ImproperlyConfigured("\n".join(str(error) for error in _errors))

_logger = logging.getLogger(__name__)
for _message in _messages:
    if _message.id == "config.W002":  # a misspelt variable, perhaps in the server's environment only
        _logger.warning("%s", _message)

_unread = sorted(name for name in settings.SWITCHES_FROM_FILE if name.startswith("GRANIAN_"))
if _unread:
    _logger.warning("%s: granian does not read ENV_FILE; set it in the server's environment", ", ".join(_unread))

_threads = "GRANIAN_BLOCKING_THREADS"
if connections["default"].vendor == "postgresql" and (_threads in _unread or not os.environ.get(_threads)):
    _logger.warning(
        "GRANIAN_BLOCKING_THREADS is not set in the server's environment: granian then runs up to 512 threads, "
        "each of which keeps a connection to PostgreSQL; set it to %s, or to fewer threads than connections",
        settings.GRANIAN_BLOCKING_THREADS,
    )
