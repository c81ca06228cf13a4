"""The attribute mappings of an object mapping: each read on its own, then what only all of them together show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from rollcall.provisioning.expression import AttributeType, Expression, Problem, check
from rollcall.provisioning.expression_syntax import Attribute, Call, Text, walk
from rollcall.provisioning.model import AttributeMapping, TargetAttribute
from rollcall.provisioning.schema_directories import Sides
from rollcall.provisioning.schema_findings import Findings, joined, shown
from rollcall.provisioning.schema_paths import TargetPath, read_target_path
from rollcall.provisioning.schema_shape import FLOW_BEHAVIORS, FLOW_TYPES, chosen, flag, inner, text
from rollcall.provisioning.schema_sources import NO_SOURCE, ReadSource, read_source
from rollcall.provisioning.source_schema import attribute_types, known_among

ROLE_FUNCTIONS = frozenset(
    ("SingleAppRoleAssignment", "AppRoleAssignmentsComplex", "AssertiveAppRoleAssignmentsComplex")
)
_REFERENCES = {"User": "manager", "Group": "members"}
_USUAL_MATCHES = {
    "User": ("username", "externalid", "emails[type eq work].value", "employeenumber"),
    "Group": ("displayname", "externalid"),
}


@dataclass(frozen=True, slots=True)
class ReadMapping:
    """An attribute mapping that was understood, with its place, its target and what it reads."""

    mapping: AttributeMapping
    where: str
    target: TargetPath
    reads: frozenset[str]


def read_attribute_mapping(
    document: Mapping[str, Any], where: str, sides: Sides, scope: str | None, findings: Findings
) -> ReadMapping | None:
    """One attribute mapping, faults noted; None without a target. `scope` is the job's, if it is known."""
    written = text(document, "targetAttributeName").strip()
    target = read_target_path(sides.kind, written, joined(where, "targetAttributeName"), findings) if written else None
    source = NO_SOURCE
    if document.get("source") is not None:
        source = read_source(inner(document, "source"), joined(where, "source"), findings) or NO_SOURCE
    value = document.get("matchingPriority")
    priority = value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0
    if target is not None:
        _check_target(document, where, target, priority, sides, findings)
        _check_references(where, target, source, sides.kind, findings)
    wanted = None if target is None else sides.target_type(target)
    if source.tree is not None:
        _check_value(source.tree, source, sides, wanted, priority > 0, findings)
        _check_roles(source, scope, findings)
    default = text(document, "defaultValue")
    if wanted is not None and default:
        for problem in check(Text(default), {}, wanted):
            if problem.severity == "error":
                findings.fault(joined(where, "defaultValue"), _sentence(problem))
    if target is None:
        return None
    reads = frozenset() if source.tree is None else frozenset(_names(source.tree))
    mapping = AttributeMapping(
        target=target.path,
        source=source.source,
        default=default or None,
        flow_type=chosen(document.get("flowType"), FLOW_TYPES) or "Always",
        flow_behavior=chosen(document.get("flowBehavior"), FLOW_BEHAVIORS) or "FlowWhenChanged",
        matching_priority=priority,
        clear_when_null=flag(document, "clearWhenNull"),
    )
    return ReadMapping(mapping, where, target, reads)


def _names(tree: Expression) -> list[str]:
    return [node.name for node in walk(tree) if isinstance(node, Attribute)]


def _check_value(
    tree: Expression,
    source: ReadSource,
    sides: Sides,
    wanted: AttributeType | None,
    matching: bool,
    findings: Findings,
) -> None:
    """What the type checker and the linter say; a constant or an attribute has no characters to count."""
    names = _names(tree)
    known = attribute_types(known_among(names, sides.source))
    for problem in check(tree, known, wanted, matching=matching):
        message = str(problem) if source.positions else _sentence(problem)
        note = findings.fault if problem.severity == "error" else findings.warn
        note(source.place, message)
    if sides.kind == "Group" and "members" in names and not isinstance(tree, Attribute):
        findings.fault(source.place, "members can only be mapped as they are, to members (rule R1).")


def _sentence(problem: Problem) -> str:
    return f"{problem.message}. {problem.remedy}."


def _check_target(
    document: Mapping[str, Any], where: str, target: TargetPath, priority: int, sides: Sides, findings: Findings
) -> None:
    place = joined(where, "targetAttributeName")
    defined, attribute = sides.target.get(target.identity), target.attribute
    mutability = defined.mutability.lower() if defined else attribute.mutability.lower() if attribute else ""
    if mutability == "readonly":
        findings.fault(place, f"{target.path} is read-only: the target alone sets it (rule A8).")
    if mutability == "immutable" and not target.is_reference and document.get("flowType") != "ObjectAddOnly":
        findings.warn(joined(where, "flowType"), f"{target.path} can only be set on creation; use ObjectAddOnly.")
    if attribute is not None and attribute.type == "complex" and not target.is_reference and defined is None:
        parts = ", ".join(part.name for part in attribute.sub_attributes)
        if not attribute.multi_valued:
            findings.fault(place, f"{target.path} is no single value; map one of its parts: {parts}.")
        elif attribute.sub_attribute("value") is None:  # a plain value has no place in such an element
            findings.warn(
                place, f'{target.path} is a list of objects; usually one is mapped, as [type eq "work"].value.'
            )
    if priority and (target.is_reference or sides.target_type(target).multivalued):
        findings.fault(
            joined(where, "matchingPriority"), f"{target.path} can't be looked up, so it can't be matching (rule M6)."
        )
    elif priority and not target.identity.endswith(_USUAL_MATCHES[sides.kind]):
        findings.warn(
            joined(where, "matchingPriority"),
            f"not every application can look up {target.path} (rule M6); `rollcall job test` tries it.",
        )
    if flag(document, "clearWhenNull") and (priority or (defined and defined.required)):
        findings.warn(
            joined(where, "clearWhenNull"), f"{target.path} is needed, so the target will refuse to clear it."
        )
    if flag(document, "exportMissingReferences"):
        findings.warn(
            joined(where, "exportMissingReferences"), "it has no effect: a reference waits until both ends exist."
        )


