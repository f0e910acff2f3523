"""ETags: a client that names the one it has is answered 304 until the content changes."""

import hashlib

from django.utils.http import parse_etags
from rest_framework.request import Request


def etag_of(content: bytes) -> str:
    """Return the ETag of this content."""
    return f'"{hashlib.sha256(content).hexdigest()[:32]}"'


def is_known(request: Request, etag: str) -> bool:
    """Return True if `If-None-Match` names this ETag, or any (RFC 9110 13.1.2).

    Django's get_conditional_response also answers 412 to `If-Match`, and not in JSON.
    """
    named = parse_etags(request.headers.get("If-None-Match", ""))
    return any(each.removeprefix("W/") in (etag, "*") for each in named)
