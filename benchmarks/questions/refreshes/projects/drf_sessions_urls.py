"""Views that call drf-sessions as its README shows: it ships none."""

from django.contrib.auth import authenticate
from django.urls import path
from drf_sessions.services import SessionService
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import AllowAny, IsAuthenticated
from rest_framework.response import Response
from rest_framework.views import APIView


def _answer(issued) -> Response:
    if issued is None:
        raise AuthenticationFailed
    return Response({"access_token": issued.access_token, "refresh_token": issued.refresh_token})


class LoginView(APIView):
    permission_classes = [AllowAny]

    def post(self, request):
        user = authenticate(username=request.data["username"], password=request.data["password"])
        return _answer(SessionService.create_header_session(user) if user else None)


class RefreshView(APIView):
    permission_classes = [AllowAny]

    def post(self, request):
        return _answer(SessionService.refresh_token(request.data["refresh_token"]))


class LogoutView(APIView):
    permission_classes = [IsAuthenticated]

    def post(self, request):
        request.auth.revoke()
        return Response(status=204)


urlpatterns = [
    path("login/", LoginView.as_view()),
    path("refresh/", RefreshView.as_view()),
    path("logout/", LogoutView.as_view()),
]
