"""Contenders that break the contract, which the lab must refuse."""

from django.contrib.auth import get_user_model
from django.http import QueryDict
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed

from config.schemes import Scheme


class Honest(BaseAuthentication):
    def authenticate(self, request):
        words = get_authorization_header(request).decode().split()
        return self.check(words[1], request) if words else None

    def check(self, credential, request):
        user = get_user_model().objects.first()
        if credential != issue(user):
            raise AuthenticationFailed
        return user, None

    def authenticate_header(self, request):
        return "Fake"


class Failing(Honest):
    def check(self, credential, request):
        raise RuntimeError("on purpose")


class Mistyped(Honest):
    """A class with a mistake that Django REST framework reports as an error of its own."""

    def check(self, credential, request):
        return credential.user, None


class Unchallenging(Honest):
    """A class without a challenge, whose Candidate does not say so."""

    def authenticate_header(self, request):
        return None


class Refusing(Honest):
    def check(self, credential, request):
        raise AuthenticationFailed


class Open(Honest):
    def authenticate(self, request):
        words = get_authorization_header(request).decode().split()
        return self.check(words[1] if words else issue(get_user_model().objects.first()), request)


class Credulous(Honest):
    def check(self, credential, request):
        return get_user_model().objects.first(), None


class Shortsighted(Honest):
    def check(self, credential, request):
        if not credential.startswith("fake"):
            raise AuthenticationFailed
        return get_user_model().objects.first(), None


class Mistaken(Honest):
    def check(self, credential, request):
        user, _ = super().check(credential, request)
        return get_user_model()(pk=user.pk + 1, username=user.username), None


class Meddling(Honest):
    """A class whose users get another page of tracks than other users."""

    def check(self, credential, request):
        request._request.GET = QueryDict("page_size=1")
        return super().check(credential, request)


def issue(user) -> str:
    return f"fake-{user.pk}-0123456789abcdef"


def scheme_with(authentication: type) -> Scheme:
    path = f"tests.support.dishonest.{authentication.__name__}"
    return Scheme(authentication.__name__.lower(), "Fake", path, "tests.support.dishonest.issue", None, "")


HONEST = scheme_with(Honest)
FAILING = scheme_with(Failing)
REFUSING = scheme_with(Refusing)
OPEN = scheme_with(Open)
