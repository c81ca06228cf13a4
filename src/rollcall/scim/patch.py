"""PATCH: operations applied to a resource, and the operations that lead from one resource to another (RFC 7644 §3.5.2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from rollcall.scim.attribute import Attribute, Json, Resource, ResourceType
from rollcall.scim.datatypes import open_fault
from rollcall.scim.difference import diff
from rollcall.scim.error import ScimError, invalid_path, invalid_value, mutability, no_target
from rollcall.scim.filter import compile_value_filter
from rollcall.scim.operation import ENTRA, STRICT, Operation, OperationName, PatchRules
from rollcall.scim.path import Path, Target, parse_path, print_path, resolve
from rollcall.scim.resource import check_value, frozen, settle
from rollcall.scim.values import (
    added,
    check_change,
    check_removal,
    described,
    edited,
    merged,
    with_part,
    without_listed,
)

__all__ = ["ENTRA", "STRICT", "Operation", "OperationName", "PatchRules", "apply", "diff"]


@dataclass(frozen=True, slots=True)
class _Step:
    """One operation on one attribute, with its path resolved."""

    path: Path
    attribute: Attribute
    sub: Attribute | None
    op: OperationName
    value: Json
    rules: PatchRules

    def part(self) -> Json:
        """The checked value of the sub-attribute, None where it is to be removed."""
        assert self.sub is not None, "only paths with a sub-attribute have a part"
        return None if self.op == "remove" else check_value(self.sub, self.value, True, f"{self.attribute.name}.")


def apply(
    resource: Resource, operations: Sequence[Operation], resource_type: ResourceType, rules: PatchRules = ENTRA
) -> Resource:
    """A new resource with the operations carried out in order, all or none; the one given stays as it is.

    The resource is a checked one. Raises noTarget, invalidPath, invalidValue, mutability or invalidFilter.
    Names of nothing are an error in a path, and ignored as keys of a value without path, as in any body.
    """
    result = dict(resource)
    for operation in operations:
        if operation.path is not None:
            _apply_at(result, operation.path, operation, resource_type, rules)
        elif operation.op == "remove":
            raise no_target("A remove needs a path (RFC 7644 §3.5.2.2).")
        else:
            _apply_object(result, operation, None, resource_type, rules)
    return settle(result, resource_type, required=False)


def _apply_object(
    result: Resource, operation: Operation, schema: str | None, resource_type: ResourceType, rules: PatchRules
) -> None:
    """Each key of the value as a path of its own: names, dotted names, URNs of attributes and of whole extensions."""
    if not isinstance(operation.value, dict):
        raise invalid_value(f"{operation.op} without the path of an attribute needs an object of attributes as value.")
    for key, value in operation.value.items():
        if schema and ":" in key:
            continue
        try:
            path = parse_path(f"{schema}:{key}" if schema else key)
        except ScimError:
            continue
        target = resolve(path, resource_type)
        if target is None or _is_bystander(target, value, result):
            continue
        _apply_at(result, path, replace(operation, path=path, value=value), resource_type, rules)


def _is_bystander(target: Target, value: Json, result: Resource) -> bool:
    """Whether a key in a path-less value is there only because the client sent the whole resource back.

    `schemas` and `meta` are the provider's to write; other readOnly attributes may repeat the value they have.
    """
    attribute = target.attribute
    if attribute is None or target.extension is not None:
        return False
    if attribute.name in {"schemas", "meta"}:
        return True
    if attribute.mutability != "readOnly" or open_fault(value) is not None:
        return False
    return bool(frozen(result.get(attribute.name)) == frozen(value))


def _apply_at(
    result: Resource, path: Path, operation: Operation, resource_type: ResourceType, rules: PatchRules
) -> None:
    target = resolve(path, resource_type)
    if target is None:
        raise invalid_path(f"{print_path(path)!r} names no attribute of a {resource_type.name}.")
    attribute = target.attribute
    if attribute is None:
        _apply_schema(result, target.extension or resource_type.schema.id, operation, resource_type, rules)
        return
    if target.extension is None and attribute.name == "schemas":
        _apply_schemas(operation, resource_type)
        return
    for part in (attribute, target.sub_attribute):
        if part is not None and part.mutability == "readOnly":
            raise mutability(f"{print_path(path)} is readOnly; leave it out.")
    step = _Step(path, attribute, target.sub_attribute, operation.op, operation.value, rules)
    if target.extension is None:
        _edit(result, step)
        return
    key = next((k for k in result if k.lower() == (target.extension or "").lower()), target.extension)
    holder = dict(result.get(key, {}))
    _edit(holder, step)
    if holder:
        result[key] = holder
    else:
        result.pop(key, None)


def _apply_schema(
    result: Resource, urn: str, operation: Operation, resource_type: ResourceType, rules: PatchRules
) -> None:
    """An operation on a schema as a whole: its attributes one by one, or the extension with all of them removed."""
    if operation.op != "remove" and operation.value not in (None, {}):
        _apply_object(result, operation, urn, resource_type, rules)
        return
    if operation.op == "add":
        return
    if urn == resource_type.schema.id:
        raise mutability(f"{urn} is the resource's own schema and can't be removed.")
    if any(e.required and e.schema.id == urn for e in resource_type.extensions):
        raise mutability(f"The extension {urn} is required and can't be removed.")
    for key in [key for key in result if key.lower() == urn.lower()]:
        del result[key]


def _apply_schemas(operation: Operation, resource_type: ResourceType) -> None:
    """`schemas` follows from the attributes that are there, so writing it changes nothing; the core schema must stay."""
    named = operation.value if isinstance(operation.value, list) else [operation.value]
    own = resource_type.schema.id.lower()
    if operation.op == "remove" or (
        operation.op == "replace" and own not in (urn.lower() for urn in named if isinstance(urn, str))
    ):
        raise mutability("schemas follows from the attributes; remove the extension's attributes instead.")


def _edit(holder: Resource, step: _Step) -> None:
    """One attribute of `holder` changed in place; its value is replaced, never changed."""
    attribute = step.attribute
    old = holder.get(attribute.name)
    new: Json
    if attribute.multi_valued:
        new = _edit_values(step, old or []) or None
    elif step.path.value_filter is not None:
        raise invalid_path(f"{attribute.name} has a single value; leave out the filter in brackets.")
    else:
        new = _edit_single(step, old) if step.sub is None else _edit_part(step, step.sub, old)
    if new is None:
        if old is not None:
            check_removal(attribute, old)
        holder.pop(attribute.name, None)
    else:
        check_change(attribute, old, new)
        holder[attribute.name] = new


def _edit_single(step: _Step, old: Json) -> Json:
    attribute = step.attribute
    if step.op == "remove":
        _check_target(step, old)
        if step.value is not None and not step.rules.remove_listed:
            raise _unlisted()
        check_removal(attribute, old)
        return None
    if attribute.type == "complex" and step.value is not None:
        return merged(attribute, old, step.value)
    new = check_value(attribute, step.value)
    if new is None:
        if step.op == "add":
            return old
        check_removal(attribute, old)
    if attribute.open and isinstance(old, list) and step.op == "add":
        # No schema says so, but a list is a multi-valued attribute, to which values are added (§3.5.2.1).
        there = {frozen(value) for value in old}
        return [*old, *(value for value in (new if isinstance(new, list) else [new]) if frozen(value) not in there)]
    return new


def _edit_part(step: _Step, sub: Attribute, old: Json) -> Json:
    if step.op == "remove":
        _check_target(step, old.get(sub.name) if isinstance(old, dict) else None)
    part = step.part()
    return old if part is None and step.op == "add" else with_part(step.attribute, old, sub, part)


def _edit_values(step: _Step, old: list[Json]) -> list[Json]:
    attribute, sub, chosen = step.attribute, step.sub, list(range(len(old)))
    if step.path.value_filter is not None:
        is_chosen = compile_value_filter(step.path.value_filter, attribute)
        chosen = [index for index in chosen if is_chosen(old[index])]
    elif sub is None:
        return _edit_all(step, old)
    if not chosen:
        return _edit_missing(step, old)
    if step.value is None and step.op == "add":
        return old
    if sub is not None:
        part = step.part()
        return edited(attribute, old, chosen, lambda value: with_part(attribute, value, sub, part))
    if step.op == "remove" or step.value is None:
        return edited(attribute, old, chosen, lambda _: None)
    if step.op == "add" and attribute.type == "complex":
        return edited(attribute, old, chosen, lambda value: merged(attribute, value, _alone(step.value)))
    return _replace_chosen(step, old, chosen)


def _replace_chosen(step: _Step, old: list[Json], chosen: list[int]) -> list[Json]:
    new = _values(step.attribute, step.value)
    if len(new) != 1:
        raise invalid_value(f"{print_path(step.path)} is replaced by exactly one value.")
    for index in chosen:
        for sub in step.attribute.sub_attributes:
            if sub.mutability == "immutable":
                check_change(sub, old[index].get(sub.name), new[0].get(sub.name))
    replaced = edited(step.attribute, old, chosen, lambda _: new[0])
    return list({frozen(value): value for value in replaced}.values())


def _edit_all(step: _Step, old: list[Json]) -> list[Json]:
    """An operation on a multi-valued attribute without filter: append, set, empty, or take away what is listed."""
    if step.op == "add":
        return added(step.attribute, old, _values(step.attribute, step.value))
    if step.op == "replace":
        return _values(step.attribute, step.value)
    _check_target(step, old or None)
    if step.value is None:
        return []
    if not step.rules.remove_listed:
        raise _unlisted()
    # Never all of them: a server that overlooks the list empties the group.
    return without_listed(step.attribute, old, _values(step.attribute, step.value))


def _edit_missing(step: _Step, old: list[Json]) -> list[Json]:
    """An operation whose path selects no value: noTarget, or what the rules make of it."""
    attribute, sub, value_filter = step.attribute, step.sub, step.path.value_filter
    if step.op == "remove" or step.value is None:
        if step.rules.forgive_missing:
            return old
    elif step.rules.create_missing and attribute.type == "complex":
        base = {} if value_filter is None else described(attribute, value_filter)
        if base is not None:
            value = {sub.name: step.value} if sub is not None else _alone(step.value)
            return added(attribute, old, _values(attribute, base | value if isinstance(value, dict) else value))
    raise no_target(f"{print_path(step.path)} selects no value; add one to {attribute.name} first.")


def _check_target(step: _Step, old: Json) -> None:
    if old is None and not step.rules.forgive_missing:
        raise no_target(f"{print_path(step.path)} has no value.")


def _unlisted() -> ScimError:
    return invalid_value("A remove takes no value; name what goes with a filter in the path.")


def _values(attribute: Attribute, value: Json) -> list[Json]:
    """The checked values of a multi-valued attribute; a single one may come without its array (§3.5.2.1)."""
    return check_value(attribute, value if value is None or isinstance(value, list) else [value]) or []


def _alone(value: Json) -> Json:
    return value[0] if isinstance(value, list) and len(value) == 1 else value
