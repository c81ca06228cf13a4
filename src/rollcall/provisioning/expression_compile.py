"""A compiled expression: bound once, evaluated for each source object; with what can be known about it beforehand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rollcall.provisioning.expression_bind import bind
from rollcall.provisioning.expression_explain import Explanation, explain
from rollcall.provisioning.expression_syntax import Attribute, Call, Compare, Expression, parse, walk
from rollcall.provisioning.expression_values import (
    REDACTED,
    Context,
    ExpressionError,
    Ignore,
    Ignored,
    Redacted,
    Source,
    Value,
)
from rollcall.provisioning.functions import FUNCTIONS
from rollcall.provisioning.functions_choice import Evaluate


@dataclass(frozen=True, slots=True)
class Compiled:
    """An expression bound to its functions; safe to share between threads.

    `attributes` are the source attributes it reads, `redacted` says that a log must not show its value,
    `deterministic` that equal sources give equal values.
    """

    expression: Expression
    attributes: frozenset[str]
    redacted: bool
    deterministic: bool
    bound: Evaluate

    def evaluate(self, source: Source, context: Context) -> Value:
        """The value for one source object: IGNORE_ATTRIBUTE and IGNORE_OBJECT are orders, Redacted wraps a value.

        Raises ExpressionError with position, function and remedy when evaluation fails.
        """
        try:
            value = self.bound(source, context)
        except Ignored as ignored:
            return ignored.order
        except ExpressionError as error:
            if self.redacted:
                raise _hidden(error) from None
            raise
        if self.redacted and value is not None and not isinstance(value, Ignore):
            return Redacted(value)
        return value

    def candidates(self, source: Source, context: Context) -> list[str]:
        """The values SelectUniqueValue would try, in their order, so that a caller may ask the target beforehand."""
        tried: list[str] = []

        def note(value: str) -> bool:
            tried.append(value)
            return True

        noting = Context(
            now=context.now,
            new_guid=context.new_guid,
            random=context.random,
            default_domain=context.default_domain,
            is_taken=note,
        )
        try:
            self.bound(source, noting)
        except (ExpressionError, Ignored):
            if not tried:
                raise
        return tried

    def explain(self, source: Source, context: Context) -> Explanation:
        """The value of every part. Errors are in the tree, none is raised."""
        return explain(self.expression, source, context)


def compile_expression(written: str | Expression) -> Compiled:
    """Parse and bind an expression. Raises ExpressionError for anything wrong that can be known beforehand."""
    expression = parse(written) if isinstance(written, str) else written
    check_places(expression)
    nodes = list(walk(expression))
    calls = {node.name for node in nodes if isinstance(node, Call)}
    bound = bind(expression)
    return Compiled(
        expression,
        frozenset(node.name for node in nodes if isinstance(node, Attribute)),
        "Redact" in calls,
        all(FUNCTIONS[name].deterministic for name in calls),
        bound,
    )


def misplaced(expression: Expression) -> Iterator[ExpressionError]:
    """Constructs that stand where the language does not allow them."""
    conditions = {
        id(node.arguments[0])
        for node in walk(expression)
        if isinstance(node, Call) and node.name in {"IIF", "CBool"} and node.arguments
    }
    for node in walk(expression):
        if isinstance(node, Compare) and id(node) not in conditions:
            yield ExpressionError(
                node.position, None, "a comparison stands outside a condition", "Put it into IIF or CBool"
            )
        if isinstance(node, Call) and node.name == "SelectUniqueValue" and node is not expression:
            yield ExpressionError(node.position, node.name, "it is not at top level", "Make it the outermost function")


def check_places(expression: Expression) -> None:
    """Raise the first fault of `misplaced`."""
    for error in misplaced(expression):
        raise error


def _hidden(error: ExpressionError) -> ExpressionError:
    return ExpressionError(
        error.position,
        error.function,
        f"evaluation failed; the reason is hidden ({REDACTED})",
        "Look at the source object",
    )
