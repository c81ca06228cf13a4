"""The connection of a job to its target: the client that speaks the job's request profile, and its test."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import UUID

from rollcall.crypto import Sealer
from rollcall.db import Database
from rollcall.provisioning import jobs
from rollcall.provisioning.connectors.capabilities import Capabilities
from rollcall.provisioning.connectors.contract import Verdict
from rollcall.provisioning.connectors.scim import ScimTarget
from rollcall.provisioning.jobs import Job
from rollcall.provisioning.log_record import SCHEDULE, Initiator
from rollcall.provisioning.metrics import Metrics
from rollcall.provisioning.model import JobSettings
from rollcall.provisioning.request_profile import PROFILES, without_flags
from rollcall.provisioning.sync_schema import parse_schema
from rollcall.runtime import Runtime
from rollcall.scim_http.client import ScimClient


@dataclass(frozen=True, slots=True)
class Service:
    """What provisioning works with: the database, the machine, the key that opens stored secrets, and who measures.

    `initiator`: who has things done, as the log names them.
    """

    database: Database
    runtime: Runtime
    sealer: Sealer
    metrics: Metrics | None = None
    initiator: Initiator = SCHEDULE


@asynccontextmanager
async def open_target(
    service: Service, url: str, token: str, settings: JobSettings, capabilities: Capabilities | None = None
) -> AsyncGenerator[ScimTarget]:
    """The SCIM application at a Tenant URL, spoken to as the request profile says.

    Raises Invalid for a URL or token that can't be sent.
    """
    profile = PROFILES[settings.request_profile]
    async with ScimClient(
        without_flags(url),
        token,
        concurrency=settings.concurrency,
        accept=profile.accept,
        blank=profile.blank,
        runtime=service.runtime,
    ) as client:
        yield ScimTarget(client, service.runtime, profile, capabilities)


async def test_connection(service: Service, url: str, token: str, settings: JobSettings | None = None) -> Verdict:  # noqa: PT028 - no test
    """Test Connection (rule C4), as before saving credentials."""
    matching = {"User": "userName", "Group": "displayName"}
    settings = jobs.settings_for(jobs.check_tenant_url(url), settings or JobSettings())
    async with open_target(service, url.strip(), token, settings) as target:
        return await target.test(matching)


async def test_job(service: Service, tenant: UUID, job_id: UUID) -> Verdict:
    """Test Connection with the saved credentials and the job's own matching attributes."""
    db = service.database.tenant(tenant)
    job = await db.read(jobs.read_job, job_id)
    url, token = await db.read(jobs.credentials, service.sealer, job_id)
    rounds = matching_in_turn(job)
    if not PROFILES[job.settings.request_profile].adapts:
        rounds = rounds[:1]  # other clients ask by the first only (rule C7)
    async with open_target(service, url, token, job.settings) as target:
        verdict = await target.test(rounds[0])
        for matching in rounds[1:]:
            if verdict.ok:
                verdict = await target.test(matching)
        return verdict


def matching_in_turn(job: Job) -> list[dict[str, str]]:
    """The first matching attribute of each kind, then the second of each that has one, and so on."""
    rounds: list[dict[str, str]] = [{}]
    for kind, mapping in parse_schema(job.sync_schema).items():
        steps = [step for step in mapping.attributes if step.matching_priority > 0 and mapping.enabled]
        for place, step in enumerate(sorted(steps, key=lambda step: step.matching_priority)):
            if place == len(rounds):
                rounds.append({})
            rounds[place][kind] = step.target
    return rounds


def first_matching(job: Job) -> dict[str, str]:
    """The first matching attribute of each kind."""
    return matching_in_turn(job)[0]
