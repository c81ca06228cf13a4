"""From the outcomes of a page to what is remembered of it: links, references that are due, and log lines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from rollcall.provisioning import redaction
from rollcall.provisioning.conflicts import Holder, conflict_reason
from rollcall.provisioning.connectors.contract import Done, Outcome, Refused, Unanswered
from rollcall.provisioning.differences import is_reached, values_after
from rollcall.provisioning.escrows import next_escrow, retry_sentence
from rollcall.provisioning.failure_classes import is_doubtful
from rollcall.provisioning.last_exchange import last_exchange
from rollcall.provisioning.ledger_contract import Commit, Exhausted, SingleReference
from rollcall.provisioning.log_steps import Happened, LogStatus, name_of, record_of
from rollcall.provisioning.model import (
    Escrow,
    Exchange,
    JobSettings,
    Key,
    Link,
    LogRecord,
    Operation,
    Plan,
    Problem,
    Skip,
    Values,
)
from rollcall.provisioning.planning import LEFT_ALONE, Item
from rollcall.provisioning.redaction import Hidden, without

Result = tuple[Operation, Outcome | None, int]

_PRECONDITION_FAILED = 412


@dataclass(frozen=True, slots=True)
class Conclusion:
    """What a page comes to: what to commit, operations done by action, and which objects failed."""

    commit: Commit
    done: Mapping[str, int]
    failed: frozenset[Key]


@dataclass(slots=True)
class _Page:
    """What is gathered while the items of a page are concluded."""

    now: datetime
    new_id: Callable[[], str]
    cycle_id: str
    generation: int
    settings: JobSettings
    holders: Mapping[Key, Sequence[Holder]]
    links: list[Link] = field(default_factory=list)
    dropped: list[Key] = field(default_factory=list)
    lost: set[Key] = field(default_factory=set)
    touched: set[Key] = field(default_factory=set)
    returned: set[Key] = field(default_factory=set)
    log: list[LogRecord] = field(default_factory=list)
    done: Counter[str] = field(default_factory=Counter)
    failed: set[Key] = field(default_factory=set)
    exchanges: dict[Key, Exchange | None] = field(default_factory=dict)
    exhausted: list[str] = field(default_factory=list)


def intents(items: Sequence[Item], plan: Plan) -> list[Link]:
    """The links as they have to be remembered before the plan is carried out: uncertain."""
    by_key = {item.desired.key: item for item in items}
    marked = []
    for operation in plan.operations:
        item = by_key[operation.key]
        marked.append(
            replace(
                item.link,
                name=item.desired.name,
                state="uncertain",
                disabled=item.link.disabled or operation.action == "disable",
                intent_matching=operation.matching,
                withheld=False,
                staged="allowed" if operation.key in plan.unguarded else "",
                staging=item.known.staging if operation.key in plan.unguarded else None,
                escrow=item.known.escrow,
            )
        )
    return marked


def lost_by_looking(items: Sequence[Item]) -> set[Key]:
    """Objects whose linked target resource turned out to be another one, or none."""
    return {
        item.desired.key
        for item in items
        if item.known.target_id is not None and item.link.target_id != item.known.target_id
    }


def conclude(
    items: Sequence[Item],
    plan: Plan,
    results: Sequence[Result],
    *,
    now: datetime,
    new_id: Callable[[], str],
    cycle_id: str,
    generation: int,
    settings: JobSettings,
    members_pending: bool,
    owners: Mapping[tuple[str, str], Key] | None = None,
    holders: Mapping[Key, Sequence[Holder]] | None = None,
) -> Conclusion:
    """What the page comes to.

    `members_pending`: the members of every group of this page are to be compared anew. `owners`: which source
    objects the ids of created resources belong to already. `holders`: who has the values that the target refused.
    """
    page = _Page(now, new_id, cycle_id, generation, settings, holders or {})
    by_result = {result[0].key: result for result in _without_stolen_ids(results, owners or {})}
    by_skip = {skip.key: skip for skip in plan.skips}
    withheld = {operation.key: operation for operation in plan.withheld}
    counting, kept = ({each.key for each in operations} for operations in (plan.counting, plan.kept))
    singles: list[SingleReference] = []
    for item in items:
        key = item.desired.key
        if key in by_result:
            link = _after_operation(page, item, *by_result[key])
        elif key in withheld:
            link = _after_withholding(page, item, withheld[key], plan)
        elif key in counting:
            link = replace(item.link, withheld=True, staged="counting", staging=None, escrow=item.known.escrow)
        elif key in kept:
            link = replace(item.link, escrow=None)
        else:
            link = _after_skip(page, item, by_skip[key])
        # What was not attempted was not seen either: a reading of everything has to come back to it.
        attempted = not (key in by_result and by_result[key][1] is None) and not _is_not_attempted(by_skip.get(key))
        _remember(page, item, link, attempted=attempted, members_pending=members_pending)
        if item.scope.verdict == "active":
            singles.extend(
                SingleReference(key, attribute, keys[0] if keys else None)
                for attribute, keys in item.desired.references.items()
            )
    commit = Commit(
        links=page.links,
        dropped=page.dropped,
        lost=page.lost,
        touched=page.touched,
        returned=page.returned,
        single_references=singles,
        log=page.log,
        exchanges=page.exchanges,
        exhausted=Exhausted(new_id(), now, tuple(page.exhausted)) if page.exhausted else None,
    )
    return Conclusion(commit, page.done, frozenset(page.failed))


def _without_stolen_ids(results: Sequence[Result], owners: Mapping[tuple[str, str], Key]) -> Iterator[Result]:
    """The results, where a creation that was answered with the id of another object's resource is a failure."""
    taken = dict(owners)
    for operation, outcome, duration in results:
        if operation.action != "create" or not isinstance(outcome, Done):
            yield operation, outcome, duration
            continue
        target_id = created_id(outcome)
        owner = taken.setdefault((operation.key.kind, target_id), operation.key)
        if owner == operation.key:
            yield operation, outcome, duration
            continue
        reason = f"The target answered the creation with id {target_id}, which belongs to {owner.kind} {owner.id}."
        yield operation, Refused("DuplicateTargetEntries", reason), duration


