"""Ask the database for a credential before the view begins, and read the answer when it is needed.

On PostgreSQL half of a lookup is waiting: the server's process has to wake up on another core. Sent
ahead, the lookup is answered while DRF makes its request. One line in MIDDLEWARE, the last, turns
it on: "auth_core.ahead.LookupAheadMiddleware".

What is sent is the lookup that the authenticator would send, once, under the conditions of
auth_core/direct.py, so outside of transactions and while nobody watches. The authenticator decides
by its result as before. Whatever else uses the connection in between reads the result first, and
the lookup is repeated (auth_core/direct_postgresql.py).
"""

from collections.abc import Callable
from typing import Any

from django.core.exceptions import MiddlewareNotUsed
from django.db import connections
from django.http import HttpRequest, HttpResponseBase
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.views import APIView


class LookupAheadMiddleware:
    """Middleware that has an authentication class send its lookup before the view is called.

    It asks the view's classes in their order, up to the first without an `ask_ahead` of its own. A
    subclass may look elsewhere or not at all, so it does not inherit this: it states `ask_ahead =
    Base.ask_ahead`. Only for sync handlers; not used without a PostgreSQL.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]):
        self.get_response = get_response
        if all(connections[alias].vendor != "postgresql" for alias in connections):
            raise MiddlewareNotUsed("no database is a PostgreSQL")

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        try:
            return self.get_response(request)
        finally:
            asked = vars(request).pop("asked_ahead", None)
            if asked is not None:
                asked.forget()  # no later request may read what this one asked

    def process_view(self, request: Any, view: Any, args: Any, kwargs: Any) -> None:
        cls = getattr(view, "cls", None)  # of a view of DRF
        if "HTTP_AUTHORIZATION" not in request.META or cls is None:
            return
        if cls.get_authenticators is not APIView.get_authenticators:
            return  # which classes it asks is not known yet
        for each in view.initkwargs.get("authentication_classes", cls.authentication_classes):
            if "ask_ahead" not in vars(each):
                return
            try:
                asked = each().ask_ahead(request)
            except AuthenticationFailed:  # raised again by authenticate()
                return
            if asked is not None:
                request.asked_ahead = asked
                return
