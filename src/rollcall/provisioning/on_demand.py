"""Provision on demand: chosen people and groups go down the road now, and what each step comes to is told (rules O1–O9)."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, cast
from uuid import UUID

from rollcall.db import TenantDatabase
from rollcall.errors import Conflict, Invalid, NotFound
from rollcall.provisioning import cycles, jobs
from rollcall.provisioning.capability_store import read_capabilities
from rollcall.provisioning.connection import Service, first_matching, open_target
from rollcall.provisioning.connectors.contract import Found, Refused, Target, Unanswered, Verdict
from rollcall.provisioning.connectors.directory import DirectorySource
from rollcall.provisioning.cycle import run_for
from rollcall.provisioning.demand_report import (
    DemandReport,
    DemandStep,
    Hit,
    Told,
    connection_step,
    import_step,
    not_connected,
    report_of,
    scope_step,
)
from rollcall.provisioning.explaining import unsent_road
from rollcall.provisioning.expression_values import REDACTED
from rollcall.provisioning.jobs import Job
from rollcall.provisioning.ledger import Hold, take_hold
from rollcall.provisioning.ledger_contract import Among, Commit, Ledger, ReferenceOutcome
from rollcall.provisioning.ledger_database import DatabaseLedger
from rollcall.provisioning.log_record import Initiator
from rollcall.provisioning.mapping import CompiledMapping, desired, reportable_identifier
from rollcall.provisioning.model import Entry, JobSettings, Json, Key, LogRecord, Reference, ReferenceKey, Tie
from rollcall.provisioning.rehearsal import RehearsalLedger
from rollcall.provisioning.road import Road
from rollcall.provisioning.scoping import decide
from rollcall.provisioning.service import make_road
from rollcall.provisioning.source_filter import fits, source_filter
from rollcall.provisioning.target_listing import mapped_values

_PATIENCE_SECONDS = 30.0
"""How long a demand waits for a cycle that is running (rule O1: answers come within 30 seconds)."""
_LOOK_AGAIN_SECONDS = 0.25

Watch = Callable[[Key, str, DemandStep], None]
"""Is told each step as it ends: whose, with the name, and the step."""


def nobody_watches(_key: Key, _name: str, _step: DemandStep) -> None:
    """Tells nobody."""


@dataclass(frozen=True, slots=True)
class Demanded:
    """What came of it: the cycle under which the log tells of it, and a report for each object."""

    cycle_id: str
    reports: tuple[DemandReport, ...]


async def provision_on_demand(
    service: Service,
    tenant: UUID,
    job_id: UUID,
    keys: Sequence[Key],
    *,
    members: Sequence[Key] | None = None,
    named: bool = True,
    dry_run: bool = False,
    watch: Watch = nobody_watches,
) -> Demanded:
    """Bring chosen objects in step now; with `dry_run`, tell what would be done, and write nothing anywhere.

    `members`: only these members of the chosen groups are looked at, after they have been provisioned themselves;
    without it all that are due. `named`: somebody named these objects one by one, rather than by a filter that may fit
    everybody. Guards do not hold back what is asked for by name; what a filter found, and members whom nobody named, they
    do. Quarantine and approvals hold back neither. Raises NotFound for a job or object that nobody knows, Invalid for members without a group, Conflict
    while a cycle of the job runs on and on.
    """
    groups = [key for key in keys if key.kind == "Group"]
    if members is not None and not groups:
        raise Invalid("Members are chosen for groups, and there is no group among what is to be provisioned.")
    chosen = list(dict.fromkeys([*(members or ()), *keys]))
    db = service.database.tenant(tenant)
    job = await db.read(jobs.read_job, job_id)
    if dry_run:
        async with unsent_road(service, db, job) as (road, client):
            assert hasattr(road.target, "hidden")
            road.target.hidden = client.hidden = frozenset[str]().union(
                *(each.redacted for each in road.mappings.values())
            )
            return await _demand(_Demand(road, job, chosen, groups, members, named, dry_run, watch))
    async with _alone(service, job_id):
        url, token = await db.read(jobs.credentials, service.sealer, job_id)
        cycle_id = service.runtime.new_id()
        hold = await db.write(take_hold, job_id, cycle_id)
        known, _ = await db.read(read_capabilities, job_id)
        async with open_target(service, url, token, job.settings, known) as target:
            road = make_road(service, db, job, target, str(cycle_id), hold)
            ledger = _DemandLedger(db, job_id, hold, service.initiator, _among(chosen, groups, members))
            demand = _Demand(replace(road, ledger=ledger), job, chosen, groups, members, named, dry_run, watch)
            demanded = await _demand(demand)
        await db.write(cycles.tell, job_id)
        return demanded


@asynccontextmanager
async def _alone(service: Service, job_id: UUID) -> AsyncGenerator[None]:
    """Nothing else of the job runs meanwhile. Raises Conflict when that takes too long."""
    give_up_at = service.runtime.monotonic() + _PATIENCE_SECONDS
    while True:
        async with service.database.exclusive(f"provisioning cycle {job_id}") as free:
            if free:
                yield
                return
        if service.runtime.monotonic() > give_up_at:
            raise Conflict("A cycle of this job is running; it may be doing this already. Try again in a moment.")
        await service.runtime.sleep(_LOOK_AGAIN_SECONDS)


def _among(chosen: Sequence[Key], groups: Sequence[Key], members: Sequence[Key] | None) -> Among:
    """The references that a demand is about: all of the objects it names, but of groups only those to chosen members."""
    sources = frozenset(chosen) if members is None else frozenset(chosen) - frozenset(groups)
    return Among(sources, frozenset(chosen))


@dataclass(slots=True)
class _Demand:
    """One demand on its way."""

    road: Road
    job: Job
    chosen: Sequence[Key]
    groups: Sequence[Key]
    members: Sequence[Key] | None
    named: bool
    dry_run: bool
    watch: Watch
    entries: dict[Key, Entry] = field(default_factory=dict)


async def _demand(demand: _Demand) -> Demanded:
    road = demand.road
    began = road.runtime.now()
    heard = _Heard(road.target)
    road.target = cast("Target", heard)
    road.exporter.target = road.target
    road.settings = _guarded(demand)
    records: list[LogRecord] = []
    if demand.dry_run:
        road.ledger = await _rehearsal(road, demand)
    cast("_DemandLedger | _DemandRehearsal", road.ledger).told = records
    demand.entries = {entry.key: entry for entry in await road.source.fetch(demand.chosen)}
    await _check_known(demand)
    verdict = await heard.test(first_matching(demand.job))
    if not verdict.ok:
        return _not_connected(demand, verdict)
    early = {key: _early_steps(demand, entry) for key, entry in demand.entries.items()}
    heard.found.clear()
    await run_for(road, demand.chosen, await _chosen_ties(demand), named=demand.named)
    reports = await _reports(demand, records, heard, early, began)
    return Demanded(road.cycle_id, tuple(reports))


def _guarded(demand: _Demand) -> JobSettings:
    """The job's settings without the guards that do not stand in the way of what was named one by one."""
    settings = demand.road.settings
    if not demand.named:
        return settings
    settings = replace(
        settings, deletion_threshold=None, deletion_percent=None, deletions_per_day=None, source_anomaly_check=False
    )
    # Of a group all members that are due are taken out, whom nobody named.
    if demand.groups and demand.members is None:
        return settings
    return replace(settings, membership_removal_threshold=None)


