"""Contenders that do not do what they say. `selftest` checks that the lab refuses them all."""

from django.contrib.auth import get_user_model
from django.http import Http404
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed

from config.schemes import Scheme

_CREDENTIAL = "broken-0123456789"


def issue(user) -> str:
    return _CREDENTIAL


class _Honest(BaseAuthentication):
    """A class that is right; each subclass breaks one thing."""

    def authenticate(self, request):
        words = get_authorization_header(request).decode().split()
        return self.check(words[1], request) if words else None

    def check(self, credential, request):
        if credential != _CREDENTIAL:
            raise AuthenticationFailed
        return self.enter(request), None

    def enter(self, request):
        return get_user_model().objects.get()

    def authenticate_header(self, request):
        return "Broken"


class WrongBody(_Honest):
    def enter(self, request):
        return get_user_model()(pk=-1, username="somebody else")


class Refusing(_Honest):
    def enter(self, request):
        raise AuthenticationFailed


class Failing(_Honest):
    def enter(self, request):
        raise RuntimeError("a contender that fails, on purpose")


class Unmatched(_Honest):
    def enter(self, request):
        raise Http404


class Open(_Honest):
    def authenticate(self, request):
        return self.enter(request), None


def _scheme(cls: type, summary: str) -> Scheme:
    return Scheme(
        name=f"broken: {summary}",
        keyword="Broken",
        authentication=f"{__name__}.{cls.__name__}",
        issue=f"{__name__}.issue",
        urlconf=None,
        summary=summary,
    )


WRONG_BODY = _scheme(WrongBody, "another body")
REFUSING = _scheme(Refusing, "401 for its own credential")
FAILING = _scheme(Failing, "500")
UNMATCHED = _scheme(Unmatched, "404, as of a route that never matches")
OPEN = _scheme(Open, "lets everybody in")

ALL = tuple(f"{__name__}:{name}" for name in ("WRONG_BODY", "REFUSING", "FAILING", "UNMATCHED", "OPEN"))
NOWHERE = "/no-such-route/"  # the lab must refuse it with any contender
