"""Ask the database and the cache whether they answer, for `GET /ready/`.

A server that is frozen accepts a connection and never answers, and nothing in this process can
end that wait. So a thread of its own asks each of them, one at a time, and a request waits for the
thread for at most BOUND seconds.
"""

import logging
import threading
import time
from collections.abc import Callable

from django.db import connection

from auth_core.caches import TIMEOUTS, servers, shared_cache

logger = logging.getLogger(__name__)

BOUND = 1.0  # seconds from the question to its answer; one that takes longer counts as no answer
FRESH = 1.0  # seconds for which an answer is given again, so that a flood of requests asks once
# How many requests wait for one answer. The others are given the answer before it: a flood of
# requests to /ready/ must leave threads for /health/.
WAITING = 2


class _Question:
    """A question to a server that is being asked, or was answered."""

    def __init__(self, ask: Callable[[], None], before: str | None) -> None:
        self.began = time.monotonic()
        self.before = before  # the outcome of the previous question
        self.done = threading.Event()
        self._failure: str | None = None
        self._took = 0.0
        threading.Thread(target=self._ask, args=(ask,), name="readiness", daemon=True).start()

    def _ask(self, ask: Callable[[], None]) -> None:
        try:
            ask()
        except Exception as error:  # noqa: BLE001 - whatever it is, the server did not answer; it is logged
            self._failure = f"{type(error).__name__}: {error}".strip()
        self._took = time.monotonic() - self.began
        self.done.set()

    @property
    def age(self) -> float:
        return time.monotonic() - self.began

    def outcome(self) -> str | None:
        """Return why there was no answer within BOUND, or None if there was one."""
        if self.done.is_set() and self._took <= BOUND:
            return self._failure
        return self._failure or f"no answer within {BOUND:g} s"


class Dependency:
    """A server that this service needs: its name, and a function that raises unless it answers."""

    def __init__(self, name: str, ask: Callable[[], None]) -> None:
        self.name = name
        self._ask = ask
        self._lock = threading.Lock()
        self._waiting = threading.BoundedSemaphore(WAITING)
        self._question: _Question | None = None
        self._logged: str | None = None

    def begin(self) -> _Question:
        """Return the question that is being asked or was answered just now, or ask a new one."""
        with self._lock:
            last = self._question
            if last is None or (last.done.is_set() and last.age >= FRESH):
                before = last.outcome() if last else "not asked before"
                self._question = _Question(self._ask, before)
            return self._question  # type: ignore[return-value]

    def answers(self, question: _Question) -> bool:
        """Return True if the server answered the question. Log it when that changes."""
        left = BOUND - question.age
        if question.done.is_set() or left <= 0:
            outcome = question.outcome()
        elif self._waiting.acquire(blocking=False):
            try:
                question.done.wait(left)
                outcome = question.outcome()
            finally:
                self._waiting.release()
        else:
            return question.before is None
        self._log(outcome)
        return outcome is None

    def _log(self, outcome: str | None) -> None:
        with self._lock:
            was, self._logged = self._logged, outcome
        if outcome is not None and was is None:
            logger.warning("not ready: the %s: %s", self.name, outcome)
        elif outcome is None and was is not None:
            logger.warning("ready again: the %s answers", self.name)


def _ask_database() -> None:
    # A new connection of this thread's own: the kept ones belong to the threads of requests.
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    finally:
        connection.close()


def _ask_cache() -> None:
    from redis import Redis
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    configured = shared_cache() or {}
    options = {**TIMEOUTS, **configured.get("OPTIONS", {})}
    with Redis.from_url(servers(configured)[0], **options, retry=Retry(NoBackoff(), 0)) as client:
        client.ping()


DATABASE = Dependency("database", _ask_database)
CACHE = Dependency("cache", _ask_cache)


def missing() -> list[str]:
    """Return the names of what does not answer. A cache in this process' memory always does."""
    needed = [DATABASE, *([CACHE] if shared_cache() else [])]
    # All are asked before any is waited for, so that the bound holds for both together.
    questions = [dependency.begin() for dependency in needed]
    return [
        dependency.name
        for dependency, question in zip(needed, questions, strict=True)
        if not dependency.answers(question)
    ]
