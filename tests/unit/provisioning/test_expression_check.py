"""What is wrong with an expression is said when it is saved, all at once, with place and remedy."""

from __future__ import annotations

import pytest

from rollcall.provisioning.expression import AttributeType, Problem, check, errors

SOURCE = {
    "mail": AttributeType(),
    "givenName": AttributeType(),
    "level": AttributeType("Integer"),
    "proxyAddresses": AttributeType("String", multivalued=True),
    "manager": AttributeType("Reference"),
    "accountEnabled": AttributeType("Boolean"),
    "hired": AttributeType("DateTime"),
    "objectSid": AttributeType("Binary"),
}


def found(
    expression: str, target: AttributeType | None = None, *, matching: bool = False
) -> list[tuple[str, int, str]]:
    return [(p.severity, p.position, p.message) for p in check(expression, SOURCE, target, matching=matching)]


def only(expression: str, target: AttributeType | None = None, *, matching: bool = False) -> Problem:
    problems = check(expression, SOURCE, target, matching=matching)
    assert len(problems) == 1, [str(p) for p in problems]
    return problems[0]


def test_all_faults_are_said_at_once_in_the_order_of_the_text() -> None:
    assert found('Append(tolower([Mail]), Mid([mail], "x", 1))') == [
        ("error", 8, "unknown function"),
        ("error", 16, 'unknown attribute "Mail"'),
        ("error", 37, 'start takes a number, not "x"'),
    ]


@pytest.mark.parametrize(
    "expression",
    [
        'Switch([IsSoftDeleted], , "False", "True", "True", "False")',
        'Switch([accountEnabled], , "True", "yes", "False", "no")',
        'Join(" ", [givenName], [mail], [level], [proxyAddresses])',
        'IIF(DateDiff("d", Now(), CDate([mail])) > 5, "a", "b")',
        'IIF([level] = "3", "a", "b")',
        'DateDiff("d", [hired], Now())',
        "Item([proxyAddresses], 1)",
        'FormatDateTime([mail], "yyyyMMdd", "yyyy")',
        "SelectUniqueValue([mail], [givenName])",
        "Coalesce([mail], )",
    ],
)
def test_a_sound_expression_has_no_findings(expression: str) -> None:
    assert found(expression) == []


@pytest.mark.parametrize(
    ("expression", "position", "part"),
    [
        ("Append([mail)", 8, "not closed"),
        ('"' + "a" * 10_000 + '"', 10_001, "10,002 characters"),
        ('Append("a")', 1, "wrong number of arguments"),
        ('Append("a", "b", "c")', 1, "wrong number of arguments"),
        ('Switch([mail], "d", "k")', 1, "wrong number of arguments"),
        ("ToLower([proxyAddresses])", 9, "not several values"),
        ('ToLower(Split([mail], ","))', 9, "not several values"),
        ("[appRoleAssignments]", 1, "can't be sent as it is"),
        ('[mail] = "x"', 1, "outside a condition"),
        ('InStr([mail], "a", 1, "text")', 23, "option without quotes"),
        ("Append(vbTextCompare, [mail])", 8, "not an option"),
        ("UTF8", 1, "an option of a function is no value"),
        ('DateAdd("w", 1, Now())', 1, '"w" is not an interval'),
        ('CDate("soon")', 1, "is not a date"),
        ('DateDiff("d", Now(), "soon")', 22, "is not a date"),
        ('Mid("abc", 0, 1)', 1, "start is 0"),
        ("RandomString(300, 1, 0, 0, 1)", 1, "length is 300"),
        ('Replace([mail], , "(a", , "b")', 1, "is no regular expression"),
        ('Replace([mail], "a")', 1, "none of its modes"),
        ('FormatDateTime([mail], "q", "yyyy")', 1, "not a date format"),
        ('FormatDateTime([mail], "Loose", "yyyy", "yyyy")', 1, "not a date style"),
        ('NumFromDate(Append([proxyAddresses], "x"))', 20, "not several values"),
        ('IIF([proxyAddresses] = "x", "a", "b")', 5, "can't be compared"),
        ('"a" & [proxyAddresses]', 7, "not several values"),
    ],
)
def test_an_error_is_found_at_its_place(expression: str, position: int, part: str) -> None:
    """A12."""
    problems = errors(check(expression, SOURCE))
    assert [(p.position, part in p.message) for p in problems] == [(position, True)], [str(p) for p in problems]
    assert problems[0].remedy


@pytest.mark.parametrize(
    ("expression", "part"),
    [
        ('Switch([mail], , "a", "b")', "there is no default"),
        ('Switch([mail], "d", "a", "b", "a", "c")', "stands there before"),
        ('Switch(IsPresent([mail]), "d", "True", "x")', "test for null"),
        ('IIF(IsNullOrEmpty([mail]), "a", "b")', "test for null"),
        ('IIF([mail] > "9", "a", "b")', "by their characters"),
        ('IIF([level] = "x", "a", "b")', "never equal to a number"),
        ('DateDiff("d", [mail], Now())', "read as a date"),
        ("Trim([mail])", "cloud sync"),
        ("Coalesce(,)", "always null"),
        ('IIF([mail]="x", , IgnoreAttributeFlow)', "always null"),
        ("ToLower(Coalesce(,))", "always null"),
    ],
)
def test_the_linter_warns(expression: str, part: str) -> None:
    problem = only(expression)
    assert problem.severity == "warning"
    assert part in problem.message


@pytest.mark.parametrize(
    ("expression", "target", "severity"),
    [
        ('IIF([mail]="x", "1", "many")', AttributeType("Integer"), "error"),
        ('Switch([mail], "no", "x", "True")', AttributeType("Boolean"), "error"),
        ('"soon"', AttributeType("DateTime"), "error"),
        ("[accountEnabled]", AttributeType("Integer"), "error"),
        ("[mail]", AttributeType("Reference"), "error"),
        ("Now()", AttributeType("Boolean"), "error"),
        ("[proxyAddresses]", AttributeType("String"), "warning"),
    ],
)
def test_the_value_must_fit_the_target(expression: str, target: AttributeType, severity: str) -> None:
    assert only(expression, target).severity == severity


@pytest.mark.parametrize(
    ("expression", "target"),
    [
        ("[manager]", AttributeType("Reference")),
        ("[proxyAddresses]", AttributeType("String", multivalued=True)),
        ("[accountEnabled]", AttributeType("String")),
        ('IIF([mail]="x", "True", IgnoreAttributeFlow)', AttributeType("Boolean")),
        ("[hired]", AttributeType("DateTime")),
    ],
)
def test_a_value_that_fits_the_target_has_no_findings(expression: str, target: AttributeType) -> None:
    assert found(expression, target) == []


def test_a_matching_attribute_wants_the_same_value_each_time() -> None:
    assert only("Append([mail], Guid())", matching=True).severity == "warning"
    assert only("SelectUniqueValue([mail], [givenName])", matching=True).severity == "error"
    assert found("ToLower([mail])", matching=True) == []


def test_an_unknown_attribute_is_found_only_where_the_schema_is_known() -> None:
    assert check("[anything]") == []
    assert "[mail]" in only("[mial]").remedy
    assert str(only("[mial]")) == 'At character 1: unknown attribute "mial". Write [mail].'


def test_a_default_that_is_no_boolean_is_told_what_a_boolean_is() -> None:
    (problem,) = check('"maybe"', {}, AttributeType("Boolean"))

    assert problem.remedy == 'Write "True" or "False"'
