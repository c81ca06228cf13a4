"""Names that are taken: reported with their holder, exchanged among their owners, given to one of two (rules M5, M9, M10)."""

from __future__ import annotations

from typing import Any, cast

import pytest

from rollcall.provisioning.conflicts import Holder, Wish, conflict_reason, rings
from rollcall.provisioning.connectors.contract import Found, Outcome, Unanswered
from rollcall.provisioning.connectors.fake import FakeTarget
from rollcall.provisioning.ledger_contract import Commit
from rollcall.provisioning.ledger_memory import MemoryLedger
from rollcall.provisioning.model import Entry, JobSettings, Key, Link, Values
from tests.unit.provisioning.builders import ADA, BOB, RED, entry
from tests.unit.provisioning.one_job import Job

CEM, DEA = Key("User", "cem"), Key("User", "dea")


def named(key: Key, name: str, **more: Any) -> Entry:
    """A user with another's name."""
    return entry(key, userPrincipalName=f"{name}@example.org", externalId=key.id, **more)


async def job_of(*keys: Key, **more: Any) -> Job:
    """A job whose people are provisioned under their own names."""
    job = Job(**more)
    for key in keys:
        job.source.put(named(key, key.id))
    await job.cycle()
    return job


def names(job: Job) -> dict[str, str]:
    """The name of each linked account, by the id of its owner in the source."""
    users = job.target.resources["User"]
    return {
        key.id: users[str(link.target_id)]["userName"].partition("@")[0]
        for key, link in sorted(job.ledger.links.items())
        if key.kind == "User" and link.target_id in users
    }


@pytest.mark.parametrize("ring", [(ADA, BOB), (ADA, BOB, CEM), (DEA, BOB, CEM, ADA)])
async def test_people_who_exchange_names_have_them_after_one_cycle(ring: tuple[Key, ...]) -> None:
    """Two or more linked accounts that wait for each other's unique names."""
    job = await job_of(*ring)
    ids = {key: job.ledger.links[key].target_id for key in ring}
    wanted = dict(zip(ring, [*ring[1:], ring[0]], strict=True))
    for key, other in wanted.items():
        job.source.put(named(key, other.id))

    await job.cycle()

    assert names(job) == {key.id: other.id for key, other in wanted.items()}
    assert {key: job.ledger.links[key].target_id for key in ring} == ids
    assert all(link.escrow is None and link.state == "linked" for link in job.ledger.links.values())
    assert await nothing_left(job)


async def nothing_left(job: Job) -> bool:
    """Whether the next cycle sends nothing."""
    await job.cycle()
    return not job.target.requests


async def test_the_log_says_why_somebody_has_a_name_for_the_meantime() -> None:
    job = await job_of(ADA, BOB)
    job.source.put(named(ADA, "bob"))
    job.source.put(named(BOB, "ada"))

    await job.cycle()

    (record,) = [record for record in job.ledger.log if "names are exchanged" in record.reason]
    assert (record.key, record.status) == (ADA, "success")
    ((path, old, new),) = record.modified
    assert (path, old) == ("userName", "ada@example.org")
    assert new.startswith("swap-")
    assert new.endswith("-bob@example.org")


async def test_a_leaver_takes_part_in_an_exchange_and_is_locked_out() -> None:
    job = await job_of(ADA, BOB)
    job.source.put(named(ADA, "bob", assigned=False))
    job.source.put(named(BOB, "ada"))

    await job.cycle()
    await later(job)

    assert names(job) == {"ada": "bob", "bob": "ada"}
    assert [user["active"] for user in job.target.resources["User"].values()] == [False, True]


async def later(job: Job, cycles: int = 3) -> None:
    """A few cycles, hours apart."""
    for _ in range(cycles):
        await job.runtime.sleep(7 * 3600)
        await job.cycle()


async def test_names_are_passed_down_a_row_without_a_name_for_the_meantime() -> None:
    job = await job_of(ADA, BOB, CEM)
    for key, name in ((ADA, "bob"), (BOB, "cem"), (CEM, "new")):
        job.source.put(named(key, name))

    await job.cycle()
    await later(job)

    assert names(job) == {"ada": "bob", "bob": "cem", "cem": "new"}
    assert not any("exchanged" in record.reason for record in job.ledger.log)


async def test_nobody_gets_a_name_for_the_meantime_while_a_stranger_blocks_the_exchange() -> None:
    """Of three, one waits for an account that nobody is linked to: all keep what they have."""
    job = await job_of(ADA, BOB)
    stranger = job.target.make_by_hand("User", {"userName": "new@example.org"})
    job.source.put(named(ADA, "bob"))
    job.source.put(named(BOB, "new"))

    await job.cycle()

    assert names(job) == {"ada": "ada", "bob": "bob"}
    failure = [record for record in job.ledger.log if record.key == BOB][-1]
    assert failure.code == "EntryConflict"
    assert (
        f'userName "new@example.org" belongs to object {stranger} in the target, which is linked to nobody'
        in failure.reason
    )


