"""Scoping filters: every operator, the null rules, what is refused, and what filters may never do (rule S6, S9)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rollcall.errors import Invalid
from rollcall.provisioning.filter_operators import OPERATORS, operator_named
from rollcall.provisioning.model import FilterClause, FilterGroup, SourceAttribute
from rollcall.provisioning.scoping_filter import clause_verdicts, compile_filters, filter_faults, passes

VECTORS = json.loads((Path(__file__).parent / "data" / "scoping.json").read_text(encoding="utf-8"))
SETTLED = [vector for vector in VECTORS if vector["in_scope"] is not None]
REFUSED = [vector for vector in VECTORS if vector.get("invalid_filter")]
SLOW = FilterGroup("Slow", (FilterClause("department", "REGEX MATCH", ("(a|aa)+[bc]",)),))
CATASTROPHE = "a" * 60

SOURCE = {
    attribute.name: attribute
    for attribute in (
        SourceAttribute("department"),
        SourceAttribute("country"),
        SourceAttribute("employeeNumber", "Integer"),
        SourceAttribute("accountEnabled", "Boolean"),
        SourceAttribute("businessPhones", multivalued=True),
        SourceAttribute("employeeHireDate", "DateTime"),
        SourceAttribute("assistant", "Reference"),
        SourceAttribute("userType"),
        SourceAttribute("manager", "Reference"),
        SourceAttribute("members", "Reference", multivalued=True),
        SourceAttribute("appRoleAssignments", multivalued=True),
        SourceAttribute("IsSoftDeleted", "Boolean"),
    )
}


def clause(attribute: str, operator: str, *values: str) -> FilterClause:
    return FilterClause(attribute, operator, values)


def of_vector(vector: dict[str, Any]) -> tuple[tuple[FilterGroup, ...], dict[str, Any]]:
    if vector["kind"] == "clause":
        values = () if vector["filter_value"] is None else (vector["filter_value"],)
        attributes = {"value": vector["attribute_value"]}
        return (FilterGroup("", (FilterClause("value", vector["operator"], values),)),), attributes
    groups = tuple(
        FilterGroup("", tuple(clause(each["attribute"], each["operator"], *each["values"]) for each in group))
        for group in vector["groups"]
    )
    return groups, vector["attributes"]


def outcome(groups: tuple[FilterGroup, ...], attributes: dict[str, Any]) -> bool | None:
    return passes(clause_verdicts(compile_filters(groups).scoping, attributes))


def test_no_vector_is_left_out() -> None:
    """The vectors are settled, refused, or one of the four that the documentation leaves open."""
    unsettled = [vector["note"] for vector in VECTORS if vector not in SETTLED and vector not in REFUSED]

    assert (len(VECTORS), len(SETTLED), len(REFUSED), len(unsettled)) == (89, 82, 3, 4)


@pytest.mark.parametrize(
    "vector", SETTLED, ids=lambda vector: f"{vector.get('operator', 'filter')}: {vector['note'][:50]}"
)
def test_settled_vectors_come_out_as_they_say(vector: dict[str, Any]) -> None:
    """3.1: S6: operators, null rules, AND in a filter and OR between filters."""
    assert outcome(*of_vector(vector)) is vector["in_scope"]


@pytest.mark.parametrize("vector", REFUSED, ids=lambda vector: vector["note"][:50])
def test_invalid_vectors_are_refused(vector: dict[str, Any]) -> None:
    """S9: what can't be a filter is refused when it is saved."""
    groups, attributes = of_vector(vector)
    source = {name: SourceAttribute(name, multivalued=isinstance(value, list)) for name, value in attributes.items()}

    assert filter_faults(groups[0], source)


@pytest.mark.parametrize(
    ("value", "operator", "operand", "expected"),
    [
        ("ann@Contoso.com", "ENDS_WITH", "@contoso.com", False),
        ("142", "REGEX MATCH", "([1-9][0-9])", False),
        (6, "&", "2", False),
        (6, "&", "5,6,7", True),
    ],
)
def test_what_the_documentation_leaves_open_is_decided(value: Any, operator: str, operand: str, expected: bool) -> None:
    """ENDS_WITH minds letter case, a pattern matches the whole value, and & is about text for numbers too."""
    assert outcome((FilterGroup("", (clause("value", operator, operand),)),), {"value": value}) is expected


@pytest.mark.parametrize("name", ["GREATER_THAN_OR_EQUALS", "greater than or equals", "GreaterThanOrEquals"])
def test_operators_are_known_in_any_letter_case_with_blanks_or_underscores(name: str) -> None:
    found = operator_named(name)

    assert found is not None
    assert found.name == "Greater_Than_OR_EQUALS"


def test_no_two_operators_read_alike() -> None:
    assert all(operator_named(name) is operator for name, operator in OPERATORS.items())


def test_numbers_of_any_length_are_compared() -> None:
    """Greater_Than: a number too long for any machine word, and one with leading zeros."""
    filters = (FilterGroup("", (clause("value", "Greater_Than", "9" * 6000),)),)

    assert outcome(filters, {"value": "1" + "0" * 6000}) is True
    assert outcome(filters, {"value": "00012"}) is False


