"""Removals are counted before the first of them is sent, and go together or not at all (rules P1-P5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from rollcall.provisioning.connectors.contract import Refused, SourcePage
from rollcall.provisioning.connectors.fake import FakeSource
from rollcall.provisioning.cycle import run_cycle, run_for
from rollcall.provisioning.dry_run import plan_cycle
from rollcall.provisioning.ledger_contract import Commit
from rollcall.provisioning.model import Entry, JobSettings, Key
from tests.unit.provisioning.one_job import Job

RED = Key("Group", "red")
FREE = JobSettings(deletion_threshold=None, deletion_percent=None, deletions_per_day=None, source_anomaly_check=False)
THREE = replace(FREE, deletion_threshold=3)


def person(number: int, *, assigned: bool = True, **attributes: object) -> Entry:
    """One of the people."""
    named = {"userPrincipalName": f"u{number:02}@example.org", "givenName": "Ada", "department": "Sales", **attributes}
    return Entry(Key("User", f"{number:02}"), "present", named, assigned=assigned)


async def provisioned(people: int, settings: JobSettings) -> Job:
    """A job with so many people in its target."""
    job = Job(settings)
    for number in range(people):
        job.source.put(person(number))
    await job.cycle()
    return job


def leave(job: Job, numbers: Sequence[int]) -> None:
    """These people are not assigned any more."""
    for number in numbers:
        job.source.put(person(number, assigned=False))


def active(job: Job) -> int:
    """How many accounts are usable."""
    return sum(user["active"] is True for user in job.target.resources["User"].values())


def staged(job: Job) -> dict[str, str]:
    """How far the guards are with each removal."""
    return {key.id: link.staged for key, link in job.ledger.links.items() if link.staged}


@pytest.mark.parametrize("page_size", [1, 2, 50])
@pytest.mark.parametrize(("leaving", "sent"), [(2, 2), (3, 0), (4, 0)])
async def test_reaching_the_threshold_sends_nothing_of_the_counted_work(
    page_size: int, leaving: int, sent: int
) -> None:
    """P2, P3: however the cycle is divided into pages."""
    job = await provisioned(8, replace(THREE, page_size=page_size))
    leave(job, range(leaving))
    job.source.put(person(9))

    result = await job.cycle()

    assert active(job) == 9 - sent
    assert (result.held, result.counts.withheld) == (sent == 0, leaving - sent)
    assert (result.held_by, "threshold is 3" in result.held_because) == (
        ("deletion_threshold", True) if not sent else (None, False)
    )
    told = [record for record in job.ledger.log if record.code == "TooManyDeletes"]
    assert [record.action for record in told] == ["stagedAction"] * (leaving - sent)


async def test_what_vanished_while_everything_was_read_counts_with_who_was_seen_to_leave() -> None:
    """P2: the sweep belongs to the cycle."""
    job = await provisioned(8, replace(THREE, page_size=2))
    leave(job, [0, 1])
    del job.source.entries[Key("User", "07")]
    await job.restart()

    result = await job.cycle()

    assert (result.counts.withheld, active(job)) == (3, 8)


async def test_who_leaves_in_a_small_cycle_goes_before_anything_else_is_written() -> None:
    job = await provisioned(3, THREE)
    job.source.put(person(9))
    leave(job, [2])

    await job.cycle()

    assert [request for request in job.target.requests if request[0] in ("create", "update")] == [
        ("update", "User"),
        ("create", "User"),
    ]


class BrokenSource(FakeSource):
    """A source whose reading fails at the third page."""

    pages = 0

    async def changes(self, watermark: dict[str, object] | None, limit: int) -> SourcePage:
        self.pages += 1
        if self.pages == 3:
            raise ConnectionError("The directory is gone.")
        return await super().changes(watermark, limit)


async def test_while_the_source_can_not_be_read_to_its_end_nothing_is_removed_and_nothing_is_forgotten() -> None:
    job = await provisioned(8, replace(THREE, page_size=1))
    leave(job, range(4))
    broken = BrokenSource()
    broken.entries, broken.changed = job.source.entries, job.source.changed
    with pytest.raises(ConnectionError):
        await run_cycle(replace(job.road(), source=broken))
    assert (active(job), staged(job)) == (8, {"00": "counting", "01": "counting"})

    result = await job.cycle()

    assert (active(job), result.counts.withheld) == (8, 4), "what was read before the failure is counted, too"


async def test_a_crash_between_the_verdict_and_its_telling_loses_neither() -> None:
    """P3."""
    job = await provisioned(8, replace(THREE, page_size=2))
    leave(job, range(4))
    road = job.road()
    dies = job.ledger.commit

    async def commit(commit: Commit) -> None:
        if any(link.staged == "held" for link in commit.links):
            raise SystemError
        await dies(commit)

    job.ledger.commit = commit  # type: ignore[method-assign]
    with pytest.raises(SystemError):
        await run_cycle(road)
    job.ledger.commit = dies  # type: ignore[method-assign]

    result = await job.cycle()

    assert (active(job), set(staged(job).values())) == (8, {"held"})
    assert result.counts.withheld == 4
    assert len(job.ledger.lots) == 1


async def test_what_was_allowed_goes_and_what_was_staged_later_does_not() -> None:
    """P4."""
    job = await provisioned(12, THREE)
    leave(job, range(4))
    await job.cycle()
    job.ledger.allow()
    job.source.put(person(0))  # came back meanwhile
    leave(job, [4, 5, 6])

    result = await job.cycle()

    inactive = {user["userName"] for user in job.target.resources["User"].values() if user["active"] is False}
    assert inactive == {"u01@example.org", "u02@example.org", "u03@example.org"}
    assert result.counts.withheld == 3


async def test_leave_lasts_until_the_removal_has_come_about() -> None:
    """P4: a target that refuses does not bring the guard back."""
    job = await provisioned(8, THREE)
    leave(job, range(4))
    await job.cycle()
    job.ledger.allow()
    job.answers["before update"] = [Refused("InternalServerError", "Later.", 500) for _ in range(4)]
    await job.cycle()
    assert active(job) in (4, 8)
    await job.runtime.sleep(86_400)

    await job.cycle()

    assert (active(job), staged(job)) == (4, {})


async def test_what_was_rejected_stays_as_it_is_until_the_source_tells_of_it_again() -> None:
    """P4."""
    job = await provisioned(8, THREE)
    leave(job, range(4))
    await job.cycle()
    job.ledger.release(due=False)
    assert (await job.cycle()).counts.withheld == 0
    assert active(job) == 8

    leave(job, [0])
    await job.cycle()

    assert active(job) == 7


async def test_what_is_held_back_stays_so_when_the_source_tells_of_it_again() -> None:
    """P3: one by one they would slip through."""
    job = await provisioned(8, THREE)
    leave(job, range(4))
    await job.cycle()

    leave(job, [0])
    result = await job.cycle()

    assert (active(job), result.held, staged(job)["00"]) == (8, False, "held")


async def test_reading_everything_anew_judges_anew() -> None:
    """P4: restarting before the repair does not let the deletes through."""
    job = await provisioned(8, THREE)
    leave(job, range(4))
    await job.cycle()
    job.source.put(person(0))
    job.ledger.release(due=True)
    await job.restart()

    assert (await job.cycle()).counts.withheld == 3
    job.source.put(person(1))
    await job.cycle()
    job.ledger.release(due=True)
    await job.restart()
    assert (await job.cycle()).counts.withheld == 0
    assert active(job) == 6


@pytest.mark.parametrize(
    ("people", "leaving", "held"), [(3, 1, False), (12, 9, False), (12, 10, True), (60, 14, False), (60, 15, True)]
)
async def test_too_large_a_share_is_held_back_and_the_odd_leaver_of_a_small_company_is_not(
    people: int, leaving: int, held: bool
) -> None:
    job = await provisioned(people, replace(FREE, deletion_percent=25))
    leave(job, range(leaving))

    result = await job.cycle()

    assert (result.held_by == "deletion_percent", active(job)) == (held, people if held else people - leaving)
    assert not held or f"of {people} linked objects" in result.held_because


async def test_small_cycles_add_up_over_a_day_and_not_beyond() -> None:
    """P5: Entra's is not cumulative; this is."""
    job = await provisioned(12, replace(FREE, deletions_per_day=4))
    sent = []
    for number in range(5):
        leave(job, [number])
        sent.append(not (await job.cycle()).held)
    await job.runtime.sleep(26 * 3600)
    leave(job, [6])
    sent.append(not (await job.cycle()).held)

    assert sent == [True, True, True, False, False, True]


