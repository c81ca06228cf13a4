"""The tree of intermediate values of one evaluation, for people who ask why a value is what it is."""

from __future__ import annotations

from dataclasses import dataclass

from rollcall.provisioning.expression_bind import bind
from rollcall.provisioning.expression_syntax import Call, Expression, children, print_expression, walk
from rollcall.provisioning.expression_values import (
    REDACTED,
    Context,
    ExpressionError,
    Ignore,
    Ignored,
    Source,
    Value,
    text_form,
)
from rollcall.provisioning.functions_choice import Evaluate


@dataclass(frozen=True, slots=True)
class Explanation:
    """One part of an expression with the value it had; `evaluated` is false for what was not needed.

    `value` is the text form, None for null; `error` says why there is no value.
    """

    expression: str
    position: int
    evaluated: bool
    value: str | None
    error: str | None
    parts: tuple[Explanation, ...]


def explain(expression: Expression, source: Source, context: Context) -> Explanation:
    """Evaluate with a note of every intermediate value."""
    seen: dict[int, Value] = {}
    failed: dict[int, str] = {}

    def noting(node: Expression, evaluate: Evaluate) -> Evaluate:
        def run(source: Source, context: Context) -> Value:
            try:
                seen[id(node)] = value = evaluate(source, context)
            except ExpressionError as error:
                failed[id(node)] = str(error)
                raise
            except Ignored as ignored:
                seen[id(node)] = ignored.order
                raise
            return value

        return run

    try:
        bind(expression, noting)(source, context)
    except Ignored:
        pass
    except ExpressionError as error:
        failed.setdefault(id(expression), str(error))
    return _explanation(expression, seen, failed, inside_redact=False)


def _explanation(
    expression: Expression, seen: dict[int, Value], failed: dict[int, str], *, inside_redact: bool
) -> Explanation:
    hides = inside_redact or any(isinstance(n, Call) and n.name == "Redact" for n in walk(expression))
    within = inside_redact or (isinstance(expression, Call) and expression.name == "Redact")
    value = seen.get(id(expression))
    shown = None if value is None else value.value if isinstance(value, Ignore) else text_form(value)
    error = failed.get(id(expression))
    return Explanation(
        print_expression(expression),
        expression.position,
        id(expression) in seen or id(expression) in failed,
        REDACTED if hides and shown is not None else shown,
        REDACTED if hides and error is not None else error,
        tuple(_explanation(part, seen, failed, inside_redact=within) for part in children(expression)),
    )
