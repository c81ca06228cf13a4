"""Which groups a token lists, and which of them count together with a lookup and SCIM (checks GRP)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from rollcall.workspaces.sso.configuration import GroupSource
from rollcall.workspaces.sso.entra import guid
from rollcall.workspaces.sso.failure import token_invalid

MOST_GROUPS = 1000
LONGEST_GROUP = 255


@dataclass(frozen=True, slots=True)
class Listed:
    """A complete list; empty means none (checks GRP-1, GRP-2)."""

    groups: tuple[str, ...]


class Missing(StrEnum):
    """Why there is no list. Too many to list is resolved by a lookup; absence is not known (check GRP-9)."""

    OVERAGE = "overage"
    ABSENT = "absent"


class Source(StrEnum):
    """Where the groups of a session came from."""

    TOKEN = "token"  # noqa: S105 - a word, no secret
    LOOKUP = "lookup"
    SCIM = "scim"
    UNRESOLVED = "unresolved"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The groups a session holds, and where they are from. `groups` is None when they could not be resolved."""

    groups: tuple[str, ...] | None
    source: Source


def read_groups(claims: Mapping[str, Any], name: str, *, single: bool) -> Listed | Missing:
    """What a token says of groups in the claim `name`. Raises SsoFailed GRP-1, GRP-7.

    `single`: whether one string stands for a list of one. The address of `_claim_sources` is not even read: it would be an
    address chosen by the content of a token (check GRP-10).
    """
    named = claims.get("_claim_names")
    if isinstance(named, dict) and named.get(name) is not None:
        return Missing.OVERAGE
    if claims.get("hasgroups") is True or claims.get("hasgroups") == "true":
        return Missing.OVERAGE if name not in claims or name == "groups" else _listed(claims[name], single=single)
    if name not in claims:
        return Missing.ABSENT
    return _listed(claims[name], single=single)


def listed(values: Sequence[object]) -> Listed:
    """The groups in a list of values, object ids in small letters. Raises SsoFailed GRP-1."""
    if len(values) > MOST_GROUPS:
        raise token_invalid("GRP-1", "too many groups")
    found: dict[str, None] = {}
    for each in values:
        if not isinstance(each, str) or len(each) > LONGEST_GROUP or "\x00" in each:
            raise token_invalid("GRP-1", "a group is no text, or too long")
        found[normal(each)] = None
    return Listed(tuple(found))


def normal(group: str) -> str:
    """A group id as lists and snapshots hold it: object ids in small letters, anything else as it stands."""
    return guid(group) or group


def _listed(value: object, *, single: bool) -> Listed:
    if single and isinstance(value, str):
        return listed([value])
    if not isinstance(value, list):
        raise token_invalid("GRP-7", "groups is no list")
    return listed(value)


def needs_lookup(found: Listed | Missing, source: GroupSource, *, configured: bool) -> bool:
    """Whether the provider has to be asked."""
    return found is Missing.OVERAGE and source is not GroupSource.SCIM_ONLY and configured


def resolve(
    found: Listed | Missing,
    source: GroupSource,
    *,
    provisioned: Collection[str] | None,
    lookup_configured: bool,
    looked_up: Collection[str] | None,
) -> Snapshot:
    """The groups that count.

    `provisioned`: the external ids of the user's groups in SCIM; None for a user whom SCIM does not know. `looked_up`: None
    when the lookup failed or told only a part, which is unresolved and not empty (check GRP-12). A list that is present is
    complete; nothing is ever merged.
    """
    scim = Snapshot(None, Source.UNRESOLVED) if provisioned is None else Snapshot(_all(provisioned), Source.SCIM)
    if source is GroupSource.SCIM_ONLY:
        return scim
    if isinstance(found, Listed):
        return Snapshot(found.groups, Source.TOKEN)
    if needs_lookup(found, source, configured=lookup_configured):
        return Snapshot(None, Source.UNRESOLVED) if looked_up is None else Snapshot(_all(looked_up), Source.LOOKUP)
    return scim if source is GroupSource.TOKEN_THEN_SCIM else Snapshot(None, Source.UNRESOLVED)


def _all(groups: Collection[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(normal(each) for each in groups))
