"""How long a tenant's log is kept, and the removal of what is older, a little at a time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from psycopg.sql import SQL, Identifier

from rollcall.db import Tx
from rollcall.errors import Invalid
from rollcall.provisioning.log_attributes import prune_sets
from rollcall.provisioning.plans import prune_plans
from rollcall.runtime import uuid7

LOG_KEPT_DAYS = 400
_LEAST_DAYS, _MOST_DAYS = 1, 3650
CYCLES_KEPT_FOR = timedelta(days=90)
_AT_ONCE = 5_000


@dataclass(frozen=True, slots=True)
class TenantSettings:
    """What a tenant has chosen for all its jobs: how many days log records are kept."""

    log_kept_days: int = LOG_KEPT_DAYS


async def tenant_settings(tx: Tx) -> TenantSettings:
    """What the tenant has chosen, or the defaults."""
    row = await tx.one("select log_kept_days from provisioning.tenant_settings")
    return TenantSettings() if row is None else TenantSettings(**row)


async def change_tenant_settings(tx: Tx, log_kept_days: int) -> TenantSettings:
    """Keep log records for so many days from now on; older ones go with the next housekeeping. Raises Invalid."""
    if not _LEAST_DAYS <= log_kept_days <= _MOST_DAYS:
        raise Invalid(f"log_kept_days: {_LEAST_DAYS} to {_MOST_DAYS:,} days are allowed, not {log_kept_days:,}.")
    await tx.run(
        """
        insert into provisioning.tenant_settings (log_kept_days) values (%s)
        on conflict (tenant_id) do update set log_kept_days = excluded.log_kept_days
        """,
        [log_kept_days],
    )
    return TenantSettings(log_kept_days)


async def prune_history(tx: Tx, now: datetime, limit: int = _AT_ONCE) -> int:
    """Forget log records, plans and decisions about what was held back that are older than the tenant keeps them, and cycles
    after 90 days; how many went.

    At most `limit` of each in one transaction, which writes nothing that a cycle waits for. Call it until it returns 0.
    """
    kept = await tenant_settings(tx)
    gone = 0
    log_kept_for = timedelta(days=kept.log_kept_days)
    for table, kept_for, only in (
        ("log", log_kept_for, SQL("")),
        ("cycles", CYCLES_KEPT_FOR, SQL("")),
        ("stagings", log_kept_for, SQL("and t.decision is not null")),
    ):
        # Ids are ordered by time (RFC 9562 version 7), so the key finds the oldest.
        before = uuid7(int((now - kept_for).timestamp() * 1000), 0)
        gone += await tx.run(
            SQL(
                """
                delete from provisioning.{table} where (tenant_id, job_id, id) in (
                    select each.tenant_id, each.job_id, each.id from provisioning.jobs j
                    cross join lateral (
                        select tenant_id, job_id, id from provisioning.{table} t
                        where t.tenant_id = j.tenant_id and t.job_id = j.id and t.id < %(before)s {only}
                        order by t.id limit %(limit)s
                    ) as each limit %(limit)s)
                """
            ).format(table=Identifier(table), only=only),
            {"before": before, "limit": limit},
        )
    gone += await prune_plans(tx, now, log_kept_for, limit)
    if not gone:
        # A set whose last record is a day older than what is kept has none any more.
        await prune_sets(tx, (now - log_kept_for).date() - timedelta(days=2))
    return gone
