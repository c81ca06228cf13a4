"""The ledger in the database: each step of the bargain is one transaction of one tenant."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from rollcall.db import TenantDatabase, Tx
from rollcall.provisioning import job_states, jobs, ledger, staging
from rollcall.provisioning import ledger_references as references
from rollcall.provisioning.escrow_exchanges import keep_exchanges, keep_shared_exchanges
from rollcall.provisioning.ledger import Hold
from rollcall.provisioning.ledger_contract import (
    Among,
    Commit,
    Exhausted,
    KeptReference,
    Lot,
    Position,
    ReferenceOutcome,
)
from rollcall.provisioning.log_record import SCHEDULE, Initiator
from rollcall.provisioning.log_requests import requests_for
from rollcall.provisioning.model import Key, Link, LogRecord, Reference, ReferenceKey, Staged
from rollcall.provisioning.notices import Notice, announce

_NAMED = 5
"""How many objects a notice names."""


class DatabaseLedger:
    """The memory of one job, as rows. With `hold` every write is refused (Conflict) once the hold is lost.

    The log says that `initiator` had it done. Of the references that are due it knows those `among` which its cycle looks.
    """

    def __init__(
        self,
        db: TenantDatabase,
        job_id: UUID,
        hold: Hold | None = None,
        initiator: Initiator = SCHEDULE,
        among: Among | None = None,
    ) -> None:
        self._among = among
        self._db = db
        self._initiator = initiator
        self._job_id = job_id
        self._hold = hold

    async def position(self) -> Position:
        return await self._db.read(ledger.position, self._job_id)

    async def known(self, keys: Collection[Key]) -> dict[Key, Link]:
        return await self._db.read(ledger.known, self._job_id, keys) if keys else {}

    async def owners(self, kind: str, target_ids: Collection[str]) -> dict[str, Key]:
        return await self._db.read(ledger.owners, self._job_id, kind, target_ids)

    async def claims(self, kind: str) -> dict[tuple[str, str], Key]:
        return await self._db.read(ledger.claims, self._job_id, kind)

    async def intend(self, links: Sequence[Link], lost: Collection[Key]) -> None:
        if links or lost:
            await self._db.write(_intend, self._job_id, self._hold, links, lost)

    async def commit(self, commit: Commit) -> None:
        await self._db.write(_commit, self._job_id, self._hold, commit, self._initiator)

    async def due(self, now: datetime, after: Key | None, limit: int) -> list[Key]:
        return await self._db.read(ledger.due, self._job_id, now, after, limit)

    async def disabled_before(self, moment: datetime, after: tuple[datetime, Key] | None, limit: int) -> list[Link]:
        return await self._db.read(ledger.disabled_before, self._job_id, moment, after, limit)

    async def withheld(self, after: Key | None, limit: int) -> list[Key]:
        return await self._db.read(ledger.withheld, self._job_id, after, limit)

    async def staged(self, state: Staged, after: Key | None, limit: int) -> list[Key]:
        return await self._db.read(staging.staged, self._job_id, state, after, limit)

    async def count_counting(self) -> int:
        return await self._db.read(staging.count_counting, self._job_id)

    async def hold_counted(self, lot: Lot) -> None:
        await self._db.write(_hold_counted, self._job_id, self._hold, lot)

    async def lot(self, lot_id: str) -> Lot | None:
        return await self._db.read(staging.read_lot, self._job_id, lot_id)

    async def note_removals(self, now: datetime, number: int) -> None:
        if number:
            await self._db.write(staging.note_removals, self._job_id, now, number)

    async def count_removals(self, since: datetime) -> int:
        return await self._db.read(staging.count_removals, self._job_id, since)

    async def count_removed_references(self, now: datetime, limit: int) -> int:
        return await self._db.read(staging.count_removed_references, self._job_id, now, limit, self._among)

    async def hold_references(self, lot: Lot, now: datetime) -> dict[Key, int]:
        return await self._db.write(_hold_references, self._job_id, self._hold, lot, now, self._among)

    async def unseen(self, generation: int, limit: int) -> list[Key]:
        return await self._db.read(ledger.unseen, self._job_id, generation, limit)

    async def count_links(self, generation: int | None = None) -> int:
        return await self._db.read(ledger.count_links, self._job_id, generation)

    async def groups_with_pending_members(self, limit: int) -> list[Key]:
        return await self._db.read(ledger.groups_with_pending_members, self._job_id, limit)

    async def take_members(self, group: Key, members: Sequence[Key], sweep: int) -> None:
        await self._db.write(_take_members, self._job_id, self._hold, group, members, sweep)

    async def finish_members(self, group: Key, sweep: int) -> None:
        await self._db.write(_finish_members, self._job_id, self._hold, group, sweep)

    async def due_references(self, now: datetime, limit: int) -> list[Reference]:
        return await self._db.read(references.due_references, self._job_id, now, limit, self._among)

    async def references_at(self, keys: Collection[Key]) -> Sequence[KeptReference]:
        return await self._db.read(references.references_at, self._job_id, keys) if keys else []

    async def intend_references(self, keys: Sequence[ReferenceKey]) -> None:
        if keys:
            await self._db.write(_intend_references, self._job_id, self._hold, keys)

    async def commit_references(self, outcome: ReferenceOutcome) -> None:
        await self._db.write(_commit_references, self._job_id, self._hold, outcome, self._initiator)


# What comes before an effect is refused when the job is to begin anew; what happened is remembered all the same.


async def _intend(tx: Tx, job_id: UUID, hold: Hold | None, links: Sequence[Link], lost: Collection[Key]) -> None:
    await ledger.check_hold(tx, job_id, hold)
    await ledger.save_links(tx, job_id, links)
    if lost:
        await references.forget(tx, job_id, lost)


async def _hold_counted(tx: Tx, job_id: UUID, hold: Hold | None, lot: Lot) -> None:
    await ledger.check_hold(tx, job_id, hold)
    await staging.hold_counted(tx, job_id, lot)


async def _hold_references(
    tx: Tx, job_id: UUID, hold: Hold | None, lot: Lot, now: datetime, among: Among | None
) -> dict[Key, int]:
    await ledger.check_hold(tx, job_id, hold)
    return await staging.hold_references(tx, job_id, lot, now, among)


async def _intend_references(tx: Tx, job_id: UUID, hold: Hold | None, keys: Sequence[ReferenceKey]) -> None:
    await ledger.check_hold(tx, job_id, hold)
    await references.set_state(tx, job_id, keys, "uncertain")


async def _take_members(
    tx: Tx, job_id: UUID, hold: Hold | None, group: Key, members: Sequence[Key], sweep: int
) -> None:
    await ledger.check_hold(tx, job_id, hold)
    await references.take_members(tx, job_id, group, members, sweep)


async def _finish_members(tx: Tx, job_id: UUID, hold: Hold | None, group: Key, sweep: int) -> None:
    await ledger.check_hold(tx, job_id, hold)
    await references.finish_members(tx, job_id, group, sweep)


async def _commit(tx: Tx, job_id: UUID, hold: Hold | None, commit: Commit, initiator: Initiator) -> None:
    await ledger.check_hold(tx, job_id, hold, anew=False)
    await ledger.save_links(tx, job_id, commit.links)
    if commit.dropped:
        await ledger.drop_links(tx, job_id, commit.dropped)
    if commit.lost:
        await references.forget(tx, job_id, commit.lost)
    await references.take_ties(tx, job_id, commit.ties)
    await references.take_single_references(tx, job_id, commit.single_references)
    if commit.touched:
        await references.make_due(tx, job_id, commit.touched)
    if commit.returned:
        await references.doubt(tx, job_id, commit.returned)
    if commit.dropped:
        await references.drop_references(tx, job_id, commit.dropped)
    await _log(tx, job_id, commit.log, initiator, of_references=False)
    await keep_exchanges(tx, job_id, commit.exchanges)
    await _disable(tx, job_id, commit.exhausted)
    if commit.position is not None:
        await ledger.save_position(tx, job_id, commit.position, hold)


async def _commit_references(
    tx: Tx, job_id: UUID, hold: Hold | None, outcome: ReferenceOutcome, initiator: Initiator
) -> None:
    await ledger.check_hold(tx, job_id, hold, anew=False)
    await references.set_state(tx, job_id, outcome.present, "present")
    await references.set_state(tx, job_id, outcome.absent, "absent")
    await references.set_failed(tx, job_id, outcome.failed, outcome.exchanges)
    await references.set_idle(tx, job_id, outcome.idle)
    await ledger.save_links(tx, job_id, outcome.links)
    await _log(tx, job_id, outcome.log, initiator, of_references=True)
    told_of = {key.source for key in (*outcome.present, *outcome.absent, *outcome.failed)}
    await keep_shared_exchanges(tx, job_id, outcome.exchanges, told_of)
    await _disable(tx, job_id, outcome.exhausted)


async def _log(
    tx: Tx, job_id: UUID, records: Sequence[LogRecord], initiator: Initiator, *, of_references: bool
) -> None:
    """Whoever runs the cycle had it done; what the schedule runs, whoever asked for it."""
    requests = None
    if initiator == SCHEDULE:
        requests = await requests_for(tx, job_id, {record.key for record in records}, of_references=of_references)
    await ledger.append_log(tx, job_id, records, initiator, requests)


async def _disable(tx: Tx, job_id: UUID, exhausted: Exhausted | None) -> None:
    """What failed for 28 days disables the job, and somebody is told, in the transaction that gives it up (rule E2)."""
    if exhausted is None:
        return
    if (await jobs.read_job(tx, job_id)).state == "Disabled":
        return  # by an earlier page of this cycle, which told so
    await job_states.set_state(tx, job_id, "Disabled")
    named = ", ".join(exhausted.names[:_NAMED])
    others = len(exhausted.names) - _NAMED
    message = (
        f"What failed for 28 days is given up, and the job is disabled: {named}"
        f"{f' and {others:,} more' if others > 0 else ''}. See why with `rollcall job failures list`, mend it, let it be "
        "tried again with `rollcall job failures retry`, and start the job."
    )
    notice = Notice("disabled", "EscrowExhausted", message, {"objects": len(exhausted.names)})
    await announce(tx, job_id, UUID(exhausted.notice_id), notice, exhausted.at)
