"""What a cycle may send: recorded while it is rehearsed, compared while it is carried out.

Every operation passes a gate before its intent is committed, so that what does not pass leaves no trace. A rehearsal
records at the same point at which the cycle later compares; so both see the same operations.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Protocol

from rollcall.provisioning.model import Approval, Key, Operation, Problem, ReferenceKey, ReferenceOperation

Digest = Callable[[bytes], str]
"""A short text that stands for some bytes; keyed, so that nobody can guess hidden values from it."""

REMOVING = frozenset({"disable", "delete"})
MOVED = "PlanMoved"
AWAITS_APPROVAL = "PlanAwaitsApproval"


class Gate(Protocol):
    """What stands between a plan and its intent."""

    def objects(self, operations: Sequence[Operation]) -> Problem | None:
        """Why the operations of this page must not be sent; None when they may."""

    def references(self, operations: Sequence[ReferenceOperation]) -> Problem | None:
        """Why these references must not be sent; None when they may."""


class Open:
    """Lets everything pass."""

    def objects(self, _operations: Sequence[Operation]) -> Problem | None:
        return None

    def references(self, _operations: Sequence[ReferenceOperation]) -> Problem | None:
        return None


OPEN = Open()


class Closed:
    """Lets nothing pass."""

    def objects(self, operations: Sequence[Operation]) -> Problem | None:
        return _NOT_COMPARED if operations else None

    def references(self, operations: Sequence[ReferenceOperation]) -> Problem | None:
        return _NOT_COMPARED if operations else None


CLOSED = Closed()
_NOT_COMPARED = Problem(
    MOVED,
    "The approved plan could not be compared with what is to be done now, so nothing was sent. The next run tries again.",
)


class Recorder(Open):
    """Lets everything pass; keeps a digest of each operation by object and action, and how many times there was one."""

    def __init__(self, digest: Digest) -> None:
        self._digest = digest
        self.digests: dict[tuple[Key, str], str] = {}
        self.times: Counter[tuple[Key, str]] = Counter()

    def objects(self, operations: Sequence[Operation]) -> Problem | None:
        for operation in operations:
            self.times[operation.key, operation.action] += 1
            self.digests[operation.key, operation.action] = operation_digest(operation, self._digest)
        return None


def operation_digest(operation: Operation, digest: Digest) -> str:
    """What stands for one operation: object, action, target and every change with its old and new value."""
    changes = sorted(operation.changes, key=lambda change: change[0])
    whole = [*operation.key, operation.action, operation.target_id, changes]
    return digest(json.dumps(whole, sort_keys=True, default=str).encode())


def reference_digest(key: ReferenceKey, *, added: bool, digest: Digest) -> str:
    """What stands for one reference that is added or removed."""
    whole = [*key.source, key.attribute, *key.referenced, added]
    return digest(json.dumps(whole, ensure_ascii=False).encode())


class Approved:
    """Lets exactly one plan pass.

    `objects`: the digest of each operation by object and action; `references`: the digests of all references. What was
    sent once may be sent again, also in parts and over a name for the meantime: a target that refuses or does not answer
    is asked again, and the end is the one that was planned.
    """

    def __init__(self, objects: Mapping[tuple[Key, str], str], references: Collection[str], digest: Digest) -> None:
        self._objects = objects
        self._references = references
        self._digest = digest
        self._sent: dict[Key, frozenset[str]] = {}
        self.sent: set[tuple[Key, str]] = set()

    def objects(self, operations: Sequence[Operation]) -> Problem | None:
        for operation in operations:
            if not self._passes(operation):
                return _moved(f"{operation.action} of {operation.key.kind} {operation.key.id}")
        for operation in operations:
            if (operation.key, operation.action) in self._objects and not operation.interim:
                before = self._sent.get(operation.key, frozenset())
                self._sent[operation.key] = before.union(self._results(operation))
                self.sent.add((operation.key, operation.action))
        return None

    def _passes(self, operation: Operation) -> bool:
        key, action = operation.key, operation.action
        if not operation.interim and self._objects.get((key, action)) == operation_digest(operation, self._digest):
            return True
        if key not in self._sent:
            return False
        if action == "delete":
            return (key, action) in self._objects
        if action == "create" and (key, action) not in self._objects:
            return False
        return operation.interim or self._sent[key].issuperset(self._results(operation))

    def _results(self, operation: Operation) -> Iterable[str]:
        """What stands for each value that the operation leaves behind."""
        for path, _, new in operation.changes:
            yield self._digest(json.dumps([path, new], sort_keys=True, default=str).encode())

    def references(self, operations: Sequence[ReferenceOperation]) -> Problem | None:
        for operation in operations:
            for rows, added in ((operation.added, True), (operation.removed, False)):
                for row in rows:
                    if reference_digest(row.key, added=added, digest=self._digest) not in self._references:
                        return _moved(_reference_sentence(row.key, added=added))
        return None


def _reference_sentence(key: ReferenceKey, *, added: bool) -> str:
    way = "into" if added else "out of"
    return f"{key.referenced.kind} {key.referenced.id} {way} {key.attribute} of {key.source.kind} {key.source.id}"


def _moved(what: str) -> Problem:
    return Problem(MOVED, f"The plan does not have: {what}. The cycle stopped before it; make a new plan.")


class Unapproved:
    """Lets pass what the job wants nobody to approve, and stops before it becomes more."""

    def __init__(self, approval: Approval, over: int) -> None:
        self._approval, self._over = approval, over
        self._objects: set[Key] = set()
        self._references = 0

    def objects(self, operations: Sequence[Operation]) -> Problem | None:
        self._objects.update(operation.key for operation in operations)
        removals = any(operation.action in REMOVING for operation in operations)
        return self._verdict(removes=removals)

    def references(self, operations: Sequence[ReferenceOperation]) -> Problem | None:
        self._references += sum(len(each.added) + len(each.removed) for each in operations)
        return self._verdict(removes=any(each.removed for each in operations))

    def _verdict(self, *, removes: bool) -> Problem | None:
        if not is_approval_demanded(self._approval, self._over, len(self._objects) + self._references, removes=removes):
            return None
        return Problem(MOVED, "What the cycle would send needs an approval by now; it is planned anew.")


def is_approval_demanded(approval: Approval, over: int, operations: int, *, removes: bool) -> bool:
    """Whether so many operations have to wait until somebody approves them; `removes`: some take something away."""
    if approval == "never" or not operations:
        return False
    return approval == "always" or (approval == "removals" and removes) or (approval == "over" and operations > over)