class Dies(MemoryLedger):
    """A ledger whose process dies at the so-many-th write."""

    writes, dies_at = 0, -1

    def _write(self) -> None:
        self.writes += 1
        if self.writes == self.dies_at:
            raise CycleDiedError

    async def intend(self, links: Any, lost: Any) -> None:
        await super().intend(links, lost)
        self._write()

    async def commit(self, commit: Commit) -> None:
        self._write()
        await super().commit(commit)
        self._write()


class CycleDiedError(Exception):
    """The process was killed at this moment."""


async def test_an_exchange_that_dies_at_any_moment_ends_well() -> None:
    survived = died = 0
    while not survived:
        job = Job()
        job.ledger = ledger = Dies()
        for key in (ADA, BOB):
            job.source.put(named(key, key.id))
        await job.cycle()
        job.source.put(named(ADA, "bob"))
        job.source.put(named(BOB, "ada"))
        ledger.dies_at = ledger.writes + died + 1
        try:
            await job.cycle()
            survived += 1
        except CycleDiedError:
            died += 1
        ledger.dies_at = -1

        await later(job)

        assert names(job) == {"ada": "bob", "bob": "ada"}, f"died at write {died}"
        assert await nothing_left(job)
    assert died > 10


@pytest.mark.parametrize("after", range(4))
async def test_an_exchange_without_answers_ends_well(after: int) -> None:
    job = await job_of(ADA, BOB)
    job.source.put(named(ADA, "bob"))
    job.source.put(named(BOB, "ada"))
    job.answers["after update"] = [None] * after + [Unanswered("Timeout", "No answer.")]

    await job.cycle()
    await later(job)

    assert names(job) == {"ada": "bob", "bob": "ada"}


async def test_an_update_that_is_refused_names_the_holder_and_its_owner() -> None:
    """EntryConflict with the target id and the source object."""
    job = await job_of(ADA, BOB)
    job.source.put(named(ADA, "bob"))

    await job.cycle()

    failure = job.ledger.log[-1]
    holder = job.ledger.links[BOB].target_id
    assert failure.code == "EntryConflict"
    assert (
        f'userName "bob@example.org" belongs to object {holder} in the target, which is User bob@example.org (bob)'
        in failure.reason
    )


class UniqueExternalIds(FakeTarget):
    """A target that wants externalId to be unique as well."""

    def _taken(self, kind: str, resource: Any, own_id: str | None) -> bool:
        wanted = resource.get("externalId")
        rows = self.resources[kind].values()
        taken = any(row["id"] != own_id and wanted and row.get("externalId") == wanted for row in rows)
        return taken or super()._taken(kind, resource, own_id)


async def test_a_creation_that_is_refused_for_another_unique_value_names_who_has_it() -> None:
    """Created, answered 409, matched again in vain: the object in the way is named."""
    job = Job()
    job.target = UniqueExternalIds()
    stranger = job.target.make_by_hand("User", {"userName": "old@example.org", "externalId": "7"})
    job.source.put(entry(ADA, mailNickname="7"))

    await job.cycle()

    failure = job.ledger.log[-1]
    assert failure.code == "EntryConflict"
    assert f'externalId "7" belongs to object {stranger}' in failure.reason
    assert len(job.target.resources["User"]) == 1


class AppearsLate(FakeTarget):
    """A target that shows a resource to nobody before the first creation was refused."""

    refused = False

    async def find(self, kind: str, attribute: str, value: Any) -> Any:
        return await super().find(kind, attribute, value) if self.refused else Found([], 0)

    async def create(self, kind: str, values: Values) -> Outcome:
        self.refused = True
        return await super().create(kind, values)


async def test_a_creation_that_is_refused_is_matched_again_and_adopts() -> None:
    """Created, answered 409: matched again, fresh, by every key; unambiguous and nobody's, so adopted at once."""
    job = Job()
    job.target = AppearsLate()
    there = job.target.make_by_hand("User", {"userName": "ada@example.org"})
    job.source.put(entry(ADA, givenName="Ada"))

    await job.cycle()

    assert job.ledger.links[ADA].target_id == there
    assert job.account("ada")["name"]["givenName"] == "Ada"


class Careless(FakeTarget):
    """A target in which nothing is unique."""

    def _taken(self, kind: str, resource: Any, own_id: str | None) -> bool:
        return False


TWINS = {
    "User": (entry(ADA, userPrincipalName="twin@example.org"), entry(BOB, userPrincipalName="TWIN@example.org")),
    "Group": (entry(RED, displayName="Twins"), entry(Key("Group", "rose"), displayName="twins")),
}


