"""The grammar of the mapping language, what is evaluated and what is not, and what an explanation shows."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollcall.provisioning.expression import (
    IGNORE_ATTRIBUTE,
    ExpressionError,
    Redacted,
    Value,
    compile_expression,
    log_form,
    parse,
    plain,
    print_expression,
    text_form,
)
from rollcall.provisioning.expression_syntax import Attribute, Call, Compare, Concat, Expression, Number, Text
from tests.unit.provisioning.expression_context import context


def value(expression: str, /, **source: Any) -> Value:
    return compile_expression(expression).evaluate(source, context())


def failure(expression: str, /, **source: Any) -> ExpressionError:
    with pytest.raises(ExpressionError) as caught:
        value(expression, **source)
    return caught.value


# ── grammar ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_blanks_and_line_breaks_are_free_even_before_a_parenthesis() -> None:
    assert value(' Append \n ( [a]\t, "b" ) ', a="a") == "ab"


@pytest.mark.parametrize(
    ("written", "meant"),
    [(r'"\+"', r"\+"), (r'"\\+"', r"\+"), (r'"a\"b"', 'a"b'), (r'"\d\\"', "\\d\\"), ('""', "")],
)
def test_a_backslash_escapes_only_itself_and_the_quote(written: str, meant: str) -> None:
    assert parse(written) == Text(meant)


def test_an_attribute_name_may_hold_colons_dots_and_blanks() -> None:
    name = "urn:ietf:params:scim:schemas:extension:Contoso:2.0:User:level"
    assert parse(f"[{name}]") == Attribute(name)


def test_empty_arguments_are_not_given_and_those_at_the_end_are_free() -> None:
    assert value("ToLower([a], )", a="A") == "a"
    assert value('Switch([a], , "x", "y", )', a="x") == "y"
    assert value("Now(,)") is not None
    assert value('Join("", [a], , [b], , )', a="1", b="2") == "12"


def test_an_argument_that_is_needed_must_not_be_empty() -> None:
    assert "suffix is empty" in str(failure('Append("x", )'))


def test_a_text_may_be_joined_with_an_ampersand_next_to_hexadecimal_numbers() -> None:
    assert value('"t-" & [alias] & 1', alias="jdoe") == "t-jdoe1"
    assert value("BitAnd(&HF, &h3)") == 3
    assert value("[a] & [b]") is None


@pytest.mark.parametrize(
    ("expression", "position", "reason"),
    [
        ('Append([x], "a"', 1, "its parenthesis is not closed"),
        ("[mail", 1, "the attribute name is not closed"),
        ('Append("a, "b")', 13, "a comma or ) is needed inside Append"),
        ('"abc', 1, "the text is not closed"),
        ("", 1, "the expression ends where a value is needed"),
        ("  foo", 3, "foo is no constant"),
        ('Append([a] "b")', 12, "a comma or ) is needed inside Append"),
        ('IIF([a]="1"="2", 1, 2)', 12, "a comparison has two sides"),
        ("[a] [b]", 5, "the expression should end here"),
        ("[]", 1, "the attribute has no name"),
        ("#", 1, '"#" does not begin a value'),
    ],
)
def test_a_syntax_error_names_its_place(expression: str, position: int, reason: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        parse(expression)
    assert (caught.value.position, caught.value.reason) == (position, reason)


def test_an_expression_of_10000_characters_is_read_and_a_longer_one_is_refused() -> None:
    assert parse('"' + "a" * 9_998 + '"') == Text("a" * 9_998)
    assert "10,001 characters" in str(failure('"' + "a" * 9_999 + '"'))


def test_a_hundred_and_fifty_levels_work_and_more_are_refused() -> None:
    def nested(levels: int) -> str:
        return 'Append("a",' * levels + '"a"' + ")" * levels

    assert value(nested(150)) == "a" * 151
    assert compile_expression(nested(150)).explain({}, context()).value == "a" * 151
    assert parse(print_expression(parse(nested(150)))) == parse(nested(150))
    assert "levels of nesting" in str(failure(nested(151)))
    assert "levels of nesting" in str(failure("(" * 9_000))


def test_a_comparison_outside_a_condition_and_an_inner_select_unique_value_are_refused() -> None:
    assert failure('[a]="x"').position == 1
    assert "not at top level" in str(failure("ToLower(SelectUniqueValue([a],[b]))"))


def test_an_unknown_function_is_refused_with_the_right_spelling() -> None:
    error = failure("Append(tolower([a]), [b])")
    assert (error.function, error.position) == ("tolower", 8)
    assert "ToLower" in error.remedy


def test_an_error_survives_being_sent_to_another_process() -> None:
    error = failure("foo([a])")
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


names = st.text(st.characters(codec="utf-8", exclude_characters="]"), min_size=1, max_size=8).filter(str.strip)
texts = st.text(st.characters(codec="utf-8"), max_size=8)
leaf_nodes = st.one_of(
    names.map(Attribute),
    texts.map(Text),
    st.one_of(st.integers().map(str), st.integers(0, 999).map("&H{:X}".format), st.just("-1.5")).map(Number),
)


def larger(inner: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    given = st.lists(st.one_of(inner, st.none()), max_size=4).map(lambda a: () if a == [None] else tuple(a))
    return st.one_of(
        st.builds(Call, st.sampled_from(["Append", "Switch", "Foo1"]), given),
        st.builds(Compare, st.sampled_from(["=", "<>", ">", ">=", "<", "<="]), inner, inner),
        st.builds(Concat, st.lists(inner, min_size=2, max_size=3).map(tuple)),
    )


@given(st.recursive(leaf_nodes, larger, max_leaves=12))
def test_whatever_is_printed_parses_to_the_same_tree(tree: Expression) -> None:
    assert parse(print_expression(tree)) == tree


@given(st.text(alphabet='[]()",\\&=<>-1aH. \n', max_size=30))
def test_any_text_is_read_or_refused_with_a_place_inside_it(written: str) -> None:
    try:
        tree = parse(written)
    except ExpressionError as error:
        place = error.position
    else:
        place = 1
        assert parse(print_expression(tree)) == tree
    assert 1 <= place <= len(written) + 1


# ── what is evaluated ────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "expression",
    [
        'IIF([a]="1", "ok", CDate(""))',
        'IIF([a]<>"1", CDate(""), "ok")',
        'Switch([a], CDate(""), "1", "ok", "2", CDate(""))',
        'Switch([a], CDate(""), Append("1", ""), "ok", CDate(""), "never")',
        'Coalesce("ok", CDate(""))',
        'SelectUniqueValue("ok", CDate(""))',
    ],
)
def test_what_is_not_chosen_is_not_evaluated(expression: str) -> None:
    assert value(expression, a="1") == "ok"


@pytest.mark.parametrize(
    ("condition", "source", "holds"),
    [
        ("[a]=1", {"a": "1"}, True),
        ("[a]=1", {"a": "01.0"}, True),
        ("[a]=1", {"a": "x"}, False),
        ("[a]<>1", {"a": "x"}, True),
        ("[a]=1", {}, False),
        ('[a]=""', {}, False),
        ('[a]<>"x"', {}, True),
        ("[a]=[b]", {}, True),
        ("[a]>1", {}, False),
        ('[a]>"9"', {"a": "10"}, False),
        ("[a]>9", {"a": "10"}, True),
        ('[a]="True"', {"a": True}, True),
        ('[a]="true"', {"a": True}, False),
        ("[a]=1", {"a": True}, True),
        ("CDate([a])<Now()", {"a": "2025-07-30T11:59:59Z"}, True),
        ("CDate([a])>=Now()", {"a": "2025-07-30T14:00:00+02:00"}, True),
        ("IsPresent([a])", {"a": ""}, False),
        ("Not([a])", {"a": "True"}, False),
        ("BitAnd([a], 2)", {"a": 3}, True),
        ("[a]", {}, False),
        ('"false"', {}, False),
    ],
)
def test_a_condition_reads_both_sides_alike(condition: str, source: dict[str, Any], holds: bool) -> None:
    assert value(f'IIF({condition}, "yes", "no")', **source) == ("yes" if holds else "no")


def test_a_condition_that_is_neither_true_nor_false_fails() -> None:
    assert "neither true nor false" in str(failure("IIF([a], 1, 2)", a="maybe"))
    assert "is not a number" in str(failure("IIF([a]>1, 1, 2)", a="x"))


def test_an_order_to_ignore_wins_over_the_functions_around_it() -> None:
    assert value('Append(IIF([a]="x", IgnoreAttributeFlow, [a]), "!")', a="x") is IGNORE_ATTRIBUTE
    assert value('Append(IIF([a]="x", IgnoreAttributeFlow, [a]), "!")', a="y") == "y!"
    assert value('IsPresent(IIF([a]="x", IgnoreAttributeFlow, [a]))', a="x") is IGNORE_ATTRIBUTE
    assert value('InStr(IIF([a]="x", IgnoreAttributeFlow, [a]), "a")', a="x") is IGNORE_ATTRIBUTE
    assert value('Join(",", IgnoreFlowIfNullOrEmpty([a]), "b")') is IGNORE_ATTRIBUTE


def test_the_switch_of_the_default_mapping_knows_booleans_and_texts() -> None:
    active = 'Switch([IsSoftDeleted], , "False", "True", "True", "False")'
    assert [value(active, IsSoftDeleted=deleted) for deleted in (False, "False", True, "True", None)] == [
        *("True", "True", "False", "False"),
        None,
    ]


@pytest.mark.parametrize("key", ['"1"', 'Append("1", "")'])
def test_the_first_of_equal_keys_of_a_switch_wins(key: str) -> None:
    assert value(f'Switch([a], "d", {key}, "first", "1", "second")', a="1") == "first"


def test_a_function_over_one_text_refuses_several_values_and_takes_a_list_of_one() -> None:
    assert value("ToLower([a])", a=["X"]) == "x"
    assert value("ToLower([a])", a=[]) is None
    assert "Item" in failure("ToLower([a])", a=["X", "Y"]).remedy


def test_an_empty_list_is_the_same_as_no_value() -> None:
    assert value("IsNull([a])", a=[]) is True
    assert value("Coalesce([a], [b])", a=[], b="b") == "b"


def test_an_evaluation_error_names_the_inner_function_and_its_place() -> None:
    error = failure('Append("x", FormatDateTime([d], , "yyyy", "yyyy"))', d="soon")
    assert (error.function, error.position) == ("FormatDateTime", 13)
    assert '"soon" does not fit' in error.reason


def test_nested_functions_can_not_grow_a_value_without_bound() -> None:
    grown = "ConvertToUTF8Hex(" * 100 + "[a]" + ")" * 100
    assert "longer than" in str(failure(grown, a="a"))
    doubled = "Replace(" * 60 + "[a]" + ', "a", , , "aaaaaaaaaa", , )' * 60
    assert "longer than" in str(failure(doubled, a="a"))
    by_pattern = "Replace(" * 60 + "[a]" + ', , "a", , "$_$_", , )' * 60
    assert "longer than" in str(failure(by_pattern, a="aa"))


# ── what is known of a compiled expression ───────────────────────────────────────────────────────────────────────


def test_a_compiled_expression_knows_what_it_reads_and_whether_chance_has_a_part() -> None:
    compiled = compile_expression('Join(" ", [a], ToLower([b]), [a])')
    assert (compiled.attributes, compiled.deterministic, compiled.redacted) == (frozenset({"a", "b"}), True, False)
    assert not compile_expression("Append([a], RandomString(3,3,0,0,0))").deterministic


def test_a_redacted_value_flows_and_is_nowhere_shown() -> None:
    found = value('Append(Redact([ssn]), "-1")', ssn="123")
    assert isinstance(found, Redacted)
    assert (plain(found), log_form(found), str(found), repr([found])) == ("123-1", "[Redact]", "[Redact]", "[[Redact]]")
    assert value("Redact([ssn])") is None
    assert "soon" not in str(failure("CDate(Redact([d]))", d="soon"))
    assert value("Redact(IgnoreFlowIfNullOrEmpty([d]))") is IGNORE_ATTRIBUTE


def test_an_explanation_shows_each_value_and_what_was_not_evaluated() -> None:
    explained = compile_expression('IIF([a]="x", ToUpper([a]), CDate(""))').explain({"a": "x"}, context())
    condition, taken, other = explained.parts
    assert (explained.value, condition.value, taken.value, taken.parts[0].value) == ("X", "True", "X", "x")
    assert (other.evaluated, other.value, other.expression) == (False, None, 'CDate("")')


def test_an_explanation_shows_where_evaluation_failed() -> None:
    explained = compile_expression('Append("a", CDate([d]))').explain({"d": "soon"}, context())
    assert explained.value is None
    assert explained.parts[1].error is not None
    assert '"soon" is not a date' in explained.parts[1].error
    assert explained.parts[1].parts[0].value == "soon"


def test_an_explanation_hides_what_is_redacted_and_what_depends_on_it() -> None:
    explained = compile_expression("Append(Redact([ssn]), [b])").explain({"ssn": "123", "b": "x"}, context())
    redact, other = explained.parts
    assert (explained.value, redact.value, redact.parts[0].value, other.value) == (*("[Redact]",) * 3, "x")


def test_candidates_are_all_values_that_select_unique_value_would_try() -> None:
    compiled = compile_expression('SelectUniqueValue([a], [missing], Append([a], "1"))')
    assert compiled.candidates({"a": "ann"}, context()) == ["ann", "ann1"]


@pytest.mark.parametrize(
    ("found", "shown"),
    [(True, "True"), (2.0, "2"), (1e21, "1" + "0" * 21), (0.00001, "0.00001"), (None, ""), (["a", 1], "a, 1")],
)
def test_values_have_a_text_form(found: Value, shown: str) -> None:
    assert text_form(found) == shown
