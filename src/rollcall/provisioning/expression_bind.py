"""An expression tree to closures: functions and attributes are looked up once, values are read many times."""

from __future__ import annotations

from collections.abc import Callable
from difflib import get_close_matches
from typing import Any, Protocol

from rollcall.provisioning.expression_compare import compare
from rollcall.provisioning.expression_dates import moment
from rollcall.provisioning.expression_syntax import (
    Attribute,
    Call,
    Compare,
    Concat,
    Constant,
    Expression,
    Number,
    Text,
)
from rollcall.provisioning.expression_values import (
    Context,
    ExpressionError,
    Fault,
    Ignore,
    Ignored,
    Source,
    Value,
    any_value,
    limited,
    number,
    text,
    values,
)
from rollcall.provisioning.functions import FUNCTIONS
from rollcall.provisioning.functions_choice import Argument, Evaluate
from rollcall.provisioning.functions_model import Function

_READ: dict[str, Callable[[Any], Any]] = {
    "S": text,
    "N": number,
    "D": moment,
    "L": values,
    "A": any_value,
    "B": any_value,
    "E": any_value,
    "C": any_value,
    "O": any_value,
}


class Hook(Protocol):
    """Sees each evaluation as it is bound, and may put another in its place."""

    def __call__(self, expression: Expression, evaluate: Evaluate, /) -> Evaluate:
        """The evaluation to use."""


def _as_is(_expression: Expression, evaluate: Evaluate) -> Evaluate:
    return evaluate


def bind(expression: Expression, hook: Hook = _as_is) -> Evaluate:
    """Turn a tree into one function of source and context.

    Raises ExpressionError for an unknown function or wrong arguments.
    """
    evaluate: Evaluate
    match expression:
        case Attribute(name=name):
            evaluate = _reading(name)
        case Text(value=value) | Number(value=value) | Constant(value=value):
            evaluate = _giving(value)
        case Compare():
            evaluate = _bind_compare(expression, hook)
        case Concat(operands=operands):
            evaluate = _bind_concat([bind(o, hook) for o in operands], expression.position)
        case Call():
            evaluate = _bind_call(expression, hook)
    return hook(expression, evaluate)


def _reading(name: str) -> Evaluate:
    return lambda source, _context: source.get(name)


def _giving(value: Value) -> Evaluate:
    return lambda _source, _context: value


def _bind_concat(pieces: list[Evaluate], position: int) -> Evaluate:
    def concat(source: Source, context: Context) -> Value:
        try:
            found = [text(piece(source, context)) for piece in pieces]
            return None if all(f is None for f in found) else limited("".join(f or "" for f in found))
        except Fault as fault:
            raise ExpressionError(position, None, fault.message, fault.remedy) from None

    return concat


# ── calls ────────────────────────────────────────────────────────────────────────────────────────────────────────


def fitted(call: Call, function: Function) -> tuple[Expression | None, ...]:
    """The arguments of a call, without trailing empty ones that have no place. Raises ExpressionError."""
    arguments = list(call.arguments)
    most = function.most
    while arguments and arguments[-1] is None and _is_surplus(function, arguments, most):
        arguments.pop()
    if len(arguments) < function.least or (most is not None and len(arguments) > most):
        raise ExpressionError(
            call.position,
            call.name,
            f"wrong number of arguments: {len(arguments)} where {_allowed(function)}",
            f"Write it as {function.signature}",
        )
    for index, argument in enumerate(arguments):
        parameter = function.parameter(index)
        if argument is None and not parameter.blank:
            raise ExpressionError(
                call.position, call.name, f"{parameter.name} is empty", f"Write it as {function.signature}"
            )
    if function.check_shape and (problem := function.check_shape([a is not None for a in arguments])):
        message, _, remedy = problem.partition(". ")
        raise ExpressionError(
            call.position,
            call.name,
            message if remedy else f"wrong number of arguments: {message}",
            remedy or f"Write it as {function.signature}",
        )
    return tuple(arguments)


def _is_surplus(function: Function, arguments: list[Expression | None], most: int | None) -> bool:
    # expressions.md §1: trailing empty arguments do not count as an error.
    if most is None:
        return bool(function.check_shape and function.check_shape([a is not None for a in arguments]))
    return len(arguments) > most or not function.parameter(len(arguments) - 1).required


