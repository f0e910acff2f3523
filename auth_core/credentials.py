"""The credential of a request, and the answer that carries one."""

from rest_framework.exceptions import AuthenticationFailed


def credential(request, keyword: str) -> str | None:
    """What stands behind `keyword` in the Authorization header, or None when another scheme or none does.

    The keyword is compared without case (RFC 9110 11.1). Query string and body are never looked at
    (RFC 6750 2.2 and 2.3 are not offered). Raises AuthenticationFailed unless exactly one credential follows.
    """
    # Not by request.headers, which makes an object of all headers: it takes longer than all the rest here.
    words = request.META.get("HTTP_AUTHORIZATION", "").encode("latin-1").split()
    if not words or words[0].lower() != keyword.lower().encode():
        return None
    if len(words) != 2:
        raise AuthenticationFailed(
            f"The Authorization header must be '{keyword}', one space and the credential.",
            code="bad_authorization_header",
        )
    return words[1].decode("latin-1")


class NoStoreMixin:
    """For views that answer with a credential: no cache on the way may keep it (RFC 6749 5.1, RFC 9111 5.2.2.5)."""

    def finalize_response(self, request, response, *args, **kwargs):
        response = super().finalize_response(request, response, *args, **kwargs)
        response["Cache-Control"] = "no-store"
        return response