async def _check_known(demand: _Demand) -> None:
    """Raises NotFound for ids that neither the source nor the job knows."""
    gone = [key for key, entry in demand.entries.items() if entry.state == "gone"]
    known = await demand.road.ledger.known(gone) if gone else {}
    if unknown := [key for key in gone if key not in known]:
        names = ", ".join(f"{key.kind.lower()} {key.id}" for key in unknown[:5])
        raise NotFound(f"Neither the source nor the job knows {names}.")


def _not_connected(demand: _Demand, verdict: Verdict) -> Demanded:
    reports = []
    for key, entry in demand.entries.items():
        step = connection_step(verdict.code, verdict.message, demand.road.runtime.now())
        name = reportable_identifier(entry)
        demand.watch(key, name, step)
        reports.append(not_connected(key, name, step, dry_run=demand.dry_run))
    return Demanded(demand.road.cycle_id, tuple(reports))


def _early_steps(demand: _Demand, entry: Entry) -> tuple[DemandStep, ...]:
    """Import and scope, which the road decides in the same way from the same values."""
    road, now = demand.road, demand.road.runtime.now()
    compiled = road.mappings.get(entry.key.kind)
    steps = [import_step(entry, compiled, now)]
    if compiled is not None and compiled.mapping.enabled:
        steps.append(scope_step(decide(entry, road.settings, compiled.filters), now))
    for step in steps:
        demand.watch(entry.key, reportable_identifier(entry), step)
    return tuple(steps)


