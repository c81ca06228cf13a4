"""The audit log: written with what it tells, sealed in a chain that shows every cut, out of the program's own reach."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import LiteralString
from uuid import UUID

import psycopg
import pytest
from psycopg import errors

from rollcall.db import Database, DatabaseConfig, TenantDatabase, Tx
from rollcall.errors import Invalid
from rollcall.runtime import SystemRuntime, uuid7
from rollcall.workspaces.audit import (
    MASKED,
    SYSTEM,
    Actor,
    AuditQuery,
    Happening,
    prune_audit,
    read_audit,
    record,
    seal_audit,
    verify_audit,
)

_ADA = Actor("01a2", "192.0.2.7", "Browser\n1.0\x1b[31m", "ab12", "c-1")


class _Later(SystemRuntime):
    """A clock that may be set, and ids in the order in which they are made, also within a millisecond."""

    shift = timedelta()
    made = 0

    def now(self) -> datetime:
        return super().now() + self.shift

    def new_id(self) -> UUID:
        self.made += 1
        return uuid7(int(self.now().timestamp()) * 1000 + self.made, 0)


@pytest.fixture
def later() -> _Later:
    """The machine's clock, to be set."""
    return _Later()


async def _run(tx: Tx, statement: LiteralString) -> int:
    return await tx.run(statement)


async def _fill(db: TenantDatabase, runtime: SystemRuntime, number: int, actor: Actor = _ADA) -> None:
    for count in range(number):
        await db.write(record, runtime, actor, Happening("user.created", "user", f"u{count}", details={"count": count}))


@pytest.fixture
async def owner(database_config: DatabaseConfig) -> AsyncIterator[psycopg.AsyncConnection]:
    """Somebody with the whole database in hand."""
    assert database_config.url is not None
    async with await psycopg.AsyncConnection.connect(database_config.url, autocommit=True) as connection:
        yield connection


async def test_an_event_is_kept_with_everything_it_tells(tenant_db: TenantDatabase, later: _Later) -> None:
    """Who, what, to what, from where, and the change (checks C47, C48)."""
    what = Happening(
        "sso_config.updated",
        "sso_configuration",
        "c1",
        changes=[("name", "Old", "New"), ("client_secret", MASKED, MASKED)],
    )
    await tenant_db.write(record, later, _ADA, what)
    (event,) = await tenant_db.read(read_audit)
    assert (event.actor.name, event.actor.ip, event.actor.session, event.actor.correlation_id) == (
        "01a2", "192.0.2.7", "ab12", "c-1",
    )  # fmt: skip
    assert event.actor.user_agent == "Browser 1.0 [31m", "no line break and no control character gets into it"
    assert event.what.changes == (("name", "Old", "New"), ("client_secret", "•••", "•••"))
    assert abs(event.at - later.now()) < timedelta(minutes=1)
    assert event.seal is None


async def test_an_event_goes_with_the_transaction_that_it_tells_of(tenant_db: TenantDatabase, later: _Later) -> None:
    async def fails(tx: Tx) -> None:
        await record(tx, later, SYSTEM, Happening("user.deleted"))
        raise Invalid("not after all")

    with pytest.raises(Invalid):
        await tenant_db.write(fails)
    assert await tenant_db.read(read_audit) == []


async def test_the_program_can_neither_change_nor_remove_an_event(tenant_db: TenantDatabase, later: _Later) -> None:
    """(check C49)"""
    await _fill(tenant_db, later, 1)
    await tenant_db.write(seal_audit, later.now())
    for statement in (
        "update workspaces.audit set action = 'nothing'",
        "delete from workspaces.audit",
        "truncate workspaces.audit",
        "update workspaces.audit_seals set events = 0",
        "delete from workspaces.audit_seals",
        "insert into workspaces.audit_seals (number) values (9)",
        "drop table workspaces.audit",
        "alter table workspaces.audit disable row level security",
    ):
        with pytest.raises(errors.InsufficientPrivilege):
            await tenant_db.write(_run, statement)
    assert len(await tenant_db.read(read_audit)) == 1


async def test_a_whole_chain_holds(tenant_db: TenantDatabase, later: _Later) -> None:
    assert (await tenant_db.read(verify_audit)).faults == ()
    for _ in range(3):
        await _fill(tenant_db, later, 4)
        assert await tenant_db.write(seal_audit, later.now()) == 4
        assert await tenant_db.write(seal_audit, later.now()) == 0
    await _fill(tenant_db, later, 2)
    verdict = await tenant_db.read(verify_audit)
    assert (verdict.seals, verdict.events, verdict.unsealed, verdict.faults) == (3, 12, 2, ())
    assert len(verdict.digest) == 64


