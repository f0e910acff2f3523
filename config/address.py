"""Who a client is: the address by which it is throttled and named in events."""

import ipaddress
import re

from rest_framework.throttling import BaseThrottle

_throttle = BaseThrottle()


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
