"""`jwt-pushed` in another project: users with a UUID for a key, Django's own backend."""

import pytest

from tests.support.host_projects import FULL, JWT, JWT_URLS, MANAGER, Host

pytestmark = pytest.mark.once

SETTINGS = f"""{JWT.replace("JWTAuthentication", "JWTPushedAuthentication")}
INSTALLED_APPS += ["accounts"]
AUTH_USER_MODEL = "accounts.User"
"""
END = """
from jwt_auth.models import RefreshFamily, end
end("logout", pk=RefreshFamily.objects.get(revoked_at=None).pk)
"""
WALK = """
import subprocess, sys, time
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
call_command("makemigrations", "accounts", verbosity=0)
call_command("migrate", verbosity=0)
login = {"email": "ada@example.org", "password": "correct horse"}
user = User.objects.create_user(**login)
def log_in():
    return client.post("/api/token/", login).json()["access"]
def asked(access):
    with CaptureQueriesContext(connection) as queries:
        answer = client.get("/guarded/", headers={"authorization": f"Bearer {access}"})
    assert answer.status_code != 200 or answer.json() == {"user": str(user.pk), "scheme": "jwt-pushed"}
    return [answer.status_code, len(queries)]
def until(expected, access):
    end = time.monotonic() + 30
    while (found := asked(access)) != expected and time.monotonic() < end:
        time.sleep(0.01)
    return found
access = log_in()
seen = [until([200, 0], access)]
subprocess.run([sys.executable, "-c", OTHER], check=True)
seen.append(until([401, 2], access))
access = log_in()
seen.append(until([200, 0], access))
user.set_password("another horse")
user.save()
seen.append(asked(access))
from jwt_auth.pushed import logins
logins.close()
print(json.dumps(seen))
"""


def test_a_login_is_remembered_and_its_end_is_heard_in_another_process(tmp_path):
    host = Host(
        tmp_path,
        SETTINGS,
        JWT_URLS,
        folders=["auth_core", "jwt_auth"],
        blocked=["redis"],
        files={
            "accounts/__init__.py": "",
            "accounts/models.py": MANAGER + FULL,
            "accounts/migrations/__init__.py": "",
        },
    )
    other = f"import django; django.setup()\n{END}"
    assert host.value(WALK.replace("OTHER", repr(other))) == [[200, 0], [401, 2], [200, 0], [401, 2]]
