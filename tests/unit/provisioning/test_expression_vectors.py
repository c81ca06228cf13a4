"""Every vector of the expression language gives what it says."""

from __future__ import annotations

import json
import re
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from rollcall.provisioning.expression import (
    IGNORE_ATTRIBUTE,
    IGNORE_OBJECT,
    ExpressionError,
    Value,
    check,
    compile_expression,
    errors,
    log_form,
    parse,
    plain,
    print_expression,
    text_form,
)
from tests.unit.provisioning.expression_context import NOON, context

VECTORS: list[dict[str, Any]] = json.loads((Path(__file__).parent / "data" / "expressions.json").read_bytes())


def vectors(*keys: str) -> list[Any]:
    return [
        pytest.param(vector, id=f"{at + 1}-{vector['function']}")
        for at, vector in enumerate(VECTORS)
        if any(key in vector for key in keys)
    ]


def evaluate(vector: dict[str, Any]) -> Value:
    surroundings = context(
        now=datetime.fromisoformat(vector["now"]) if "now" in vector else NOON,
        default_domain=vector.get("default_domain"),
        taken=vector.get("target_existing", ()),
    )
    return compile_expression(vector["expression"]).evaluate(vector["source"], surroundings)


def comparable(value: Value) -> Value:
    """Values compare by text form, lists element by element; null and complex values as they are."""
    if isinstance(value, list):
        return [comparable(element) for element in value]
    return value if value is None or isinstance(value, dict) else text_form(value)


def test_all_vectors_are_there_and_each_says_one_result() -> None:
    kinds = ("expected", "matches", "ignored", "error", "unsupported", "inconsistent")
    assert len(VECTORS) == 317
    assert all(sum(kind in vector for kind in kinds) == 1 for vector in VECTORS)


@pytest.mark.parametrize("vector", vectors("expected"))
def test_a_vector_gives_the_expected_value(vector: dict[str, Any]) -> None:
    assert comparable(plain(evaluate(vector))) == comparable(vector["expected"])


@pytest.mark.parametrize("vector", vectors("matches"))
def test_a_vector_with_chance_gives_a_value_of_the_expected_form(vector: dict[str, Any]) -> None:
    assert re.search(vector["matches"], text_form(evaluate(vector)))


@pytest.mark.parametrize("vector", vectors("ignored"))
def test_a_vector_drops_attribute_or_object(vector: dict[str, Any]) -> None:
    assert evaluate(vector) is (IGNORE_OBJECT if vector["ignored"] == "object" else IGNORE_ATTRIBUTE)


@pytest.mark.parametrize("vector", vectors("error"))
def test_a_vector_fails_with_position_and_remedy(vector: dict[str, Any]) -> None:
    with pytest.raises(ExpressionError) as caught:
        evaluate(vector)
    assert caught.value.position >= 1
    assert caught.value.reason
    assert caught.value.remedy


@pytest.mark.parametrize("vector", vectors("log_value"))
def test_a_vector_shows_in_the_log_what_it_says(vector: dict[str, Any]) -> None:
    assert log_form(evaluate(vector)) == vector["log_value"]


@pytest.mark.parametrize("vector", vectors("unsupported"))
def test_a_form_that_entra_does_not_support_gives_a_sensible_value(vector: dict[str, Any]) -> None:
    value = text_form(evaluate(vector))
    assert value == vector.get("documented_output", value)


@pytest.mark.parametrize("vector", vectors("expected", "matches", "ignored", "unsupported", "inconsistent"))
def test_the_checker_has_no_objection_to_an_expression_of_the_guides(vector: dict[str, Any]) -> None:
    assert errors(check(vector["expression"])) == []


@pytest.mark.parametrize("vector", [v for v in vectors("expression") if v.values[0].get("error") != "syntax"])
def test_printing_and_parsing_gives_the_same_tree(vector: dict[str, Any]) -> None:
    tree = parse(vector["expression"])
    assert parse(print_expression(tree)) == tree
