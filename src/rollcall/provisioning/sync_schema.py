"""A job's synchronization schema: Graph's JSON document to mappings, with every fault named (Graph synchronizationSchema)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

from rollcall.errors import Invalid
from rollcall.provisioning.expression import ExpressionError, compile_expression
from rollcall.provisioning.model import (
    AttributeMapping,
    FilterClause,
    FilterGroup,
    FlowType,
    Json,
    MappingSource,
    ObjectMapping,
)
from rollcall.provisioning.target_schema import is_reference
from rollcall.scim.error import ScimError
from rollcall.scim.path import parse_path

_FLOW_TYPES: tuple[FlowType, ...] = get_args(FlowType)
_FLOW_BEHAVIORS = ("FlowWhenChanged", "FlowAlways")
_KINDS = ("User", "Group")


def parse_schema(document: Mapping[str, Any]) -> dict[str, ObjectMapping]:
    """The object mappings of a schema document, by source kind.

    Raises Invalid that lists every fault at once, each with its path in the document.
    """
    faults: list[str] = []
    mappings: dict[str, ObjectMapping] = {}
    rules = document.get("synchronizationRules")
    if not isinstance(rules, list) or not rules:
        raise Invalid("The schema has no synchronizationRules.", details=("synchronizationRules: a list is expected",))
    for rule_number, rule in enumerate(rules):
        place = f"synchronizationRules[{rule_number}]"
        for where, mapping in _objects(_object(rule, place, faults), "objectMappings", place, faults):
            parsed = _object_mapping(mapping, where, faults)
            if parsed is not None:
                mappings[parsed.kind] = parsed
    if "User" not in mappings:
        faults.append("synchronizationRules: an object mapping for User is needed (rule S3)")
    if faults:
        raise Invalid(f"The schema has {len(faults)} faults; nothing was saved.", details=tuple(faults))
    return mappings


def _object(document: Json, where: str, faults: list[str]) -> Mapping[str, Any]:
    """The document, or an empty one with a fault where it is no object."""
    if isinstance(document, Mapping):
        return document
    faults.append(f"{where}: an object is expected, not {document!r}")
    return {}


def _objects(
    document: Mapping[str, Any], name: str, where: str, faults: list[str]
) -> list[tuple[str, Mapping[str, Any]]]:
    """The objects of a list with the place of each; what is no object is a fault."""
    rows = document.get(name, [])
    if not isinstance(rows, list):
        faults.append(f"{where}.{name}: a list is expected, not {rows!r}")
        return []
    places = [f"{where}.{name}[{number}]" for number in range(len(rows))]
    return [(place, _object(row, place, faults)) for place, row in zip(places, rows, strict=True)]


def _object_mapping(document: Mapping[str, Any], where: str, faults: list[str]) -> ObjectMapping | None:
    kind = document.get("sourceObjectName")
    if kind not in _KINDS:
        faults.append(f"{where}.sourceObjectName: User or Group is expected, not {kind!r}")
        return None
    attributes = []
    seen: set[str] = set()
    for place, mapping in _objects(document, "attributeMappings", where, faults):
        parsed = _attribute_mapping(mapping, place, faults)
        if parsed is None:
            continue
        if parsed.target.lower() in seen:
            faults.append(f"{place}.targetAttributeName: {parsed.target} is mapped twice")
        seen.add(parsed.target.lower())
        attributes.append(parsed)
    _check_matching(attributes, where, faults)
    flows = {flow.strip() for flow in str(document.get("flowTypes", "Add, Update, Delete")).split(",")}
    return ObjectMapping(
        kind=kind,
        attributes=tuple(attributes),
        enabled=bool(document.get("enabled", True)),
        create="Add" in flows,
        update="Update" in flows,
        delete="Delete" in flows,
        filters=_filters(document, "groups", where, faults),
        input_filters=_filters(document, "inputFilterGroups", where, faults),
    )


def _filters(document: Mapping[str, Any], name: str, where: str, faults: list[str]) -> tuple[FilterGroup, ...]:
    """The filters of an object mapping's scope (Graph filter): those of `groups` or of `inputFilterGroups`."""
    scope = document.get("scope")
    if scope is None:
        return ()
    where = f"{where}.scope"
    rows = _objects(_object(scope, where, faults), name, where, faults)
    return tuple(_filter_group(row, place, faults) for place, row in rows)


