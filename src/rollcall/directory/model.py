"""Users and groups as values, and the rules they keep; the shapes that the feed and an import hand out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from rollcall.directory.attributes import GROUP_ATTRIBUTES, USER_ATTRIBUTES, check_attributes
from rollcall.errors import Invalid

Kind = Literal["User", "Group"]
State = Literal["present", "deleted", "gone"]
# Whom an assigned group stands for: its direct members (as in Entra), all people inside it, or the groups inside it too.
NestedGroups = Literal["direct", "flatten", "mirror"]

# Entra's default access role: the role of an assignment that names none.
DEFAULT_APP_ROLE = UUID(int=0)
# A soft-deleted object can be restored for so long, then it is purged.
RESTORABLE_FOR = timedelta(days=30)
# The change log keeps so much; a reader who stays away longer reads in full.
CHANGES_KEPT_FOR = timedelta(days=30)

# What has a column of its own instead of a place in `attributes`.
USER_COLUMNS = frozenset({"userPrincipalName", "displayName", "accountEnabled", "manager"})
GROUP_COLUMNS = frozenset({"displayName"})


@dataclass(frozen=True, slots=True)
class User:
    """A person in the directory; `attributes` holds Graph names, userPrincipalName and the like among them."""

    id: UUID
    attributes: dict[str, Any]
    manager: UUID | None
    deleted: datetime | None
    created: datetime
    modified: datetime
    version: int


@dataclass(frozen=True, slots=True)
class Group:
    """A group in the directory; its members are rows of their own."""

    id: UUID
    attributes: dict[str, Any]
    deleted: datetime | None
    created: datetime
    modified: datetime
    version: int


@dataclass(frozen=True, slots=True)
class Member:
    """One member of a group."""

    id: UUID
    kind: Kind
    display_name: str


@dataclass(frozen=True, slots=True)
class AppRole:
    """A role of an application that users and groups are assigned to."""

    id: UUID
    display_name: str
    value: str | None = None
    description: str = ""
    is_enabled: bool = True
    allowed_member_types: tuple[str, ...] = ("User",)


@dataclass(frozen=True, slots=True)
class ServicePrincipal:
    """An application as the directory knows it."""

    id: UUID
    app_id: UUID
    display_name: str
    account_enabled: bool
    app_role_assignment_required: bool
    app_roles: tuple[AppRole, ...]
    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Assignment:
    """A user or group that is entitled to an application, in one of its roles."""

    id: UUID
    service_principal_id: UUID
    principal_id: UUID
    principal_kind: Kind
    app_role_id: UUID
    created: datetime


@dataclass(frozen=True, slots=True)
class FeedEntry:
    """A user or group as it is now, and whether it is entitled to the application that reads.

    `attributes` has Graph names, with "id", and for a user "accountEnabled" and, where he has one, "manager" (an id);
    empty when `state` is "gone". "deleted" can still be restored, "gone" is purged or never was. `changed_at`: when the
    first of the changes that brought it here was made, where it was brought by one; two entries that tell of the same
    state are equal whenever they were brought.
    """

    kind: Kind
    id: str
    state: State
    attributes: dict[str, Any] = field(default_factory=dict)
    assigned: bool = False
    assigned_by: tuple[str, ...] = ()
    roles: tuple[dict[str, Any], ...] = ()
    changed_at: datetime | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class FeedTie:
    """One membership: whether it exists now."""

    group_id: str
    member_id: str
    present: bool
    member_kind: Kind


@dataclass(frozen=True, slots=True)
class FeedPage:
    """A page of the feed: what is news, and where to go on.

    `full` says that the page belongs to a full read, `total` how many entries that will have; `more` that asking
    again at once gives more. Full and incremental pages are read and answered alike.
    """

    entries: list[FeedEntry]
    ties: list[FeedTie]
    watermark: dict[str, Any]
    more: bool
    full: bool
    total: int | None = None


@dataclass(frozen=True, slots=True)
class LeftOutGroup:
    """A group inside an assigned group that a reader who takes direct members only leaves out.

    `people` of those in it, at any depth, come in by no other way; with `or_more` that is a part of them.
    """

    id: str
    display_name: str
    inside_id: str
    inside_display_name: str
    people: int
    or_more: bool


def check_user(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """A new user's attributes, checked, without those that hold nothing.

    Raises Invalid naming attribute, rule and remedy.
    """
    checked = check_user_changes(attributes)
    for name in ("userPrincipalName", "displayName"):
        if checked.get(name) is None:
            raise Invalid(f"A user needs a {name}; give one.")
    checked.setdefault("accountEnabled", True)
    return {name: value for name, value in checked.items() if value is not None}


def check_user_changes(changes: Mapping[str, Any]) -> dict[str, Any]:
    """Changes to a user, checked; None takes an attribute away.

    Raises Invalid naming attribute, rule and remedy.
    """
    checked = check_attributes(
        {name: value for name, value in changes.items() if name != "manager"}, USER_ATTRIBUTES, "user"
    )
    for name in ("userPrincipalName", "displayName", "accountEnabled"):
        if name in checked and (checked[name] is None or not str(checked[name]).strip()):
            raise Invalid(f"{name} can't be empty; give a value.")
    if "userPrincipalName" in checked:
        _check_user_principal_name(checked["userPrincipalName"])
    if "manager" in changes:
        checked["manager"] = _as_id(changes["manager"])
    return checked


def check_group(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """A new group's attributes, checked, without those that hold nothing.

    Raises Invalid naming attribute, rule and remedy.
    """
    checked = check_group_changes(attributes)
    if checked.get("displayName") is None:
        raise Invalid("A group needs a displayName; give one.")
    return {"mailEnabled": False, "securityEnabled": True} | {
        name: value for name, value in checked.items() if value is not None
    }


def check_group_changes(changes: Mapping[str, Any]) -> dict[str, Any]:
    """Changes to a group, checked; None takes an attribute away.

    Raises Invalid naming attribute, rule and remedy.
    """
    checked = check_attributes(changes, GROUP_ATTRIBUTES, "group")
    if "displayName" in checked and not str(checked["displayName"] or "").strip():
        raise Invalid("displayName can't be empty; give a value.")
    return checked


def _check_user_principal_name(name: str) -> None:
    before, at, after = name.rpartition("@")
    if not (before and at and after) or "@" in before:
        raise Invalid(f"userPrincipalName {name!r} must have the form name@domain.")
    if any(character.isspace() or not character.isprintable() for character in name):
        raise Invalid(f"userPrincipalName {name!r} has a blank or a control character; remove it.")


def _as_id(value: Any) -> UUID | None:
    if value is None or isinstance(value, UUID):
        return value
    try:
        return UUID(value)
    except (ValueError, TypeError, AttributeError):
        raise Invalid(f"manager must be the id of a user, not {value!r}.") from None
