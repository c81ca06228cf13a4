"""Where a request comes from, as far as tries are counted by it."""

from __future__ import annotations

import ipaddress

from starlette.requests import Request


def network_of(request: Request) -> str:
    """The network of a request: one address, or for IPv6 the 64 bits that one household has."""
    host = request.client.host if request.client else ""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv6Address):
        mapped = address.ipv4_mapped
        return str(mapped or ipaddress.ip_network((address, 64), strict=False))
    return str(address)
