"""What an earlier request did whose answer nobody kept: worker, database or network went away before it was remembered."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime

from rollcall.provisioning.differences import Change, is_same
from rollcall.provisioning.ledger_contract import Commit
from rollcall.provisioning.log_steps import Happened, record_of
from rollcall.provisioning.model import Link
from rollcall.provisioning.planning import Item

_REASON = "An earlier request whose answer was lost did this; it came to light as the object was read again."
_GONE = "It is gone: an earlier request whose answer was lost deleted it, or somebody in the application did."


def what_came_to_light(
    items: Sequence[Item], *, now: datetime, new_id: Callable[[], str], cycle_id: str
) -> Commit | None:
    """What is to be remembered of such requests before anything else is sent, with the log records they still lack.

    The objects stay uncertain, so that whoever dies after this looks at them again. None where nothing came to light.
    """
    told = [(item, happened) for item in items if (happened := came_to_light(item)) is not None]
    if not told:
        return None
    gone = [item for item, happened in told if happened.action == "delete"]
    return Commit(
        links=[_still_uncertain(item) for item, happened in told if happened.action != "delete"]
        + [replace(item.link, escrow=item.known.escrow) for item in gone if item.known.escrow is not None],
        dropped=[item.desired.key for item in gone if item.known.escrow is None],
        lost=[item.desired.key for item in gone],
        log=[record_of(item, happened, record_id=new_id(), at=now, cycle_id=cycle_id) for item, happened in told],
    )


def came_to_light(item: Item) -> Happened | None:
    """What an uncertain object turned out to have become; None where nothing happened, or nothing was in doubt."""
    known = item.known
    if known.state != "uncertain" or item.problem is not None:
        return None
    if known.target_id is None:
        if item.link.target_id is None or item.present is None or not known.intent_matching:
            return None
        made = tuple((path, None, value) for path, value in item.present.items() if value is not None)
        return Happened("create", "success", reason=_REASON, changes=made)
    if item.link.target_id is None:
        gone = tuple((path, value, None) for path, value in known.sent.items())
        if item.scope.verdict == "active":  # back again since, so what was sent for it is not known any more
            return Happened("delete", "success", reason=_GONE, changes=gone)
        return Happened("delete", "success", reason=_REASON, changes=gone) if _was_to_be_deleted(item) else None
    if item.link.target_id != known.target_id or item.present is None:
        return None
    changes = _changes(item)
    action = "disable" if _was_to_be_disabled(item) else "update"
    return Happened(action, "success", reason=_REASON, changes=changes) if changes else None


def _still_uncertain(item: Item) -> Link:
    return replace(
        item.link,
        state="uncertain",
        sent=item.present or {},
        intent_matching=(),
        escrow=item.known.escrow,
        members_pending=item.known.members_pending or item.known.target_id is None,
    )


def _changes(item: Item) -> tuple[Change, ...]:
    """Mapped attributes whose value is another than the one that was sent last."""
    sent, present = item.known.sent, item.present or {}
    paths = dict.fromkeys([*sent, *item.desired.values])
    return tuple(
        (path, sent.get(path), present.get(path))
        for path in paths
        if not is_same(item.desired, path, sent.get(path), present.get(path))
    )


def _was_to_be_deleted(item: Item) -> bool:
    """Whether the request that is in doubt was a deletion: a disabling one leaves its mark before it is sent."""
    if item.scope.verdict == "inactive":
        return not _is_marked_as_disabled(item)
    return item.scope.verdict in ("gone", "out")


def _was_to_be_disabled(item: Item) -> bool:
    return item.scope.verdict == "inactive" or _is_marked_as_disabled(item)


def _is_marked_as_disabled(item: Item) -> bool:
    """Whether a request that disables was about to be sent; the day is noted only once it is known to be done."""
    return item.known.disabled and item.known.disabled_at is None
