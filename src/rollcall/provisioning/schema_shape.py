"""The shape of Graph's synchronizationSchema: which members each of its types has, and what each may hold."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, get_args

from rollcall.provisioning.model import AttributeTypeName, FlowType, Json
from rollcall.provisioning.schema_findings import Findings, joined, nearest, shown

DEEPEST = 250
"""How many objects and lists may stand inside each other; the JSON writer ends at 254."""

FLOW_ACTIONS = ("Add", "Update", "Delete")
FLOW_BEHAVIORS = ("FlowWhenChanged", "FlowAlways")
FLOW_TYPES: tuple[FlowType, ...] = get_args(FlowType)
SOURCE_TYPES = ("Attribute", "Constant", "Function")
ATTRIBUTE_TYPES: tuple[AttributeTypeName, ...] = get_args(AttributeTypeName)
MUTABILITIES = ("ReadWrite", "ReadOnly", "Immutable", "WriteOnly")
_DISCOVERABILITIES = (
    "None",
    "AttributeNames",
    "AttributeDataTypes",
    "AttributeReadOnly",
    "ReferenceAttributes",
    "UnknownFutureValue",
)


@dataclass(frozen=True, slots=True)
class Member:
    """What one member may hold: `expected` in words, `fits` as a test.

    `inner` is the type of the object, or of each object of the list, that it holds. Every member may be null,
    which is the same as not there, unless it is `required`.
    """

    expected: str
    fits: Callable[[Json], bool]
    inner: str = ""
    required: bool = False


Word = TypeVar("Word", bound=str)


def chosen(value: Json, choices: Sequence[Word]) -> Word | None:
    """The choice that the value names, in any letter case, as Graph reads its enumerations; None for none of them."""
    if not isinstance(value, str):
        return None
    return next((choice for choice in choices if choice.lower() == value.strip().lower()), None)


def flags(value: Json, choices: Sequence[str]) -> tuple[str, ...] | None:
    """The choices that a text such as "Add, Update" names, with or without blanks; None where it names others."""
    words = [chosen(word, choices) for word in value.split(",")] if isinstance(value, str) else [None]
    return None if None in words else tuple(word for word in words if word is not None)


def actions(value: Json) -> tuple[str, ...] | None:
    """The object actions that flowTypes names; none for "None"; None where it is no such text."""
    return () if chosen(value, ("None",)) else flags(value, FLOW_ACTIONS)


def _is_whole(value: Json) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _choice(choices: Sequence[str], required: bool = False) -> Member:
    return Member(f"one of {', '.join(choices)}", lambda value: chosen(value, choices) is not None, "", required)


def _object(inner: str, required: bool = False) -> Member:
    return Member("an object", lambda value: isinstance(value, Mapping), inner, required)


def _objects(inner: str, required: bool = False) -> Member:
    return Member("a list", lambda value: isinstance(value, list), inner, required)


_TEXT = Member("a text", lambda value: isinstance(value, str))
_NAME = Member("a text that is not empty", lambda value: isinstance(value, str) and bool(value.strip()), "", True)
_FLAG = Member("true or false", lambda value: isinstance(value, bool))
_WHOLE = Member("a whole number", _is_whole)
_COUNT = Member("a whole number from 0 on", lambda value: _is_whole(value) and value >= 0)
_LIST = Member("a list", lambda value: isinstance(value, list))
_TEXTS = Member(
    "a list of texts", lambda value: isinstance(value, list) and all(isinstance(each, str) for each in value)
)
_METADATA = _objects("metadataEntry")

TYPES: Mapping[str, Mapping[str, Member]] = {
    "synchronizationSchema": {
        "id": _TEXT,
        "version": _TEXT,
        "directories": _objects("directoryDefinition"),
        "synchronizationRules": _objects("synchronizationRule", required=True),
    },
    "directoryDefinition": {
        "id": _TEXT,
        "name": _NAME,
        "readOnly": _FLAG,
        "version": _TEXT,
        "discoverabilities": Member(
            f"words out of {', '.join(_DISCOVERABILITIES)}", lambda value: flags(value, _DISCOVERABILITIES) is not None
        ),
        "discoveryDateTime": _TEXT,
        "metadata": _METADATA,
        "objects": _objects("objectDefinition"),
    },
    "objectDefinition": {
        "name": _NAME,
        "supportedApis": _LIST,
        "metadata": _METADATA,
        "attributes": _objects("attributeDefinition"),
    },
    "attributeDefinition": {
        "name": _NAME,
        "type": _choice(ATTRIBUTE_TYPES),
        "anchor": _FLAG,
        "caseExact": _FLAG,
        "multivalued": _FLAG,
        "required": _FLAG,
        "mutability": _choice(MUTABILITIES),
        "defaultValue": _TEXT,
        "flowNullValues": _FLAG,
        "apiExpressions": _LIST,
        "metadata": _METADATA,
        "referencedObjects": _objects("referencedObject"),
    },
    "referencedObject": {"referencedObjectName": _TEXT, "referencedProperty": _TEXT},
    "metadataEntry": {"key": _TEXT, "value": _TEXT},
    "synchronizationRule": {
        "id": _TEXT,
        "name": _TEXT,
        "priority": _WHOLE,
        "editable": _FLAG,
        "sourceDirectoryName": _TEXT,
        "targetDirectoryName": _TEXT,
        "metadata": _METADATA,
        "containerFilter": _object("containerFilter"),
        "groupFilter": _object("groupFilter"),
        "objectMappings": _objects("objectMapping", required=True),
    },
    "containerFilter": {"includedContainers": _TEXTS},
    "groupFilter": {"includedGroups": _TEXTS},
    "objectMapping": {
        "name": _TEXT,
        "enabled": _FLAG,
        "flowTypes": Member(
            'a text such as "Add, Update, Delete", or "None"', lambda value: actions(value) is not None
        ),
        "sourceObjectName": _NAME,
        "targetObjectName": _NAME,
        "metadata": _METADATA,
        "scope": _object("filter"),
        "attributeMappings": _objects("attributeMapping", required=True),
    },
    "filter": {
        "groups": _objects("filterGroup"),
        "inputFilterGroups": _objects("filterGroup"),
        "categoryFilterGroups": _objects("filterGroup"),
    },
    "filterGroup": {"name": _TEXT, "clauses": _objects("filterClause")},
    "filterClause": {
        "operatorName": _NAME,
        "sourceOperandName": _NAME,
        "targetOperand": _object("filterOperand"),
    },
    "filterOperand": {"values": _TEXTS},
    "attributeMapping": {
        "targetAttributeName": _NAME,
        "source": _object("attributeMappingSource"),
        "defaultValue": _TEXT,
        "exportMissingReferences": _FLAG,
        "flowBehavior": _choice(FLOW_BEHAVIORS),
        "flowType": _choice(FLOW_TYPES),
        "matchingPriority": _COUNT,
        "clearWhenNull": _FLAG,
    },
    "attributeMappingSource": {
        "type": _choice(SOURCE_TYPES, required=True),
        "name": _TEXT,
        "expression": _TEXT,
        "parameters": _objects("parameter"),
    },
    "parameter": {"key": _TEXT, "value": _object("attributeMappingSource")},
}
"""The types of Graph's synchronization schema with their members; `clearWhenNull` of an attributeMapping is ours."""


