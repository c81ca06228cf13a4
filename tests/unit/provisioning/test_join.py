"""Many unlinked objects are matched by one listing, few by look-ups: both come to the same (rules M1, M3, M5, M8)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from rollcall.provisioning.connectors.capabilities import Capabilities
from rollcall.provisioning.connectors.fake import FakeTarget
from rollcall.provisioning.mapping import compile_mapping
from rollcall.provisioning.model import Entry, Key, ObjectMapping
from tests.unit.provisioning.builders import computed, direct, entry
from tests.unit.provisioning.one_job import Job

WORK = 'emails[type eq "work"].value'
MAPPING = compile_mapping(
    ObjectMapping(
        "User",
        (
            computed('Append([nick], "@example.org")', "userName", matching_priority=1),
            direct("number", "externalId", 2),
            direct("mail", WORK, 3),
            direct("givenName", "name.givenName"),
        ),
    )
)
NICKS = st.sampled_from(["ada", "ADA", "bob", "Bob", "straße", "STRASSE", "o'neil", 'q"uote', "back\\slash", "É", "é"])
NUMBERS = st.sampled_from(["n1", "N1", "n2", "n3", None])
MAILS = st.sampled_from(["a@x", "A@x", "b@x", "c@x", None])


class Anything(FakeTarget):
    """A target in which nothing has to be unique."""

    def _taken(self, kind: str, resource: Any, own_id: str | None) -> bool:
        return False


PEOPLE = st.lists(st.tuples(NICKS, NUMBERS, MAILS), min_size=10, max_size=14)
ACCOUNTS = st.lists(st.tuples(NICKS, NUMBERS, st.lists(MAILS, max_size=2)), max_size=9)


def _account(nick: str, number: str | None, mails: Sequence[str | None]) -> dict[str, Any]:
    values: dict[str, Any] = {"userName": f"{nick}@example.org", "active": True}
    if number is not None:
        values["externalId"] = number
    values["emails"] = [{"type": "work", "value": mail} for mail in mails if mail is not None]
    return values


def _person(place: int, nick: str, number: str | None, mail: str | None) -> Entry:
    of = entry(Key("User", f"{place:02}"), nick=nick, givenName="New")
    return Entry(of.key, "present", {**of.attributes, "number": number, "mail": mail}, assigned=True)


async def joined(people: Sequence[Any], accounts: Sequence[Any], *, listing: bool) -> tuple[Any, ...]:
    """Links, problems and accounts after one cycle, and whether the target was listed."""
    job = Job(mappings={"User": MAPPING})
    job.target = Anything(capabilities=Capabilities(listing=listing))
    for account in accounts:
        job.target.make_by_hand("User", _account(*account))
    for place, person in enumerate(people):
        job.source.put(_person(place, *person))
    await job.cycle()
    links = {
        key.id: (link.state, link.target_id, link.escrow and link.escrow.code)
        for key, link in sorted(job.ledger.links.items())
    }
    return links, job.target.resources["User"], ("list", "User") in job.target.requests


@settings(max_examples=150, deadline=None, derandomize=True)
@given(PEOPLE, ACCOUNTS)
def test_a_listing_and_look_ups_give_the_same_links(people: list[Any], accounts: list[Any]) -> None:
    """M1, M3, M5: with duplicates on both sides, letter case, several matching attributes and several hits."""
    by_listing = asyncio.run(joined(people, accounts, listing=True))
    by_look_ups = asyncio.run(joined(people, accounts, listing=False))

    assert by_listing[2]
    assert not by_look_ups[2]
    assert by_listing[:2] == by_look_ups[:2]
