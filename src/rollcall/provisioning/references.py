"""From references that are due to requests: who is added to which group, who is taken out, whose manager is set."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from rollcall.provisioning.model import Key, Reference, ReferenceOperation
from rollcall.provisioning.target_schema import is_multi_valued_reference


@dataclass(frozen=True, slots=True)
class ReferencePlan:
    """Requests to send, and references that need none now: `waiting` for an end, or `settled` already."""

    operations: tuple[ReferenceOperation, ...]
    waiting: tuple[Reference, ...]
    settled: tuple[Reference, ...]


def plan_references(references: Iterable[Reference], per_request: int) -> ReferencePlan:
    """The plan for references that are due (rules R1, R2; and beyond R3: they are due again when an end changes).

    References of one object and attribute have to stand together. A reference waits while either end
    is uncertain or missing in the target; its end's next change makes it due again. One whose own
    object is not in the target has nothing to be taken out of.
    """
    operations: list[ReferenceOperation] = []
    waiting: list[Reference] = []
    settled: list[Reference] = []
    for (source, attribute), group in groupby(references, key=lambda row: (row.key.source, row.key.attribute)):
        added: list[Reference] = []
        removed: list[Reference] = []
        rows = list(group)
        for row in rows:
            if row.wanted == (row.state == "present") and row.state != "uncertain":
                settled.append(row)
            elif row.source_target_id is None or row.referenced_target_id is None:
                waiting.append(row)
            elif row.wanted:
                added.append(row)
            else:
                removed.append(row)
        target_id = next((row.source_target_id for row in rows if row.source_target_id is not None), None)
        if target_id is None or not (added or removed):
            continue
        if is_multi_valued_reference(attribute):
            operations.extend(_in_chunks(source, target_id, attribute, added, removed, per_request))
        else:
            operations.append(_single(source, target_id, attribute, rows, added, removed))
    return ReferencePlan(tuple(operations), tuple(waiting), tuple(settled))


def _in_chunks(
    source: Key, target_id: str, attribute: str, added: list[Reference], removed: list[Reference], per_request: int
) -> Iterable[ReferenceOperation]:
    # Removals first: a member who lost access must not wait behind thousands of joiners.
    for start in range(0, len(removed), per_request):
        yield ReferenceOperation(source, target_id, attribute, (), tuple(removed[start : start + per_request]))
    for start in range(0, len(added), per_request):
        yield ReferenceOperation(source, target_id, attribute, tuple(added[start : start + per_request]), ())


def _single(
    source: Key,
    target_id: str,
    attribute: str,
    rows: Sequence[Reference],
    added: list[Reference],
    removed: list[Reference],
) -> ReferenceOperation:
    """A single value is set in one request: setting the new one takes the old one out.

    Where only the old one is due, the value that is believed to be there is set again, so that an old
    removal of unknown effect can't take it away.
    """
    kept = [row for row in rows if row.wanted and row.state == "present"]
    return ReferenceOperation(source, target_id, attribute, tuple((added or kept)[:1]), tuple(removed))


def halves(operation: ReferenceOperation) -> tuple[ReferenceOperation, ReferenceOperation] | None:
    """The operation in two, to find the one reference a target refuses; None when there is only one."""
    if len(operation.added) + len(operation.removed) < 2 or not is_multi_valued_reference(operation.attribute):
        return None
    rows = [(row, True) for row in operation.added] + [(row, False) for row in operation.removed]
    middle = len(rows) // 2
    first, second = rows[:middle], rows[middle:]

    def part(chosen: list[tuple[Reference, bool]]) -> ReferenceOperation:
        return ReferenceOperation(
            operation.source,
            operation.target_id,
            operation.attribute,
            tuple(row for row, is_added in chosen if is_added),
            tuple(row for row, is_added in chosen if not is_added),
        )

    return part(first), part(second)
