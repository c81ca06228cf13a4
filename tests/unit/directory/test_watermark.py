"""Watermarks go through JSON unharmed, and tell when they are too old."""

from __future__ import annotations

import orjson
import pytest

from rollcall.directory.watermark import (
    Expansion,
    FullRead,
    Mark,
    Pruned,
    Reading,
    Snapshot,
    from_json,
    is_stale,
    to_json,
)

_SINCE = Snapshot(10, 20, (10, 15))


@pytest.mark.parametrize(
    "mark",
    [
        FullRead(_SINCE, 7),
        FullRead(_SINCE, 7, "ties", ("a", "b")),
        Reading(_SINCE),
        Reading(_SINCE, Snapshot(30, 31), (25, 2**40)),
        Reading(_SINCE, Snapshot(30, 31, (30,)), (25, 3), Expansion("g", "m")),
        Reading(_SINCE, Snapshot(30, 31, (30,)), (25, 3), Expansion("g")),
        Reading(_SINCE, Snapshot(30, 31, (30,)), (25, 3), Expansion("g", "m", "n", "a")),
        Reading(_SINCE, Snapshot(30, 31, (30,)), (25, 3), Expansion("g", above="a")),
    ],
)
def test_a_watermark_comes_back_as_it_went(mark: Mark) -> None:
    assert from_json(orjson.loads(orjson.dumps(to_json(mark, "log"))), "log") == mark


def test_a_watermark_that_an_earlier_version_wrote_is_read() -> None:
    earlier = to_json(Reading(_SINCE, Snapshot(30, 31), (25, 3)), "log") | {"expansion": ["g", "m"]}

    assert from_json(earlier, "log") == Reading(_SINCE, Snapshot(30, 31), (25, 3), Expansion("g", "m"))


@pytest.mark.parametrize("change", [{"log": "other"}, {"since": None}, {"since": [1]}, {"phase": []}, {"at": [1]}])
def test_what_is_no_watermark_of_this_log_is_none(change: dict[str, object]) -> None:
    assert from_json(to_json(Reading(_SINCE), "log") | change, "log") is None


@pytest.mark.parametrize(
    ("pruned", "stale"),
    [
        (None, False),
        (Pruned(9, 25), False),  # all the reader had seen
        (Pruned(12, 25), True),  # 10 was still running when the reader looked, and may have been pruned since
        (Pruned(20, 25), True),
        (Pruned(19, 19), False),  # pruned before the reader began
        (Pruned(12, 15), True),  # pruned while the reader began
    ],
)
def test_a_watermark_is_too_old_when_something_unseen_may_be_pruned(pruned: Pruned | None, stale: bool) -> None:
    assert is_stale(Reading(_SINCE), Snapshot(40, 40), pruned) is stale


def test_a_watermark_from_the_future_of_a_restored_database_is_too_old() -> None:
    assert is_stale(Reading(_SINCE), Snapshot(19, 19), None)
