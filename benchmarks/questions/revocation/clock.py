"""Time in one process, moved instead of waited for."""

import math
import time

import time_machine


class Clock:
    """Stops the wall clock at `start` (seconds since the epoch; 0: at the next whole second) and moves it.

    time.monotonic() runs on and is moved along: a cache may count by either. To be entered before what is
    to see it is imported. The database's own now() stays behind.
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
        """Seconds since the epoch."""
        return int(time.time())

    def move(self, seconds: int):
        self._traveller.shift(seconds)
        self._moved += seconds
