"""The grammar of filters and paths, and its limits."""

from __future__ import annotations

import pytest

from rollcall.scim.error import ScimError
from rollcall.scim.filter import And, Compare, Filter, Not, Or, Present, ValuePath, parse_filter, print_filter
from rollcall.scim.path import Path, parse_path, print_path

A, B, C = (Present(Path(name)) for name in "abc")


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("a pr", A),
        ("A PR", Present(Path("A"))),
        ("a pr and b pr or c pr", Or((And((A, B)), C))),
        ("a pr or b pr and c pr", Or((A, And((B, C))))),
        ("(a pr or b pr) and c pr", And((Or((A, B)), C))),
        ("a pr AND (b pr aNd c pr)", And((A, B, C))),
        ("not (a pr)", Not(A)),
        ("NOT(a pr) and b pr", And((Not(A), B))),
        ("not (not (a pr))", Not(Not(A))),
        ("((a pr))", A),
        ('a eq "x"', Compare(Path("a"), "eq", "x")),
        ('a EQ "x"', Compare(Path("a"), "eq", "x")),
        (r'a eq "q\"\\\u00e9\n"', Compare(Path("a"), "eq", 'q"\\é\n')),
        ('a eq "tab\there"', Compare(Path("a"), "eq", "tab\there")),
        ('a eq "and (x) pr]"', Compare(Path("a"), "eq", "and (x) pr]")),
        ("a eq true", Compare(Path("a"), "eq", True)),
        ("a ne False", Compare(Path("a"), "ne", False)),
        ("a eq null", Compare(Path("a"), "eq", None)),
        ("a gt -3", Compare(Path("a"), "gt", -3)),
        ("a le 1.5e3", Compare(Path("a"), "le", 1500.0)),
        ("name.givenName pr", Present(Path("name", "givenName"))),
        ("members.$ref pr", Present(Path("members", "$ref"))),
        ("urn:a:b:2.0:User:name.x pr", Present(Path("name", "x", None, "urn:a:b:2.0:User"))),
        ("e[a pr and b pr]", ValuePath(Path("e"), And((A, B)))),
        ('e[a pr].v eq "x"', ValuePath(Path("e"), And((A, Compare(Path("v"), "eq", "x"))))),
        ("e[a pr or b pr].v pr", ValuePath(Path("e"), And((Or((A, B)), Present(Path("v")))))),
        ("  a   pr  ", A),
        ("not eq 1", Compare(Path("not"), "eq", 1)),
    ],
)
def test_a_filter_is_read_as_the_rfc_binds_it(text: str, tree: Filter) -> None:
    assert parse_filter(text) == tree


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "a", "a eq", "a is 1", 'eq "x"', "a pr b", "a pr and", "and a pr", "(a pr", "a pr)", "a[b pr", "a b pr]",
        'a eq "x', "a eq x", "a eq 01", "a eq +1", "a eq 1e999", "a eq NaN", 'a eq "\\q"', 'a eq "\\u0000"', 'a eq "\\ud800"',
        "a.b.c pr", "a. pr", ".a pr", "1a pr", "a[b pr].c", "a.b[c pr]", "a [b pr] .c pr", "not a pr", "x:y pr", "urn:: pr",
        "é pr", "a eq 'x'", "a pr; drop", "a[]", "()", "a" * 9000,
    ],
)  # fmt: skip
def test_what_is_no_filter_is_refused(text: str) -> None:
    with pytest.raises(ScimError) as refusal:
        parse_filter(text)

    assert (refusal.value.status, refusal.value.scim_type) == (400, "invalidFilter")


def test_a_refusal_says_where_and_what_was_expected() -> None:
    with pytest.raises(ScimError) as refusal:
        parse_filter("userName eq bjensen")

    assert refusal.value.detail == (
        "Character 13: expected a value (text stands in quotation marks: \"…\"), but there is 'bjensen'."
    )


def nested(levels: int) -> str:
    return "(" * levels + "a pr" + ")" * levels


def test_brackets_may_be_nested_32_levels_deep() -> None:
    assert parse_filter(nested(32)) == A
    with pytest.raises(ScimError, match="32 levels"):
        parse_filter(nested(33))


def test_negations_and_value_paths_count_as_levels() -> None:
    with pytest.raises(ScimError, match="32 levels"):
        parse_filter("not (" * 33 + "a pr" + ")" * 33)
    with pytest.raises(ScimError, match="32 levels"):
        parse_filter("a[" * 33 + "a pr" + "]" * 33)


def test_a_filter_may_have_200_clauses() -> None:
    assert isinstance(parse_filter(" or ".join(["a pr"] * 200)), Or)
    with pytest.raises(ScimError) as refusal:
        parse_filter(" or ".join(["a pr"] * 201))

    assert (refusal.value.status, refusal.value.scim_type) == (400, "tooMany")


def test_a_filter_may_have_8192_characters() -> None:
    assert parse_filter('a eq "' + "x" * 8185 + '"') == Compare(Path("a"), "eq", "x" * 8185)
    with pytest.raises(ScimError, match="8192"):
        parse_filter('a eq "' + "x" * 8186 + '"')


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("members", Path("members")),
        ("name.familyName", Path("name", "familyName")),
        ("$ref", Path("$ref")),
        ('a[type eq "work"]', Path("a", None, Compare(Path("type"), "eq", "work"))),
        ('a[type eq "work"].v', Path("a", "v", Compare(Path("type"), "eq", "work"))),
        ("urn:x:2.0:User:a.b", Path("a", "b", None, "urn:x:2.0:User")),
        ("urn:x:2.0:User:a[b pr].c", Path("a", "c", Present(Path("b")), "urn:x:2.0:User")),
    ],
)
def test_a_path_is_read_and_printed(text: str, path: Path) -> None:
    assert parse_path(text) == path
    assert print_path(path) == text


@pytest.mark.parametrize(
    "text",
    ["", "a b", "a..b", "a[b]", "a[b pr", "a[b pr]]", "a[b pr]c", "a.b[c pr]", "a eq 1", '"a"', "(a)", "a[b pr] .c"],
)
def test_what_is_no_path_is_refused(text: str) -> None:
    with pytest.raises(ScimError) as refusal:
        parse_path(text)

    assert (refusal.value.status, refusal.value.scim_type) == (400, "invalidPath")


def test_a_filter_is_printed_with_no_more_brackets_than_it_needs() -> None:
    text = '(a pr or b pr) and not (c pr) and e[type eq "work" and (a pr or b pr)]'

    assert print_filter(parse_filter(text)) == text
