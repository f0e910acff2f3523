"""Limits on endpoints that take a secret: per client address, and per user name where one is given.

The rate is the switch LOGIN_THROTTLE. Counting is one atomic step in the cache (DRF's own throttle reads a
list and writes it back, so that requests in parallel all see room), in windows that begin with the first
attempt. The address is REMOTE_ADDR unless NUM_PROXIES says which part of X-Forwarded-For to believe.
"""

import functools
import hashlib
import logging
import math
import time
import unicodedata
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from redis.exceptions import RedisError
from rest_framework import status
from rest_framework.exceptions import Throttled
from rest_framework.request import Request
from rest_framework.throttling import SimpleRateThrottle

from config import events
from config.address import client_address
from config.exceptions import ServiceUnavailable

logger = logging.getLogger(__name__)


class AddressThrottle(SimpleRateThrottle):
    """Every attempt of one client address. Without its cache it refuses: an unlimited guess is worse than a 503."""

    scope = "login-address"

    def get_rate(self):
        return settings.LOGIN_THROTTLE

    def allow_request(self, request, view):
        self.key = self.get_cache_key(request, view)
        if self.num_requests is None or self.key is None:
            return True
        try:
            is_allowed = self.count() <= self.num_requests
        except RedisError as error:
            _away(error)
            _tell(events.SERVICE_UNAVAILABLE, request, "cache")
            raise ServiceUnavailable from error
        _answers()
        return is_allowed

    def count(self) -> int:
        """Count one attempt; how many the present window holds."""
        while True:
            if self.cache.add(self.key, 1, self.duration):
                self.cache.set(f"{self.key}:ends", self.timer() + self.duration, self.duration)
                return 1
            try:
                count = self.cache.incr(self.key)
            except ValueError:  # the window ended between the two calls
                continue
            if count == 1:
                # It ended inside Django's incr(), between its look at the key and Redis' INCR, which then made
                # a key without an end: nobody would ever get out of that window.
                self.cache.touch(self.key, self.duration)
            return count

    def wait(self) -> int:
        """Seconds until the window ends."""
        ends = self.cache.get(f"{self.key}:ends", self.timer())
        return max(1, math.ceil(ends - self.timer()))

    def get_cache_key(self, request, view):
        return self.named(client_address(request))

    def named(self, ident: str) -> str:
        # Hashed: whatever a client sends, the key has a fixed length and no character a cache refuses.
        return f"throttle:{self.scope}:{hashlib.sha256(ident.encode()).hexdigest()[:32]}"

    @staticmethod
    def timer() -> float:
        return time.time()  # looked up at each call, unlike SimpleRateThrottle's


class UserNameThrottle(AddressThrottle):
    """Every attempt on one user name, from whatever address."""

    scope = "login-username"

    def get_cache_key(self, request, view):
        data = request.data if isinstance(request, Request) else request.POST
        username = data.get("username") if hasattr(data, "get") else None
        # A number is read as its digits by the serializer, which refuses whatever else is no text before a
        # password is checked. Stripped as it strips, and in the normal form that the admin's login looks up
        # (Django's UsernameField), so that one account is one name.
        if isinstance(username, bool) or not isinstance(username, str | int | float):
            return None
        return self.named(unicodedata.normalize("NFKC", str(username)).strip().casefold())


def count_attempt(request: Request | HttpRequest):
    """One attempt at a password: by address, then by user name, up to the first refusal.

    DRF asks every throttle even after a refusal. One address would then use up the attempts of as many user
    names as it can send; so it has as many attempts in all as there are for one name. Raises Throttled, or
    ServiceUnavailable without the cache.
    """
    for throttle in (AddressThrottle(), UserNameThrottle()):
        if not throttle.allow_request(request, None):
            _tell(events.REQUEST_THROTTLED, request, throttle.scope)
            raise Throttled(throttle.wait())


class PasswordThrottleMixin:
    """For views of the API that take a password."""

    def check_throttles(self, request):
        count_attempt(request)


def throttled_login(view: Callable) -> Callable:
    """For a view outside of DRF that takes a form with a password: 429, or 503 without the cache, in plain text."""

    @functools.wraps(view)
    def login(request, *args, **kwargs):
        if request.method == "POST":
            try:
                count_attempt(request)
            except (Throttled, ServiceUnavailable) as error:
                return HttpResponse(
                    error.detail,
                    status=error.status_code,
                    content_type="text/plain; charset=utf-8",
                    headers={"Retry-After": str(error.wait)},
                )
        return view(request, *args, **kwargs)

    return login


class RefusalThrottle(AddressThrottle):
    """Refused tokens of one client address: what was honoured is not counted, and nobody guesses 160 random bits.

    So a hundred clients behind one address refresh as they need, and a flood of bad tokens ends. Without its
    cache it lets pass: the token itself is still checked.
    """

    scope = "refused-address"

    def allow_request(self, request, view):
        self.key = self.get_cache_key(request, view)
        if self.num_requests is None:
            return True
        try:
            is_allowed = self.cache.get(self.key, 0) < self.num_requests
        except RedisError as error:
            _away(error)
            return True
        _answers()
        return is_allowed

    def refused(self):
        if self.num_requests is None:
            return
        try:
            self.count()
        except RedisError as error:
            _away(error)


class RefusalThrottleMixin:
    """For views that take a token: throttled by RefusalThrottle, before the token is looked at."""

    def perform_authentication(self, request):
        # DRF throttles after it has authenticated; a refused credential would never be counted.
        self.refusals = RefusalThrottle()
        if not self.refusals.allow_request(request, self):
            _tell(events.REQUEST_THROTTLED, request, self.refusals.scope)
            self.throttled(request, self.refusals.wait())
        super().perform_authentication(request)

    def finalize_response(self, request, response, *args, **kwargs):
        if response.status_code == status.HTTP_401_UNAUTHORIZED:
            self.refusals.refused()
        return super().finalize_response(request, response, *args, **kwargs)


def _tell(event: str, request, reason: str):
    events.tell(event, scheme=events.scheme_at(request), reason=reason, request=request)


_is_away = False


def _away(error: RedisError):
    """Said once for each outage, since a client that refreshes would write it into the log for as long as it lasts."""
    global _is_away
    if not _is_away:
        _is_away = True
        logger.error("throttle: the cache is away, logins are refused and refused tokens not counted: %s", error)


def _answers():
    global _is_away
    if _is_away:
        _is_away = False
        logger.warning("throttle: the cache answers again")
