"""What kind of value a part of an expression can give, as far as that is known without a source object."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from rollcall.provisioning.expression_syntax import Attribute, Call, Compare, Concat, Constant, Expression, Number, Text
from rollcall.provisioning.expression_values import Ignore
from rollcall.provisioning.functions import FUNCTIONS

TypeName: TypeAlias = Literal["String", "Integer", "Reference", "Binary", "Boolean", "DateTime"]


@dataclass(frozen=True, slots=True)
class AttributeType:
    """Type of a source or target attribute, in Graph's words (attributeDefinition)."""

    type: TypeName = "String"
    multivalued: bool = False


# What the service itself adds to every object.
ALWAYS_THERE: Mapping[str, AttributeType] = {
    "IsSoftDeleted": AttributeType("Boolean"),
    "appRoleAssignments": AttributeType("String", multivalued=True),
}

# Kinds of functions_model, and R reference, X binary, I order to ignore, ? unknown.
_KINDS: dict[str, str] = {
    "String": "S",
    "Integer": "N",
    "Boolean": "B",
    "DateTime": "D",
    "Reference": "R",
    "Binary": "X",
}

KIND_WORDS = {
    "S": "text",
    "N": "a number",
    "B": "a boolean",
    "D": "a date-time",
    "L": "several values",
    "C": "complex values",
    "R": "a reference",
    "X": "binary",
    "I": "an order to ignore",
    "O": "an option",
    "?": "any value",
}

_SAME_KIND = frozenset({"Redact", "CRef", "IgnoreFlowIfNullOrEmpty"})


def leaves(expression: Expression | None) -> Iterator[Expression | None]:
    """The parts one of which will be the value; None stands for null."""
    if not isinstance(expression, Call):
        yield expression
        return
    arguments = expression.arguments
    match expression.name:
        case "IIF":
            branches = arguments[1:3]
        case "Switch":
            branches = (*arguments[1:2], *arguments[3::2])
        case "Coalesce" | "SelectUniqueValue":
            branches = arguments
        case name if name in _SAME_KIND and len(arguments) == 1:
            branches = arguments
        case _:
            yield expression
            return
    for branch in branches:
        yield from leaves(branch)


def kind(leaf: Expression, source: Mapping[str, AttributeType]) -> str:
    """The kind of one leaf."""
    match leaf:
        case Text():
            return "S"
        case Number():
            return "N"
        case Compare():
            return "B"
        case Concat():
            return "S"
        case Constant(value=value):
            return "I" if isinstance(value, Ignore) else "O"
        case Attribute(name=name):
            found = source.get(name) or ALWAYS_THERE.get(name)
            return "?" if found is None else "L" if found.multivalued else _KINDS[found.type]
    function = FUNCTIONS.get(leaf.name)
    return "?" if function is None or function.result in {"E", "A"} else function.result


def is_always_null(expression: Expression | None) -> bool:
    """Whether no source object can give a value; orders to ignore count as no value."""
    return all(_is_null_leaf(leaf) for leaf in leaves(expression))


def _is_null_leaf(leaf: Expression | None) -> bool:
    if leaf is None:
        return True
    if isinstance(leaf, Constant):
        return isinstance(leaf.value, Ignore)
    if not isinstance(leaf, Call) or not leaf.arguments:
        return False
    function = FUNCTIONS.get(leaf.name)
    return function is not None and function.null_through and is_always_null(leaf.arguments[0])
