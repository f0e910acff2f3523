"""The client's address, by which attempts are throttled and which events name."""

import ipaddress
import re
from collections.abc import Callable, Sequence

from django.core.exceptions import MiddlewareNotUsed
from django.http import HttpRequest, HttpResponse, JsonResponse
from rest_framework.request import Request
from rest_framework.settings import api_settings
from rest_framework.throttling import BaseThrottle

_LONGEST = 100  # characters; an IPv6 address with a zone, brackets and a port has fewer

_throttle = BaseThrottle()


class ForwardedMiddleware:
    """Refuse (400) a request that came through no proxy, where NUM_PROXIES says that each does.

    Without X-Forwarded-For, or with fewer addresses in it than there are proxies, a proxy's address
    would count as the client's. Paths that match a pattern in `exempt` are always answered; a path
    has no slash at its start there.
    """

    exempt: Sequence[str] = ()

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]):
        self.proxies: int | None = api_settings.NUM_PROXIES
        if not self.proxies:
            raise MiddlewareNotUsed
        self.get_response = get_response
        self.direct = [re.compile(pattern) for pattern in self.exempt]

    def __call__(self, request: HttpRequest) -> HttpResponse:
        written = request.META.get("HTTP_X_FORWARDED_FOR", "").strip()
        is_short = not written or written.count(",") + 1 < (self.proxies or 0)
        if is_short and not self._is_direct(request.path.lstrip("/")):
            return JsonResponse(
                {
                    "detail": f"X-Forwarded-For is missing or too short: with NUM_PROXIES={self.proxies} it must "
                    "hold an address from each proxy in front of this service."
                },
                status=400,
            )
        return self.get_response(request)

    def _is_direct(self, path: str) -> bool:
        return any(pattern.search(path) for pattern in self.direct)


def client_address(request: HttpRequest | Request) -> str:
    """Return the client's address, its /64 network for IPv6, or "" where the server has none.

    It is REMOTE_ADDR, unless NUM_PROXIES says which part of X-Forwarded-For to believe. DRF's
    default, None, counts as 0 here: DRF would take all of that header, which any client can write.
    Text that is no address is never returned from that header.
    """
    sender: str = request.META.get("REMOTE_ADDR", "")
    # What a proxy wrote may be no address ("unknown").
    forwarded = _throttle.get_ident(request) if api_settings.NUM_PROXIES else None  # type: ignore[arg-type]
    return (_network(forwarded) if forwarded else None) or _network(sender) or sender


def _network(text: str) -> str | None:
    """Return the address, for IPv6 its /64 network, or None if the text is no address.

    An IPv6 client owns its whole /64, so every attempt could come from another address. Some
    proxies write the client's port too, as 192.0.2.1:4711 or [2001:db8::1]:4711, a new one for each
    connection.
    """
    if len(text) > _LONGEST:
        return None
    bare = re.sub(r"^\[(.*)\](?::[0-9]+)?$|^([0-9.]+):[0-9]+$", r"\1\2", text.strip())
    try:
        address = ipaddress.ip_address(bare.partition("%")[0])  # without the zone of a link-local address
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address, 64), strict=False))
