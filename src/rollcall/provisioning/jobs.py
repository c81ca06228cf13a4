"""Jobs as rows: create, find, credentials, settings, mappings."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from psycopg.errors import UniqueViolation
from psycopg.types.json import Jsonb

from rollcall.crypto import Sealer
from rollcall.db import Tx
from rollcall.errors import Conflict, Invalid, NotFound
from rollcall.provisioning.defaults import TEMPLATES, schema_of
from rollcall.provisioning.health import Quarantine
from rollcall.provisioning.job_settings import DECIDING, check_settings, settings_of
from rollcall.provisioning.job_states import (
    JobState,
    drop_watermark,
    lift_quarantine,
    quarantine_of,
    schedule,
    set_state,
)
from rollcall.provisioning.model import JobSettings, Json
from rollcall.provisioning.request_profile import flagged_profile
from rollcall.provisioning.sync_schema import SchemaFindings, check_schema, with_what_was_left_out
from rollcall.runtime import Runtime

PROGRESS_CHANNEL = "rollcall_provisioning"
"""Notifications of cycles that began, made progress or ended. The payload is the job's id."""
_COLUMNS = """id, service_principal_id, display_name, template, tenant_url, sealed_token is not null as has_token,
    settings, sync_schema, state, watermark is null as starts_over, created, quarantine, resume_at, token_expires"""


@dataclass(frozen=True, slots=True)
class Job:
    """One connection of one application to one target, without its secret."""

    id: UUID
    service_principal_id: UUID
    display_name: str
    template: str
    tenant_url: str | None
    has_token: bool
    settings: JobSettings
    sync_schema: dict[str, Any]
    state: JobState
    starts_over: bool
    created: datetime
    quarantine: Quarantine | None = None
    resume_at: datetime | None = None
    token_expires: datetime | None = None


def check_tenant_url(url: str) -> str:
    """The Tenant URL without blanks around it. Raises Invalid for what is no http or https address."""
    url = url.strip()
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise Invalid(f"The Tenant URL {url!r} is no http or https address.")
    if parts.username or parts.password:
        raise Invalid("The Tenant URL carries a user or password; the secret token has its own field.")
    return url


def settings_for(tenant_url: str, settings: JobSettings) -> JobSettings:
    """The settings with the request profile that the flag in the Tenant URL asks for, where none was chosen (rule C1)."""
    flagged = flagged_profile(tenant_url)
    return replace(settings, request_profile=flagged) if flagged and settings.request_profile == "rfc" else settings


@dataclass(frozen=True, slots=True)
class NewJob:
    """What is needed to make a job."""

    service_principal_id: UUID
    display_name: str
    tenant_url: str
    secret_token: str
    template: str = "scim"
    settings: JobSettings = JobSettings()  # noqa: RUF009 - frozen, so it may be shared


async def create_job(tx: Tx, runtime: Runtime, sealer: Sealer, new: NewJob) -> UUID:
    """Make a job in state Disabled, with the mappings of its template and its secret sealed.

    Raises Invalid for a bad Tenant URL, template or setting, Conflict when the name is taken.
    """
    if new.template not in TEMPLATES:
        raise Invalid(f"There is no template {new.template!r}; there are {', '.join(sorted(TEMPLATES))}.")
    settings = settings_for(new.tenant_url, check_settings(asdict(new.settings)))
    job_id = runtime.new_id()
    try:
        await tx.run(
            """
            insert into provisioning.jobs
                (id, service_principal_id, display_name, template, tenant_url, sealed_token, settings, sync_schema)
            values (%s, %s, %s, %s, %s, %s, %s, %s)
            """,
            [
                job_id,
                new.service_principal_id,
                new.display_name,
                new.template,
                check_tenant_url(new.tenant_url),
                sealer.seal(new.secret_token, _context(job_id)) if new.secret_token else None,
                Jsonb(asdict(settings)),
                Jsonb(schema_of(new.template, _schema_id(tx.tenant, job_id))),
            ],
        )
    except UniqueViolation:
        raise Conflict(f"There is a job named {new.display_name!r} already. Choose another name.") from None
    return job_id


def _context(job_id: UUID) -> str:
    return f"provisioning.jobs:{job_id}"


async def find_job(tx: Tx, wanted: str) -> Job:
    """The job with this id or display name; with a single job, "" finds it. Raises NotFound naming what there is."""
    jobs = await list_jobs(tx)
    if not wanted and len(jobs) == 1:
        return jobs[0]
    folded = wanted.casefold()
    for job in jobs:
        if folded in (str(job.id), job.display_name.casefold()):
            return job
    names = ", ".join(f"{job.display_name} ({job.id})" for job in jobs[:10]) or "none yet"
    raise NotFound(f"There is no job {wanted!r}. Jobs: {names}.")


