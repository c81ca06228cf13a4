"""From an entry and its mappings to the resource as it should be."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import NamedTuple

from rollcall.provisioning.expression import (
    IGNORE_OBJECT,
    Compiled,
    Context,
    ExpressionError,
    Ignore,
    compile_expression,
)
from rollcall.provisioning.expression_syntax import Call
from rollcall.provisioning.model import (
    AttributeMapping,
    Desired,
    Entry,
    Json,
    Key,
    ObjectMapping,
    Problem,
    Scope,
    TargetRule,
    Values,
)
from rollcall.provisioning.roles import ROLE_FUNCTIONS, app_role_assignments, role_elements
from rollcall.provisioning.scoping_filter import NO_FILTERS, Filters, compile_filters
from rollcall.provisioning.target_schema import is_reference, lacks, required_attributes, target_rule
from rollcall.provisioning.target_values import ValueRefusedError, coerced

Evaluate = Callable[[Mapping[str, Json], Context], Json]


class Step(NamedTuple):
    """One attribute mapping, ready to be evaluated: how its value comes about and how its target takes it.

    `reads_soft_deleted`: it depends on IsSoftDeleted, so it says how somebody who leaves is disabled. `expression`:
    what it was compiled from, None for a value that needs no expression.
    """

    attribute: AttributeMapping
    evaluate: Evaluate
    rule: TargetRule
    reads_soft_deleted: bool
    expression: Compiled | None


@dataclass(frozen=True, slots=True)
class CompiledMapping:
    """An object mapping, ready to be evaluated for many entries.

    `rules`: how each target attribute is compared and written; `required`: those no resource may be without (A7).
    """

    mapping: ObjectMapping
    steps: tuple[Step, ...]
    always: frozenset[str]
    redacted: frozenset[str]
    filters: Filters = NO_FILTERS
    rules: Mapping[str, TargetRule] = field(default_factory=dict)
    required: tuple[str, ...] = ()


def is_redacted(step: Step) -> bool:
    """Whether no log may show the value: its expression says so, or it is a password, which SCIM never returns (RFC 7643 §7)."""
    is_password = step.attribute.target.casefold() == "password"
    return is_password or (step.expression is not None and step.expression.redacted)


def compile_mapping(mapping: ObjectMapping) -> CompiledMapping:
    """Parse every expression and filter of a mapping once. Raises ExpressionError or Invalid for what can't be parsed."""
    steps = []
    redacted: set[str] = set()
    hidden: set[str] = set()
    for attribute in mapping.attributes:
        if not is_reference(mapping.kind, attribute.target):
            step, reads = _step(mapping, attribute)
            if is_redacted(step):
                redacted.add(attribute.target)
                hidden |= reads
            steps.append(step)
    always = frozenset(step.attribute.target for step in steps if step.attribute.flow_behavior == "FlowAlways")
    return CompiledMapping(
        mapping,
        tuple(steps),
        always,
        frozenset(redacted),
        compile_filters(mapping.filters, mapping.input_filters, hidden=frozenset(hidden)),
        {step.attribute.target: step.rule for step in steps},
        required_attributes(mapping.kind, mapping.target_attributes),
    )


def _step(mapping: ObjectMapping, attribute: AttributeMapping) -> tuple[Step, frozenset[str]]:
    """The step of one attribute mapping, and the source attributes it reads."""
    rule = target_rule(mapping.kind, attribute.target, mapping.target_attributes)
    text = attribute.source.text
    expression = compile_expression(text) if attribute.source.type == "Function" else None
    evaluate: Evaluate
    reads: frozenset[str] = frozenset()
    if expression is not None:
        evaluate, reads = expression.evaluate, expression.attributes
        function = _role_function(expression, rule)
        if function is not None:
            evaluate = _roles_by(function)
            # Complex roles are only added; a list that is to shrink too is asserted (rules of Entra's role functions).
            adds = function == "AppRoleAssignmentsComplex" and attribute.flow_type == "Always"
            rule = replace(rule, flow_type="MultiValueAddOnly") if adds else rule
    elif attribute.source.type == "Attribute":
        evaluate, reads = _read(text), frozenset({text})
    else:
        constant = text if attribute.source.type == "Constant" else attribute.default
        evaluate = _always(constant)
    if attribute.source.type == "None":
        # The target is left alone, and gets the default whenever it is empty (rule A1).
        rule = replace(rule, flow_type="AttributeAddOnly")
    elif attribute.flow_type != "Always":
        rule = replace(rule, flow_type=attribute.flow_type)
    return Step(attribute, evaluate, rule, "IsSoftDeleted" in reads, expression), reads


def _role_function(expression: Compiled, rule: TargetRule) -> str | None:
    """The role function whose elements a list of complex values takes, None where the expression gives something else."""
    call = expression.expression
    takes_elements = rule.multivalued and rule.type == "complex"
    return call.name if takes_elements and isinstance(call, Call) and call.name in ROLE_FUNCTIONS else None


