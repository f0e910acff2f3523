"""The refresh token in a cookie that no script can read: the switch JWT_REFRESH_COOKIE.

A login with `"cookie": true` sets the cookie. The refresh and the logout take the token from there
if the body has none. Then the request needs an allowed `Origin` (auth_core/origins.py), the child
comes back in the cookie and never in the body, and a refusal that is final deletes the cookie.
"""

from typing import Any, Literal

import jwt
from django.conf import settings
from django.urls import reverse
from rest_framework.exceptions import NotAuthenticated, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from auth_core import origins
from auth_core.conf import conf
from auth_core.throttling import RefusalThrottleMixin

_SAME_SITE: Literal["Strict"] = "Strict"


class NoRefreshToken(NotAuthenticated):
    """Neither the body nor a cookie has a refresh token: nobody is logged in here (401)."""


def name() -> str:
    """Return the name of the cookie.

    Browsers accept a name that begins with __Secure- over https only, so that a page on http cannot
    plant a cookie of its own.
    """
    return "__Secure-refresh_token" if settings.SESSION_COOKIE_SECURE else "refresh_token"


def presented(request: Request) -> str | None:
    """Return the refresh token in the cookie, or None if there is none or the switch is off.

    Raises ValidationError for a second token, in the body or in a second cookie, and OriginRefused
    for a page of another origin: nobody can say which token is meant, or who sent it.
    """
    values = _values(request) if conf.JWT_REFRESH_COOKIE else []
    if not values:
        return None
    if "refresh" in request.data:
        raise ValidationError(
            {
                "refresh": [
                    "A refresh token in the body and one in the cookie: never both. "
                    'A page leaves the cookie out with credentials: "omit".'
                ]
            }
        )
    origins.require(request)
    if len(values) > 1:
        # Another host of the same domain can set a second one, which may be the login of somebody
        # else.
        raise ValidationError(
            {"refresh": [f"The cookie {name()} was sent {len(values)} times. Delete this site's cookies."]}
        )
    return values[0]


def answer(fields: dict[str, Any]) -> Response:
    """Return the answer with these fields of a pair, the refresh token in the cookie alone."""
    response = Response({name: value for name, value in fields.items() if name != "refresh"})
    response.set_cookie(
        name(),
        fields["refresh"],
        max_age=fields["refresh_expires_in"],
        path=_path(),
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite=_SAME_SITE,
    )
    return response


def delete(response: Any) -> None:
    """Let the browser delete the cookie."""
    response.delete_cookie(name(), path=_path(), samesite=_SAME_SITE)


class RefreshCookieMixin(RefusalThrottleMixin):
    """For views that take a refresh token in the body, or in the cookie.

    `cookie` is the token of the cookie, or None if this request has none.
    """

    checks_origin = True  # for the OpenAPI document

    cookie: str | None = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if request.method == "POST":
            self.cookie = presented(request)

    def is_counted(self, exc: Exception) -> bool:
        # A page asks whether somebody is logged in. Many visitors behind one address may do so.
        return super().is_counted(exc) and not isinstance(exc, NoRefreshToken)

    def handle_exception(self, exc: Exception) -> Response:
        response = super().handle_exception(exc)
        if self.cookie is not None and response.status_code == 401 and _is_final(exc):
            delete(response)
        return response


def _is_final(exc: BaseException) -> bool:
    """Return False for a refusal by a clock that is behind: another machine may not repeat it."""
    causes = [exc]
    while causes[-1].__cause__ is not None:
        causes.append(causes[-1].__cause__)
    reasons = [getattr(cause, "event", {}).get("reason") for cause in causes]
    return "clock" not in reasons and not any(isinstance(cause, jwt.ImmatureSignatureError) for cause in causes)


def _values(request: Request) -> list[str]:
    """Return the value of each cookie with our name; request.COOKIES has the last of them only."""
    pairs = (part.partition("=") for part in request.META.get("HTTP_COOKIE", "").split(";"))
    ours = name()
    return [value.strip() for key, _, value in pairs if key.strip() == ours]


def _path() -> str:
    """Return the path of the login, below which are those of the refresh and the logout."""
    return reverse("jwt-obtain")
