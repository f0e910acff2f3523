"""Rows' authentication classes with what SERVER_TIMING, METRICS and LOG_AUTHENTICATIONS add; used if one of them is on.

When all are off the settings name the rows' own classes: a request then passes nothing of this.
"""

from time import perf_counter

from django.conf import settings
from django.utils.module_loading import import_string
from rest_framework.exceptions import AuthenticationFailed

from auth_core.events import Told
from config.schemes import SCHEMES, scheme_of
from telemetry.server_timing import Timed


class Counted:
    """METRICS: how long it took to accept or refuse a credential. One of another scheme is neither."""

    def authenticate(self, request):
        from telemetry.metrics import observe  # not where METRICS is off

        start = perf_counter()
        try:
            accepted = super().authenticate(request)
        except AuthenticationFailed:
            observe(scheme_of(self).name, "refused", perf_counter() - start)
            raise
        if accepted is not None:
            observe(scheme_of(self).name, "accepted", perf_counter() - start)
        return accepted


def watched(name: str, *additions: type) -> type:
    """The authentication class of the row of this name, any row's, a library's own too, with these additions.

    It passes for the class it stands for, so that all that asks for a row's class finds the row.
    """
    cls = import_string(SCHEMES[name].authentication)
    disguise = {
        "__module__": cls.__module__,
        "__qualname__": cls.__qualname__,
        "__class__": property(lambda self: cls),
    }
    return type(cls.__name__, (*additions, cls), disguise)


def __getattr__(name: str):
    """`telemetry.instrumented.<row>`: as the switches say."""
    if name not in SCHEMES:
        raise AttributeError(name)
    switches = {Told: settings.LOG_AUTHENTICATIONS, Timed: settings.SERVER_TIMING, Counted: settings.METRICS}
    globals()[name] = watched(name, *(addition for addition, is_on in switches.items() if is_on))
    return globals()[name]
