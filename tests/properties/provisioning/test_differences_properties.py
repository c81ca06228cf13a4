"""A planned PATCH makes the target as it is wanted, and nothing is planned twice (rules A3, A6, A11, A15)."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from rollcall.provisioning.differences import differences, patch_for, values_after
from rollcall.provisioning.mapping import compile_mapping, desired
from rollcall.provisioning.model import (
    AttributeMapping,
    Desired,
    Entry,
    FlowType,
    Key,
    MappingSource,
    ObjectMapping,
    Scope,
    TargetAttribute,
    Values,
)
from rollcall.provisioning.target_schema import build_resource, parsed, read_value
from rollcall.provisioning.target_values import agree
from rollcall.scim.patch import STRICT, Operation, apply
from rollcall.scim.resource import check
from rollcall.scim.schema import USER
from tests.unit.provisioning.expression_context import context

moderate = settings(max_examples=150, deadline=None, derandomize=True)

CUSTOM = "urn:ietf:params:scim:schemas:extension:Fabrikam:2.0:User"
SINGLE = (
    "title",
    "name.givenName",
    f"{CUSTOM}:costRegion",
    'emails[type eq "work"].value',
    'emails[type eq "work"].display',
)
LISTS = ("phoneNumbers", "ims", f"{CUSTOM}:tags")
FLOWS: tuple[FlowType, ...] = ("Always", "ObjectAddOnly", "MultiValueAddOnly", "ValueAddOnly", "AttributeAddOnly")

texts = st.sampled_from(["a", "A", "b", 'c"d', "e f", "ß"])
sources = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(SINGLE, texts),
        **dict.fromkeys(LISTS, st.lists(texts, min_size=1, max_size=4)),
        "roles": st.lists(st.sampled_from(["Admin", "User", "Auditor"]), min_size=1, unique=True),
    },
)
flow_types = st.fixed_dictionaries({path: st.sampled_from(FLOWS) for path in (*SINGLE, *LISTS, "roles")})
ADA = Key("User", "ada")
ACTIVE = Scope("active", "")
COMPLEX, ASSERTIVE = (
    f"{name}([appRoleAssignments])" for name in ("AppRoleAssignmentsComplex", "AssertiveAppRoleAssignmentsComplex")
)


def mapping_of(flows: dict[str, FlowType], roles: str, *, clears: bool) -> ObjectMapping:
    attributes = [
        AttributeMapping(
            path,
            MappingSource("Function", roles) if path == "roles" else MappingSource("Attribute", path),
            flow_type=flow_type,
            clear_when_null=clears,
        )
        for path, flow_type in flows.items()
    ]
    tags = f"{CUSTOM}:tags"
    name = AttributeMapping("userName", MappingSource("Constant", "ada"), matching_priority=1)
    return ObjectMapping("User", (name, *attributes), target_attributes={tags: TargetAttribute(tags, multivalued=True)})


def wanted(source: dict[str, Any], mapping: ObjectMapping) -> Desired:
    roles = tuple({"id": f"id of {value}", "value": value, "displayName": value} for value in source.get("roles", ()))
    attributes = {name: value for name, value in source.items() if name != "roles"}
    return desired(Entry(ADA, "present", attributes, roles=roles), ACTIVE, compile_mapping(mapping), context())


def shown(resource: dict[str, Any], of: Desired) -> Values:
    """The values of the mapped attributes, as a target shows them."""
    found = {path: read_value(resource, path) for path in of.rules}
    return {path: value for path, value in found.items() if value is not None}


def patched(resource: dict[str, Any], of: Desired, before: Values) -> dict[str, Any]:
    operations = patch_for(tuple(differences(of, before, read=True)), before)
    steps = [Operation(step.op, None if step.path is None else parsed(step.path), step.value) for step in operations]  # type: ignore[arg-type]
    return apply(resource, steps, USER, STRICT)


@given(sources, sources, flow_types, st.sampled_from([COMPLEX, ASSERTIVE]), st.booleans())
@moderate
def test_what_is_planned_makes_the_target_as_wanted_and_nothing_is_planned_twice(
    held: dict[str, Any], source: dict[str, Any], flows: dict[str, FlowType], roles: str, clears: bool
) -> None:
    """A3, A5, A6, A11, A15: on a strict server, for every flow type."""
    mapping = mapping_of(flows, roles, clears=clears)
    first = wanted(held, mapping)
    resource = check({"id": "t1", **build_resource("User", {**first.on_create, **first.values})}, USER, "query")
    then = wanted(source, mapping)
    before = shown(resource, then)

    after = patched(resource, then, before)

    values = shown(after, then)
    for path, value in then.values.items():
        rule = then.rules[path]
        if rule.flow_type == "Always":
            assert agree(values.get(path), value, rule, read=True), path
        elif before.get(path) is None:
            assert values.get(path) is not None, path
    assert all(path not in values for path in then.cleared if path in before)
    assert not tuple(differences(then, values, read=True))
    remembered = values_after(then, before, tuple(differences(then, before, read=True)))
    assert not tuple(differences(then, remembered, read=False))


@given(sources, sources, flow_types, st.sampled_from([COMPLEX, ASSERTIVE]))
@moderate
def test_what_is_only_added_takes_nothing_away(
    held: dict[str, Any], source: dict[str, Any], flows: dict[str, FlowType], roles: str
) -> None:
    """A3: a list keeps its values unless it flows always, a single value stays with ValueAddOnly."""
    mapping = mapping_of(flows, roles, clears=True)
    first = wanted(held, mapping)
    resource = check({"id": "t1", **build_resource("User", {**first.on_create, **first.values})}, USER, "query")
    then = wanted(source, mapping)
    before = shown(resource, then)

    values = shown(patched(resource, then, before), then)

    for path, old in before.items():
        rule = then.rules[path]
        if isinstance(old, list) and rule.flow_type != "Always":
            kept = [item.get("value") if isinstance(item, dict) else item for item in values[path]]
            assert all((item.get("value") if isinstance(item, dict) else item) in kept for item in old), path
        if rule.flow_type in ("ValueAddOnly", "AttributeAddOnly", "ObjectAddOnly"):
            assert isinstance(old, list) or values[path] == old, path