async def _chosen_ties(demand: _Demand) -> Sequence[Tie]:
    """Whether each chosen member is one, asked one by one: a group may have a hundred thousand others."""
    ties = []
    for group in demand.groups if demand.members is not None else ():
        for member in demand.members or ():
            before = str(UUID(int=max(UUID(member.id).int - 1, 0)))
            found = await demand.road.source.members(group.id, before, 1)
            ties.append(Tie(ReferenceKey(group, "members", member), member in found))
    return ties


async def _reports(
    demand: _Demand,
    records: Sequence[LogRecord],
    heard: _Heard,
    early: Mapping[Key, tuple[DemandStep, ...]],
    began: datetime,
) -> list[DemandReport]:
    """A report for each chosen object, and for each that had to change with them, as in a ring of names."""
    road = demand.road
    others = list(dict.fromkeys(record.key for record in records if record.key not in early))
    entries = {**demand.entries, **{entry.key: entry for entry in (await road.source.fetch(others) if others else ())}}
    links = await road.ledger.known(list(entries))
    reports = []
    for key, entry in entries.items():
        compiled = road.mappings.get(key.kind)
        is_mapped = compiled is not None and compiled.mapping.enabled
        scope = decide(entry, road.settings, compiled.filters) if is_mapped and compiled is not None else None
        link = links.get(key)
        told = Told(
            entry=entry,
            scope=scope,
            early=early[key] if key in early else _early_steps(demand, entry),
            hits=() if compiled is None or scope is None else _hits(road, entry, compiled, heard),
            known_id=None if link is None else link.target_id,
            records=tuple(record for record in records if record.key == key),
            began=began,
            ended=road.runtime.now(),
            dry_run=demand.dry_run,
            held=not demand.named and link is not None and link.staged == "held",
        )
        report = report_of(told)
        for step in report.steps[len(told.early) :]:
            demand.watch(key, report.name, step)
        reports.append(report)
    return reports


def _hits(road: Road, entry: Entry, compiled: CompiledMapping, heard: _Heard) -> tuple[Hit, ...]:
    """What was found for each matching attribute that was asked for."""
    wanted = desired(entry, decide(entry, road.settings, compiled.filters), compiled, road.context())
    hits = []
    for attribute, value in wanted.matching:
        answer = heard.found.get((entry.key.kind, attribute, str(value)))
        if answer is None:
            continue
        shown = REDACTED if attribute in compiled.redacted else value
        if isinstance(answer, Found):
            hits.append(Hit(attribute, shown, tuple(_properties(row, compiled) for row in answer.resources)))
        else:
            hits.append(Hit(attribute, shown, problem=answer.reason))
    return tuple(hits)


def _properties(row: Mapping[str, Json], compiled: CompiledMapping) -> dict[str, Json]:
    values = mapped_values(row, compiled)
    shown = {path: REDACTED if path in compiled.redacted else value for path, value in values.items()}
    return {"id": row.get("id"), **{path: value for path, value in shown.items() if value is not None}}


