"""Workspaces in the database: made, duplicated, archived, opened again, deleted; found by slug or by member."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID

from rollcall.db import Tx
from rollcall.errors import Conflict, Invalid, NotFound
from rollcall.runtime import Runtime
from rollcall.scim.datatypes import fold
from rollcall.workspaces.access_model import Role, WorkspaceState
from rollcall.workspaces.audit import SYSTEM, Actor, Happening, record
from rollcall.workspaces.memberships import add_member, bind
from rollcall.workspaces.model import check_name, is_uuid
from rollcall.workspaces.origins import Origin
from rollcall.workspaces.sso.sessions import judge_again

_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_COLUMNS: LiteralString = "w.id, w.slug, w.name, w.state, w.created, w.without_admin"
# Everything that can be a workspace's own; a copy takes it over.
_OWN_FIELDS: LiteralString = """links, login_text, registration, domains, sso, configuration_id, group_ids,
    sso_required_for, creates_users, link_validity, link_uses, extra_pin, idle, absolute, recheck"""


@dataclass(frozen=True, slots=True)
class Workspace:
    """A place with content. `slug` stands in its address, is one in the installation and never changes.

    `without_admin`: since when it has no admin, because synchronization took the last one away.
    """

    id: UUID
    slug: str
    name: str
    state: WorkspaceState
    created: datetime
    without_admin: datetime | None


def check_slug(slug: str) -> str:
    """`slug` if it can be a label of a host name and is no id. Raises Invalid."""
    if not _SLUG.fullmatch(slug) or is_uuid(slug):
        raise Invalid(
            "The address of a workspace has 1 to 63 small letters, digits and hyphens, no hyphen at either end, and "
            "does not look like an id.",
            code="slug_invalid",
        )
    return slug


async def create_workspace(
    tx: Tx, runtime: Runtime, *, slug: str, name: str, admin: UUID | None = None, actor: Actor = SYSTEM
) -> Workspace:
    """Make an open workspace that inherits every setting; `admin` is a user who becomes its first member.

    Raises Invalid for the slug or the name, Conflict `slug_taken`, NotFound for an unknown `admin`.
    """
    made = await _insert(tx, runtime, slug, name)
    bound = await bind(tx, runtime.now(), made.id)
    await record(tx, runtime, actor, _happened("created", made.id, {"slug": slug, "name": made.name}), *bound)
    if admin is not None:
        await add_member(tx, runtime, made.id, admin, Origin.MANUAL, {Role.PARTICIPANT, Role.ADMIN}, actor=actor)
    return made


async def duplicate_workspace(
    tx: Tx, runtime: Runtime, workspace_id: UUID, *, slug: str, name: str, actor: Actor = SYSTEM
) -> Workspace:
    """Make a workspace with the own settings of another one, and none of its memberships.

    Raises NotFound, Invalid, Conflict `slug_taken`.
    """
    await workspace(tx, workspace_id)
    made = await _insert(tx, runtime, slug, name)
    await tx.run(
        f"""insert into workspaces.workspace_login (workspace_id, changed, {_OWN_FIELDS})
            select %s, %s, {_OWN_FIELDS} from workspaces.workspace_login where workspace_id = %s""",
        (made.id, runtime.now(), workspace_id),
    )
    bound = await bind(tx, runtime.now(), made.id)
    details = {"slug": slug, "name": made.name, "of": str(workspace_id)}
    await record(tx, runtime, actor, _happened("duplicated", made.id, details), *bound)
    return made


async def workspace(tx: Tx, workspace_id: UUID) -> Workspace:
    """A workspace that is not deleted. Raises NotFound."""
    row = await tx.one(
        f"select {_COLUMNS} from workspaces.workspaces w where w.id = %s and w.state <> 'deleted'", (workspace_id,)
    )
    if row is None:
        raise _unknown()
    return Workspace(**{**row, "state": WorkspaceState(row["state"])})


async def find_slug(tx: Tx, slug: str) -> tuple[UUID, UUID] | None:
    """Organisation and id of the workspace with this slug, in a transaction without tenant; deleted ones too."""
    row = await tx.one("select organisation_id, workspace_id from workspaces.workspace_slugs where slug = %s", (slug,))
    return None if row is None else (row["organisation_id"], row["workspace_id"])


async def workspaces(tx: Tx, *, after: tuple[str, UUID] | None = None, limit: int = 100) -> list[Workspace]:
    """All workspaces that are not deleted, by name; a page of them from the one after `after`, its name and id."""
    name, identifier = after or ("", UUID(int=0))
    rows = await tx.all(
        f"""select {_COLUMNS} from workspaces.workspaces w
            where w.state <> 'deleted' and (w.name, w.id) > (%s, %s) order by w.name, w.id limit %s""",
        (name, identifier, limit),
    )
    return [Workspace(**{**row, "state": WorkspaceState(row["state"])}) for row in rows]


async def workspaces_of(tx: Tx, user_id: UUID) -> list[Workspace]:
    """The open workspaces a user is a member of, by name."""
    rows = await tx.all(
        f"""select {_COLUMNS} from workspaces.workspaces w
            where w.state = 'open' and w.id in (
                select m.workspace_id from workspaces.memberships m
                where m.user_id = %(user)s and (m.is_manual or m.is_registered or m.is_sso)
                union
                select b.workspace_id
                from workspaces.group_members gm
                join workspaces.groups g on g.id = gm.group_id
                join workspaces.bound_entries b on b.external_key = g.external_key
                where gm.member_id = %(user)s and not exists (
                    select from workspaces.memberships m
                    where m.workspace_id = b.workspace_id and m.user_id = %(user)s and m.removed))
            order by w.name, w.id""",
        {"user": user_id},
    )
    return [Workspace(**{**row, "state": WorkspaceState(row["state"])}) for row in rows]


async def rename_workspace(tx: Tx, runtime: Runtime, workspace_id: UUID, name: str, *, actor: Actor = SYSTEM) -> None:
    """Give a workspace another name; its slug stays. Raises NotFound, Invalid."""
    name = check_name(name, "a workspace")
    before = await tx.one(
        "select name from workspaces.workspaces where id = %s and state <> 'deleted' for no key update", (workspace_id,)
    )
    if before is None:
        raise _unknown()
    await tx.run(
        "update workspaces.workspaces set name = %s, name_folded = %s, changed = %s where id = %s",
        (name, fold(name), runtime.now(), workspace_id),
    )
    if before["name"] != name:
        changes = [("name", before["name"], name)]
        await record(tx, runtime, actor, _happened("renamed", workspace_id, changes=changes))


async def archive_workspace(tx: Tx, runtime: Runtime, workspace_id: UUID, *, actor: Actor = SYSTEM) -> None:
    """Let nobody enter; memberships go on following SCIM (row O14). Raises NotFound."""
    await _move(tx, runtime, workspace_id, WorkspaceState.ARCHIVED, "archived", actor)


async def reopen_workspace(tx: Tx, runtime: Runtime, workspace_id: UUID, *, actor: Actor = SYSTEM) -> None:
    """Let members enter an archived workspace again. Raises NotFound."""
    await _move(tx, runtime, workspace_id, WorkspaceState.OPEN, "reopened", actor)


async def delete_workspace(tx: Tx, runtime: Runtime, workspace_id: UUID, *, actor: Actor = SYSTEM) -> None:
    """End a workspace with its memberships, settings and posts, for good; its slug is not given again. Raises NotFound."""
    await _move(tx, runtime, workspace_id, WorkspaceState.DELETED, "deleted", actor)
    await tx.run("delete from workspaces.posts where workspace_id = %s", (workspace_id,))
    await tx.run("delete from workspaces.memberships where workspace_id = %s", (workspace_id,))
    await tx.run("delete from workspaces.bound_entries where workspace_id = %s", (workspace_id,))
    await tx.run("delete from workspaces.workspace_login where workspace_id = %s", (workspace_id,))


async def _insert(tx: Tx, runtime: Runtime, slug: str, name: str) -> Workspace:
    check_slug(slug)
    name, identifier, now = check_name(name, "a workspace"), runtime.new_id(), runtime.now()
    taken = not await tx.run(
        """insert into workspaces.workspace_slugs (slug, organisation_id, workspace_id) values (%s, %s, %s)
           on conflict (slug) do nothing""",
        (slug, tx.tenant, identifier),
    )
    if taken:
        raise Conflict(f"The address {slug!r} is taken. Choose another one.", code="slug_taken")
    await tx.run(
        """insert into workspaces.workspaces (id, slug, name, name_folded, created, changed)
           values (%s, %s, %s, %s, %s, %s)""",
        (identifier, slug, name, fold(name), now, now),
    )
    return Workspace(identifier, slug, name, WorkspaceState.OPEN, now, None)


async def _move(tx: Tx, runtime: Runtime, workspace_id: UUID, state: WorkspaceState, what: str, actor: Actor) -> None:
    before = await tx.one(
        "select state from workspaces.workspaces where id = %s and state <> 'deleted' for no key update",
        (workspace_id,),
    )
    if before is None:
        raise _unknown()
    if before["state"] == state.value:
        return
    await tx.run(
        "update workspaces.workspaces set state = %s, changed = %s where id = %s",
        (state, runtime.now(), workspace_id),
    )
    changes = [("state", before["state"], state.value)]
    await record(tx, runtime, actor, _happened(what, workspace_id, changes=changes))
    await judge_again(tx)


def _happened(
    what: str,
    workspace_id: UUID,
    details: Mapping[str, Any] | None = None,
    changes: Sequence[tuple[str, Any, Any]] = (),
) -> Happening:
    return Happening(f"workspace.{what}", "workspace", str(workspace_id), changes=changes, details=details or {})


def _unknown() -> NotFound:
    return NotFound("There is no such workspace.", code="workspace_unknown")