@pytest.mark.parametrize(
    ("statement", "fault"),
    [
        (
            "update workspaces.audit set reason = 'other' where seal = 2 and target_id = 'u1'",
            "under seal 2 was changed",
        ),
        ("update workspaces.audit set at = at + interval '1 microsecond' where seal = 2", "under seal 2 was changed"),
        ("update workspaces.audit set details = '{}' where seal = 2", "under seal 2 was changed"),
        (
            "delete from workspaces.audit where seal = 2 and target_id = 'u1'",
            "Seal 2 was put on 3 events; there are 2.",
        ),
        ("update workspaces.audit set seal = 3 where seal = 2 and target_id = 'u1'", "Seal 2 was put on 3 events"),
        ("delete from workspaces.audit_seals where number = 2", "Seal 2 is missing."),
        (
            "update workspaces.audit_seals set previous = 'x' where number = 2",
            "Seal 2 does not follow the one before it.",
        ),
        ("update workspaces.audit_seals set digest = 'x' where number = 2", "under seal 2 was changed"),
    ],
)
async def test_every_cut_is_noticed(
    tenant_db: TenantDatabase, later: _Later, owner: psycopg.AsyncConnection, statement: str, fault: str
) -> None:
    """Even by somebody with the database in hand."""
    for _ in range(3):
        await _fill(tenant_db, later, 3)
        await tenant_db.write(seal_audit, later.now())
    changed = await owner.execute(f"{statement} and tenant_id = '{tenant_db.tenant}'")
    assert changed.rowcount >= 1
    assert fault in " ".join((await tenant_db.read(verify_audit)).faults)


async def test_writers_do_not_wait_for_each_other_and_none_is_left_out(
    tenant_db: TenantDatabase, later: _Later
) -> None:
    """Some are sealed while others are still being written."""

    async def slow(tx: Tx) -> None:
        await record(tx, later, SYSTEM, Happening("slow"))
        await asyncio.sleep(0.3)

    writing = asyncio.create_task(tenant_db.write(slow))
    await asyncio.sleep(0.05)
    await _fill(tenant_db, later, 3)
    assert await tenant_db.write(seal_audit, later.now()) == 3
    await writing
    assert await tenant_db.write(seal_audit, later.now()) == 1
    verdict = await tenant_db.read(verify_audit)
    assert (verdict.seals, verdict.events, verdict.faults) == (2, 4, ())


async def test_many_who_seal_at_once_make_one_chain(tenant_db: TenantDatabase, later: _Later) -> None:
    await _fill(tenant_db, later, 5)
    counts = await asyncio.gather(*(tenant_db.write(seal_audit, later.now()) for _ in range(8)))
    assert sorted(counts) == [0] * 7 + [5]
    assert (await tenant_db.read(verify_audit)).faults == ()


async def test_old_events_go_and_the_chain_stays(tenant_db: TenantDatabase, later: _Later) -> None:
    """After 400 days, by whole seals."""
    await _fill(tenant_db, later, 3)
    await tenant_db.write(seal_audit, later.now())
    later.shift = timedelta(days=100)
    await _fill(tenant_db, later, 2)
    await tenant_db.write(seal_audit, later.now())
    before = await tenant_db.read(verify_audit)
    later.shift = timedelta(days=401)
    assert await tenant_db.write(prune_audit, later.now()) == 3
    assert await tenant_db.write(prune_audit, later.now()) == 0
    after = await tenant_db.read(verify_audit)
    assert (after.seals, after.events, after.faults, after.digest) == (2, 2, (), before.digest)


async def test_pages_go_back_in_time_by_any_filter(tenant_db: TenantDatabase, later: _Later) -> None:
    await _fill(tenant_db, later, 5)
    await tenant_db.write(record, later, SYSTEM, Happening("access.denied", "workspace", "w1", "denied", "W4"))
    first = await tenant_db.read(read_audit, limit=2)
    second = await tenant_db.read(read_audit, after=first[-1].id, limit=10)
    assert [event.what.target_id for event in (*first, *second)] == ["w1", "u4", "u3", "u2", "u1", "u0"]
    for which, number in (
        (AuditQuery(action="user.created"), 5),
        (AuditQuery(actor="system"), 1),
        (AuditQuery(target_id="u3"), 1),
        (AuditQuery(outcome="denied"), 1),
        (AuditQuery(since=later.now() + timedelta(hours=1)), 0),
        (AuditQuery(until=later.now() + timedelta(hours=1), action="user.created", actor="01a2"), 5),
    ):
        assert len(await tenant_db.read(read_audit, which)) == number
    with pytest.raises(Invalid):
        await tenant_db.read(read_audit, limit=0)


async def test_organisations_see_and_seal_their_own_only(database: Database, later: _Later) -> None:
    """(checks C45, RLS-4)"""
    one, other = database.tenant(SystemRuntime().new_id()), database.tenant(SystemRuntime().new_id())
    await _fill(one, later, 2)
    await _fill(other, later, 3)
    assert len(await one.read(read_audit)) == 2
    assert await one.write(seal_audit, later.now()) == 2
    assert (await other.read(verify_audit)).unsealed == 3
    assert await other.write(prune_audit, later.now() + timedelta(days=900)) == 0
    with pytest.raises(errors.RaiseException):
        await database.system(lambda tx: tx.value("select workspaces.seal_audit(10, now())"))
