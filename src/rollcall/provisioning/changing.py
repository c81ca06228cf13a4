"""What administrators change of a job: settings, credentials, mappings, held removals. Each is kept in the audit log."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from uuid import UUID

from rollcall.crypto import Sealer
from rollcall.db import Tx
from rollcall.provisioning import jobs, staging
from rollcall.provisioning.audit import keep
from rollcall.provisioning.connection import Service
from rollcall.provisioning.credential_expiry import replace_credentials
from rollcall.provisioning.job_states import schedule
from rollcall.provisioning.model import JobSettings, Json
from rollcall.provisioning.schema_changes import changes, schema_changes
from rollcall.provisioning.staging import Held
from rollcall.provisioning.sync_schema import SchemaFindings, parse_schema
from rollcall.runtime import Runtime


async def change_job_settings(
    service: Service, tenant: UUID, job_id: UUID, wanted: Mapping[str, Json], who: str
) -> JobSettings:
    """Change some settings, as `jobs.change_settings`; the audit log keeps old and new. Raises Invalid, NotFound."""
    return await service.database.tenant(tenant).write(_settings, service.runtime, job_id, wanted, who)


async def change_job_schema(service: Service, tenant: UUID, job_id: UUID, document: Json, who: str) -> SchemaFindings:
    """Replace the mappings, as `jobs.change_schema`; the audit log keeps old and new. Raises Invalid, NotFound."""
    return await service.database.tenant(tenant).write(_schema, service.runtime, job_id, document, who)


async def change_job_credentials(
    service: Service, tenant: UUID, job_id: UUID, tenant_url: str, secret_token: str, expires: datetime | None, who: str
) -> None:
    """Replace Tenant URL and Secret Token, as `replace_credentials`; of the token the audit log keeps only that it is new.

    Raises Invalid, NotFound.
    """
    write = service.database.tenant(tenant).write
    await write(_credentials, service.runtime, service.sealer, job_id, tenant_url, secret_token, expires, who)


async def allow_held(service: Service, tenant: UUID, job_id: UUID, lot: UUID | None, by: str) -> list[Held]:
    """What is held back, or this lot of it, may be sent (rule P4). Raises NotFound, and Conflict when it was decided already."""
    return await service.database.tenant(tenant).write(_allow, service.runtime, job_id, lot, by)


async def reject_held(service: Service, tenant: UUID, job_id: UUID, lot: UUID | None, by: str) -> list[Held]:
    """What is held back, or this lot of it, is not sent (rule P4). Raises NotFound, and Conflict when it was decided already."""
    return await service.database.tenant(tenant).write(_reject, service.runtime, job_id, lot, by)


async def _settings(tx: Tx, runtime: Runtime, job_id: UUID, wanted: Mapping[str, Json], who: str) -> JobSettings:
    before = (await jobs.hold_job(tx, job_id)).settings
    after = await jobs.change_settings(tx, job_id, dict(wanted))
    details = changes(asdict(before), asdict(after))
    if details:
        await keep(tx, runtime, job_id, "Update provisioning setting or credentials", who, details)
    return after


async def _schema(tx: Tx, runtime: Runtime, job_id: UUID, document: Json, who: str) -> SchemaFindings:
    before = await jobs.hold_job(tx, job_id)
    found = await jobs.change_schema(tx, job_id, document)
    details = schema_changes(parse_schema(before.sync_schema), found.mappings)
    await keep(tx, runtime, job_id, "Update attribute mappings or scope", who, details)
    return found


async def _credentials(
    tx: Tx,
    runtime: Runtime,
    sealer: Sealer,
    job_id: UUID,
    tenant_url: str,
    secret_token: str,
    expires: datetime | None,
    who: str,
) -> None:
    before = await jobs.hold_job(tx, job_id)
    await replace_credentials(tx, runtime, sealer, job_id, tenant_url, secret_token, expires)
    after = await jobs.read_job(tx, job_id)
    seen = [
        {
            "tenant_url": job.tenant_url,
            "expires": job.token_expires and job.token_expires.isoformat(),
            **asdict(job.settings),
        }
        for job in (before, after)
    ]
    token = "replaced" if after.has_token else "removed"
    details = {"secret_token": token, **changes(*seen)}
    await keep(tx, runtime, job_id, "Update provisioning setting or credentials", who, details)


async def _allow(tx: Tx, runtime: Runtime, job_id: UUID, lot: UUID | None, by: str) -> list[Held]:
    lots = await staging.allow(tx, job_id, lot, by, runtime.now())
    await schedule(tx, job_id)  # a worker sends them now
    await keep(tx, runtime, job_id, "Allow removals that were held back", by, _decided(lots))
    return lots


async def _reject(tx: Tx, runtime: Runtime, job_id: UUID, lot: UUID | None, by: str) -> list[Held]:
    lots = await staging.reject(tx, job_id, lot, by, runtime.now())
    await keep(tx, runtime, job_id, "Reject removals that were held back", by, _decided(lots))
    return lots


def _decided(lots: list[Held]) -> dict[str, Json]:
    return {
        "objects": sum(lot.objects for lot in lots),
        "memberships": sum(lot.references for lot in lots),
        "lots": ", ".join(str(lot.id) for lot in lots),
    }
