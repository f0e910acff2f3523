"""`GET /metrics/`, if METRICS is on."""

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.urls import path
from django.utils.crypto import constant_time_compare
from drf_spectacular.utils import extend_schema
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import BasePermission
from rest_framework.renderers import BaseRenderer
from rest_framework.response import Response
from rest_framework.views import APIView

from auth_core.credentials import credential
from auth_core.renderers import JSONErrorsMixin
from auth_core.throttling import RefusalThrottleMixin
from telemetry.metrics import registry


class ScrapeAuthentication(BaseAuthentication):
    """Authentication by METRICS_TOKEN, which belongs to no user.

    It needs no database, so Prometheus can read the metrics while the database is away.
    """

    keyword = "Bearer"

    def authenticate(self, request):
        token = credential(request, self.keyword)
        if token is None:
            return None
        if not constant_time_compare(token, settings.METRICS_TOKEN):
            raise AuthenticationFailed("Invalid token.")
        return AnonymousUser(), token

    def authenticate_header(self, request):
        return f'{self.keyword} realm="metrics"'


class _HasToken(BasePermission):
    def has_permission(self, request, view):
        return request.auth is not None


class _TextRenderer(BaseRenderer):
    """A renderer of Prometheus' text format, whichever version the request names."""

    media_type = "text/plain"
    format = "txt"
    charset = None

    def render(self, data, accepted_media_type=None, renderer_context=None):
        return data


class MetricsView(RefusalThrottleMixin, JSONErrorsMixin, APIView):
    """The metrics for Prometheus: requests, events, refusals, time spent on authentication."""

    http_method_names = ("get", "head")  # not OPTIONS, whose response is JSON
    authentication_classes = (ScrapeAuthentication,)
    permission_classes = (_HasToken,)
    renderer_classes = (_TextRenderer,)

    @extend_schema(tags=["service"], responses={(200, "text/plain"): str})
    def get(self, request):
        return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


urlpatterns = [path("metrics/", MetricsView.as_view(), name="metrics")]
