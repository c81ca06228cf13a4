"""Says of every attribute mapping, for one entry, which value it has and what becomes of it, in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rollcall.provisioning.expression import Context, Explanation, ExpressionError, text_form
from rollcall.provisioning.expression_values import REDACTED
from rollcall.provisioning.mapping import (
    CompiledMapping,
    Flow,
    ObjectIgnoredError,
    Step,
    flow_of,
    is_redacted,
    is_told,
    may_hinder,
    source_of,
)
from rollcall.provisioning.model import AttributeMapping, Entry, Json, Scope
from rollcall.provisioning.target_schema import is_reference
from rollcall.provisioning.target_values import ValueRefusedError


@dataclass(frozen=True, slots=True)
class MappedValue:
    """One attribute mapping as it came out for one entry.

    `source` is the attribute, constant or expression, `value` what it gives in the type of the target (`[Redact]`
    where a log must not show it), `tree` the value of every part of an expression, `verdict` what becomes of it.
    """

    target: str
    source_type: str
    source: str
    value: Json
    tree: Explanation | None
    verdict: str
    failed: bool = False


def explain_mapping(entry: Entry, scope: Scope, compiled: CompiledMapping, context: Context) -> tuple[MappedValue, ...]:
    """Every attribute mapping of the entry's kind in the order of the document, references too."""
    source = source_of(entry, scope)
    steps = {step.attribute.target: step for step in compiled.steps}
    return tuple(
        _reference(attribute, source)
        if is_reference(compiled.mapping.kind, attribute.target)
        else _explained(steps[attribute.target], source, scope, context)
        for attribute in compiled.mapping.attributes
    )


def _reference(attribute: AttributeMapping, source: Mapping[str, Json]) -> MappedValue:
    verdict = "a reference: written when both ends are in the target (R1)"
    name = attribute.source
    return MappedValue(attribute.target, name.type, name.text, source.get(name.text), None, verdict)


def _explained(step: Step, source: Mapping[str, Json], scope: Scope, context: Context) -> MappedValue:
    attribute, written = step.attribute, step.attribute.source
    tree = None if step.expression is None else step.expression.explain(source, context)
    hidden = is_redacted(step)
    value, failed = None, False
    try:
        flow, value = flow_of(step, source, context)
        verdict = _verdict(step, flow, value, hidden=hidden)
    except ObjectIgnoredError:
        verdict = "the whole object is left alone (IgnoreObjectFlow)"
    except (ExpressionError, ValueRefusedError) as error:
        verdict, failed = f"fails: {REDACTED if hidden else error}", True
    if not is_told(step, scope):
        verdict, failed = "not told about somebody who leaves", False
    elif value is None and not may_hinder(step, scope):
        verdict, failed = f"{verdict}; that does not keep somebody who leaves from being locked out", False
    elif attribute.matching_priority > 0:
        verdict = f"{verdict}; matching attribute {attribute.matching_priority}"
    shown = REDACTED if hidden and value is not None else value
    return MappedValue(attribute.target, written.type, written.text, shown, tree, verdict, failed)


_FLOW_TYPES: dict[str, str] = {
    "MultiValueAddOnly": "flows; values are only added (MultiValueAddOnly)",
    "ValueAddOnly": "flows while the target has no value (ValueAddOnly)",
    "AttributeAddOnly": "flows while the target is empty (AttributeAddOnly)",
}


def _verdict(step: Step, flow: Flow, value: Json, *, hidden: bool) -> str:
    shown = REDACTED if hidden else text_form(value)
    if step.attribute.source.type == "None":
        return "left alone (None)" if value is None else f"left alone (None); {shown} where the target is empty (A1)"
    if flow is Flow.FLOWS:
        if step.rule.flow_type == "ValueAddOnly" and step.rule.multivalued:
            return "flows; values are only added (ValueAddOnly)"
        return _FLOW_TYPES.get(step.rule.flow_type, str(flow.value))
    if flow is Flow.DEFAULT:
        return f"default {shown} on creation (A2); null never flows (A5)"
    if flow is Flow.CLEARS and value is not None:
        return f"default {shown} on creation (A2), later {flow.value}"
    return str(flow.value)
