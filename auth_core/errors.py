"""How a failure reaches the client: JSON, the right status, one challenge for each enabled scheme."""

import sqlite3
import traceback

from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import FieldDoesNotExist, RequestDataTooBig, ValidationError
from django.db import DatabaseError, DataError, IntegrityError, InterfaceError, OperationalError, models
from django.db.backends.base.operations import BaseDatabaseOperations
from django.db.backends.utils import CursorWrapper
from django.db.models import ProtectedError
from django.db.models.options import Options
from django.db.models.sql import Query
from rest_framework import status
from rest_framework.authentication import get_authorization_header
from rest_framework.exceptions import APIException, AuthenticationFailed
from rest_framework.views import exception_handler as drf_exception_handler
from rest_framework_simplejwt.exceptions import ExpiredTokenError

from auth_core import events
from auth_core.schemes import scheme_of


class ServiceUnavailable(APIException):
    """A database or cache this answer needs is away (RFC 9110 15.6.4)."""

    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_detail = "The service is temporarily unavailable, please try again."
    default_code = "unavailable"
    wait = 5  # seconds; DRF's handler turns it into Retry-After


class Conflict(APIException):
    """Another request's change came between this one's check and its write (RFC 9110 15.5.10)."""

    status_code = status.HTTP_409_CONFLICT
    default_detail = "What this request refers to was changed or deleted meanwhile, please try again."
    default_code = "conflict"


class ContentTooLarge(APIException):
    """A body over DATA_UPLOAD_MAX_MEMORY_SIZE (RFC 9110 15.5.14)."""

    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_detail = "The request body is too large."
    default_code = "too_large"


# By SQLSTATE (PostgreSQL, appendix A), a class or one code: what passes, whoever sent the statement.
_AWAY = (
    "08",  # the connection failed
    "25",  # read-only after a failover (25006), the transaction or its session timed out (25P03, 25P04)
    "40",  # a deadlock, or a serialization that failed
    "53",  # the disk is full, there are too many connections or too little memory
    "55006",  # an object is in use
    "55P03",  # lock_timeout
    "57",  # the server shuts down, starts or recovers; statement_timeout (57014)
    "58",  # the server could not read or write a file
    "XX001",  # a damaged table
    "XX002",  # a damaged index
)
# SQLite's primary result codes of the same. Its generic code, SQLITE_ERROR, is also said of a wrong statement.
_AWAY_ON_SQLITE = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_INTERRUPT,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_NOTADB,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_PROTOCOL,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_SCHEMA,
}


