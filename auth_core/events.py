"""Events: what happened to a credential, whose it is, from where; never the credential.

docs/reference/events-and-metrics.md explains each of them.

Each is a record of the logger `auth`. Its message is one of the words below, its fields are those of `log_event`.
METRICS counts the same records (telemetry/metrics.py). A handler that fails, of a full disk, prints why on stderr and
raises nothing: that is how `logging` does it, so an event costs no client its answer.
"""

import logging
from functools import partial

from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.db import transaction

from auth_core.address import client_address
from auth_core.schemes import enabled_classes, scheme_of

logger = logging.getLogger("auth")

LOGIN_SUCCEEDED = "login.succeeded"
LOGIN_FAILED = "login.failed"
LOGIN_ENDED = "login.ended"  # one login; all of a user's is the next
CREDENTIALS_ENDED = "credentials.ended"
CREDENTIAL_ACCEPTED = "credential.accepted"  # by LOG_AUTHENTICATIONS
CREDENTIAL_REFUSED = "credential.refused"
TOKEN_ISSUED = "token.issued"  # by a command or in the admin; by a password it is LOGIN_SUCCEEDED
TOKEN_ROTATED = "token.rotated"
TOKEN_REVOKED = "token.revoked"
REFRESH_ROTATED = "refresh.rotated"
REFRESH_REPEATED = "refresh.repeated"
REFRESH_REUSED = "refresh.reused"
REQUEST_THROTTLED = "request.throttled"
SERVICE_UNAVAILABLE = "service.unavailable"

# What somebody may have to act upon; the rest is daily life.
_WARNINGS = {REFRESH_REUSED, REQUEST_THROTTLED, SERVICE_UNAVAILABLE}

SESSION = "session"  # as a scheme: the admin's, which is in no row

# The first word of a route's name says whose endpoint it is.
_KEYWORDS = {"token": "Token", "jwt": "Bearer"}


def log_event(event: str, *, scheme=None, user=None, token=None, family=None, reason=None, request=None):
    """Log the event now.

    `scheme`   the name of a row, or SESSION
    `user`     the id; no name, since people type passwords where a name is asked for
    `token`    the id of a hashed token's row; DRF's tokens have no id but the secret
    `family`   the id of the login, the claim `sid`
    `reason`   one word of ours or of a library's, no text
    `request`  of which the client's address is told
    """
    address = client_address(request) if request is not None else None
    fields = {"scheme": scheme, "user": user, "token": token, "family": family, "reason": reason, "address": address}
    extra = {name: str(value) for name, value in fields.items() if value not in (None, "")}
    logger.log(logging.WARNING if event in _WARNINGS else logging.INFO, event, extra=extra)


def log_event_on_commit(event: str, *, using: str | None = None, **fields):
    """The same once the present transaction is committed, at once outside of one, and never when it is rolled back."""
    transaction.on_commit(partial(log_event, event, **fields), using=using, robust=True)


def with_reason(error: Exception, reason: str, **fields) -> Exception:
    """The error, with what its CREDENTIAL_REFUSED will say: fields of `log_event`."""
    error.event = {"reason": reason, **fields}
    return error


def scheme_at(request) -> str | None:
    """Return the enabled scheme whose endpoint this is, SESSION for the admin's login, or None."""
    kind = _route(request).partition("-")[0]
    if kind == SESSION:
        return SESSION
    keyword = _KEYWORDS.get(kind)
    if keyword is None:
        return None
    return next((scheme_of(cls) for cls in enabled_classes() if _keyword(cls, request) == keyword), None)


def takes_password(request) -> bool:
    """Whether the API is asked for a credential for a password."""
    return _route(request) in ("token-obtain", "jwt-obtain")


def _keyword(cls, request) -> str:
    """Return the keyword of the Authorization header that this authentication class reads."""
    return (cls().authenticate_header(request) or "").partition(" ")[0]


def _route(request) -> str:
    match = getattr(request, "resolver_match", None)
    return (match and match.url_name) or ""


class Logged:
    """For an authentication class: log each credential that it accepts (telemetry/instrumented.py)."""

    def authenticate(self, request):
        accepted = super().authenticate(request)
        if accepted is not None:
            log_event(CREDENTIAL_ACCEPTED, scheme=scheme_of(type(self)), user=accepted[0].pk, request=request)
        return accepted


# --- what Django tells: passwords, whoever asks for them, and the admin's sessions -------------------


def _login_failed(sender, credentials, request=None, **kwargs):
    """Of any view that asks for a password, a library's own too. Django does not tell a wrong name from a disabled
    user, and what was typed as the name is not looked at."""
    log_event(LOGIN_FAILED, scheme=scheme_at(request), reason="password", request=request)


def _session_began(sender, request, user, **kwargs):
    log_event_on_commit(LOGIN_SUCCEEDED, scheme=SESSION, user=user.pk, request=request)


def _session_ended(sender, request, user, **kwargs):
    if user is not None:
        log_event_on_commit(LOGIN_ENDED, scheme=SESSION, user=user.pk, reason="logout", request=request)


def connect():
    """Listen to Django; called once, when the apps are ready."""
    user_login_failed.connect(_login_failed, dispatch_uid="auth_core.events.failed")
    user_logged_in.connect(_session_began, dispatch_uid="auth_core.events.began")
    user_logged_out.connect(_session_ended, dispatch_uid="auth_core.events.ended")
