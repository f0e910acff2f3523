"""When does a credential stop working? `ask(seconds)` is the status of a request after an event."""

from collections.abc import Callable

from benchmarks.questions.revocation.messages import AT_ONCE, HORIZON, NEVER, WITHIN
from benchmarks.results.records.revocation import End


class OutlivesError(Exception):
    """A credential that works longer after an event than without it: no cell could say so."""


def lifetime(ask: Callable[[int], int]) -> int | None:
    """Return the first second at which the credential is refused; None: not before HORIZON.

    The credential must work at second 0.
    """
    return None if ask(HORIZON) == 200 else _first_refusal(ask, HORIZON)


def find(ask: Callable[[int], int], lifetime: int | None, at_expiry: str) -> End:
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