async def test_what_was_allowed_and_what_the_target_refused_do_not_count_for_the_day() -> None:
    job = await provisioned(12, replace(FREE, deletions_per_day=4))
    leave(job, range(4))
    await job.cycle()
    job.ledger.allow()
    await job.cycle()
    assert active(job) == 8
    job.answers["before update"] = [Refused("InsufficientRights", "No.", 403) for _ in range(3)]
    leave(job, [5, 6, 7])
    await job.cycle()

    assert await job.ledger.count_removals(job.runtime.now()) == 0


async def test_when_most_people_lose_an_attribute_nobody_is_removed_and_the_reason_names_it() -> None:
    job = await provisioned(30, replace(FREE, source_anomaly_check=True, page_size=7))
    for number in range(25):
        job.source.put(person(number, givenName=None, assigned=number > 5))
    job.source.put(person(29, assigned=False))
    planned = await plan_cycle(job.road())
    result = await job.cycle()

    assert (result.held_by, active(job)) == ("source_anomaly", 30)
    assert "givenName is empty now for 25 of 26 users" in result.held_because
    assert (len(planned.withheld), planned.held_because) == (7, result.held_because)


ANOMALY = replace(FREE, source_anomaly_check=True, page_size=7)


def lose_names(job: Job, *, leaving: int = 3, phone: str | None = None) -> None:
    """Everybody has no name any more, and the first so many leave."""
    for number in range(30):
        job.source.put(person(number, givenName=None, mobile=phone, assigned=number >= leaving))


