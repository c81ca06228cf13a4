"""Runs jobs that want their plans approved: plans, waits, and carries out what was approved and nothing else."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

import structlog

from rollcall.db import TenantDatabase, Tx
from rollcall.errors import Conflict, Invalid, Unavailable
from rollcall.provisioning import plans
from rollcall.provisioning.applying import Work, apply
from rollcall.provisioning.connection import Service
from rollcall.provisioning.cycle import CycleResult
from rollcall.provisioning.gate import AWAITS_APPROVAL, CLOSED, MOVED, Unapproved, is_approval_demanded
from rollcall.provisioning.jobs import Job, read_job
from rollcall.provisioning.log_record import Initiator
from rollcall.provisioning.model import Json, Problem
from rollcall.provisioning.notices import Notice, announce
from rollcall.provisioning.plan_document import operations_in, plan_digest, removes_anything, totals, warnings
from rollcall.provisioning.plan_reading import ReadPlan, objects_of
from rollcall.provisioning.planned import Given, PlannedCycle
from rollcall.provisioning.plans import StoredPlan
from rollcall.provisioning.road import Counts

_log = structlog.get_logger()

_LOOK_AGAIN_AFTER = timedelta(hours=1)
"""A plan that waits is worked out anew when the source moved, and so often anyway: the application may have moved."""
_PIECE_BYTES = 1 << 18
Write = Callable[[PlannedCycle], Iterable[bytes]]
Read = Callable[["Compressed"], ReadPlan]
Moves = Callable[[dict[str, Json] | None], Awaitable[bool]]


async def decide(
    service: Service, db: TenantDatabase, plan_id: UUID, state: Literal["approved", "rejected"], by: str, comment: str
) -> StoredPlan:
    """Approve or reject a plan that waits. An approved one has once more the time that the job gives for approvals.

    Raises Invalid without a name, NotFound, and Conflict when it does not wait (any more).
    """
    if not by.strip():
        raise Invalid("Who decides has to have a name: --by NAME.")
    plan = await db.read(plans.read_plan_row, plan_id)
    job = await db.read(read_job, plan.job_id)
    now = service.runtime.now()
    expires = now + timedelta(hours=job.settings.approval_expires_hours)
    return await db.write(plans.decide_plan, plan_id, state, by.strip(), comment, expires, now)


class Compressed:
    """A document out of compressed pieces, read as a stream of text."""

    def __init__(self, pieces: list[bytes]) -> None:
        self._pieces = pieces
        self.seek(0)

    def seek(self, _offset: int, /) -> int:
        """Back to the start."""
        self._lines = self._texts()
        return 0

    def _texts(self) -> Iterator[str]:
        opened = zlib.decompressobj()
        rest = b""
        for piece in self._pieces:
            content = rest + opened.decompress(piece)
            whole = content.rfind(b"\n") + 1  # so that no character is cut in two
            rest = content[whole:]
            yield content[:whole].decode()
        yield (rest + opened.flush()).decode()

    def read(self, _size: int, /) -> str:
        """The next piece, of whatever size; nothing at the end."""
        return next((text for text in self._lines if text), "")


def compressed(lines: Iterable[bytes]) -> Iterator[bytes]:
    """A document in compressed pieces."""
    closing = zlib.compressobj(6)
    piece = bytearray()
    for line in lines:
        piece += closing.compress(line)
        if len(piece) >= _PIECE_BYTES:
            yield bytes(piece)
            piece.clear()
    yield bytes(piece + closing.flush())


def setup_digest(job: Job) -> str:
    """What stands for everything of a job that a plan depends on."""
    whole = [asdict(job.settings), job.sync_schema, job.tenant_url]
    return hashlib.sha256(json.dumps(whole, sort_keys=True, default=str).encode()).hexdigest()


class Approvals:
    """One job's run under its settings for approvals. `write` makes a plan's document, `read` reads one, `moves` says whether
    the source has changed since a watermark.
    """

    def __init__(
        self, service: Service, db: TenantDatabase, work: Work, write: Write, read: Read, moves: Moves
    ) -> None:
        self._runtime, self._db, self._work, self._job = service.runtime, db, work, work.job
        self._write, self._read, self._moves = write, read, moves

    async def run(self) -> CycleResult:
        """One run: an approved plan is carried out; else it is planned, and what needs an approval waits."""
        await self._db.write(plans.expire_plans, self._job.id, self._runtime.now())
        last = await self._db.read(plans.last_plan, self._job.id)
        if last is not None and last.state == "approved":
            result = await self._apply(last)
            if result is not None:
                return result
            last = await self._db.read(plans.last_plan, self._job.id)
        if last is not None and last.state in ("waiting", "rejected") and await self._stands(last):
            return _without_a_cycle(last)
        return await self._plan(last)

    async def _apply(self, plan: StoredPlan) -> CycleResult | None:
        """Carry an approved plan out; None when it can't be any more, so that it has to be planned anew."""
        document = Compressed(await self._db.read(plans.plan_pieces, plan.id))
        work = self._work.by(Initiator(display_name=plan.decided_by or "", type="user"))
        try:
            read = self._read(document)
            result = await apply(
                work,
                read,
                lambda keys: objects_of(document, keys),
                lambda: self._db.write(plans.begin_plan, plan.id, self._runtime.now()),
                begun=plan.began is not None,
            )
        except (Conflict, Invalid) as moved:
            _log.warning("approved plan has moved", job=str(self._job.id), plan=str(plan.id), code=moved.code)
            await self._db.write(plans.end_plan, plan.id, "superseded", self._runtime.now())
            return None
        except Unavailable:
            # The target is away: the cycle finds that out as well, and its end says so where ends of cycles are judged.
            # Should it be back by now, nothing is sent all the same: the plan was not compared. It stays approved.
            return await self._work.run(CLOSED, read.given)
        if result.problem is None or result.problem.code == MOVED:
            state: plans.PlanState = "applied" if result.problem is None else "superseded"
            await self._db.write(plans.end_plan, plan.id, state, self._runtime.now())
        return result

    async def _stands(self, plan: StoredPlan) -> bool:
        """Whether nothing has moved that the plan depends on, as far as a quick look shows."""
        if not self._is_fresh(plan.looked) or plan.basis.get("setup") != setup_digest(self._job):
            return False
        return not await self._moves(plan.basis.get("watermark"))

    def _is_fresh(self, moment: datetime) -> bool:
        """Whether it was lately; a moment that is still to come, because the clock was set back, was not."""
        return timedelta(0) <= self._runtime.now() - moment < _LOOK_AGAIN_AFTER

    async def _planned(self, last: StoredPlan | None) -> PlannedCycle:
        """The plan of now; where only the moment and the chance that mappings draw are others than before, the one of before."""
        if last is None or last.state not in ("waiting", "rejected"):
            return await self._work.plan(None)
        now = self._runtime.now()
        if timedelta(0) <= now - last.given_at < timedelta(hours=self._job.settings.approval_expires_hours):
            planned = await self._work.plan(last.given)
            same = planned.problem is not None or plan_digest(planned, self._work.digest) == last.digest
            if same or self._is_fresh(last.given_at):
                return planned
        # What depends on the time has its time; what depends on chance stays as it was drawn.
        return await self._work.plan(Given(now, last.seed))

    async def _plan(self, last: StoredPlan | None) -> CycleResult:
        planned = await self._planned(last)
        settings = self._job.settings
        demanded = is_approval_demanded(
            settings.approval, settings.approval_over, operations_in(planned), removes=removes_anything(planned)
        )
        if planned.problem is not None or not demanded:
            if planned.problem is None and last is not None and last.state == "waiting":
                await self._db.write(plans.end_plan, last.id, "superseded", self._runtime.now())
            return await self._work.run(Unapproved(settings.approval, settings.approval_over), planned.given)
        digest = plan_digest(planned, self._work.digest)
        basis = {"watermark": planned.basis.watermark, "setup": setup_digest(self._job)}
        if last is not None and last.state in ("waiting", "rejected") and last.digest == digest:
            await self._db.write(plans.note_looked, last.id, basis, self._runtime.now())
            return _without_a_cycle(last)
        kept = await self._keep(planned, last, digest, basis)
        # Approved while it was planned again: that one is carried out.
        return await self.run() if kept is None else _without_a_cycle(kept)

    async def _keep(
        self, planned: PlannedCycle, last: StoredPlan | None, digest: str, basis: dict[str, Json]
    ) -> StoredPlan | None:
        assert planned.given is not None, "a plan knows what it was made with"
        now, plan_id = self._runtime.now(), self._runtime.new_id()
        follows = last is not None and last.state == "waiting"
        plan = StoredPlan(
            id=plan_id,
            job_id=self._job.id,
            series=last.series if last is not None and follows else plan_id,
            made=now,
            given_at=planned.given.now,
            seed=planned.given.seed,
            looked=now,
            expires=now + timedelta(hours=self._job.settings.approval_expires_hours),
            state="waiting",
            digest=digest,
            basis=basis,
            kind=planned.kind,
            totals=totals(planned),
            warnings=warnings(planned, ()),
        )
        pieces = list(compressed(self._write(planned)))
        name = self._job.display_name
        if not await self._db.write(_keep_and_announce, plan, pieces, self._runtime.new_id(), name):
            return None
        _log.info("plan waits for approval", job=str(self._job.id), plan=str(plan.id))
        return plan


