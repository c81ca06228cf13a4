"""The table of functions: every example holds, and the edges that the reference states."""

from __future__ import annotations

import re
from typing import Any

import pytest

from rollcall.provisioning.expression import (
    IGNORE_ATTRIBUTE,
    ExpressionError,
    Value,
    compile_expression,
    plain,
    text_form,
)
from rollcall.provisioning.functions import FUNCTIONS
from rollcall.provisioning.functions_model import Function
from tests.unit.provisioning.expression_context import context


def value(expression: str, /, **source: Any) -> Value:
    return compile_expression(expression).evaluate(source, context())


def failure(expression: str, /, **source: Any) -> str:
    with pytest.raises(ExpressionError) as caught:
        value(expression, **source)
    return str(caught.value)


def comparable(found: Value) -> Value:
    return found if found is None or isinstance(found, list) else text_form(found)


# ── the table ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)
def test_the_worked_example_of_a_function_holds(function: Function) -> None:
    example = function.example
    assert f"{function.name}(" in example.expression
    found = plain(value(example.expression, **example.source))
    if example.ignored:
        assert found is IGNORE_ATTRIBUTE
    elif example.matches is not None:
        assert re.search(example.matches, text_form(found))
    else:
        assert comparable(found) == comparable(example.expected)


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)
def test_a_row_of_the_table_is_complete(function: Function) -> None:
    assert function.meaning.endswith((".", "…"))
    assert (function.call is None) != (function.build is None)
    required = [p.required for p in function.parameters]
    assert required == sorted(required, reverse=True), "optional parameters come last"
    assert all(not p.repeating for p in function.parameters[:-1]) or function.name == "Switch"


def test_all_functions_of_the_reference_are_there() -> None:
    names = [
        "Append",
        "AppRoleAssignmentsComplex",
        "AssertiveAppRoleAssignmentsComplex",
        "BitAnd",
        "CBool",
        "CDate",
        "Coalesce",
        "ConvertFromBase64",
        "ConvertToBase64",
        "ConvertToUTF8Hex",
        "Count",
        "CStr",
        "DateAdd",
        "DateDiff",
        "DateFromNum",
        "DNComponent",
        "Error",
        "FormatDateTime",
        "Guid",
        "IgnoreFlowIfNullOrEmpty",
        "IIF",
        "InStr",
        "IsNull",
        "IsNullOrEmpty",
        "IsPresent",
        "IsString",
        "Item",
        "Join",
        "Left",
        "Mid",
        "NormalizeDiacritics",
        "Not",
        "Now",
        "NumFromDate",
        "PCase",
        "RandomString",
        "Redact",
        "RemoveDuplicates",
        "Replace",
        "SelectUniqueValue",
        "SingleAppRoleAssignment",
        "Split",
        "StringFromSid",
        "StripSpaces",
        "Switch",
        "ToLower",
        "ToUpper",
        "Trim",
        "Word",
        "DefaultDomain",
        "Contains",
        "CRef",
    ]
    assert set(FUNCTIONS) == set(names)


@pytest.mark.parametrize("function", [f for f in FUNCTIONS.values() if f.null_through], ids=lambda f: f.name)
def test_a_function_over_text_gives_null_for_null(function: Function) -> None:
    filler = {"S": '"x"', "N": "1", "O": "UTF8"}
    rest = [filler[p.kind] for p in function.parameters[1:] if p.required]
    assert value(f"{function.name}({', '.join(['[missing]', *rest])})") is None


def test_signatures_show_optional_and_repeating_parameters() -> None:
    assert FUNCTIONS["ToLower"].signature == "ToLower(source, culture?)"
    assert FUNCTIONS["Join"].signature == "Join(separator, source, …)"


# ── text ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_mid_starts_at_one_and_takes_no_negative_length() -> None:
    assert "The first character is 1" in failure('Mid("abc", 0, 1)')
    assert "length is -1" in failure('Mid("abc", 1, -1)')
    assert "start is null" in failure('Mid("abc", [missing], 1)')


def test_left_of_null_is_empty() -> None:
    assert value("Left([missing], 2)") == ""


def test_append_of_a_null_suffix_adds_nothing() -> None:
    assert value('Append("a", [missing])') == "a"


def test_letter_case_follows_the_invariant_culture_and_keeps_the_length() -> None:
    assert value("ToUpper([a])", a="straße ı") == "STRAßE ı"
    assert value("ToLower([a])", a="İΑΣ") == "İασ"
    assert value('ToUpper([a], "az")', a="iı") == "İI"
    assert "culture" in failure('ToLower([a], "not a culture")', a="A")


def test_pcase_keeps_digits_in_words_and_capitalises_after_symbols() -> None:
    assert value("PCase([a])", a="o'NEIL 3RD (jr) a+b ǆ x1y") == "O'neil 3Rd (Jr) A+B ǅ X1y"


def test_normalize_diacritics_recomposes_what_has_no_marks() -> None:
    assert value("NormalizeDiacritics([a])", a="한국 Łódź đ") == "한국 Lodz đ"


