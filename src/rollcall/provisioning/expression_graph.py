"""An expression as Graph's tree of sources (attributeMappingSource), as parseExpression and schemas show it."""

from __future__ import annotations

from rollcall.provisioning.expression_bind import find_function, fitted
from rollcall.provisioning.expression_syntax import (
    Attribute,
    Call,
    Compare,
    Concat,
    Constant,
    Expression,
    Number,
    Text,
    parse,
    print_expression,
)
from rollcall.provisioning.model import Json


def attribute_mapping_source(written: str) -> dict[str, Json]:
    """Graph's tree of an expression: expression, name, type, parameters; `expression` at the top is as it was written.

    An argument that is not given does not appear. A comparison or a joining with & is a Function named by its
    operator; Graph's documentation shows none. Raises ExpressionError for what can't be parsed, or calls an unknown
    function or one with wrong arguments. Source: Graph attributeMappingSource, parseExpression.
    """
    return {**_source(parse(written)), "expression": written}


def _source(tree: Expression) -> dict[str, Json]:
    match tree:
        case Attribute(name=name):
            return _leaf(tree, name, "Attribute")
        case Text(value=value):
            return _leaf(tree, value, "Constant")
        case Number(literal=literal):
            return _leaf(tree, literal, "Constant")
        case Constant(name=name):
            return _leaf(tree, name, "Constant")
        case Compare(operator=operator, left=left, right=right):
            return _function(tree, operator, [("left", left), ("right", right)])
        case Concat(operands=operands):
            return _function(tree, "&", [("operand", operand) for operand in operands])
        case Call():
            return _function(tree, tree.name, _arguments(tree))


def _arguments(call: Call) -> list[tuple[str, Expression]]:
    function = find_function(call)
    given = enumerate(fitted(call, function))
    return [(function.parameter(index).key, argument) for index, argument in given if argument is not None]


def _leaf(tree: Expression, name: str, type_name: str) -> dict[str, Json]:
    return {"expression": print_expression(tree), "name": name, "parameters": [], "type": type_name}


def _function(tree: Expression, name: str, arguments: list[tuple[str, Expression]]) -> dict[str, Json]:
    parameters = [{"key": key, "value": _source(argument)} for key, argument in arguments]
    return {"expression": print_expression(tree), "name": name, "parameters": parameters, "type": "Function"}
