"""Start, pause and restart against a real ledger and a target in memory (rules Q6, Y3, E5 and table 10)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from random import Random  # noqa: TID251 - seeded
from typing import Any
from uuid import UUID

import pytest
from psycopg.types.json import Jsonb

from rollcall.db import TenantDatabase, Tx
from rollcall.errors import NotFound
from rollcall.provisioning import job_states, jobs
from rollcall.provisioning.assessing import CycleEnd, conclude_cycle
from rollcall.provisioning.connectors.contract import Refused, Unanswered
from rollcall.provisioning.connectors.fake import FakeSource, FakeTarget
from rollcall.provisioning.cycle import CycleResult, run_cycle
from rollcall.provisioning.cycles import begin_cycle, standing
from rollcall.provisioning.defaults import CUSTOM_SCHEMA
from rollcall.provisioning.exporter import Exporter
from rollcall.provisioning.expression import Context
from rollcall.provisioning.ledger import take_hold
from rollcall.provisioning.ledger_database import DatabaseLedger
from rollcall.provisioning.mapping import compile_mapping
from rollcall.provisioning.model import Entry, JobSettings, Key, Problem
from rollcall.provisioning.reset_scope import parse_reset_scope
from rollcall.provisioning.road import Counts, Road
from rollcall.provisioning.sync_schema import parse_schema
from rollcall.runtime import uuid7
from tests.simulation.clock import VirtualRuntime
from tests.unit.provisioning.builders import ADA, BOB, RED, entry

MAPPINGS = {kind: compile_mapping(mapping) for kind, mapping in parse_schema(CUSTOM_SCHEMA).items()}
REFUSED = Refused("UnprocessableEntity", "Not like this.", 422)
LOST = Unanswered("Timeout", "No answer came.")
HOUR = timedelta(hours=1)


class OrderedRuntime(VirtualRuntime):
    """Virtual time whose ids are ordered by it, as real ones are."""

    def __init__(self) -> None:
        super().__init__(Random(1))
        self._count = 0

    def new_id(self) -> UUID:
        self._count += 1
        return uuid7(int(self.time.timestamp() * 1000), self._count << 62 | self.chance().getrandbits(62))


async def insert_job(tx: Tx, job_id: UUID) -> None:
    """A job with the default mappings, running."""
    await tx.run(
        "insert into provisioning.jobs (id, service_principal_id, display_name, template, sync_schema, settings)"
        " values (%s, %s, %s, 'scim', %s, %s)",
        [job_id, job_id, str(job_id), Jsonb(CUSTOM_SCHEMA), Jsonb({"interval_seconds": 2400})],
    )


@dataclass
class LedgerJob:
    """A job of the database between a source and a target in memory, its cycles run by hand in virtual time."""

    db: TenantDatabase
    id: UUID
    runtime: OrderedRuntime = field(default_factory=OrderedRuntime)

    def __post_init__(self) -> None:
        self.source, self.answers = FakeSource(), dict[str, list[Any]]()
        self.target = FakeTarget(self._fault)

    async def _fault(self, moment: str) -> Any:
        waiting = self.answers.get(moment)
        return waiting.pop(0) if waiting else None

    async def cycle(self) -> CycleResult:
        """Run one cycle to its end."""
        self.target.requests.clear()
        cycle_id = self.runtime.new_id()
        hold = await self.db.write(take_hold, self.id, cycle_id)
        runtime = self.runtime
        result = await run_cycle(
            Road(
                settings=JobSettings(),
                mappings=MAPPINGS,
                source=self.source,
                target=self.target,
                ledger=DatabaseLedger(self.db, self.id, hold),
                runtime=runtime,
                exporter=Exporter(self.target, runtime, 4),
                context=lambda: Context(
                    now=runtime.now(), new_guid=lambda: str(runtime.new_id()), random=runtime.chance()
                ),
                cycle_id=str(cycle_id),
                verify=True,
                force_deletes=await self.db.read(job_states.has_force_deletes, self.id),
            )
        )
        await self.conclude(result.counts, result.problem)
        return result

    async def conclude(self, counts: Counts, problem: Problem | None = None, **more: Any) -> None:
        """A cycle that ends so."""
        cycle_id = self.runtime.new_id()
        await self.db.write(begin_cycle, self.id, cycle_id, "incremental", self.runtime.now())
        await self.db.write(conclude_cycle, self.runtime, self.id, cycle_id, CycleEnd(counts, problem, **more))

    async def restart(self, scope: str) -> None:
        """Restart with a scope as it is written."""
        await self.db.write(job_states.restart, self.id, parse_reset_scope(scope))

    async def job(self) -> jobs.Job:
        """The job as it is kept."""
        return await self.db.read(jobs.read_job, self.id)

    def names(self, kind: str = "User") -> Sequence[str]:
        """The names of the target's resources."""
        return sorted(each.get("userName") or each["displayName"] for each in self.target.resources[kind].values())

    def account(self, name: str) -> dict[str, Any]:
        """The target's user of that name."""
        users = self.target.resources["User"].values()
        return next(user for user in users if user["userName"] == f"{name}@example.org")

    def members(self) -> set[str]:
        """The names of the members of the only group."""
        (group,) = self.target.resources["Group"].values()
        users = self.target.resources["User"]
        return {users[row["value"]]["userName"].partition("@")[0] for row in group.get("members", [])}

    async def waits_until(self) -> dict[str, Any] | None:
        """What the scheduler knows of the job."""
        return await self.db.read(scheduled, self.id)


