"""Tries an expression: the attributes a person would bring to it, and what clock and chance it is given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from rollcall.db import TenantDatabase
from rollcall.errors import Invalid
from rollcall.provisioning.connectors.directory import DirectorySource, named
from rollcall.provisioning.expression import (
    AttributeType,
    Context,
    ExpressionError,
    Problem,
    check,
    parse,
    unknown_attributes,
)
from rollcall.provisioning.expression_syntax import Attribute, walk
from rollcall.provisioning.mapping import source_of
from rollcall.provisioning.model import Entry, JobSettings, Json, Key, Values
from rollcall.provisioning.schema_directories import Sides
from rollcall.provisioning.schema_findings import Findings
from rollcall.provisioning.schema_mappings import read_attribute_mapping
from rollcall.provisioning.scoping import decide
from rollcall.provisioning.source_schema import SOURCE_ATTRIBUTES, attribute_types, known_among
from rollcall.runtime import Runtime


def attributes_of_user(attributes: Mapping[str, Json], *, deleted: bool) -> Values:
    """What a mapping's expressions see of a directory user who is assigned, from its attributes by Graph names."""
    user_id = str(attributes.get("id", ""))
    entry = Entry(Key("User", user_id), "deleted" if deleted else "present", named(attributes))
    is_active = decide(entry, JobSettings(scope="all")).verdict == "active"
    return {**entry.attributes, "IsSoftDeleted": not is_active}


def trial_context(runtime: Runtime) -> Context:
    """The present moment and real chance, as a cycle has them; the target is not asked."""
    return Context(now=runtime.now(), new_guid=lambda: str(runtime.new_id()), random=runtime.chance())


async def attributes_for(db: TenantDatabase, service_principal_id: UUID, user_id: UUID) -> Values:
    """What a mapping's expressions see of a user in one application: with the roles the user is assigned in there."""
    (entry,) = await DirectorySource(db, service_principal_id).fetch([Key("User", str(user_id))])
    return source_of(entry, decide(entry, JobSettings()))


@dataclass(frozen=True, slots=True)
class MappingProblem:
    """What is wrong with a mapping as a whole; `member` is the member of the attribute mapping that it is about."""

    severity: Literal["error", "warning"]
    member: str
    message: str

    def __str__(self) -> str:
        return f"{self.member}: {self.message}"


def check_expression(
    expression: str, *, kind: str = "User", target: str | None = None, matching: bool = False
) -> list[Problem | MappingProblem]:
    """What saving a schema says of an expression for a mapping of `kind` to the attribute `target`.

    Raises Invalid for a target that is no attribute path.
    """
    try:
        names = {node.name for node in walk(parse(expression)) if isinstance(node, Attribute)}
    except ExpressionError:
        return [*check(expression)]
    known = attribute_types(known_among(names, SOURCE_ATTRIBUTES[kind]))
    if target is None:
        return [*check(expression, known, matching=matching)]
    findings, sides = Findings(), Sides(kind, SOURCE_ATTRIBUTES[kind], {})
    document = {
        "targetAttributeName": target,
        "source": {"type": "Function", "expression": expression},
        "matchingPriority": int(matching),
    }
    read = read_attribute_mapping(document, "", sides, None, findings)
    if read is None:
        raise Invalid(f"{target!r} is no attribute of a target.", details=tuple(map(str, findings.faults)))
    problems = check(expression, known, sides.target_type(read.target), matching=matching)
    said = {str(problem) for problem in problems}
    return [
        *problems,
        *(MappingProblem("error", each.path, each.message) for each in findings.faults if each.message not in said),
        *(MappingProblem("warning", each.path, each.message) for each in findings.warnings if each.message not in said),
    ]


def unknown_in_trial(expression: str, source: Values) -> list[Problem]:
    """A warning for each attribute of an expression that users do not have and that was not given. Raises Invalid."""
    known = {**attribute_types(SOURCE_ATTRIBUTES["User"]), **{name: AttributeType() for name in source}}
    return unknown_attributes(expression, known)
