"""Events: what happened to a credential, whose it is and from which address; never the credential.

Each event is a record of the logger `auth`. Its fields are those of `log_event`. Its message is one
of the words below and the fields, so that each formatter shows them; `event_messages.word_of`
returns the word alone. METRICS counts the same records (telemetry/metrics.py). A handler that
fails, for example because the disk is full, prints why on stderr and raises nothing: that is how
`logging` works, so an event never costs a client its answer. docs/reference/events-and-metrics.md
explains each event.
"""

import logging
from typing import Any, TypeVar

from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.http import HttpRequest
from django.urls import ResolverMatch
from rest_framework.request import Request

from auth_core.address import client_address
from auth_core.event_messages import EventMessage
from auth_core.schemes import enabled_classes, kind_of, scheme_of
from auth_core.transactions import after_commit

logger = logging.getLogger("auth")

LOGIN_SUCCEEDED = "login.succeeded"
LOGIN_FAILED = "login.failed"
LOGIN_ENDED = "login.ended"  # one login; CREDENTIALS_ENDED stands for all credentials of a user
CREDENTIALS_ENDED = "credentials.ended"
CREDENTIAL_ACCEPTED = "credential.accepted"  # only with LOG_AUTHENTICATIONS
CREDENTIAL_REFUSED = "credential.refused"
TOKEN_ISSUED = "token.issued"  # by a command or in the admin; a token for a password is LOGIN_SUCCEEDED
TOKEN_ROTATED = "token.rotated"
TOKEN_REVOKED = "token.revoked"
REFRESH_ROTATED = "refresh.rotated"
REFRESH_REPEATED = "refresh.repeated"
REFRESH_REUSED = "refresh.reused"
STOCK_ACCEPTED = "stock.accepted"  # an access token of SimpleJWT's own, once for each token and process
STOCK_EXCHANGED = "stock.exchanged"  # a refresh token of SimpleJWT's own became a login
REQUEST_THROTTLED = "request.throttled"
SERVICE_UNAVAILABLE = "service.unavailable"

# Events that somebody may have to act upon.
_WARNINGS = {REFRESH_REUSED, REQUEST_THROTTLED, SERVICE_UNAVAILABLE}

SESSION = "session"  # the scheme of the admin's sessions, which is no row of the table

# The reason of a refused credential, by the class of the exception that caused the refusal. An app
# of credentials adds its library's when it is ready.
reasons_by_cause: dict[type[Exception], str] = {}

Error = TypeVar("Error", bound=Exception)


def log_event(
    event: str,
    *,
    scheme: str | None = None,
    user: object = None,
    token: object = None,
    family: object = None,
    reason: str | None = None,
    request: HttpRequest | Request | None = None,
) -> None:
    """Log the event now.

    `scheme`   the name of a row of the scheme table, or SESSION
    `user`     the user's id; not the name, since people type passwords into the name's field
    `token`    the id of a hashed token's row; DRF's tokens have no id but the secret
    `family`   the id of the login, the claim `sid`
    `reason`   one word of this project or of a library, no text
    `request`  the request, of which the client's address is logged
    """
    address = client_address(request) if request is not None else None
    fields = {"scheme": scheme, "user": user, "token": token, "family": family, "reason": reason, "address": address}
    extra = {name: str(value) for name, value in fields.items() if value not in (None, "")}
    logger.log(logging.WARNING if event in _WARNINGS else logging.INFO, EventMessage(event, extra), extra=extra)


def log_event_on_commit(event: str, *, using: str | None = None, **fields: Any) -> None:
    """Log the event when the transaction is committed, or at once outside of one."""
    after_commit(log_event, event, using=using, **fields)


def with_reason(error: Error, reason: str, **fields: object) -> Error:
    """Return the error, with the fields that its CREDENTIAL_REFUSED will have."""
    error.event = {"reason": reason, **fields}  # type: ignore[attr-defined]
    return error


def scheme_at(request: HttpRequest | Request | None) -> str | None:
    """Return the enabled scheme whose endpoint this is, SESSION for the admin's pages, or None."""
    match = getattr(request, "resolver_match", None)
    if match is None:
        return None
    # Our views carry the kind, under any name of their route. A library's view has a route that
    # begins with it.
    kind = getattr(_view_class(match), "kind", None) or (match.url_name or "").partition("-")[0]
    if kind == SESSION or match.app_name == "admin":
        return SESSION
    return next((scheme_of(cls) for cls in enabled_classes() if kind_of(cls) == kind), None)


def takes_password(request: HttpRequest | Request) -> bool:
    """Return True for requests to an endpoint that exchanges a password for a credential."""
    match = getattr(request, "resolver_match", None)
    if match is None:
        return False
    return getattr(_view_class(match), "takes_password", False) or match.url_name in ("token-obtain", "jwt-obtain")


def _view_class(match: ResolverMatch) -> type | None:
    """Return the class of a view of Django REST framework, or None for another view."""
    return getattr(match.func, "cls", None)


class Logged:
    """An addition to an authentication class (telemetry/instrumented.py): log what it accepts."""

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        accepted: tuple[Any, Any] | None = super().authenticate(request)  # type: ignore[misc]
        if accepted is not None:
            log_event(CREDENTIAL_ACCEPTED, scheme=scheme_of(type(self)), user=accepted[0].pk, request=request)
        return accepted


# --- what Django signals: failed passwords, and the admin's sessions ------------------------------


def _login_failed(sender: object, credentials: object, request: HttpRequest | None = None, **kwargs: Any) -> None:
    """Log a wrong password at any view, a library's own too.

    Django does not tell a wrong name from a disabled user. What was typed as the name is not
    logged.
    """
    log_event(LOGIN_FAILED, scheme=scheme_at(request), reason="password", request=request)


def _session_began(sender: object, request: HttpRequest, user: Any, **kwargs: Any) -> None:
    log_event_on_commit(LOGIN_SUCCEEDED, scheme=SESSION, user=user.pk, request=request)


def _session_ended(sender: object, request: HttpRequest, user: Any, **kwargs: Any) -> None:
    if user is not None:
        log_event_on_commit(LOGIN_ENDED, scheme=SESSION, user=user.pk, reason="logout", request=request)


class _LastResort(logging.StreamHandler[Any]):
    """A handler that writes events to stderr while the project has configured no handler at all."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(logging.Formatter("{levelname} {name} {message}", style="{"))
        self.addFilter(lambda record: not logger.root.handlers and logger.handlers == [self])


def show() -> None:
    """Let events be logged from INFO on, and on stderr, unless the project's LOGGING says more."""
    if logger.level == logging.NOTSET:
        logger.setLevel(logging.INFO)
    if not logger.hasHandlers():
        logger.addHandler(_LastResort())


def connect() -> None:
    """Listen to Django's signals; each app of credentials calls this when it is ready."""
    show()
    user_login_failed.connect(_login_failed, dispatch_uid="auth_core.events.failed")
    user_logged_in.connect(_session_began, dispatch_uid="auth_core.events.began")
    user_logged_out.connect(_session_ended, dispatch_uid="auth_core.events.ended")
