"""Settings of a project that has one library and nothing else: setups.py says which and how."""

import os

from benchmarks.questions.refreshes.projects import SETUP_VARIABLE
from benchmarks.questions.refreshes.setups import SETUPS
from benchmarks.settings import DATABASES, PASSWORD_HASHERS, SECRET_KEY

__all__ = ["DATABASES", "PASSWORD_HASHERS", "SECRET_KEY"]

SETUP = SETUPS[os.environ[SETUP_VARIABLE]]

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "rest_framework",
    *SETUP.apps,
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    *SETUP.middleware,
]
ROOT_URLCONF = "benchmarks.questions.refreshes.projects.urls"
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
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [SETUP.authentication],
    # The throttles that tokenforge's views name.
    "DEFAULT_THROTTLE_RATES": dict.fromkeys(("user", "anon", "request_rate", "refresh_token", "dj_rest_auth")),
}
ALLOWED_HOSTS = ["127.0.0.1"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
STATIC_URL = "static/"
USE_TZ = True

globals().update(SETUP.settings())
