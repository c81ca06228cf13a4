"""Main User Dashboard Access Control as it is filled in, and whether its Save could lock out who saves it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from rollcall.workspaces.group_ids import offer_ids, read_group_ids
from rollcall.workspaces.list_entries import Entries
from rollcall.workspaces.model import parse_id
from rollcall.workspaces.settings.typed import Typed
from rollcall.workspaces.sso.configuration import SsoConfiguration

MOST_MINUTES = 30 * 24 * 60


@dataclass(frozen=True, slots=True)
class AccessControl:
    """How main users enter. Off: by e-mailed PIN. On: by single sign-on instead. `recent_minutes`: 0 for no check."""

    sso: bool = False
    configuration: UUID | None = None
    group_ids: tuple[str, ...] = ()
    recent_minutes: int = 0


@dataclass(frozen=True, slots=True)
class Saver:
    """How whoever saves came in. `groups`: None where they could not be resolved, or nobody asked."""

    by_sso: bool
    configuration: UUID | None
    groups: frozenset[str] | None
    is_local: bool


def read_access_control(
    values: Mapping[str, str],
    configurations: Mapping[UUID, SsoConfiguration],
    named: Mapping[str, tuple[str, ...]],
) -> tuple[AccessControl, Typed]:
    """What the fields say; of no use while there are faults.

    `configurations`: all of the organisation. `named`: ids of groups by the display names that were typed in their place.
    """
    typed = Typed(values)
    sso = typed.is_checked("sso")
    chosen = read_choice(typed, configurations, required=sso)
    group_ids = typed.entries("group_ids", offer_ids(typed_group_ids(values, chosen), named))
    recent = typed.whole("recent_minutes", "The time since the sign-in", 1, MOST_MINUTES)
    return AccessControl(sso, chosen.id if chosen else None, group_ids, recent), typed


def read_choice(
    typed: Typed, configurations: Mapping[UUID, SsoConfiguration], *, required: bool
) -> SsoConfiguration | None:
    """The configuration that was chosen. Another organisation's is as unknown as one that never was."""
    text = typed.text("configuration")
    if not text:
        if required:
            message = "Choose the single sign-on configuration that people sign in with."
            typed.wrong("configuration", "sso_configuration_required", message)
        return None
    identifier = parse_id(text.lower())
    found = configurations.get(identifier) if identifier is not None else None
    if found is None:
        typed.wrong("configuration", "sso_configuration_unknown", "There is no such configuration. Choose another one.")
    elif required and not found.on:
        message = f"{found.name} is turned off. Turn it on first, or choose another one."
        typed.wrong("configuration", "sso_configuration_off", message)
    return found


def typed_group_ids(values: Mapping[str, str], chosen: SsoConfiguration | None) -> Entries:
    """The list of group ids. Object ids are wanted from Entra, unless its tokens are to hold something else."""
    guids = chosen is not None and chosen.kind.is_entra and chosen.group_claim == "groups"
    return read_group_ids(values.get("group_ids", ""), guids=guids)


def lockout_risk(wanted: AccessControl, chosen: SsoConfiguration | None, saver: Saver) -> str | None:
    """Why nobody knows yet that the saver will get in again; None when the saver has just shown it."""
    if not wanted.sso:
        return None if saver.is_local else "You are no main user by appointment, so no PIN would be sent to you."
    name = chosen.name if chosen else "the configuration"
    if not saver.by_sso or saver.configuration != wanted.configuration:
        return f"You did not sign in through {name}, so it has not shown yet that it lets you in."
    if not wanted.group_ids:
        return None if saver.is_local else "You are no main user by appointment, and an empty list admits nobody else."
    if saver.groups is None:
        return "Your groups could not be found out when you signed in, so the list would not admit you."
    if saver.groups.isdisjoint(wanted.group_ids):
        return "None of the groups you signed in with is in the list, so it would not admit you."
    return None
