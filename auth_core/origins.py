"""The origin of a request: scheme, host and port of the page that a browser shows."""

from django.http import HttpRequest
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request

from auth_core.conf import conf
from auth_core.events import with_reason

_PORTS = {"http": ":80", "https": ":443"}


class OriginRefused(PermissionDenied):
    """A request that a cookie authenticates comes from a page of another origin: 403."""

    default_code = "origin_refused"

    def __init__(self, detail: str):
        super().__init__({"detail": detail, "code": self.default_code})


def own(request: HttpRequest | Request) -> str:
    """Return the origin of this service as the browser of this request sees it.

    Browsers leave out the port that belongs to the scheme, and proxies may add it to `Host`.
    """
    scheme = request.scheme or "http"
    return f"{scheme}://{request.get_host().lower().removesuffix(_PORTS[scheme])}"


def require(request: HttpRequest | Request) -> None:
    """Raise OriginRefused unless `Origin` is this service's own or one of CORS_ORIGINS.

    `SameSite=Strict` is no substitute: it compares sites, which have neither port nor subdomain, so
    a form on another port of this host sends the cookie. Browsers send `Origin` with every POST.
    """
    sent = request.META.get("HTTP_ORIGIN", "")
    if sent == own(request) or sent in conf.CORS_ORIGINS:
        return
    named = f"from {sent[:100]!r}" if sent else "without Origin"
    raise with_reason(
        OriginRefused(
            f"A request {named} cannot use the cookie; allowed: {own(request)} and the origins of CORS_ORIGINS."
        ),
        "origin",
    )
