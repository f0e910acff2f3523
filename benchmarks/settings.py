"""config.settings for measuring: a scratch database, and pinned switches.

Other switches (JWT_ALGORITHM, JWT_ISSUER, TOKEN_LIFETIME, …) act as they do in the service. A run
records those that differ from their defaults.
"""

import atexit
import json
import os
import secrets
import shutil
import tempfile

from benchmarks.contenders import outside
from benchmarks.contenders.lineup import candidates
from benchmarks.messages import (
    CONNECTION_VARIABLE,
    CONTENDERS_VARIABLE,
    DATABASE_VARIABLE,
    SERVED,
    SWITCHES_VARIABLE,
)
from config.switches import SWITCHES


def _own_database() -> str:
    folder = tempfile.mkdtemp(prefix="benchmarks-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return f"sqlite:///{folder}/scratch.sqlite3"


PINNED = {
    "ENV_FILE": "",
    "DATABASE_URL": os.environ.get(DATABASE_VARIABLE) or _own_database(),
    "SECRET_KEY": secrets.token_urlsafe(50),
    "DEBUG": "off",
    "SERVER_TIMING": "off",
    "METRICS": "off",
    "LOG_AUTHENTICATIONS": "off",
    "AUTH_SCHEMES": SWITCHES["AUTH_SCHEMES"].default,  # contenders bring their own class
    "ANONYMOUS_READ": "off",
    "LOGIN_THROTTLE": "none",
    "ALLOWED_HOSTS": "127.0.0.1",
    "CACHE_URL": "locmem://",
    "TOKENS_PER_USER": "none",  # the timed user logs in very often
    # A credential that expired during the run would time an error.
    "JWT_ACCESS_LIFETIME": "1d",
    "JWT_REFRESH_LIFETIME": "1d",
    **json.loads(os.environ.get(SWITCHES_VARIABLE, "{}")),
}
os.environ |= PINNED

from config.settings import *  # noqa: E402, F403
from config.settings import DATABASES, GRANIAN_BLOCKING_THREADS, INSTALLED_APPS, LOGGING, MIDDLEWARE  # noqa: E402

# See scratch.CONNECTIONS.
CONNECTION = os.environ.get(CONNECTION_VARIABLE, SERVED)
if CONNECTION != SERVED:
    DATABASES["default"]["CONN_MAX_AGE"] = None if CONNECTION == "kept" else 0  # a pool needs 0
    DATABASES["default"]["OPTIONS"].pop("pool", None)
if CONNECTION == "pool":
    DATABASES["default"]["OPTIONS"]["pool"] = {"min_size": 1, "max_size": GRANIAN_BLOCKING_THREADS}

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # PBKDF2 is slow on purpose
# The proof refuses credentials on purpose. An earlier revision (`versus`) may lack a logger.
for _name in ("django", "auth"):
    LOGGING["loggers"].setdefault(_name, {})["level"] = "ERROR"

# Last, because a contender that checks passwords needs the service's own hashers.
_candidates = candidates(os.environ.get(CONTENDERS_VARIABLE, "").split(","))
CANDIDATES = tuple(_candidates)
BROUGHT = {}  # a result names what contenders brought, since it acts on all of them
for _name, _candidate in _candidates.items():
    outside.check_needs(_name, _candidate)
    INSTALLED_APPS += [app for app in _candidate.apps if app not in INSTALLED_APPS]
    MIDDLEWARE += [path for path in _candidate.middleware if path not in MIDDLEWARE]
    _settings = outside.settings_of(_name, _candidate, PINNED)
    globals().update(_settings)
    _brought = {"settings": _settings, "middleware": _candidate.middleware, "apps": _candidate.apps}
    BROUGHT[_candidate.name] = {kind: list(each) for kind, each in _brought.items() if each}
