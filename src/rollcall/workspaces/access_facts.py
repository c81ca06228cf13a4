"""Reads all that a decision about entering rests on, in one query, within the organisation that the session belongs to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, LiteralString
from uuid import UUID

from rollcall.db import Tx
from rollcall.workspaces.access_model import (
    Actor,
    Door,
    DoorKind,
    ExtraPin,
    Role,
    SessionFacts,
    Stage,
    Standing,
    Way,
    WorkspaceState,
)
from rollcall.workspaces.memberships import BOUND
from rollcall.workspaces.sso.sessions import DASHBOARD_LIMITS

_OF_WORKSPACES = (DoorKind.WORKSPACE, DoorKind.WORKSPACE_SETTINGS)
_OF_DASHBOARD = (DoorKind.DASHBOARD, DoorKind.SETTINGS)
_WITHOUT_USER = ("break_glass", "recovery_code")


@dataclass(frozen=True, slots=True)
class AccessFacts:
    """What `access.decide` takes, and whose it is. Who signs in is put into `actor` with dataclasses.replace."""

    actor: Actor
    door: Door
    session_id: UUID | None
    user_id: UUID | None
    account_id: UUID | None


async def load_facts(
    tx: Tx,
    kind: DoorKind,
    now: datetime,
    *,
    workspace: UUID | str | None = None,
    handle_hash: bytes | None = None,
    user_id: UUID | None = None,
) -> AccessFacts:
    """What is known of a door and of whoever has the session with this handle; without a session, of a user.

    `workspace`: id or slug, for doors of workspaces. A workspace of another organisation is none.
    """
    assert (workspace is not None) == (kind in _OF_WORKSPACES), "doors of workspaces have one, others none"
    row = await tx.one(
        _FACTS,
        {
            "handle": handle_hash,
            "user": user_id,
            "workspace": workspace if isinstance(workspace, UUID) else None,
            "slug": workspace if isinstance(workspace, str) else None,
            "dashboard": kind in _OF_DASHBOARD,
        },
    )
    assert row is not None, "a join from one row has one row"
    return AccessFacts(_actor(row, tx.tenant, now), _door(row, kind, tx.tenant), row["session_id"], row["user_id"],
                       row["account_id"])  # fmt: skip


# The session part stands alone, so that it can follow the table of sessions.
_SESSION: LiteralString = """
    select s.id, s.user_id, s.account_id, s.method, s.workspace_id, s.configuration_id, s.authenticated, s.strength,
           s.guest, case when s.groups_source <> 'unresolved' then s.groups end as groups, s.created, s.last_seen,
           s.ends, s.idle_seconds, s.provider_ends, s.checked, s.recheck
    from workspaces.session_handles h
    join workspaces.sessions s on s.id = h.session_id
    where h.hash = %(handle)s and h.organisation_id = rollcall_tenant()"""
_WORKSPACE: LiteralString = """
    select %(workspace)s::uuid as id where %(slug)s::text is null
    union all
    select i.workspace_id from workspaces.workspace_slugs i
    where i.slug = %(slug)s and i.organisation_id = rollcall_tenant()
    limit 1"""
# Every id is worked out before it is joined with: behind row-level security the planner compares plain columns by their
# index, and nothing else.
_FACTS: LiteralString = f"""
with s as materialized ({_SESSION}),
place as materialized ({_WORKSPACE}),
l as materialized (select e.* from place join workspaces.effective_login e on e.workspace_id = place.id),
ids as materialized (
    select coalesce((select user_id from s), %(user)s::uuid) as user_id,
           case when %(dashboard)s then (select configuration_id from workspaces.dashboard_access)
                else (select configuration_id from l) end as configuration_id
)
select o.suspended, o.synchronization, o.only_synchronised,
       s.id as session_id, ids.user_id, s.account_id, s.method,
       s.workspace_id as link_workspace, s.configuration_id as own_configuration, s.authenticated, s.strength, s.guest,
       s.groups, s.created, s.last_seen, s.ends, s.idle_seconds, s.provider_ends, s.checked, s.recheck as recheck_by,
       came.is_on and came.identity_changed <= s.checked as configuration_current,
       u.id is not null as has_account, u.active is not false and u.suspended is null as awake,
       exists (select from workspaces.deleted_users where id = ids.user_id) as was_deleted, u.resource ->> 'userName' as user_name, u.resource -> 'emails' as emails,
       appointed.user_id is not null as local_main_user, a.saved_session,
       m.is_manual or m.is_registered or m.is_sso as own_origin, m.removed, m.is_participant, m.is_admin,
       exists (select {BOUND.format(user="ids.user_id", workspace="l.workspace_id")}) as bound,
       l.workspace_id, l.state, l.links, l.registration, l.domains, l.sso_required_for, l.creates_users, l.extra_pin,
       coalesce(l.idle, d.idle) as idle, coalesce(l.absolute, d.absolute) as absolute,
       coalesce(l.recheck, d.recheck) as recheck,
       case when %(dashboard)s then a.sso else l.sso end as sso,
       case when %(dashboard)s then a.group_ids else l.group_ids end as group_ids,
       a.recent_minutes, c.id as configuration_id, c.required_strengths,
       case when %(dashboard)s then c.guests_on_dashboard else c.guests_in_workspaces end as guests_allowed
