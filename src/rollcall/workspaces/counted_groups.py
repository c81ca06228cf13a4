"""Which groups count for a person: those of the provider's answer, or those that SCIM says, and how they change later."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum


class GroupSource(StrEnum):
    """Whom a single sign-on configuration believes about groups."""

    TOKEN_THEN_SCIM = "token_then_scim"  # noqa: S105 - a source, no password
    TOKEN_ONLY = "token_only"  # noqa: S105 - a source, no password
    SCIM_ONLY = "scim_only"


class SnapshotSource(StrEnum):
    """Where the groups of a session came from."""

    TOKEN = "token"  # noqa: S105 - a source, no password
    LOOKUP = "lookup"
    SCIM = "scim"


@dataclass(frozen=True, slots=True)
class ToldGroups:
    """What an ID token or assertion says of groups. `ids` is None without a list; `overage`: there were too many."""

    ids: frozenset[str] | None
    overage: bool = False


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The groups that count in a session, as external ids of groups."""

    ids: frozenset[str]
    source: SnapshotSource
    taken: datetime


def count_groups(
    source: GroupSource,
    told: ToldGroups,
    now: datetime,
    *,
    looked_up: Set[str] | None,
    provisioned: Set[str] | None,
) -> Snapshot | None:
    """The groups that count at a sign-in, or None when they can't be found out.

    `looked_up`: what the provider answered when asked, None when that is not configured or failed. `provisioned`: the
    external ids of the user's SCIM groups, None for a user whom SCIM did not make. A list that is present is complete,
    and is never merged with SCIM.
    """
    if source is not GroupSource.SCIM_ONLY:
        if told.overage:
            if looked_up is not None:
                return Snapshot(frozenset(looked_up), SnapshotSource.LOOKUP, now)
        elif told.ids is not None:
            return Snapshot(told.ids, SnapshotSource.TOKEN, now)
    if source is GroupSource.TOKEN_ONLY or provisioned is None:
        return None
    return Snapshot(frozenset(provisioned), SnapshotSource.SCIM, now)


def after_removal(snapshot: Snapshot, group_id: str) -> Snapshot:
    """The snapshot once SCIM took the user out of a group: it no longer counts, whoever named it."""
    return replace(snapshot, ids=snapshot.ids - {group_id})


def after_addition(snapshot: Snapshot, group_id: str) -> Snapshot:
    """The snapshot once SCIM put the user into a group: what a provider told waits for the next sign-in."""
    if snapshot.source is not SnapshotSource.SCIM:
        return snapshot
    return replace(snapshot, ids=snapshot.ids | {group_id})
