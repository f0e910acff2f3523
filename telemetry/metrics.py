"""The metrics for Prometheus. Imported only if METRICS is on.

A single process keeps the counts in memory. If there are several (PROMETHEUS_MULTIPROC_DIR), each
keeps its counts in a file, and the process that serves /metrics/ adds them up.
"""

import logging
import os
from time import perf_counter

from django.conf import settings
from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics, values
from prometheus_client.mmap_dict import _INITIAL_MMAP_SIZE, MmapedDict
from prometheus_client.multiprocess import MultiProcessCollector

from auth_core.event_messages import word_of


class ReservedCounts(MmapedDict):
    """A mapped file of counts that reserves space on the disk before it writes.

    prometheus_client extends the file and writes into the mapping. If the disk is full by then, the
    kernel ends the process with SIGBUS. Reserving space raises OSError instead, and nothing is
    counted.
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
    """Extend a file to `size` bytes and reserve their space. Raise OSError if the disk is full."""
    descriptor = os.open(filename, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        os.posix_fallocate(descriptor, 0, max(size, os.fstat(descriptor).st_size))
    except OSError:
        if not os.fstat(descriptor).st_size:
            os.unlink(filename)  # a scrape could not read an empty file
        raise
    finally:
        os.close(descriptor)


# Otherwise each counter and histogram would have a series `_created` that nobody reads.
disable_created_metrics()

registry = CollectorRegistry()
if settings.PROMETHEUS_MULTIPROC_DIR:
    MultiProcessCollector(registry)
    if hasattr(os, "posix_fallocate"):  # not on macOS
        values.MmapedDict = ReservedCounts
_own = None if settings.PROMETHEUS_MULTIPROC_DIR else registry  # to export each metric only once

EVENTS = Counter(
    "auth_events", "Events of the logger `auth`, by their fields.", ("event", "scheme", "reason"), registry=_own
)
SECONDS = Histogram(
    "auth_seconds",
    "Time in which a credential was accepted or refused; its count is how many were.",
    ("scheme", "outcome"),
    registry=_own,
    # Seconds. A cache hit takes 10 µs, a query 100 µs or more, a wait for a connection up to 3 s.
    buckets=(0.00001, 0.00003, 0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3),
)

REQUESTS = Counter("http_requests", "Answered requests, by method and status.", ("method", "status"), registry=_own)
REQUEST_SECONDS = Histogram(
    "http_request_seconds",
    "Time from a request's arrival in Django to its answer, by method and class of status.",
    ("method", "status"),
    registry=_own,
    # Seconds. A guarded read takes 1 ms, a login 100 ms, a statement up to STATEMENT_TIMEOUT.
    buckets=(0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30),
)
# A client may send any word for a method, so all others share one label.
_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}

logger = logging.getLogger(__name__)


class RequestMetricsMiddleware:
    """Middleware that counts and times every request that reaches Django (METRICS).

    It is the first, so that it counts what any other middleware refuses.
    """

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        start = perf_counter()
        response = self.get_response(request)
        method = request.method if request.method in _METHODS else "other"
        status = response.status_code
        try:
            REQUESTS.labels(method, str(status)).inc()
            REQUEST_SECONDS.labels(method, f"{status // 100}xx").observe(perf_counter() - start)
        except Exception:
            logger.exception("not counted: method=%s status=%s", method, status)
        return response


def observe(scheme: str, outcome: str, seconds: float):
    """Record the time of a credential's check, with `accepted` or `refused` as its outcome.

    Log an error instead of raising it, so that no request fails because of a metric.
    """
    try:
        SECONDS.labels(scheme, outcome).observe(seconds)
    except Exception:
        logger.exception("not counted: scheme=%s outcome=%s", scheme, outcome)


class EventCounter(logging.Handler):
    """A handler that counts the records of the logger `auth`."""

    def emit(self, record):
        try:
            scheme, reason = (getattr(record, name, "") for name in ("scheme", "reason"))
            EVENTS.labels(word_of(record), scheme, reason).inc()
        except Exception:  # noqa: BLE001 - handleError prints it, as in every handler
            self.handleError(record)
