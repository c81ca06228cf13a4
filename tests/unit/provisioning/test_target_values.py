"""Values in the type of their target, and when two of them are the same (rules A6, A8)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from rollcall.provisioning.expression import Redacted
from rollcall.provisioning.model import TargetRule
from rollcall.provisioning.target_values import ValueRefusedError, agree, coerced

TEXT, EXACT = TargetRule(case_exact=False), TargetRule(case_exact=True)
TAGS = TargetRule(multivalued=True)
EMAILS = TargetRule("complex", multivalued=True, case_exact=False)
MOMENT = TargetRule("dateTime")


@pytest.mark.parametrize(
    ("type_name", "value", "expected"),
    [
        ("string", 7, "7"),
        ("string", True, "True"),
        ("string", Redacted("x"), "x"),
        ("boolean", "TRUE", True),
        ("boolean", 0, False),
        ("integer", "42", 42),
        ("integer", 3.0, 3),
        ("decimal", "2.5", 2.5),
        ("dateTime", "2026-01-05T08:00:00+02:00", "2026-01-05T06:00:00Z"),
        ("dateTime", "2026-01-05T08:00:00.250Z", "2026-01-05T08:00:00.250000Z"),
        ("dateTime", "1/5/2026 8:00:00 AM", "2026-01-05T08:00:00Z"),
        ("dateTime", "2026-01-05", "2026-01-05T00:00:00Z"),
        ("dateTime", datetime(2026, 1, 5, 8, tzinfo=timezone(timedelta(hours=1))), "2026-01-05T07:00:00Z"),
        ("reference", "https://example.org/a", "https://example.org/a"),
        ("binary", "AQID", "AQID"),
        ("binary", "AQI_", "AQI_"),
    ],
)
def test_a_value_takes_the_type_of_its_target(type_name: str, value: Any, expected: Any) -> None:
    """A8."""
    found = coerced(value, TargetRule(type_name))

    assert (type(found), found) == (type(expected), expected)


@pytest.mark.parametrize(
    ("type_name", "value"),
    [
        ("boolean", "perhaps"),
        ("integer", "3.5"),
        ("integer", True),
        ("integer", 2**63),
        ("integer", "-9223372036854775809"),
        ("integer", "123456789012345678901"),
        ("decimal", "many"),
        ("decimal", "inf"),
        ("dateTime", "yesterday"),
        ("dateTime", "2026-02-30"),
        ("reference", "not a uri"),
        ("binary", "not base64!"),
        ("complex", "Ada Lovelace"),
    ],
)
def test_a_value_of_another_type_is_refused(type_name: str, value: Any) -> None:
    """A7, A8: AttributeValidationFailed."""
    with pytest.raises(ValueRefusedError) as refused:
        coerced(value, TargetRule(type_name))

    assert refused.value.code == "AttributeValidationFailed"


@pytest.mark.parametrize("rule", [TEXT, TAGS, EMAILS, MOMENT, TargetRule("boolean")])
@pytest.mark.parametrize("value", [None, "", [], [None], ["", None], Redacted("")])
def test_nothing_is_nothing_in_every_type(rule: TargetRule, value: Any) -> None:
    """A5."""
    assert coerced(value, rule) is None


def test_a_multi_valued_target_takes_a_list_without_doubles() -> None:
    """A8, A11."""
    assert coerced(["b", "a", "", "b"], TAGS) == ["b", "a"]
    assert coerced("a", TAGS) == ["a"]
    assert coerced(["x@y.z", {"value": "w", "type": "work"}], EMAILS) == [
        {"value": "x@y.z"},
        {"value": "w", "type": "work"},
    ]
    assert coerced([1, "2"], TargetRule("integer", multivalued=True)) == [1, 2]


@pytest.mark.parametrize(
    ("rule", "there", "wanted", "of_sent", "of_read"),
    [
        (TEXT, "ADA", "ada", False, True),
        (EXACT, "ADA", "ada", False, False),
        (TEXT, "Straße", "STRASSE", False, True),
        (TargetRule("boolean"), 1, True, False, False),
        (MOMENT, "2026-01-05T09:00:00+01:00", "2026-01-05T08:00:00Z", True, True),
        (MOMENT, "2026-01-05T08:00:00.000Z", "2026-01-05T08:00:00Z", True, True),
        (MOMENT, "2026-01-05T08:00:01Z", "2026-01-05T08:00:00Z", False, False),
        (TAGS, ["b", "a"], ["a", "b"], True, True),
        (TAGS, ["a"], ["a", "b"], False, False),
        (TAGS, ["a", "b", "c"], ["a", "b"], False, False),
        (TAGS, ["A"], ["a"], False, False),
        (TAGS, None, ["a"], False, False),
        (TAGS, "a", ["a"], True, True),
        (EMAILS, [{"value": "A@b", "type": "work", "display": "x"}], [{"value": "a@b"}], False, True),
        (EMAILS, [{"value": "a@b", "type": "work"}], [{"value": "a@b", "type": "home"}], False, False),
        (EMAILS, [{"value": "a@b"}], [{"value": "a@b", "primary": False}], True, True),
        (EMAILS, [{"value": "a@b"}], [{"value": "a@b", "primary": True}], False, False),
        (EMAILS, ["a@b"], [{"value": "a@b"}], False, False),
        (
            EMAILS,
            [{"value": "a", "type": "home"}, {"value": "a", "type": "work"}],
            [{"value": "a", "type": "work"}, {"value": "a", "type": "home"}],
            True,
            True,
        ),
    ],
)
def test_when_two_values_are_the_same(rule: TargetRule, there: Any, wanted: Any, of_sent: bool, of_read: bool) -> None:
    """A6, A11: letter case counts against what was sent, and against what a target shows where it is exact."""
    assert agree(there, wanted, rule, read=False) is of_sent
    assert agree(there, wanted, rule, read=True) is of_read


def test_a_moment_without_an_offset_is_taken_as_utc() -> None:
    assert coerced("2026-01-05T08:00:00", MOMENT) == datetime(2026, 1, 5, 8, tzinfo=UTC).isoformat().replace(
        "+00:00", "Z"
    )
