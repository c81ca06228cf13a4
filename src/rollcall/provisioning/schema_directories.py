"""What a synchronization schema's directories say about attributes of the source and of the target."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from rollcall.provisioning.expression import AttributeType
from rollcall.provisioning.model import AttributeTypeName, SourceAttribute, TargetAttribute
from rollcall.provisioning.schema_findings import Findings, joined
from rollcall.provisioning.schema_paths import TargetPath, identity_of
from rollcall.provisioning.schema_shape import ATTRIBUTE_TYPES, MUTABILITIES, chosen, flag, rows, text
from rollcall.provisioning.source_schema import SOURCE_ATTRIBUTES, is_directory_extension

# Types of SCIM (RFC 7643 §2.3) in Graph's words. A SCIM reference is a URI; Graph's Reference is a tie to an object.
_TYPES: Mapping[str, AttributeTypeName] = {
    "boolean": "Boolean",
    "integer": "Integer",
    "dateTime": "DateTime",
    "binary": "Binary",
}


@dataclass(frozen=True, slots=True)
class Sides:
    """What is known of both sides of one object mapping.

    `source` by name; `target`, what the document defines, by the identity of its path.
    """

    kind: str
    source: Mapping[str, SourceAttribute]
    target: Mapping[str, TargetAttribute]

    def target_type(self, path: TargetPath) -> AttributeType:
        """Type of the values at a target path: as the SCIM schemas say, beyond them as the document defines it."""
        if path.is_reference:
            return AttributeType("Reference", multivalued=path.identity.endswith(":members"))
        attribute, defined = path.attribute, self.target.get(path.identity)
        if attribute is not None and not attribute.open:
            return AttributeType(graph_type(attribute.type), attribute.multi_valued and not path.selects)
        return AttributeType() if defined is None else AttributeType(defined.type, defined.multivalued)


def graph_type(scim_type: str) -> AttributeTypeName:
    """A SCIM type in Graph's words; what Graph has no word for is String."""
    return _TYPES.get(scim_type, "String")


def sides_of(
    document: Mapping[str, Any], rule: Mapping[str, Any], mapping: Mapping[str, Any], kind: str, findings: Findings
) -> Sides:
    """Both sides of an object mapping; a definition that does not fit the directory is a warning."""
    source = dict(SOURCE_ATTRIBUTES[kind])
    for where, definition in _definitions(document, text(rule, "sourceDirectoryName"), kind):
        name = text(definition, "name")
        if flag(definition, "flowNullValues"):
            findings.warn(
                joined(where, "flowNullValues"),
                "it clears nothing by itself, as in Entra; a mapping clears with clearWhenNull (rule A5).",
            )
        if name and name not in source:
            if not is_directory_extension(name):
                findings.warn(joined(where, "name"), f"a {kind.lower()} has no attribute {name}; it is always empty.")
            type_name = _type(definition)
            source[name] = SourceAttribute(name, type_name, flag(definition, "multivalued"))
    target: dict[str, TargetAttribute] = {}
    target_object = text(mapping, "targetObjectName")
    for where, definition in _definitions(document, text(rule, "targetDirectoryName"), target_object):
        name = text(definition, "name")
        identity = identity_of(kind, name) if name else ""
        if identity in target:
            findings.warn(joined(where, "name"), f"{name} is defined twice; the first one counts.")
        elif identity:
            target[identity] = _target_attribute(definition)
    return Sides(kind, source, target)


def check_directory_names(document: Mapping[str, Any], rule: Mapping[str, Any], where: str, findings: Findings) -> None:
    """Note directories that a rule names and the document lacks; a document without directories is complete."""
    names = [text(directory, "name") for _, directory in rows(document, "directories")]
    for member in ("sourceDirectoryName", "targetDirectoryName"):
        name = text(rule, member)
        if names and name not in names:
            findings.fault(joined(where, member), f"one of the directories is expected: {', '.join(names)}.")


def _definitions(
    document: Mapping[str, Any], directory_name: str, object_name: str
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for at, directory in rows(document, "directories"):
        if text(directory, "name") != directory_name:
            continue
        for where, definition in rows(directory, "objects", at):
            if text(definition, "name") == object_name:
                yield from rows(definition, "attributes", where)


def _target_attribute(definition: Mapping[str, Any]) -> TargetAttribute:
    return TargetAttribute(
        text(definition, "name"),
        _type(definition),
        required=flag(definition, "required"),
        multivalued=flag(definition, "multivalued"),
        case_exact=flag(definition, "caseExact") if "caseExact" in definition else None,
        mutability=chosen(definition.get("mutability"), MUTABILITIES) or "ReadWrite",
    )


def _type(definition: Mapping[str, Any]) -> AttributeTypeName:
    return chosen(definition.get("type"), ATTRIBUTE_TYPES) or "String"
