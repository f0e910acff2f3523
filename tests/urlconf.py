"""The project's URLs as they are with one row of the scheme table enabled, in this process.

DRF fixes a view's authentication classes on import, so each view is created again with the row's.
"""

from functools import cache
from types import ModuleType

from django.urls import include, path
from django.utils.module_loading import import_string

from config import urls
from config.schemes import Scheme
from config.views import SchemaView, WhoAmIView
from tracks.views import TrackViewSet

_LIST = {"get": "list", "post": "create"}
_DETAIL = {"get": "retrieve", "put": "update", "patch": "partial_update", "delete": "destroy"}


@cache
def urlconf_for(*schemes: Scheme) -> ModuleType:
    classes = {"authentication_classes": [import_string(scheme.authentication) for scheme in schemes]}
    module = ModuleType(f"tests.urlconf_{'_'.join(s.name for s in schemes)}")
    module.urlpatterns = [
        path("schema/", SchemaView.as_view(), name="schema"),
        path("whoami/", WhoAmIView.as_view(**classes), name="whoami"),
        path("tracks/", TrackViewSet.as_view(_LIST, **classes), name="track-list"),
        path("tracks/<int:pk>/", TrackViewSet.as_view(_DETAIL, **classes), name="track-detail"),
        *(path("", include(scheme.urlconf)) for scheme in schemes if scheme.urlconf),
    ]
    for name in ("handler400", "handler403", "handler404", "handler500"):
        setattr(module, name, getattr(urls, name))
    return module
