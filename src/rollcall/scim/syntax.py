"""Attribute paths and filters as a frozen tree, and their printing (grammar of RFC 7644 §3.4.2.2 and §3.5.2)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Literal, TypeAlias

CompareOperator = Literal["eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le"]
Literals: TypeAlias = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Path:
    """`schema:attribute[value_filter].sub_attribute`, names as written by the client.

    `value_filter` stands only in the path of a PATCH operation; a filter carries it as `ValuePath`.
    """

    attribute: str
    sub_attribute: str | None = None
    value_filter: Filter | None = None
    schema: str | None = None


@dataclass(frozen=True, slots=True)
class Compare:
    """`path op value`."""

    path: Path
    op: CompareOperator
    value: Literals


@dataclass(frozen=True, slots=True)
class Present:
    """`path pr`."""

    path: Path


@dataclass(frozen=True, slots=True)
class And:
    """All of two or more operands, none of which is an And itself."""

    operands: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """One of two or more operands, none of which is an Or itself."""

    operands: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """`not (operand)`."""

    operand: Filter


@dataclass(frozen=True, slots=True)
class ValuePath:
    """`path[operand]`: one value of the multi-valued attribute satisfies the whole operand.

    Known clients also write `path[filter].sub op value`; it is read as `path[filter and sub op value]`,
    which means the same.
    """

    path: Path
    operand: Filter


Filter: TypeAlias = Compare | Present | And | Or | Not | ValuePath


def print_path(path: Path) -> str:
    """The path as text; `parse_path` gives the same path back."""
    text = f"{path.schema}:{path.attribute}" if path.schema else path.attribute
    if path.value_filter is not None:
        text += f"[{print_filter(path.value_filter)}]"
    return f"{text}.{path.sub_attribute}" if path.sub_attribute else text


def print_filter(tree: Filter) -> str:
    """The filter as text with no more brackets than it needs; `parse_filter` gives the same filter back."""
    match tree:
        case Compare(path, op, value):
            return f"{print_path(path)} {op} {json.dumps(value, ensure_ascii=False)}"
        case Present(path):
            return f"{print_path(path)} pr"
        case Not(operand):
            return f"not ({print_filter(operand)})"
        case ValuePath(path, operand):
            return f"{print_path(path)}[{print_filter(operand)}]"
        case And(operands):
            return " and ".join(f"({print_filter(o)})" if isinstance(o, Or) else print_filter(o) for o in operands)
        case Or(operands):
            return " or ".join(print_filter(o) for o in operands)


def conjunction(*operands: Filter) -> Filter:
    """All operands as one filter, nested Ands laid flat."""
    flat: list[Filter] = []
    for operand in operands:
        flat.extend(operand.operands if isinstance(operand, And) else (operand,))
    return flat[0] if len(flat) == 1 else And(tuple(flat))


def disjunction(*operands: Filter) -> Filter:
    """Any of the operands as one filter, nested Ors laid flat."""
    flat: list[Filter] = []
    for operand in operands:
        flat.extend(operand.operands if isinstance(operand, Or) else (operand,))
    return flat[0] if len(flat) == 1 else Or(tuple(flat))
