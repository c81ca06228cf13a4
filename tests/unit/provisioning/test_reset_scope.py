"""What a restart resets is written in Graph's words (rule table 10)."""

from __future__ import annotations

import pytest

from rollcall.errors import Invalid
from rollcall.provisioning.reset_scope import ALLOWED, AS_IN_THE_PORTAL, parse_reset_scope


@pytest.mark.parametrize(
    ("text", "scopes"),
    [
        ("", AS_IN_THE_PORTAL),
        ("  ", {"QuarantineState", "Watermark", "Escrows"}),
        ("Watermark", {"Watermark"}),
        ("Watermark, Escrows,QuarantineState", {"Watermark", "Escrows", "QuarantineState"}),
        ("watermark,ESCROWS", {"Watermark", "Escrows"}),
        ("Full", {"QuarantineState", "Watermark", "Escrows", "ConnectorDataStore"}),
        ("Full, ForceDeletes", {"QuarantineState", "Watermark", "Escrows", "ConnectorDataStore", "ForceDeletes"}),
        ("None", set()),
    ],
)
def test_a_list_of_scopes_is_read(text: str, scopes: set[str]) -> None:
    """10: every value of Graph's resetScope; an empty one is what the portal resets."""
    assert parse_reset_scope(text) == scopes


@pytest.mark.parametrize("text", ["Watermarks", "Watermark,", ",", "Escrows; Watermark", "None, Watermark"])
def test_what_is_no_scope_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        parse_reset_scope(text)


def test_every_unknown_scope_is_named_with_those_that_are_allowed() -> None:
    with pytest.raises(Invalid) as refused:
        parse_reset_scope("Watermark, Links, Everything")

    assert [detail.split("'")[1] for detail in refused.value.details] == ["Links", "Everything"]
    assert all(all(word in detail for word in ALLOWED) for detail in refused.value.details)