async def scheduled(tx: Tx, job_id: UUID) -> dict[str, Any] | None:
    """What the scheduler knows of a job."""
    return await tx.one(
        "select interval_seconds, not_before, next_due from queue.provisioning_schedule where job_id = %s", [job_id]
    )


@pytest.fixture
async def job(tenant_db: TenantDatabase) -> LedgerJob:
    """A running job whose target has Ada and Bob in the group Red."""
    job = LedgerJob(tenant_db, UUID(int=Random().getrandbits(128)))
    await tenant_db.write(insert_job, job.id)
    for each in (ADA, BOB, RED):
        job.source.put(entry(each))
    for member in (ADA, BOB):
        job.source.join("red", member)
    await tenant_db.write(job_states.set_state, job.id, "Active")
    await job.cycle()
    assert (job.names(), job.members()) == (["ada@example.org", "bob@example.org"], {"ada", "bob"})
    return job


def leaver(key: Key) -> Entry:
    """Somebody who is not assigned any more."""
    return replace(entry(key), assigned=False)


async def test_a_pause_keeps_the_watermark_and_takes_the_job_out_of_the_schedule(job: LedgerJob) -> None:
    """Y3."""
    before = (await job.job()).starts_over

    await job.db.write(job_states.set_state, job.id, "Paused")

    assert await job.waits_until() is None
    assert ((await job.job()).state, (await job.job()).starts_over) == ("Paused", before)
    await job.db.write(job_states.set_state, job.id, "Active")
    assert (await job.cycle()).counts.requests == 0


async def test_the_watermark_alone_has_everybody_looked_at_again(job: LedgerJob) -> None:
    """10 Watermark: links stay, so nobody is matched or made."""
    await job.restart("Watermark")

    result = await job.cycle()

    assert (result.kind, result.counts.in_step, result.counts.created) == ("initial", 3, 0)
    assert {request for request, _ in job.target.requests} <= {"list", "read", "update"}


async def test_emptied_escrows_are_not_tried_again_before_the_object_changes(job: LedgerJob) -> None:
    """E5, 10 Escrows."""
    job.answers["before create"] = [REFUSED, REFUSED]
    job.source.put(entry(Key("User", "cem")))
    await job.cycle()
    assert (await job.db.read(standing, job.id)).escrowed == 1

    await job.restart("Escrows")
    await job.runtime.sleep(86_400)
    result = await job.cycle()

    assert (result.kind, result.counts.requests) == ("incremental", 0)
    assert (await job.db.read(standing, job.id)).escrowed == 0
    job.answers.clear()
    job.source.put(entry(Key("User", "cem")))
    assert (await job.cycle()).counts.created == 1


