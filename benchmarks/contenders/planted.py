"""Contenders whose overhead is known: anonymous with a planted delay.

The delay loop watches the clock. It does not count iterations, because their speed depends on the
length of the loop (up to a factor of two) and on the processor's frequency. The lab reads the true
length of a delay off the clock around it, in requests that it times for nothing else.
"""

from collections.abc import Callable
from time import perf_counter_ns

from rest_framework.authentication import BaseAuthentication

# The shortest delay, even for a contender that plants none: after any loop, what follows takes
# 0.1 µs more, because the loop has trained the processor's predictions.
LEAST_NS = 1000


def delay(nanoseconds: int):
    """Keep the processor busy for LEAST_NS plus `nanoseconds`."""
    end = perf_counter_ns() + LEAST_NS + nanoseconds
    while perf_counter_ns() < end:
        pass


def authentication(nanoseconds: int, note: Callable[[int], None] | None = None) -> type[BaseAuthentication]:
    """Return a class that waits and then authenticates nobody.

    It calls `note` with the true length of each delay in nanoseconds.
    """

    class Delaying(BaseAuthentication):
        def authenticate(self, request):
            delay(nanoseconds)

    class Noting(BaseAuthentication):
        def authenticate(self, request):
            start = perf_counter_ns()
            delay(nanoseconds)
            note(perf_counter_ns() - start)

    return Noting if note else Delaying
