"""The schemes' authentication classes with what SERVER_TIMING, METRICS and LOG_AUTHENTICATIONS add.

If all of these are off, the settings name the schemes' own classes, and no request runs this code.
"""

from time import perf_counter

from django.conf import settings
from django.utils.module_loading import import_string
from rest_framework.exceptions import AuthenticationFailed

from auth_core.events import Logged
from auth_core.schemes import scheme_of
from telemetry.server_timing import Timed


class Counted:
    """A mixin that measures how long accepting or refusing a credential takes (METRICS).

    It does not count credentials of other schemes.
    """

    def authenticate(self, request):
        from telemetry.metrics import observe  # a dependency of METRICS only

        start = perf_counter()
        try:
            accepted = super().authenticate(request)
        except AuthenticationFailed:
            observe(scheme_of(type(self)), "refused", perf_counter() - start)
            raise
        if accepted is not None:
            observe(scheme_of(type(self)), "accepted", perf_counter() - start)
        return accepted


def instrumented(cls: type, *additions: type) -> type:
    """Return the authentication class, a library's own too, with these additions and its scheme."""
    return type(f"Instrumented{cls.__name__}", (*additions, cls), {"scheme": scheme_of(cls)})


def __getattr__(name: str):
    """Return the class of the enabled scheme of this name, with what the switches add."""
    row = next((row for row in settings.SCHEMES if row.name == name), None)
    if row is None:
        raise AttributeError(name)
    switches = {Logged: settings.LOG_AUTHENTICATIONS, Timed: settings.SERVER_TIMING, Counted: settings.METRICS}
    additions = (addition for addition, is_on in switches.items() if is_on)
    globals()[name] = instrumented(import_string(row.authentication), *additions)
    # A view that is imported while the apps load needs it before config names the libraries'
    # classes.
    globals()[name].scheme = row.name
    return globals()[name]
