"""The machine's ids."""

from __future__ import annotations

from rollcall.runtime import SystemRuntime


def test_ids_come_in_the_order_in_which_they_were_asked_for() -> None:
    runtime = SystemRuntime()

    made = [runtime.new_id() for _ in range(20_000)]

    assert made == sorted(made)
    assert len(set(made)) == len(made)
    assert {(each.version, each.variant) for each in made} == {(7, "specified in RFC 4122")}