def is_conflict(outcome: Outcome | None) -> bool:
    """Whether the target refused a value because another resource has it."""
    return isinstance(outcome, Refused) and outcome.code == "EntryConflict" and outcome.status != _PRECONDITION_FAILED


def created_id(outcome: Done) -> str:
    """The id of a resource that was created."""
    assert outcome.resource is not None, "a creation is done when its id is known"
    return str(outcome.resource["id"])


def _is_not_attempted(skip: Skip | None) -> bool:
    return skip is not None and skip.code == "NotAttempted"


def _remember(page: _Page, item: Item, link: Link, *, attempted: bool, members_pending: bool) -> None:
    known = item.known
    if known.target_id is not None and link.target_id != known.target_id:
        page.lost.add(link.key)
    if attempted and item.scope.verdict != "undecided":
        link = replace(link, left_alone=item.scope.verdict == "ignored")
    if known.escrow is not None and link.escrow is None:
        page.exchanges[link.key] = None
    if (known.state, known.target_id, known.left_alone) != (link.state, link.target_id, link.left_alone):
        page.touched.add(link.key)
    if not link.may_exist and link.escrow is None:
        page.dropped.append(link.key)
        return
    if not link.withheld:
        link = _without_staging(item, link, attempted=attempted)
        # What somebody lost is evidence as long as their removal waits; whoever rejects it wants it judged again.
        link = replace(link, filled=item.filled if attempted else known.filled)
    fresh = link.target_id is not None and link.target_id != known.target_id
    pending = link.key.kind == "Group" and link.may_exist and (known.members_pending or fresh or members_pending)
    generation = page.generation if attempted else known.generation
    page.links.append(replace(link, name=item.desired.name, generation=generation, members_pending=pending))


