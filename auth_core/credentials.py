"""The credential of a request, and the answer that carries one."""

from typing import Any

from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request
from rest_framework.response import Response

from auth_core.mixins import View


def credential(request: Request, keyword: str) -> str | None:
    """Return the credential behind `keyword` in the Authorization header, or None if there is none.

    The keyword is compared without case (RFC 9110 11.1). The query string and the body are not read
    (RFC 6750 2.2 and 2.3 are not offered). Raises AuthenticationFailed unless exactly one
    credential follows the keyword.
    """
    # Not request.headers, which makes an object of all headers: that takes longer than the rest of
    # this.
    words = request.META.get("HTTP_AUTHORIZATION", "").encode("latin-1").split()
    if not words or words[0].lower() != keyword.lower().encode():
        return None
    if len(words) != 2:
        raise AuthenticationFailed(
            f"The Authorization header must be '{keyword}', one space and the credential.",
            code="bad_authorization_header",
        )
    text: str = words[1].decode("latin-1")
    return text


class NoStoreMixin(View):
    """For answers that carry a credential: no cache may keep them (RFC 9111 5.2.2.5)."""

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> Response:
        response = super().finalize_response(request, response, *args, **kwargs)
        response["Cache-Control"] = "no-store"
        return response
