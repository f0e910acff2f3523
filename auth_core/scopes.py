"""Scopes: what a credential may be used for (RFC 6749 3.3).

A credential is limited if `request.auth` has an attribute `scope`: words with a space between them.
Any other credential is not limited. `READ` covers safe methods (RFC 9110 9.2.1), `WRITE` all
others.
"""

from typing import Any

from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from auth_core.events import with_reason

READ, WRITE = "read", "write"
FULL = f"{READ} {WRITE}"
CHOICES = (FULL, READ, WRITE)  # as `normal` writes them


class InsufficientScope(PermissionDenied):
    """The scope of the credential does not cover the request (RFC 6750 3.1): 403."""

    default_code = "insufficient_scope"
    auth_header: str | None  # DRF's exception handler sends it as WWW-Authenticate

    def __init__(self, detail: str, challenge: str | None):
        super().__init__({"detail": detail, "code": self.default_code})
        self.auth_header = challenge


class HasScope(BasePermission):
    """Permission for a credential whose scope covers the method of the request.

    Put it into DEFAULT_PERMISSION_CLASSES, and into the `permission_classes` of each view that has
    its own. A request without a credential passes: IsAuthenticated refuses that one. It raises
    InsufficientScope instead of returning False, so that the answer carries the challenge;
    `HasScope | Other` therefore refuses too.
    """

    def has_permission(self, request: Request, view: Any) -> bool:
        # Each guarded request comes here: nearly all credentials are not limited, or to everything.
        scope = getattr(request.auth, "scope", None)
        if scope is not None and scope != FULL:
            require(request, needed_for(request.method))
        return True


def needed_for(method: str | None) -> str:
    """Return the scope that a request with this method needs."""
    return READ if method in SAFE_METHODS else WRITE


def require(request: Request, needed: str) -> None:
    """Raise InsufficientScope if the request's credential is limited to other scopes."""
    if not covers(request.auth, needed):
        # DRF's force_authenticate() has no challenge.
        header = getattr(request.successful_authenticator, "authenticate_header", None)
        raise insufficient(request.auth, needed, header and header(request))


def covers(credential: Any, needed: str) -> bool:
    """Return True if the credential is not limited, or its scope includes `needed`."""
    scope = getattr(credential, "scope", None)
    return scope is None or (isinstance(scope, str) and needed in scope.split(" "))


def insufficient(credential: Any, needed: str, challenge: str | None) -> InsufficientScope:
    """Return the error for a credential that does not cover `needed`.

    `challenge` is that of the credential's scheme, or None if it has none.
    """
    if challenge is not None:
        challenge += f', error="{InsufficientScope.default_code}", scope="{needed}"'
    error = InsufficientScope(f"The scope of this credential does not include “{needed}”.", challenge)
    return with_reason(error, "scope", **getattr(credential, "event_fields", {}))


def normal(text: str) -> str:
    """Return the scope with each word once and in one order, neither of which has a meaning.

    Raise ValueError for a word that is no scope, which includes an empty one.
    """
    words = text.split(" ")
    for word in words:
        if word not in (READ, WRITE):
            raise ValueError(f'"{word[:40]}" is no scope; allowed: {READ}, {WRITE}, or both with a space between them')
    return " ".join(word for word in (READ, WRITE) if word in words)
