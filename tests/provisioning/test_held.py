"""What a guard holds back is sent by nothing but somebody's leave, and each lot is decided once."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from psycopg.types.json import Jsonb

from rollcall import directory
from rollcall.db import Database, TenantDatabase, Tx
from rollcall.errors import Conflict, NotFound
from rollcall.provisioning import (
    Initiator,
    JobSettings,
    Key,
    allow_held,
    choose_by_filter,
    cycles,
    job_states,
    provision_on_demand,
    prune_history,
    standing,
)
from rollcall.provisioning import ledger_references as references
from rollcall.provisioning.defaults import CUSTOM_SCHEMA
from rollcall.provisioning.failures import FailureFilter, clear_escrows, retry_now
from rollcall.provisioning.guards import Guard, Objection
from rollcall.provisioning.ledger_contract import Commit, Lot
from rollcall.provisioning.ledger_database import DatabaseLedger
from rollcall.provisioning.model import Escrow, ReferenceKey, Tie
from rollcall.provisioning.reset_scope import parse_reset_scope
from rollcall.provisioning.staging import (
    Held,
    allow,
    close_empty_lots,
    hold_counted,
    hold_references,
    list_held,
    list_held_objects,
    reject,
)
from rollcall.runtime import Runtime, uuid7
from tests.provisioning.proxy import Proxy, let_pass
from tests.provisioning.test_ledgers import insert_job
from tests.provisioning.world import World, found_world

NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)
TEAM = Key("Group", "team")
_MANY = 20_000


@pytest.fixture
async def job_id(tenant_db: TenantDatabase, runtime: Runtime) -> UUID:
    """A job that has a team of six, three of whom left it, and six people besides."""
    job_id = runtime.new_id()
    await tenant_db.write(_insert, job_id)
    return job_id


async def _insert(tx: Tx, job_id: UUID) -> None:
    await insert_job(tx, job_id)
    settings = Jsonb({"interval_seconds": 2400})
    await tx.run(
        "update provisioning.jobs set settings = %s, sync_schema = %s where id = %s",
        [settings, Jsonb(CUSTOM_SCHEMA), job_id],
    )
    await tx.run(
        """
        insert into provisioning.links (job_id, kind, source_id, name, target_id, state)
        select %(job)s, 'User', 'u' || n, 'u' || n, 't' || n, 'linked' from generate_series(1, 6) n
        union all select %(job)s, 'Group', 'team', 'Team', 't', 'linked'
        """,
        {"job": job_id},
    )
    await tx.run(
        """
        insert into provisioning.object_references
            (job_id, source_kind, source_id, attribute, referenced_kind, referenced_id, wanted, state, due)
        select %s, 'Group', 'team', 'members', 'User', 'u' || n, n > 3, 'present', n <= 3 from generate_series(1, 6) n
        """,
        [job_id],
    )


def lot(runtime: Runtime, guard: Guard = "membership_removal_threshold", at: datetime = NOW) -> Lot:
    return Lot(
        str(uuid7(int(at.timestamp() * 1000), runtime.new_id().int)),
        str(runtime.new_id()),
        at,
        Objection(guard, "Too many."),
    )


async def hold_people(tx: Tx, job_id: UUID, each: Lot, people: Sequence[str]) -> None:
    """These people's removals become a lot."""
    await tx.run(
        "update provisioning.links set staged = 'counting', withheld = true where job_id = %s and source_id = any(%s)",
        [job_id, list(people)],
    )
    await hold_counted(tx, job_id, each)


async def due(tx: Tx, job_id: UUID, now: datetime = NOW) -> list[str]:
    """Who would be taken out of the team now."""
    return [row.key.referenced.id for row in await references.due_references(tx, job_id, now, 100)]


async def retry_everything(tx: Tx, job_id: UUID) -> None:
    await retry_now(tx, job_id, FailureFilter(), Initiator(display_name="grace", type="user"), NOW)


async def touch(tx: Tx, job_id: UUID) -> None:
    await references.make_due(tx, job_id, [TEAM])


def restart(scope: str) -> Any:
    async def begin(tx: Tx, job_id: UUID) -> None:
        await job_states.restart(tx, job_id, parse_reset_scope(scope))

    return begin


