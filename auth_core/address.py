"""Who a client is: the address by which it is throttled and named in events."""

import ipaddress
import re

from django.conf import settings
from django.core.exceptions import MiddlewareNotUsed
from django.http import JsonResponse
from rest_framework.settings import api_settings
from rest_framework.throttling import BaseThrottle

_LONGEST = 100  # characters; an IPv6 address with a zone, brackets and a port has fewer

_throttle = BaseThrottle()


class ForwardedMiddleware:
    """Refuse (400) a request that came through no proxy, where NUM_PROXIES says that each does.

    Without X-Forwarded-For, or with fewer addresses in it than there are proxies, a proxy's address
    would count as the client's. /health/ and /metrics/ are asked directly and are answered all the
    same (SECURE_REDIRECT_EXEMPT).
    """

    def __init__(self, get_response):
        self.proxies = api_settings.NUM_PROXIES
        if not self.proxies:
            raise MiddlewareNotUsed
        self.get_response = get_response
        self.direct = [re.compile(pattern) for pattern in settings.SECURE_REDIRECT_EXEMPT]

    def __call__(self, request):
        written = request.META.get("HTTP_X_FORWARDED_FOR", "").strip()
        if (not written or written.count(",") + 1 < self.proxies) and not self._is_direct(request.path.lstrip("/")):
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


def client_address(request) -> str:
    """REMOTE_ADDR, unless NUM_PROXIES says which part of X-Forwarded-For to believe; of IPv6 the /64.

    Nothing that a client writes but an address: "" where the server has none to tell, as on a socket.
    """
    sender = request.META.get("REMOTE_ADDR", "")
    # What a proxy wrote may be no address ("unknown").
    return _network(_throttle.get_ident(request) or "") or _network(sender) or sender


def _network(text: str) -> str | None:
    """Whose address this is, or None if it is none.

    An IPv6 client owns its whole /64: count that, or every attempt can come from another address. Some proxies
    write the client's port too, as 192.0.2.1:4711 or [2001:db8::1]:4711, a new one for each connection.
    """
    if len(text) > _LONGEST:
        return None
    bare = re.sub(r"^\[(.*)\](?::[0-9]+)?$|^([0-9.]+):[0-9]+$", r"\1\2", text.strip())
    try:
        address = ipaddress.ip_address(bare.partition("%")[0])  # without the zone of a link-local address
    except ValueError:
        return None
    if address.version == 4:
        return str(address)
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address, 64), strict=False))