def _allowed(function: Function) -> str:
    if function.most is None:
        return f"at least {function.least} are needed"
    if function.most == function.least:
        return f"{function.least} {'is' if function.least == 1 else 'are'} needed"
    return f"{function.least} to {function.most} are needed"


def find_function(call: Call) -> Function:
    """The function that is called. Raises ExpressionError for an unknown one, with the nearest name."""
    function = FUNCTIONS.get(call.name)
    if function is None:
        near = next((name for name in FUNCTIONS if name.lower() == call.name.lower()), None)
        close = get_close_matches(call.name[:200], FUNCTIONS, n=1)
        raise ExpressionError(
            call.position,
            call.name,
            "unknown function",
            f"Write {near}: names are case-sensitive"
            if near
            else f"Did you mean {close[0]}? The list of functions has them all"
            if close
            else "See the list of functions",
        )
    return function


def _bind_call(call: Call, hook: Hook) -> Evaluate:
    function = find_function(call)
    arguments = fitted(call, function)
    bound: list[Evaluate | None] = []
    for argument in arguments:  # a loop, not a comprehension: one frame less a level of nesting
        bound.append(None if argument is None else bind(argument, hook))  # noqa: PERF401
    try:
        if function.build is not None:
            return _located(
                function.build(
                    [
                        None if b is None else Argument(b, a.value if isinstance(a, Text) and hook is _as_is else None)
                        for a, b in zip(arguments, bound, strict=True)
                    ]
                ),
                call,
            )
    except Fault as fault:
        raise ExpressionError(call.position, call.name, fault.message, fault.remedy) from None
    assert function.call is not None
    readers = [_READ[function.parameter(i).kind] for i in range(len(bound))]
    if function.needs_context:
        return _bind_many(function, call, bound, readers)
    if len(bound) == 1 and bound[0] is not None:
        return _bind_one(function, call, bound[0], readers[0])
    return _bind_many(function, call, bound, readers)


def _located(evaluate: Evaluate, call: Call) -> Evaluate:
    def run(source: Source, context: Context) -> Value:
        try:
            return limited(evaluate(source, context))
        except Fault as fault:
            raise ExpressionError(call.position, call.name, fault.message, fault.remedy) from None

    return run


def _bind_one(function: Function, call: Call, argument: Evaluate, read: Callable[[Any], Any]) -> Evaluate:
    act, null_through = function.call, function.null_through
    assert act is not None

    def run(source: Source, context: Context) -> Value:
        try:
            value = read(argument(source, context))
            if value is None and null_through:
                return None
            if isinstance(value, Ignore):
                raise Ignored(value)
            return limited(act(value))
        except Fault as fault:
            raise ExpressionError(call.position, call.name, fault.message, fault.remedy) from None

    return run


def _bind_many(
    function: Function, call: Call, bound: list[Evaluate | None], readers: list[Callable[[Any], Any]]
) -> Evaluate:
    act, null_through, needs_context = function.call, function.null_through, function.needs_context
    assert act is not None
    pairs = list(zip(bound, readers, strict=True))

    def run(source: Source, context: Context) -> Value:
        try:
            given: list[Any] = [context] if needs_context else []
            for argument, read in pairs:
                value = None if argument is None else read(argument(source, context))
                if value is None and null_through and argument is bound[0]:
                    return None
                if isinstance(value, Ignore):
                    raise Ignored(value)
                given.append(value)
            return limited(act(*given))
        except Fault as fault:
            raise ExpressionError(call.position, call.name, fault.message, fault.remedy) from None

    return run


def _bind_compare(expression: Compare, hook: Hook) -> Evaluate:
    left, right = bind(expression.left, hook), bind(expression.right, hook)
    sign, position = expression.operator, expression.position

    def run(source: Source, context: Context) -> bool:
        first, second = left(source, context), right(source, context)
        try:
            return compare(sign, first, second)
        except Fault as fault:
            raise ExpressionError(position, None, fault.message, fault.remedy) from None

    return run