@pytest.mark.parametrize("given_up", [False, True])
@pytest.mark.parametrize(
    "command", [restart("ConnectorDataStore"), restart("Escrows"), clear_escrows, retry_everything, touch]
)
async def test_no_command_sends_members_that_are_held_back(
    tenant_db: TenantDatabase, runtime: Runtime, job_id: UUID, command: Any, given_up: bool
) -> None:
    """P3, P4: only `allow` does."""
    escrow = Escrow(9, NOW - timedelta(days=28), NOW, "Conflict", "Not now.", given_up)
    failed = {ReferenceKey(TEAM, "members", Key("User", f"u{n}")): escrow for n in (1, 2, 3)}
    await tenant_db.write(references.set_failed, job_id, failed)
    await tenant_db.write(touch, job_id)
    await tenant_db.write(hold_references, job_id, lot(runtime), NOW)

    await tenant_db.write(command, job_id)

    assert set(await tenant_db.read(due, job_id)).isdisjoint({"u1", "u2", "u3"})
    assert [each.references for each in await tenant_db.read(list_held, job_id)] == [3]
    await tenant_db.write(allow, job_id, None, "Ada", NOW)
    assert {"u1", "u2", "u3"} <= set(await tenant_db.read(due, job_id))


async def test_members_that_somebody_let_stay_are_not_removed_when_their_group_changes(
    tenant_db: TenantDatabase, runtime: Runtime, job_id: UUID
) -> None:
    """P4: not one by one either, below the threshold."""
    await tenant_db.write(hold_references, job_id, lot(runtime), NOW)
    await tenant_db.write(reject, job_id, None, "Ada", NOW)

    for command in (touch, restart("ConnectorDataStore"), restart("Escrows"), retry_everything):
        await tenant_db.write(command, job_id)
        assert set(await tenant_db.read(due, job_id)).isdisjoint({"u1", "u2", "u3"})
    again = ReferenceKey(TEAM, "members", Key("User", "u1"))
    for present in (True, False):
        await tenant_db.write(references.take_ties, job_id, [Tie(again, present)])
    assert "u1" in await tenant_db.read(due, job_id), "the source told of it again"
    everybody = [Key("User", f"u{n}") for n in (4, 5, 6)]
    await tenant_db.write(references.take_members, job_id, TEAM, everybody, 7)
    await tenant_db.write(references.finish_members, job_id, TEAM, 7)
    assert {"u1", "u2", "u3"} <= set(await tenant_db.read(due, job_id)), "everything was read again"


async def test_each_lot_is_announced_once_the_one_before_it_was_decided(
    tenant_db: TenantDatabase, runtime: Runtime, job_id: UUID
) -> None:
    """P3, Q7."""

    async def told(tx: Tx) -> int:
        return int(await tx.value("select count(*) from provisioning.notices where job_id = %s", [job_id]))

    numbers = []
    for number, decides in enumerate((False, True, False), start=1):
        each = lot(runtime, "deletion_threshold", NOW + timedelta(hours=number))
        await tenant_db.write(hold_people, job_id, each, [f"u{number}"])
        numbers.append(await tenant_db.read(told))
        if decides:
            await tenant_db.write(allow, job_id, None, "Ada", NOW)

    assert numbers == [1, 1, 2], "nobody is told once more while the first waits"


async def test_of_two_who_decide_at_once_the_second_is_told_what_the_first_did(
    tenant_db: TenantDatabase, runtime: Runtime, job_id: UUID
) -> None:
    """P4: the record says what happened."""
    one = lot(runtime, "deletion_threshold")
    await tenant_db.write(hold_people, job_id, one, ["u1", "u2"])
    decided, go_on = asyncio.Event(), asyncio.Event()

    async def slowly(tx: Tx) -> list[Held]:
        lots = await allow(tx, job_id, None, "Ada", NOW)
        decided.set()
        await go_on.wait()
        return lots

    async def meanwhile(tx: Tx) -> None:
        asyncio.get_running_loop().call_later(0.2, go_on.set)
        await reject(tx, job_id, None, "Bob", NOW)

    allowing = asyncio.create_task(tenant_db.write(slowly))
    await decided.wait()
    with pytest.raises(Conflict, match="allowed already, by Ada"):
        await tenant_db.write(meanwhile)
    assert [each.objects for each in await allowing] == [2]

    async def kept(tx: Tx) -> list[str]:
        rows = await tx.all("select staged from provisioning.links where job_id = %s and staged <> ''", [job_id])
        return [row["staged"] for row in rows]

    assert await tenant_db.read(kept) == ["allowed", "allowed"]