async def read_job(tx: Tx, job_id: UUID) -> Job:
    """One job by its id. Raises NotFound."""
    row = await tx.one(f"select {_COLUMNS} from provisioning.jobs where id = %s", [job_id])
    if row is None:
        raise NotFound(f"There is no job {job_id}.")
    return _job(row)


async def hold_job(tx: Tx, job_id: UUID) -> Job:
    """One job, which nobody else changes until this transaction ends. Raises NotFound."""
    row = await tx.one(f"select {_COLUMNS} from provisioning.jobs where id = %s for no key update", [job_id])
    if row is None:
        raise NotFound(f"There is no job {job_id}.")
    return _job(row)


async def list_jobs(tx: Tx) -> list[Job]:
    """All jobs of the tenant by name."""
    return [_job(row) for row in await tx.all(f"select {_COLUMNS} from provisioning.jobs order by display_name")]


def _job(row: dict[str, Any]) -> Job:
    return Job(**{**row, "settings": settings_of(row["settings"]), "quarantine": quarantine_of(row["quarantine"])})


async def credentials(tx: Tx, sealer: Sealer, job_id: UUID) -> tuple[str, str]:
    """Tenant URL and secret token. Raises NotFound, and Unavailable when the seal can't be opened."""
    row = await tx.one("select tenant_url, sealed_token from provisioning.jobs where id = %s", [job_id])
    if row is None:
        raise NotFound(f"There is no job {job_id}.")
    token = "" if row["sealed_token"] is None else sealer.open(bytes(row["sealed_token"]), _context(job_id))
    return row["tenant_url"], token


async def set_credentials(tx: Tx, sealer: Sealer, job_id: UUID, tenant_url: str, secret_token: str) -> None:
    """Replace Tenant URL and secret token; what is known of the target's capabilities, and of the token's end, is out of date.

    A flag that the old URL did not have chooses the request profile again (rule C1). Raises Invalid, NotFound.
    """
    job, url = await read_job(tx, job_id), check_tenant_url(tenant_url)
    settings = job.settings
    if flagged_profile(job.tenant_url or "") is None:
        settings = settings_for(url, settings)
    sealed = sealer.seal(secret_token, _context(job_id)) if secret_token else None
    await tx.run(
        """
        update provisioning.jobs set tenant_url = %s, sealed_token = %s, settings = %s, capabilities = null,
            capabilities_at = null, token_expires = null, token_expiry_told = null, modified = now()
        where id = %s
        """,
        [url, sealed, Jsonb(asdict(settings)), job_id],
    )
    if job.quarantine is not None and job.quarantine.reason == "EncounteredQuarantineException":
        await lift_quarantine(tx, job_id)  # what it was about may be over: the next cycle shows it
    await schedule(tx, job_id)


async def change_settings(tx: Tx, job_id: UUID, changes: dict[str, Json]) -> JobSettings:
    """Change some settings. One that decides about objects drops the watermark: everything is evaluated again.

    Raises Invalid, NotFound.
    """
    job = await read_job(tx, job_id)
    settings = check_settings({**asdict(job.settings), **changes})
    if settings.scope != job.settings.scope:
        check_schema(job.sync_schema, settings.scope)  # role functions don't go with every scope (rule S10)
    await tx.run(
        "update provisioning.jobs set settings = %s, modified = now() where id = %s", [Jsonb(asdict(settings)), job_id]
    )
    if any(getattr(settings, name) != getattr(job.settings, name) for name in DECIDING):
        await drop_watermark(tx, job_id)
    await schedule(tx, job_id)
    return settings


async def change_schema(tx: Tx, job_id: UUID, document: Json) -> SchemaFindings:
    """Replace the mappings; the next cycle is an initial one (rule Y4). What flowTypes leaves out stays as it is.

    Raises Invalid with every fault, NotFound. The warnings are in the result.
    """
    job = await read_job(tx, job_id)
    complete = with_what_was_left_out(document, job.sync_schema)
    findings = check_schema(complete, job.settings.scope)
    await tx.run(
        "update provisioning.jobs set sync_schema = %s, modified = now() where id = %s", [Jsonb(complete), job_id]
    )
    await drop_watermark(tx, job_id)
    await schedule(tx, job_id)
    return findings


def default_schema(tenant: UUID, job: Job) -> dict[str, Any]:
    """The mappings of the job's template, as it began with them (rule A14)."""
    return schema_of(job.template, _schema_id(tenant, job.id))


def _schema_id(tenant: UUID, job_id: UUID) -> str:
    return f"scim.{tenant.hex}.{job_id}"


async def delete_job(tx: Tx, job_id: UUID) -> None:
    """Remove a job with everything it remembers; nothing is sent to the target. Raises NotFound."""
    await set_state(tx, job_id, "Disabled")
    await tx.run("delete from provisioning.jobs where id = %s", [job_id])
