"""What becomes of every attribute mapping, in words (rules A1 to A5, A7, D1, R1)."""

from __future__ import annotations

from typing import Any

import pytest

from rollcall.provisioning.mapping import compile_mapping
from rollcall.provisioning.mapping_explain import MappedValue, explain_mapping
from rollcall.provisioning.model import AttributeMapping, Entry, MappingSource
from rollcall.provisioning.scoping import decide
from tests.unit.provisioning.builders import IS_ACTIVE, MANAGER, SETTINGS, computed, constant, direct, entry, users
from tests.unit.provisioning.expression_context import context


def explained(of: Entry, *attributes: AttributeMapping) -> MappedValue:
    """The last of these attribute mappings, as it comes out for the entry."""
    compiled = compile_mapping(users(*attributes))
    return explain_mapping(of, decide(of, SETTINGS, compiled.filters), compiled, context())[-1]


TITLE = direct("jobTitle", "title")


@pytest.mark.parametrize(
    ("attribute", "source", "value", "verdict"),
    [
        (TITLE, {"jobTitle": "Dr"}, "Dr", "flows"),
        (TITLE, {}, None, "null never flows (A5)"),
        (direct("jobTitle", "title", flow_type="ObjectAddOnly"), {"jobTitle": "Dr"}, "Dr", "flows on creation only"),
        (direct("jobTitle", "title", clear_when_null=True), {}, None, "clears the target"),
        (direct("jobTitle", "title", default="x"), {}, "x", "default x on creation (A2); null never flows (A5)"),
        (
            direct("jobTitle", "title", default="x", clear_when_null=True),
            {},
            "x",
            "default x on creation (A2), later clears the target",
        ),
        (
            direct("jobTitle", "title", flow_type="ValueAddOnly"),
            {"jobTitle": "Dr"},
            "Dr",
            "flows while the target has no value (ValueAddOnly)",
        ),
        (AttributeMapping("title", MappingSource("None")), {}, None, "left alone (None)"),
        (
            AttributeMapping("title", MappingSource("None"), default="x"),
            {},
            "x",
            "left alone (None); x where the target is empty (A1)",
        ),
        (constant("perhaps", "active"), {}, None, "fails: True or False is expected, not 'perhaps'."),
        (computed("IgnoreFlowIfNullOrEmpty([a])", "title"), {}, None, "left alone (IgnoreAttributeFlow)"),
        (
            computed('Switch([a], , "robot", IgnoreObjectFlow)', "title"),
            {"a": "robot"},
            None,
            "the whole object is left alone (IgnoreObjectFlow)",
        ),
        (direct("nick", "nickName", 2), {"nick": "ad"}, "ad", "flows; matching attribute 2"),
    ],
)
def test_each_mapping_says_what_becomes_of_it(
    attribute: AttributeMapping, source: dict[str, Any], value: Any, verdict: str
) -> None:
    """A1, A2, A3, A5."""
    found = explained(entry(**source), attribute)

    assert (found.target, found.value, found.verdict) == (attribute.target, value, verdict)
    assert found.failed is verdict.startswith("fails")


def test_an_expression_is_shown_with_the_values_of_its_parts() -> None:
    found = explained(entry(a="A", b="B"), computed('Join("-", [a], ToLower([b]))', "displayName"))

    assert found.value == "A-b"
    assert found.tree is not None
    assert [part.value for part in found.tree.parts] == ["-", "A", "b"]
    assert (found.source_type, found.source) == ("Function", 'Join("-", [a], ToLower([b]))')


@pytest.mark.parametrize("birth", ["1990-01-02", "never"])
def test_what_a_mapping_redacts_is_shown_nowhere(birth: str) -> None:
    found = explained(entry(birth=birth), computed('Redact(FormatDateTime([birth], , "yyyy-MM-dd", "yyyy"))', "title"))

    assert birth not in repr(found)
    assert "1990" not in repr(found)


def test_of_somebody_who_leaves_only_what_locks_out_is_told() -> None:
    """D1."""
    compiled = compile_mapping(users(TITLE, computed(IS_ACTIVE, "active")))
    left = entry(jobTitle="Dr", assigned=False)

    found = explain_mapping(left, decide(left, SETTINGS, compiled.filters), compiled, context())

    assert [(each.target, each.verdict) for each in found] == [
        ("userName", "flows; matching attribute 1"),
        ("title", "not told about somebody who leaves"),
        ("active", "flows"),
    ]


def test_a_reference_is_named_as_one() -> None:
    """R1."""
    found = explained(entry(manager="bob"), direct("manager", MANAGER))

    assert (found.value, found.verdict) == ("bob", "a reference: written when both ends are in the target (R1)")
