"""Mapping tests that people keep beside their mappings: one expression, one source object, one result.

A test is an object with `expression`, `source` (attribute → value; an absent key is null) and exactly one of
`expected` (compared by text form, lists element by element), `matches` (a regular expression for the text form),
`ignored` (true, or "object") and `error` (evaluation must fail; the text is only a hint). `unsupported` and
`inconsistent` mark notes that are no tests. Optional: `now`, `default_domain`, `target_existing`, `log_value`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Literal

from rollcall.errors import Invalid
from rollcall.provisioning.expression_compile import compile_expression
from rollcall.provisioning.expression_regex import compile_pattern, first_match
from rollcall.provisioning.expression_values import (
    IGNORE_ATTRIBUTE,
    IGNORE_OBJECT,
    Context,
    ExpressionError,
    Fault,
    Ignore,
    Value,
    log_form,
    plain,
    text_form,
)

_RESULTS = ("expected", "matches", "ignored", "error", "unsupported", "inconsistent")


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a mapping test ended; `message` says what came instead when it failed."""

    outcome: Literal["passed", "failed", "skipped"]
    message: str = ""


def run_vector(vector: Mapping[str, Any], context: Context) -> Verdict:
    """Evaluate one mapping test; `context` gives chance, and what the test itself leaves open.

    Raises Invalid for an object that is no mapping test.
    """
    _check_shape(vector)
    if vector.get("unsupported") or vector.get("inconsistent"):
        return Verdict("skipped")
    try:
        value = compile_expression(vector["expression"]).evaluate(vector.get("source", {}), _context(vector, context))
    except ExpressionError as error:
        if "error" in vector:
            return Verdict("passed")
        return Verdict("failed", f"evaluation failed: {error}")
    if "log_value" in vector and log_form(value) != vector["log_value"]:
        return Verdict("failed", f"the log shows {log_form(value)!r} instead of {vector['log_value']!r}")
    wanted = _mismatch(vector, plain(value))
    return (
        Verdict("passed") if wanted is None else Verdict("failed", f"{_shown(plain(value))} came instead of {wanted}")
    )


def given(vector: Mapping[str, Any], context: Context) -> str:
    """What the expression of a mapping test comes to, whatever the test wants: the value, or why there is none."""
    _check_shape(vector)
    try:
        value = compile_expression(vector["expression"]).evaluate(vector.get("source", {}), _context(vector, context))
    except ExpressionError as error:
        return f"fails: {error}"
    return _shown(plain(value))


def _check_shape(vector: Mapping[str, Any]) -> None:
    if not isinstance(vector.get("expression"), str):
        raise Invalid("A mapping test is an object with the text of an expression under expression.")
    if not isinstance(vector.get("source", {}), Mapping):
        raise Invalid("source of a mapping test is an object: attribute name to value.")
    if len([name for name in _RESULTS if name in vector]) != 1:
        raise Invalid(f"A mapping test has exactly one of {', '.join(_RESULTS)}.")


def _context(vector: Mapping[str, Any], context: Context) -> Context:
    if "now" in vector:
        try:
            now = datetime.fromisoformat(str(vector["now"]))
        except ValueError:
            raise Invalid("now of a mapping test is a moment in ISO 8601 form, such as 2025-07-30T00:00:00Z.") from None
        context = replace(context, now=now if now.tzinfo else now.replace(tzinfo=UTC))
    if "default_domain" in vector:
        context = replace(context, default_domain=vector["default_domain"])
    if "target_existing" in vector:
        context = replace(context, is_taken=frozenset(map(str, vector["target_existing"])).__contains__)
    return context


def _mismatch(vector: Mapping[str, Any], value: Value) -> str | None:
    """What was wanted, if it is not what came."""
    if "error" in vector:
        return "an error"
    if "ignored" in vector:
        wanted = IGNORE_OBJECT if vector["ignored"] == "object" else IGNORE_ATTRIBUTE
        return None if value is wanted else wanted.value
    if "matches" in vector:
        try:
            found = not isinstance(value, Ignore) and first_match(compile_pattern(vector["matches"]), text_form(value))
        except Fault as fault:
            raise Invalid(f"matches of a mapping test: {fault.message}.") from None
        return None if found else f"something like {vector['matches']}"
    return None if _comparable(value) == _comparable(vector["expected"]) else _shown(vector["expected"])


def _comparable(value: Value) -> Value:
    if isinstance(value, list | tuple):
        return [_comparable(element) for element in value]
    return value if value is None or isinstance(value, dict | Ignore) else text_form(value)


def _shown(value: Value) -> str:
    if value is None:
        return "null"
    return value.value if isinstance(value, Ignore) else repr(_comparable(value))
