"""The credential of a request, and the answer that carries one."""

from functools import cache
from typing import Any

from rest_framework.authentication import get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request
from rest_framework.response import Response

from auth_core.mixins import View


def credential(request: Request, keyword: str | tuple[str, ...]) -> str | None:
    """Return the credential behind `keyword` in the Authorization header, or None if there is none.

    The keyword, or one of several, is compared without case (RFC 9110 11.1). The query string and
    the body are not read (RFC 6750 2.2 and 2.3 are not offered). Raises AuthenticationFailed unless
    exactly one credential follows the keyword.
    """
    # Not request.headers, which makes an object of all headers: that takes longer than the rest of
    # this.
    words = request.META.get("HTTP_AUTHORIZATION", "").encode("latin-1").split()
    if not words or words[0].lower() not in _lower(keyword):
        return None
    if len(words) != 2:
        keyword = first(keyword)
        raise AuthenticationFailed(
            f"The Authorization header must be '{keyword}', one space and the credential.",
            code="bad_authorization_header",
        )
    text: str = words[1].decode("latin-1")
    return text


def is_presented(request: Request, keyword: str | tuple[str, ...]) -> bool:
    """Return True if the Authorization header begins with this keyword, or one of these."""
    words = get_authorization_header(request).lower().split()
    return bool(words) and words[0] in _lower(keyword)


def first(keyword: str | tuple[str, ...]) -> str:
    """Return the keyword that stands in the challenge, if several are accepted."""
    return keyword if isinstance(keyword, str) else keyword[0]


@cache
def _lower(keyword: str | tuple[str, ...]) -> frozenset[bytes]:
    keywords = (keyword,) if isinstance(keyword, str) else keyword
    return frozenset(each.lower().encode() for each in keywords)


class NoStoreMixin(View):
    """For answers that carry a credential: no cache may keep them (RFC 9111 5.2.2.5)."""

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> Response:
        response = super().finalize_response(request, response, *args, **kwargs)
        response["Cache-Control"] = "no-store"
        return response
