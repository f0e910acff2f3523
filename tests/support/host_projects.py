"""Other people's projects, written for a test: settings of their own, and our folders in them."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tests.support import servers

FOLDERS = ("auth_core", "tokens", "jwt_auth")

SETTINGS = """
SECRET_KEY = "k" * 50
ALLOWED_HOSTS = ["localhost"]
ROOT_URLCONF = "config.urls"
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "db.sqlite3"}}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes", "rest_framework"]
"""
URLS = """
from django.urls import include, path
from rest_framework.decorators import api_view
from rest_framework.response import Response

@api_view()
def guarded(request):
    return Response({"user": str(request.user.pk), "scheme": getattr(request.successful_authenticator, "scheme", "")})

urlpatterns = [path("guarded/", guarded)]
"""
# What a project adds for either kind of credentials.
TOKENS = """
INSTALLED_APPS += ["tokens", "rest_framework.authtoken"]
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["tokens.authentication.HashedTokenAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["auth_core.scopes.HasScope"],
    "EXCEPTION_HANDLER": "auth_core.errors.exception_handler",
}
"""
TOKEN_URLS = 'urlpatterns.append(path("", include("tokens.hashed_urls")))'
JWT = """
INSTALLED_APPS += ["jwt_auth"]
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["jwt_auth.authentication.JWTAuthentication"],
    "EXCEPTION_HANDLER": "auth_core.errors.exception_handler",
}
"""
JWT_URLS = 'urlpatterns.append(path("", include("jwt_auth.urls")))'
BOTH = f"""
{TOKENS}
INSTALLED_APPS += ["jwt_auth"]
REST_FRAMEWORK["DEFAULT_AUTHENTICATION_CLASSES"].append("jwt_auth.authentication.JWTAuthentication")
"""
BOTH_URLS = f"{TOKEN_URLS}\n{JWT_URLS}\n"

# The users of a project who log in by e-mail: accounts/models.py.
MANAGER = """
import uuid
from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models

class People(BaseUserManager):
    def create_user(self, password=None, **fields):
        user = self.model(**fields)
        user.set_password(password)
        user.save(using=self._db)
        return user
"""
FULL = """
from django.contrib.auth.models import AbstractUser

class User(AbstractUser):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    username = None
    email = models.EmailField(unique=True)
    objects = People()
    USERNAME_FIELD, REQUIRED_FIELDS = "email", []
"""

# Python imports this module at its start, from the folders of PYTHONPATH.
_BLOCKING = """
import os, sys
class Blocked:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name.partition(".")[0] in os.environ.get("BLOCKED", "").split():
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Blocked)
"""


class Host:
    """A project in a folder, with a package `config` of its own.

    `settings` and `urls` are lines added to SETTINGS and URLS, `folders` those of ours that it
    copies, `files` further files by path, `blocked` the packages that it has not installed.
    """

    def __init__(
        self,
        folder: Path,
        settings: str = "",
        urls: str = "",
        folders: Iterable[str] = FOLDERS,
        files: dict[str, str] | None = None,
        blocked: Iterable[str] = (),
    ):
        self.folder = folder
        self.blocked = " ".join(blocked)
        written = {
            "config/__init__.py": "",
            "config/settings.py": SETTINGS + settings,
            "config/urls.py": URLS + urls,
            "sitecustomize.py": _BLOCKING,
            **(files or {}),
        }
        for path, text in written.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text, "utf-8")
        for name in folders:
            shutil.copytree(servers.ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run this Python in the project, without its packages that are blocked."""
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=self.folder,
            env={
                "PATH": os.environ["PATH"],
                "PYTHONPATH": str(self.folder),
                "DJANGO_SETTINGS_MODULE": "config.settings",
                "BLOCKED": self.blocked,
                **environment,
            },
            capture_output=True,
            text=True,
        )

    def manage(self, *arguments: str) -> str:
        """Run a command that succeeds, and return what it prints."""
        done = self.run("-m", "django", *arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def migrate(self):
        self.manage("migrate", "--verbosity", "0")

    def messages(self) -> dict[str, str]:
        """Return the text of each system check's message that `check` prints, by its id."""
        done = self.run(
            "-c",
            "import django, json; django.setup(); from django.core.checks import run_checks\n"
            "print(json.dumps([[each.id, f'{each.msg} {each.hint}'] for each in run_checks()]))",
        )
        assert done.returncode == 0, done.stderr
        return dict(json.loads(done.stdout))

    def value(self, code: str) -> Any:
        """Run code in the project, set up, and return what it prints as JSON."""
        return json.loads(self.run_code(code).stdout)

    def run_code(self, code: str) -> subprocess.CompletedProcess[str]:
        """Run code in the project, set up, with a `client` and the users' model `User`."""
        done = self.run("-W", "error", "-c", _BEGIN + code)
        assert done.returncode == 0, done.stderr
        return done


_BEGIN = """
import django, json; django.setup()
from django.contrib.auth import get_user_model
from django.test import Client
client, User = Client(headers={"host": "localhost"}), get_user_model()
"""
