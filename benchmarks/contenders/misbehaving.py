"""Contenders that do not do what they say. `selftest` checks that the lab refuses them all."""

from django.contrib.auth import get_user_model
from django.http import Http404
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed

from benchmarks.contenders import planted
from benchmarks.contenders.candidate import Candidate
from config.schemes import Scheme

_CREDENTIAL = "broken-0123456789"
LATE = 350  # requests, after which a contender that fails late begins to


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


class _Changing(_Honest):
    """A class that does not stay what it was when it was proved."""

    requests = 0

    def enter(self, request):
        cls = type(self)
        cls.requests += 1
        self.change(cls.requests)
        return super().enter(request)

    def change(self, requests: int):
        raise NotImplementedError


class LeakingStatements(_Changing):
    def change(self, requests):
        for _ in range(requests // 50):
            get_user_model().objects.count()


class LeakingMemory(_Changing):
    kept = []

    def change(self, requests):
        self.kept.append(str(requests) * 10)


class Slowing(_Changing):
    def change(self, requests):
        planted.delay(requests * 1000)


class FailingLate(_Changing):
    def change(self, requests):
        if requests > LATE:
            raise RuntimeError("a contender that fails late, on purpose")


class RefusingLate(_Changing):
    def change(self, requests):
        if requests > LATE:
            raise AuthenticationFailed


class OpenLate(_Changing):
    is_open = False

    def authenticate(self, request):
        return (self.enter(request), None) if self.is_open else super().authenticate(request)

    def change(self, requests):
        type(self).is_open = requests > LATE


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

LEAKING_STATEMENTS = _scheme(LeakingStatements, "one more statement after every 50 requests")
LEAKING_MEMORY = _scheme(LeakingMemory, "keeps a text of each request")
SLOWING = _scheme(Slowing, "each request takes 1 µs more than the one before")
FAILING_LATE = _scheme(FailingLate, f"500 after {LATE} requests")
REFUSING_LATE = _scheme(RefusingLate, f"401 after {LATE} requests")
OPEN_LATE = _scheme(OpenLate, f"lets everybody in after {LATE} requests")
MISSING_APP = Candidate(
    name="broken: an app that is not installed",
    keyword="Broken",
    authentication=f"{__name__}.WrongBody",
    issue=f"{__name__}.issue",
    summary="an app that is not installed",
    apps=("no_such_app",),
)

ALL = tuple(
    f"{__name__}:{name}"
    for name in (
        *("WRONG_BODY", "REFUSING", "FAILING", "UNMATCHED", "OPEN"),
        *("LEAKING_STATEMENTS", "LEAKING_MEMORY", "SLOWING"),
        *("FAILING_LATE", "REFUSING_LATE", "OPEN_LATE", "MISSING_APP"),
    )
)
NOWHERE = "/no-such-route/"  # the lab must refuse it with any contender
