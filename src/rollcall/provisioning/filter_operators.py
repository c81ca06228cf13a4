"""The operators of scoping filters, one table: names, operands, types and meaning (engine rules §3.1).

Null or empty source values fail every operator but IS NULL.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal

from rollcall.provisioning.expression_regex import Pattern, compile_pattern, matches_whole
from rollcall.provisioning.expression_values import Fault, shown, text_form
from rollcall.provisioning.model import AttributeTypeName, Json

Holds = Callable[[Json], bool]
"""Whether a clause holds for a value that is neither null nor empty. Raises Fault when that can't be decided."""


@dataclass(frozen=True, slots=True)
class Operator:
    """One operator of scoping filters (Graph filterOperatorSchema).

    `operand` says what stands on its right-hand side; `compile` turns that into the test of one value. `of_null` is the
    outcome for a null or empty value. Raises Fault in `compile` for an operand that is not of its kind.
    """

    name: str
    operand: Literal["none", "text", "integer", "pattern"]
    types: tuple[AttributeTypeName, ...]
    meaning: str
    compile: Callable[[str], Holds]
    of_null: bool = False

    @property
    def arity(self) -> Literal["Unary", "Binary"]:
        """Whether it takes an operand (Graph scopeOperatorType)."""
        return "Unary" if self.operand == "none" else "Binary"


_DIGITS = re.compile(r"[0-9]+", re.ASCII)


def magnitude(value: Json) -> tuple[int, str] | None:
    """A whole number from 0 on in a form that sorts like it, however long; None for anything else."""
    text = text_form(value)
    if isinstance(value, bool) or not _DIGITS.fullmatch(text):
        return None
    digits = text.lstrip("0")
    return len(digits), digits


def _bound(operand: str) -> tuple[int, str]:
    bound = magnitude(operand)
    if bound is None:
        raise Fault(f'a whole number from 0 on is expected, not "{operand}"', "Write digits only, as in 1000000")
    return bound


def _equals(operand: str) -> Holds:
    number = magnitude(operand)

    def holds(value: Json) -> bool:
        if isinstance(value, int) and number is not None:
            return magnitude(value) == number
        return text_form(value) == operand

    return holds


def _greater(operand: str) -> Holds:
    bound = _bound(operand)
    return lambda value: (number := magnitude(value)) is not None and number > bound


def _greater_or_equal(operand: str) -> Holds:
    bound = _bound(operand)
    return lambda value: (number := magnitude(value)) is not None and number >= bound


_SLOW_MOST = 8
"""So often a compiled pattern may run out of time: thousands of such values would hold up a cycle for hours."""


def _matches(operand: str) -> Holds:
    pattern: Pattern = compile_pattern(operand)
    slow = 0

    def holds(value: Json) -> bool:
        nonlocal slow
        if slow == _SLOW_MOST:
            raise Fault(
                f"the pattern {shown(operand)} ran out of time for {slow} objects and is not tried on any more now",
                "Avoid repeats inside repeats, such as (a+)+",
            )
        try:
            return matches_whole(pattern, text_form(value))
        except Fault:
            slow += 1
            raise

    return holds


def _reads_as(word: str) -> Callable[[str], Holds]:
    return lambda _operand: lambda value: text_form(value).lower() == word


def _not(compiled: Callable[[str], Holds]) -> Callable[[str], Holds]:
    """The opposite, for values that are there; null fails both."""

    def compile_opposite(operand: str) -> Holds:
        holds = compiled(operand)
        return lambda value: not holds(value)

    return compile_opposite


def _occurs_in(operand: str) -> Holds:
    return lambda value: text_form(value) in operand


_TEXT: tuple[AttributeTypeName, ...] = ("String", "Integer")
_ANY: tuple[AttributeTypeName, ...] = ("String", "Integer", "Boolean", "Binary")

_TABLE = (
    Operator("EQUALS", "text", _TEXT, "The value equals the operand, letter case included.", _equals),
    Operator("NOT EQUALS", "text", _TEXT, "There is a value and it differs from the operand.", _not(_equals)),
    Operator("IS TRUE", "none", ("Boolean",), "The value is true.", _reads_as("true")),
    Operator("IS FALSE", "none", ("Boolean",), "The value is false; one that was never set is not.", _reads_as("false")),
    Operator("IS NULL", "none", _ANY, "There is no value, or it is empty.", lambda _: lambda _value: False, of_null=True),
    Operator("IS NOT NULL", "none", _ANY, "There is a value.", lambda _: lambda _value: True),
    Operator("REGEX MATCH", "pattern", _TEXT, "The .NET pattern matches the whole value, letter case included.", _matches),
    Operator("NOT REGEX MATCH", "pattern", _TEXT, "There is a value and the pattern does not match it.", _not(_matches)),
    Operator("Greater_Than", "integer", _TEXT, "Both are whole numbers from 0 on; the value is the larger.", _greater),
    Operator(
        "Greater_Than_OR_EQUALS", "integer", _TEXT,
        "Both are whole numbers from 0 on; the value is the larger, or they are equal.", _greater_or_equal,
    ),
    Operator(
        "Includes", "text", ("String",), "The operand occurs in the value, letter case included.",
        lambda operand: lambda value: operand in text_form(value),
    ),
    Operator(
        "ENDS_WITH", "text", ("String",), "The value ends with the operand, letter case included.",
        lambda operand: lambda value: text_form(value).endswith(operand),
    ),
    Operator("&", "text", _TEXT, "The value occurs in the operand, such as a list of words.", _occurs_in),
    Operator("!&", "text", _TEXT, "There is a value and it does not occur in the operand.", _not(_occurs_in)),
)  # fmt: skip

OPERATORS: Mapping[str, Operator] = {operator.name: operator for operator in _TABLE}
"""Every operator by its canonical name: as Graph documents write it."""


def _folded(name: str) -> str:
    return re.sub(r"[\s_]", "", name).upper()


_BY_FOLDED_NAME = {_folded(name): operator for name, operator in OPERATORS.items()}


def operator_named(name: str) -> Operator | None:
    """The operator of that name; letter case, blanks and underscores do not count."""
    return _BY_FOLDED_NAME.get(_folded(name))


def nearest_operator(name: str) -> Operator | None:
    """The operator whose name is written most like that, if one is."""
    near = get_close_matches(_folded(name), _BY_FOLDED_NAME, n=1)
    return _BY_FOLDED_NAME[near[0]] if near else None