from ids
left join workspaces.organisations o on true
left join s on true
left join l on true
left join workspaces.organisation_defaults d on true
left join workspaces.dashboard_access a on true
left join workspaces.sso_configurations came on came.id = s.configuration_id
left join workspaces.sso_configurations c on c.id = ids.configuration_id
left join workspaces.users u on u.id = ids.user_id
left join workspaces.main_users appointed on appointed.user_id = ids.user_id
left join workspaces.memberships m on m.workspace_id = l.workspace_id and m.user_id = ids.user_id
"""


def _actor(row: dict[str, Any], organisation: UUID, now: datetime) -> Actor:
    by_sso = row["method"] == "sso"
    return Actor(
        stage=Stage.SESSION,
        way=None if row["method"] is None else Way(row["method"]),
        organisation=None if row["session_id"] is None else organisation,
        session=_session(row, now),
        standing=_standing(row),
        address=_address(row),
        configuration=row["own_configuration"],
        configuration_current=row["configuration_current"] is True,
        groups=frozenset(row["groups"]) if by_sso and row["groups"] is not None else None,
        guest=row["guest"],
        authenticated=row["authenticated"],
        strengths=None if row["strength"] is None else frozenset(row["strength"]),
        local_main_user=row["local_main_user"],
        kept_by_save=row["saved_session"] is not None and row["saved_session"] == row["session_id"],
        roles=_roles(row),
        link_workspace=row["link_workspace"],
    )


def _session(row: dict[str, Any], now: datetime) -> SessionFacts | None:
    if row["session_id"] is None:
        return None
    idle = now - row["last_seen"] >= timedelta(seconds=row["idle_seconds"])
    return SessionFacts(
        created=row["created"],
        last_seen=row["last_seen"],
        checked=row["checked"],
        recheck=row["recheck_by"],
        provider_limit=row["provider_ends"],
        ended=idle or now >= row["ends"],
    )


def _standing(row: dict[str, Any]) -> Standing | None:
    if row["method"] in _WITHOUT_USER:
        return Standing.ACTIVE  # the sessions of such an account end with it
    if row["user_id"] is None:
        return None
    if row["has_account"]:
        return Standing.ACTIVE if row["awake"] else Standing.SUSPENDED
    return Standing.DELETED if row["was_deleted"] else Standing.ABSENT


def _address(row: dict[str, Any]) -> str | None:
    """The address that counts for rules about domains: the primary one, else any, else a user name that is one."""
    emails = sorted(row["emails"] or (), key=lambda each: each.get("primary") is not True)
    for value in (*(each.get("value") for each in emails), row["user_name"]):
        if value and "@" in value:
            return str(value)
    return None


def _roles(row: dict[str, Any]) -> frozenset[Role] | None:
    if row["workspace_id"] is None or not row["has_account"]:
        return frozenset()
    if not (row["own_origin"] or (row["bound"] and not row["removed"])):
        return frozenset()
    if row["own_origin"] is None:  # a member by a group alone, without a row of its own
        return frozenset({Role.PARTICIPANT})
    roles = {Role.PARTICIPANT: row["is_participant"], Role.ADMIN: row["is_admin"]}
    return frozenset(role for role, has in roles.items() if has)


def _door(row: dict[str, Any], kind: DoorKind, organisation: UUID) -> Door:
    missing = row["suspended"] is None or (kind in _OF_WORKSPACES and row["workspace_id"] is None)
    if missing:
        return Door(kind=kind)
    dashboard = kind in _OF_DASHBOARD
    group_ids = row["group_ids"]
    strengths = row["required_strengths"]
    return Door(
        kind=kind,
        organisation=organisation,
        organisation_suspended=row["suspended"],
        idle=DASHBOARD_LIMITS.idle if dashboard else row["idle"],
        absolute=DASHBOARD_LIMITS.absolute if dashboard else row["absolute"],
        recheck=DASHBOARD_LIMITS.recheck if dashboard else row["recheck"],
        sso=row["sso"],
        configuration=row["configuration_id"],
        group_ids=_set(group_ids),
        guests_allowed=row["guests_allowed"],
        required_strengths=_set(strengths),
        recent_minutes=row["recent_minutes"],
        only_synchronised=row["only_synchronised"],
        workspace=row["workspace_id"],
        state=None if row["state"] is None else WorkspaceState(row["state"]),
        synchronised=bool(row["synchronization"] and row["sso"] and group_ids),
        creates_users=row["creates_users"],
        links=row["links"],
        registration=row["registration"],
        domains=_set(row["domains"]),
        sso_required_for=_set(row["sso_required_for"]),
        extra_pin=None if row["extra_pin"] is None else ExtraPin(row["extra_pin"]),
    )


def _set(values: list[str] | None) -> frozenset[str] | None:
    return None if values is None else frozenset(values)
