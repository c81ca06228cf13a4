"""The source of an attribute mapping: Graph's attributeMappingSource to where a value comes from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rollcall.provisioning.expression import Expression, ExpressionError, parse
from rollcall.provisioning.expression_syntax import Attribute, Call, Constant, Number, Text
from rollcall.provisioning.model import MappingSource
from rollcall.provisioning.schema_findings import Findings, joined, shown
from rollcall.provisioning.schema_shape import SOURCE_TYPES, chosen, text


@dataclass(frozen=True, slots=True)
class ReadSource:
    """A source that was understood: `tree` is what the type checker looks at, None for no source.

    `place` is where its faults belong; `positions` says that they count characters of an expression.
    """

    source: MappingSource
    tree: Expression | None
    place: str
    positions: bool = False


NO_SOURCE = ReadSource(MappingSource("None"), None, "")


def read_source(document: Mapping[str, Any], where: str, findings: Findings) -> ReadSource | None:
    """Where the value comes from; None, with a fault, where that can't be known. `parameters` are not looked at.

    For an attribute or a constant, name and expression say the same thing, and one of them is enough.
    """
    kind = chosen(document.get("type"), SOURCE_TYPES)
    if kind is None:
        return None  # named as a fault before
    name, written = text(document, "name"), text(document, "expression")
    if kind == "Function":
        return _function(name, written, where, findings)
    place = joined(where, "name" if name else "expression")
    if not name and not written:
        findings.fault(joined(where, "name"), f"the {kind.lower()} is missing.")
        return None
    tree = _tree(kind, name, written)
    if tree is None:
        said = f"{shown(written)} is not the {kind.lower()} {name}".rstrip()
        findings.fault(joined(where, "expression"), f"{said}: write {_example(kind, name)}, or make it a Function.")
        return None
    if isinstance(tree, Constant):
        return ReadSource(MappingSource("Function", written), tree, place)
    if isinstance(tree, Attribute):
        return ReadSource(MappingSource("Attribute", tree.name), tree, place)
    return ReadSource(MappingSource("Constant", tree.value), tree, place)


def _example(kind: str, name: str) -> str:
    return f"[{name or 'mail'}]" if kind == "Attribute" else f'"{name or "text"}"'


def _tree(kind: str, name: str, written: str) -> Attribute | Text | Constant | None:
    """What name and expression say together; None where they contradict each other, or the expression is another."""
    if not written:
        return Attribute(name, 1) if kind == "Attribute" else Text(name, 1)
    try:
        tree = parse(written)
    except ExpressionError:
        return Text(name, 1) if kind == "Constant" and written == name else None
    if kind == "Attribute":
        return tree if isinstance(tree, Attribute) and tree.name == (name or tree.name) else None
    if isinstance(tree, Number):
        tree = Text(tree.literal, 1)
    if isinstance(tree, Text) and tree.value == (name or tree.value):
        return tree
    if isinstance(tree, Constant) and tree.name == (name or tree.name):
        return tree  # a word such as IgnoreAttributeFlow; as text it would stand in quotes
    return None


def _function(name: str, written: str, where: str, findings: Findings) -> ReadSource | None:
    place = joined(where, "expression")
    if not written.strip():
        findings.fault(place, "an expression is expected; parameters alone do not count.")
        return None
    try:
        tree = parse(written)
    except ExpressionError as error:
        findings.fault(place, error.message)
        return None
    if isinstance(tree, Call) and name and name != tree.name:
        findings.warn(joined(where, "name"), f"it says {shown(name)}, but the expression counts: {tree.name}.")
    if isinstance(tree, Attribute):
        return ReadSource(MappingSource("Attribute", tree.name), tree, place, positions=True)
    return ReadSource(MappingSource("Function", written), tree, place, positions=True)
