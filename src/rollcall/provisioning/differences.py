"""What has to change in a target resource, attribute by attribute, and the PATCH that changes it."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from rollcall.provisioning.model import Desired, Json, PatchOperation, TargetRule, Values
from rollcall.provisioning.roles import is_asserted, wire_value
from rollcall.provisioning.target_schema import (
    element_attribute,
    element_of,
    is_value_path,
    new_element,
    strict_path,
    target_rule,
)
from rollcall.provisioning.target_values import agree, compared, elements_of
from rollcall.scim.datatypes import fold

Change = tuple[str, Json, Json]
"""Attribute path, old value, new value."""

REDACTED = "[Redact]"


def differences(desired: Desired, before: Values, *, read: bool) -> Iterable[Change]:
    """Attribute, old value, new value, for each attribute that differs (rules A3, A4, A6).

    `read`: the target has just shown `before`; else it is what was sent.
    """
    for path, value in desired.values.items():
        old = before.get(path)
        rule = _rule(desired, path)
        if rule.flow_type != "Always":
            new = _only_added(old, value, rule, read=read)
            if new is not None:
                yield path, old, new
        elif path in desired.always or not agree(old, value, rule, read=read):
            yield path, old, value
    for path in desired.cleared:
        if before.get(path) not in (None, []):
            yield path, before[path], None


def _rule(desired: Desired, path: str) -> TargetRule:
    return desired.rules.get(path) or target_rule(desired.key.kind, path)


def is_same(desired: Desired, path: str, old: Json, new: Json) -> bool:
    """Whether a target attribute that held one of these values holds no other with the second."""
    empty: tuple[Json, ...] = (None, [])
    return (old in empty and new in empty) or agree(old, new, _rule(desired, path), read=True)


def _only_added(old: Json, wanted: Json, rule: TargetRule, *, read: bool) -> Json:
    """The new value of an attribute that a flow type guards, None where the old one stays (rule A3)."""
    empty = old is None or old == []
    if rule.flow_type == "AttributeAddOnly":
        return wanted if empty else None
    if rule.multivalued:
        lacking, _ = compared(old, wanted, rule, read=read)
        return [*elements_of(old), *lacking] if lacking else None
    if rule.flow_type == "ValueAddOnly":
        return wanted if empty else None
    return None if agree(old, wanted, rule, read=read) else wanted


def is_reached(desired: Desired, values: Values) -> bool:
    """Whether a resource that carries `values` is as it is wanted, so that only what flows always would be sent."""
    return all(
        path in desired.always and old is not None and agree(old, new, _rule(desired, path), read=False)
        for path, old, new in differences(desired, values, read=False)
    )


def waits_for_the_target(desired: Desired, sent: Values) -> bool:
    """Whether the target has to be read first: something flows only while it is empty there, and that is not known."""
    return any(
        sent.get(path) is None
        and (rule.flow_type == "AttributeAddOnly" or (rule.flow_type == "ValueAddOnly" and not rule.multivalued))
        for path in desired.values
        if (rule := desired.rules.get(path)) is not None
    )


def values_after(desired: Desired, before: Values, changes: Sequence[Change], later: Collection[str] = ()) -> Values:
    """What the target carries once `changes` are done to a resource that holds `before`.

    What agrees is remembered as it is wanted, in our letter case, so that it agrees with what was sent from then on;
    `later` are attributes whose change has to wait.
    """
    after = dict(before)
    for path, _, new in changes:
        if new is None:
            after.pop(path, None)
        else:
            after[path] = new
    for path, value in desired.values.items():
        if path in after and path not in later:
            after[path] = _remembered(after[path], value, _rule(desired, path))
    return after


def _remembered(there: Json, wanted: Json, rule: TargetRule) -> Json:
    """The value of an attribute that holds what is wanted of it, as it is wanted; what it holds besides stays."""
    if rule.flow_type == "Always":
        return wanted
    if not rule.multivalued:
        return wanted if agree(there, wanted, rule, read=True) else there
    lacking, surplus = compared(there, wanted, rule, read=True)
    return there if lacking else [*surplus, *wanted]


def emptied(desired: Desired, changes: Iterable[Change]) -> list[str]:
    """The required attributes that these changes would leave without a value (rule A7)."""
    return [path for path, _, new in changes if new is None and _rule(desired, path).required]


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
    answer noTarget to anything else. One that loses its last value is removed whole.
    """
    operations: list[PatchOperation] = []
    made: dict[str, dict[str, Json]] = {}
    gone: set[str] = set()
    for path, old, new in changes:
        if isinstance(new, list):
            operations.extend(_patch_of_list(path, old, new))
        elif not is_value_path(path):
            operations.append(PatchOperation("remove", path) if new is None else PatchOperation("replace", path, new))
        else:
            operations.extend(_patch_of_element(path, new, changes, before, made, gone))
    return tuple(operations)


def _patch_of_element(
    path: str,
    new: Json,
    changes: Sequence[Change],
    before: Values,
    made: dict[str, dict[str, Json]],
    gone: set[str],
) -> Iterator[PatchOperation]:
    """For one sub-attribute of an element; `made` and `gone` are elements that this request adds or removes."""
    element = element_of(path)
    if new is None:
        if _is_left_empty(element, changes, before):
            if element not in gone:
                gone.add(element)
                yield PatchOperation("remove", strict_path(element))
        else:
            yield PatchOperation("remove", strict_path(path))
    elif _is_there(element, before):
        yield PatchOperation("replace", strict_path(path), new)
    elif element in made:
        made[element].update(new_element(path, new))
    else:
        made[element] = new_element(path, new)
        yield PatchOperation("add", element_attribute(path), [made[element]])


def _is_there(element: str, values: Mapping[str, Json]) -> bool:
    return any(values[path] is not None and is_value_path(path) and element_of(path) == element for path in values)


def _is_left_empty(element: str, changes: Sequence[Change], before: Values) -> bool:
    return not _is_there(element, {**before, **{path: new for path, _, new in changes}})


def _patch_of_list(path: str, old: Json, new: list[Json]) -> list[PatchOperation]:
    """For a multi-valued attribute: what is taken away and what is added; the whole list where that says too little.

    A value filter takes an element out by its `value`, so the elements must have one and nothing else that counts.
    """
    lacking, surplus = compared(old, new, _EXACT, read=False)
    if lacking and not surplus and not is_asserted(new):
        return [PatchOperation("add", path, wire_value(lacking))]
    if not surplus or is_asserted(new) or not all(_is_just_a_value(each) for each in new):
        return [PatchOperation("replace", path, wire_value(new))]
    values = [each["value"] for each in surplus if isinstance(each, Mapping) and isinstance(each.get("value"), str)]
    # A filter on value takes no notice of letter case, so it must not hit what is wanted.
    kept = {fold(each["value"]) for each in new}
    if len(values) < len(surplus) or len(values) > _MOST_REMOVALS or any(fold(value) in kept for value in values):
        return [PatchOperation("replace", path, new)]
    chosen = {fold(value): value for value in reversed(values)}
    operations = [
        PatchOperation("remove", f"{path}[value eq {json.dumps(value, ensure_ascii=False)}]")
        for value in reversed(chosen.values())
    ]
    return [*operations, PatchOperation("add", path, lacking)] if lacking else operations


_EXACT = TargetRule("complex", multivalued=True)
_MOST_REMOVALS = 20


def _is_just_a_value(element: Json) -> bool:
    return isinstance(element, Mapping) and element.keys() == {"value"}