@pytest.mark.parametrize("target", [FakeTarget, Careless])
@pytest.mark.parametrize("page_size", [1, 50])
@pytest.mark.parametrize("kind", TWINS)
async def test_of_two_new_ones_of_a_name_the_first_is_made_and_the_second_reported(
    kind: str, page_size: int, target: type[FakeTarget]
) -> None:
    """M5, M10: DuplicateSourceEntries, in one page and across pages, whatever the target allows; never alternating."""
    job = Job(JobSettings(page_size=page_size))
    job.target = target()
    first, second = TWINS[kind]
    job.source.put(first)
    job.source.put(second)

    for _ in range(3):
        await job.cycle()
        await job.runtime.sleep(7 * 3600)

    assert len(job.target.resources[kind]) == 1
    assert job.ledger.links[first.key].state == "linked"
    link = job.ledger.links[second.key]
    assert (link.state, link.escrow and link.escrow.code) == ("absent", "DuplicateSourceEntries")
    assert link.escrow is not None
    assert all(f" ({each.key.id})" in link.escrow.reason for each in (first, second)), "ids, with names beside them"


@pytest.mark.parametrize("target", [FakeTarget, Careless])
async def test_of_many_matched_by_a_listing_the_second_of_a_name_is_reported_too(target: type[FakeTarget]) -> None:
    """M5: a listing knows what the cycle itself has made since."""
    job = Job(JobSettings(page_size=12))
    job.target = target()
    for number in range(24):
        of = entry(Key("User", f"{number:02}"), userPrincipalName=f"{number % 12}@example.org")
        job.source.put(of)

    result = await job.cycle()

    assert ("list", "User") in job.target.requests
    assert (result.counts.created, len(job.target.resources["User"])) == (12, 12)
    codes = [link.escrow.code for link in job.ledger.links.values() if link.escrow]
    assert codes == ["DuplicateSourceEntries"] * 12


async def test_the_second_of_a_name_is_made_when_the_first_gives_it_up() -> None:
    job = Job()
    first, second = TWINS["User"]
    job.source.put(first)
    job.source.put(second)
    await job.cycle()
    job.source.put(entry(ADA))
    await later(job)

    assert names(job) == {"ada": "ada", "bob": "TWIN"}


def wish(*held: tuple[str, Key | None], changing: tuple[str, ...] = ("userName",)) -> Wish:
    """A wish for values that others hold."""
    return Wish(tuple(Holder(attribute, "x", "t", owner) for attribute, owner in held), frozenset(changing))


@pytest.mark.parametrize(
    ("wishes", "expected"),
    [
        ({ADA: wish(("userName", BOB)), BOB: wish(("userName", ADA))}, [[ADA, BOB]]),
        ({ADA: wish(("userName", BOB)), BOB: wish()}, []),
        ({ADA: wish(("userName", BOB)), BOB: wish(("userName", ADA), ("externalId", None))}, []),
        ({ADA: wish(("userName", BOB)), BOB: wish(("userName", ADA), changing=("externalId",))}, []),
        ({ADA: wish(("userName", BOB)), BOB: wish(("userName", CEM))}, []),
        (
            {ADA: wish(("userName", CEM)), BOB: wish(("userName", CEM)), CEM: wish(("userName", BOB))},
            [[BOB, CEM]],
        ),
        (
            {
                ADA: wish(("userName", BOB)),
                BOB: wish(("userName", ADA)),
                CEM: wish(("userName", DEA)),
                DEA: wish(("userName", CEM)),
            },
            [[ADA, BOB], [CEM, DEA]],
        ),
    ],
)
def test_only_rings_that_nobody_outside_blocks_are_broken(wishes: dict[Key, Wish], expected: list[list[Key]]) -> None:
    assert rings(wishes) == expected


def test_a_reason_without_holders_is_the_targets_own() -> None:
    assert conflict_reason("Taken.", ()) == "Taken."


async def test_a_vanished_object_is_made_again_or_matched_without_a_restart() -> None:
    """M9: better than InvalidAnchor until a restart."""
    job = await job_of(ADA, BOB)
    gone = cast("str", job.ledger.links[ADA].target_id)
    job.target.delete_by_hand("User", gone)
    job.target.delete_by_hand("User", cast("str", job.ledger.links[BOB].target_id))
    by_hand = job.target.make_by_hand("User", {"userName": "bob@example.org"})
    job.source.put(named(ADA, "ada", givenName="Lou"))
    job.source.put(named(BOB, "bob", givenName="Lou"))

    await job.cycle()

    links: dict[Key, Link] = job.ledger.links
    assert links[BOB].target_id == by_hand
    assert links[ADA].target_id not in (None, gone)
    assert {user["name"]["givenName"] for user in job.target.resources["User"].values()} == {"Lou"}