@pytest.mark.parametrize("decide", [allow, reject])
async def test_a_decision_while_a_page_tells_what_was_judged_holds(
    tenant_db: TenantDatabase, runtime: Runtime, job_id: UUID, decide: Any
) -> None:
    """P4: the page commits after the decision, and waits for the one that is being made; nothing is held of a decided lot."""
    one = lot(runtime, "deletion_threshold")
    await tenant_db.write(hold_people, job_id, one, ["u1", "u2"])
    ledger = DatabaseLedger(tenant_db, job_id)
    judged = await ledger.known([Key("User", "u1"), Key("User", "u2")])
    told = Commit(links=[replace(link, staged="held") for link in judged.values()])
    decided, go_on = asyncio.Event(), asyncio.Event()

    async def slowly(tx: Tx) -> None:
        await decide(tx, job_id, None, "Ada", NOW)
        decided.set()
        await go_on.wait()

    deciding = asyncio.create_task(tenant_db.write(slowly))
    await decided.wait()
    asyncio.get_running_loop().call_later(0.2, go_on.set)
    await ledger.commit(told)
    await deciding

    async def kept(tx: Tx) -> set[tuple[str, bool]]:
        rows = await tx.all("select staged, withheld from provisioning.links where source_id in ('u1', 'u2')")
        return {(row["staged"], row["withheld"]) for row in rows}

    assert await tenant_db.read(kept) == {("allowed" if decide is allow else "", False)}
    assert not await tenant_db.read(list_held, job_id)
    assert (await ledger.position()).unsettled == (decide is allow), "what was allowed goes out with the next cycle"


async def test_lots_whose_people_came_back_hide_nothing_are_closed_and_go_in_time(
    tenant_db: TenantDatabase, runtime: Runtime, job_id: UUID
) -> None:
    first = lot(runtime, "deletion_threshold")
    await tenant_db.write(hold_people, job_id, first, ["u1"])

    async def empty(tx: Tx) -> None:
        await tx.run(
            """
            insert into provisioning.stagings (job_id, id, cycle_id, at, guard, because, number)
            select %s, uuidv7(), uuidv7(), %s, 'deletion_threshold', 'Too many.', 3 from generate_series(1, 120)
            """,
            [job_id, NOW],
        )

    await tenant_db.write(empty)

    assert [str(each.id) for each in await tenant_db.read(list_held, job_id)] == [first.id]
    assert await tenant_db.write(close_empty_lots, job_id, NOW) == 120
    assert await tenant_db.write(close_empty_lots, job_id, NOW) == 0
    over = [each for each in await tenant_db.read(list_held, job_id, decided=True) if each.decision == "over"]
    with pytest.raises(Conflict, match="Nothing of that waits any more"):
        await tenant_db.write(allow, job_id, over[0].id, "Ada", NOW)
    with pytest.raises(NotFound):
        await tenant_db.write(allow, job_id, runtime.new_id(), "Ada", NOW)
    far = runtime.now() + timedelta(days=401)
    assert await tenant_db.write(prune_history, far) == 120
    assert [str(each.id) for each in await tenant_db.read(list_held, job_id, decided=True)] == [first.id]


async def test_a_great_number_of_held_removals_is_found_by_index(
    tenant_db: TenantDatabase, runtime: Runtime, job_id: UUID
) -> None:
    """Nothing that is decided or listed reads the whole job, nor once for each lot."""
    lots = [lot(runtime, "deletion_threshold") for _ in range(50)]

    async def fill(tx: Tx) -> None:
        await tx.run(
            """
            insert into provisioning.links (job_id, kind, source_id, name, target_id, state)
            select %s, 'User', 'many' || n, 'many', 'm' || n, 'linked' from generate_series(1, %s) n
            """,
            [job_id, _MANY],
        )

    await tenant_db.write(fill)
    for number, each in enumerate(lots):
        await tenant_db.write(hold_people, job_id, each, [f"many{number + 1}"])

    async def plans(tx: Tx) -> list[str]:
        spy = _Explaining(tx)
        await list_held(spy, job_id)  # type: ignore[arg-type]
        await list_held_objects(spy, job_id, None, 100)  # type: ignore[arg-type]
        await close_empty_lots(spy, job_id, NOW)  # type: ignore[arg-type]
        await allow(spy, job_id, UUID(lots[0].id), "Ada", NOW)  # type: ignore[arg-type]
        await reject(spy, job_id, UUID(lots[1].id), "Ada", NOW)  # type: ignore[arg-type]
        return spy.plans

    found = await tenant_db.write(plans)

    assert len(found) > 8
    for plan in found:
        assert "Seq Scan on links" not in plan, plan
        assert "Seq Scan on object_references" not in plan, plan


