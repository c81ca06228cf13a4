"""Sends the references that are due: members and managers, after the objects they tie together."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from rollcall.provisioning import guarding
from rollcall.provisioning.connectors.contract import Done, Found, Outcome, Refused, Unanswered
from rollcall.provisioning.escrows import next_escrow, retry_sentence
from rollcall.provisioning.failure_classes import may_be_about_one
from rollcall.provisioning.last_exchange import NOTHING_HIDDEN, last_exchange
from rollcall.provisioning.ledger_contract import Exhausted, ReferenceOutcome, SharedExchange
from rollcall.provisioning.log_steps import exchange_of
from rollcall.provisioning.model import (
    Escrow,
    Json,
    Key,
    Link,
    LogRecord,
    Problem,
    Reference,
    ReferenceKey,
    ReferenceOperation,
)
from rollcall.provisioning.redaction import Hidden, without
from rollcall.provisioning.references import halves, plan_references
from rollcall.provisioning.request_profile import PROFILES, Ends
from rollcall.provisioning.road import Road
from rollcall.provisioning.target_schema import is_multi_valued_reference

_SWEEP_BITS = (1 << 63) - 1
_ROWS = 2000
_GROUPS = 50
_TOO_LARGE = 413
_MEMBER_BYTES = 100
"""What one member takes in a request, by a wide margin; a limit on the size of requests is one on members."""


async def take_pending_members(road: Road) -> None:
    """Compare the whole list of members of new groups, and of all groups in a reading of everything."""
    while road.exporter.stopped is None:
        groups = await road.ledger.groups_with_pending_members(_GROUPS)
        if not groups:
            return
        for group in groups:
            # A number that no pass ever had, so that what a pass that was cut off has marked does not count in this one.
            sweep = road.runtime.new_id().int & _SWEEP_BITS
            after: str | None = None
            while members := await road.source.members(group.id, after, _ROWS):
                await road.ledger.take_members(group, members, sweep)
                after = members[-1].id
            await road.ledger.finish_members(group, sweep)


@dataclass(slots=True)
class _Pass:
    """What one batch of references comes to."""

    now: datetime
    names: dict[Key, str]
    hidden: Hidden = NOTHING_HIDDEN
    present: list[ReferenceKey] = field(default_factory=list)
    absent: list[ReferenceKey] = field(default_factory=list)
    failed: dict[ReferenceKey, Escrow] = field(default_factory=dict)
    exchanges: list[SharedExchange] = field(default_factory=list)
    suspects: dict[Key, Problem] = field(default_factory=dict)
    lost: dict[Key, Problem] = field(default_factory=dict)
    log: list[LogRecord] = field(default_factory=list)


async def send_due_references(road: Road) -> None:
    """Batch after batch, until nothing is due now."""
    now = road.runtime.now()
    if road.exporter.stopped is None:
        await guarding.hold_references(road, now)
    while road.exporter.stopped is None:
        rows = await road.ledger.due_references(now, _ROWS)
        if not rows:
            return
        plan = plan_references(rows, _members_per_request(road))
        idle = [row.key for row in plan.waiting + plan.settled]
        links = await road.ledger.known(_named(road, plan.operations))
        # What an input filter leaves alone waits until that changes, which makes its references due again.
        left = {key for key, link in links.items() if link.left_alone}
        idle += [row.key for each in plan.operations if each.source in left for row in each.added + each.removed]
        operations = [each for each in plan.operations if each.source not in left]
        if refused := road.gate.references(operations):
            road.exporter.stopped = refused
            return
        await road.ledger.intend_references([row.key for each in operations for row in each.added + each.removed])
        batch = _Pass(now, {key: link.name for key, link in links.items()}, _hidden(road, links.values()))
        road.exporter.hidden = batch.hidden
        await _send(road, await _not_set_yet(road, operations, batch), batch)
        _settled(batch, plan.settled)
        await road.ledger.commit_references(await _outcome(road, batch, idle))
        for record in batch.log:
            road.exporter.meter.operated(record.action, record.status)
        road.counts.requests = road.exporter.traffic.requests
        await road.observer(road.counts)


async def _send(road: Road, operations: Sequence[ReferenceOperation], batch: _Pass) -> None:
    """Send operations; one that a target refuses because of a single reference is halved until that one is found."""
    while operations:
        began = road.runtime.monotonic()
        ends = Ends(road.target.location, batch.names)
        profile = PROFILES[road.settings.request_profile]
        answers = await road.exporter.update_all(
            [
                (operation.source.kind, operation.target_id, profile.references(operation, ends))
                for operation in operations
            ]
        )
        duration = int((road.runtime.monotonic() - began) * 1000)
        again: list[ReferenceOperation] = []
        for operation, answer in zip(operations, answers, strict=True):
            parts = halves(operation) if may_be_about_one(answer) else None
            if parts is not None and isinstance(answer, Refused) and answer.status == _TOO_LARGE:
                _learn_limit(road, operation)
            if parts is not None:
                again.extend(parts)
            else:
                _settle(road, batch, operation, answer, duration)
        operations = again


def _hidden(road: Road, links: Collection[Link]) -> Hidden:
    """What must be shown nowhere of these objects, as far as it was sent."""
    redacted = {kind: compiled.redacted for kind, compiled in road.mappings.items()}
    paths = frozenset().union(*redacted.values())
    values = (link.sent.get(path) for link in links for path in redacted.get(link.key.kind, ()))
    return Hidden(paths, tuple(value for value in values if value is not None))


def _members_per_request(road: Road) -> int:
    """As many as the job's settings say, and no more than the target is known to take."""
    known = road.target.capabilities
    limits = (known.members_per_patch, known.bulk_bytes // _MEMBER_BYTES)
    return min(
        road.settings.members_per_request, *(limit for limit in limits if limit), road.settings.members_per_request
    )


def _learn_limit(road: Road, operation: ReferenceOperation) -> None:
    half = max(1, (len(operation.added) + len(operation.removed)) // 2)
    if half < _members_per_request(road):
        road.target.capabilities = road.target.capabilities.known("learnt", members_per_patch=half)


def _named(road: Road, operations: Sequence[ReferenceOperation]) -> set[Key]:
    """Whose names are needed: those of the objects the references start at, and of new members where they are sent."""
    named = {operation.source for operation in operations}
    if road.settings.request_profile == "okta":
        named |= {row.key.referenced for operation in operations for row in operation.added}
    return named


async def _not_set_yet(
    road: Road, operations: Sequence[ReferenceOperation], batch: _Pass
) -> Sequence[ReferenceOperation]:
    """The operations without those whose manager is set already, where the profile asks first (rule R4).

    A target that can't be asked so is written to all the same.
    """
    if not PROFILES[road.settings.request_profile].checks_manager:
        return operations
    asked = [each for each in operations if each.added and not is_multi_valued_reference(each.attribute)]
    answers = await road.exporter.send_all([_is_set(road, each) for each in asked])
    already: set[ReferenceKey] = set()
    for operation, answer in zip(asked, answers, strict=True):
        if isinstance(answer, Found) and answer.total == 1:
            _arrived(batch, operation)
            already.update(row.key for row in operation.added)
    return [each for each in operations if not each.added or each.added[0].key not in already]


def _is_set(road: Road, operation: ReferenceOperation) -> Callable[[], Awaitable[Found | Refused | Unanswered]]:
    referenced_id = operation.added[0].referenced_target_id
    assert referenced_id is not None, "only references with both ends in the target are sent"
    return lambda: road.target.refers(operation.source.kind, operation.target_id, "manager", referenced_id)


def _settle(road: Road, batch: _Pass, operation: ReferenceOperation, answer: Outcome | None, duration: int) -> None:
    rows = operation.added + operation.removed
    if answer is None:
        return  # not attempted; it stays due, and the next cycle sends it
    if not isinstance(answer, Refused):
        guarding.count_references(road, operation)
    if isinstance(answer, Done):
        _arrived(batch, operation)
        road.counts.references_added += len(operation.added)
        road.counts.references_removed += len(operation.removed)
        _log(road, batch, operation, "success", duration, answer)
        return
    # A target may repeat more of an object than was sent for its references.
    answer = replace(answer, reason=without(answer.reason, batch.hidden))
    road.counts.references_failed += len(rows)
    for row in rows:
        batch.failed[row.key] = _escrow(road, batch, row, answer)
    if kept := last_exchange(answer, batch.now, operation.source.kind, batch.hidden):
        shared = SharedExchange(
            str(road.runtime.new_id()), replace(kept, number=len(rows)), tuple(row.key for row in rows)
        )
        batch.exchanges.append(shared)
    latest = max((batch.failed[row.key] for row in rows), key=lambda escrow: escrow.next_attempt)
    _log(road, batch, operation, "failure", duration, answer, retry_sentence(latest))
    if may_be_about_one(answer):
        # Either end may be gone from the target: both are read before the reference is tried again. Every other time, or
        # what was read would be sent again in each cycle, and never wait for its time.
        problem = Problem("InvalidAnchor", f"The target refused a reference: {answer.reason}")
        for row in rows:
            if batch.failed[row.key].attempts % 2:
                batch.suspects[row.key.source] = problem
                batch.suspects[row.key.referenced] = problem


def _arrived(batch: _Pass, operation: ReferenceOperation) -> None:
    """The target holds these references as they are wanted."""
    batch.present.extend(row.key for row in operation.added)
    batch.absent.extend(row.key for row in operation.removed)


def _settled(batch: _Pass, rows: Sequence[Reference]) -> None:
    """What failed and is as it is wanted all the same, because the source changed its mind, fails no more."""
    failed = [row for row in rows if row.escrow is not None]
    batch.present.extend(row.key for row in failed if row.wanted)
    batch.absent.extend(row.key for row in failed if not row.wanted)


def _escrow(road: Road, batch: _Pass, row: Reference, answer: Refused | Unanswered) -> Escrow:
    """When a reference is tried again; at once the first time where its ends are read before (see below)."""
    escrow = next_escrow(row.escrow, Problem(answer.code, answer.reason), batch.now, road.settings)
    if may_be_about_one(answer) and escrow.attempts == 1:
        return replace(escrow, next_attempt=batch.now)
    return escrow


async def _outcome(road: Road, batch: _Pass, idle: Sequence[ReferenceKey]) -> ReferenceOutcome:
    known = await road.ledger.known(list(batch.suspects)) if batch.suspects else {}
    links = [_suspected(road, batch, link) for link in known.values() if link.state == "linked"]
    given_up = [
        f"{key.attribute} of {_named_in(batch, key.source)}" for key, each in batch.failed.items() if each.given_up
    ]
    given_up += [f"{link.key.kind} {link.name}" for link in links if link.escrow is not None and link.escrow.given_up]
    names = tuple(dict.fromkeys(given_up))
    return ReferenceOutcome(
        present=batch.present,
        absent=batch.absent,
        failed=batch.failed,
        idle=idle,
        links=links,
        log=batch.log,
        exchanges=batch.exchanges,
        exhausted=Exhausted(str(road.runtime.new_id()), batch.now, names) if names else None,
    )


def _named_in(batch: _Pass, key: Key) -> str:
    return f"{key.kind} {batch.names.get(key, key.id)}"


def _suspected(road: Road, batch: _Pass, link: Link) -> Link:
    """The link of an end that may be gone: to be read before it is believed."""
    escrow = next_escrow(link.escrow, batch.suspects[link.key], batch.now, road.settings)
    return replace(link, state="uncertain", escrow=escrow)


def _log(
    road: Road,
    batch: _Pass,
    operation: ReferenceOperation,
    status: str,
    duration: int,
    answer: Outcome,
    retry: str = "",
) -> None:
    """One record for one request; a request with many references names how many, and all of them as changes."""
    action = "update"
    many = len(operation.added) + len(operation.removed)
    description = f"{len(operation.added)} added to and {len(operation.removed)} removed from {operation.attribute}."
    code = "" if isinstance(answer, Done) else answer.code
    reason = description if isinstance(answer, Done) else f"{description} {answer.reason} {retry}"
    step = {
        "name": "EntryExportUpdate",
        "provisioningStepType": "referenceResolution",
        "status": status,
        "description": reason,
        "details": {"References": str(many), "Attribute": operation.attribute, **exchange_of(answer)},
    }
    batch.log.append(
        LogRecord(
            id=str(road.runtime.new_id()),
            at=batch.now,
            cycle_id=road.cycle_id,
            key=operation.source,
            name=batch.names.get(operation.source, operation.source.id),
            target_id=operation.target_id,
            action=action,
            status="success" if isinstance(answer, Done) else "failure",
            code=code,
            reason=reason,
            duration_milliseconds=duration,
            steps=(step,),
            modified=_changes(operation.attribute, operation.added, operation.removed),
        )
    )


def _changes(
    attribute: str, added: Sequence[Reference], removed: Sequence[Reference]
) -> tuple[tuple[str, Json, Json], ...]:
    gone = tuple((attribute, _end(row), None) for row in removed)
    return gone + tuple((attribute, None, _end(row)) for row in added)


def _end(row: Reference) -> Json:
    """The referenced object as the log shows it: its id in the source with its name beside it, as far as that is known."""
    referenced = row.key.referenced.id
    return {"value": referenced, "display": row.referenced_name} if row.referenced_name else referenced
