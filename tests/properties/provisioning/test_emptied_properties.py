"""A source attribute that becomes empty is counted once for each object, however often and in whatever order it is looked at."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from rollcall.provisioning.guards import Emptied, filled
from rollcall.provisioning.model import AttributeMapping, Entry, Key, Link, MappingSource, ObjectMapping

MAPPING = ObjectMapping("User", (AttributeMapping("title", MappingSource("Attribute", "jobTitle")),))
LOOKS = st.lists(st.tuples(st.integers(0, 3), st.sampled_from((None, "", "Clerk", "Head"))), max_size=40)


@given(LOOKS)
def test_losses_are_the_steps_from_a_value_to_none(looks: Sequence[tuple[int, str | None]]) -> None:
    emptied = Emptied()
    links = {number: Link(Key("User", str(number)), state="linked", target_id="t") for number in range(4)}
    titles: dict[int, list[bool]] = {number: [] for number in range(4)}
    for number, title in looks:
        link = links[number]
        entry = Entry(link.key, "present", {"jobTitle": title}, assigned=True)
        now = filled(entry, MAPPING)
        emptied.take(entry, link, now)
        links[number] = Link(link.key, state="linked", target_id="t", filled=now)
        titles[number].append(bool(title))

    steps = [step for seen in titles.values() for step in pairwise(seen)]
    assert emptied.had["User", "jobTitle"] == sum(before for before, _ in steps)
    assert emptied.lost["User", "jobTitle"] == steps.count((True, False))