def _without_staging(item: Item, link: Link, *, attempted: bool) -> Link:
    """The link of somebody whose removal is kept back no more; what was allowed stays so until it has come about."""
    open_still = not attempted or link.state == "uncertain" or link.escrow is not None
    if item.known.staged == "allowed" and open_still and item.scope.verdict != "active":
        return replace(link, staged="allowed", staging=item.known.staging)
    return replace(link, staged="", staging=None)


def _after_operation(page: _Page, item: Item, operation: Operation, outcome: Outcome | None, duration: int) -> Link:
    if outcome is None:
        # Not attempted: nothing happened, so what was known before stays true.
        return replace(item.link, escrow=item.known.escrow)
    if isinstance(outcome, Done):
        page.done[operation.action] += 1
        _log(
            page, item, operation.action, "success", operation=operation, outcome=outcome, duration=duration,
            reason=operation.reason,
        )  # fmt: skip
        return _after_success(page, item, operation, outcome)
    if operation.action == "delete" and isinstance(outcome, Refused) and outcome.status == 404:
        page.done["delete"] += 1
        _log(
            page, item, "delete", "success", operation=operation, outcome=outcome, duration=duration,
            reason="It was gone already.",
        )  # fmt: skip
        return item.link.forgotten()
    page.failed.add(item.desired.key)
    holders = page.holders.get(operation.key, ())
    said = without(outcome.reason, hidden_of(item))
    problem = Problem(outcome.code, conflict_reason(said, holders, item.desired.redacted))
    link = _after_failure(item, operation, outcome)
    if item.known.target_id is not None and link.target_id is None:
        problem = Problem("InvalidAnchor", "The linked object is gone from the target; it is matched again.")
    escrow = _escrow(page, item, problem, outcome)
    link = replace(link, withheld=False, escrow=escrow, disabled_at=_unless_back(item, link))
    _log(
        page, item, operation.action, "failure", operation=operation, outcome=outcome, duration=duration,
        code=problem.code, reason=_with_retry(problem.reason, link),
    )  # fmt: skip
    return link


def _after_success(page: _Page, item: Item, operation: Operation, outcome: Done) -> Link:
    if operation.action == "delete":
        return item.link.forgotten()
    target_id = item.link.target_id
    if operation.action == "create":
        target_id = created_id(outcome)
    leaving = item.scope.verdict == "inactive"
    if _returns(item, operation):
        page.returned.add(operation.key)
    return replace(
        item.link,
        state="linked",
        target_id=target_id,
        sent=operation.values,
        disabled=leaving and (item.link.disabled or not operation.interim),
        disabled_at=_since(item, page.now) if leaving else None,
        intent_matching=(),
        withheld=False,
        escrow=_rest(page, item, operation),
    )


def _since(item: Item, now: datetime) -> datetime:
    return item.link.disabled_at or now


def _unless_back(item: Item, link: Link) -> datetime | None:
    """Since when somebody is out of scope: who is back, even where that can't be told the target yet, is not."""
    return None if item.scope.verdict == "active" else link.disabled_at


def _returns(item: Item, operation: Operation | None) -> bool:
    """Whether somebody comes back who was disabled, by us or by hand: many targets drop memberships meanwhile."""
    enabled = operation is not None and any(
        path == "active" and new is True and old not in (None, True) for path, old, new in operation.changes
    )
    return item.scope.verdict == "active" and item.known.may_exist and (item.known.disabled or enabled)


def _rest(page: _Page, item: Item, operation: Operation) -> Escrow | None:
    """The escrow of somebody who was locked out without the rest that the target had refused before; None otherwise."""
    before = item.known.escrow
    if operation.interim:
        return next_escrow(None, Problem("EntryConflict", operation.reason), page.now, page.settings)
    if before is None or is_reached(item.desired, operation.values):
        return None
    return next_escrow(before, Problem(before.code, before.reason), page.now, page.settings)


