"""The Server-Timing header (W3C): time for authentication, for the database, and in total."""

from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from time import perf_counter_ns

from django.db import connections

_spent: ContextVar[dict[str, int] | None] = ContextVar("spent", default=None)  # nanoseconds by name


@contextmanager
def _counted(name: str):
    spent = _spent.get()
    start = perf_counter_ns()
    try:
        yield
    finally:
        if spent is not None:
            spent[name] += perf_counter_ns() - start


def _timed_statement(execute, sql, params, many, context):
    with _counted("db"):
        return execute(sql, params, many, context)


class ServerTimingMiddleware:
    """Middleware that adds `Server-Timing: auth;dur=…, db;dur=…, total;dur=…`, in milliseconds.

    A query for authentication counts in both auth and db.
    """

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        spent = {"auth": 0, "db": 0, "total": 0}
        token = _spent.set(spent)
        try:
            with ExitStack() as stack, _counted("total"):
                for connection in connections.all():
                    stack.enter_context(connection.execute_wrapper(_timed_statement))
                response = self.get_response(request)
        finally:
            _spent.reset(token)
        response["Server-Timing"] = ", ".join(f"{name};dur={ns / 1e6:.3f}" for name, ns in spent.items())
        return response


class Timed:
    """A mixin for an authentication class, whose time counts as `auth`."""

    def authenticate(self, request):
        with _counted("auth"):
            return super().authenticate(request)