def test_a_line_break_at_the_end_is_part_of_the_value() -> None:
    """REGEX MATCH is about the whole value."""
    assert outcome((FilterGroup("", (clause("value", "REGEX MATCH", "a$"),)),), {"value": "a\n"}) is False


@pytest.mark.parametrize(
    ("wrong", "place", "words"),
    [
        (clause("department", "EQALS", "x"), "clauses[0].operatorName", "did you mean EQUALS?"),
        (clause("department", "like", "x"), "clauses[0].operatorName", "Use one of EQUALS, NOT EQUALS"),
        (clause("departmnet", "EQUALS", "x"), "clauses[0].sourceOperandName", "did you mean department?"),
        (clause("zzz", "EQUALS", "x"), "clauses[0].sourceOperandName", "no source attribute"),
        (clause("department", "EQUALS"), "clauses[0].targetOperand.values", "needs an operand"),
        (clause("department", "EQUALS", "a", "b"), "clauses[0].targetOperand.values", "one operand, not 2"),
        (clause("department", "IS NULL", "a"), "clauses[0].targetOperand.values", "takes no operand"),
        (clause("department", "Greater_Than", "-1"), "clauses[0].targetOperand.values", "whole number from 0"),
        (clause("department", "Greater_Than", "1.5"), "clauses[0].targetOperand.values", "whole number from 0"),
        (clause("employeeNumber", "EQUALS", "x"), "clauses[0].targetOperand.values", "Write digits only"),
        (clause("department", "REGEX MATCH", "(a"), "clauses[0].targetOperand.values", "REGEX MATCH:"),
        (clause("department", "IS TRUE"), "clauses[0].operatorName", "department is String"),
        (clause("accountEnabled", "EQUALS", "True"), "clauses[0].operatorName", "IS TRUE, IS FALSE"),
        (clause("employeeNumber", "Includes", "1"), "clauses[0].operatorName", "employeeNumber is Integer"),
        (clause("userType", "EQUALS", "Guest"), "clauses[0].sourceOperandName", "rule S9"),
        (clause("manager", "IS NULL"), "clauses[0].sourceOperandName", "rule S9"),
        (clause("members", "EQUALS", "x"), "clauses[0].sourceOperandName", "rule S9"),
        (clause("appRoleAssignments", "EQUALS", "x"), "clauses[0].sourceOperandName", "rule S9"),
        (clause("isMemberOf", "EQUALS", "x"), "clauses[0].sourceOperandName", "rule S9"),
        (clause("businessPhones", "EQUALS", "x"), "clauses[0].sourceOperandName", "several values"),
        (clause("employeeHireDate", "IS NOT NULL"), "clauses[0].sourceOperandName", "is a date"),
        (clause("assistant", "IS NOT NULL"), "clauses[0].sourceOperandName", "refers to another object"),
        (clause("IsSoftDeleted", "IS FALSE"), "clauses[0].sourceOperandName", "accountEnabled"),
    ],
    ids=lambda value: f"{value.attribute} {value.operator}" if isinstance(value, FilterClause) else "",
)  # fmt: skip
def test_what_is_wrong_with_a_filter_is_said_with_its_place(wrong: FilterClause, place: str, words: str) -> None:
    """S9: forbidden attributes, and every other fault that can be known before a filter is saved."""
    faults = filter_faults(FilterGroup("", (wrong,)), SOURCE)

    assert [where for where, _ in faults] == [place]
    assert words in faults[0][1]


def test_all_faults_are_named_at_once() -> None:
    group = FilterGroup("", (clause("country", "EQUALS", "DE"), clause("zzz", "like"), clause("department", "EQUALS")))

    assert [place for place, _ in filter_faults(group, SOURCE)] == [
        "clauses[1].sourceOperandName",
        "clauses[1].operatorName",
        "clauses[2].targetOperand.values",
    ]


def test_a_filter_without_clauses_is_refused() -> None:
    """S6: everything would hold of nobody's wishes."""
    assert [place for place, _ in filter_faults(FilterGroup("Empty", ()), SOURCE)] == ["clauses"]
    with pytest.raises(Invalid, match="no clauses"):
        compile_filters((FilterGroup("Empty", ()),))


def test_an_operator_without_operand_may_carry_an_empty_one() -> None:
    """Documents of other programs write [""] where there is nothing."""
    assert filter_faults(FilterGroup("", (clause("department", "IS NULL", ""),)), SOURCE) == []


def test_a_pattern_that_runs_out_of_time_decides_nothing() -> None:
    (verdict,) = clause_verdicts(compile_filters((SLOW,)).scoping, {"department": CATASTROPHE})

    assert verdict.holds is None
    assert "took longer than" in verdict.problem