def is_database_away(error: BaseException) -> bool:
    """Return True if the same request may succeed later: the database is gone, full, locked or read-only.

    The database's own code decides, not Python's class: psycopg has a read-only server raise
    InternalError, and sqlite3 says OperationalError of a wrong statement, too. An error without a
    code comes of a connection that could not be made or broke.
    """
    if not isinstance(error, DatabaseError | InterfaceError):
        return False
    cause = error.__cause__
    if isinstance(cause, sqlite3.Error):
        return getattr(cause, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF in _AWAY_ON_SQLITE
    sqlstate = getattr(cause, "sqlstate", None)
    return sqlstate.startswith(_AWAY) if sqlstate else isinstance(error, InterfaceError | OperationalError)


_LOST_RACES = {
    "23503",  # PostgreSQL's foreign_key_violation
    "23505",  # and its unique_violation
    sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY,
    sqlite3.SQLITE_CONSTRAINT_UNIQUE,
}


def is_lost_race(error: BaseException) -> bool:
    """Whether a row that was to be there went, or one that was not to be there came, since it was looked for."""
    if isinstance(error, ProtectedError):
        return True  # the admin, which does not offer to delete what is pointed at, found it so after all
    if not isinstance(error, IntegrityError):
        return False
    cause = error.__cause__
    return getattr(cause, "sqlstate", None) in _LOST_RACES or getattr(cause, "sqlite_errorcode", None) in _LOST_RACES


# Whose methods turn a client's value into one that a column can be compared with, or its name into a column.
_LOOKING_UP = (models.Field, models.Lookup, Options, Query, BaseDatabaseOperations, CursorWrapper)
_DATES = ChangeList.get_filters.__code__  # where the admin makes the dates of `date_hierarchy`


def is_impossible_value(error: BaseException) -> bool:
    """Return True if the ORM or the admin was given what no column can be compared with: "abc", year 0, NUL.

    The types say little, since any code may raise them. The sign is that the error passed through
    a method of one of the ORM's own objects, or was raised where the admin reads a date. The same
    error from a line of ours is a defect.
    """
    if isinstance(error, DataError):
        return True
    if not isinstance(error, ValueError | OverflowError | ValidationError | FieldDoesNotExist):
        return False
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    is_of_the_orm = any(isinstance(frame.f_locals.get("self"), _LOOKING_UP) for frame in frames)
    return is_of_the_orm or frames[-1].f_code is _DATES


def exception_handler(exc, context):
    """DRF's handler, with 413 as JSON, every challenge on a 401, and an event for a credential that was refused.

    A database that is away is left to ApiErrorMiddleware, which answers for pages outside of DRF too.
    """
    if isinstance(exc, RequestDataTooBig):
        exc = ContentTooLarge()
    response = drf_exception_handler(exc, context)
    if response is not None and response.status_code == status.HTTP_401_UNAUTHORIZED:
        challenges = _challenges(context["view"], context["request"])
        if challenges:
            response["WWW-Authenticate"] = challenges
        _tell_refusal(exc, context["view"], context["request"])
    return response


def _challenges(view, request) -> str:
    """One challenge for each authentication class of the view, in their order (RFC 9110 11.6.1).

    `error="invalid_token"` stands in the challenge of the scheme that was presented and refused, and in no
    other (RFC 6750 3.1: a request without credentials is told no error).
    """
    challenges = []
    for authenticator in view.get_authenticators():
        challenge = authenticator.authenticate_header(request)
        if challenge is not None:
            challenges.append(refused(challenge) if _is_presented(challenge, request) else challenge)
    return ", ".join(challenges)


def _is_presented(challenge: str, request) -> bool:
    """Whether the request has a credential of the scheme that challenges so."""
    return get_authorization_header(request).lower().split()[:1] == challenge.lower().encode().split()[:1]


def refused(challenge: str) -> str:
    """The challenge of a scheme whose credential was presented and refused."""
    keyword, _, parameters = challenge.partition(" ")
    return f"{keyword} " + ", ".join(filter(None, (parameters, 'error="invalid_token"')))


# What libraries call it, and ours where nothing more is known.
_REASONS = {
    "authentication_failed": "invalid",
    "token_not_valid": "invalid",
    "token_expired": "expired",
    "bad_authorization_header": "malformed",
}


def _tell_refusal(exc: Exception, view, request):
    """Not of a request without a credential, which is no failure; of a wrong password another event tells."""
    if not isinstance(exc, AuthenticationFailed) or events.takes_password(request):
        return
    scheme = events.scheme_at(request) or next(
        (
            scheme
            for authenticator in view.get_authenticators()
            if (scheme := scheme_of(type(authenticator)))
            and _is_presented(authenticator.authenticate_header(request) or "", request)
        ),
        None,
    )
    told = getattr(exc, "event", None) or getattr(exc.__cause__, "event", None) or {"reason": _reason(exc)}
    events.log_event(events.CREDENTIAL_REFUSED, scheme=scheme, request=request, **told)


def _reason(exc: AuthenticationFailed) -> str:
    if isinstance(exc.__cause__, ExpiredTokenError):
        return "expired"
    code = exc.detail["code"] if isinstance(exc.detail, dict) else exc.get_codes()
    return _REASONS.get(code, code)