async def test_emptied_escrows_keep_what_may_have_been_made_without_our_knowing(job: LedgerJob) -> None:
    """10 Escrows: what is uncertain is not a failure that may be forgotten."""
    await _make_unanswered(job)

    await job.restart("Escrows")
    await job.cycle()

    assert job.names().count("cem@example.org") == 1
    assert (await job.db.read(standing, job.id)).uncertain == 0


async def _make_unanswered(job: LedgerJob) -> None:
    from_now = entry(Key("User", "cem"))
    job.source.put(from_now)
    job.answers["after create"] = [LOST]
    await job.cycle()


async def test_forgotten_links_are_matched_again_without_a_duplicate(job: LedgerJob) -> None:
    """10 ConnectorDataStore."""
    ids = {user["userName"]: user["id"] for user in job.target.resources["User"].values()}

    await job.restart("ConnectorDataStore")
    assert (await job.db.read(standing, job.id)).users == 0
    result = await job.cycle()

    assert result.counts.created == 0
    assert {user["userName"]: user["id"] for user in job.target.resources["User"].values()} == ids
    assert ((await job.db.read(standing, job.id)).users, (await job.db.read(standing, job.id)).uncertain) == (2, 0)
    assert (await job.cycle()).counts.requests == 0


async def test_who_leaves_after_links_were_forgotten_is_found_and_disabled(job: LedgerJob) -> None:
    """10 ConnectorDataStore: or an account would stay usable for ever, known to nobody."""
    await job.restart("Full")
    job.source.put(leaver(ADA))
    job.source.leave("red", BOB)

    await job.cycle()

    assert (job.account("ada")["active"], job.account("bob")["active"]) == (False, True)
    assert "bob" not in job.members()


async def test_who_is_renamed_after_links_were_forgotten_is_found_under_the_old_name(job: LedgerJob) -> None:
    """10 ConnectorDataStore: what was sent tells what to look for."""
    await job.restart("ConnectorDataStore")
    job.source.put(entry(ADA, userPrincipalName="lovelace@example.org"))

    result = await job.cycle()

    assert result.counts.created == 0
    assert job.names() == ["bob@example.org", "lovelace@example.org"]


async def test_a_purged_person_whose_link_was_forgotten_is_deleted(job: LedgerJob) -> None:
    await job.restart("ConnectorDataStore")
    job.source.purge(ADA)

    await job.cycle()

    assert job.names() == ["bob@example.org"]


async def test_forced_deletes_are_for_one_cycle(job: LedgerJob) -> None:
    """10 ForceDeletes."""
    await job.restart("ForceDeletes")

    assert await job.db.read(job_states.has_force_deletes, job.id)
    await job.db.write(job_states.end_force_deletes, job.id)
    assert not await job.db.read(job_states.has_force_deletes, job.id)


DENIED = Problem("Unauthorized", "The target answered 401.")


async def test_quarantine_holds_the_schedule_back_and_a_clean_cycle_frees_it(job: LedgerJob) -> None:
    """Q5, Q6."""
    await job.conclude(Counts(), DENIED)
    held = await job.waits_until()
    quarantine = (await job.job()).quarantine

    assert quarantine is not None
    assert held is not None
    assert held["not_before"] == quarantine.next_attempt
    await job.conclude(Counts(updated=1))

    assert (await job.job()).quarantine is None
    assert (await job.waits_until() or {})["not_before"] is None


@pytest.mark.parametrize(("scope", "lifted"), [("QuarantineState", True), ("", True), ("Full", True), ("Watermark", False), ("None", False)])  # fmt: skip
async def test_a_restart_lifts_quarantine_where_its_scope_says_so(job: LedgerJob, scope: str, lifted: bool) -> None:
    """10 QuarantineState, Q6."""
    await job.conclude(Counts(), DENIED)

    await job.restart(scope)

    assert ((await job.job()).quarantine is None) is lifted
    assert ((await job.waits_until() or {})["not_before"] is None) is lifted


