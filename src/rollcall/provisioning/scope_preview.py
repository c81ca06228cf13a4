"""Shows before saving whom a change of filters, mappings or settings brings into scope, and whom it puts out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any
from uuid import UUID

from rollcall.provisioning import jobs
from rollcall.provisioning.connection import Service
from rollcall.provisioning.connectors.contract import Source
from rollcall.provisioning.connectors.directory import DirectorySource
from rollcall.provisioning.job_settings import check_settings
from rollcall.provisioning.ledger_contract import Ledger
from rollcall.provisioning.ledger_database import DatabaseLedger
from rollcall.provisioning.mapping import compile_mapping
from rollcall.provisioning.model import Entry, JobSettings, Json
from rollcall.provisioning.scope_comparison import ScopePreview, ScopeRules, count_in, empty_preview, matters
from rollcall.provisioning.sync_schema import check_schema, with_what_was_left_out

_PAGE = 1000


async def preview_scope(
    service: Service,
    tenant: UUID,
    job_id: UUID,
    *,
    schema: Mapping[str, Any] | None = None,
    settings: Mapping[str, Json] | None = None,
) -> ScopePreview:
    """Who would enter and leave with another schema document, or other settings, than the saved ones.

    Reads the whole directory page by page, unless the change can make no difference; writes nothing. Raises Invalid
    with every fault of the schema or settings, NotFound.
    """
    db = service.database.tenant(tenant)
    job = await db.read(jobs.read_job, job_id)
    before = _rules(job.settings, job.sync_schema)
    wanted = check_settings({**asdict(job.settings), **(settings or {})})
    complete = job.sync_schema if schema is None else with_what_was_left_out(schema, job.sync_schema)
    after = _rules(wanted, complete)
    source = DirectorySource(db, job.service_principal_id, wanted.nested_groups)
    was = None
    if wanted.nested_groups != job.settings.nested_groups:
        was = DirectorySource(db, job.service_principal_id, job.settings.nested_groups)
    return await compare_scope(source, DatabaseLedger(db, job_id), before, after, was)


def _rules(settings: JobSettings, schema: Mapping[str, Any]) -> ScopeRules:
    mappings = check_schema(schema, settings.scope).mappings
    return ScopeRules(settings, {kind: compile_mapping(mapping) for kind, mapping in mappings.items()})


async def compare_scope(
    source: Source, ledger: Ledger, before: ScopeRules, after: ScopeRules, was: Source | None = None
) -> ScopePreview:
    """The same for a source: one page of it in memory at a time; `was` says how it is now, where that differs."""
    preview = empty_preview(after)
    if not matters(before, after):
        return preview
    watermark: dict[str, Any] | None = None
    while True:
        page = await source.changes(watermark, _PAGE)
        if not page.full:
            return preview
        earlier = page.entries if was is None else await was.fetch([entry.key for entry in page.entries])
        await _count_page(earlier, page.entries, ledger, before, after, preview)
        watermark = page.watermark
        if not page.more:
            return preview


async def _count_page(
    earlier: Sequence[Entry],
    entries: Sequence[Entry],
    ledger: Ledger,
    before: ScopeRules,
    after: ScopeRules,
    preview: ScopePreview,
) -> None:
    leaving = [
        key
        for old, entry in zip(earlier, entries, strict=True)
        if (key := count_in(preview, entry, before.verdict(old), after.verdict(entry))) is not None
    ]
    links = await ledger.known(leaving) if leaving else {}
    for key, link in links.items():
        if link.may_exist:
            (preview.users if key.kind == "User" else preview.groups).linked += 1
