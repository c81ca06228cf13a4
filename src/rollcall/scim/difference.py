"""The PATCH operations that lead from one resource to another: the inverse of applying them (RFC 7644 §3.5.2).

The order of the values of a multi-valued attribute means nothing (RFC 7643 §2.4), so a change of order is no change.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from rollcall.scim.attribute import Attribute, Json, Resource, ResourceType, open_attribute
from rollcall.scim.filter import Compare, fold
from rollcall.scim.operation import Operation
from rollcall.scim.path import Path
from rollcall.scim.resource import frozen


def diff(before: Resource, after: Resource, resource_type: ResourceType) -> list[Operation]:
    """The operations that turn `before` into `after`; none if they are alike.

    Both are checked resources. `patch.apply` of the result gives `after`, up to the order of values and to what
    is readOnly, which no client can change. Small changes get small operations: members are added and removed
    one by one, parts of a value are replaced through a filter on its type.
    """
    operations: list[Operation] = []
    for name in _names(before, after):
        attribute = resource_type.by_name.get(name)
        if attribute is not None:
            if name != "schemas":
                operations += _attribute(attribute, before.get(name), after.get(name), None)
        elif ":" in name:
            schema = resource_type.by_urn.get(name)
            old, new = before.get(name, {}), after.get(name, {})
            for inner in _names(old, new):
                found = open_attribute(inner) if schema is None else schema.by_name.get(inner)
                if found is not None:
                    operations += _attribute(found, old.get(inner), new.get(inner), name)
    return operations


def _names(before: Resource, after: Resource) -> list[str]:
    return [*after, *(name for name in before if name not in after)]


def _attribute(attribute: Attribute, old: Json, new: Json, urn: str | None) -> Iterator[Operation]:
    if attribute.mutability == "readOnly" or frozen(old) == frozen(new):
        return
    path = Path(attribute.name, schema=urn)
    if new is None:
        yield Operation("remove", path)
    elif old is None:
        yield Operation("add", path, new)
    elif attribute.multi_valued:
        yield from _values(attribute, old, new, path)
    elif "$ref" in attribute.by_name and new.get("value") not in (None, old.get("value")):
        yield Operation("replace", path, new)  # to another resource: nothing of the former one stays
    elif attribute.type == "complex":
        yield from _parts(attribute, old, new, path)
    else:
        yield Operation("replace", path, new)


def _parts(attribute: Attribute, old: Resource, new: Resource, path: Path) -> Iterator[Operation]:
    for sub in attribute.sub_attributes:
        have, want = old.get(sub.name), new.get(sub.name)
        if sub.mutability == "readOnly" or frozen(have) == frozen(want):
            continue
        at = Path(path.attribute, sub.name, path.value_filter, path.schema)
        if want is None:
            yield Operation("remove", at)
        else:
            yield Operation("add" if have is None else "replace", at, want)


def _values(attribute: Attribute, old: list[Json], new: list[Json], path: Path) -> Iterator[Operation]:
    if Counter(map(frozen, old)) == Counter(map(frozen, new)):
        return
    fine = _by_value(attribute, old, new, path)
    if fine is None:
        fine = _by_type(attribute, old, new, path)
    yield from fine if fine is not None else [Operation("replace", path, new)]


def _by_value(attribute: Attribute, old: list[Json], new: list[Json], path: Path) -> list[Operation] | None:
    """References, told apart by `value`: those that go are removed one by one, those that come are added at once."""
    key = attribute.by_name.get("value")
    if key is None or not key.case_exact or "primary" in attribute.by_name:
        return None
    before, after = _index(old, "value"), _index(new, "value")
    if before is None or after is None:
        return None
    kept = {
        v for v, item in before.items() if v in after and _written(attribute, item) == _written(attribute, after[v])
    }
    operations = [
        Operation("remove", Path(path.attribute, None, Compare(Path("value"), "eq", value), path.schema))
        for value in before
        if value not in kept
    ]
    coming = [item for value, item in after.items() if value not in kept]
    if len(operations) == len(before):
        return [Operation("replace", path, new)]
    return [*operations, Operation("add", path, coming)] if coming else operations


def _by_type(attribute: Attribute, old: list[Json], new: list[Json], path: Path) -> list[Operation] | None:
    """Values told apart by `type`: parts are changed through a filter on it, provided that nothing else can follow."""
    before, after = _index(old, "type"), _index(new, "type")
    if before is None or after is None or set(before) != set(after) or _moves_primary(old, new):
        return None
    operations: list[Operation] = []
    for kind, item in after.items():
        only = Compare(Path("type"), "eq", item["type"])
        at = Path(path.attribute, None, only, path.schema)
        if before[kind]["type"] != item["type"]:
            return None
        operations += _parts(attribute, before[kind], item, at)
    return operations


def _moves_primary(old: list[Json], new: list[Json]) -> bool:
    """Whether a primary is set that was not: then others are unset by that, and the whole list is plainer."""
    was = {frozen(v.get("type")) for v in old if v.get("primary") is True}
    return any(v.get("primary") is True and frozen(v.get("type")) not in was for v in new)


def _index(values: list[Json], part: str) -> dict[str, Resource] | None:
    """The values by one of their parts, None unless each has it and no two agree in it (types in any case)."""
    result: dict[str, Resource] = {}
    for value in values:
        key = value.get(part) if isinstance(value, dict) else None
        if not isinstance(key, str):
            return None
        key = fold(key) if part == "type" else key
        if key in result:
            return None
        result[key] = value
    return result


def _written(attribute: Attribute, value: Resource) -> Json:
    """A value without what a client can't write."""
    by_name = attribute.by_name
    return frozen({k: v for k, v in value.items() if k in by_name and by_name[k].mutability != "readOnly"})
