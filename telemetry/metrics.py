"""What METRICS counts, for Prometheus. Imported only where it is on.

Of one process it is kept in memory; of several (PROMETHEUS_MULTIPROC_DIR) in a file for each process, and whichever
is asked sums up all of them.
"""

import logging
import os

from django.conf import settings
from prometheus_client import CollectorRegistry, Counter, Histogram, values
from prometheus_client.mmap_dict import _INITIAL_MMAP_SIZE, MmapedDict
from prometheus_client.multiprocess import MultiProcessCollector


class ReservedCounts(MmapedDict):
    """A mapped file of counts whose room on the disk is reserved before anything is written.

    prometheus_client extends the file and writes into the mapping. If the disk has no room for a page by then, the
    kernel ends the process with SIGBUS. Reserving first raises OSError instead, and nothing is counted.
    """

    def __init__(self, filename, read_mode=False):
        if not read_mode:
            _reserve(filename, _INITIAL_MMAP_SIZE)
        super().__init__(filename, read_mode)

    def _init_value(self, key):
        most = 4 + len(key.encode()) + 8 + 16  # bytes: length, key, padding, value and time
        capacity = self._capacity
        while self._used + most > capacity:
            capacity *= 2
        if capacity > self._capacity:
            _reserve(self._fname, capacity)
        super()._init_value(key)


def _reserve(filename: str, size: int):
    """Make a file at least `size` bytes long, all of them reserved. Raises OSError if the disk has no room."""
    descriptor = os.open(filename, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        os.posix_fallocate(descriptor, 0, max(size, os.fstat(descriptor).st_size))
    except OSError:
        if not os.fstat(descriptor).st_size:
            os.unlink(filename)  # a scrape could not read an empty file
        raise
    finally:
        os.close(descriptor)


registry = CollectorRegistry()
if settings.PROMETHEUS_MULTIPROC_DIR:
    MultiProcessCollector(registry)
    if hasattr(os, "posix_fallocate"):  # not on macOS
        values.MmapedDict = ReservedCounts
_own = None if settings.PROMETHEUS_MULTIPROC_DIR else registry  # else each would be told twice

EVENTS = Counter(
    "auth_events", "Events of the logger `auth`, by their fields.", ("event", "scheme", "reason"), registry=_own
)
SECONDS = Histogram(
    "auth_seconds",
    "Time in which a credential was accepted or refused; its count is how many were.",
    ("scheme", "outcome"),
    registry=_own,
    # A hit in memory takes 10 µs, a query 100 µs and more, one that waits for a connection up to 3 s.
    buckets=(0.00001, 0.00003, 0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3),
)


logger = logging.getLogger(__name__)


def observe(scheme: str, outcome: str, seconds: float):
    """A credential's check, `accepted` or `refused`. What cannot be counted is logged, and costs nobody an answer."""
    try:
        SECONDS.labels(scheme, outcome).observe(seconds)
    except Exception:
        logger.exception("not counted: scheme=%s outcome=%s", scheme, outcome)


class EventCounter(logging.Handler):
    """Counts the records of `auth`."""

    def emit(self, record):
        try:
            scheme, reason = (getattr(record, name, "") for name in ("scheme", "reason"))
            EVENTS.labels(record.getMessage(), scheme, reason).inc()
        except Exception:  # noqa: BLE001 - prints it on stderr, as every handler does
            self.handleError(record)
