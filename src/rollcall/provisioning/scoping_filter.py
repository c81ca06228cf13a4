"""Scoping filters: what is wrong with one that is to be saved, and how one comes out for an object.

A clause has three outcomes: it holds, it does not, or it could not be decided (a pattern ran out of time, a value that no
clause is made for).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from rollcall.errors import Invalid
from rollcall.provisioning.expression_values import REDACTED, Fault
from rollcall.provisioning.filter_operators import (
    OPERATORS,
    Holds,
    Operator,
    magnitude,
    nearest_operator,
    operator_named,
)
from rollcall.provisioning.model import ClauseVerdict, FilterGroup, Json, SourceAttribute

_FORBIDDEN = {
    "ismemberof": "Assign the group to the application instead",
    "memberof": "Assign the group to the application instead",
    "members": "Filter on an attribute of the group itself",
    "approleassignments": "Assign the roles to the people who are meant",
    "usertype": "Filter on another attribute, such as originalUserPrincipalName with NOT REGEX MATCH .*#EXT#.*",
    "manager": "Filter on an attribute of the person, such as department",
}
_CIRCULAR = "issoftdeleted"


def filter_faults(group: FilterGroup, attributes: Mapping[str, SourceAttribute]) -> list[tuple[str, str]]:
    """What is wrong with a filter that is to be saved: place inside the group, and a sentence with rule and remedy.

    `attributes` are those of the source object by name. A place is for example `clauses[1].operatorName`.
    """
    if not group.clauses:
        return [("clauses", "A filter without clauses says nothing (rule S6). Add a clause, or remove the filter.")]
    faults: list[tuple[str, str]] = []
    for number, clause in enumerate(group.clauses):
        place = f"clauses[{number}]"
        attribute = attributes.get(clause.attribute)
        if fault := _attribute_fault(clause.attribute, attribute, attributes):
            faults.append((f"{place}.sourceOperandName", fault))
        operator = operator_named(clause.operator)
        if operator is None:
            faults.append((f"{place}.operatorName", _unknown_operator(clause.operator)))
            continue
        known = attribute is not None and not fault
        if known and attribute is not None and attribute.type not in operator.types:
            faults.append((f"{place}.operatorName", _wrong_type(operator, attribute)))
        if fault := _operand_fault(operator, clause.values, attribute if known else None):
            faults.append((f"{place}.targetOperand.values", fault))
    return faults


def _attribute_fault(name: str, attribute: SourceAttribute | None, attributes: Mapping[str, SourceAttribute]) -> str:
    folded = name.lower()
    if folded in _FORBIDDEN:
        return f"{name} can't be used in a scoping filter (rule S9). {_FORBIDDEN[folded]}."
    if folded == _CIRCULAR:
        return f"{name} follows from the scope, so no filter can read it (rule S6). Use accountEnabled instead."
    if attribute is None:
        near = {known.lower(): known for known in attributes}
        hints = get_close_matches(folded, near, n=1)
        remedy = f"did you mean {near[hints[0]]}?" if hints else "name an attribute of the source."
        return f'There is no source attribute "{name}"; {remedy}'
    if attribute.multivalued:
        return (
            f"{name} has several values, and no scoping filter reads those (rule S9). Use an attribute with one value."
        )
    if attribute.type == "Reference":
        return f"{name} refers to another object, and no scoping filter reads those (rule S9). Use an attribute with a value."
    if attribute.type == "DateTime":
        return f"{name} is a date, and no scoping filter reads those (rule S9). Use an attribute of another type."
    return ""


def _unknown_operator(name: str) -> str:
    if name.lower() == "ismemberof":
        return f"{name} can't be used in a scoping filter (rule S9). {_FORBIDDEN['ismemberof']}."
    near = nearest_operator(name)
    if near is not None:
        return f'There is no operator "{name}"; did you mean {near.name}?'
    return f'There is no operator "{name}". Use one of {", ".join(OPERATORS)}.'


def _wrong_type(operator: Operator, attribute: SourceAttribute) -> str:
    fitting = ", ".join(each.name for each in OPERATORS.values() if attribute.type in each.types)
    return (
        f"{operator.name} is for attributes of type {' or '.join(operator.types)}; {attribute.name} is {attribute.type} "
        f"(rules §3.1). Use one of {fitting}."
    )


def _operand_fault(operator: Operator, values: Sequence[str], attribute: SourceAttribute | None) -> str:
    if operator.operand == "none":
        if any(values):
            return f"{operator.name} takes no operand. Remove it, or use another operator."
        return ""
    if not values:
        return f"{operator.name} needs an operand. Give one value to compare with."
    if len(values) > 1:
        return f"{operator.name} takes one operand, not {len(values)}. Use a filter for each, or REGEX MATCH."
    is_number = attribute is not None and attribute.type == "Integer" and operator.name in ("EQUALS", "NOT EQUALS")
    if is_number and magnitude(values[0]) is None:
        return f'An Integer is compared with a whole number from 0 on, not with "{values[0]}". Write digits only.'
    try:
        operator.compile(values[0])
    except Fault as fault:
        return f"{operator.name}: {fault.message}. {fault.remedy}."
    return ""


@dataclass(frozen=True, slots=True)
class CompiledClause:
    """One clause, ready for many objects; `is_hidden` where its attribute's value is shown nowhere."""

    attribute: str
    operator: Operator
    operand: str | None
    holds: Holds
    is_hidden: bool


