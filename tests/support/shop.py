"""Somebody else's project: a shop whose clients hold DRF's tokens and SimpleJWT's pairs.

It has a package `config`, users with a UUID key who log in with an e-mail address, its own
SIMPLE_JWT and DEFAULT_AUTO_FIELD, an admin, Django's default cache and log, and a view of its own.
"""

import json
from pathlib import Path
from pprint import pformat
from typing import Any

from config.connection_urls import database
from tests.support.host_projects import Host
from tests.support.servers import ROOT, scratch_database

SETTINGS = """
INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "rest_framework",
    "rest_framework.authtoken",
    "accounts",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
AUTH_USER_MODEL = "accounts.User"
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
TIME_ZONE = "Europe/Berlin"
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": (
        "rest_framework.authentication.TokenAuthentication",
        "rest_framework_simplejwt.authentication.JWTAuthentication",
    ),
    "DEFAULT_PERMISSION_CLASSES": ("rest_framework.permissions.IsAuthenticated",),
}
SIMPLE_JWT = {
    "AUTH_HEADER_TYPES": ("JWT", "Bearer"),
    "USER_ID_CLAIM": "uid",
    "SIGNING_KEY": "s" * 64,
    "ISSUER": "https://shop.example",
    "ACCESS_TOKEN_LIFETIME": timedelta(minutes=7),
    "REFRESH_TOKEN_LIFETIME": timedelta(days=3),
    "ROTATE_REFRESH_TOKENS": True,
}
"""
STOCK_URLS = """
path("api-token-auth/", obtain_auth_token),
path("api/token/", TokenObtainPairView.as_view()),
"""
URLS = """
from django.contrib import admin
from django.urls import include, path
from rest_framework.authtoken.views import obtain_auth_token
from rest_framework.decorators import api_view
from rest_framework.response import Response
from rest_framework_simplejwt.views import TokenObtainPairView

@api_view(["GET", "POST"])
def orders(request):
    return Response({"of": request.user.email, "scheme": getattr(request.successful_authenticator, "scheme", None)})

urlpatterns = [
path("admin/", admin.site.urls),
path("orders/", orders),
"""
MODELS = """
from uuid import uuid4
from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models

class People(BaseUserManager):
    def create_user(self, email, password=None, **fields):
        user = self.model(email=self.normalize_email(email), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

class User(AbstractBaseUser, PermissionsMixin):
    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    email = models.EmailField(unique=True)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False)
    objects = People()
    USERNAME_FIELD = "email"
"""
MANAGE = """
import os, sys
from django.core.management import execute_from_command_line
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
execute_from_command_line(sys.argv)
"""
ADMIN = """
from django.contrib import admin
from accounts.models import User

@admin.register(User)
class UserAdmin(admin.ModelAdmin):
    search_fields = ("email",)
"""


class Shop(Host):
    """The shop on a new database of the run's kind, with tables, users and their credentials.

    It has none of our folders yet; `before` is what its clients hold.
    """

    def __init__(self, folder: Path):
        databases = {"default": database(scratch_database(folder))}
        settings = f"from datetime import timedelta\n{SETTINGS}DATABASES = {pformat(databases)}\n"
        files = {
            "accounts/__init__.py": "",
            "accounts/models.py": MODELS,
            "accounts/admin.py": ADMIN,
            "accounts/migrations/__init__.py": "",
            "manage.py": MANAGE,
            "walk.py": (ROOT / "tests/support/shop_walk.py").read_text("utf-8"),
        }
        super().__init__(folder, settings, folders=(), files=files)
        self.adopt("", STOCK_URLS)
        done = self.run("walk.py")
        assert done.returncode == 0, done.stderr
        self.before: dict[str, Any] = json.loads(done.stdout)

    def adopt(self, settings: str, urls: str):
        """Add lines to the shop's settings, and give its `urlpatterns` these instead of its own."""
        with (self.folder / "config/settings.py").open("a") as file:
            file.write(settings)
        (self.folder / "config/urls.py").write_text(f"{URLS}{urls}]\n")
