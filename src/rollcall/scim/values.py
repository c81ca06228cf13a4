"""Editing the values of one attribute: pure functions from old values to new ones (RFC 7644 §3.5.2.1-§3.5.2.3).

Nothing here changes what it is given. The primary rule is kept throughout: setting one primary unsets the others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from rollcall.scim.attribute import Attribute, Json, Resource
from rollcall.scim.error import invalid_value, mutability
from rollcall.scim.filter import And, Compare, Filter
from rollcall.scim.resource import check_part, check_value, frozen

Values = list[Json]


def merged(attribute: Attribute, old: Json, changes: Json) -> Resource | None:
    """A complex value with the given parts set or, where they are null, taken away; the others stay (§3.5.2.3)."""
    checked = check_part(attribute, changes)
    result = dict(old) if isinstance(old, dict) else {}
    if isinstance(changes, dict):
        for key in changes:
            sub = attribute.sub_attribute(key)
            if sub is not None and sub.mutability != "readOnly" and (checked is None or sub.name not in checked):
                check_removal(sub, result.pop(sub.name, None))
    checked = checked or {}
    result = _fresh(attribute, result, checked.get("value"))
    for name, value in checked.items():
        check_change(attribute.by_name[name], result.get(name), value)
        result[name] = value
    return result or None


def with_part(attribute: Attribute, old: Json, sub: Attribute, value: Json) -> Resource | None:
    """A complex value with one part set, or taken away when `value` is None."""
    result = dict(old) if isinstance(old, dict) else {}
    if value is None:
        check_removal(sub, result.pop(sub.name, None))
    else:
        if not attribute.open:
            check_change(sub, result.get(sub.name), value)
        if sub.name == "value":
            result = _fresh(attribute, result, value)
        result[sub.name] = value
    return result or None


def added(attribute: Attribute, old: Values, new: Values) -> Values:
    """The values with new ones appended; one that is there already is not added again (§3.5.2.1).

    A value is there already if `value` and `type` agree (RFC 7643 §2.4), of references `value` alone; parts that
    it lacks are filled in.
    """
    result, touched = list(old), set[int]()
    places: dict[Json, list[int]] = {}
    for index, value in enumerate(result):
        places.setdefault(_identity(value), []).append(index)
    for value in new:
        same = places.get(_identity(value), ())
        index = next((i for i in same if _is_same(attribute, result[i], value)), -1)
        if index < 0:
            touched.add(len(result))
            result.append(value)
        elif isinstance(value, dict):
            changes = {k: v for k, v in value.items() if not _is_settled(attribute, result[index], k)}
            if any(frozen(result[index].get(k)) != frozen(v) for k, v in changes.items()):
                result[index] = result[index] | changes
                touched.add(index)
    return one_primary(attribute, result, touched)


def edited(attribute: Attribute, old: Values, chosen: Iterable[int], edit: Callable[[Json], Json]) -> Values:
    """The values with `edit` applied to the chosen ones; what becomes None is taken away."""
    touched = set(chosen)
    changed = [edit(value) if index in touched else value for index, value in enumerate(old)]
    return [v for v in one_primary(attribute, changed, touched) if v is not None]


def without_listed(attribute: Attribute, old: Values, listed: Values) -> Values:
    """The values without those listed: by `value` where one is given, else by all the parts that are given."""
    by_value = [v for v in listed if isinstance(v, dict) and "value" in v and (len(v) == 1 or _is_keyed(attribute, v))]
    keys = {v["value"] for v in by_value}
    simple = {frozen(v) for v in listed if not isinstance(v, dict)}
    parts = [v for v in listed if isinstance(v, dict) and v.get("value") not in keys]

    def goes(value: Json) -> bool:
        if not isinstance(value, dict):
            return frozen(value) in simple
        return value.get("value") in keys or any(part.items() <= value.items() for part in parts)

    return [value for value in old if not goes(value)]


def one_primary(attribute: Attribute, values: Values, touched: set[int]) -> Values:
    """The values with at most one primary: the one just set unsets the others (§3.5.2); raises invalidValue for two."""
    if "primary" not in attribute.by_name:
        return values
    primary = [i for i, value in enumerate(values) if isinstance(value, dict) and value.get("primary") is True]
    if len(primary) < 2:
        return values
    fresh = [index for index in primary if index in touched]
    if len(fresh) != 1:
        raise invalid_value(f"{attribute.name} would have more than one primary value; mark one at most.")
    return [v | {"primary": False} if i in primary and i != fresh[0] else v for i, v in enumerate(values)]


def described(attribute: Attribute, tree: Filter) -> Resource | None:
    """The value that a filter describes (`type eq "work"` → {"type": "work"}), None if it describes no single one."""
    result: Resource = {}
    for clause in tree.operands if isinstance(tree, And) else (tree,):
        if not isinstance(clause, Compare) or clause.op != "eq" or clause.value is None:
            return None
        sub = attribute.sub_attribute(clause.path.attribute)
        if sub is None or sub.name in result or sub.mutability == "readOnly":
            return None
        result[sub.name] = check_value(sub, clause.value, True, f"{attribute.name}.")
    return result


def check_change(attribute: Attribute, old: Json, new: Json) -> None:
    """Raises mutability if the attribute is immutable, has a value and would get another one."""
    if attribute.mutability == "immutable" and old is not None and frozen(old) != frozen(new):
        raise mutability(f"{attribute.name} is immutable; remove the whole value and add another instead.")


def check_removal(attribute: Attribute, old: Json) -> None:
    """Raises mutability if a value that is required or immutable would be taken away (§3.5.2.2)."""
    if attribute.required:
        raise mutability(f"{attribute.name} is required and can't be removed; replace it instead.")
    if attribute.mutability == "immutable" and old is not None:
        raise mutability(f"{attribute.name} is immutable and can't be removed.")


def _fresh(attribute: Attribute, old: Resource, value: Json) -> Resource:
    """A single reference that is about to point to `value`, without the URI and the name of whom it pointed to."""
    if attribute.multi_valued or "$ref" not in attribute.by_name or value is None or value == old.get("value"):
        return old
    return {}


def _identity(value: Json) -> Json:
    return frozen(value.get("value")) if isinstance(value, dict) and "value" in value else frozen(value)


def _is_keyed(attribute: Attribute, value: Json) -> bool:
    return "$ref" in attribute.by_name and isinstance(value, dict) and "value" in value


def _is_same(attribute: Attribute, old: Json, new: Json) -> bool:
    if not isinstance(new, dict) or "value" not in new:
        return True  # identity is the whole value
    return _is_keyed(attribute, new) or "type" not in new or old.get("type") == new["type"]


def _is_settled(attribute: Attribute, old: Resource, name: str) -> bool:
    """Whether the part has a value that an add may not change, so that the value there stays as it is."""
    return attribute.by_name[name].mutability == "immutable" and name in old
