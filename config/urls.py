from django.conf import settings
from django.contrib import admin
from django.urls import include, path

from auth_core.throttling import throttled_login
from config.middleware import ADMIN
from config.views import DocsView, HealthView, IndexView, ReadyView, SchemaView, WhoAmIView

urlpatterns = [
    path("", IndexView.as_view(), name="index"),
    path("whoami/", WhoAmIView.as_view(), name="whoami"),
    path("health/", HealthView.as_view(), name="health"),
    path("ready/", ReadyView.as_view(), name="ready"),
    path("schema/", SchemaView.as_view(), name="schema"),
    path("docs/", DocsView.as_view(url_name="schema"), name="docs"),
    # Before the admin's own login, which has no throttle.
    path(f"{ADMIN[1:]}login/", throttled_login(admin.site.login), name="session-login"),
    path(ADMIN[1:], admin.site.urls),
    path("", include("tracks.urls")),
    *([path("", include("telemetry.metrics_view"))] if settings.METRICS else []),
    # The endpoints of each enabled row. Two rows may share them.
    *(path("", include(urlconf)) for urlconf in dict.fromkeys(s.urlconf for s in settings.SCHEMES) if urlconf),
]

handler400 = "config.views.bad_request"
handler403 = "config.views.permission_denied"
handler404 = "config.views.page_not_found"
handler500 = "config.views.server_error"
