"""Projects whose other settings differ: transactions around requests, language, time, admin."""

import pytest

from tests.support.host_projects import BOTH, BOTH_URLS, FULL, MANAGER, Host

pytestmark = pytest.mark.once

OTHERS = {
    "ATOMIC_REQUESTS": 'DATABASES["default"]["ATOMIC_REQUESTS"] = True',
    "German": 'LANGUAGE_CODE, USE_I18N = "de", True\nMIDDLEWARE = ["django.middleware.locale.LocaleMiddleware"]',
    "without time zones": 'USE_TZ, TIME_ZONE = False, "UTC"',
    "an address behind a proxy": 'MIDDLEWARE = ["auth_core.address.ForwardedMiddleware"]',
}
WALK = """
import time
from django.core.management import call_command
call_command("migrate", verbosity=0)
user = User.objects.create_user("ada", password="correct horse")
def post(path, body=None, credential=None):
    headers = {"authorization": credential} if credential else {}
    return client.post(path, body or {}, headers=headers, content_type="application/json")
def status(credential):
    return client.get("/guarded/", headers={"authorization": credential}).status_code
login = {"username": "ada", "password": "correct horse"}
token = "Token " + post("/api-token-auth/", login).json()["token"]
print([status(token), post("/api-token-auth/", {**login, "password": "wrong"}).status_code])
first = post("/api/token/", login).json()
second = post("/api/token/refresh/", {"refresh": first["refresh"]}).json()
third = post("/api/token/refresh/", {"refresh": second["refresh"]}).json()
print([status("Bearer " + third["access"]), post("/api/token/refresh/", {"refresh": "x"}).status_code])
# A spent token ends the login, and that is kept although the answer is an error.
print([post("/api/token/refresh/", {"refresh": first["refresh"]}).status_code, status("Bearer " + third["access"])])
print([post("/api-token-auth/revoke/", {}, token).status_code, status(token)])
"""


@pytest.mark.parametrize("other", OTHERS)
def test_a_project_with_other_settings(tmp_path, other):
    host = Host(tmp_path, f"{BOTH}{OTHERS[other]}\n", BOTH_URLS)
    assert host.messages() == {}
    assert host.run_code(WALK).stdout.splitlines() == ["[200, 400]", "[200, 401]", "[401, 401]", "[204, 401]"]


LOCKED = """
import sqlite3
from django.core.management import call_command
call_command("migrate", verbosity=0)
User.objects.create_user("ada", password="correct horse")
lock = sqlite3.connect("db.sqlite3", isolation_level=None)
lock.execute("BEGIN EXCLUSIVE")
login = {"username": "ada", "password": "correct horse"}
for path in ("/api-token-auth/", "/api/token/"):
    answer = client.post(path, login)
    print(answer.status_code, answer.headers.get("Retry-After"), answer.json())
lock.execute("ROLLBACK")
print(client.post(path, login).status_code)
"""


@pytest.mark.parametrize("is_atomic", [False, True])
def test_a_database_that_is_locked_is_503_and_no_defect(tmp_path, is_atomic):
    host = Host(
        tmp_path,
        f'{BOTH}DATABASES["default"] |= {{"ATOMIC_REQUESTS": {is_atomic}, "OPTIONS": {{"timeout": 0}}}}\n',
        BOTH_URLS,
    )
    away = "503 5 {'detail': 'The service is temporarily unavailable, please try again.'}"
    assert host.run_code(LOCKED).stdout.splitlines() == [away, away, "200"]


# --- the admin, whose users may be others than Django's -------------------------------------------

ADMIN = """
INSTALLED_APPS = [
    "django.contrib.admin", "django.contrib.sessions", "django.contrib.messages", "accounts", *INSTALLED_APPS
]
AUTH_USER_MODEL = "accounts.User"
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
TEMPLATES = [{
    "BACKEND": "django.template.backends.django.DjangoTemplates",
    "APP_DIRS": True,
    "OPTIONS": {"context_processors": [
        "django.template.context_processors.request",
        "django.contrib.auth.context_processors.auth",
        "django.contrib.messages.context_processors.messages",
    ]},
}]
"""
REGISTERED = """
from django.contrib import admin
from accounts.models import User

@admin.register(User)
class PeopleAdmin(admin.ModelAdmin):
    search_fields = ["email"]
"""
STAFF = """
from django.core.management import call_command
call_command("makemigrations", "accounts", verbosity=0)
call_command("migrate", verbosity=0)
from django.contrib.sessions.models import Session
from django.test.utils import setup_test_environment
setup_test_environment()
from tokens import hashed, models
from jwt_auth import models as logins
from tokens.models import HashedToken
grace = User.objects.create_user(email="grace@example.org", is_staff=True, is_superuser=True)
ada = User.objects.create_user(email="ada@example.org")
hashed.obtain(ada), models.obtain(ada), logins.log_in(ada)
client.force_login(grace)
for page in ("tokens/hashedtoken", "tokens/opaquetoken", "jwt_auth/refreshfamily"):
    found = [f"{client.get(f'/staff/{page}/?q={text}').context['cl'].result_count}" for text in ("ada@", "nobody")]
    print(page, found, client.get(f"/staff/{page}/add/").status_code)
issued = client.post("/staff/tokens/hashedtoken/add/", {"user": str(ada.pk), "label": "mine", "scope": SCOPE})
print(issued.status_code, HashedToken.objects.filter(user=ada).count())
acted = {"action": "revoke", "_selected_action": [str(ada.pk)]}
print(client.post("/staff/tokens/opaquetoken/", acted).status_code, models.Token.objects.count())
client.logout()
client.force_login(ada)
client.get("/guarded/")
from auth_core import revocation
revocation.revoke_all_credentials(ada.pk, revocation.LOGOUT_EVERYWHERE)
print(Session.objects.count(), client.session.get("_auth_user_id"))
"""


@pytest.mark.parametrize("engine", ["db", "cached_db"])
@pytest.mark.parametrize("registered", [True, False])
def test_the_admin_finds_users_by_the_name_they_log_in_with(tmp_path, registered, engine):
    host = Host(
        tmp_path,
        f'{BOTH}{ADMIN}SESSION_ENGINE = "django.contrib.sessions.backends.{engine}"\n',
        f'{BOTH_URLS}from django.contrib import admin\nurlpatterns.append(path("staff/", admin.site.urls))\n',
        files={
            "accounts/__init__.py": "",
            "accounts/models.py": MANAGER + FULL,
            "accounts/migrations/__init__.py": "",
            **({"accounts/admin.py": REGISTERED} if registered else {}),
        },
    )
    assert host.messages() == {}
    assert host.run_code(STAFF.replace("SCOPE", "['read', 'write']")).stdout.splitlines() == [
        "tokens/hashedtoken ['1', '0'] 200",
        "tokens/opaquetoken ['1', '0'] 200",
        "jwt_auth/refreshfamily ['1', '0'] 403",
        "200 2",
        "302 0",
        "0 None",
    ]
