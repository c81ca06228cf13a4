"""From what is wanted and what is known to a plan: operations in waves, skips with reasons, and the guard."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from rollcall.provisioning.connectors.contract import Refused, Unanswered
from rollcall.provisioning.differences import Change, differences, emptied, values_after
from rollcall.provisioning.guards import Objection, advice
from rollcall.provisioning.model import (
    Desired,
    JobSettings,
    Key,
    Link,
    ObjectMapping,
    Operation,
    PatchOperation,
    Plan,
    Problem,
    Scope,
    Skip,
    Values,
)
from rollcall.provisioning.request_profile import PROFILES

REMOVALS = frozenset({"disable", "delete"})
LEFT_ALONE = "SkipOutOfScopeDeletions"
"""The code of a skip that leaves who is out of scope as they are (rule D7)."""


@dataclass(frozen=True, slots=True)
class Item:
    """One entry, ready to be planned.

    `known` is what the ledger says, `link` what is known after matching; `present` the values the target showed just now, None where
    it was not asked; `problem` what kept the matching from an answer, `refusal` the target's answer that did.
    `filled`: the source attributes that have a value, of those that the guards watch (guards.filled).
    """

    scope: Scope
    desired: Desired
    known: Link
    link: Link
    mapping: ObjectMapping
    present: Values | None = None
    problem: Problem | None = None
    refusal: Refused | Unanswered | None = None
    filled: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Allowance:
    """What the guards let through at this moment of a cycle.

    `room`: how many removals may go out at once, None for any number; a page with more keeps all of its own back until
    they are counted. `objection`: the removals of the page are held back, in the lot `staging`. `keeps`: what an earlier
    cycle held back stays so.
    """

    room: int | None = None
    objection: Objection | None = None
    staging: str | None = None
    keeps: bool = False


UNGUARDED = Allowance()


def plan(
    items: Iterable[Item], settings: JobSettings, allowance: Allowance = UNGUARDED, now: datetime | None = None
) -> Plan:
    """The plan of one page.

    Waves: people who leave go first and wait for nothing; then updates before creations, so that a name
    given up in this page is free for its next owner; groups after users. Removals go out as the guards allow, all of
    this page or none (rules P2, P3); what somebody allowed goes in any case (P4). `now` tells who was disabled long
    enough to be deleted; without it nobody was.
    """
    operations: list[Operation] = []
    skips: list[Skip] = []
    guarded: list[Operation] = []
    kept: list[Operation] = []
    unguarded: set[Key] = set()
    for item in items:
        planned = plan_item(item, settings, now)
        if isinstance(planned, Skip):
            skips.append(planned)
        elif planned.action not in REMOVALS:
            operations.append(planned)
        elif item.known.staged == "allowed":
            operations.append(planned)
            unguarded.add(planned.key)
        elif allowance.keeps and item.known.staged == "held":
            kept.append(planned)
        else:
            operations.append(planned)
            guarded.append(planned)
    held: list[Operation] = []
    counting: list[Operation] = []
    if allowance.objection is not None:
        held = guarded
    elif allowance.room is not None and len(guarded) > allowance.room:
        counting = guarded
    back = {each.key for each in (*held, *counting)}
    operations = [each for each in operations if each.key not in back]
    return Plan(
        _waves(operations),
        tuple(skips),
        tuple(held),
        "" if allowance.objection is None else f"{allowance.objection.because} {advice(allowance.objection.guard)}",
        allowance.staging,
        tuple(counting),
        tuple(kept),
        frozenset(unguarded),
    )


_WAVES = (
    (("User", "disable"), ("User", "delete")),
    (("User", "update"),),
    (("User", "create"),),
    (("Group", "delete"), ("Group", "update")),
    (("Group", "create"),),
)


def _waves(operations: Sequence[Operation]) -> tuple[tuple[Operation, ...], ...]:
    waves = (
        tuple(operation for operation in operations if (operation.key.kind, operation.action) in wave)
        for wave in _WAVES
    )
    return tuple(wave for wave in waves if wave)


def plan_item(item: Item, settings: JobSettings, now: datetime | None = None) -> Operation | Skip:
    """What to do for one entry, or why nothing."""
    if item.problem is not None:
        return Skip(item.desired.key, item.problem.code, item.problem.reason, failed=True)
    if item.scope.verdict == "undecided":
        return Skip(item.desired.key, "AttributeValidationFailed", item.scope.reason, failed=True)
    if item.scope.verdict == "ignored":
        return Skip(item.desired.key, "EntrySynchronizationSkipped", item.scope.reason, silent=_is_noise(item))
    if item.scope.verdict == "active":
        return _plan_active(item, settings)
    return _plan_leaver(item, settings, now)


def _plan_active(item: Item, settings: JobSettings) -> Operation | Skip:
    desired, link = item.desired, item.link
    if desired.problem is not None:
        return _problem_skip(desired.key, desired.problem)
    if link.state == "linked":
        return _update_or_skip(item, settings)
    if not desired.matching:
        reason = "No matching attribute has a value, so the object can't be told apart in the target."
        return Skip(desired.key, "EntryJoiningPropertyValueIsMissing", reason)
    if not item.mapping.create:
        return Skip(desired.key, "EntrySynchronizationSkipped", "The mapping does not create objects (rule A13).")
    if desired.missing:
        reason = f"{', '.join(desired.missing)}: required, and there is no value for it (rule A7)."
        return Skip(desired.key, "AttributeValidationFailed", reason, failed=True)
    values = {**desired.on_create, **desired.values}
    return Operation(
        desired.key,
        "create",
        None,
        values,
        changes=tuple((path, None, value) for path, value in values.items()),
        matching=desired.matching,
    )


def _problem_skip(key: Key, problem: Problem) -> Skip:
    """Why nothing is sent where the mappings gave no resource; one that says to leave the object alone is no fault."""
    return Skip(key, problem.code, problem.reason, failed=problem.code != "EntrySynchronizationSkipped")


def _plan_leaver(item: Item, settings: JobSettings, now: datetime | None) -> Operation | Skip:
    """Disable, delete or leave alone, by what became of the object in the source and what the job is told (rule D1)."""
    key, link, scope = item.desired.key, item.link, item.scope
    if link.state == "absent":
        return Skip(key, "NotEffectivelyEntitled", scope.reason, silent=_is_noise(item))
    if settings.skip_out_of_scope_deletions and not _is_deleted(item):
        return Skip(key, LEFT_ALONE, f"{scope.reason} The job leaves such objects as they are (D7).")
    because = "" if scope.verdict == "gone" else scope.reason
    if scope.verdict == "inactive" and settings.soft_delete:
        because = _why_deleted_now(item, settings, now)
        if not because:
            return _update_or_skip(item, settings)
    if not item.mapping.delete:
        return Skip(key, "EntrySynchronizationSkipped", "The mapping does not delete objects (rule A13).")
    return Operation(key, "delete", link.target_id, {}, changes=_all_gone(link), reason=because)


def _is_deleted(item: Item) -> bool:
    """Whether the object itself is gone, rather than out of scope; a user in the recycle bin is out of scope (D7)."""
    if item.scope.verdict == "gone":
        return True
    return item.scope.verdict == "out" and item.scope.details.get("Active in the source system") is False


def _why_deleted_now(item: Item, settings: JobSettings, now: datetime | None) -> str:
    """Why somebody who is disabled already is deleted now; or nothing."""
    since, days = item.link.disabled_at, settings.delete_after_days
    if not days or since is None or now is None or not item.mapping.delete or now - since < timedelta(days=days):
        return ""
    passed = (now - since) / timedelta(days=1)
    whole = f"{int(passed)}" if passed >= 1 else f"{passed:.2g}"
    state = "Disabled" if item.link.disabled else "Out of scope"
    return f"{state} for {whole} {'day' if whole == '1' else 'days'}; the job deletes after {days:g}."


def _is_noise(item: Item) -> bool:
    """Whether it goes without saying that nothing is done: for somebody who never had to do with the application."""
    never_assigned = item.scope.details.get("Assigned to the application") is False
    return item.link.state == "absent" and (never_assigned or item.scope.verdict == "gone")


def _all_gone(link: Link) -> tuple[Change, ...]:
    return tuple((path, value, None) for path, value in link.sent.items())


def _update_or_skip(item: Item, settings: JobSettings) -> Operation | Skip:
    desired, link = item.desired, item.link
    leaving = item.scope.verdict == "inactive"
    if leaving and desired.problem is not None:
        return _problem_skip(desired.key, desired.problem)
    if leaving and not desired.disables:
        return Skip(desired.key, "EntrySynchronizationSkipped", "No mapping of IsSoftDeleted says how to disable.")
    before = link.sent if item.present is None else item.present
    differing = tuple(differences(desired, before, read=item.present is not None))
    changes = _lockout_alone(item, differing)
    if not changes:
        if leaving:
            return Skip(desired.key, "RedundantSoftDelete", f"{item.scope.reason} The account is disabled already.")
        return Skip(desired.key, "RedundantExport", "Source and target agree.")
    if required := emptied(desired, changes):
        reason = f"{', '.join(required)}: required, and there is no value for it any more (rule A7)."
        return Skip(desired.key, "AttributeValidationFailed", reason, failed=True)
    if not item.mapping.update:
        return Skip(desired.key, "EntrySynchronizationSkipped", "The mapping does not update objects (rule A13).")
    later = {change[0] for change in differing} - {change[0] for change in changes}
    return Operation(
        desired.key,
        "disable" if leaving and _locks_out(desired, changes) else "update",
        link.target_id,
        values_after(desired, before, changes, later),
        changes=changes,
        patch=_patch(item, settings, changes, before),
    )


def _locks_out(desired: Desired, changes: tuple[Change, ...]) -> bool:
    """Whether the changes of somebody who leaves are more than another name."""
    names = {attribute for attribute, _ in desired.matching}
    return any(path not in names and old != new for path, old, new in changes)


def _lockout_alone(item: Item, changes: tuple[Change, ...]) -> tuple[Change, ...]:
    """For somebody who leaves and whose last request failed: what locks them out, without the rest.

    A new name that the target refuses must not keep somebody who left signed in.
    """
    if item.scope.verdict != "inactive" or item.known.escrow is None:
        return changes
    names = {attribute for attribute, _ in item.desired.matching}
    return tuple(change for change in changes if change[0] not in names) or changes


def interim(item: Item, settings: JobSettings, attributes: Collection[str], prefix: str) -> Operation:
    """The update that gives an object values for the meantime, so that others may have those it gives up."""
    desired, link = item.desired, item.link
    before = link.sent if item.present is None else item.present
    names = {path: f"{prefix}{desired.values[path]}" for path in sorted(attributes)}
    changes = tuple((path, before.get(path), name) for path, name in names.items())
    return Operation(
        desired.key,
        "update",
        link.target_id,
        {**before, **names},
        changes=changes,
        patch=_patch(item, settings, changes, before),
        reason="It waits for the name of another object that waits for its own; with this one the names are exchanged.",
        interim=True,
    )


def _patch(item: Item, settings: JobSettings, changes: Sequence[Change], before: Values) -> tuple[PatchOperation, ...]:
    """What carries out the changes, in the words of the job's request profile."""
    assert item.link.target_id is not None, "only what is in the target is updated"
    return PROFILES[settings.request_profile].update(item.desired.key.kind, item.link.target_id, changes, before)
