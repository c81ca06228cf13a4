"""Versions as entity tags, and the headers that compare them."""

from __future__ import annotations

import pytest

from rollcall.scim.error import ScimError
from rollcall.scim.version import Tags, check_if_match, is_not_modified, parse_tags, version_tag


def test_a_number_and_bytes_become_weak_tags() -> None:
    assert version_tag(7) == 'W/"7"'
    assert version_tag(b"abc") == 'W/"ba7816bf8f01cfea414140de5dae2223"'


@pytest.mark.parametrize(
    ("header", "opaque"),
    [
        ('W/"1"', {"1"}),
        ('"1"', {"1"}),
        ('"a", W/"b" ,"c,d"', {"a", "b", "c,d"}),
        ('"a",', {"a"}),
        ('""', {""}),
        ("3694e05e", {"3694e05e"}),
        ("", set()),
    ],
)
def test_a_header_lists_tags(header: str, opaque: set[str]) -> None:
    assert parse_tags(header) == Tags(frozenset(opaque))


@pytest.mark.parametrize("header", ['"a', 'W/"a" "b"', '"a"b', "a b", '"*" *x', ", ,a", '"' * 9000])
def test_a_header_of_anything_else_is_refused(header: str) -> None:
    with pytest.raises(ScimError) as refusal:
        parse_tags(header)

    assert refusal.value.status == 400


@pytest.mark.parametrize("header", ['W/"7"', '"7"', '"6", W/"7"', " * ", None])
def test_a_change_of_the_version_that_is_there_goes_ahead(header: str | None) -> None:
    check_if_match(header, 'W/"7"')


@pytest.mark.parametrize(("header", "version"), [('W/"6"', 'W/"7"'), ("", 'W/"7"'), ("*", None), ('"7"', None)])
def test_a_change_of_another_version_is_refused(header: str, version: str | None) -> None:
    with pytest.raises(ScimError) as refusal:
        check_if_match(header, version)

    assert refusal.value.status == 412


def test_who_has_the_present_version_need_not_get_it_again() -> None:
    assert is_not_modified('"6", "7"', 'W/"7"')
    assert is_not_modified("*", 'W/"7"')
    assert not is_not_modified('"6"', 'W/"7"')
    assert not is_not_modified(None, 'W/"7"')