async def _keep_and_announce(tx: Tx, plan: StoredPlan, pieces: list[bytes], notice_id: UUID, job_name: str) -> bool:
    if not await plans.keep_plan(tx, plan, pieces):
        return False
    written = sum(plan.totals[name] for name in ("create", "update", "disable", "delete"))
    message = (
        f"A plan of the job {job_name} waits for approval: {written:,} objects to write, and nothing is sent before. It "
        f"expires {plan.expires:%Y-%m-%d %H:%M} UTC. Look at it: rollcall job show-plan {plan.id}"
    )
    details = {"plan_id": str(plan.id), "totals": plan.totals, "warnings": plan.warnings}
    # Plans that take each other's place are one matter to decide: nobody is told again.
    notice = Notice("approval", f"{AWAITS_APPROVAL} {plan.series}", message, details)
    await announce(tx, plan.job_id, notice_id, notice, plan.made)
    return True


def _without_a_cycle(plan: StoredPlan) -> CycleResult:
    if plan.state == "rejected":
        reason = f"{plan.decided_by} rejected the plan {plan.id}; nothing is sent until something moves."
    else:
        reason = (
            f"The plan {plan.id} waits for approval until {plan.expires:%Y-%m-%d %H:%M} UTC; nothing is sent before."
        )
    return CycleResult(plan.kind, Counts(), Problem(AWAITS_APPROVAL, reason), held=False)
