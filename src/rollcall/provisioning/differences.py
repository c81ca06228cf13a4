"""What has to change in a target resource, attribute by attribute, and the PATCH that changes it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rollcall.provisioning.model import Desired, Json, PatchOperation, Values
from rollcall.provisioning.target_schema import element_attribute, is_case_exact, is_value_path, new_element

Change = tuple[str, Json, Json]
"""Attribute path, old value, new value."""

REDACTED = "[Redact]"


def differences(desired: Desired, before: Values, *, read: bool) -> Iterable[Change]:
    """Attribute, old value, new value, for each attribute that differs (rules A4, A6).

    `read`: the target has just shown `before`; else it is what was sent.
    """
    for path, value in desired.values.items():
        old = before.get(path)
        if path in desired.always or not _agree(old, value, folded=read and not is_case_exact(desired.key.kind, path)):
            yield path, old, value
    for path in desired.cleared:
        if before.get(path) is not None:
            yield path, before[path], None


def _agree(old: Json, new: Json, *, folded: bool) -> bool:
    """Whether two values are the same; letter case counts against what was sent, not against what a target made of it."""
    if folded and isinstance(old, str) and isinstance(new, str):
        return old.casefold() == new.casefold()
    return type(old) is type(new) and bool(old == new)


def shown_changes(
    changes: Sequence[tuple[str, Json, Json]], redacted: frozenset[str]
) -> tuple[tuple[str, Json, Json], ...]:
    """Changes as a log or a plan may show them: what a mapping redacts is there, but not its value."""
    if not redacted:
        return tuple(changes)
    return tuple(
        (path, old and REDACTED, new and REDACTED) if path in redacted else (path, old, new)
        for path, old, new in changes
    )


def patch_for(changes: Sequence[Change], before: Values) -> tuple[PatchOperation, ...]:
    """PATCH operations that carry out `changes` on a resource known to hold `before` (RFC 7644 §3.5.2).

    An element that a value path selects and that is not there yet is added whole: strict targets
    answer noTarget to anything else.
    """
    operations: list[PatchOperation] = []
    made: dict[str, dict[str, Json]] = {}
    for path, _, new in changes:
        if new is None:
            operations.append(PatchOperation("remove", path))
        elif not is_value_path(path) or _element_is_there(path, before):
            operations.append(PatchOperation("replace", path, new))
        else:
            element = path.rpartition("]")[0]
            if element in made:
                made[element].update(new_element(path, new))
            else:
                made[element] = new_element(path, new)
                operations.append(PatchOperation("add", element_attribute(path), [made[element]]))
    return tuple(operations)


def _element_is_there(path: str, before: Values) -> bool:
    element = path.rpartition("]")[0]
    return any(known.rpartition("]")[0] == element and before[known] is not None for known in before)
