"""What a change of settings or mappings changed, old and new, as the audit log keeps it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields

from rollcall.provisioning.model import (
    AttributeMapping,
    FilterGroup,
    Json,
    MappingSource,
    ObjectMapping,
    TargetAttribute,
)


def changes(old: Mapping[str, Json], new: Mapping[str, Json]) -> dict[str, Json]:
    """What differs, by name, each as an object of `old` and `new`; a name that is missing on one side is null there."""
    names = [*old, *(name for name in new if name not in old)]
    return {
        name: {"old": old.get(name), "new": new.get(name)}
        for name in names
        if (old.get(name), name in old) != (new.get(name), name in new)
    }


def schema_changes(old: Mapping[str, ObjectMapping], new: Mapping[str, ObjectMapping]) -> dict[str, Json]:
    """What differs between two sets of object mappings, by kind, in words (rule Y4)."""
    return changes(_in_words(old.values()), _in_words(new.values()))


def _in_words(mappings: Iterable[ObjectMapping]) -> dict[str, Json]:
    said: dict[str, Json] = {}
    for mapping in mappings:
        kind = mapping.kind
        said[f"{kind} enabled"] = mapping.enabled
        said[f"{kind} actions"] = ", ".join(name for name in ("create", "update", "delete") if getattr(mapping, name))
        said |= {f"{kind} filter {number}": text for number, text in enumerate(_filters(mapping.filters), 1)}
        said |= {
            f"{kind} input filter {number}": text for number, text in enumerate(_filters(mapping.input_filters), 1)
        }
        said |= {f"{kind} {each.target}": _mapping(each) for each in mapping.attributes}
        said |= {f"{kind} target attribute {path}": _target(each) for path, each in mapping.target_attributes.items()}
    return said


def _filters(groups: Iterable[FilterGroup]) -> list[str]:
    return [
        f"{group.name}: "
        + " AND ".join(" ".join((clause.attribute, clause.operator, *clause.values)) for clause in group.clauses)
        for group in groups
    ]


def _mapping(mapping: AttributeMapping) -> str:
    more = [
        f"matching {mapping.matching_priority}" if mapping.matching_priority else "",
        f"default {mapping.default}" if mapping.default is not None else "",
        mapping.flow_type if mapping.flow_type != "Always" else "",
        mapping.flow_behavior if mapping.flow_behavior != "FlowWhenChanged" else "",
        "clear when null" if mapping.clear_when_null else "",
    ]
    return ", ".join((_source(mapping.source), *filter(None, more)))


def _source(source: MappingSource) -> str:
    if source.type == "Attribute":
        return f"[{source.text}]"
    if source.type == "Constant":
        return f'"{source.text}"'
    return source.text if source.type == "Function" else "nothing"


def _target(attribute: TargetAttribute) -> str:
    return ", ".join(
        f"{each.name} {getattr(attribute, each.name)}" for each in fields(attribute) if each.name != "name"
    )
