"""Mapping tests that people write are run, and what fails says what came instead."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rollcall.errors import Invalid
from rollcall.provisioning.expression_vectors import run_vector
from tests.unit.provisioning.expression_context import context


def test_all_published_vectors_pass_or_are_notes() -> None:
    vectors = json.loads((Path(__file__).parent / "data" / "expressions.json").read_bytes())
    outcomes = [run_vector(vector, context()).outcome for vector in vectors]
    assert (outcomes.count("passed"), outcomes.count("skipped"), outcomes.count("failed")) == (297, 20, 0)


@pytest.mark.parametrize(
    ("test", "message"),
    [
        ({"expression": "[a]", "source": {"a": "x"}, "expected": "y"}, "'x' came instead of 'y'"),
        ({"expression": "[a]", "expected": "y"}, "null came instead of 'y'"),
        ({"expression": "[a]", "source": {"a": "x"}, "expected": None}, "'x' came instead of null"),
        ({"expression": '"x"', "error": "any"}, "'x' came instead of an error"),
        ({"expression": '"x"', "ignored": True}, "'x' came instead of IgnoreAttributeFlow"),
        ({"expression": "IgnoreAttributeFlow", "ignored": "object"}, "IgnoreAttributeFlow came instead of"),
        ({"expression": "IgnoreAttributeFlow", "expected": None}, "IgnoreAttributeFlow came instead of null"),
        ({"expression": '"x"', "matches": "^y$"}, "'x' came instead of something like ^y$"),
        ({"expression": 'CDate("")', "expected": "x"}, "evaluation failed: CDate at character 1"),
        ({"expression": 'Redact("x")', "expected": "x", "log_value": "x"}, "the log shows '[Redact]'"),
        ({"expression": "Now()", "now": "2025-01-01", "expected": "x"}, "'1/1/2025 12:00:00 AM' came"),
    ],
)
def test_a_failing_mapping_test_says_what_came(test: dict[str, Any], message: str) -> None:
    verdict = run_vector(test, context())
    assert verdict.outcome == "failed"
    assert message in verdict.message


@pytest.mark.parametrize(
    "broken",
    [
        {},
        {"expression": 1, "expected": 1},
        {"expression": '"x"'},
        {"expression": '"x"', "expected": "x", "error": "x"},
        {"expression": '"x"', "source": [], "expected": "x"},
        {"expression": '"x"', "now": "soon", "expected": "x"},
        {"expression": '"x"', "matches": "("},
    ],
)
def test_what_is_no_mapping_test_is_refused(broken: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        run_vector(broken, context())
