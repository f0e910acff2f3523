"""Views outside of the apps: the index, who am I, liveness, and errors outside of DRF."""

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.http import JsonResponse
from django.urls import reverse
from django.views import defaults
from drf_spectacular.generators import EndpointEnumerator
from drf_spectacular.utils import extend_schema, inline_serializer
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView
from rest_framework import serializers
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import AllowAny
from rest_framework.response import Response
from rest_framework.views import APIView

from auth_core.errors import ServiceUnavailable
from auth_core.negotiation import ContentNegotiation
from auth_core.renderers import JSONErrorsMixin
from auth_core.schemes import scheme_of
from config import playground, readiness

User = get_user_model()


class IndexView(APIView):
    """The enabled schemes and the endpoints; in a browser, the playground."""

    authentication_classes = ()
    permission_classes = (AllowAny,)

    @extend_schema(
        tags=["service"],
        responses=inline_serializer(
            "Root",
            {
                "schemes": inline_serializer(
                    "Scheme",
                    {
                        "name": serializers.CharField(),
                        "header": serializers.CharField(),
                        "summary": serializers.CharField(),
                    },
                    many=True,
                ),
                "endpoints": serializers.DictField(child=serializers.ListField(child=serializers.CharField())),
            },
        ),
    )
    def get(self, request):
        if playground.is_wanted(request):
            return playground.answer(request)
        return Response(
            {
                "schemes": [
                    {
                        "name": scheme.name,
                        "header": f"Authorization: {scheme.keyword} <credential>",
                        "summary": scheme.summary,
                    }
                    for scheme in settings.SCHEMES
                ],
                "endpoints": _endpoints(),
            }
        )


class WhoAmIView(APIView):
    """The user and the scheme of the request's credential: the smallest guarded endpoint."""

    @extend_schema(
        tags=["service"],
        responses=inline_serializer(
            "WhoAmI",
            {
                "id": serializers.IntegerField(),
                "username": serializers.CharField(help_text="Empty where a scheme does not read the user."),
                "scheme": serializers.CharField(),
            },
        ),
    )
    def get(self, request):
        authenticator = request.successful_authenticator
        try:
            # A stateless user's id is a claim, and may be anything.
            user_id = User._meta.pk.to_python(request.user.pk)
        except ValidationError:
            raise AuthenticationFailed("The token names no user.") from None
        return Response(
            {
                "id": user_id,
                "username": getattr(request.user, User.USERNAME_FIELD, "") if _reads_user(authenticator) else "",
                "scheme": scheme_of(type(authenticator)),
            }
        )


class HealthView(APIView):
    """Liveness: this process responds. It uses neither database nor cache.

    So an orchestrator does not restart it when one of them is away.
    """

    authentication_classes = ()
    permission_classes = (AllowAny,)

    @extend_schema(tags=["service"], responses=inline_serializer("Health", {"status": serializers.CharField()}))
    def get(self, request):
        return Response({"status": "ok"})


class ReadyView(APIView):
    """Readiness: the database answers, and so does the cache that processes share, if there is one.

    A balancer sends requests to a process while this is 200. The answer takes at most one second,
    also where a server accepts a connection and then stands still.
    """

    authentication_classes = ()
    permission_classes = (AllowAny,)

    @extend_schema(
        tags=["service"],
        responses={
            200: inline_serializer("Ready", {"status": serializers.CharField()}),
            503: inline_serializer(
                "NotReady",
                {
                    "detail": serializers.CharField(),
                    "missing": serializers.ListField(
                        child=serializers.ChoiceField(["database", "cache"]), help_text="What does not answer."
                    ),
                },
            ),
        },
    )
    def get(self, request):
        headers = {"Cache-Control": "no-store"}
        missing = readiness.missing()
        if not missing:
            return Response({"status": "ok"}, headers=headers)
        names = " and ".join(f"the {name}" for name in missing)
        response = Response(
            {"detail": f"Not ready: no answer from {names} within {readiness.BOUND:g} s.", "missing": missing},
            status=ServiceUnavailable.status_code,
            headers={**headers, "Retry-After": str(ServiceUnavailable.wait)},
        )
        # Django would log an error for each question of each balancer; readiness logs each change.
        response._has_been_logged = True
        return response


class SchemaView(JSONErrorsMixin, SpectacularAPIView):
    """The OpenAPI document, as YAML or JSON."""


class DocsView(JSONErrorsMixin, SpectacularSwaggerView):
    """Swagger UI."""

    http_method_names = ("get", "head")  # not OPTIONS, which has no template
    template_name_js = "config/swagger_ui.js"

    @extend_schema(exclude=True)
    def get(self, request, *args, **kwargs):
        response = super().get(request, *args, **kwargs)
        # Swagger UI knows the keyword Bearer and sends any other credential as it was typed.
        keywords = (scheme.keyword for scheme in settings.SCHEMES if scheme.keyword != "Bearer")
        response.data["keyword"] = next(keywords, "")
        return response


def _reads_user(authenticator) -> bool:
    """Return False for a class of which each request would make a query to read the user's name."""
    return getattr(authenticator, "reads_user", True)


def _endpoints() -> dict[str, list[str]]:
    """Return the methods by path, of the API's views and of the pages for people."""
    endpoints: dict[str, list[str]] = {}
    for path, _, method, _ in EndpointEnumerator().get_api_endpoints():
        endpoints.setdefault(path.replace("{pk}", "{id}"), []).append(method)  # as in the schema
    for name in ("schema", "docs", "admin:index"):
        endpoints[reverse(name)] = ["GET"]
    return endpoints


def _error(status, title, html_view):
    """Return an error handler that sends JSON to programs and HTML to browsers."""

    def view(request, exception=None):
        chosen = ContentNegotiation().preferred(request, ["application/json", "text/html"])
        if chosen and chosen[0] == 1:
            return html_view(request, exception) if exception else html_view(request)
        return JsonResponse({"detail": title}, status=status)

    return view


bad_request = _error(400, "Bad request.", defaults.bad_request)
permission_denied = _error(403, "Permission denied.", defaults.permission_denied)
page_not_found = _error(404, "Not found.", defaults.page_not_found)
server_error = _error(500, "Internal server error.", defaults.server_error)
