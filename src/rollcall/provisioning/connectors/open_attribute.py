"""A PATCH operation on an attribute that no schema here knows: what else stands there stays (RFC 7644 §3.5.2)."""

from __future__ import annotations

from collections.abc import Mapping

from rollcall.provisioning.model import Json, PatchOperation
from rollcall.scim.path import Path
from rollcall.scim.syntax import And, Compare


class OddResource(Exception):
    """What the target holds has another shape than the operation speaks of, so nothing may be put in its place."""


def changed_open(resource: dict[str, Json], path: Path, operation: PatchOperation, core: str) -> dict[str, Json]:
    """The resource after the operation; `core` is the URN whose attributes stand in the resource itself.

    Raises OddResource for what could not be done without losing what is there.
    """
    if path.schema is None or path.schema.lower() == core.lower():
        return _with(resource, path.attribute, path, operation)
    urn = _key(resource, path.schema)
    holder = resource.get(urn, {})
    if not isinstance(holder, Mapping):
        raise OddResource(f"{urn} is not an object.")
    return _kept(resource, urn, _with(dict(holder), path.attribute, path, operation))


def _with(holder: dict[str, Json], name: str, path: Path, operation: PatchOperation) -> dict[str, Json]:
    key = _key(holder, name)
    old, op, value = holder.get(key), operation.op.lower(), operation.value
    if path.value_filter is not None:
        return _kept(holder, key, _chosen(old, path, op, value))
    if path.sub_attribute is not None:
        return _kept(holder, key, _part(old, path.sub_attribute, op, value))
    return _kept(holder, key, _whole(old, op, value))


def _key(holder: Mapping[str, Json], name: str) -> str:
    """The name as it is written there; names have no letter case."""
    return next((key for key in holder if key.casefold() == name.casefold()), name)


def _kept(holder: dict[str, Json], key: str, value: Json) -> dict[str, Json]:
    rest = {name: each for name, each in holder.items() if name != key}
    return rest if value is None or value in ([], {}) else {**holder, key: value}


def _part(old: Json, name: str, op: str, value: Json) -> Json:
    if old is not None and not isinstance(old, Mapping):
        raise OddResource(f"There is no single object in which {name} could stand.")
    return _kept(dict(old or {}), _key(old or {}, name), None if op == "remove" else value)


def _whole(old: Json, op: str, value: Json) -> Json:
    listed = value if isinstance(value, list) else [value]
    if op == "remove":
        if value is None:
            return None
        if not isinstance(old, list):
            raise OddResource("A list of values is to be removed from what is no list.")
        return [each for each in old if each not in listed]
    if value is None:
        return old if op == "add" else None
    if isinstance(old, Mapping) and isinstance(value, Mapping):
        return {**old, **value}
    if isinstance(old, list) and op == "add":
        new: list[Json] = []
        for each in listed:
            if each not in old and each not in new:
                new.append(each)
        return [*old, *new]
    if old is not None and _shape(old) is not _shape(value):
        raise OddResource("The value that is there is of another shape.")
    return value


def _shape(value: Json) -> type:
    return list if isinstance(value, list) else dict if isinstance(value, Mapping) else str


def _chosen(old: Json, path: Path, op: str, value: Json) -> Json:
    """The list with the operation carried out on those elements that the filter selects, the others as they are."""
    if old is not None and not isinstance(old, list):
        raise OddResource(f"{path.attribute} is not a list.")
    elements: list[Json] = list(old or [])
    wanted = _wanted(path)
    hits = [index for index, each in enumerate(elements) if _agrees(each, wanted, exact=True)]
    hits = hits or [index for index, each in enumerate(elements) if _agrees(each, wanted, exact=False)]
    if not hits and op != "remove":
        return [*elements, _edited(dict(wanted), path, op, value)]
    for index in hits:
        elements[index] = _edited(elements[index], path, op, value)
    return [each for each in elements if each is not None]


def _edited(element: Json, path: Path, op: str, value: Json) -> Json:
    if path.sub_attribute is not None:
        return _part(element, path.sub_attribute, op, value) or None
    if op == "remove" and value is None:
        return None
    new = value[0] if isinstance(value, list) and len(value) == 1 else value
    if op == "remove" or not isinstance(new, Mapping) or not isinstance(element, Mapping):
        raise OddResource(f"An element of {path.attribute} can't be changed so.")
    return {**element, **new}


def _wanted(path: Path) -> list[tuple[str, Json]]:
    """What the filter compares, of the form `attribute eq value`, one or several joined by `and`."""
    tree = path.value_filter
    found: list[tuple[str, Json]] = []
    for clause in tree.operands if isinstance(tree, And) else (tree,):
        if not isinstance(clause, Compare) or clause.op != "eq":
            raise OddResource(f"Which elements of {path.attribute} the filter selects can't be told here.")
        found.append((clause.path.attribute, clause.value))
    return found


def _agrees(element: Json, wanted: list[tuple[str, Json]], exact: bool) -> bool:
    parts = element if isinstance(element, Mapping) else {"value": element}
    return all(_same(parts.get(_key(parts, name)), value, exact) for name, value in wanted)


def _same(left: Json, right: Json, exact: bool) -> bool:
    if isinstance(left, bool) != isinstance(right, bool):
        return (
            not exact and str(left).lower() == str(right).lower()
        )  # primary eq "True" is how a boolean may be written
    if not exact and isinstance(left, str) and isinstance(right, str):
        return left.casefold() == right.casefold()
    return bool(left == right)
