"""config.settings in a known environment. TEST_DATABASE=postgresql runs the tests on PostgreSQL."""

import os
from uuid import uuid4

from config.switches import SWITCHES
from tests.support import processes, servers

# A developer's environment must not change what the tests check.
for _name in SWITCHES:
    if _name != "DATABASE_URL" or "PYTEST_XDIST_WORKER" not in os.environ:
        os.environ.pop(_name, None)
os.environ |= {
    "ENV_FILE": "",
    "SECRET_KEY": "a-key-for-tests-only-0123456789-0123456789-0123456789",
    "LOGIN_THROTTLE": "none",
    "ALLOWED_HOSTS": "testserver,127.0.0.1,localhost",
    processes.MARK: uuid4().hex,
}
if "DATABASE_URL" not in os.environ:
    # Set for this process and, through it, for pytest-xdist's workers, which share one server.
    os.environ["DATABASE_URL"] = servers.database_url(os.environ.get("TEST_DATABASE", "sqlite"))

from config.settings import *  # noqa: E402, F403
from config.settings import DATABASES, LOGGING  # noqa: E402

# A file, not memory, so that threads of a test meet the locks that processes meet.
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    DATABASES["default"]["TEST"] = {"NAME": servers.temporary_folder() / "test.sqlite3"}

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # PBKDF2 is slow on purpose
WHITENOISE_USE_FINDERS = False  # each test's client would search all static files again, for 20 ms
# Tests read errors in responses, so the console does not need them.
LOGGING["root"]["level"] = "WARNING"
