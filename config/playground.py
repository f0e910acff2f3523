"""The playground: the page that a browser gets at `/`.

It holds no data of anybody. Its script asks the API, as any other client does.
"""

import hashlib
from functools import cache
from pathlib import Path
from typing import Any

from django.conf import settings
from django.http import HttpResponse, HttpResponseNotModified
from django.template.loader import render_to_string
from django.urls import NoReverseMatch, reverse
from rest_framework.request import Request
from rest_framework.settings import api_settings

from auth_core.etags import etag_of, is_known
from config.schemes import SCHEMES, Scheme

# Scripts, styles and requests: this origin only, and nothing inline. A form cannot leave the page,
# so a password never lands in a URL if the script does not run.
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
    )
)

# For each keyword, what a column can do and the route that does it. A scheme lacks some of them.
ROUTES = {
    "Token": {
        "login": "token-obtain",
        "rotate": "token-rotate",
        "logout": "token-revoke",
        "list": "token-list",
    },
    "Bearer": {
        "login": "jwt-obtain",
        "refresh": "jwt-refresh",
        "verify": "jwt-verify",
        "logout": "jwt-logout",
        "list": "jwt-sessions",
    },
}

_STATIC = Path(__file__).parent / "static" / "playground"


def is_wanted(request: Request) -> bool:
    """Return True if the client prefers HTML, and asks for no format by name (`?format=api`)."""
    is_html = request.accepted_renderer.media_type == "text/html"
    return is_html and api_settings.URL_FORMAT_OVERRIDE not in request.query_params


def answer(request: Request) -> HttpResponse:
    """Return the page, or 304 if the client has it."""
    columns = [_column(scheme) for scheme in settings.SCHEMES]
    page = render_to_string(
        "config/playground.html",
        {
            "columns": columns,
            "others": [scheme for scheme in SCHEMES.values() if scheme not in settings.SCHEMES],
            "can_keep_cookie": any(column["keeps_cookie"] for column in columns),
            "can_refresh": any("refresh" in column["paths"] for column in columns),
            "version": _version(),
        },
    )
    etag = etag_of(page.encode())
    headers = {"Content-Security-Policy": POLICY, "Cache-Control": "no-cache", "ETag": etag}
    if is_known(request, etag):
        return HttpResponseNotModified(headers=headers)
    return HttpResponse(page, headers=headers)


def _column(scheme: Scheme) -> dict[str, Any]:
    """Return what the column of an enabled scheme can do."""
    paths = _paths(scheme.keyword)
    # A library's own login ignores the switch, and would answer with the refresh token.
    keeps_cookie = settings.JWT_REFRESH_COOKIE and "refresh" in paths and not scheme.is_stock
    return {"scheme": scheme, "paths": paths, "keeps_cookie": keeps_cookie}


def _paths(keyword: str) -> dict[str, str]:
    """Return the path of each action that the enabled scheme of this keyword has."""
    paths = {}
    for action, route in ROUTES[keyword].items():
        try:
            paths[action] = reverse(route)
        except NoReverseMatch:  # this scheme has no such endpoint
            continue
    return paths


@cache
def _version() -> str:
    """Return a digest of the script and the styles: no cache mixes two versions of the page."""
    content = b"".join(file.read_bytes() for file in sorted(_STATIC.iterdir()))
    return hashlib.sha256(content).hexdigest()[:12]
