"""A job's synchronization schema: Graph's JSON document to mappings, with every fault named (Graph synchronizationSchema)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rollcall.errors import Invalid
from rollcall.provisioning.model import Json, ObjectMapping
from rollcall.provisioning.schema_directories import check_directory_names, sides_of
from rollcall.provisioning.schema_filters import check_unsupported, read_filters
from rollcall.provisioning.schema_findings import Finding, Findings, in_order, joined, shown
from rollcall.provisioning.schema_mappings import (
    check_together,
    has_matching,
    read_attribute_mapping,
    target_attributes,
)
from rollcall.provisioning.schema_shape import FLOW_ACTIONS, actions, check_shape, flag, inner, rows, text
from rollcall.provisioning.target_schema import is_reference

_TARGETS = {
    "User": (
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
        "urn:ietf:params:scim:schemas:core:2.0:User",
    ),
    "Group": ("urn:ietf:params:scim:schemas:core:2.0:Group",),
}


@dataclass(frozen=True, slots=True)
class SchemaFindings:
    """What a schema document means and what is to be said about it; with faults the mappings are not complete."""

    mappings: Mapping[str, ObjectMapping]
    warnings: tuple[Finding, ...] = ()
    faults: tuple[Finding, ...] = ()


def parse_schema(document: Mapping[str, Any]) -> dict[str, ObjectMapping]:
    """The object mappings of a schema document, by source kind.

    Raises Invalid that lists every fault at once, each with its path in the document.
    """
    return dict(check_schema(document).mappings)


def check_schema(document: Json, scope: str | None = None) -> SchemaFindings:
    """The object mappings of a schema document, and its warnings. `scope` is the job's, if it is known (rule S10).

    Raises Invalid that lists every fault at once, each with its path in the document.
    """
    found = examine_schema(document, scope)
    if found.faults:
        number = len(found.faults)
        raise Invalid(
            f"The schema has {number} {'fault' if number == 1 else 'faults'}; nothing was saved.",
            details=tuple(str(fault) for fault in found.faults),
        )
    return found


def examine_schema(document: Json, scope: str | None = None) -> SchemaFindings:
    """All that is to be said about a schema document, whatever it is."""
    findings = Findings()
    check_shape(document, findings)
    mappings = _mappings(document, scope, findings) if isinstance(document, Mapping) else {}
    return SchemaFindings(mappings, in_order(findings.warnings), in_order(findings.faults))


def _mappings(document: Mapping[str, Any], scope: str | None, findings: Findings) -> dict[str, ObjectMapping]:
    mappings: dict[str, ObjectMapping] = {}
    seen: dict[str, str] = {}
    for at, rule in rows(document, "synchronizationRules"):
        check_directory_names(document, rule, at, findings)
        for where, mapping in rows(rule, "objectMappings", at):
            kind = text(mapping, "sourceObjectName")
            if kind not in _TARGETS:
                if kind:
                    place = joined(where, "sourceObjectName")
                    findings.fault(place, f"User or Group is expected, not {shown(kind)}.")
                continue
            first = seen.setdefault(kind, where)
            if first != where:
                place = joined(where, "sourceObjectName")
                findings.fault(place, f"{kind} is mapped twice: at {first} already.")
            mappings[kind] = _object_mapping(document, rule, mapping, at, where, scope, findings)
    if document.get("synchronizationRules") == []:
        findings.fault("synchronizationRules", "one rule at least is expected; the list is empty.")
    elif "User" not in seen and isinstance(document.get("synchronizationRules"), list):
        findings.fault("synchronizationRules", "an object mapping for User is needed (rule S3).")
    return mappings


def _object_mapping(
    document: Mapping[str, Any],
    rule: Mapping[str, Any],
    mapping: Mapping[str, Any],
    at: str,
    where: str,
    scope: str | None,
    findings: Findings,
) -> ObjectMapping:
    kind = text(mapping, "sourceObjectName")
    enabled = flag(mapping, "enabled", True)
    _check_object(mapping, kind, enabled, where, findings)
    sides = sides_of(document, rule, mapping, kind, findings)
    listed = rows(mapping, "attributeMappings", where)
    read = [read_attribute_mapping(each, place, sides, scope, findings) for place, each in listed]
    attributes = [each for each in read if each is not None]
    if not has_matching([each for _, each in listed]):
        place = joined(where, "attributeMappings")
        findings.fault(place, "one attribute has to be matching: matchingPriority 1 (rule M1).")
    check_together(attributes, where, sides, enabled, findings)
    filters, place = inner(mapping, "scope"), joined(where, "scope")
    check_unsupported(rule, filters, at, place, findings)
    flows = actions(mapping.get("flowTypes")) if mapping.get("flowTypes") is not None else FLOW_ACTIONS
    return ObjectMapping(
        kind=kind,
        attributes=tuple(each.mapping for each in attributes),
        enabled=enabled,
        create="Add" in (flows or ()),
        update="Update" in (flows or ()),
        delete="Delete" in (flows or ()),
        filters=read_filters(filters, "groups", place, sides.source, findings),
        input_filters=read_filters(filters, "inputFilterGroups", place, sides.source, findings),
        target_attributes=target_attributes(attributes, sides),
    )


def _check_object(mapping: Mapping[str, Any], kind: str, enabled: bool, where: str, findings: Findings) -> None:
    target = text(mapping, "targetObjectName")
    if target and target not in _TARGETS[kind]:
        findings.fault(
            joined(where, "targetObjectName"),
            f"{' or '.join(_TARGETS[kind])} is expected for {kind}, not {shown(target)}.",
        )
    if kind == "User" and not enabled:
        findings.fault(joined(where, "enabled"), "the mapping of users can't be switched off (rule S3); pause the job.")


def references_of(mapping: ObjectMapping) -> tuple[str, ...]:
    """The target attributes of a mapping that hold references."""
    return tuple(step.target for step in mapping.attributes if is_reference(mapping.kind, step.target))


def with_what_was_left_out(document: Json, saved: Mapping[str, Any]) -> Json:
    """The document with `flowTypes` and `discoverabilities` of the saved one wherever it lacks them.

    Graph's SDK reads both and does not write them back, so there "missing" means "unchanged". Object mappings are
    the same by name, else by kind; directories by name. A new object mapping has all actions.
    """
    known = [mapping for _, mapping in _object_mappings(saved)]
    by_name = {text(mapping, "name"): mapping for mapping in known if text(mapping, "name")}
    by_kind = {text(mapping, "sourceObjectName"): mapping for mapping in known}
    directories = {text(each, "name"): each for _, each in rows(saved, "directories")}

    def mapping_with(mapping: Json) -> Json:
        if not isinstance(mapping, Mapping) or mapping.get("flowTypes") is not None:
            return mapping
        same = by_name.get(text(mapping, "name")) or by_kind.get(text(mapping, "sourceObjectName")) or {}
        return {**mapping, "flowTypes": same.get("flowTypes") or ", ".join(FLOW_ACTIONS)}

    def rule_with(rule: Json) -> Json:
        return _replaced(rule, "objectMappings", mapping_with)

    def directory_with(directory: Json) -> Json:
        if not isinstance(directory, Mapping) or directory.get("discoverabilities") is not None:
            return directory
        found = directories.get(text(directory, "name"), {}).get("discoverabilities")
        return directory if found is None else {**directory, "discoverabilities": found}

    return _replaced(_replaced(document, "synchronizationRules", rule_with), "directories", directory_with)


def _object_mappings(document: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    found: list[tuple[str, Mapping[str, Any]]] = []
    for at, rule in rows(document, "synchronizationRules"):
        found += rows(rule, "objectMappings", at)
    return found


def _replaced(document: Json, name: str, change: Any) -> Json:
    """The object with every element of one list changed; anything else as it is."""
    if not isinstance(document, Mapping) or not isinstance(document.get(name), list):
        return document
    return {**document, name: [change(each) for each in document[name]]}
