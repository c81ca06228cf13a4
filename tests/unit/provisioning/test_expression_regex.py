"""Regular expressions mean what they mean in .NET, and none hangs."""

from __future__ import annotations

import pytest

from rollcall.provisioning.expression_regex import compile_pattern, first_match, replace_all, taken_group
from rollcall.provisioning.expression_values import Fault


def replaced(pattern: str, text: str, by: str) -> str:
    return replace_all(text, compile_pattern(pattern), by)


@pytest.mark.parametrize(
    ("pattern", "text", "by", "result"),
    [
        ("(?<id>.*?)", "abc", "-", "-a-b-c-"),  # after an empty match .NET goes on one character later
        ("x*", "abxc", "-", "-a-b--c-"),
        ("(.*?)(?<id>.{0,8})$", "0000000012345", "${id}", "00012345"),
        (r"(?<a>x)(y)", "xy", "$1$2", "yx"),  # unnamed groups are numbered before named ones
        (r"(?<a>x)(y)", "xy", "[$3|${a}|$10|$$|$&|$+|${0}]", "[$3|x|$10|$|xy|x|xy]"),
        ("b", "abc", "[$`|$'|$_]", "a[a|c|abc]c"),
        ("(?'q'a)b", "ab", "${q}", "a"),
        (r"(?<2>a)(b)", "ab", "$2$1", "ab"),
        (r"(a)\1", "aab", "-", "-b"),
        (r"(?<n>a)\k<n>(?:b)\k'n'", "aabac", "-", "-c"),
        ("(?n)(a)(?<x>b)", "ab", "$1$2", "b$2"),
        ("(a)|b", "ab", "<$1>", "<a><>"),
    ],
)
def test_groups_and_replacements_are_those_of_net(pattern: str, text: str, by: str, result: str) -> None:
    assert replaced(pattern, text, by) == result


@pytest.mark.parametrize(
    ("pattern", "text", "result"),
    [
        ("[a-z-[aeiou]]", "hello", "_e__o"),
        ("[^a-z-[0-9]]", "a1-", "a1_"),
        ("[]a]", "a]b", "__b"),
        ("[[:x]", "[:xy", "___y"),
        (r"[\w.-]+", "a.b-c d", "_ _"),
        (r"[\d\-\]]", "1-]x", "___x"),
        (r"[\b]", "a\b", "a_"),
        ("a(?i)b|c", "aB C c", "_ _ _"),
        ("(a(?i)b)c", "aBc aBC", "_ aBC"),
        ("(?i:a)b", "Ab AB", "_ AB"),
        ("(?i)a(?-i)b", "Ab AB", "_ AB"),
        ("(?x) a b # c\n c", "abc", "_"),
        ("(?m)^.", "a\nb", "_\n_"),
        ("(?s)a.b", "a\nb", "_"),
        ("a{,2}", "a{,2}aa", "_aa"),
        ("{e<=1}", "{e<=1}", "_"),
        (r"\p{IsGreek}\P{L}", "α1", "_"),
        (r"\x41\u0042\e\cA\0", "AB\x1b\x01\x00", "_"),
        (r"a\Z", "a\n", "_\n"),
        (r"a\z", "a\n", "a\n"),
        (r"\.\<\>\#\ ", ".<># ", "_"),
        ("(?#note)a(?=b)(?!c)(?<!x)(?<=a)", "ab", "_b"),
        ("(?>a+)b", "aab", "_"),
        ("(a)?(?(1)b|c)", "ab c", "_ _"),
        ("(?<o>a)?(?(o)b|c)", "ab c", "_ _"),
        ("(?(a)ab|c)", "ab c", "_ _"),
        ("a+?b??c*?d{1,2}?", "aabdd", "_d"),
        ("𝒳|é", "𝒳é", "__"),
    ],
)
def test_constructs_are_those_of_net(pattern: str, text: str, result: str) -> None:
    assert replaced(pattern, text, "_") == result


@pytest.mark.parametrize(
    "pattern",
    [
        *("(a", "a)", "[a", "a**", "*a", "a{2,1}", "a++", r"\_", r"\m", "\\", r"\1", r"(a)\2", r"\k<n>", "[b-a]"),
        *("(?<a-b>x)", "(?P<n>x)", "(?R)", "(?|a)", "(?&n)", r"\p{Foo}", r"\pL", r"\p{IsNowhere}", "(?<0>a)"),
        *("[a-[b]c]", r"[a-\d]", "(?#x", "(?z)", "(?(1)a|b)", "((a{1000}){1000}){1000}", "(" * 9_000, "a" * 10_001),
    ],
)
def test_what_net_refuses_or_nobody_could_run_is_refused(pattern: str) -> None:
    with pytest.raises(Fault):
        compile_pattern(pattern)


@pytest.mark.parametrize("pattern", ["(a|aa)+$", "(a+)+$", "^(([a-z])+.)+[A-Z]([a-z])+$", "(?:(?:a+)+)+[^a]$"])
def test_a_pattern_that_explodes_ends_as_an_error(pattern: str) -> None:
    text = "a" * 5_000 + "!!"
    with pytest.raises(Fault, match="took longer"):
        replaced(pattern, text, "")
    with pytest.raises(Fault, match="took longer"):
        first_match(compile_pattern(pattern), text)


def test_the_time_limit_holds_for_all_matches_together() -> None:
    with pytest.raises(Fault, match="took longer"):
        replaced("a*a*a*b|a", "a" * 6_000, "")


def test_a_group_is_taken_from_the_first_match() -> None:
    pattern = compile_pattern(r"(?<n>\d)(x)?")
    assert taken_group("a1b2", pattern, "n") == "1"
    assert taken_group("a1b2", pattern, "1") is None
    assert taken_group("ab", pattern, "n") is None
    with pytest.raises(Fault, match="has no group"):
        taken_group("a", pattern, "m")
