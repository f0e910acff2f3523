"""URLconfs of the project's own views, alike but for who may enter.

All have the same routes in the same order. A view gets other `authentication_classes` from
`as_view()` and another gate in the place of IsAuthenticated. (`override_settings` would not do: DRF
reads the classes when it imports a view.)
"""

from collections.abc import Callable, Sequence
from types import ModuleType
from urllib.parse import urlsplit

from django.urls import Resolver404, path, resolve
from django.utils.module_loading import import_string
from rest_framework.permissions import IsAuthenticated

from benchmarks.messages import RefusedError
from config.schemes import Scheme

WHOAMI = "/whoami/"  # says who entered and by which row; proved for every contender, timed or not


def guarded_by(scheme: Scheme, urls: Sequence[str]) -> ModuleType:
    """Return a URLconf of `/whoami/` and `urls` that only a credential of this scheme opens."""
    classes = [import_string(scheme.authentication)] if scheme.authentication else []
    permission = getattr(scheme, "permission", None)  # a row of the scheme table has none
    gate = import_string(permission) if permission else IsAuthenticated
    return urlconf_of(scheme.name, urls, authentication_classes=classes, gate=gate)


def urlconf_of(name: str, urls: Sequence[str], authentication_classes: Sequence[type], gate: type) -> ModuleType:
    """Return a URLconf of `/whoami/` and the views that the project has at `urls`."""
    module = ModuleType(f"benchmarks.urlconf of {name}")
    paths = dict.fromkeys(urlsplit(url).path for url in (WHOAMI, *urls))
    module.urlpatterns = [_route(route, authentication_classes, gate) for route in paths]
    return module


def _route(route: str, authentication_classes: Sequence[type], gate: type):
    try:
        match = resolve(route)
    except Resolver404:
        raise RefusedError(f"{route}: the service has no such URL") from None
    view_class = getattr(match.func, "cls", None)
    if view_class is None:
        raise RefusedError(f"{route}: no view of the API")
    actions = getattr(match.func, "actions", None)  # of a viewset: HTTP method -> its method
    view = view_class.as_view(
        *([actions] if actions else []),
        **{
            **getattr(match.func, "initkwargs", {}),
            "authentication_classes": authentication_classes,
            "get_permissions": _permissions(view_class, gate),
        },
    )
    return path(route.removeprefix("/"), view, match.kwargs)


def _permissions(view_class: type, gate: type) -> Callable[[], list]:
    """Return the view's own permissions, with `gate` in the place of IsAuthenticated.

    They go through get_permissions: a view that overrides it, as the tracks do, ignores
    permission_classes.
    """
    classes = [gate if type(own) is IsAuthenticated else type(own) for own in view_class().get_permissions()]
    return lambda: [cls() for cls in classes]
