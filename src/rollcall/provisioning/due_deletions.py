"""How many disabled accounts a change of settings would have deleted at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from uuid import UUID

from rollcall.db import TenantDatabase
from rollcall.provisioning import jobs, ledger
from rollcall.provisioning.connection import Service
from rollcall.provisioning.job_settings import check_settings
from rollcall.provisioning.model import JobSettings, Json, ObjectMapping
from rollcall.provisioning.sync_schema import parse_schema


async def count_due_deletions(service: Service, tenant: UUID, job_id: UUID, changes: Mapping[str, Json]) -> int:
    """How many accounts, disabled already, the next cycle may delete with the changed settings and not with the saved ones.

    Writes nothing. Raises Invalid with every fault of the settings, NotFound.
    """
    db: TenantDatabase = service.database.tenant(tenant)
    job = await db.read(jobs.read_job, job_id)
    users = parse_schema(job.sync_schema).get("User")
    now = service.runtime.now()
    before = deleted_until(job.settings, users, now)
    after = deleted_until(check_settings({**asdict(job.settings), **changes}), users, now)
    if after is None or (before is not None and after <= before):
        return 0
    return await db.read(ledger.count_disabled_between, job_id, before, after)


def deleted_until(settings: JobSettings, users: ObjectMapping | None, now: datetime) -> datetime | None:
    """Whoever is disabled since that moment or longer is deleted (rules D1, D2); None when nobody is."""
    if users is None or not (users.enabled and users.delete) or settings.skip_out_of_scope_deletions:
        return None
    if not settings.soft_delete:
        return now
    return now - timedelta(days=settings.delete_after_days) if settings.delete_after_days else None