class _Heard:
    """A target whose answers to look-ups are kept; everything goes to the real one."""

    def __init__(self, target: Target) -> None:
        object.__setattr__(self, "target", target)
        object.__setattr__(self, "found", {})

    target: Target
    found: dict[tuple[str, str, str], Found | Refused | Unanswered]

    def __getattr__(self, name: str) -> Any:
        return getattr(self.target, name)

    def __setattr__(self, name: str, value: object) -> None:
        setattr(self.target, name, value)

    async def test(self, matching: Mapping[str, str]) -> Verdict:
        return await self.target.test(matching)

    async def find(self, kind: str, attribute: str, value: Json) -> Found | Refused | Unanswered:
        answer = await self.target.find(kind, attribute, value)
        self.found[kind, attribute, str(value)] = answer
        return answer


class _DemandLedger(DatabaseLedger):
    """The job's ledger as far as a demand goes: of references only those it is about; its log records are kept."""

    def __init__(self, db: TenantDatabase, job_id: UUID, hold: Hold | None, initiator: Initiator, among: Among) -> None:
        super().__init__(db, job_id, hold, initiator, among)
        self.told: list[LogRecord] = []
        self._of = among

    async def commit(self, commit: Commit) -> None:
        await super().commit(commit)
        self.told.extend(commit.log)

    async def commit_references(self, outcome: ReferenceOutcome) -> None:
        await super().commit_references(outcome)
        self.told.extend(outcome.log)

    async def groups_with_pending_members(self, limit: int) -> list[Key]:
        return await pending_among(self, self._of, limit)


class _DemandRehearsal(RehearsalLedger):
    """The same for a dry run: nothing of it is kept."""

    def __init__(self, real: Ledger, among: Among) -> None:
        super().__init__(real)
        self.told: list[LogRecord] = []
        self._among = among

    async def begin_with(self, ends: Collection[Key]) -> None:
        """Take over the position, and what starts or ends at these objects."""
        self.take_over(await self._real.position(), (), ())
        await self._take_references(ends)

    def _removed_references(self, now: datetime) -> list[ReferenceKey]:
        return [key for key in super()._removed_references(now) if self._among.holds(key)]

    def _note(self, log: Sequence[LogRecord]) -> None:
        self.told.extend(log)

    async def commit_references(self, outcome: ReferenceOutcome) -> None:
        await super().commit_references(outcome)
        self.told.extend(outcome.log)

    async def groups_with_pending_members(self, limit: int) -> list[Key]:
        return await pending_among(self, self._among, limit)

    async def due_references(self, now: datetime, limit: int) -> list[Reference]:
        return [row for row in await super().due_references(now, limit) if self._among.holds(row.key)]


async def pending_among(ledger: Ledger, among: Among, limit: int) -> list[Key]:
    """The groups of a demand whose whole list of members is still to be compared."""
    links = await ledger.known([key for key in among.sources if key.kind == "Group"])
    return sorted(key for key, link in links.items() if link.members_pending)[:limit]


async def _rehearsal(road: Road, demand: _Demand) -> _DemandRehearsal:
    among = _among(demand.chosen, demand.groups, demand.members)
    ledger = _DemandRehearsal(road.ledger, among)
    await ledger.begin_with(sorted(among.sources))
    return ledger


async def choose_by_filter(service: Service, tenant: UUID, job_id: UUID, kind: str, text: str) -> list[Key]:
    """The users or groups whose attributes fit a filter, read page by page.

    Raises Invalid for a filter that can't be used, NotFound when nobody fits.
    """
    predicate = source_filter(kind, text)
    db = service.database.tenant(tenant)
    job = await db.read(jobs.read_job, job_id)
    source = DirectorySource(db, job.service_principal_id, job.settings.nested_groups)
    found: list[Key] = []
    watermark: dict[str, Any] | None = None
    while True:
        page = await source.changes(watermark, job.settings.page_size)
        found.extend(entry.key for entry in page.entries if entry.key.kind == kind and fits(entry, predicate))
        watermark = page.watermark
        if not page.more or not page.full:
            break
    if not found:
        raise NotFound(f"No {kind.lower()} fits the filter {text!r}.")
    return list(dict.fromkeys(found))
