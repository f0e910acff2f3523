"""When does a credential stop working? `ask(seconds)` is the status of a request after an event."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

DAY = 86_400  # seconds
HORIZON = 400 * DAY  # seconds after an event, the last moment that is asked about

Kind = Literal["at once", "within", "at access expiry", "at refresh expiry", "never", "-"]

AT_ONCE: Kind = "at once"
WITHIN: Kind = "within"
AT_ACCESS_EXPIRY: Kind = "at access expiry"
AT_REFRESH_EXPIRY: Kind = "at refresh expiry"
NEVER: Kind = "never"
NO_EVENT: Kind = "-"


@dataclass(frozen=True, slots=True)
class End:
    """When a token stops working after an event; "-": there is no such event.

    `seconds`  from the event to the first whole second at which it is refused, or a fraction of one
               if the time was real; None for never and -
    `status`   of that refusal; None for never and -
    """

    kind: Kind
    seconds: int | float | None = None
    status: int | None = None

    def __post_init__(self) -> None:
        if self.kind == "within" and self.seconds is None:
            raise ValueError("within how many seconds?")


class OutlivesError(Exception):
    """A credential that works longer after an event than without it: no cell could say so."""


def lifetime(ask: Callable[[int], int]) -> int | None:
    """Return the first second at which the credential is refused; None: not before HORIZON.

    The credential must work at second 0.
    """
    return None if ask(HORIZON) == 200 else _first_refusal(ask, HORIZON)


def find(ask: Callable[[int], int], lifetime: int | None, at_expiry: Kind) -> End:
    """Return when a credential that works for `lifetime` seconds without the event ends after it.

    The first question is about the end of its lifetime, so that a credential that is refused at
    once and works again later is not taken for revoked. Raises OutlivesError.
    """
    end = HORIZON + 1 if lifetime is None else lifetime
    if ask(end - 1) == 200:
        if lifetime is None:
            return End(NEVER)
        status = ask(lifetime)
        if status == 200:
            raise OutlivesError(f"accepted {lifetime} s after an event, which it is not without the event")
        return End(at_expiry, lifetime, status)
    status = ask(0)
    if status != 200:
        return End(AT_ONCE, 0, status)
    seconds = _first_refusal(ask, end - 1)
    return End(WITHIN, seconds, ask(seconds))


def _first_refusal(ask: Callable[[int], int], refused: int) -> int:
    accepted = 0
    while refused - accepted > 1:
        middle = (accepted + refused) // 2
        if ask(middle) == 200:
            accepted = middle
        else:
            refused = middle
    return refused
