"""The ledger's statements ask their indexes by key, also for a job of which the planner has no statistics yet."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from rollcall.db import Database, DatabaseConfig, TenantDatabase, Tx
from rollcall.runtime import Runtime

_LINKS = 10_000

BY_KEY = """
    explain (format json)
    select (select l.target_id from provisioning.links l where l.job_id = %(job)s and l.kind = 'User'
                and l.source_id = wanted.id and l.state = 'linked')
    from unnest(%(ids)s::text[]) as wanted (id)
"""
UPDATED_BY_KEY = """
    explain (format json)
    update provisioning.links l set target_id = null
    from jsonb_to_recordset(%(rows)s) as r (kind text, source_id text)
    where l.job_id = %(job)s and l.kind = r.kind and l.source_id = r.source_id
"""


async def fill(tx: Tx, job_id: UUID) -> None:
    """A job in the middle of its first cycle."""
    await tx.run(
        "insert into provisioning.jobs (id, service_principal_id, display_name, template, sync_schema)"
        " values (%s, %s, %s, 'scim', %s)",
        [job_id, job_id, str(job_id), Jsonb({})],
    )
    await tx.run(
        """
        insert into provisioning.links (job_id, kind, source_id, name, state, target_id, generation)
        select %s, 'User', 'source ' || number, 'somebody', 'linked', 'target ' || number, 1
        from generate_series(1, %s) as number
        """,
        [job_id, _LINKS],
    )


async def indexes_of(tx: Tx, statement: str, params: dict[str, Any]) -> set[str | None]:
    """The indexes a statement's plan asks; None stands for reading a whole table."""
    plans = await tx.value(statement, params)
    found: set[str | None] = set()
    waiting = [plans[0]["Plan"]]
    while waiting:
        node = waiting.pop()
        if "Scan" in node["Node Type"] and node["Node Type"] != "Function Scan":
            found.add(node.get("Index Name"))
        waiting.extend(node.get("Plans", ()))
    return found


@pytest.mark.parametrize("statement", [BY_KEY, UPDATED_BY_KEY])
async def test_links_are_found_by_key_in_a_first_cycle(
    tenant_db: TenantDatabase, runtime: Runtime, statement: str
) -> None:
    job_id = runtime.new_id()
    await tenant_db.write(fill, job_id)
    rows = Jsonb([{"kind": "User", "source_id": "source 7"}])
    params = {"job": job_id, "ids": ["source 7"], "rows": rows}
    assert await tenant_db.read(indexes_of, statement, params) == {"links_pkey"}


async def test_links_are_found_by_key_in_a_new_job_beside_one_that_statistics_know(
    database: Database, database_config: DatabaseConfig, runtime: Runtime
) -> None:
    known, new = database.tenant(runtime.new_id()), database.tenant(runtime.new_id())
    await known.write(fill, runtime.new_id())
    assert database_config.url is not None
    async with await AsyncConnection.connect(database_config.url, autocommit=True) as owner:
        await owner.execute("analyze provisioning.links")
    job_id = runtime.new_id()
    await new.write(fill, job_id)
    assert await new.read(indexes_of, BY_KEY, {"job": job_id, "ids": ["source 7"]}) == {"links_pkey"}
