"""What somebody may do about failures: look at one, have them tried again, give them up. Commands and pages call this."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from rollcall.db import TenantDatabase, Tx
from rollcall.errors import Invalid, NotFound
from rollcall.provisioning.cycles import tell
from rollcall.provisioning.escrow_exchanges import exchanges_of, exchanges_of_references
from rollcall.provisioning.failure_classes import class_of
from rollcall.provisioning.failures import (
    Failure,
    FailureCounts,
    FailureFilter,
    FailureKey,
    count_failures,
    failed_among,
    list_failures,
    mark_given_up,
    retry_now,
)
from rollcall.provisioning.job_states import schedule
from rollcall.provisioning.ledger import append_log
from rollcall.provisioning.log_record import Initiator
from rollcall.provisioning.model import Exchange, Key, LogRecord
from rollcall.runtime import Runtime

_AT_A_TIME = 1000
_NAME_CHARACTERS = 200


@dataclass(frozen=True, slots=True)
class FailureDetails:
    """One failure with the last request and its answer, where one was sent, and what somebody can do about it."""

    failure: Failure
    exchange: Exchange | None
    remedy: str


async def failures_of(tx: Tx, job_id: UUID, key: Key, limit: int = 100) -> list[FailureDetails]:
    """What failed of one object: itself, and references at either end of it. Raises NotFound when nothing did."""
    found = await list_failures(tx, job_id, FailureFilter(keys=[key]), limit=limit)
    if not found:
        raise await _nothing_failed(tx, job_id, [key])
    own = await exchanges_of(tx, job_id, {Key(each.kind, each.source_id) for each in found if not each.attribute})
    shared = await exchanges_of_references(tx, job_id, [each.at for each in found if each.attribute])
    return [
        FailureDetails(
            each,
            shared.get(each.at) if each.attribute else own.get(Key(each.kind, each.source_id)),
            class_of(each.code).remedy,
        )
        for each in found
    ]


async def retry_failures(
    db: TenantDatabase, job_id: UUID, keys: Sequence[Key] | None, who: Initiator, now: datetime
) -> FailureCounts:
    """Have these objects, with the references at either end of them, or everything that failed tried again now.

    How many they are. A worker that serves the job begins at once, and the log names `who`. Raises NotFound that lists the objects of which
    nothing failed; then nothing is done.
    """
    return await db.write(_retry, job_id, keys, who, now)


async def _retry(tx: Tx, job_id: UUID, keys: Sequence[Key] | None, who: Initiator, now: datetime) -> FailureCounts:
    await _check_failed(tx, job_id, keys)
    counts = await retry_now(tx, job_id, FailureFilter(keys=keys), who, now)
    await schedule(tx, job_id)
    return counts


async def give_up_failures(
    db: TenantDatabase, runtime: Runtime, job_id: UUID, keys: Sequence[Key] | None, by: str
) -> FailureCounts:
    """Take these objects, with the references at either end of them, or everything that failed off the schedule.

    They are tried again when they change, when everything is evaluated again, or when they are retried. `by` is who
    decides so; the log names them. Raises Invalid without a name, and NotFound as `retry_failures` does.
    """
    by = " ".join(by.split())
    if not by or len(by) > _NAME_CHARACTERS or not by.isprintable():
        raise Invalid(f"Who gives up? A name of 1 to {_NAME_CHARACTERS} printable characters is needed.")
    await db.read(_check_failed, job_id, keys)
    which = FailureFilter(keys=keys, given_up=False)
    command = str(runtime.new_id())
    after: FailureKey | None = None
    objects = references = 0
    while failures := await db.write(_give_up_some, runtime, job_id, which, after, command, by):
        after = failures[-1].at
        objects += sum(not each.attribute for each in failures)
        references += sum(bool(each.attribute) for each in failures)
    return FailureCounts(objects, references, objects + references)


async def _give_up_some(
    tx: Tx, runtime: Runtime, job_id: UUID, which: FailureFilter, after: FailureKey | None, command: str, by: str
) -> list[Failure]:
    failures = await list_failures(tx, job_id, which, after, _AT_A_TIME)
    who = Initiator(display_name=by, type="user")
    await mark_given_up(tx, job_id, failures)
    await append_log(tx, job_id, [_record(each, runtime, command, by) for each in failures], who)
    await tell(tx, job_id)
    await schedule(tx, job_id, tell=False)
    return failures


def _record(failure: Failure, runtime: Runtime, command: str, by: str) -> LogRecord:
    what = f"The reference {failure.attribute} to {failure.referenced_name}" if failure.attribute else "This object"
    times = "1 attempt" if failure.attempts == 1 else f"{failure.attempts} attempts"
    reason = (
        f"{what} was given up by {by} after {times}. It is tried again when it changes, when everything is evaluated "
        f"again, or when it is retried. The last reason: {failure.reason}"
    )
    return LogRecord(
        id=str(runtime.new_id()),
        at=runtime.now(),
        cycle_id=command,
        key=Key(failure.kind, failure.source_id),
        name=failure.name,
        target_id=None,
        action="other",
        status="warning",
        code=failure.code,
        reason=reason,
        duration_milliseconds=0,
        steps=(),
        modified=(),
    )


async def _check_failed(tx: Tx, job_id: UUID, keys: Sequence[Key] | None) -> None:
    """Raises NotFound when nothing failed of one of these objects."""
    if keys is None:
        return
    failed = await failed_among(tx, job_id, keys)
    if whole := [key for key in keys if key not in failed]:
        raise await _nothing_failed(tx, job_id, whole)


async def _nothing_failed(tx: Tx, job_id: UUID, keys: Sequence[Key]) -> NotFound:
    counts = await count_failures(tx, job_id, FailureFilter())
    named = ", ".join(f"{key.kind} {key.id}" for key in keys[:10])
    if not counts.total:
        return NotFound(f"Nothing failed of {named}, nor of anything else in this job.")
    return NotFound(f"Nothing failed of {named}. What did: rollcall job failures list ({counts.total:,} in all).")
