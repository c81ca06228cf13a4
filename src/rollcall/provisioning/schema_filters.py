"""The filters of an object mapping: Graph's filter to filter groups, with what is wrong with each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rollcall.provisioning.model import FilterClause, FilterGroup, SourceAttribute
from rollcall.provisioning.schema_findings import Findings, joined
from rollcall.provisioning.schema_shape import inner, rows, text
from rollcall.provisioning.scoping_filter import filter_faults
from rollcall.provisioning.source_schema import known_among


def read_filters(
    scope: Mapping[str, Any],
    name: str,
    where: str,
    attributes: Mapping[str, SourceAttribute],
    findings: Findings,
) -> tuple[FilterGroup, ...]:
    """The groups of one list of a filter (`groups` or `inputFilterGroups`), faults noted (rules S6, S9, §3.1)."""
    groups = []
    for place, document in rows(scope, name, where):
        group = FilterGroup(text(document, "name"), tuple(_clause(each) for _, each in rows(document, "clauses")))
        known = known_among((clause.attribute for clause in group.clauses), attributes)
        before = len(findings.faults)
        for inside, message in filter_faults(group, known):
            if not _is_named_already(findings, joined(place, inside)):
                findings.fault(joined(place, inside), message)
        if len(findings.faults) == before:
            groups.append(group)
    return tuple(groups)


def check_unsupported(
    rule: Mapping[str, Any], scope: Mapping[str, Any], at: str, where: str, findings: Findings
) -> None:
    """Note the filters that would narrow the scope in Entra and that nothing here carries out."""
    if scope.get("categoryFilterGroups"):
        findings.fault(
            joined(where, "categoryFilterGroups"),
            "Rollcall has no category filters; put the clauses into groups or inputFilterGroups, or leave them out.",
        )
    for holder, name in (("containerFilter", "includedContainers"), ("groupFilter", "includedGroups")):
        if inner(rule, holder).get(name):
            findings.fault(
                joined(at, f"{holder}.{name}"), "Rollcall does not filter by it; use assignment or a scoping filter."
            )


def _clause(document: Mapping[str, Any]) -> FilterClause:
    values = inner(document, "targetOperand").get("values")
    texts = tuple(each for each in values if isinstance(each, str)) if isinstance(values, list) else ()
    return FilterClause(text(document, "sourceOperandName"), text(document, "operatorName"), texts)


def _is_named_already(findings: Findings, place: str) -> bool:
    """Whether this place, or what holds it, is of a wrong type already: one fault a place is enough."""
    return any(place == fault.path or place.startswith(f"{fault.path}.") for fault in findings.faults)
