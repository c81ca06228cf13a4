"""Explains one object of a job, now or at a past moment; writes nothing, neither here nor in the target."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from rollcall.db import TenantDatabase
from rollcall.errors import Invalid, NotFound
from rollcall.provisioning import explained, jobs, object_records
from rollcall.provisioning.capability_store import read_capabilities
from rollcall.provisioning.connection import Service
from rollcall.provisioning.connectors.directory import DirectorySource
from rollcall.provisioning.explained import ExplainedObject, NextStep, ReferenceFacts
from rollcall.provisioning.exporter import Exporter
from rollcall.provisioning.expression_values import REDACTED
from rollcall.provisioning.jobs import Job
from rollcall.provisioning.ledger_contract import KeptReference
from rollcall.provisioning.log_retention import tenant_settings
from rollcall.provisioning.mapping import CompiledMapping, reportable_identifier
from rollcall.provisioning.mapping_explain import MappedValue, explain_mapping
from rollcall.provisioning.model import Entry, Key, Link, LogRecord, Scope
from rollcall.provisioning.page import run_page
from rollcall.provisioning.reference_pass import send_due_references, take_pending_members
from rollcall.provisioning.rehearsal import RehearsalLedger
from rollcall.provisioning.request_profile import PROFILES, without_flags
from rollcall.provisioning.road import Road
from rollcall.provisioning.scoping import decide, is_active
from rollcall.provisioning.service import make_road
from rollcall.provisioning.unsent import UnsentClient, UnsentTarget

_RECORDS = 200
_REFERENCES = 100


async def explain_object(
    service: Service, tenant: UUID, job_id: UUID, key: Key, at: datetime | None = None
) -> ExplainedObject:
    """Why an object is what it is in the target of a job: now, or as the log tells it of the past moment `at`.

    A target that can't be asked leaves the rest as it is. Raises NotFound for a job, and for an object that neither
    the source nor the job knows; Invalid for a moment to come.
    """
    db = service.database.tenant(tenant)
    job = await db.read(jobs.read_job, job_id)
    now = service.runtime.now()
    if at is None:
        return await _explain_now(service, db, job, key, now)
    if at > now:
        raise Invalid("That moment is still to come. rollcall job plan shows what the next cycle would do.")
    return await _explain_past(db, job, key, at, now)


async def _explain_past(db: TenantDatabase, job: Job, key: Key, at: datetime, now: datetime) -> ExplainedObject:
    records = await db.read(object_records.records_until, job.id, key, at, _RECORDS)
    own = [record for record in records if explained.is_about_the_object(record)]
    record = explained.past_step(own[0]) if own else None
    sent = next((each for each in records if explained.was_sent(each)), None)
    first = None if records else await db.read(object_records.first_record_after, job.id, key, at)
    kept_since = now - timedelta(days=(await db.read(tenant_settings)).log_kept_days)
    why_not = "" if records else explained.silence(at, job.created, kept_since, first)
    known = records[0] if records else first
    scoping = next(
        (step for step in (own[0]["steps"] if own else ()) if step["provisioningStepType"] == "scoping"), None
    )
    return ExplainedObject(
        job_id=str(job.id),
        job=job.display_name,
        key=key,
        name=known["name"] if known is not None else await _name_in_source(db, job, key),
        at=at,
        past=True,
        verdict=why_not or (str(scoping["description"]) if scoping is not None else ""),
        record=record,
        last=None if sent is None else explained.past_step(sent),
        values=explained.values_told(key.kind, records),
        silence=why_not,
    )


async def _name_in_source(db: TenantDatabase, job: Job, key: Key) -> str:
    (entry,) = await DirectorySource(db, job.service_principal_id, job.settings.nested_groups).fetch([key])
    return reportable_identifier(entry)


async def _explain_now(service: Service, db: TenantDatabase, job: Job, key: Key, now: datetime) -> ExplainedObject:
    async with unsent_road(service, db, job) as (road, client):
        (entry,) = await road.source.fetch([key])
        records = await db.read(object_records.records_until, job.id, key, now, _RECORDS)
        link = (await road.ledger.known([key])).get(key)
        if entry.state == "gone" and link is None and not records:
            raise NotFound(f"Neither the source nor the job knows {key.kind.lower()} {key.id}.")
        lot = None if link is None or link.staging is None else await road.ledger.lot(link.staging)
        compiled = road.mappings.get(key.kind)
        scope = None
        step = None
        if compiled is not None and compiled.mapping.enabled:
            scope = decide(entry, job.settings, compiled.filters)
            assert isinstance(road.target, UnsentTarget), "the road was made for it"
            road.target.hidden = client.hidden = compiled.redacted
            step = await _rehearsed(road, client, key, entry, scope)
            if link is not None and link.withheld and not await _reads_everything(road):
                step = explained.held_back(step, lot)
        counts = await db.read(object_records.count_references, job.id, key)
        sent = next((record for record in records if explained.was_sent(record)), None)
        hidden: Collection[str] = () if compiled is None else compiled.redacted
        waits = compiled is not None and compiled.mapping.delete and not job.settings.skip_out_of_scope_deletions
        days = job.settings.delete_after_days if waits else 0
        nothing_flows = "" if scope is None else explained.nothing_flows(scope, link, key.kind)
        facts = None if link is None else explained.link_facts(link, records, hidden, REDACTED, days)
        if facts is not None and facts.withheld and lot is not None:
            facts = replace(facts, held_because=lot.objection.because)
        return ExplainedObject(
            job_id=str(job.id),
            job=job.display_name,
            key=key,
            name=_name(entry, link, records),
            at=now,
            past=False,
            verdict=explained.verdict_of(scope, link, step, key.kind),
            source=explained.source_facts(entry, active=is_active(entry)),
            scope=scope,
            mappings=() if scope is None or compiled is None else _mapped(road, entry, scope, compiled, nothing_flows),
            nothing_flows=nothing_flows,
            link=facts,
            references=await _references(db, job, road, key, entry),
            references_present=counts["present"],
            references_open=counts["open"],
            next=step,
            last=None if sent is None else explained.past_step(sent),
        )


async def _reads_everything(road: Road) -> bool:
    """Whether the next cycle looks at every object again, also at those whose removal is held back."""
    position = await road.ledger.position()
    return position.watermark is None or position.reading_full


def _name(entry: Entry, link: Link | None, records: Sequence[Mapping[str, Any]]) -> str:
    name = reportable_identifier(entry)
    if name != entry.key.id:
        return name
    return (link.name if link is not None else "") or (records[0]["name"] if records else "") or name


def _mapped(
    road: Road, entry: Entry, scope: Scope, compiled: CompiledMapping, nothing_flows: str
) -> tuple[MappedValue, ...]:
    if entry.state == "gone":
        return ()
    mapped = explain_mapping(entry, scope, compiled, road.context())
    return tuple(replace(each, verdict=nothing_flows, failed=False) for each in mapped) if nothing_flows else mapped


@asynccontextmanager
async def unsent_road(service: Service, db: TenantDatabase, job: Job) -> AsyncGenerator[tuple[Road, UnsentClient]]:
    """The job's road with a target that is asked and not written to."""
    url, token = await db.read(jobs.credentials, service.sealer, job.id)
    profile = PROFILES[job.settings.request_profile]
    async with UnsentClient(
        without_flags(url), token, accept=profile.accept, blank=profile.blank, runtime=service.runtime
    ) as client:
        known, _ = await db.read(read_capabilities, job.id)
        target = UnsentTarget(client, service.runtime, profile, known)
        yield make_road(service, db, job, target, "explain"), client


