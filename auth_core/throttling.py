"""Limits on endpoints that take a secret: per client address, and per user name where one is given.

The rate is the switch LOGIN_THROTTLE. Counting is one atomic step in the cache
(auth_core/caches.py). DRF's own throttle reads a list and writes it back, so parallel requests all
see room. A window begins with the first attempt. The address is REMOTE_ADDR, unless NUM_PROXIES
says which part of X-Forwarded-For to believe.
"""

import functools
import hashlib
import logging
import math
from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse
from rest_framework.exceptions import AuthenticationFailed, NotAuthenticated, Throttled
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import SimpleRateThrottle

from auth_core import caches, events, usernames
from auth_core.address import client_address
from auth_core.caches import CacheAwayError
from auth_core.conf import conf
from auth_core.errors import ServiceUnavailable
from auth_core.mixins import View

logger = logging.getLogger(__name__)


class AddressThrottle(SimpleRateThrottle):
    """Limit the attempts of one client address.

    It refuses while its cache is away: guessing without a limit is worse than a 503.
    """

    scope = "login-address"
    num_requests: int | None
    duration: int

    @property
    def cache(self) -> caches.Counter:  # type: ignore[override]
        return caches.counter()

    def get_rate(self) -> str | None:
        return conf.LOGIN_THROTTLE

    def allow_request(self, request: Any, view: Any) -> bool:
        """Count one attempt, and return whether it is within the limit."""
        key = self.get_cache_key(request, view)
        if self.num_requests is None or key is None:
            return True
        try:
            number, self._seconds_left = self.cache.count(key, self.duration)
        except CacheAwayError as error:
            _log_away(error)
            return self.allow_uncounted(request, error)
        _log_back()
        return bool(number <= self.num_requests)

    def allow_uncounted(self, request: Any, error: CacheAwayError) -> bool:
        """Decide about a request that the cache cannot count. Raises ServiceUnavailable (503)."""
        _log_event(events.SERVICE_UNAVAILABLE, request, "cache")
        raise ServiceUnavailable from error

    def wait(self) -> int:
        """Return the whole seconds until the window of the last attempt ends, at least 1."""
        return max(1, math.ceil(self._seconds_left))

    def get_cache_key(self, request: Any, view: Any) -> str | None:
        return self.key_of(client_address(request))

    def key_of(self, ident: str) -> str:
        """Return the cache's key for this address or name."""
        # Hashed: whatever a client sends, the key has a fixed length and no character a cache
        # refuses.
        return f"throttle:{self.scope}:{hashlib.sha256(ident.encode()).hexdigest()[:32]}"


class UserNameThrottle(AddressThrottle):
    """Limit the attempts on one user name, from any address."""

    scope = "login-username"

    def get_cache_key(self, request: Any, view: Any) -> str | None:
        is_api = isinstance(request, Request)
        username = usernames.typed(request.data) if is_api else request.POST.get("username")  # Django's form
        # The serializer reads a number as its digits, and refuses anything else that is no text
        # before a password is checked.
        if isinstance(username, bool) or not isinstance(username, str | int | float):
            return None
        name = usernames.normal(str(username))
        # A name too long for any account is counted as it came.
        return self.key_of(str(username) if name is None else name.casefold())


def count_attempt(request: Request | HttpRequest) -> None:
    """Count one attempt at a password, for the address, then for the user name.

    DRF counts with every throttle even after a refusal. One address could then use up the attempts
    of as many user names as it can send. Here it has as many attempts in all as there are for one
    name. Raises Throttled, or ServiceUnavailable without the cache.
    """
    for throttle in (AddressThrottle(), UserNameThrottle()):
        if not throttle.allow_request(request, None):
            _log_event(events.REQUEST_THROTTLED, request, throttle.scope)
            raise Throttled(throttle.wait())


class PasswordThrottleMixin(View):
    """For views of the API that take a password: limit the attempts."""

    takes_password = True  # as events.takes_password reads it

    def check_throttles(self, request: Request) -> None:
        count_attempt(request)


def throttled_login(view: Callable[..., Any]) -> Callable[..., Any]:
    """Limit the attempts at a view outside of DRF that takes a form with a password.

    The answer above the limit is 429, or 503 without the cache, in plain text.
    """

    @functools.wraps(view)
    def login(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if request.method == "POST":
            try:
                count_attempt(request)
            except (Throttled, ServiceUnavailable) as error:
                return HttpResponse(
                    error.detail,
                    status=error.status_code,
                    content_type="text/plain; charset=utf-8",
                    headers={"Retry-After": str(error.wait)},  # type: ignore[union-attr]
                )
        return view(request, *args, **kwargs)

    return login


class RefusalThrottle(AddressThrottle):
    """Limit the refused tokens of one client address.

    While its cache is away a refusal stays a 401: the token itself was checked.
    """

    scope = "refused-address"

    def allow_uncounted(self, request: Any, error: CacheAwayError) -> bool:
        return True


class RefusalThrottleMixin(View):
    """For views that take a token: answer 429 instead of 401 to an address with too many refusals.

    The token is checked first. A good one is honoured whatever others behind the same address have
    sent, and a bad one costs no more than a signature or one indexed query.
    """

    def is_counted(self, exc: Exception) -> bool:
        """Return True for an error that is a refused token."""
        return isinstance(exc, AuthenticationFailed | NotAuthenticated)

    def handle_exception(self, exc: Exception) -> Response:
        if self.is_counted(exc):
            throttle = RefusalThrottle()
            if not throttle.allow_request(self.request, self):
                _log_event(events.REQUEST_THROTTLED, self.request, throttle.scope)
                exc = Throttled(throttle.wait())
        return super().handle_exception(exc)


def _log_event(event: str, request: Any, reason: str) -> None:
    events.log_event(event, scheme=events.scheme_at(request), reason=reason, request=request)


_is_away = False


def _log_away(error: CacheAwayError) -> None:
    """Log once per outage; otherwise every refresh would add a line."""
    global _is_away
    if not _is_away:
        _is_away = True
        logger.error("throttle: the cache is away, logins are refused and refused tokens not counted: %s", error)


def _log_back() -> None:
    global _is_away
    if _is_away:
        _is_away = False
        logger.warning("throttle: the cache answers again")
