"""What the command `revocation` and its processes send each other, and the words of both.

Knows nothing of Django: lifecycle.py asks the service, in processes of its own.
"""

from dataclasses import dataclass
from typing import Any

from benchmarks.results.records.revocation import Event

OBTAIN = ("/api-token-auth/", "/api/token/")
ROTATE = ("/api-token-auth/new/", "/api/token/refresh/")
REFRESH = "/api/token/refresh/"
LOGOUT = ("/api-token-auth/revoke/", "/api/token/logout/", "/api/token/blacklist/")

LOGGED_OUT = "logout"
ROTATED = "rotation"
PASSWORD_CHANGED = "password change"
DEACTIVATED = "deactivation"
DELETED = "deletion"
STAFF_TAKEN_AWAY = "staff flag taken away"
KEY_REMOVED = "signing key removed"

EVENTS = (
    Event(
        LOGGED_OUT,
        f"POST to the first of {', '.join(LOGOUT)} that the scheme has; if it has none, the row that holds "
        "the credential is deleted, as in the admin",
    ),
    Event(ROTATED, f"POST to the first of {', '.join(ROTATE)} that the scheme has"),
    Event(PASSWORD_CHANGED, "user.set_password(), user.save(), as Django's forms and its admin do"),
    Event(DEACTIVATED, "user.is_active = False, user.save()"),
    Event(DELETED, "user.delete()"),
    Event(
        STAFF_TAKEN_AWAY,
        "user.is_staff = False, user.save(); the request is one that only staff may make, PATCH of a track of the "
        "catalogue; '-' if staff never could",
    ),
    Event(
        KEY_REMOVED,
        "the service restarts with another JWT_SIGNING_KEY, and the old one is not among JWT_VERIFYING_KEYS; "
        "'-' for a credential without a signature",
    ),
)


@dataclass(frozen=True, slots=True)
class Login:
    """The answer to a login: an opaque or access token, and a refresh token or None."""

    user_id: int
    access: str
    refresh: str | None


@dataclass(frozen=True, slots=True)
class Assignment:
    """What a process must find out about one scheme: every cell except KEY_REMOVED's.

    `login`            made by another process: find out when this one stops working, instead
    `issued_at`        when that login was made, in seconds since the epoch
    `access_seconds`, `refresh_seconds`  the lifetimes that the other process found, as in Ends
    """

    scheme: str
    login: Login | None = None
    issued_at: int = 0
    access_seconds: int | None = None
    refresh_seconds: int | None = None

    @classmethod
    def after(cls, scheme: str, answer: dict[str, Any]) -> "Assignment":
        """Return the assignment about the login in a process's answer."""
        return cls(
            scheme,
            Login(**answer["login"]),
            answer["issued_at"],
            answer["access_seconds"],
            answer["refresh_seconds"],
        )

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "Assignment":
        """Return the assignment in a process's argument."""
        return cls(**data | {"login": data["login"] and Login(**data["login"])})
