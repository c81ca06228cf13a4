"""From an entry and its mappings to the resource as it should be."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from rollcall.provisioning.expression import (
    IGNORE_ATTRIBUTE,
    IGNORE_OBJECT,
    Context,
    ExpressionError,
    compile_expression,
    plain,
    text_form,
)
from rollcall.provisioning.model import (
    AttributeMapping,
    Desired,
    Entry,
    Json,
    Key,
    ObjectMapping,
    Problem,
    Scope,
    Values,
)
from rollcall.provisioning.scoping_filter import NO_FILTERS, Filters, compile_filters
from rollcall.provisioning.target_schema import attribute_type, is_reference

Evaluate = Callable[[Mapping[str, Json], Context], Json]


@dataclass(frozen=True, slots=True)
class CompiledMapping:
    """An object mapping, ready to be evaluated for many entries.

    Each step: the mapping, its evaluation, the type of its target, and whether it reads IsSoftDeleted.
    """

    mapping: ObjectMapping
    steps: tuple[tuple[AttributeMapping, Evaluate, str, bool], ...]
    always: frozenset[str]
    redacted: frozenset[str]
    filters: Filters = NO_FILTERS


def compile_mapping(mapping: ObjectMapping) -> CompiledMapping:
    """Parse every expression and filter of a mapping once. Raises ExpressionError or Invalid for what can't be parsed."""
    steps = []
    redacted: set[str] = set()
    hidden: set[str] = set()
    for attribute in mapping.attributes:
        if not is_reference(mapping.kind, attribute.target):
            evaluate, reads, is_redacted = _evaluator(attribute)
            if is_redacted:
                redacted.add(attribute.target)
                hidden |= reads
            type_name = attribute_type(mapping.kind, attribute.target)
            steps.append((attribute, evaluate, type_name, "IsSoftDeleted" in reads))
    always = frozenset(step[0].target for step in steps if step[0].flow_behavior == "FlowAlways")
    filters = compile_filters(mapping.filters, mapping.input_filters, hidden=frozenset(hidden))
    return CompiledMapping(mapping, tuple(steps), always, frozenset(redacted), filters)


def desired(entry: Entry, scope: Scope, compiled: CompiledMapping, context: Context) -> Desired:
    """The resource that `entry` should be in the target (rules A1–A5, M3).

    Null never flows (A5) unless the mapping clears; a default applies on creation only (A2). For an
    entry that is not active only the attributes that depend on IsSoftDeleted flow, and the matching
    ones, so that a name given up is free: somebody who left is locked out, and nothing else about them
    is told to the application any more.
    An expression that fails fails the object, with the attribute named.
    """
    source = {**entry.attributes, "IsSoftDeleted": scope.verdict != "active"}
    values: Values = {}
    on_create: Values = {}
    matching: list[tuple[int, str, Json]] = []
    cleared: list[str] = []
    problem: Problem | None = None
    disables = False
    for attribute, evaluate, type_name, reads_soft_deleted in compiled.steps:
        try:
            value = _evaluated(evaluate, source, context, type_name)
        except _ObjectIgnoredError:
            problem = Problem("EntrySynchronizationSkipped", f"{attribute.target} says to leave this object alone.")
            break
        except (ExpressionError, ValueError) as error:
            problem = problem or Problem("AttributeValidationFailed", f"{attribute.target}: {error}")
            continue
        if value is not None and attribute.matching_priority > 0:
            matching.append((attribute.matching_priority, attribute.target, value))
        if scope.verdict != "active" and not reads_soft_deleted and attribute.matching_priority == 0:
            continue
        disables = disables or (value is not None and reads_soft_deleted)
        if value is not None:
            (on_create if attribute.flow_type == "ObjectAddOnly" else values)[attribute.target] = value
        elif attribute.clear_when_null:
            cleared.append(attribute.target)
        if value is None and attribute.default is not None:
            on_create[attribute.target] = _coerce(attribute.default, type_name)
    return Desired(
        key=entry.key,
        name=reportable_identifier(entry),
        values=values,
        on_create=on_create,
        matching=tuple((target, value) for _, target, value in sorted(matching, key=lambda match: match[0])),
        references=_references(entry, compiled.mapping),
        cleared=tuple(cleared),
        always=compiled.always,
        disables=disables,
        redacted=compiled.redacted,
        problem=problem,
    )


class _ObjectIgnoredError(Exception):
    """The mapping says to leave the whole object alone (constant IgnoreObjectFlow)."""


def _evaluated(evaluate: Evaluate, source: Mapping[str, Json], context: Context, type_name: str) -> Json:
    value = evaluate(source, context)
    if value is IGNORE_OBJECT:
        raise _ObjectIgnoredError
    return None if value is IGNORE_ATTRIBUTE else _coerce(value, type_name)


def reportable_identifier(entry: Entry) -> str:
    """The name by which people know the object, for log lines and plans."""
    for name in ("userPrincipalName", "displayName", "mail"):
        value = entry.attributes.get(name)
        if isinstance(value, str) and value:
            return value
    return entry.key.id


def _references(entry: Entry, mapping: ObjectMapping) -> dict[str, tuple[Key, ...]]:
    """References that the entry itself carries: the manager. Members come as ties of their own."""
    found: dict[str, tuple[Key, ...]] = {}
    for attribute in mapping.attributes:
        if attribute.source.text == "manager" and is_reference(mapping.kind, attribute.target):
            manager = entry.attributes.get("manager")
            found[attribute.target] = (Key("User", manager),) if isinstance(manager, str) and manager else ()
    return found


def _evaluator(attribute: AttributeMapping) -> tuple[Evaluate, frozenset[str], bool]:
    """How the value comes about, which source attributes it reads, and whether the log hides it."""
    text = attribute.source.text
    if attribute.source.type == "Attribute":
        return (lambda entry, _context: entry.get(text)), frozenset({text}), False
    if attribute.source.type == "Constant":
        return (lambda _entry, _context: text), frozenset(), False
    if attribute.source.type == "None":
        return (lambda _entry, _context: None), frozenset(), False
    compiled = compile_expression(text)
    return compiled.evaluate, frozenset(compiled.attributes), compiled.redacted


def _coerce(value: Json, type_name: str) -> Json:
    """The value in the type of the target attribute. Raises ValueError where it can't be."""
    value = plain(value)
    if value is None or value in ("", []):
        return None
    if isinstance(value, list):
        value = value[0]  # rule A10: these targets hold one value each
    if type_name == "boolean":
        return _boolean(value)
    if type_name == "integer":
        try:
            return int(value)
        except (TypeError, ValueError):
            raise ValueError(f"an integer is expected, not {text_form(value)!r}") from None
    if isinstance(value, str):
        return value
    return text_form(value)


def _boolean(value: Json) -> bool:
    text = text_form(value).lower()
    if text in ("true", "1"):
        return True
    if text in ("false", "0"):
        return False
    raise ValueError(f"True or False is expected, not {text!r}")
