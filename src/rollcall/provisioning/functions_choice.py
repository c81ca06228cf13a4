"""Functions of the mapping language that evaluate only what they need: IIF, Switch, Coalesce, Replace, SelectUniqueValue.

Guides put expressions that would fail in the branch that is not taken, so these build their own evaluation
(expressions.md §1, Evaluation).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from rollcall.provisioning.expression_regex import Pattern, compile_pattern, replace_all, replace_group, taken_group
from rollcall.provisioning.expression_values import (
    MOST_CHARACTERS_OF_VALUE,
    Context,
    Fault,
    Ignore,
    Source,
    Value,
    is_null,
    text,
    too_long,
    truth,
)

Evaluate: TypeAlias = Callable[[Source, Context], Value]


@dataclass(frozen=True, slots=True)
class Argument:
    """An argument ready to be evaluated; `constant` holds its text when it is a text constant."""

    evaluate: Evaluate
    constant: str | None = None


Arguments: TypeAlias = Sequence[Argument | None]


def _null(_source: Source, _context: Context) -> Value:
    return None


def _evaluate(argument: Argument | None) -> Evaluate:
    return argument.evaluate if argument else _null


def iif(arguments: Arguments) -> Evaluate:
    """IIF: the branch not taken is not evaluated."""
    condition, if_true, if_false = map(_evaluate, arguments)

    def choose(source: Source, context: Context) -> Value:
        return if_true(source, context) if truth(condition(source, context)) else if_false(source, context)

    return choose


def switch(arguments: Arguments) -> Evaluate:
    """Switch: the value of the first key equal to source; the key "" stands for null and empty."""
    source_of, default_of = _evaluate(arguments[0]), _evaluate(arguments[1])
    keys, found = arguments[2::2], [_evaluate(a) for a in arguments[3::2]]
    if all(key is not None and key.constant is not None for key in keys):
        table: dict[str, Evaluate] = {}
        for key, value_of in zip(keys, found, strict=True):
            assert key is not None
            assert key.constant is not None
            table.setdefault(key.constant, value_of)
        get = table.get

        def look_up(source: Source, context: Context) -> Value:
            return get(text(source_of(source, context)) or "", default_of)(source, context)

        return look_up

    pairs = [(_evaluate(key), value_of) for key, value_of in zip(keys, found, strict=True)]

    def try_each(source: Source, context: Context) -> Value:
        wanted = text(source_of(source, context)) or ""
        for key_of, value_of in pairs:
            if (text(key_of(source, context)) or "") == wanted:
                return value_of(source, context)
        return default_of(source, context)

    return try_each


def coalesce(arguments: Arguments) -> Evaluate:
    """Coalesce: the first value that is not null; empty text counts as a value."""
    candidates = [_evaluate(a) for a in arguments]

    def first(source: Source, context: Context) -> Value:
        for candidate in candidates:
            value = candidate(source, context)
            if not is_null(value):
                return value
        return None

    return first


def select_unique_value(arguments: Arguments) -> Evaluate:
    """SelectUniqueValue: the first value that the target does not have."""
    rules = [_evaluate(a) for a in arguments]

    def select(source: Source, context: Context) -> Value:
        tried: list[str] = []
        for rule in rules:
            value = rule(source, context)
            if isinstance(value, Ignore):
                return value
            candidate = text(value)
            if not candidate:
                continue
            if context.is_taken is None or not context.is_taken(candidate):
                return candidate
            tried.append(candidate)
        if not tried:
            return None
        raise Fault(f"all values are taken in the target: {', '.join(tried)}", "Add a rule that gives another value")

    return select


REPLACE_MODES = (
    "Give oldValue with replacementValue or template, or regexPattern with replacementValue, "
    "or regexPattern and regexGroupName with replacementValue or replacementAttributeName"
)


def replace_mode(given: Sequence[bool]) -> str | None:
    """Which of the five modes these arguments ask for, None for none of them.

    `given` says of each of the seven parameters whether there is an argument. Source: expressions.md §2, Replace.
    """
    _, old, pattern, group, replacement, other, template = given
    if old and not pattern and not group:
        if template and not replacement and not other:
            return "template"
        return "text" if replacement and not template and not other else None
    if pattern and not old and not template:
        if group and other and not replacement:
            return "other"
        if replacement and not other:
            return "group" if group else "regex"
    return None


def replace(arguments: Arguments) -> Evaluate:
    """Replace: one of five modes, fixed by which arguments are given."""
    padded = [*arguments, *[None] * (7 - len(arguments))]
    mode = replace_mode([a is not None for a in padded])
    if mode is None:
        raise Fault("these arguments go with none of its modes", REPLACE_MODES)
    source_of, old_of, _, group_of, replacement_of, other_of, template_of = map(_evaluate, padded)
    get_pattern = _pattern(padded[2])

    def whole(source: Source, context: Context) -> Value:
        value, old = text(source_of(source, context)), text(old_of(source, context))
        return _substitute(value, old, text(replacement_of(source, context)) or "") if value and old else value

    def template(source: Source, context: Context) -> Value:
        value, old = text(source_of(source, context)), text(old_of(source, context))
        if value is None:
            return None
        into = text(template_of(source, context)) or ""
        return _substitute(into, old, value) if old else into

    def by_pattern(source: Source, context: Context) -> Value:
        value = text(source_of(source, context))
        if value is None:
            return None
        return replace_all(value, get_pattern(source, context), text(replacement_of(source, context)) or "")

    def by_group(source: Source, context: Context) -> Value:
        value = text(source_of(source, context))
        if value is None:
            return None
        name = text(group_of(source, context)) or ""
        return replace_group(value, get_pattern(source, context), name, text(replacement_of(source, context)) or "")

    def from_other(source: Source, context: Context) -> Value:
        value = text(source_of(source, context))
        if value:
            return value
        other = text(other_of(source, context))
        if other is None:
            return value
        name = text(group_of(source, context)) or ""
        taken = taken_group(other, get_pattern(source, context), name)
        return value if taken is None else taken

    modes = {"text": whole, "template": template, "regex": by_pattern, "group": by_group, "other": from_other}
    return modes[mode]


def _substitute(into: str, old: str, new: str) -> str:
    if into.count(old) * len(new) > MOST_CHARACTERS_OF_VALUE:
        raise too_long()
    return into.replace(old, new)


def _pattern(argument: Argument | None) -> Callable[[Source, Context], Pattern]:
    if argument is not None and argument.constant is not None:
        fixed = compile_pattern(argument.constant)
        return lambda _source, _context: fixed
    evaluate = _evaluate(argument)

    def compute(source: Source, context: Context) -> Pattern:
        written = text(evaluate(source, context))
        if written is None:
            raise Fault("the pattern is null", "Give a regular expression")
        return compile_pattern(written)

    return compute
