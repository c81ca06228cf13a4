"""System for Cross-domain Identity Management as it is filled in: the switch, networks, and the token that waits for Save."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from rollcall.workspaces.list_entries import read_entries
from rollcall.workspaces.model import parse_id
from rollcall.workspaces.settings.typed import Typed

OVERLAP_DAYS = 7
LONGEST_OVERLAP_DAYS = 90
UNTIL_REVOKED = "until_revoked"
MOST_NETWORKS = 50
WARNED_BEFORE_DAYS = (30, 7, 1)


@dataclass(frozen=True, slots=True)
class Synchronization:
    """What a Save makes true. `credential`: the pending token that becomes valid.

    `overlap_days`: how long the one before it goes on working; None for until somebody revokes it.
    """

    on: bool
    networks: tuple[str, ...] = ()
    credential: UUID | None = None
    overlap_days: int | None = OVERLAP_DAYS
    expires: date | None = None


def read_synchronization(values: Mapping[str, str], now: datetime) -> tuple[Synchronization, Typed]:
    """What the fields say; of no use while there are faults."""
    typed = Typed(values)
    networks = typed.entries(
        "networks",
        read_entries(typed.text("networks"), normal_network, "network_invalid", most=MOST_NETWORKS, longest=4_000),
    )
    credential = typed.text("credential")
    overlap: int | None = OVERLAP_DAYS
    if typed.text("overlap") == UNTIL_REVOKED:
        overlap = None
    elif typed.text("overlap"):
        overlap = typed.whole("overlap", "The overlap in days", 0, LONGEST_OVERLAP_DAYS)
    return Synchronization(
        typed.is_checked("enabled"),
        networks,
        parse_id(credential) if credential else None,
        overlap,
        _expiry(typed, now),
    ), typed


def normal_network(text: str) -> str:
    """An address or network in its normal form. Raises ValueError with what is wrong with it."""
    try:
        return str(ipaddress.ip_network(text, strict=False))
    except ValueError:
        raise ValueError("is no address or network. One looks like 203.0.113.0/24.") from None


def is_within(address: str, networks: tuple[str, ...]) -> bool:
    """Whether a call from an address is let in; no networks are any."""
    if not networks:
        return True
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    return any(found in ipaddress.ip_network(each) for each in networks)


def ends_soon(expires: date | datetime | None, now: datetime) -> int | None:
    """In how many days something ends, from 30 days before on; 0 on its last day and after it, None before that."""
    if expires is None:
        return None
    day = expires.date() if isinstance(expires, datetime) else expires
    left = (day - now.date()).days
    return max(0, left) if left <= max(WARNED_BEFORE_DAYS) else None


def _expiry(typed: Typed, now: datetime) -> date | None:
    text = typed.text("expires")
    if not text:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        typed.wrong("expires", "date_invalid", f"{text[:20]!r} is no date. One looks like 2027-03-31.")
        return None
    if day <= now.date():
        typed.wrong("expires", "expires_invalid", "A Secret Token must expire in the future.")
    return day