def test_instr_counts_from_one_and_finds_nothing_in_null() -> None:
    assert value('InStr([a], "b", 3)', a="abab") == 4
    assert value('InStr([missing], "b")') == 0
    assert value('InStr([a], "İ", 1, vbTextCompare)', a="aİ") == 2
    assert "The first character is 1" in failure('InStr("a", "a", 0)')


def test_dn_component_reads_escaped_commas() -> None:
    assert value("DNComponent([dn], 1)", dn=r"CN=Doe\, Jane\2b,OU=x") == "Doe, Jane+"
    assert value("DNComponent([dn], 5)", dn="CN=x") is None


def test_encodings_refuse_what_they_can_not_read() -> None:
    assert "not base64" in failure('ConvertFromBase64("*")')
    assert value('ConvertFromBase64("SGk=", ASCII)') == "Hi"
    assert "security identifier" in failure('StringFromSid("AAAA")')


def test_split_takes_blanks_away_and_keeps_a_text_without_delimiter_whole() -> None:
    assert value('Split([a], ";")', a=" a ; b") == ["a", "b"]
    assert value('Split([a], "")', a="a;b") == ["a;b"]


@pytest.mark.parametrize("seed", range(20))
def test_random_string_keeps_its_minima_and_avoids_what_it_must(seed: int) -> None:
    compiled = compile_expression('RandomString(12, 2, 2, 2, 2, "0O1l?")')
    found = compiled.evaluate({}, context(seed=seed))
    assert len(found) == 12
    assert not set(found) & set("0O1l?")
    for kind in (str.isdigit, str.isupper, str.islower, lambda c: not c.isalnum()):
        assert sum(map(kind, found)) >= 2


def test_random_string_refuses_minima_that_do_not_fit() -> None:
    assert "minima add up to 5" in failure("RandomString(4, 5, 0, 0, 0)")
    assert "avoid leaves no character" in failure('RandomString(4, 4, 0, 0, 0, "0123456789")')


# ── Replace ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_replace_refuses_arguments_of_no_mode_before_it_runs() -> None:
    for arguments in ("[a]", '[a], "x"', '[a], "x", "y", , "z"', '[a], , "x", , , [b]', '[a], , , "g", "z"'):
        with pytest.raises(ExpressionError, match="none of its modes"):
            compile_expression(f"Replace({arguments})")


def test_replace_takes_pattern_and_values_from_attributes() -> None:
    assert value("Replace([a], [old], , , [new])", a="abc", old="b", new="X") == "aXc"
    assert value("Replace([a], [old], , , [new])", a="abc", old="b") == "ac"
    assert value("Replace([a], , [p], , [new])", a="abc", p="[ab]", new="-") == "--c"
    assert "the pattern is null" in failure('Replace([a], , [p], , "x")', a="abc")


def test_replace_with_a_group_changes_only_the_group_and_takes_the_value_literally() -> None:
    assert value('Replace([a], , "id=(?<n>[0-9]+)", "n", "$1", , )', a="id=1 id=22 x") == "id=$1 id=$1 x"
    assert value('Replace([a], , "(?<n>x)|y", "n", "-", , )', a="ayxyb") == "ay-yb"
    assert "has no group" in failure('Replace([a], , "(?<n>a)", "m", "x", , )', a="a")


def test_replace_from_another_attribute_gives_source_where_the_other_has_no_match() -> None:
    expression = 'Replace([a], , "(?<n>[0-9]+)", "n", , [b], )'
    assert value(expression, b="x7y") == "7"
    assert value(expression, a="", b="none") == ""
    assert value(expression) is None


# ── dates, lists, roles ──────────────────────────────────────────────────────────────────────────────────────────


def test_the_default_domain_must_exist() -> None:
    with pytest.raises(ExpressionError, match="no default domain"):
        compile_expression("DefaultDomain()").evaluate({}, context(default_domain=None))


def test_item_and_count_take_a_single_value_for_a_list_of_one() -> None:
    assert (value("Item([a], 1)", a="x"), value("Count([a])", a="x"), value("Count([a])")) == ("x", 1, 0)
    assert "there is no value 0" in failure("Item([a], 0)", a=["x"])


def test_roles_must_be_role_assignments() -> None:
    assert "role assignments" in failure("SingleAppRoleAssignment([a])", a=["Admin"])
    assert value("SingleAppRoleAssignment([a])", a=[]) is None


def test_bit_and_takes_whole_numbers_only() -> None:
    assert value('BitAnd("&HFF", 15)') == 15
    assert "whole number" in failure("BitAnd(1.5, 1)")
    assert "is not a number" in failure("BitAnd([a], 1)", a="x")


def test_cstr_of_a_reference_is_its_id() -> None:
    assert value("CStr([manager])", manager={"id": "m1", "displayName": "Ann"}) == "m1"


def test_select_unique_value_skips_rules_without_a_value_and_gives_up_with_the_reason() -> None:
    compiled = compile_expression('SelectUniqueValue([missing], [a], Append([a], "1"))')
    assert compiled.evaluate({"a": "ann"}, context(taken={"ann"})) == "ann1"
    with pytest.raises(ExpressionError, match="all values are taken in the target: ann, ann1"):
        compiled.evaluate({"a": "ann"}, context(taken={"ann", "ann1"}))
    assert compile_expression("SelectUniqueValue([x], [y])").evaluate({}, context()) is None
