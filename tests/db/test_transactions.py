"""Reading and writing: whole transactions of one tenant."""

from __future__ import annotations

from rollcall.db import TenantDatabase, Tx


async def test_a_transaction_runs_as_the_application_role_for_its_tenant(tenant_db: TenantDatabase) -> None:
    async def who(tx: Tx) -> tuple[object, ...]:
        row = await tx.one("select current_user::text as role, rollcall_tenant() as tenant")
        assert row is not None
        return row["role"], row["tenant"], tx.tenant

    expected = ("rollcall_app", tenant_db.tenant, tenant_db.tenant)

    assert await tenant_db.read(who) == expected
    assert await tenant_db.write(who) == expected
