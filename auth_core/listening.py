"""A thread that listens for what other processes announce, and whether it hears them.

A process may use what it remembers only while it hears every announcement that could end it. So a
listener sends itself a heartbeat on the way that announcements take. The answer proves that
everything that was announced before has arrived.
"""

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

logger = logging.getLogger(__name__)

HEARTBEAT = 0.25  # seconds from one to the next
SILENCE = 1.0  # seconds after the last one until nothing that is remembered is used


class Listener:
    """One process's listener; a subclass says in `receive` where it listens.

    The thread calls `dropped` with what any process announced, this one included. It calls `gap`
    whenever announcements may have been missed. No method raises: while the source is away,
    `is_heard` returns False, and one warning is logged.
    """

    label: str  # for the log, and for the thread's name
    source: str  # what it listens to
    instead: str  # what happens while it is not heard
    errors: tuple[type[Exception], ...]  # what `receive` raises when the source is away

    def __init__(self, dropped: Callable[[Any], None], gap: Callable[[], None]):
        self.dropped, self.gap = dropped, gap
        self._cold_at = 0.0  # as time.monotonic()
        self._is_away = False
        self.closed = threading.Event()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def is_heard(self, now: float) -> bool:
        """Return True if all announcements until SILENCE before `now` are known to have arrived.

        `now` is a time.monotonic().
        """
        return now < self._cold_at

    def listen(self) -> None:
        """Start the listener unless it runs, in the serving process: no thread survives a fork."""
        with self._lock:
            if not (self._thread and self._thread.is_alive()) and not self.closed.is_set():
                name = self.label.replace(" ", "-")
                thread = threading.Thread(target=self._listen, name=name, daemon=True)
                try:
                    thread.start()
                except RuntimeError as error:  # the machine allows no more; the next request tries again
                    self.log_away(error)
                else:
                    self._thread = thread

    def close(self) -> None:
        """Stop the listener and wait for its end."""
        self.closed.set()
        with self._lock:
            thread = self._thread
        if thread:
            thread.join()

    def _listen(self) -> None:
        while not self.closed.is_set():
            try:
                self.receive()
            except self.errors as error:
                self.log_away(error)
                self.closed.wait(HEARTBEAT)
        self._cold_at = 0.0

    def receive(self) -> None:
        """Receive announcements until the source is away (an error) or `close` is called."""
        raise NotImplementedError

    def hear(self, sent: float) -> None:
        """Note the answer to a heartbeat that was sent at this time.monotonic()."""
        self._cold_at = sent + SILENCE
        if self._is_away:
            self._is_away = False
            logger.warning("%s: %s answers again", self.label, self.source)

    def log_away(self, error: Exception) -> None:
        """Count as unheard until the next heartbeat; log once per outage."""
        self._cold_at = 0.0
        if not self._is_away:
            self._is_away = True
            logger.warning("%s: %s is away, so %s: %s", self.label, self.source, self.instead, error)


def refuse_silence(heard: float, error: type[Exception]) -> None:
    """Raise `error` if the last heartbeat that was answered is too old to wait any longer."""
    if time.monotonic() >= heard + 2 * SILENCE:
        raise error(f"no heartbeat for {2 * SILENCE} s")
