"""Tries an expression: the attributes a person would bring to it, and what clock and chance it is given."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from rollcall.db import TenantDatabase
from rollcall.errors import Invalid
from rollcall.provisioning.connectors.directory import DirectorySource, named
from rollcall.provisioning.expression import Context, ExpressionError, Problem, check, parse
from rollcall.provisioning.expression_syntax import Attribute, walk
from rollcall.provisioning.mapping import source_of
from rollcall.provisioning.model import Entry, JobSettings, Json, Key, Values
from rollcall.provisioning.schema_directories import Sides
from rollcall.provisioning.schema_findings import Findings
from rollcall.provisioning.schema_paths import read_target_path
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


def check_expression(
    expression: str, *, kind: str = "User", target: str | None = None, matching: bool = False
) -> list[Problem]:
    """What the type checker and the linter say of an expression for a mapping of `kind` to the attribute `target`.

    Raises Invalid for a target that is no attribute path.
    """
    try:
        names = {node.name for node in walk(parse(expression)) if isinstance(node, Attribute)}
    except ExpressionError:
        return check(expression)
    wanted = None
    if target is not None:
        findings = Findings()
        path = read_target_path(kind, target, "target", findings)
        if path is None:
            raise Invalid(f"{target!r} is no attribute of a target.", details=tuple(map(str, findings.faults)))
        wanted = Sides(kind, SOURCE_ATTRIBUTES[kind], {}).target_type(path)
    known = attribute_types(known_among(names, SOURCE_ATTRIBUTES[kind]))
    return check(expression, known, wanted, matching=matching)
