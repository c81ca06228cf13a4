"""What a decision about entering is made from, and what comes out of it: values only.

A fact that could not be read is None, and None never opens a door.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID


class DoorKind(StrEnum):
    """What can be entered."""

    HOME = "home"  # My workspaces, the own profile
    DASHBOARD = "dashboard"  # Main User Dashboard: lists of workspaces and people, numbers
    SETTINGS = "settings"  # settings of the organisation, of all its workspaces too
    WORKSPACE = "workspace"
    WORKSPACE_SETTINGS = "workspace_settings"  # settings, members and mail of one workspace, for its admins


class Stage(StrEnum):
    """How far the person has come."""

    ASKING = "asking"  # an address was typed, and a PIN or link is asked for: nothing is proved
    SIGNING_IN = "signing_in"  # a PIN, link or provider's answer was just found good; a session is made on allow
    SESSION = "session"  # a request with a session


class Way(StrEnum):
    """How the person proves, or means to prove, who they are."""

    PIN = "pin"
    LINK = "link"
    SSO = "sso"
    BREAK_GLASS = "break_glass"
    RECOVERY_CODE = "recovery_code"


class Standing(StrEnum):
    """What the account is in; deleted is also who left a tombstone."""

    ACTIVE = "active"
    SUSPENDED = "suspended"
    DELETED = "deleted"
    ABSENT = "absent"


class WorkspaceState(StrEnum):
    """What a workspace is in."""

    OPEN = "open"
    ARCHIVED = "archived"
    DELETED = "deleted"


class ExtraPin(StrEnum):
    """When a login link alone is not enough."""

    OFF = "off"
    NEW_DEVICES = "new_devices"
    ALWAYS = "always"


class Reason(StrEnum):
    """Why somebody may not enter."""

    NOT_FOUND = "not_found"
    ORG_SUSPENDED = "org_suspended"
    LOGIN_REQUIRED = "login_required"
    USER_DELETED = "user_deleted"
    USER_SUSPENDED = "user_suspended"
    NOT_MAIN_USER = "not_main_user"
    STEP_UP_REQUIRED = "step_up_required"
    SSO_REQUIRED = "sso_required"
    GROUP_NOT_ALLOWED = "group_not_allowed"
    GROUPS_UNRESOLVED = "groups_unresolved"
    WRONG_SSO_CONFIGURATION = "wrong_sso_configuration"
    USER_UNKNOWN = "user_unknown"
    GUEST_NOT_ALLOWED = "guest_not_allowed"
    SETTINGS_ONLY = "settings_only"
    WORKSPACE_ARCHIVED = "workspace_archived"
    NOT_A_MEMBER = "not_a_member"
    SSO_NOT_ENABLED = "sso_not_enabled"
    LOGIN_LINK_OFF = "login_link_off"
    DOMAIN_NOT_ALLOWED = "domain_not_allowed"
    FORBIDDEN = "forbidden"
    UNDECIDED = "undecided"


class Offer(StrEnum):
    """What the page may offer to somebody who was turned away."""

    LOG_IN = "log_in"
    SSO = "sso"  # the button of the door's configuration
    RECHECK = "recheck"  # a round trip to the provider, silent if it can be
    PIN = "pin"
    LINK = "link"  # a login link of this workspace


class Role(StrEnum):
    """What somebody is at the door that opened."""

    MAIN_USER = "main_user"
    BREAK_GLASS = "break_glass"
    PARTICIPANT = "participant"
    ADMIN = "admin"


class Appointment(StrEnum):
    """Where it comes from that somebody is a main user."""

    LOCAL = "local"
    GROUP = "group"


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionFacts:
    """The times of a session. `checked`: when the provider last answered; `provider_limit`: the end it set, if any.

    `recheck`: when the provider is to be asked again at the latest, wherever the session is used.
    """

    created: datetime
    last_seen: datetime
    checked: datetime | None = None
    recheck: datetime | None = None
    provider_limit: datetime | None = None
    ended: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who stands before a door, and what is known of how they came.

    `organisation`: of the session. `configuration_current`: the configuration is on, exists, and is what it was when
    it vouched for the person. `groups`: ids that count for the person, None when they could not be resolved.
    `strengths`: what the provider says of how the person was authenticated (amr, acr). `roles`: in this workspace;
    empty for no member. `kept_by_save`: this very session saved the present access control of the dashboard.
    """

    stage: Stage | None = None
    way: Way | None = None
    organisation: UUID | None = None
    session: SessionFacts | None = None
    standing: Standing | None = None
    address: str | None = None
    configuration: UUID | None = None
    configuration_current: bool | None = None
    groups: frozenset[str] | None = None
    guest: bool | None = None
    authenticated: datetime | None = None
    strengths: frozenset[str] | None = None
    local_main_user: bool | None = None
    kept_by_save: bool = False
    roles: frozenset[Role] | None = None
    link_workspace: UUID | None = None
    pin_given: bool | None = None
    known_device: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """What is to be entered, with its settings as they hold now (a workspace's own, or the inherited defaults).

    `organisation` is None when there is no such place. `required_strengths`: one of them is needed, empty for none;
    `recent_minutes`: 0 for no check. `only_synchronised`: nobody is created but by SCIM. `domains`: that may register,
    empty for all. `sso_required_for`: addresses and domains. `synchronised`: SCIM keeps its members.
    """

    kind: DoorKind
    organisation: UUID | None = None
    organisation_suspended: bool | None = None
    idle: timedelta | None = None
    absolute: timedelta | None = None
    recheck: timedelta | None = None
    sso: bool | None = None
    configuration: UUID | None = None
    group_ids: frozenset[str] | None = None
    guests_allowed: bool | None = None
    required_strengths: frozenset[str] | None = None
    recent_minutes: int | None = None
    only_synchronised: bool | None = None
    workspace: UUID | None = None
    state: WorkspaceState | None = None
    synchronised: bool | None = None
    creates_users: bool | None = None
    links: bool | None = None
    registration: bool | None = None
    domains: frozenset[str] | None = None
    sso_required_for: frozenset[str] | None = None
    extra_pin: ExtraPin | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """One line that was looked at: its step, the row of the table, what was seen; `reason` is set when it failed."""

    step: str
    row: str
    seen: str
    reason: Reason | None = None
    offers: tuple[Offer, ...] = ()


@dataclass(frozen=True, slots=True)
class Allow:
    """The door opens. What is to be made on the way in is told by `creates_user` and `creates_membership`."""

    roles: frozenset[Role]
    lines: tuple[Line, ...]
    appointments: frozenset[Appointment] = frozenset()
    creates_user: bool = False
    creates_membership: bool = False


@dataclass(frozen=True, slots=True)
class Deny:
    """The door stays shut for one reason. `on_its_way`: SCIM may still bring the membership that is missing."""

    reason: Reason
    lines: tuple[Line, ...]
    offers: tuple[Offer, ...] = ()
    on_its_way: bool = False


Decision = Allow | Deny
