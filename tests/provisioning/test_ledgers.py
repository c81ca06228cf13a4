"""Both ledgers keep the contract, and agree with each other whatever happens to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from random import Random  # noqa: TID251 - seeded
from typing import Any
from uuid import UUID

import pytest
from psycopg.types.json import Jsonb

from rollcall.db import TenantDatabase, Tx
from rollcall.provisioning.ledger_contract import Commit, Ledger, Position, ReferenceOutcome, SingleReference
from rollcall.provisioning.ledger_database import DatabaseLedger
from rollcall.provisioning.ledger_memory import MemoryLedger
from rollcall.provisioning.model import Escrow, Key, Link, Tie
from rollcall.runtime import Runtime
from tests.contracts.ledger import (
    ADA,
    BLUE,
    BOB,
    CEM,
    MANAGER,
    NOW,
    RED,
    LedgerContract,
    ReferenceContract,
    TieContract,
    escrow,
    linked,
    member,
)
from tests.contracts.ledger_guards import LedgerGuardsContract

USERS, GROUPS = (ADA, BOB, CEM), (RED, BLUE)
KEYS = (*USERS, *GROUPS)


async def insert_job(tx: Tx, job_id: UUID) -> None:
    """A job for a ledger to belong to."""
    await tx.run(
        "insert into provisioning.jobs (id, service_principal_id, display_name, template, sync_schema)"
        " values (%s, %s, %s, 'scim', %s)",
        [job_id, job_id, str(job_id), Jsonb({})],
    )


async def rows(tx: Tx, job_id: UUID) -> list[dict[str, Any]]:
    """The log of a job."""
    return await tx.all("select id::text, reason from provisioning.log where job_id = %s order by id", [job_id])


@pytest.fixture
async def job_id(tenant_db: TenantDatabase, runtime: Runtime) -> UUID:
    """A new job."""
    job_id = runtime.new_id()
    await tenant_db.write(insert_job, job_id)
    return job_id


class _InMemory:
    @pytest.fixture
    def ledger(self) -> MemoryLedger:
        return MemoryLedger()

    async def logged(self, ledger: Any) -> Sequence[tuple[str, str]]:
        return [(record.id, record.reason) for record in ledger.log]


class _InDatabase:
    @pytest.fixture
    def ledger(self, tenant_db: TenantDatabase, job_id: UUID) -> DatabaseLedger:
        self.db, self.job_id = tenant_db, job_id
        return DatabaseLedger(tenant_db, job_id)

    async def logged(self, ledger: Any) -> Sequence[tuple[str, str]]:
        return [(row["id"], row["reason"]) for row in await self.db.read(rows, self.job_id)]


class TestMemoryLedger(_InMemory, LedgerContract):
    """The ledger in memory."""


class TestMemoryLedgerTies(_InMemory, TieContract):
    """The ledger in memory: what the source wants."""


class TestMemoryLedgerReferences(_InMemory, ReferenceContract):
    """The ledger in memory: what was sent."""


class TestMemoryLedgerGuards(_InMemory, LedgerGuardsContract):
    """The guards of the ledger in memory."""


class TestDatabaseLedgerGuards(_InDatabase, LedgerGuardsContract):
    """The guards of the ledger in the database."""


class TestDatabaseLedger(_InDatabase, LedgerContract):
    """The ledger in the database."""


class TestDatabaseLedgerTies(_InDatabase, TieContract):
    """The ledger in the database: what the source wants."""


class TestDatabaseLedgerReferences(_InDatabase, ReferenceContract):
    """The ledger in the database: what was sent."""


async def test_jobs_of_one_tenant_know_nothing_of_each_other(tenant_db: TenantDatabase, runtime: Runtime) -> None:
    ids = runtime.new_id(), runtime.new_id()
    for each in ids:
        await tenant_db.write(insert_job, each)
    first, second = (DatabaseLedger(tenant_db, job_id) for job_id in ids)
    links = [linked(RED), linked(ADA), Link(BOB, state="uncertain", intent_matching=(("userName", "bob"),))]
    for ledger in (first, second):
        await ledger.commit(Commit(links=links, ties=[Tie(member(RED, ADA), True)]))

    await second.commit(Commit(dropped=[RED, ADA, BOB], lost=[RED, ADA, BOB], position=Position({"log": 1})))

    assert await first.position() == Position()
    assert await first.known([RED, ADA, BOB]) == {link.key: link for link in links}
    assert len(await first.due_references(NOW, 10)) == 1
    assert await second.due_references(NOW, 10) == []
    assert await second.claims("User") == {}


async def everything(ledger: Ledger, now: Any) -> dict[str, Any]:
    """All that a ledger tells."""
    return {
        "position": await ledger.position(),
        "known": await ledger.known(KEYS),
        "owners": [await ledger.owners(kind, ["1", "2", "3", "4", "5"]) for kind in ("User", "Group")],
        "due": [await ledger.due(now, after, 10) for after in (None, RED, ADA)],
        "disabled": [await ledger.disabled_before(now, after, 10) for after in (None, (NOW, BOB))],
        "withheld": [await ledger.withheld(after, 10) for after in (None, RED, ADA)],
        "unseen": [sorted(await ledger.unseen(generation, 10)) for generation in range(3)],
        "count": [await ledger.count_links(generation) for generation in (None, 1, 2)],
        "pending": sorted(await ledger.groups_with_pending_members(10)),
        "references": await ledger.due_references(now, 1000),
    }


class _Step:
    """Chooses what happens next to both ledgers."""

    def __init__(self, chance: Random) -> None:
        self.chance = chance

    def some(self, things: Sequence[Any]) -> list[Any]:
        return [thing for thing in things if self.chance.random() < 0.4]

    def links(self) -> list[Link]:
        ids = {kind: self.chance.sample(["1", "2", "3", "4", "5"], 3) for kind in ("User", "Group")}
        keys = KEYS if self.chance.random() < 0.5 else []
        return [self.link(key, ids[key.kind].pop()) for key in keys]

    def link(self, key: Key, target_id: str) -> Link:
        chance = self.chance
        return Link(
            key,
            state=chance.choice(("absent", "linked", "uncertain")),
            target_id=chance.choice((None, target_id)),
            generation=chance.randrange(3),
            members_pending=key.kind == "Group" and chance.random() < 0.3,
            withheld=chance.random() < 0.2,
            escrow=chance.choice((None, escrow(NOW + timedelta(hours=chance.randrange(4))))),
            disabled_at=chance.choice((None, NOW, NOW + timedelta(hours=chance.randrange(4)))),
        )

    def commit(self) -> Commit:
        chance = self.chance
        ties = [member(group, key) for group in GROUPS for key in KEYS if key != group]
        return Commit(
            links=self.links(),
            dropped=self.some(KEYS) if chance.random() < 0.2 else (),
            lost=set(self.some(KEYS)) if chance.random() < 0.3 else (),
            touched=set(self.some(KEYS)) if chance.random() < 0.3 else (),
            returned=set(self.some(KEYS)) if chance.random() < 0.3 else (),
            ties=[Tie(key, chance.random() < 0.6) for key in self.some([*ties, *ties])],
            single_references=[
                SingleReference(user, MANAGER, chance.choice((None, *USERS))) for user in self.some(USERS)
            ],
            position=chance.choice((None, Position({"log": chance.randrange(9)}, chance.random() < 0.5, 1))),
        )

    def outcome(self, keys: Sequence[Any]) -> ReferenceOutcome:
        fates: dict[str, list[Any]] = {"present": [], "absent": [], "failed": [], "idle": [], "nothing": []}
        for key in keys:
            fates[self.chance.choice(list(fates))].append(key)
        failed = {key: self.escrow() for key in fates["failed"]}
        return ReferenceOutcome(fates["present"], fates["absent"], failed, fates["idle"])

    def escrow(self) -> Escrow:
        again = NOW + timedelta(hours=self.chance.randrange(4))
        return Escrow(self.chance.randrange(1, 9), NOW, again, "Timeout", "No answer.", self.chance.random() < 0.2)


async def happens(step: _Step, ledgers: Sequence[Ledger], now: Any) -> None:
    """One thing, the same to each ledger."""
    choice = step.chance.randrange(6)
    keys = [row.key for row in await ledgers[0].due_references(now, 1000)]
    commit, outcome, some = step.commit(), step.outcome(keys), step.some(keys)
    group, members, sweep = step.chance.choice(GROUPS), step.some(USERS), step.chance.randrange(1, 4)
    for ledger in ledgers:
        if choice == 0:
            await ledger.intend([replace(link, state="uncertain") for link in commit.links], commit.lost)
        elif choice in (1, 2):
            await ledger.commit(commit)
        elif choice == 3:
            await ledger.take_members(group, members, sweep)
            await ledger.finish_members(group, sweep)
        elif choice == 4:
            await ledger.intend_references(some)
        else:
            await ledger.commit_references(outcome)


@pytest.mark.parametrize("seed", range(12))
async def test_both_ledgers_agree_whatever_happens(seed: int, tenant_db: TenantDatabase, job_id: UUID) -> None:
    step = _Step(Random(seed))
    ledgers = MemoryLedger(), DatabaseLedger(tenant_db, job_id)
    for number in range(40):
        now = NOW + timedelta(minutes=10 * number)

        await happens(step, ledgers, now)

        in_memory, in_database = [await everything(ledger, now) for ledger in ledgers]
        assert in_database == in_memory, f"after step {number}"
    for ledger in ledgers:
        await ledger.commit(Commit(touched=KEYS))
    assert await ledgers[1].due_references(NOW, 1000) == await ledgers[0].due_references(NOW, 1000)