def _read(name: str) -> Evaluate:
    return lambda source, _context: source.get(name)


def _always(value: Json) -> Evaluate:
    return lambda _source, _context: value


def _roles_by(function: str) -> Evaluate:
    return lambda source, _context: role_elements(function, source.get("appRoleAssignments"))


class Flow(Enum):
    """What becomes of the value of one attribute mapping."""

    FLOWS = "flows"
    ON_CREATION = "flows on creation only"
    DEFAULT = "default on creation"
    CLEARS = "clears the target"
    NULL = "null never flows (A5)"
    IGNORED = "left alone (IgnoreAttributeFlow)"


class ObjectIgnoredError(Exception):
    """The mapping says to leave the whole object alone (constant IgnoreObjectFlow)."""


def source_of(entry: Entry, scope: Scope) -> dict[str, Json]:
    """The attributes that mappings read: the entry's own, what becomes of it, and the roles it is assigned in."""
    source = {**entry.attributes, "IsSoftDeleted": scope.verdict != "active"}
    if entry.roles:
        source["appRoleAssignments"] = app_role_assignments(entry.roles)
    return source


def is_told(step: Step, scope: Scope) -> bool:
    """Whether the application hears of this attribute: of somebody who leaves only what locks out, and matching names."""
    return scope.verdict == "active" or step.reads_soft_deleted or step.attribute.matching_priority > 0


def may_hinder(step: Step, scope: Scope) -> bool:
    """Whether this attribute may keep the whole object from being changed.

    Nothing but the lock-out itself may keep somebody who leaves from being locked out.
    """
    return scope.verdict == "active" or step.reads_soft_deleted


def flow_of(step: Step, source: Mapping[str, Json], context: Context) -> tuple[Flow, Json]:
    """What one attribute mapping does for one source object, and with which value (rules A1 to A5).

    Raises ExpressionError or ValueRefusedError where there is no value that the target could take, and
    ObjectIgnoredError where the object is to be left alone.
    """
    attribute, evaluate, rule, _, _ = step
    value = evaluate(source, context)
    if value.__class__ is Ignore:
        if value is IGNORE_OBJECT:
            raise ObjectIgnoredError
        return Flow.IGNORED, None
    value = coerced(value, rule)
    if value is not None:
        return (Flow.ON_CREATION if attribute.flow_type == "ObjectAddOnly" else Flow.FLOWS), value
    if attribute.clear_when_null and _may_clear(rule):
        return Flow.CLEARS, coerced(attribute.default, rule)
    if attribute.default is not None:
        return Flow.DEFAULT, coerced(attribute.default, rule)
    return Flow.NULL, None


def _may_clear(rule: TargetRule) -> bool:
    """Whether the flow type allows a value to be taken away (rule A3)."""
    return rule.flow_type == "Always" or (rule.flow_type == "MultiValueAddOnly" and not rule.multivalued)


def desired(entry: Entry, scope: Scope, compiled: CompiledMapping, context: Context) -> Desired:
    """The resource that `entry` should be in the target (rules A1–A5, A7, M3).

    Null never flows (A5) unless the mapping clears; a default applies on creation only (A2) and goes before clearing.
    For an entry that is not active only the attributes that depend on IsSoftDeleted flow, and the matching
    ones, so that a name given up is free: somebody who left is locked out, and nothing else about them
    is told to the application any more.
    An expression that fails fails the object, with the attribute named; of somebody who leaves, only one that locks out.
    """
    source = source_of(entry, scope)
    values: Values = {}
    on_create: Values = {}
    matching: list[tuple[int, str, Json]] = []
    cleared: list[str] = []
    problem: Problem | None = None
    disables = False
    active = scope.verdict == "active"
    for step in compiled.steps:
        if not active and not is_told(step, scope):
            continue
        attribute = step.attribute
        target = attribute.target
        counts = may_hinder(step, scope)
        try:
            flow, value = flow_of(step, source, context)
        except ObjectIgnoredError:
            if not counts:
                continue
            problem = Problem("EntrySynchronizationSkipped", f"{target} says to leave this object alone.")
            break
        except ExpressionError as error:
            problem = problem or (Problem("AttributeValidationFailed", f"{target}: {error}") if counts else None)
            continue
        except ValueRefusedError as error:
            reason = error.hidden if target in compiled.redacted else error
            problem = problem or (Problem(error.code, f"{target}: {reason}") if counts else None)
            continue
        if flow is Flow.FLOWS or flow is Flow.ON_CREATION:
            disables = disables or step.reads_soft_deleted
            (values if flow is Flow.FLOWS else on_create)[target] = value
            if attribute.matching_priority > 0:
                matching.append((attribute.matching_priority, target, value))
            continue
        if flow is Flow.CLEARS and counts:
            cleared.append(target)
        if value is not None:
            on_create[target] = value
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
        rules=compiled.rules,
        missing=lacks(compiled.mapping.kind, compiled.required, values, on_create) if active else (),
    )


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
