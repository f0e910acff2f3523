"""Django's other session engines next to the default one, each with a cookie of its own.

A service names one engine for all its sessions, in SESSION_ENGINE. A run compares several, so each
of these has a middleware that takes its own cookie's session.
"""

from importlib import import_module

from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.middleware import SessionMiddleware


class _EngineMiddleware(SessionMiddleware):
    """Django's middleware with another engine and another cookie."""

    engine: str
    cookie: str

    def __init__(self, get_response):
        super().__init__(get_response)
        self.SessionStore = import_module(self.engine).SessionStore

    def process_request(self, request):
        key = request.COOKIES.get(self.cookie)
        if key is not None or not hasattr(request, "session"):  # AuthenticationMiddleware needs one
            request.session = self.SessionStore(key)


class CachedMiddleware(_EngineMiddleware):
    engine = "django.contrib.sessions.backends.cached_db"
    cookie = "session_cached"


class SignedMiddleware(_EngineMiddleware):
    engine = "django.contrib.sessions.backends.signed_cookies"
    cookie = "session_signed"


def issue(user, engine: str) -> str:
    """Return the key of a new session of `user` in this engine. It does not set last_login."""
    session = import_module(engine).SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    return session.session_key


def issue_stored(user) -> str:
    return issue(user, "django.contrib.sessions.backends.db")


def issue_cached(user) -> str:
    return issue(user, CachedMiddleware.engine)


def issue_signed(user) -> str:
    return issue(user, SignedMiddleware.engine)