def _filter_group(document: Mapping[str, Any], where: str, faults: list[str]) -> FilterGroup:
    clauses = [_clause(row, place, faults) for place, row in _objects(document, "clauses", where, faults)]
    return FilterGroup(str(document.get("name") or ""), tuple(clauses))


def _clause(document: Mapping[str, Any], where: str, faults: list[str]) -> FilterClause:
    faults.extend(
        f"{where}.{name}: a text is expected, not {document.get(name)!r}"
        for name in ("sourceOperandName", "operatorName")
        if not isinstance(document.get(name), str)
    )
    operand = document.get("targetOperand")
    place = f"{where}.targetOperand"
    values = [] if operand is None else _object(operand, place, faults).get("values", [])
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        faults.append(f"{place}.values: a list of texts is expected, not {values!r}")
        values = []
    return FilterClause(str(document.get("sourceOperandName")), str(document.get("operatorName")), tuple(values))


def _check_matching(attributes: list[AttributeMapping], where: str, faults: list[str]) -> None:
    priorities = [attribute.matching_priority for attribute in attributes if attribute.matching_priority > 0]
    if not priorities:
        faults.append(f"{where}.attributeMappings: one attribute has to be matching (matchingPriority 1)")
    if len(set(priorities)) != len(priorities):
        faults.append(f"{where}.attributeMappings: two matching attributes have the same matchingPriority")


def _attribute_mapping(document: Mapping[str, Any], where: str, faults: list[str]) -> AttributeMapping | None:
    before = len(faults)
    target = document.get("targetAttributeName")
    _check_target(target, where, faults)
    source = _source(document.get("source"), f"{where}.source", faults)
    flow_type: FlowType = document.get("flowType") or "Always"
    if flow_type not in _FLOW_TYPES:
        faults.append(f"{where}.flowType: one of {', '.join(_FLOW_TYPES)} is expected, not {flow_type!r}")
    flow_behavior = document.get("flowBehavior") or "FlowWhenChanged"
    if flow_behavior not in _FLOW_BEHAVIORS:
        faults.append(f"{where}.flowBehavior: one of {', '.join(_FLOW_BEHAVIORS)} is expected, not {flow_behavior!r}")
    priority = document.get("matchingPriority") or 0
    if not isinstance(priority, int) or isinstance(priority, bool) or priority < 0:
        faults.append(f"{where}.matchingPriority: a whole number from 0 is expected, not {priority!r}")
    if len(faults) > before:
        return None
    return AttributeMapping(
        target=str(target),
        source=source,
        default=document.get("defaultValue") or None,
        flow_type=flow_type,
        flow_behavior=flow_behavior,
        matching_priority=priority,
        clear_when_null=bool(document.get("clearWhenNull", False)),
    )


def _check_target(target: Json, where: str, faults: list[str]) -> None:
    if not isinstance(target, str) or not target:
        faults.append(f"{where}.targetAttributeName: the path of a target attribute is expected")
        return
    if target.lower() == "id":
        faults.append(f"{where}.targetAttributeName: id belongs to the target and can't be mapped (rule M10)")
    try:
        parse_path(target)
    except ScimError as error:
        faults.append(f"{where}.targetAttributeName: {error.detail}")


def _source(document: Json, where: str, faults: list[str]) -> MappingSource:
    if document is None:
        return MappingSource("None")
    if not isinstance(document, Mapping):
        faults.append(f"{where}: an object with type and name or expression is expected")
        return MappingSource("None")
    kind = document.get("type")
    if kind in ("Attribute", "Constant"):
        name = document.get("name")
        if not isinstance(name, str) or not name:
            faults.append(f"{where}.name: the {str(kind).lower()} is missing")
        return MappingSource(kind, str(name))
    if kind != "Function":
        faults.append(f"{where}.type: Attribute, Constant or Function is expected, not {kind!r}")
        return MappingSource("None")
    text = str(document.get("expression", ""))
    try:
        compile_expression(text)
    except ExpressionError as error:
        faults.append(f"{where}.expression: {error}")
    return MappingSource("Function", text)


def references_of(mapping: ObjectMapping) -> tuple[str, ...]:
    """The target attributes of a mapping that hold references."""
    return tuple(step.target for step in mapping.attributes if is_reference(mapping.kind, step.target))