async def test_a_start_lifts_quarantine_and_what_counted_towards_it(job: LedgerJob) -> None:
    """Q6."""
    await job.conclude(Counts(failed=9, failed_anew=9, created=1))
    await job.db.write(job_states.set_state, job.id, "Active")
    await job.conclude(Counts(failed=9, failed_anew=9, created=1))

    assert (await job.job()).quarantine is None


async def test_a_job_that_nobody_mends_is_disabled_and_says_why(job: LedgerJob) -> None:
    """Q5: after 28 days, and a start begins a new series."""
    for _ in range(60):
        await job.conclude(Counts(), DENIED)
        quarantine = (await job.job()).quarantine
        assert quarantine is not None
        if (await job.job()).state == "Disabled":
            break
        await job.runtime.sleep((quarantine.next_attempt - job.runtime.now()).total_seconds())

    assert (await job.job()).state == "Disabled"
    assert await job.waits_until() is None
    kinds = [row["kind"] for row in await job.db.read(notices, job.id)]
    assert kinds == ["quarantine", "disabled"]
    await job.db.write(job_states.set_state, job.id, "Active")
    assert (await job.job()).quarantine is None


async def notices(tx: Tx, job_id: UUID) -> list[dict[str, Any]]:
    """What administrators are told."""
    return await tx.all("select kind, reason from provisioning.notices where job_id = %s order by id", [job_id])


async def test_administrators_hear_of_each_reason_once_and_of_the_end(job: LedgerJob) -> None:
    """Q7."""
    for _ in range(3):
        await job.conclude(Counts(), DENIED)
        await job.runtime.sleep(86_400)
    await job.conclude(Counts(failed=30, failed_anew=30))
    await job.conclude(Counts(created=1))

    assert [(row["kind"], row["reason"]) for row in await job.db.read(notices, job.id)] == [
        ("quarantine", "EncounteredQuarantineException"),
        ("quarantine", "EncounteredEscrowProportionThreshold"),
        ("well", "EncounteredEscrowProportionThreshold"),
    ]


async def test_a_quarantine_lifted_by_hand_is_over_with_the_first_clean_cycle(job: LedgerJob) -> None:
    """Q7: and what comes back after it is told again."""
    await job.conclude(Counts(), DENIED)
    await job.db.write(job_states.set_state, job.id, "Active")
    await job.conclude(Counts(created=1))
    await job.conclude(Counts(created=1))
    await job.conclude(Counts(), DENIED)

    kinds = [row["kind"] for row in await job.db.read(notices, job.id)]
    assert kinds == ["quarantine", "well", "quarantine"]


async def test_what_the_target_asks_for_is_kept_with_the_job(job: LedgerJob) -> None:
    """C9: Retry-After holds over a restart of the worker, since it is in the database."""
    later = job.runtime.now().replace(microsecond=0) + HOUR
    throttled = Problem("TooManyRequests", "Come back later.")

    await job.conclude(Counts(), throttled, resume_at=later)

    assert (await job.job()).quarantine is None
    assert (await job.waits_until() or {})["not_before"] == later
    await job.conclude(Counts())
    assert (await job.waits_until() or {})["not_before"] is None


async def test_the_schedule_knows_when_the_next_failure_is_due(job: LedgerJob) -> None:
    job.answers["before create"] = [REFUSED, REFUSED]
    job.source.put(entry(Key("User", "cem")))

    await job.cycle()

    known = await job.waits_until() or {}
    assert known["interval_seconds"] == 2400
    assert 0 < (known["next_due"] - job.runtime.now()).total_seconds() <= 30


@pytest.mark.parametrize("change", [lambda tx, job_id: job_states.set_state(tx, job_id, "Active"), job_states.restart])
async def test_a_job_that_is_not_there_is_named(tenant_db: TenantDatabase, change: Any) -> None:
    with pytest.raises(NotFound):
        await tenant_db.write(change, UUID(int=1))
