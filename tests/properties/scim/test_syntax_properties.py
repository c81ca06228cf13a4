"""Whatever is printed is parsed back, and whatever text comes in ends in a tree or in a 400."""

from __future__ import annotations

from hypothesis import example, given, settings
from hypothesis import strategies as st

from rollcall.scim.error import ScimError
from rollcall.scim.filter import Filter, fold, matches, parse_filter, print_filter
from rollcall.scim.path import Path, parse_path, print_path
from rollcall.scim.schema import USER
from tests.properties.scim.strategies import filters, outcome, patch_paths, texts, users

moderate = settings(max_examples=100, deadline=None)


@given(filters)
@moderate
def test_a_printed_filter_is_parsed_to_the_same_filter(tree: Filter) -> None:
    assert parse_filter(print_filter(tree)) == tree


@given(patch_paths)
@moderate
def test_a_printed_path_is_parsed_to_the_same_path(path: Path) -> None:
    assert parse_path(print_path(path)) == path


@given(st.text('ab.:[]()"\\ eqandornot$ref12-', max_size=60) | st.text(max_size=40))
@example("(" * 8000)
@example("a[" * 4000)
@example("not (" * 1600)
@example('a eq "' + "\\" * 8000)
@example("a pr and " * 900 + "a pr")
@moderate
def test_any_text_is_a_filter_or_a_refusal(text: str) -> None:
    read = outcome(parse_filter, text)

    if isinstance(read, ScimError):
        assert (read.status, read.scim_type) in {(400, "invalidFilter"), (400, "tooMany")}
    else:
        assert parse_filter(print_filter(read)) == read


@given(st.text('ab.:[]()"\\ eq$ref12-', max_size=60) | st.text(max_size=40))
@example("urn:" * 2000)
@moderate
def test_any_text_is_a_path_or_a_refusal(text: str) -> None:
    read = outcome(parse_path, text)

    if isinstance(read, ScimError):
        assert (read.status, read.scim_type) in {(400, "invalidPath"), (400, "tooMany")}
    else:
        assert parse_path(print_path(read)) == read


@given(filters, users)
@moderate
def test_any_filter_on_any_user_is_a_yes_a_no_or_a_refusal(tree: Filter, user: dict[str, object]) -> None:
    answer = outcome(matches, tree, user, USER)

    assert answer.scim_type == "invalidFilter" if isinstance(answer, ScimError) else isinstance(answer, bool)


@given(texts)
@moderate
def test_folding_twice_is_folding_once(text: str) -> None:
    assert fold(fold(text)) == fold(text)
