"""Contenders whose credentials end at a known time, which the lab must find (tests.benchmarks)."""

import base64
import time
from dataclasses import replace
from types import SimpleNamespace

import jwt
from django.contrib.auth import get_user_model
from django.core.cache import cache
from django.urls import include, path
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.authtoken.models import Token
from rest_framework.decorators import api_view, authentication_classes, permission_classes
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.response import Response
from rest_framework_simplejwt.authentication import JWTAuthentication
from rest_framework_simplejwt.views import TokenBlacklistView

from config.schemes import SCHEMES, Scheme


class Prompt(BaseAuthentication):
    """Reads the user at each request; a password change changes the credential that it expects."""

    def authenticate(self, request):
        words = get_authorization_header(request).decode().split()
        return (self.user(words[1]), None) if words else None

    def user(self, credential):
        user = get_user_model().objects.filter(pk=int(credential.split("-")[1]), is_active=True).first()
        if user is None or credential != issue(user):
            raise AuthenticationFailed
        return user

    def authenticate_header(self, request):
        return "Fake"


class Cached(Prompt):
    """Keeps accepted credentials for 30 seconds in Django's cache, which uses the wall clock."""

    def user(self, credential):
        user = cache.get(credential)
        if user is None:
            user = super().user(credential)
            cache.set(credential, user, 30)
        return user


class Monotonic(Prompt):
    """Keeps accepted credentials for 45 seconds by the monotonic clock."""

    seen = {}

    def user(self, credential):
        user, since = self.seen.get(credential, (None, 0))
        if user is None or time.monotonic() - since >= 45:
            user = super().user(credential)
            self.seen[credential] = user, time.monotonic()
        return user


class Undying(Prompt):
    """Trusts the credential forever."""

    def user(self, credential):
        return get_user_model()(pk=int(credential.split("-")[1]), is_staff="staff" in credential)


class Dwindling(Prompt):
    """Treats staff as staff for a minute after their first request."""

    seen = {}

    def user(self, credential):
        user = super().user(credential)
        user.is_staff = user.is_staff and time.time() < self.seen.setdefault(user.pk, time.time()) + 60
        return user


class Open(Prompt):
    def authenticate(self, request):
        return get_user_model().objects.first(), None


class Refusing(Prompt):
    def user(self, credential):
        raise AuthenticationFailed


class Disappointing(JWTAuthentication):
    """Refuses users who changed their password, though SimpleJWT still refreshes their pairs."""

    seen = {}

    def get_user(self, validated_token):
        user = super().get_user(validated_token)
        if self.seen.setdefault(user.pk, user.password) != user.password:
            raise AuthenticationFailed
        return user


class Forgetful(Prompt):
    """Keeps its signed credentials only in the memory of its process."""

    issued = {}

    def user(self, credential):
        if credential not in self.issued:
            raise AuthenticationFailed
        return get_user_model().objects.get(pk=self.issued[credential])


class Foreign(Prompt):
    """Takes credentials signed with a key of its own; each refresh token works once."""

    key = "k" * 64

    def user(self, credential):
        try:
            claims = jwt.decode(credential, self.key, algorithms=["HS256"])
        except jwt.InvalidTokenError as error:
            raise AuthenticationFailed from error
        return get_user_model()(pk=claims["id"])

    @classmethod
    def pair(cls, user) -> Response:
        Token.objects.filter(user=user).delete()
        refresh = Token.objects.create(user=user).key
        return Response({"access": jwt.encode({"id": user.pk}, cls.key, "HS256"), "refresh": refresh})


@api_view(["POST"])
@authentication_classes([])
@permission_classes([])
def foreign_obtain(request):
    return Foreign.pair(get_user_model().objects.get(username=request.data["username"]))


@api_view(["POST"])
@authentication_classes([])
@permission_classes([])
def foreign_refresh(request):
    token = Token.objects.filter(key=request.data["refresh"]).first()
    return Response(status=401) if token is None else Foreign.pair(token.user)


def issue(user) -> str:
    return f"fake-{user.pk}-{user.password.rpartition('$')[2]}{'-staff' * user.is_staff}"


def issue_signed(user) -> str:
    header, payload = (
        base64.urlsafe_b64encode(text).decode().rstrip("=") for text in (b'{"alg":"none"}', b"%d" % user.pk)
    )
    credential = f"{header}.{payload}."
    Forgetful.issued[credential] = user.pk
    return credential


def scheme_with(authentication: type, issue: str = "issue") -> Scheme:
    module = "tests.support.revocable"
    name = authentication.__name__
    return Scheme(name.lower(), "Fake", f"{module}.{name}", f"{module}.{issue}", None, "")


PROMPT = scheme_with(Prompt)
CACHED = scheme_with(Cached)
MONOTONIC = scheme_with(Monotonic)
UNDYING = scheme_with(Undying)
DWINDLING = scheme_with(Dwindling)
OPEN = scheme_with(Open)
REFUSING = scheme_with(Refusing)
FORGETFUL = scheme_with(Forgetful, "issue_signed")

# SimpleJWT with the logout of its documentation, which our table leaves out.
urlpatterns = [
    path("", include("jwt_auth.stock_urls")),
    path("api/token/blacklist/", TokenBlacklistView.as_view()),
]
BLACKLISTING = replace(SCHEMES["simplejwt"], name="blacklisting", urlconf="tests.support.revocable")
DISAPPOINTING = replace(
    SCHEMES["simplejwt"], name="disappointing", authentication="tests.support.revocable.Disappointing"
)
FOREIGN = replace(
    scheme_with(Foreign),
    urlconf=SimpleNamespace(
        urlpatterns=[path("api/token/", foreign_obtain), path("api/token/refresh/", foreign_refresh)]
    ),
)
