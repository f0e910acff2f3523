"""A clock that stands still while the scheduler gives the processor to other programs.

Linux counts how long a thread was ready to run and had to wait (the second figure of
/proc/thread-self/schedstat; proc(5)). That time is no part of what a request takes. It is left out
where all of a request runs in this thread. It is not left out where a database's server answers:
this thread then also waits for the server, which is part of the request.

A thread that waited finds its caches cold, and no clock can leave that out. So a block that was
disturbed is also timed again (timing.Collector), as long as that finds a quiet moment now and then.
"""

import os
from functools import cache
from time import perf_counter_ns, thread_time_ns

from django.db import connection

DISTURBED = 0.02  # of a block's time; shorter waits are those for the kernel's own threads


def can_tell() -> bool:
    """Return whether waiting can be told apart from what a request does."""
    return connection.vendor == "sqlite" and _schedstat() is not None


def waited_ns() -> int:
    """Return how long this thread has waited for a processor; 0 where the kernel does not tell."""
    file = _schedstat()
    return 0 if file is None else int(os.pread(file, 64, 0).split()[1])


class Stopwatch:
    """Times one thing after another, without what this thread waited, if `can_tell`."""

    def __init__(self):
        self._read = waited_ns if can_tell() else _nothing

    def start(self):
        self._waited, self._run = self._read(), thread_time_ns()
        self._begin = perf_counter_ns()

    def stop(self) -> int:
        """Return the nanoseconds since start()."""
        wall = perf_counter_ns() - self._begin
        run, waited = thread_time_ns() - self._run, self._read() - self._waited
        # It may have waited just before or after. Nothing takes less than its processor time.
        return max(wall - waited, min(run, wall)) if waited else wall


@cache
def _schedstat() -> int | None:
    try:
        return os.open("/proc/thread-self/schedstat", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None


def _nothing() -> int:
    return 0