def check_shape(document: Json, findings: Findings) -> None:
    """Note every member of a wrong type, every missing one that is needed, and every unknown one (a warning)."""
    if not _can_be_stored(document, findings):
        return
    waiting: list[tuple[str, str, Json]] = [("", "synchronizationSchema", document)]
    while waiting:
        where, type_name, value = waiting.pop()
        if isinstance(value, Mapping):
            waiting += _check_object(where, type_name, value, findings)
        else:
            findings.fault(where or "document", f"an object is expected, not {shown(value)}")


def _check_object(
    where: str, type_name: str, value: Mapping[str, Json], findings: Findings
) -> Iterator[tuple[str, str, Json]]:
    members = TYPES[type_name]
    for name, member in members.items():
        held = value.get(name)
        place = joined(where, name)
        if held is None:
            if member.required:
                findings.fault(
                    place, f"{member.expected} is expected; {'it is null' if name in value else 'it is missing'}"
                )
        elif not member.fits(held):
            findings.fault(place, f"{member.expected} is expected, not {shown(held)}")
        elif member.inner and isinstance(held, list):
            yield from ((f"{place}[{number}]", member.inner, each) for number, each in enumerate(held))
        elif member.inner:
            yield place, member.inner, held
    for name in value.keys() - members.keys():
        if "@odata." not in name:  # annotations, which OData allows everywhere
            near = nearest(name, tuple(members))
            hint = f"did you mean {near}?" if near else "it has no effect."
            findings.warn(joined(where, name), f"{type_name} has no such member; {hint} It is kept as it is.")


def _can_be_stored(document: Json, findings: Findings) -> bool:
    """Whether the document can be kept as it is: not too deep, no U+0000, no number that JSON lacks."""
    waiting: list[tuple[str, Json, int]] = [("", document, 1)]
    while waiting:
        where, value, depth = waiting.pop()
        if depth > DEEPEST:
            findings.fault(where[:100], f"more than {DEEPEST} objects and lists stand inside each other")
            return False
        if isinstance(value, Mapping):
            if any("\x00" in name for name in value):
                findings.fault(where or "document", "the name of a member holds U+0000, which no database text may")
            waiting += ((joined(where, name), each, depth + 1) for name, each in value.items())
        elif isinstance(value, list):
            waiting += ((f"{where}[{number}]", each, depth + 1) for number, each in enumerate(value))
        elif isinstance(value, str) and "\x00" in value:
            findings.fault(where or "document", "the text holds U+0000, which no database text may")
        elif isinstance(value, float) and not math.isfinite(value):
            findings.fault(where or "document", "a number is expected that JSON can write")
    return True


def text(document: Mapping[str, Any], name: str) -> str:
    """The text of a member, "" where there is none; what is no text has been named as a fault before."""
    value = document.get(name)
    return value if isinstance(value, str) else ""


def flag(document: Mapping[str, Any], name: str, default: bool = False) -> bool:
    """True or false of a member, `default` where there is none."""
    value = document.get(name)
    return value if isinstance(value, bool) else default


def inner(document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """The object of a member, an empty one where there is none."""
    value = document.get(name)
    return value if isinstance(value, Mapping) else {}


def rows(document: Mapping[str, Any], name: str, where: str = "") -> list[tuple[str, Mapping[str, Any]]]:
    """The objects of a list with the place of each; what is no object has been named as a fault before."""
    value = document.get(name)
    listed = value if isinstance(value, list) else []
    place = joined(where, name)
    return [(f"{place}[{number}]", each) for number, each in enumerate(listed) if isinstance(each, Mapping)]