@dataclass(frozen=True, slots=True)
class CompiledFilter:
    """One filter of a mapping, ready for many objects."""

    name: str
    number: int
    is_input: bool
    clauses: tuple[CompiledClause, ...]


@dataclass(frozen=True, slots=True)
class Filters:
    """The filters of one object mapping, ready for many objects."""

    scoping: tuple[CompiledFilter, ...] = ()
    input: tuple[CompiledFilter, ...] = ()


NO_FILTERS = Filters()


def compile_filters(
    scoping: Iterable[FilterGroup], input_filters: Iterable[FilterGroup] = (), *, hidden: frozenset[str] = frozenset()
) -> Filters:
    """The filters of a mapping, ready for many objects. `hidden`: attributes whose values are shown nowhere.

    Raises Invalid for what `filter_faults` refuses whatever the source's attributes are.
    """
    return Filters(
        _compiled(scoping, is_input=False, hidden=hidden), _compiled(input_filters, is_input=True, hidden=hidden)
    )


def _compiled(groups: Iterable[FilterGroup], *, is_input: bool, hidden: frozenset[str]) -> tuple[CompiledFilter, ...]:
    compiled = []
    for number, group in enumerate(groups):
        name = group.name or f"Filter {number + 1}"
        if not group.clauses:
            raise Invalid(f"The scoping filter {name} has no clauses.")
        clauses = []
        for clause in group.clauses:
            operator = operator_named(clause.operator)
            fault = (
                _unknown_operator(clause.operator)
                if operator is None
                else _operand_fault(operator, clause.values, None)
            )
            if operator is None or fault:
                raise Invalid(f"The scoping filter {name} can't be used. {fault}")
            operand = None if operator.operand == "none" else clause.values[0]
            holds = operator.compile(operand or "")
            clauses.append(CompiledClause(clause.attribute, operator, operand, holds, clause.attribute in hidden))
        compiled.append(CompiledFilter(name, number, is_input, tuple(clauses)))
    return tuple(compiled)


def clause_verdicts(filters: Iterable[CompiledFilter], attributes: Mapping[str, Json]) -> tuple[ClauseVerdict, ...]:
    """How every clause comes out for an object with these attributes, in the order of the filters."""
    return tuple(
        _verdict(compiled, clause, attributes.get(clause.attribute))
        for compiled in filters
        for clause in compiled.clauses
    )


def _verdict(compiled: CompiledFilter, clause: CompiledClause, value: Json) -> ClauseVerdict:
    holds: bool | None
    problem = ""
    is_null = value is None or value in ("", [], {})
    if is_null:
        value, holds = None, clause.operator.of_null
    elif isinstance(value, list | Mapping):
        holds, problem = None, f"{clause.attribute} has several values, and no scoping filter reads those (rule S9)."
    else:
        try:
            holds = clause.holds(value)
        except Fault as fault:
            holds, problem = None, f"{fault.message}. {fault.remedy}."
    return ClauseVerdict(
        filter=compiled.name,
        number=compiled.number,
        is_input=compiled.is_input,
        attribute=clause.attribute,
        operator=clause.operator.name,
        operand=clause.operand,
        value=REDACTED if clause.is_hidden and not is_null else value,
        holds=holds,
        problem=problem,
    )


def passes(verdicts: Iterable[ClauseVerdict]) -> bool | None:
    """Whether one of the filters holds, all of its clauses together, or there is none (rule S6).

    None when that depends on a clause that could not be decided, so that neither order nor luck matters.
    """
    outcomes: dict[int, bool | None] = {}
    for verdict in verdicts:
        before = outcomes.get(verdict.number, True)
        outcomes[verdict.number] = False if False in (before, verdict.holds) else before and verdict.holds
    if not outcomes or True in outcomes.values():
        return True
    return None if None in outcomes.values() else False
