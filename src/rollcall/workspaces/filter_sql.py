"""Compiles a SCIM filter to a condition in SQL that holds for exactly the rows that `rollcall.scim.filter.matches`.

No value of a filter becomes part of the statement, and no pattern is ever built from one.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

from psycopg.sql import SQL, Composable
from psycopg.types.json import Jsonb

from rollcall.scim.attribute import Attribute, Json, ResourceType
from rollcall.scim.error import invalid_filter
from rollcall.scim.filter import comparand, compared, value_target
from rollcall.scim.path import Path, Target, resolve
from rollcall.scim.syntax import And, Compare, Filter, Not, Or, Present, ValuePath, print_filter
from rollcall.workspaces.comparison import moment_text
from rollcall.workspaces.model import parse_id
from rollcall.workspaces.values_sql import (
    Complex,
    Elements,
    Kind,
    Layout,
    Parameters,
    Scalar,
    Values,
    lifted,
    open_complex,
)

TRUE, FALSE = SQL("true"), SQL("false")
_ORDER = {"gt": SQL(">"), "ge": SQL(">="), "lt": SQL("<"), "le": SQL("<=")}

_Leaf = Callable[[Path, bool], tuple[Attribute, Values | Complex] | None]


def filter_sql(tree: Filter, resource_type: ResourceType, base_url: str, parameters: Parameters) -> Composable:
    """The filter as a condition over the row `r` of users or groups; its values are added to `parameters`.

    Raises ScimError invalidFilter for comparisons that make no sense.
    """
    layout = Layout(resource_type, base_url, parameters)

    def leaf(path: Path, whole: bool) -> tuple[Attribute, Values | Complex] | None:
        target = resolve(path, resource_type)
        if target is None or target.attribute is None:
            return None
        attribute = compared(target)
        values = layout.values(target)
        if not whole and isinstance(values, Complex) and attribute.type != "complex":
            values = lifted(values, attribute)
        return attribute, values

    def value_path(node: ValuePath) -> Composable:
        target = resolve(node.path, resource_type)
        if target is None or target.attribute is None:
            return FALSE
        return _value_path(node.operand, target, layout, parameters)

    return _Compiler(leaf, value_path, parameters).condition(tree)


def member_filter_sql(tree: Filter, resource_type: ResourceType, base_url: str, parameters: Parameters) -> Composable:
    """The filter in `members[…]` as a condition over the row `m` of group_members. Raises ScimError invalidFilter."""
    attribute = resource_type.attribute("members")
    assert attribute is not None, "groups have members"
    layout = Layout(resource_type, base_url, parameters)
    return _inside(tree, attribute, layout.complex(Target(None, attribute)), parameters)


def _value_path(operand: Filter, target: Target, layout: Layout, parameters: Parameters) -> Composable:
    attribute = target.attribute
    assert attribute is not None, "the caller resolved an attribute"
    values = layout.values(target)
    if isinstance(values, Complex):
        whole = values
    elif attribute.open:
        assert isinstance(values, Elements), "what is open is listed"
        whole = open_complex(values)
    else:
        whole = _simple_as_complex(values)
    condition = _inside(operand, attribute, whole, parameters)
    if whole.containing is not None:
        document = _contained_by(operand, attribute)
        if document is not None:
            return SQL("r.folded @> {}").format(parameters.add(Jsonb(whole.containing(document))))
    if whole.source is None:
        return SQL("({} and {})").format(whole.present, condition)
    return _exists(whole.source, condition)


def _inside(tree: Filter, attribute: Attribute, whole: Complex, parameters: Parameters) -> Composable:
    def leaf(path: Path, _whole: bool) -> tuple[Attribute, Values | Complex] | None:
        sub = value_target(path, attribute)
        return None if sub is None else (sub, whole.part(sub))

    def value_path(node: ValuePath) -> Composable:
        raise invalid_filter(f"{print_filter(node)!r} stands inside another filter in brackets; write it outside.")

    return _Compiler(leaf, value_path, parameters).condition(tree)


def _simple_as_complex(values: Values) -> Complex:
    """A simple attribute in a value path: its values are named `value` there."""
    scalar = Scalar(values.expression, values.kind)
    if isinstance(values, Elements):
        return Complex(lambda _: scalar, TRUE, values.source)
    return Complex(lambda _: scalar, SQL("{} is not null").format(values.expression))


def _contained_by(tree: Filter, attribute: Attribute) -> Json | None:
    """The document with exactly the equalities of the filter in brackets; None if it holds anything else.

    One value contains it when it satisfies all of them: then an index can answer.
    """
    document: dict[str, Json] = {}
    for node in tree.operands if isinstance(tree, And) else (tree,):
        if not isinstance(node, Compare) or node.op != "eq" or not isinstance(node.value, str | bool):
            return None
        sub = value_target(node.path, attribute)
        if sub is None or sub is attribute or sub.open or sub.type == "dateTime" or sub.name in document:
            return None
        document[sub.name] = comparand("eq", node.value, sub)
    return None if any(isinstance(value, str) and "\x00" in value for value in document.values()) else document


class _Compiler:
    """Compiles a tree whose leaves are found by `leaf`."""

    def __init__(self, leaf: _Leaf, value_path: Callable[[ValuePath], Composable], parameters: Parameters) -> None:
        self._leaf = leaf
        self._value_path = value_path
        self._parameters = parameters

    def condition(self, tree: Filter) -> Composable:
        match tree:
            case And(operands):
                return SQL("({})").format(SQL(" and ").join([self.condition(operand) for operand in operands]))
            case Or(operands):
                return SQL("({})").format(SQL(" or ").join([self.condition(operand) for operand in operands]))
            case Not(operand):
                # What is null in SQL is false in SCIM.
                return SQL("(({}) is not true)").format(self.condition(operand))
            case ValuePath():
                return self._value_path(tree)
            case Present(path):
                found = self._leaf(path, True)
                return FALSE if found is None else _present(found[1])
            case Compare(path, op, value):
                found = self._leaf(path, False)
                if found is None:
                    return TRUE if op == "ne" and value is not None else FALSE
                attribute, values = found
                wanted = comparand(op, value, attribute)
                assert not isinstance(values, Complex), "comparand refuses complex attributes"
                # Values of an extension without schema are compared as the JSON they are.
                return self._comparison(op, value if attribute.open else wanted, values)

    def _comparison(self, op: str, wanted: Any, values: Values) -> Composable:
        if wanted is None:
            there = SQL("{} is not null").format(values.expression)
            held = there if isinstance(values, Scalar) else _exists(values.source, there)
            return held if op == "ne" else SQL("(not {})").format(held)
        if op == "eq" and values.containing is not None and _indexable(wanted, values.kind):
            return SQL("r.folded @> {}").format(self._parameters.add(Jsonb(values.containing(wanted))))
        if isinstance(values, Scalar):
            return self._test(op, wanted, values.kind, values.expression)
        some = _exists(values.source, self._test(op, wanted, values.kind, values.expression))
        if op != "ne":
            return some
        return SQL("({} or not {})").format(
            some, _exists(values.source, SQL("{} is not null").format(values.expression))
        )

    def _test(self, op: str, wanted: Any, kind: Kind, expression: Composable) -> Composable:
        """A comparison with a value that is there; null without one, but true for `ne`."""
        match kind:
            case "id":
                return self._id_test(op, wanted, expression)
            case "instant":
                return self._instant_test(op, wanted, expression)
            case "json":
                return self._json_test(op, wanted, expression)
            case "moment":
                return self._plain_test(op, moment_text(wanted), expression)
            case "number":
                return self._plain_test(op, Decimal(str(wanted)), expression)
            case "boolean" | "text":
                return self._plain_test(op, wanted, expression)

    def _plain_test(self, op: str, wanted: Any, expression: Composable) -> Composable:
        if isinstance(wanted, str):
            if "\x00" in wanted:
                return self._nul_test(op, wanted, expression)
            value: Composable = SQL("{}::text").format(self._parameters.add(wanted))
        else:
            value = self._parameters.add(wanted)
        if op in _ORDER:
            return SQL("{} {} {}").format(expression, _ORDER[op], value)
        match op:
            case "eq":
                return SQL("{} = {}").format(expression, value)
            case "ne":
                return SQL("{} is distinct from {}").format(expression, value)
            case "co":
                return SQL("strpos({}, {}) > 0").format(expression, value)
            case "sw":
                return SQL("starts_with({}, {})").format(expression, value)
            case _:
                assert op == "ew", "the operators of RFC 7644 table 3"
                return SQL("right({}, length({})) = {}").format(expression, value, value)

    def _nul_test(self, op: str, wanted: str, expression: Composable) -> Composable:
        """No stored text holds NUL, which sorts before all else: only what stands before it counts."""
        if op == "ne":
            return TRUE
        if op not in _ORDER:
            return FALSE
        return self._plain_test("gt" if op in {"gt", "ge"} else "le", wanted[: wanted.index("\x00")], expression)

    def _id_test(self, op: str, wanted: str, expression: Composable) -> Composable:
        if op in {"eq", "ne"}:
            found = parse_id(wanted)
            if found is None:  # an id in another spelling is no id (RFC 7643 §3.1: caseExact)
                return TRUE if op == "ne" else FALSE
            return self._plain_test(op, found, expression)
        return self._plain_test(op, wanted, SQL('({}::text collate "C")').format(expression))

    def _instant_test(self, op: str, wanted: tuple[Any, str], expression: Composable) -> Composable:
        """Timestamps are kept to the millisecond; the literal may be finer, and then lies between two of them."""
        moment, fraction = wanted
        cut = moment + timedelta(microseconds=int((fraction + "000000")[:6]))
        if len(fraction) > 6:
            if op == "eq":
                return FALSE
            if op == "ne":
                return TRUE
            op = {"gt": "gt", "ge": "gt", "lt": "le", "le": "le"}[op]
        return self._plain_test(op, cut, expression)

    def _json_test(self, op: str, wanted: Any, expression: Composable) -> Composable:
        if op in {"eq", "ne"}:
            if isinstance(wanted, str) and "\x00" in wanted:
                return TRUE if op == "ne" else FALSE
            if isinstance(wanted, str | bool):
                return self._plain_test(op, Jsonb(wanted), expression)
            number = SQL("to_jsonb({}::numeric)").format(self._parameters.add(Decimal(str(wanted))))
            return SQL("{} {} {}").format(expression, SQL("=" if op == "eq" else "is distinct from"), number)
        if isinstance(wanted, bool):
            flag = SQL("(case when jsonb_typeof({0}) = 'boolean' then {0}::boolean end)").format(expression)
            return self._plain_test(op, wanted, flag) if op in _ORDER else FALSE
        if isinstance(wanted, str):
            text = SQL("(case when jsonb_typeof({0}) = 'string' then ({0} #>> '{{}}') end collate \"C\")").format(
                expression
            )
            return self._plain_test(op, wanted, text)
        if op not in _ORDER:
            return FALSE
        number = SQL("(case when jsonb_typeof({0}) = 'number' then {0}::numeric end)").format(expression)
        return self._plain_test(op, Decimal(str(wanted)), number)


def _indexable(wanted: Any, kind: Kind) -> bool:
    if isinstance(wanted, str):
        return kind == "text" and "\x00" not in wanted
    return isinstance(wanted, bool)


def _present(values: Values | Complex) -> Composable:
    if isinstance(values, Complex):
        return values.present if values.source is None else _exists(values.source, values.present)
    if values.kind == "text":
        there = SQL("({0} is not null and {0} <> '')").format(values.expression)
    elif values.kind == "json":
        there = SQL("{} not in ('null', '\"\"', '{{}}', '[]')").format(values.expression)
    else:
        there = SQL("({} is not null)").format(values.expression)
    return there if isinstance(values, Scalar) else _exists(values.source, there)


def _exists(source: Composable, condition: Composable) -> Composable:
    """Whether a row of `source`, a FROM list, satisfies the condition."""
    return SQL("exists (select from {} where {})").format(source, condition)
