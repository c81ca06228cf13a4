"""Finding out what a job's target can do: when it is asked, and where the answer is kept."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from rollcall.db import TenantDatabase
from rollcall.errors import Unavailable
from rollcall.provisioning import jobs
from rollcall.provisioning.capability_report import CapabilityReport, report
from rollcall.provisioning.capability_store import keep_capabilities, read_capabilities
from rollcall.provisioning.connection import Service, first_matching, open_target
from rollcall.provisioning.connectors.capabilities import Capabilities
from rollcall.provisioning.connectors.scim import ScimTarget
from rollcall.provisioning.jobs import Job
from rollcall.provisioning.request_profile import PROFILES
from rollcall.provisioning.sync_schema import parse_schema

_TRUSTED_FOR = timedelta(days=1)


async def discover_if_due(
    service: Service, db: TenantDatabase, job: Job, target: ScimTarget, asked_at: datetime | None, *, initial: bool
) -> None:
    """Ask the target what it can do: never asked since its credentials changed, or before an initial cycle and over a day ago.

    Only for the profile that adapts to its target: other clients send no such requests (rule C7).
    """
    if not PROFILES[job.settings.request_profile].adapts:
        return
    now = service.runtime.now()
    if asked_at is not None and not (initial and now - asked_at > _TRUSTED_FOR):
        return
    if await target.discover(first_matching(job)):
        await db.write(keep_capabilities, job.id, target.capabilities, now)


async def keep_what_was_learnt(db: TenantDatabase, job_id: UUID, before: Capabilities, target: ScimTarget) -> None:
    """Remember what the answers of a cycle have taught."""
    if target.capabilities != before:
        await db.write(keep_capabilities, job_id, target.capabilities)


async def capabilities_of_job(
    service: Service, tenant: UUID, job_id: UUID, *, refresh: bool = False
) -> CapabilityReport:
    """What the job's target can do; asked anew where told, or where it was never asked.

    Raises NotFound, and Unavailable when nothing answers.
    """
    db = service.database.tenant(tenant)
    job = await db.read(jobs.read_job, job_id)
    known, asked_at = await db.read(read_capabilities, job_id)
    if refresh or asked_at is None:
        url, token = await db.read(jobs.credentials, service.sealer, job_id)
        async with open_target(service, url, token, job.settings, known) as target:
            if not await target.discover(first_matching(job)):
                raise Unavailable(
                    "The application does not answer, or not to this secret token. See: rollcall job test."
                )
            known, asked_at = target.capabilities, service.runtime.now()
        await db.write(keep_capabilities, job_id, known, asked_at)
    mapped = {
        kind: [step.target for step in mapping.attributes]
        for kind, mapping in parse_schema(job.sync_schema).items()
        if mapping.enabled
    }
    return report(known, job.settings, mapped, asked_at)
