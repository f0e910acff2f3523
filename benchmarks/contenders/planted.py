"""Contenders whose overhead is known: anonymous, but for a delay of so many nanoseconds.

The delay is kept by the clock, not by counting a loop's iterations: those run up to twice as fast in a short
loop as in a long one, and with the processor's frequency. What a delay really comes to is read off the clock
around the delay itself, within requests that are timed for nothing else: the lab's own differences have no
part in it.
"""

from collections.abc import Callable
from time import perf_counter_ns

from rest_framework.authentication import BaseAuthentication

# Everybody waits for that long at least: a loop leaves the processor's predictions behind for what follows,
# which takes 0.1 µs more, however long the loop.
LEAST_NS = 1000


def delay(nanoseconds: int):
    """Keep the processor busy for LEAST_NS and so many nanoseconds more."""
    end = perf_counter_ns() + LEAST_NS + nanoseconds
    while perf_counter_ns() < end:
        pass


def authentication(nanoseconds: int, note: Callable[[int], None] | None = None) -> type[BaseAuthentication]:
    """A class that finds nobody, after that delay; `note` is told what the delay came to, in nanoseconds."""

    class Delaying(BaseAuthentication):
        def authenticate(self, request):
            delay(nanoseconds)

    class Noting(BaseAuthentication):
        def authenticate(self, request):
            start = perf_counter_ns()
            delay(nanoseconds)
            note(perf_counter_ns() - start)

    return Noting if note else Delaying
