"""A clock that moves instead of waiting, in one process."""

import math
import time

import time_machine


class Clock:
    """A wall clock that stands still at `start` until it is moved.

    `start` is in seconds since the epoch; 0: the next whole second.

    time.monotonic() runs on and is moved along, since a cache may use either. Enter it before you
    import what must see it. The database's own now() does not move.
    """

    def __init__(self, start: int = 0):
        self._travel = time_machine.travel(start or math.ceil(time.time()), tick=False)
        self._monotonic = time.monotonic
        self._moved = 0  # seconds

    def __enter__(self) -> "Clock":
        self._traveller = self._travel.start()
        time.monotonic = lambda: self._monotonic() + self._moved
        return self

    def __exit__(self, *error):
        time.monotonic = self._monotonic
        self._travel.stop()

    def now(self) -> int:
        """Return the seconds since the epoch."""
        return int(time.time())

    def move(self, seconds: int):
        """Move both clocks ahead."""
        self._traveller.shift(seconds)
        self._moved += seconds