class _Explaining:
    """A transaction that keeps the plan of each statement before it runs it."""

    def __init__(self, tx: Tx) -> None:
        self._tx = tx
        self.plans: list[str] = []

    def __getattr__(self, name: str) -> Any:
        run = getattr(self._tx, name)

        async def explained(statement: str, params: Any = ()) -> Any:
            rows = await self._tx.all(f"explain (costs off) {statement}", params)
            self.plans.append("\n".join(str(row["QUERY PLAN"]) for row in rows))
            return await run(statement, params)

        return explained


# ── down the whole road ────────────────────────────────────────────────────────────────────────


async def emptied(database: Database, runtime: Runtime, proxy: Proxy) -> tuple[World, UUID, list[UUID]]:
    """A payroll of six, five of whom are out of it all at once, and a guard that objects."""
    settings = JobSettings(deletion_percent=None, membership_removal_threshold=3)
    world = await found_world(database, runtime, proxy, settings=settings)
    people = [await world.user(f"p{n}") for n in range(6)]
    for person in people:
        await world.assign(person)
    group = await world.group("Payroll", people)
    await world.cycle()
    for person in people[:5]:
        await world.db.write(directory.remove_member, group, person)
    return world, group, people


@pytest.mark.parametrize("scope", ["ConnectorDataStore", "Escrows"])
async def test_a_restart_sends_no_members_that_are_held_back(
    database: Database, runtime: Runtime, proxy: Proxy, scope: str
) -> None:
    """P3, 10 ConnectorDataStore, 10 Escrows."""
    world, _, _ = await emptied(database, runtime, proxy)
    assert (await world.cycle()).held

    await world.db.write(job_states.restart, world.job_id, parse_reset_scope(scope))
    await world.cycle()

    assert len((await world.target.groups())["Payroll"]) == 6
    assert [each.references for each in await world.db.read(list_held, world.job_id)] == [5]


async def test_a_group_on_demand_keeps_members_whom_nobody_named(
    database: Database, runtime: Runtime, proxy: Proxy
) -> None:
    """O7: whom nobody named is guarded as in a cycle; whoever is named as a member is meant."""
    world, group, people = await emptied(database, runtime, proxy)
    chosen, first = Key("Group", str(group)), Key("User", str(people[0]))

    async def compare(tx: Tx) -> None:
        """As a reading of everything leaves a group that was cut off before its members."""
        await tx.run("update provisioning.links set members_pending = true where source_id = %s", [chosen.id])

    await world.db.write(compare)
    for dry_run in (True, False):
        await provision_on_demand(world.service, world.db.tenant, world.job_id, [chosen], dry_run=dry_run)
        assert len((await world.target.groups())["Payroll"]) == 6
        assert [each.references for each in await world.db.read(list_held, world.job_id)] == ([] if dry_run else [5])

    await world.db.write(reject, world.job_id, None, "Ada", NOW)
    await provision_on_demand(world.service, world.db.tenant, world.job_id, [chosen], members=[first])
    assert len((await world.target.groups())["Payroll"]) == 6, "what somebody let stay, stays"