async def test_what_was_lost_long_ago_is_not_lost_again_whenever_those_people_change() -> None:
    job = await provisioned(30, ANOMALY)
    lose_names(job, leaving=0)
    assert not (await job.cycle()).held, "nobody was to be removed"

    lose_names(job, leaving=3, phone="+1 555 0100")
    result = await job.cycle()

    assert (result.held_because, active(job)) == ("", 27)


async def test_after_an_allow_the_same_loss_holds_nothing_back_any_more() -> None:
    """P4."""
    job = await provisioned(30, ANOMALY)
    lose_names(job)
    assert (await job.cycle()).held
    job.ledger.allow()
    await job.cycle()
    assert active(job) == 27

    lose_names(job, leaving=5, phone="+1 555 0100")
    result = await job.cycle()

    assert (result.held_because, active(job)) == ("", 25)


async def test_somebody_looked_at_often_in_one_cycle_has_lost_an_attribute_once() -> None:
    job = await provisioned(12, ANOMALY)
    for phone in ("+1 555 0100", "+1 555 0101"):  # so each of them comes twice, in different pages
        for number in range(12):
            job.source.put(person(number, givenName=None, mobile=phone, assigned=number > 3))

    result = await job.cycle()

    assert (result.counts.imported, result.held_because, active(job)) == (28, "", 8)


async def test_a_value_that_stands_in_for_an_empty_attribute_is_no_loss() -> None:
    job = await provisioned(0, ANOMALY)
    for number in range(30):
        job.source.put(person(number, givenName=None))
    await job.cycle()
    for key, link in job.ledger.links.items():  # as a mapping's default makes it
        job.ledger.links[key] = replace(link, sent={**link.sent, "name.givenName": "Unknown"})
    leave(job, range(25))

    assert "givenName" not in (await job.cycle()).held_because


@pytest.mark.parametrize("settle", ["reject", "restart"])
async def test_what_was_rejected_or_begins_anew_is_judged_with_the_same_evidence(settle: str) -> None:
    """P4."""
    job = await provisioned(30, ANOMALY)
    for number in range(30):
        job.source.put(person(number, givenName=None, assigned=number >= 25))
    assert (await job.cycle()).held
    if settle == "reject":
        job.ledger.release(due=False)
    await job.restart()

    result = await job.cycle()

    assert (result.held_by, active(job)) == ("source_anomaly", 30)
    assert "givenName is empty now for 25 of 25 users" in result.held_because


async def test_more_than_half_of_everybody_gone_in_one_incremental_cycle_looks_like_a_broken_source() -> None:
    job = await provisioned(30, replace(FREE, source_anomaly_check=True, page_size=4))
    for number in range(20):
        job.source.purge(Key("User", f"{number:02}"))

    result = await job.cycle()

    assert (result.held_by, active(job)) == ("source_anomaly", 30)
    assert "20 removals are due in this cycle, over half of the 30 linked objects" in result.held_because


async def team(settings: JobSettings, people: int) -> Job:
    """A group with so many members."""
    job = Job(settings)
    job.source.put(Entry(RED, "present", {"displayName": "Red", "objectId": "red"}, assigned=True))
    for number in range(people):
        job.source.put(person(number))
        job.source.join("red", Key("User", f"{number:02}"))
    await job.cycle()
    return job


async def test_a_group_emptied_by_accident_keeps_its_members_and_new_ones_come_in() -> None:
    job = await team(replace(FREE, membership_removal_threshold=3), 5)
    for number in range(3):
        job.source.leave("red", Key("User", f"{number:02}"))
    job.source.put(person(9))
    job.source.join("red", Key("User", "09"))

    result = await job.cycle()

    assert job.members() == {"u00", "u01", "u02", "u03", "u04", "u09"}
    assert result.held_by == "membership_removal_threshold"
    assert "3 memberships would be removed" in result.held_because
    (told,) = [record for record in job.ledger.log if record.code == "TooManyDeletes"]
    assert (told.key, "3 removals from members are held back" in told.reason) == (RED, True)
    assert not (await job.cycle()).held, "what is held back is not counted again"

    job.ledger.allow()
    await job.cycle()
    assert job.members() == {"u03", "u04", "u09"}


async def test_somebody_chosen_on_demand_is_not_judged_with_what_is_held_back() -> None:
    """O6."""
    job = await provisioned(8, THREE)
    leave(job, range(4))
    await job.cycle()

    await run_for(job.road(), [Key("User", "00")])

    assert active(job) == 7
    assert "00" not in staged(job)


async def test_a_member_whose_removal_is_refused_and_tried_again_is_counted_once() -> None:
    """P2: what was not carried out does not count, and what is sent twice was one removal."""
    job = await team(replace(FREE, membership_removal_threshold=4), 5)
    for number in range(3):
        job.source.leave("red", Key("User", f"{number:02}"))
    job.answers["before update"] = [Refused("BadRequest", "One of these is not there.", 400)]

    result = await job.cycle()

    assert (result.held, job.members()) == (False, {"u03", "u04"})
