"""An organisation with SCIM, people, groups and workspaces, and short words to change them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from psycopg import sql

from rollcall.db import TenantDatabase, Tx
from rollcall.runtime import Runtime
from rollcall.scim.schema import GROUP, USER
from rollcall.workspaces import AccountStore, create_organisation, set_synchronization
from rollcall.workspaces.access_model import Role
from rollcall.workspaces.memberships import bind, member
from rollcall.workspaces.origins import Member, Origin
from rollcall.workspaces.places import create_workspace
from tests.contracts.resource_store import group, operation, patch, user

BOTH = frozenset({Role.PARTICIPANT, Role.ADMIN})
PARTICIPANT = frozenset({Role.PARTICIPANT})


class World:
    """One organisation; names are unique to it, and ids are looked up by name."""

    def __init__(self, database: TenantDatabase, runtime: Runtime) -> None:
        self.database = database
        self.runtime = runtime
        self.store = AccountStore(database, runtime)
        self.configuration = runtime.new_id()

    async def open(self, *, synchronization: bool = True) -> World:
        key = f"o{self.runtime.new_id().hex}"
        await self.database.write(
            create_organisation, self.runtime, key=key, name="Acme", synchronization=synchronization
        )
        await self.database.write(self._configure)
        return self

    async def _configure(self, tx: Tx) -> None:
        await tx.run(
            """insert into workspaces.sso_configurations (id, name, kind, settings, identity_changed, created, changed)
               values (%s, 'Acme', 'openid_connect', '{"issuer": "https://login.example", "client_id": "c"}', %s, now(), now())""",
            (self.configuration, self.runtime.now().replace(year=2020)),
        )

    async def synchronise(self, on: bool) -> None:
        await self.database.write(set_synchronization, self.runtime, on)

    async def person(self, name: str, /, **attributes: Any) -> UUID:
        return UUID((await self.store.create(USER, user(name, **attributes)))["id"])

    async def group(self, name: str, *members: UUID, external_id: str | None = None) -> UUID:
        made = await self.store.create(
            GROUP, {**group(name, *(str(each) for each in members)), "externalId": external_id or name.lower()}
        )
        return UUID(made["id"])

    async def join(self, group_id: UUID, *people: UUID) -> None:
        await patch(
            self.store, GROUP, str(group_id), operation("add", "members", [{"value": str(each)} for each in people])
        )

    async def leave(self, group_id: UUID, person: UUID) -> None:
        await patch(self.store, GROUP, str(group_id), operation("remove", f'members[value eq "{person}"]'))

    async def change(self, group_id: UUID, attribute: str, value: Any) -> None:
        await patch(self.store, GROUP, str(group_id), operation("replace", attribute, value))

    async def set_active(self, person: UUID, active: bool) -> None:
        await patch(self.store, USER, str(person), operation("replace", "active", active))

    async def workspace(self, *group_ids: str, slug: str | None = None, admin: UUID | None = None) -> UUID:
        """A workspace whose own list has these external ids; without any it inherits everything."""
        slug = slug or f"w{self.runtime.new_id().hex}"
        made = await self.database.write(create_workspace, self.runtime, slug=slug, name="Team", admin=admin)
        if group_ids:
            await self.settings(made.id, sso=True, configuration_id=self.configuration, group_ids=list(group_ids))
        return made.id

    async def settings(self, workspace_id: UUID | None, **fields: Any) -> None:
        """Save own fields of a workspace, or the organisation's defaults, and bind as a Save does."""

        async def save(tx: Tx) -> None:
            await _store(tx, workspace_id, fields)
            await bind(tx, self.runtime.now(), workspace_id)

        await self.database.write(save)

    async def dashboard(self, **fields: Any) -> None:
        async def save(tx: Tx) -> None:
            await tx.run(_update("dashboard_access", fields), fields)

        await self.database.write(save)

    async def member(self, workspace_id: UUID, person: UUID) -> Member | None:
        return await self.database.read(member, workspace_id, person)

    async def origins(self, workspace_id: UUID, person: UUID) -> tuple[str, ...]:
        found = await self.member(workspace_id, person)
        return () if found is None else found.origins

    async def roles(self, workspace_id: UUID, person: UUID) -> frozenset[Role]:
        found = await self.member(workspace_id, person)
        return frozenset() if found is None else found.roles

    async def flagged(self, workspace_id: UUID) -> bool:
        async def read(tx: Tx) -> bool:
            moment = await tx.value("select without_admin from workspaces.workspaces where id = %s", (workspace_id,))
            return moment is not None

        return await self.database.read(read)


MANUAL, REGISTRATION, SSO = Origin.MANUAL, Origin.REGISTRATION, Origin.SSO


async def _store(tx: Tx, workspace_id: UUID | None, fields: dict[str, Any]) -> None:
    if workspace_id is None:
        await tx.run(_update("organisation_defaults", fields), fields)
        return
    await tx.run(
        "insert into workspaces.workspace_login (workspace_id) values (%s) on conflict do nothing", (workspace_id,)
    )
    statement = sql.SQL("{} where workspace_id = %(workspace)s").format(_update("workspace_login", fields))
    await tx.run(statement, {**fields, "workspace": workspace_id})


def _update(table: str, fields: dict[str, Any]) -> sql.Composed:
    values = sql.SQL(", ").join(
        sql.SQL("{} = {}").format(sql.Identifier(name), sql.Placeholder(name)) for name in fields
    )
    return sql.SQL("update workspaces.{} set {}").format(sql.Identifier(table), values)