def _check_references(where: str, target: TargetPath, source: ReadSource, kind: str, findings: Findings) -> None:
    """References go from manager to manager and from members to members, as they are (rule R1)."""
    own = _REFERENCES[kind]
    is_own = source.source.type == "Attribute" and source.source.text == own
    place = joined(where, "targetAttributeName")
    if target.is_reference and not is_own:
        findings.fault(
            source.place or joined(where, "source"), f"{target.path} takes [{own}] and nothing else (rule R1)."
        )
    elif target.whole.endswith(f":{own}") and not target.is_reference and target.attribute is not None:
        findings.fault(place, f"map {own} itself, not a part of it (rule R1).")
    elif is_own and not target.is_reference:
        findings.fault(place, f"[{own}] refers to other objects, so it fits {own} only (rule R1).")
    elif kind == "User" and target.whole == ":members":
        findings.fault(place, "members belong to groups.")


def _check_roles(source: ReadSource, scope: str | None, findings: Findings) -> None:
    if scope != "all" or source.tree is None:
        return
    for node in walk(source.tree):
        if isinstance(node, Call) and node.name in ROLE_FUNCTIONS:
            findings.fault(
                source.place,
                f"{node.name} needs assignments, and the job provisions all users: set scope=assigned (rule S10).",
            )


def check_together(
    mappings: Sequence[ReadMapping], where: str, sides: Sides, enabled: bool, findings: Findings
) -> None:
    """Note what only all attribute mappings together show: targets twice, matching, what is not mapped."""
    place = joined(where, "attributeMappings")
    first: dict[str, ReadMapping] = {}
    for each in mappings:
        other = first.setdefault(each.target.identity, each)
        if other is not each:
            same = "" if other.mapping.target == each.mapping.target else f", as {other.mapping.target}"
            findings.fault(
                joined(each.where, "targetAttributeName"),
                f"{each.mapping.target} is mapped twice{same}: at {other.where} already.",
            )
        if each.target.identity != each.target.whole and each.target.whole in {m.target.identity for m in mappings}:
            findings.fault(
                joined(each.where, "targetAttributeName"),
                f"the whole that {each.mapping.target} is a part of is mapped too, so one would overwrite the other for "
                "ever. Map the whole, or its parts.",
            )
    _check_matching(mappings, findings)
    if not enabled:
        return
    mapped = {each.target.identity for each in mappings}
    for identity, needed in _required(sides).items():
        if identity not in mapped:
            findings.warn(place, f"{needed.name} is required and not mapped, so nothing can be created (rule A7).")
    if sides.kind == "User" and not any("IsSoftDeleted" in each.reads for each in mappings):
        findings.warn(place, "no mapping reads [IsSoftDeleted], so who leaves can't be disabled (rule D1).")
    if sides.kind == "Group" and not any(each.target.is_reference for each in mappings):
        findings.warn(place, "members are not mapped, so groups stay empty (rule R1).")


def _required(sides: Sides) -> dict[str, TargetAttribute]:
    usual = "userName" if sides.kind == "User" else "displayName"
    needed = {f":{usual}".lower(): TargetAttribute(usual)}
    return needed | {
        identity: each for identity, each in sides.target.items() if each.required and each.mutability != "ReadOnly"
    }


def _check_matching(mappings: Sequence[ReadMapping], findings: Findings) -> None:
    by_priority: dict[int, ReadMapping] = {}
    for each in mappings:
        priority = each.mapping.matching_priority
        if priority == 0:
            continue
        other = by_priority.setdefault(priority, each)
        if other is not each:
            findings.fault(
                joined(each.where, "matchingPriority"),
                f"{priority} is the priority of {other.mapping.target} already; two matching attributes need an order (rule M1).",
            )
        if each.mapping.source.type in ("None", "Constant"):
            findings.fault(
                joined(each.where, "matchingPriority"),
                f"{shown(each.mapping.target)} has the same value for everybody, so it can't tell them apart (rule M1).",
            )


def has_matching(documents: Sequence[Mapping[str, Any]]) -> bool:
    """Whether one of these attributeMappings is matching, sound or not."""
    priorities = [document.get("matchingPriority") for document in documents]
    return any(isinstance(value, int) and value > 0 for value in priorities)


def target_attributes(mappings: Sequence[ReadMapping], sides: Sides) -> dict[str, TargetAttribute]:
    """What the document says of target attributes, by the path as defined and as each mapping spells it."""
    defined = {attribute.name: attribute for attribute in sides.target.values()}
    for each in mappings:
        if each.target.identity in sides.target:
            path = each.mapping.target
            defined[path] = replace(sides.target[each.target.identity], name=path)
    return defined