def test_a_pattern_that_runs_out_of_time_again_and_again_is_given_up() -> None:
    """A cycle of thousands is not held up; compiled anew, for the next cycle, it is tried again."""
    filters = compile_filters((SLOW,)).scoping
    for _ in range(8):
        (verdict,) = clause_verdicts(filters, {"department": CATASTROPHE})
        assert "took longer than" in verdict.problem
    (given_up,) = clause_verdicts(filters, {"department": "ab"})
    (anew,) = clause_verdicts(compile_filters((SLOW,)).scoping, {"department": "ab"})

    assert (given_up.holds, "not tried on any more" in given_up.problem) == (None, True)
    assert anew.holds is True


def test_a_clause_that_is_undecided_matters_only_where_the_rest_does_not_decide() -> None:
    """S6: whatever the order of clauses and filters."""
    slow, no = SLOW.clauses[0], clause("country", "EQUALS", "DE")
    yes = FilterGroup("", (clause("country", "EQUALS", "FI"),))
    person = {"department": CATASTROPHE, "country": "FI"}

    for clauses in ((slow, no), (no, slow)):
        assert outcome((FilterGroup("", clauses),), person) is False
    for groups in ((SLOW, yes), (yes, SLOW)):
        assert outcome(groups, person) is True
    assert outcome((SLOW, FilterGroup("", (no,))), person) is None


def test_several_values_are_never_compared() -> None:
    """S9: a value that no schema announced as a list decides nothing either."""
    (verdict,) = clause_verdicts(
        compile_filters((FilterGroup("", (clause("tags", "EQUALS", "a"),)),)).scoping, {"tags": ["a", "b"]}
    )

    assert verdict.holds is None
    assert "rule S9" in verdict.problem


def test_a_hidden_value_is_compared_and_not_shown() -> None:
    filters = (FilterGroup("", (clause("department", "EQUALS", "R&D"),)),)
    compiled = compile_filters(filters, hidden=frozenset({"department"})).scoping

    (there,) = clause_verdicts(compiled, {"department": "R&D"})
    (missing,) = clause_verdicts(compiled, {})

    assert (there.holds, there.value) == (True, "[Redact]")
    assert (missing.holds, missing.value) == (False, None)


WORDS = st.sampled_from(["", "a", "b", "ab", "7", "12"])
CLAUSES = st.builds(
    lambda attribute, operator, operand: clause(
        attribute,
        operator,
        *(
            ()
            if OPERATORS[operator].operand == "none"
            else ("7" if OPERATORS[operator].operand == "integer" else operand,)
        ),
    ),
    st.sampled_from(["x", "y"]),
    st.sampled_from(sorted(OPERATORS)),
    WORDS,
)
GROUPS = st.lists(st.lists(CLAUSES, min_size=1, max_size=3).map(lambda each: FilterGroup("", tuple(each))), max_size=3)
PEOPLE = st.fixed_dictionaries({}, optional={"x": WORDS | st.none() | st.booleans(), "y": WORDS | st.integers(0, 20)})


@settings(max_examples=300, derandomize=True, deadline=None)
@given(GROUPS, CLAUSES, PEOPLE, st.data())
def test_a_narrower_filter_never_lets_more_in(
    groups: list[FilterGroup], more: FilterClause, person: dict[str, Any], data: st.DataObject
) -> None:
    """S6: one more clause in a filter, or one filter less where others stay."""
    if not groups:
        return
    at = data.draw(st.integers(0, len(groups) - 1))
    narrowed = [FilterGroup("", (*each.clauses, more)) if number == at else each for number, each in enumerate(groups)]
    if outcome(tuple(narrowed), person):
        assert outcome(tuple(groups), person)
    fewer = groups[:at] + groups[at + 1 :]
    if fewer and outcome(tuple(fewer), person):
        assert outcome(tuple(groups), person)


@settings(max_examples=200, derandomize=True, deadline=None)
@given(GROUPS, PEOPLE, st.randoms(use_true_random=False))
def test_the_order_of_clauses_and_filters_does_not_matter(
    groups: list[FilterGroup], person: dict[str, Any], chance: Any
) -> None:
    """S6."""
    shuffled = [FilterGroup("", tuple(chance.sample(each.clauses, len(each.clauses)))) for each in groups]
    chance.shuffle(shuffled)

    assert outcome(tuple(groups), person) is outcome(tuple(shuffled), person)


OPPOSITES = [("EQUALS", "NOT EQUALS"), ("REGEX MATCH", "NOT REGEX MATCH"), ("&", "!&")]


@settings(max_examples=200, derandomize=True, deadline=None)
@given(st.sampled_from(OPPOSITES), WORDS, WORDS | st.none() | st.integers(0, 20))
def test_an_operator_and_its_opposite_share_all_values_but_null(
    pair: tuple[str, str], operand: str, value: Any
) -> None:
    """Null and empty values fail both; any other value passes one of the two."""
    held = [outcome((FilterGroup("", (clause("x", name, operand),)),), {"x": value}) for name in pair]

    assert sorted(map(bool, held)) == ([False, False] if value in (None, "") else [False, True])
