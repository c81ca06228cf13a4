"""A measured figure, and how the time of a short call is taken."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """What was measured, how much, in which unit, and what is aimed at, in words (empty: no aim)."""

    name: str
    value: float
    unit: str
    aim: str = ""


def microseconds(call: Callable[[], object], *, rounds: int = 5, round_seconds: float = 0.2) -> float:
    """The median over `rounds` of the mean duration of `call`, in µs, without garbage collection in between."""
    count = 1
    while _seconds(call, count) < round_seconds / 10:
        count *= 2
    count *= 10
    return statistics.median(_seconds(call, count) for _ in range(rounds)) / count * 1e6


def _seconds(call: Callable[[], object], count: int) -> float:
    was_on = gc.isenabled()
    gc.disable()
    try:
        begun = time.perf_counter()
        for _ in range(count):
            call()
        return time.perf_counter() - begun
    finally:
        if was_on:
            gc.enable()
