"""The functions of the mapping language, one table: name, parameters, meaning, errors, a worked example.

The reference page is generated from it, Graph's `functions()` answers from it, and each example is a test.
Source: expressions.md §2.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType

from rollcall.provisioning import expression_dates, expression_values, functions_choice, functions_values
from rollcall.provisioning.functions_model import Example, Function, parameters
from rollcall.provisioning.functions_text_rows import TEXT_FUNCTIONS

NO_DATE = "text that is no date, also empty text and null"


def _switch_shape(given: Sequence[bool]) -> str | None:
    return "keys and values must come in pairs" if len(given) % 2 else None


_ROLES = [
    {"id": "11111111-2222-4333-8444-555555555501", "value": "Admin", "displayName": "Administrator"},
    {"id": "11111111-2222-4333-8444-555555555502", "value": "User", "displayName": "Member"},
]
_ROLE_TYPE = functions_values.ROLE_TYPE

_CHOICE = (
    Function(
        name="Coalesce",
        parameters=parameters("source E_*"),
        result="E",
        meaning="The first argument that is not null; null if all are. Empty text counts as a value.",
        example=Example(
            "Coalesce([mail], [userPrincipalName])", {"userPrincipalName": "j@contoso.com"}, "j@contoso.com"
        ),
        build=functions_choice.coalesce,
    ),
    Function(
        name="Error",
        parameters=parameters("message S"),
        result="E",
        meaning="Fails the object with this message.",
        errors=("always, when it is evaluated",),
        example=Example('IIF([a]="x", [a], Error("a is required"))', {"a": "x"}, "x"),
        call=functions_values.fail,
        cloud_sync_only=True,
    ),
    Function(
        name="IIF",
        parameters=parameters("condition E, valueIfTrue E_, valueIfFalse E_"),
        result="E",
        meaning="One of two values; the other is not evaluated. The condition compares with =, <>, >, >=, <, <=; if one side is a number both are read as numbers, else as text, case-sensitive. Null is equal to nothing but null.",
        errors=("a condition that is neither true nor false",),
        notes=(
            "AND: nest IIF in the true branch. OR: nest IIF in the false branch.",
            "Entra calls IsNull, IsNullOrEmpty and IsPresent unsupported as the condition; here they work.",
        ),
        example=Example(
            'IIF([country]="USA", [country], [department])', {"country": "Spain", "department": "Sales"}, "Sales"
        ),
        build=functions_choice.iif,
    ),
    Function(
        name="IgnoreFlowIfNullOrEmpty",
        parameters=parameters("expression E"),
        result="E",
        meaning="The value; when it is null or empty, the attribute is not sent.",
        example=Example("IgnoreFlowIfNullOrEmpty([department])", {"department": ""}, ignored=True),
        call=functions_values.ignore_flow_if_null_or_empty,
    ),
    Function(
        name="SelectUniqueValue",
        parameters=parameters("rule1 E, rule2 E, rule E?*"),
        result="S",
        meaning="The first rule whose value the target does not have yet. Only as the outermost function, only during creation, not on a matching attribute.",
        errors=("all values are taken: the object goes to escrow",),
        example=Example(
            'SelectUniqueValue([mailNickname], Append([mailNickname], "1"))', {"mailNickname": "ann"}, "ann"
        ),
        build=functions_choice.select_unique_value,
    ),
    Function(
        name="Switch",
        parameters=parameters("source S_, default E_ defaultValue, key E_* switchValue"),
        result="E",
        meaning='The value after the first key equal to source (case-sensitive text), else default; an empty default gives null. The key "" stands for null and empty. What is not chosen is not evaluated.',
        errors=("an odd number of arguments",),
        notes=("Not for reference attributes.",),
        example=Example(
            'Switch([IsSoftDeleted], , "False", "True", "True", "False")', {"IsSoftDeleted": False}, "True"
        ),
        build=functions_choice.switch,
        check_shape=_switch_shape,
    ),
)

_TESTS = (
    Function(
        name="BitAnd",
        parameters=parameters("value1 N, value2 N"),
        result="N",
        meaning="Bitwise AND; &H literals and numeric text are accepted.",
        errors=("a number that is not whole",),
        example=Example("BitAnd(&HF, &HF7)", {}, 7),
        call=functions_values.bit_and,
        null_through=True,
    ),
    Function(
        name="CBool",
        parameters=parameters("expression E"),
        result="B",
        meaning="True when the value is not zero; a comparison inside gives its truth.",
        errors=("text that is neither true, false nor a number",),
        example=Example("CBool([attribute1] = [attribute2])", {"attribute1": "x", "attribute2": "x"}, True),
        call=functions_values.c_bool,
    ),
    Function(
        name="CRef",
        parameters=parameters("attribute E"),
        result="E",
        meaning="The attribute as a reference; the value is unchanged.",
        example=Example("DNComponent(CRef([dn]), 2)", {"dn": "cn=Joe,ou=Sales"}, "Sales"),
        call=functions_values.same,
        cloud_sync_only=True,
    ),
    Function(
        name="CStr",
        parameters=parameters("value E"),
        result="S",
        meaning="The text form: True and False, numbers without grouping, dates as M/d/yyyy h:mm:ss tt; of a reference, its id.",
        example=Example("CStr([accountEnabled])", {"accountEnabled": True}, "True"),
        call=functions_values.c_str,
        null_through=True,
    ),
    Function(
        name="DefaultDomain",
        parameters=(),
        result="S",
        meaning="The default domain of the directory.",
        errors=("a directory without a default domain",),
        example=Example('Join("@", [mailNickname], DefaultDomain())', {"mailNickname": "ann"}, "ann@contoso.com"),
        call=functions_values.default_domain,
        needs_context=True,
    ),
    Function(
        name="Guid",
        parameters=(),
        result="S",
        meaning="A new random GUID, lower case with hyphens.",
        example=Example("Guid()", {}, matches="^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"),
        call=functions_values.guid,
        needs_context=True,
        deterministic=False,
    ),
    Function(
        name="IsNull",
        parameters=parameters("expression E"),
        result="B",
        meaning="True when the attribute is absent; empty text is not null.",
        example=Example("IsNull([displayName])", {}, True),
        call=expression_values.is_null,
    ),
    Function(
        name="IsNullOrEmpty",
        parameters=parameters("expression E"),
        result="B",
        meaning="True when null or empty text.",
        example=Example("IsNullOrEmpty([displayName])", {"displayName": ""}, True),
        call=functions_values.is_null_or_empty,
    ),
    Function(
        name="IsPresent",
        parameters=parameters("expression E"),
        result="B",
        meaning="False when null or empty text.",
        example=Example("IsPresent([displayName])", {"displayName": "Ann"}, True),
        call=functions_values.is_present,
    ),
    Function(
        name="IsString",
        parameters=parameters("expression E"),
        result="B",
        meaning="True when it evaluates to text.",
        example=Example("IsString(Count([x]))", {"x": ["a"]}, False),
        call=functions_values.is_string,
    ),
    Function(
        name="Redact",
        parameters=parameters("value E"),
        result="E",
        meaning="The value flows unchanged; every log shows [Redact] instead.",
        notes=("A Redact anywhere hides the whole result of the expression.",),
        example=Example("Redact([userPrincipalName])", {"userPrincipalName": "a@contoso.com"}, "a@contoso.com"),
        call=functions_values.same,
    ),
)

_DATES = (
    Function(
        name="CDate",
        parameters=parameters("expression E"),
        result="D",
        meaning="Reads a date-time and gives the moment in UTC: ISO 8601, or M/d/yyyy h:mm:ss tt. A date with an offset and no time is midnight at that offset.",
        errors=(NO_DATE,),
        example=Example("CDate([StatusHireDate])", {"StatusHireDate": "2020-03-16-07:00"}, "3/16/2020 7:00:00 AM"),
        call=functions_values.c_date,
    ),
    Function(
        name="DateAdd",
        parameters=parameters("interval S, value N, dateTime D"),
        result="D",
        meaning='Adds to a date; the value may be negative. Intervals: "yyyy" year, "m" month, "d" day, "ww" week, "h" hour, "n" minute, "s" second. Months stop at the month\'s end.',
        errors=("another interval", NO_DATE, "a result outside the years 1 to 9999"),
        example=Example('DateAdd("m", 1, CDate([d]))', {"d": "2021-01-31"}, "2/28/2021 12:00:00 AM"),
        call=expression_dates.date_add,
    ),
    Function(
        name="DateDiff",
        parameters=parameters("interval S, date1 D, date2 D"),
        result="N",
        meaning="date2 minus date1, positive when date2 is later. d, h, n, s: elapsed time cut to whole units toward zero; m, yyyy: difference of the calendar fields; ww: the Sundays between.",
        errors=("another interval", NO_DATE),
        example=Example('DateDiff("d", CDate([a]), CDate([b]))', {"a": "2021-08-18", "b": "2021-08-31"}, 13),
        call=expression_dates.date_diff,
    ),
    Function(
        name="DateFromNum",
        parameters=parameters("value N"),
        result="D",
        meaning="A date-time from ticks of 100 ns since 1601-01-01 UTC, as Active Directory keeps them.",
        errors=("a number beyond the year 9999, such as the one for never",),
        example=Example("DateFromNum(129699324000000000)", {}, "1/1/2012 11:00:00 PM"),
        call=expression_dates.date_from_number,
        null_through=True,
    ),
    Function(
        name="FormatDateTime",
        parameters=parameters("source S_, dateTimeStyles S_, inputFormat S, outputFormat S?"),
        result="S",
        meaning="Reads source exactly by the input format and prints it in the output format, both .NET custom formats. With three arguments there are no styles. Default styles: RoundtripKind, AllowLeadingWhite, AllowTrailingWhite.",
        errors=("source does not fit the input format", "a format or style that is none"),
        notes=('hh wants two digits, h takes one or two. What date functions give fits "M/d/yyyy h:mm:ss tt".',),
        example=Example(
            'FormatDateTime([a], , "yyyyMMddHHmmss.fZ", "yyyy-MM-dd")', {"a": "20150123105347.1Z"}, "2015-01-23"
        ),
        call=functions_values.format_date_time,
        needs_context=True,
    ),
    Function(
        name="Now",
        parameters=(),
        result="D",
        meaning="The present moment in UTC; its text form is M/d/yyyy h:mm:ss tt.",
        example=Example("Now()", {}, matches=r"^\d{1,2}/\d{1,2}/\d{4} \d{1,2}:\d{2}:\d{2} [AP]M$"),
        call=functions_values.now,
        needs_context=True,
        deterministic=False,
    ),
    Function(
        name="NumFromDate",
        parameters=parameters("value E"),
        result="N",
        meaning="ISO 8601 text, with a blank or T between date and time, as ticks of 100 ns since 1601-01-01 UTC (for accountExpires).",
        errors=("text in another form",),
        example=Example('NumFromDate("2025-12-31T23:59:59-08:00")', {}, "134117279990000000"),
        call=expression_dates.number_from_date,
        null_through=True,
    ),
)

_LISTS = (
    Function(
        name="AppRoleAssignmentsComplex",
        parameters=parameters("assignments L"),
        result="C",
        meaning="All application roles of the user as complex values with displayName. An update only adds roles.",
        notes=("Not together with scope: sync all users and groups.",),
        example=Example(
            "AppRoleAssignmentsComplex([appRoleAssignments])",
            {"appRoleAssignments": _ROLES[:1]},
            [{"primary": False, "type": _ROLE_TYPE, "displayName": "Administrator", "value": "Admin"}],
        ),
        call=functions_values.complex_roles,
        null_through=True,
    ),
    Function(
        name="AssertiveAppRoleAssignmentsComplex",
        parameters=parameters("assignments L"),
        result="C",
        meaning="All application roles of the user as complex values with display. An update replaces all roles of the target.",
        notes=("Not together with scope: sync all users and groups.",),
        example=Example(
            "AssertiveAppRoleAssignmentsComplex([appRoleAssignments])",
            {"appRoleAssignments": _ROLES[1:]},
            [{"primary": False, "type": _ROLE_TYPE, "display": "Member", "value": "User"}],
        ),
        call=functions_values.assertive_roles,
        null_through=True,
    ),
    Function(
        name="Contains",
        parameters=parameters("attribute L_, text S"),
        result="N",
        meaning="The position (from 1) of a text in a list; 0 if it is absent.",
        example=Example('Contains([proxyAddresses], "b")', {"proxyAddresses": ["a", "b"]}, 2),
        call=functions_values.contains,
        cloud_sync_only=True,
    ),
    Function(
        name="Count",
        parameters=parameters("attribute L"),
        result="N",
        meaning="The number of values: 1 for a single value, 0 for none.",
        example=Example('Count(Split([x], ","))', {"x": "a,b,c"}, 3),
        call=functions_values.count,
    ),
    Function(
        name="Item",
        parameters=parameters("attribute L, index N"),
        result="E",
        meaning="The n-th value, from 1.",
        errors=("an index out of range, also 0",),
        example=Example("Item([proxyAddresses], 2)", {"proxyAddresses": ["a", "b"]}, "b"),
        call=functions_values.item,
        null_through=True,
    ),
    Function(
        name="RemoveDuplicates",
        parameters=parameters("attribute L"),
        result="L",
        meaning="Each value once, at its first place.",
        example=Example("RemoveDuplicates([x])", {"x": ["a", "b", "a"]}, ["a", "b"]),
        call=functions_values.remove_duplicates,
        null_through=True,
    ),
    Function(
        name="SingleAppRoleAssignment",
        parameters=parameters("assignments L"),
        result="S",
        meaning="The name (value) of one assigned role; with several roles, the first.",
        notes=("Not together with scope: sync all users and groups.",),
        example=Example("SingleAppRoleAssignment([appRoleAssignments])", {"appRoleAssignments": _ROLES[:1]}, "Admin"),
        call=functions_values.single_role,
        null_through=True,
    ),
)

FUNCTIONS = MappingProxyType(
    {
        function.name: function
        for function in sorted((*TEXT_FUNCTIONS, *_CHOICE, *_TESTS, *_DATES, *_LISTS), key=lambda f: f.name)
    }
)
