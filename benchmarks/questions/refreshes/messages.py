"""What the command `refreshes` and its processes send each other, and the words of both."""

import json
from dataclasses import asdict, dataclass

from benchmarks.results.records.revocation import Event

REFRESHED = "refresh"
REUSED = "reuse of a spent token"
LOGGED_OUT = "logout"
PASSWORD_SET = "password set"
PASSWORD_CHANGED = "password changed"
DEACTIVATED = "deactivation"
DELETED = "deletion"

EVENTS = (
    Event(REFRESHED, "the login refreshes; the tokens that are presented later are those from before"),
    Event(
        REUSED,
        "the login refreshes, and then the refresh token from before is presented as soon as it is refused; the "
        "tokens that are presented later are those that the refresh gave; '-' if the old one is never spent",
    ),
    Event(LOGGED_OUT, "the library's own endpoint; '-' if it has none"),
    Event(PASSWORD_SET, "user.set_password(), user.save(), as Django's admin does"),
    Event(PASSWORD_CHANGED, "the library's own endpoint for its users; '-' if it has none"),
    Event(DEACTIVATED, "user.is_active = False, user.save()"),
    Event(DELETED, "user.delete()"),
)


@dataclass(frozen=True, slots=True)
class Order:
    """What one process must find out about one setup: its name, and how many refreshes to count."""

    setup: str
    refreshes: int

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Order":
        return cls(**json.loads(text))
