"""Errors of the API as clients see them: JSON, a status, a challenge for each enabled scheme."""

import logging
from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, JsonResponse
from django.http.response import HttpResponseBase
from rest_framework import status
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import APIException, AuthenticationFailed
from rest_framework.request import Request
from rest_framework.views import exception_handler as drf_exception_handler
from rest_framework.views import set_rollback

from auth_core import events
from auth_core.credentials import is_presented
from auth_core.database_errors import is_database_away, is_lost_race
from auth_core.mixins import View
from auth_core.origins import OriginRefused
from auth_core.schemes import scheme_of
from auth_core.scopes import InsufficientScope

logger = logging.getLogger(__name__)


class ServiceUnavailable(APIException):
    """A database or cache that this answer needs is away (RFC 9110 15.6.4)."""

    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_detail = "The service is temporarily unavailable, please try again."
    default_code = "unavailable"
    wait = 5  # seconds; DRF's handler turns it into Retry-After


class Conflict(APIException):
    """Another request's change came between this one's check and its write (RFC 9110 15.5.10)."""

    status_code = status.HTTP_409_CONFLICT
    default_detail = "What this request refers to has been changed or deleted by another request, please try again."
    default_code = "conflict"


class ContentTooLarge(APIException):
    """A body over DATA_UPLOAD_MAX_MEMORY_SIZE (RFC 9110 15.5.14)."""

    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_detail = "The request body is too large."
    default_code = "too_large"


def unavailable(request: HttpRequest | Request, error: BaseException) -> JsonResponse:
    """Log that the database is away, and return 503 with the time to wait."""
    logger.error("database away: %s", error, exc_info=error)
    events.log_event(events.SERVICE_UNAVAILABLE, reason="database", request=request)
    return JsonResponse(
        {"detail": ServiceUnavailable.default_detail},
        status=ServiceUnavailable.status_code,
        headers={"Retry-After": str(ServiceUnavailable.wait)},
    )


def answer_to_database_error(request: HttpRequest | Request, error: Exception) -> JsonResponse | None:
    """Return the answer to a database that is away or to a lost race, or None for another error."""
    if is_database_away(error):
        return unavailable(request, error)
    if is_lost_race(error):
        logger.warning("race lost: %s", error.args[0])  # a ProtectedError's args[1] has all rows
        return JsonResponse({"detail": Conflict.default_detail}, status=Conflict.status_code)
    return None


def exception_handler(exc: Exception, context: dict[str, Any]) -> HttpResponseBase | None:
    """Answer as DRF's handler does, with 413 as JSON and every challenge on a 401.

    A database that is away is 503, a lost race 409.
    """
    answer = answer_to_database_error(context["request"], exc)
    if answer is not None:
        set_rollback()  # of ATOMIC_REQUESTS, as DRF does for the errors that it answers
        return answer
    if isinstance(exc, RequestDataTooBig):
        exc = ContentTooLarge()
    response = drf_exception_handler(exc, context)
    if response is not None and response.status_code == status.HTTP_401_UNAUTHORIZED:
        challenges = _challenges(context["view"], context["request"])
        if challenges:
            response["WWW-Authenticate"] = challenges
        _log_refusal(exc, context["view"], context["request"])
    elif isinstance(exc, InsufficientScope | OriginRefused):
        _log_refusal(exc, context["view"], context["request"])
    return response


def _challenges(view: View, request: Request) -> str:
    """Return the challenge of each authentication class, in their order (RFC 9110 11.6.1).

    `error="invalid_token"` stands in the challenge of the scheme that was presented and refused,
    and in no other (RFC 6750 3.1: a request without credentials gets no error).
    """
    challenges = []
    for authenticator in view.get_authenticators():
        challenge = authenticator.authenticate_header(request)
        if challenge is not None:
            challenges.append(refused(challenge) if _is_presented(authenticator, request) else challenge)
    return ", ".join(challenges)


def _is_presented(authenticator: BaseAuthentication, request: Request) -> bool:
    """Return True if the request has a credential of this class's scheme."""
    challenge = authenticator.authenticate_header(request) or ""
    # Our classes may accept several keywords. The challenge has the first of them.
    is_ours = hasattr(authenticator, "kind")
    keyword: Any = getattr(authenticator, "keyword", None) if is_ours else challenge.partition(" ")[0]
    return is_presented(request, keyword)


def refused(challenge: str) -> str:
    """Return the challenge of a scheme whose credential was presented and refused."""
    keyword, _, parameters = challenge.partition(" ")
    return f"{keyword} " + ", ".join(filter(None, (parameters, 'error="invalid_token"')))


# The words of our events for the codes of libraries.
_REASONS = {
    "authentication_failed": "invalid",
    "token_not_valid": "invalid",
    "token_expired": "expired",
    "bad_authorization_header": "malformed",
}


def _log_refusal(exc: Exception, view: View, request: Request) -> None:
    """Log a refused credential.

    Requests without a credential are not refusals, and wrong passwords have their own event.
    """
    is_login = events.takes_password(request)
    if not isinstance(exc, AuthenticationFailed | InsufficientScope | OriginRefused):
        return
    if is_login and not isinstance(exc, OriginRefused):
        return
    fields = getattr(exc, "event", None) or getattr(exc.__cause__, "event", None) or {"reason": _reason(exc)}
    scheme = events.scheme_at(request) or _presented_scheme(view, request)
    event = events.LOGIN_FAILED if is_login else events.CREDENTIAL_REFUSED
    events.log_event(event, scheme=scheme, request=request, **fields)


def _presented_scheme(view: View, request: Request) -> str | None:
    """Return the first scheme of the view of which the request has a credential."""
    for authenticator in view.get_authenticators():
        scheme = scheme_of(type(authenticator))
        if scheme and _is_presented(authenticator, request):
            return scheme
    return None


def _reason(exc: APIException) -> str:
    for cause, reason in events.reasons_by_cause.items():
        if isinstance(exc.__cause__, cause):
            return reason
    code = str(exc.detail["code"] if isinstance(exc.detail, dict) else exc.get_codes())
    return _REASONS.get(code, code)
