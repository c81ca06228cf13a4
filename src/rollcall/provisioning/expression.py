"""The mapping language: parse, print, check, evaluate (Microsoft Entra's expressions for attribute mappings).

    compiled = compile_expression('Join(" ", [givenName], [surname])')
    compiled.evaluate({"givenName": "John", "surname": "Doe"}, context)      # "John Doe"

Everything is pure: clock, chance and the target come in through `Context`. Source: expressions.md.
"""

from __future__ import annotations

from rollcall.provisioning.expression_check import Problem, check, errors, unknown_attributes
from rollcall.provisioning.expression_compile import Compiled, compile_expression
from rollcall.provisioning.expression_explain import Explanation
from rollcall.provisioning.expression_syntax import Expression, parse, print_expression
from rollcall.provisioning.expression_types import AttributeType
from rollcall.provisioning.expression_values import (
    IGNORE_ATTRIBUTE,
    IGNORE_OBJECT,
    Context,
    ExpressionError,
    Ignore,
    Randomness,
    Redacted,
    Value,
    log_form,
    plain,
    text_form,
)

__all__ = [
    "IGNORE_ATTRIBUTE",
    "IGNORE_OBJECT",
    "AttributeType",
    "Compiled",
    "Context",
    "Explanation",
    "Expression",
    "ExpressionError",
    "Ignore",
    "Problem",
    "Randomness",
    "Redacted",
    "Value",
    "check",
    "compile_expression",
    "errors",
    "log_form",
    "parse",
    "plain",
    "print_expression",
    "text_form",
    "unknown_attributes",
]
