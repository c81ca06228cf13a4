"""Which addresses outbound calls may reach: decided for the address itself, whatever name led to it (check DIS-3)."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_LONGEST = 2048
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_TRANSLATED = ipaddress.ip_network("::ffff:0:0:0/96")
# What the machine would take for an address although it is none in its usual form: 127.1, 2130706433, 0x7f.1.
_ODD = re.compile(r"(.*\.)?(\d+|0x[0-9a-f]*)\.?", re.IGNORECASE)
_LOCALHOST = "localhost"
# Where clouds tell whoever asks from a machine about it and its credentials; those within link-local are refused anyway.
_METADATA = frozenset(map(ipaddress.ip_address, ("168.63.129.16", "100.100.100.200", "192.0.0.192", "fd00:ec2::254")))


@dataclass(frozen=True, slots=True)
class Reach:
    """How far outbound calls go. Public addresses are always within it.

    `private`: this machine and private networks too; link-local ones never, since clouds keep the credentials of a machine
    there for whoever asks from it. `allowed`: hosts by name, addresses and networks that the operator vouches for, whatever
    they are. `loopback_http`: this machine, also by plain HTTP, for development.
    """

    private: bool = False
    allowed: tuple[str, ...] = ()
    loopback_http: bool = False


def refused_address(text: str, reach: Reach, host: str = "") -> str | None:
    """Why no call may go to an address; None for one it may go to, and for a name, which is looked at once resolved.

    `host`: the name it was resolved from.
    """
    address = _address(text)
    if address is None and _ODD.fullmatch(text):
        return "the address is written in an odd way"
    if address is None or _vouched_for(address, host or text, reach):
        return None
    address = _inner(address)
    if address.is_loopback and reach.loopback_http:
        return None
    if address.is_multicast or address.is_unspecified:
        return "the address is no single machine's"
    if address.is_link_local or address in _METADATA:
        return "the address is a link-local one, or one where clouds keep what is known of a machine"
    if not reach.private and (not address.is_global or getattr(address, "is_site_local", False)):
        return "the address is not a public one"
    return None


def address_fault(url: str, reach: Reach) -> str | None:
    """Why a document is not fetched from `url`, before its name is resolved (checks DIS-1, DIS-3); None if it may be."""
    if len(url) > _LONGEST or not url.isascii() or not url.isprintable() or " " in url:
        return "the address is not a plain web address"
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "the address is not a plain web address"
    if not host or parts.username is not None or parts.password is not None or parts.fragment:
        return "the address must be a host and a path, without credentials and fragment"
    if parts.scheme != "https" and not (parts.scheme == "http" and reach.loopback_http and _is_loopback(host)):
        return "the address must begin with https://"
    return refused_address(host, reach)


def _address(text: str) -> Address | None:
    try:
        return ipaddress.ip_address(text.partition("%")[0].strip("[]"))
    except ValueError:
        return None


def _inner(address: Address) -> Address:
    """The IPv4 address that an IPv6 address only wraps: that is where the packets go."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    low = int(address) & 0xFFFF_FFFF
    # RFC 6052, RFC 2765 §2.1, and RFC 4291 §2.5.5.1.
    if address in _NAT64 or address in _TRANSLATED or (int(address) >> 32 == 0 and low > 1):
        return ipaddress.IPv4Address(low)
    return address


def _vouched_for(address: Address, host: str, reach: Reach) -> bool:
    for entry in reach.allowed:
        try:
            network = ipaddress.ip_network(entry.strip("[]"), strict=False)
        except ValueError:
            if entry.lower() == host.lower().rstrip("."):
                return True
            continue
        if address in network or _inner(address) in network:
            return True
    return False


def _is_loopback(host: str) -> bool:
    address = _address(host)
    return host.lower() == _LOCALHOST or (address is not None and address.is_loopback)
