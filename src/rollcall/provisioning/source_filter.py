"""Filters over source objects, in the filter language of SCIM (RFC 7644 §3.4.2.2) and the names of the directory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rollcall.errors import Invalid
from rollcall.provisioning.model import Entry, SourceAttribute
from rollcall.provisioning.schema_findings import nearest
from rollcall.provisioning.source_schema import DIRECTORY_EXTENSION, SOURCE_ATTRIBUTES, known_among
from rollcall.scim.attribute import Attribute, AttributeType, ResourceType, Schema
from rollcall.scim.error import ScimError
from rollcall.scim.filter import Predicate, compile_filter
from rollcall.scim.parser import parse_filter
from rollcall.scim.path import print_path, resolve
from rollcall.scim.syntax import And, Filter, Not, Or, Path

_TYPES: dict[str, AttributeType] = {"Boolean": "boolean", "Integer": "integer"}
_EXAMPLES = {"User": 'department eq "Sales" and jobTitle sw "Head"', "Group": 'displayName sw "Field"'}
_NOT_HELD = frozenset({"members", "appRoleAssignments", "IsSoftDeleted"})


def source_filter(kind: str, text: str) -> Predicate:
    """Whether the attributes of a user or group fit. Raises Invalid, naming what is allowed."""
    attributes = {
        name: each
        for name, each in known_among(DIRECTORY_EXTENSION.findall(text), SOURCE_ATTRIBUTES[kind]).items()
        if "." not in name and name not in _NOT_HELD
    }
    urn = f"urn:rollcall:source:{kind}"
    schema = Schema(urn, kind, f"A {kind.lower()} of the directory.", tuple(map(_attribute, attributes.values())))
    resource_type = ResourceType(kind, kind, f"/{kind}s", "", schema)
    try:
        tree = parse_filter(text)
        for path in _paths(tree):
            if resolve(path, resource_type) is None:
                raise _refused(kind, text, _unknown(print_path(path), list(attributes)), attributes)
        return compile_filter(tree, resource_type)
    except ScimError as error:
        raise _refused(kind, text, error.detail, attributes) from None


def _paths(tree: Filter) -> Iterator[Path]:
    """The attributes that a filter asks for."""
    if isinstance(tree, And | Or):
        for operand in tree.operands:
            yield from _paths(operand)
    elif isinstance(tree, Not):
        yield from _paths(tree.operand)
    else:
        yield tree.path


def _unknown(name: str, known: list[str]) -> str:
    meant = nearest(name, known)
    return f"There is no attribute {name!r}." + (f" Did you mean {meant}?" if meant else "")


def _refused(kind: str, text: str, why: str, attributes: Iterable[str]) -> Invalid:
    return Invalid(
        f"The filter {text!r} can't be used. {why} A filter looks like: {_EXAMPLES[kind]}. "
        f"Attributes of a {kind.lower()}: {', '.join(sorted(attributes))}.",
        code="invalidFilter",
    )


def _attribute(each: SourceAttribute) -> Attribute:
    return Attribute(each.name, _TYPES.get(each.type, "string"), each.multivalued)


def fits(entry: Entry, predicate: Predicate) -> bool:
    """Whether an object that is there fits."""
    return entry.state == "present" and predicate(entry.attributes)
