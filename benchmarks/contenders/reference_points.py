"""What a service without tokens uses: Django's session, or the password in every request."""

from base64 import b64encode

from django.conf import global_settings
from django.contrib.auth.hashers import PBKDF2PasswordHasher

from benchmarks.contenders.candidate import Candidate
from benchmarks.contenders.user import PASSWORD


def _session(name: str, cookie: str, middleware: str, issue: str, summary: str) -> Candidate:
    return Candidate(
        name=name,
        keyword=cookie,
        authentication="rest_framework.authentication.SessionAuthentication",
        issue=f"benchmarks.contenders.sessions.{issue}",
        summary=f"Django's session cookie by DRF's SessionAuthentication: {summary}",
        header="HTTP_COOKIE",
        separator="=",
        refusal=403,
        # The service's own act on the admin's requests only.
        middleware=(middleware, "django.contrib.auth.middleware.AuthenticationMiddleware"),
    )


SESSION = _session(
    "session",
    "sessionid",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "issue_stored",
    "session and user read on each request",
)
SESSION_CACHED = _session(
    "session-cached",
    "session_cached",
    "benchmarks.contenders.sessions.CachedMiddleware",
    "issue_cached",
    "engine cached_db, session from the cache, user read on each request",
)
SESSION_SIGNED = _session(
    "session-signed",
    "session_signed",
    "benchmarks.contenders.sessions.SignedMiddleware",
    "issue_signed",
    "engine signed_cookies, session in the cookie itself, user read on each request",
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


def issue_basic(user) -> str:
    """Return the credential of `user`, whose password must be contenders.user.PASSWORD."""
    return b64encode(f"{user.get_username()}:{PASSWORD}".encode()).decode()