async def test_whom_a_filter_finds_is_guarded_and_whom_somebody_names_is_not(
    database: Database, runtime: Runtime, proxy: Proxy
) -> None:
    """O7, P2."""
    settings = JobSettings(deletion_percent=None, deletion_threshold=3)
    world = await found_world(database, runtime, proxy, settings=settings)
    people = [await world.user(f"p{n}", department="Sales") for n in range(5)]
    for person in people:
        await world.assign(person)
    await world.cycle()
    leavers = [Key("User", str(person)) for person in people[:4]]
    for person in people[:4]:
        await world.db.write(directory.update_user, person, {"accountEnabled": False})
    keys = await choose_by_filter(world.service, world.db.tenant, world.job_id, "User", 'department eq "Sales"')

    demanded = await provision_on_demand(world.service, world.db.tenant, world.job_id, keys, named=False)

    assert sum(each["active"] for each in (await world.target.accounts()).values()) == 5
    assert [each.objects for each in await world.db.read(list_held, world.job_id)] == [4]
    assert sum("held back" in str(report.steps[-1]) for report in demanded.reports) == 4
    keys = leavers[:1]
    again = await provision_on_demand(world.service, world.db.tenant, world.job_id, keys, named=False)
    assert sum(each["active"] for each in (await world.target.accounts()).values()) == 5, (
        "fewer of them are held as well"
    )
    assert again.reports[0].code == "TooManyDeletes"
    await provision_on_demand(world.service, world.db.tenant, world.job_id, keys)
    assert sum(each["active"] for each in (await world.target.accounts()).values()) == 4


async def test_forced_deletes_outlast_a_cycle_that_is_cut_off_before_it_sent_them(world: World) -> None:
    """10 ForceDeletes."""
    ada = await world.user("ada")
    await world.assign(ada)
    await world.cycle()
    await world.db.write(job_states.restart, world.job_id, {"ForceDeletes"})
    await world.db.write(directory.update_user, ada, {"accountEnabled": False})
    sending = asyncio.Event()

    async def stop(_method: str, _path: str) -> None:
        sending.set()
        await asyncio.Event().wait()

    world.proxy.interfere = stop
    cycle = asyncio.create_task(world.cycle())
    await sending.wait()
    cycle.cancel()
    with pytest.raises(asyncio.CancelledError):
        await cycle
    world.proxy.interfere = let_pass

    assert await world.db.read(job_states.has_force_deletes, world.job_id)
    await world.cycle()
    assert not await world.db.read(job_states.has_force_deletes, world.job_id)
    assert [each["active"] for each in (await world.target.accounts()).values()] == [False]


async def kinds_told(tx: Tx, job_id: UUID) -> list[str]:
    return [
        row["kind"]
        for row in await tx.all("select kind from provisioning.notices where job_id = %s order by id", [job_id])
    ]


async def test_held_memberships_keep_the_quarantine_and_nobody_is_told_twice_of_one_cause(
    database: Database, runtime: Runtime, proxy: Proxy
) -> None:
    """Q6, Q7, P3."""
    settings = JobSettings(scope="all", deletion_percent=None, membership_removal_threshold=2)
    world = await found_world(database, runtime, proxy, settings=settings)
    people = [await world.user(f"p{n}") for n in range(4)]
    group = await world.group("Payroll", people)
    await world.cycle()
    for person in people[:3]:
        await world.db.write(directory.remove_member, group, person)
    assert (await world.cycle()).held
    await world.cycle()

    health = await world.db.read(job_states.health_as_kept, world.job_id)
    assert health.quarantine is not None, "somebody has to decide still"
    assert (await world.db.read(standing, world.job_id)).withheld == 3, "the status does not say that all is in step"
    assert health.quarantine.reason == "TooManyDeletes"
    assert await world.db.read(kinds_told, world.job_id) == ["held"]

    await world.db.write(allow, world.job_id, None, "Ada", NOW)
    await world.cycle()
    assert (await world.db.read(job_states.health_as_kept, world.job_id)).quarantine is None
    assert len((await world.target.groups())["Payroll"]) == 1


async def test_a_worker_is_told_at_once_that_removals_were_allowed(
    database: Database, runtime: Runtime, proxy: Proxy
) -> None:
    """P4."""
    settings = JobSettings(scope="all", deletion_percent=None, deletion_threshold=2)
    world = await found_world(database, runtime, proxy, settings=settings)
    people = [await world.user(f"p{n}") for n in range(3)]
    await world.cycle()
    for person in people[:2]:
        await world.db.write(directory.delete_user, person)
    await world.cycle()

    heard = database.listen(job_states.SCHEDULE_CHANNEL)
    async with aclosing(heard), asyncio.timeout(30):
        assert await anext(heard) == "", "it listens"
        await allow_held(world.service, world.db.tenant, world.job_id, None, "Ada")
        while await anext(heard) != str(world.job_id):
            pass
    waits = await world.db.read(cycles.standing, world.job_id)
    assert (waits.withheld, waits.allowed) == (0, 2)
    await world.cycle()
    assert (await world.db.read(cycles.standing, world.job_id)).allowed == 0