class _Rehearsal(RehearsalLedger):
    """A rehearsal that notes every record, of objects in step too, and begins with what concerns one object."""

    def _note(self, log: Sequence[LogRecord]) -> None:
        self.records.extend(log)

    async def begin_with(self, references: Sequence[KeptReference]) -> None:
        self.take_over(await self._real.position(), (), references)
        await self._take_links(object_records.ends(references))


async def _rehearsed(road: Road, client: UnsentClient, key: Key, entry: Entry, scope: Scope) -> NextStep:
    """What the next cycle would do to this object if it were alone."""
    ledger = _Rehearsal(road.ledger)
    due = [kept for kept in await road.ledger.references_at([key]) if kept.due] if key.kind == "User" else []
    await ledger.begin_with(due)
    exporter = Exporter(road.target, road.runtime, 1, requests_per_second=road.settings.requests_per_second)
    alone = replace(road, ledger=ledger, exporter=exporter)
    alone.position = await ledger.position()
    await run_page(alone, [entry], (), None)
    if key.kind == "Group":
        await take_pending_members(alone)
    await send_due_references(alone)
    records = [record for record in ledger.records if record.key == key]
    stopped = None if exporter.stopped is None else exporter.stopped.reason
    return explained.next_step(records, client.unsent, scope, ledger.links.get(key), stopped)


async def _references(db: TenantDatabase, job: Job, road: Road, key: Key, entry: Entry) -> tuple[ReferenceFacts, ...]:
    """What starts or ends at the object, those first that wait, each with the names of its ends."""
    kept = await db.read(object_records.references_of, job.id, key, _REFERENCES)
    others = object_records.ends(kept)
    links = await road.ledger.known(others)
    names = {end: link.name for end, link in links.items() if link.name}
    unnamed = [end for end in others if end not in names]
    names |= {each.key: reportable_identifier(each) for each in (await road.source.fetch(unnamed) if unnamed else ())}
    names[key] = reportable_identifier(entry)
    kinds = {kind for kind, compiled in road.mappings.items() if compiled.mapping.enabled}
    return tuple(explained.reference_facts(each, links, names, kinds) for each in kept)
