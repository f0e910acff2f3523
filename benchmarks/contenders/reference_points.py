"""What a service without tokens uses: Django's session, or the password in every request."""

from base64 import b64encode

from django.conf import global_settings
from django.contrib.auth.hashers import PBKDF2PasswordHasher

from benchmarks.contenders.candidate import Candidate
from benchmarks.contenders.user import PASSWORD

SESSION = Candidate(
    name="session",
    keyword="sessionid",
    authentication="rest_framework.authentication.SessionAuthentication",
    issue="benchmarks.contenders.reference_points.issue_session",
    summary="Django's session cookie by DRF's SessionAuthentication: session and user read on each request",
    header="HTTP_COOKIE",
    separator="=",
    refusal=403,
    # The service's own act on the admin's requests only.
    middleware=(
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
    ),
)


def _hashers() -> dict[str, list[str]]:
    """Return Django's default hashers, which the service uses: config.settings names none."""
    return {"PASSWORD_HASHERS": global_settings.PASSWORD_HASHERS}


BASIC = Candidate(
    name="basic",
    keyword="Basic",
    authentication="rest_framework.authentication.BasicAuthentication",
    issue="benchmarks.contenders.reference_points.issue_basic",
    summary=(
        "HTTP Basic by DRF's BasicAuthentication: user read and password verified on each request, "
        f"PBKDF2 with {PBKDF2PasswordHasher.iterations:,} iterations"
    ),
    settings=_hashers,
)


def issue_session(user) -> str:
    """Return the key of a new session of `user`. It does not set last_login."""
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
    from django.contrib.sessions.backends.db import SessionStore

    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    return session.session_key


def issue_basic(user) -> str:
    """Return the credential of `user`, whose password must be contenders.user.PASSWORD."""
    return b64encode(f"{user.get_username()}:{PASSWORD}".encode()).decode()
