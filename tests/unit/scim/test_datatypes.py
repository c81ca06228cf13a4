"""Folding of text and order of instants: decided once, for resources and for SQL columns alike."""

from __future__ import annotations

import pytest

from rollcall.scim.datatypes import instant, is_clean_text
from rollcall.scim.filter import fold


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ABC", "abc"),
        ("straße", "STRASSE"),
        ("STRAẞE", "strasse"),
        ("e\u0301", "\u00c9"),
        ("A\u030a", "\u212b"),
        ("ΣΊΣΥΦΟΣ", "σίσυφος"),
        ("q\u0307\u0323", "Q\u0323\u0307"),
        ("ﬁn", "FIN"),
        ("Ǆ", "ǆ"),
    ],
)
def test_these_are_the_same_where_case_does_not_matter(one: str, other: str) -> None:
    assert fold(one) == fold(other)


@pytest.mark.parametrize(
    ("one", "other"), [("İ", "i"), ("ı", "i"), ("ı", "I"), ("İ", "ı"), ("é", "e"), ("Ａ", "A"), ("а", "a"), ("a", "a ")]
)
def test_these_are_never_taken_for_each_other(one: str, other: str) -> None:
    assert fold(one) != fold(other)


def test_folded_text_is_composed_and_folds_to_itself() -> None:
    assert fold("É") == "é"
    assert fold("İ") == fold(fold("İ")) == "i\u0307"
    assert fold("ǰ") == fold(fold("ǰ"))


def test_instants_order_by_time_whatever_their_offset_and_precision() -> None:
    ascending = [
        "2026-01-05T07:59:59.999999999Z", "2026-01-05T09:00:00+01:00", "2026-01-05T08:00:00.000000001Z",
        "2026-01-05T02:30:00.5-05:30", "2026-01-05T08:00:00.51", "2026-01-05T08:00:01Z",
    ]  # fmt: skip
    moments = [instant(text) for text in ascending]

    assert None not in moments
    assert moments == sorted(m for m in moments if m is not None)
    assert instant("2026-01-05T08:00:00Z") == instant("2026-01-05T08:00:00.000+00:00")


@pytest.mark.parametrize(
    "text",
    ["", "2026", "2026-01-05", "08:00:00Z", "2026-13-01T00:00:00Z", "2026-01-05 08:00:00Z", "2026-01-05T08:00Z", "2026-W01-1T00:00:00Z", "2026-01-05T24:00:01Z", "٢٠٢٦-01-05T08:00:00Z", "2026-01-05T08:00:00Z\n"],
)  # fmt: skip
def test_what_is_no_instant_is_none(text: str) -> None:
    assert instant(text) is None


def test_text_that_no_database_stores_is_not_clean() -> None:
    assert is_clean_text("Straße 😀")
    assert not is_clean_text("a\x00")
    assert not is_clean_text("é\x00")
    assert not is_clean_text("\udc00")
