"""Comparisons of the mapping language: both sides are read alike, then compared (expressions.md §1, Comparison)."""

from __future__ import annotations

import operator
from collections.abc import Callable
from datetime import datetime
from typing import Any

from rollcall.provisioning.expression_dates import moment
from rollcall.provisioning.expression_values import Fault, Value, number, text

_ORDER: dict[str, Callable[[Any, Any], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}


def compare(sign: str, first: Value, second: Value) -> bool:
    """Whether `first sign second` holds; null is equal to nothing but null and has no order.

    Raises Fault for an order between a number and text that is none, and for lists of several values.
    """
    if sign == "=":
        return _are_equal(first, second)
    if sign == "<>":
        return not _are_equal(first, second)
    if first is None or second is None:
        return False
    first, second = _alike(first, second)
    return first is not None and second is not None and _ORDER[sign](first, second)


def _are_equal(first: Value, second: Value) -> bool:
    if first.__class__ is str and second.__class__ is str:
        return bool(first == second)
    if first is None or second is None:
        return first is second
    try:
        first, second = _alike(first, second)
    except Fault:
        if isinstance(first, list | tuple) or isinstance(second, list | tuple):
            raise
        return False  # "x" is not equal to the number 1
    return bool(first == second)


def _alike(first: Value, second: Value) -> tuple[Any, Any]:
    """Both sides read alike: as numbers if one is a number, as dates if one is a date, else as text."""
    if _is_number(first) or _is_number(second):
        return number(first), number(second)
    if isinstance(first, datetime) or isinstance(second, datetime):
        return moment(first), moment(second)
    return text(first) or "", text(second) or ""


def _is_number(value: Value) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
