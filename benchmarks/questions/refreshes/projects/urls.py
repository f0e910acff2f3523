"""The library's own URLs, and one that it guards."""

from django.conf import settings
from django.urls import include, path
from rest_framework.permissions import IsAuthenticated
from rest_framework.response import Response
from rest_framework.views import APIView


class WhoAmIView(APIView):
    """Say who asks."""

    permission_classes = [IsAuthenticated]

    def get(self, request):
        return Response({"id": request.user.pk})


urlpatterns = [
    path("whoami/", WhoAmIView.as_view()),
    *(path(prefix, include(urls)) for prefix, urls in settings.SETUP.urls.items()),
]
