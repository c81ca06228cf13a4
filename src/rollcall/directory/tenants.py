"""The tenants of an installation: how a name finds the id that every other table begins with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg.errors import UniqueViolation

from rollcall.db import Tx
from rollcall.errors import Conflict, Invalid, NotFound
from rollcall.runtime import Runtime

_NAME_CHARACTERS = 100


@dataclass(frozen=True, slots=True)
class Tenant:
    """One customer of this installation: the boundary that nothing crosses."""

    id: UUID
    name: str
    created: datetime


async def create_tenant(tx: Tx, runtime: Runtime, name: str) -> UUID:
    """Make a tenant; for a transaction without tenant. Raises Invalid for a bad name, Conflict when it is taken."""
    if not name.strip() or len(name) > _NAME_CHARACTERS:
        raise Invalid(f"A tenant's name has 1 to {_NAME_CHARACTERS} characters.")
    tenant_id = runtime.new_id()
    try:
        await tx.run("insert into directory.tenants (id, name) values (%s, %s)", [tenant_id, name])
    except UniqueViolation:
        raise Conflict(f"There is a tenant named {name!r} already. Choose another name.") from None
    return tenant_id


async def list_tenants(tx: Tx) -> list[Tenant]:
    """All tenants by name; for a transaction without tenant."""
    rows = await tx.all("select id, name, created from directory.tenants order by lower(name)")
    return [Tenant(**row) for row in rows]


async def tenant_named(tx: Tx, named: str) -> UUID | None:
    """The id of the tenant with this id or name, through an index; None when there is none."""
    try:
        found: UUID | None = await tx.value("select id from directory.tenants where id = %s", [UUID(named)])
    except ValueError:
        found = await tx.value("select id from directory.tenants where lower(name) = lower(%s)", [named])
    return found


async def name_among_several(tx: Tx, tenant_id: UUID) -> str | None:
    """The tenant's name where there are others, for commands that have to say which; None where it is the only one."""
    row = await tx.one(
        "select name from directory.tenants where id = %s and exists (select from directory.tenants where id <> %s)",
        [tenant_id, tenant_id],
    )
    return None if row is None else str(row["name"])


async def find_tenant(tx: Tx, wanted: str) -> Tenant:
    """The tenant with this name or id; "" finds the only one. Raises NotFound naming those there are."""
    tenants = await list_tenants(tx)
    if not wanted and len(tenants) == 1:
        return tenants[0]
    for tenant in tenants:
        if wanted.casefold() in (tenant.name.casefold(), str(tenant.id)):
            return tenant
    names = ", ".join(tenant.name for tenant in tenants[:20]) or "none yet"
    if not wanted and tenants:
        raise NotFound(f"There are several tenants; say which with --tenant. Tenants: {names}.")
    raise NotFound(f"There is no tenant {wanted!r}. Tenants: {names}.")
