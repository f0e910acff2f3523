"""What METRICS counts, for Prometheus. Imported only where it is on.

Of one process it is kept in memory; of several (PROMETHEUS_MULTIPROC_DIR) in a file for each process, and whichever
is asked sums up all of them.
"""

import logging

from django.conf import settings
from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.multiprocess import MultiProcessCollector

registry = CollectorRegistry()
if settings.PROMETHEUS_MULTIPROC_DIR:
    MultiProcessCollector(registry)
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