def _after_failure(item: Item, operation: Operation, outcome: Refused | Unanswered) -> Link:
    if isinstance(outcome, Unanswered):
        disabled = item.link.disabled or operation.action == "disable"
        return replace(item.link, state="uncertain", disabled=disabled, intent_matching=operation.matching)
    if operation.action == "create":
        return item.link.forgotten()
    if outcome.status == 404:
        return item.link.forgotten()
    if is_doubtful(outcome):
        return replace(item.link, state="uncertain")
    return item.link


def _after_withholding(page: _Page, item: Item, operation: Operation, plan: Plan) -> Link:
    reason = f"This {operation.action} is held back. {plan.held_because}"
    action = "stagedDelete" if operation.action == "delete" else "stagedAction"
    _log(page, item, action, "warning", operation=operation, code="TooManyDeletes", reason=reason)
    return replace(item.link, withheld=True, staged="held", staging=plan.staging, escrow=None)


def _after_skip(page: _Page, item: Item, skip: Skip) -> Link:
    if skip.code == "NotAttempted":
        return item.known
    if not skip.failed:
        if not skip.silent:
            _log(page, item, "other", "skipped", code=skip.code, reason=skip.reason)
        link = replace(item.link, sent=_held(item, skip), withheld=False, escrow=None)
        if item.scope.verdict == "ignored":
            return replace(link, disabled_at=None)  # days begin to count anew when it is looked at again
        if skip.code == LEFT_ALONE:
            return link
        leaving = item.link.may_exist and item.scope.verdict == "inactive"
        if _returns(item, None):
            page.returned.add(link.key)
        disabled = leaving and (item.link.disabled or skip.code == "RedundantSoftDelete")
        return replace(link, disabled=disabled, disabled_at=_since(item, page.now) if leaving else None)
    page.failed.add(item.desired.key)
    base = item.known if item.problem is not None else item.link
    escrow = _escrow(page, item, Problem(skip.code, skip.reason), item.refusal)
    link = replace(base, withheld=False, escrow=escrow, disabled_at=_unless_back(item, base))
    _log(page, item, "other", "failure", code=skip.code, reason=_with_retry(skip.reason, link))
    return link


def _held(item: Item, skip: Skip) -> Values:
    """What the target holds of somebody to whom nothing is sent; what agrees, in the form in which it is wanted."""
    if item.present is None:
        return item.link.sent
    agrees = skip.code in ("RedundantExport", "RedundantSoftDelete")
    return values_after(item.desired, item.present, ()) if agrees else item.present


def _escrow(page: _Page, item: Item, problem: Problem, outcome: Refused | Unanswered | None) -> Escrow:
    """The escrow of what failed now; its last exchange is kept with it, where there was one."""
    escrow = next_escrow(item.known.escrow, problem, page.now, page.settings)
    page.exchanges[item.desired.key] = (
        None if outcome is None else last_exchange(outcome, page.now, item.desired.key.kind, hidden_of(item))
    )
    if escrow.given_up:
        page.exhausted.append(f"{item.desired.key.kind} {name_of(item)}")
    return escrow


def hidden_of(item: Item) -> Hidden:
    """What must be shown nowhere of an object, by attribute and by every value it has or may have had."""
    return redaction.hidden_of(item.desired, item.link.sent, item.known.sent, item.present or {})


def _with_retry(reason: str, link: Link) -> str:
    """The reason with how often it was tried and when it is tried again (rule E1)."""
    assert link.escrow is not None, "what failed is in escrow"
    return f"{reason} {retry_sentence(link.escrow)}"


def _log(
    page: _Page,
    item: Item,
    action: str,
    status: LogStatus,
    *,
    operation: Operation | None = None,
    outcome: Outcome | None = None,
    duration: int = 0,
    code: str = "",
    reason: str = "",
) -> None:
    changes = () if operation is None else operation.changes
    happened = Happened(action, status, code, reason, changes, outcome, duration)
    page.log.append(record_of(item, happened, record_id=page.new_id(), at=page.now, cycle_id=page.cycle_id))
