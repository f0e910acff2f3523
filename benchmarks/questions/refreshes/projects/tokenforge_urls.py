"""tokenforge's own URLs, and a login: it ships none."""

from django.contrib.auth import authenticate
from django.urls import include, path
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import AllowAny
from rest_framework.response import Response
from rest_framework.views import APIView
from tokenforge.services.refresh import RefreshTokenService
from tokenforge.tokens import AccessToken


class LoginView(APIView):
    permission_classes = [AllowAny]

    def post(self, request):
        user = authenticate(username=request.data["username"], password=request.data["password"])
        if user is None:
            raise AuthenticationFailed
        refresh, _ = RefreshTokenService.create(user=user)
        access, _ = AccessToken.create(user_id=str(user.pk))
        return Response({"access_token": access, "refresh_token": refresh})


urlpatterns = [path("login/", LoginView.as_view()), path("", include("tokenforge.urls"))]
