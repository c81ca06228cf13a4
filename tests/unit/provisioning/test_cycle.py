"""Whole cycles between a fake source and a fake target (rules C9, D4, E1, E4, M9, P3, R1 to R3, Y2, Y5, Y6)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from rollcall.provisioning.connectors.contract import Done, Refused, Unanswered
from rollcall.provisioning.connectors.fake import FakeSource
from rollcall.provisioning.ledger_contract import Commit
from rollcall.provisioning.model import JobSettings, Key, PatchOperation
from tests.unit.provisioning.builders import ADA, BOB, MANAGER, RED, entry
from tests.unit.provisioning.one_job import Job

CEM = Key("User", "cem")


@pytest.fixture
def job() -> Job:
    """A job with two people in a group, one the other's manager."""
    job = Job()
    job.source.put(entry(BOB))
    job.source.put(entry(ADA, manager="bob"))
    job.source.put(entry(RED))
    job.source.join("red", ADA)
    job.source.join("red", BOB)
    return job


async def test_the_first_cycle_makes_everybody_and_then_their_ties(job: Job) -> None:
    """R1: groups are created without members, managers are set afterwards."""
    result = await job.cycle()

    assert (result.kind, result.counts.created, result.problem) == ("initial", 3, None)
    assert job.members() == {"ada", "bob"}
    assert job.account("ada")[MANAGER.rpartition(":")[0]]["manager"]["value"] == job.account("bob")["id"]
    assert [request for request, _ in job.target.requests[-2:]] == ["update", "update"]


async def test_a_cycle_with_nothing_to_do_sends_nothing(job: Job) -> None:
    """Y2."""
    await job.cycle()

    result = await job.cycle()

    assert (result.kind, result.counts.requests) == ("incremental", 0)
    assert job.target.requests == []


async def test_memberships_do_not_wait_until_a_busy_directory_comes_to_rest(job: Job) -> None:
    await job.cycle()
    job.settings = replace(job.settings, page_size=1)
    job.source.leave("red", Key("User", "ada"))
    for number in range(50):
        person = entry(CEM, userPrincipalName=f"cem{number}@example.org")
        job.source.put(replace(person, key=Key("User", f"cem{number}")))

    await job.cycle()

    left = job.target.requests.index(("update", "Group"))
    last_joined = len(job.target.requests) - 1 - job.target.requests[::-1].index(("create", "User"))
    assert left < last_joined
    assert job.members() == {"bob"}


async def test_a_change_of_one_person_is_one_request(job: Job) -> None:
    await job.cycle()
    job.source.put(entry(BOB, givenName="Lou"))

    await job.cycle()

    assert job.target.requests == [("update", "User")]
    assert job.account("bob")["name"]["givenName"] == "Lou"


async def test_a_hint_that_is_given_twice_does_no_harm(job: Job) -> None:
    """A change is a hint; the present state is what counts."""
    await job.cycle()
    job.source.changed.extend(job.source.changed)

    result = await job.cycle()

    assert job.target.requests == []
    assert result.counts.failed == 0


async def test_a_joiner_who_is_in_a_group_already_is_added_to_it(job: Job) -> None:
    """R3 is improved on: a member who comes into scope later is noticed."""
    job.source.put(entry(CEM, assigned=False))
    job.source.join("red", CEM)
    await job.cycle()
    assert job.members() == {"ada", "bob"}

    job.source.put(entry(CEM))
    await job.cycle()

    assert job.members() == {"ada", "bob", "cem"}


async def test_a_leaver_is_disabled_before_anything_else_happens(job: Job) -> None:
    await job.cycle()
    job.source.put(entry(CEM))
    job.source.put(entry(ADA, assigned=False))

    await job.cycle()

    assert next(request for request in job.target.requests if request[0] != "find") == ("update", "User")
    assert job.account("ada")["active"] is False


async def test_somebody_purged_is_deleted_and_nothing_is_left(job: Job) -> None:
    await job.cycle()
    job.source.purge(ADA)

    await job.cycle()

    assert job.members() == {"bob"}
    assert ADA not in job.ledger.links
    await job.cycle()
    assert job.target.requests == []


async def test_what_was_made_before_is_taken_over(job: Job) -> None:
    """M12."""
    made = job.target.make_by_hand("User", {"userName": "ADA@example.org", "title": "Dr"})

    await job.cycle()

    assert len(job.target.resources["User"]) == 2
    assert job.ledger.links[ADA].target_id == made
    assert job.target.resources["User"][made]["title"] == "Dr"


async def test_changes_made_in_the_target_are_not_seen_until_a_restart(job: Job) -> None:
    """Y5, Y6."""
    await job.cycle()
    job.target.change_by_hand("User", job.account("bob")["id"], [PatchOperation("replace", "active", False)])
    await job.cycle()
    assert job.account("bob")["active"] is False

    job.verify = True
    await job.restart()
    result = await job.cycle()

    assert job.account("bob")["active"] is True
    assert result.counts.updated == 1


async def test_what_vanished_from_the_target_is_made_again_with_its_ties(job: Job) -> None:
    """M9, without a restart: the next change of the object shows it."""
    await job.cycle()
    job.target.delete_by_hand("User", job.account("bob")["id"])
    job.source.put(entry(BOB, givenName="Lou"))

    await job.cycle()

    assert job.account("bob")["name"]["givenName"] == "Lou"
    assert job.members() == {"ada", "bob"}
    assert job.account("ada")[MANAGER.rpartition(":")[0]]["manager"]["value"] == job.account("bob")["id"]
    assert [record.code for record in job.ledger.log if record.status == "failure"] == ["InvalidAnchor"]


async def test_two_of_a_name_in_the_source_are_a_fault_of_the_second(job: Job) -> None:
    """M5: DuplicateSourceEntries."""
    await job.cycle()
    job.source.put(entry(CEM, userPrincipalName="ada@example.org"))

    await job.cycle()

    assert len(job.target.resources["User"]) == 2
    escrow = job.ledger.links[CEM].escrow
    assert escrow is not None
    assert escrow.code == "DuplicateSourceEntries"


async def test_two_of_a_name_in_one_page_make_one_account(job: Job) -> None:
    job.source.put(entry(CEM, userPrincipalName="ada@example.org"))

    await job.cycle()

    assert len(job.target.resources["User"]) == 2


async def test_an_object_that_fails_is_counted_once_and_one_that_came_right_not_at_all(job: Job) -> None:
    """E1: what is tried again in the same cycle is one object, however often it is tried."""
    job.source.put(entry(CEM, userPrincipalName="ada@example.org"))  # a second of that name, tried twice
    assert (await job.cycle()).counts.failed == 1
    job.target.delete_by_hand("User", next(iter(job.target.resources["User"])))  # vanished, and made again
    job.source.put(entry(CEM, userPrincipalName="cem@example.org"))
    job.source.put(entry(ADA, givenName="Lou"))
    job.source.put(entry(BOB, givenName="Lou"))

    result = await job.cycle()

    assert "InvalidAnchor" in {record.code for record in job.ledger.log}
    assert (result.counts.created, result.counts.failed) == (2, 0)


async def test_a_throttled_request_is_repeated_in_the_same_cycle(job: Job) -> None:
    """C9."""
    job.answers["before create"] = [Refused("TooManyRequests", "Slow down.", 429, retry_after_seconds=9)] * 3

    result = await job.cycle()

    assert result.counts.created == 3
    assert result.counts.failed == 0
    assert job.runtime.monotonic() == 27


async def test_a_target_that_is_away_keeps_the_place_of_the_cycle(job: Job) -> None:
    away = Unanswered("Timeout", "No answer.", away=True)
    job.answers = {"before find": [away] * 100}
    job.settings = JobSettings(concurrency=1)
    for number in range(5):
        job.source.put(entry(Key("User", f"u{number}")))

    result = await job.cycle()

    assert result.problem is not None
    assert (await job.ledger.position()).watermark is None
    assert job.sent()["find", "User"] + job.sent()["find", "Group"] == 5

    job.answers = {}
    job.runtime.time += timedelta(hours=1)
    await job.cycle()
    assert len(job.target.resources["User"]) == 7


async def test_refused_credentials_end_the_cycle_after_one_request(job: Job) -> None:
    """Q1."""
    job.settings = JobSettings(concurrency=1)
    job.answers["before find"] = [Refused("Unauthorized", "No.", 401, denied=True)]

    result = await job.cycle()

    assert result.problem is not None
    assert result.problem.code == "Unauthorized"
    assert len(job.target.requests) == 1


async def test_what_failed_is_tried_again_when_its_time_has_come(job: Job) -> None:
    """E3: E1."""
    job.answers["before create"] = [Refused("InsufficientRights", "No.", 403)]
    await job.cycle()
    await job.cycle()
    assert ("create", "User") not in job.target.requests

    job.runtime.time += timedelta(seconds=31)
    await job.cycle()

    assert job.sent()["create", "User"] == 1
    assert len(job.target.resources["User"]) == 2
    assert job.members() == {"ada", "bob"}


async def test_a_change_of_something_that_failed_is_a_new_try_at_once(job: Job) -> None:
    """E4."""
    job.source = FakeSource()
    job.source.put(entry(ADA))
    job.answers["before create"] = [Refused("InsufficientRights", "No.", 403)]
    await job.cycle()
    job.source.put(entry(ADA, givenName="Lou"))

    await job.cycle()

    assert job.account("ada")["name"]["givenName"] == "Lou"


async def test_a_creation_that_was_not_answered_makes_no_second_account(job: Job) -> None:
    job.answers["after create"] = [Unanswered("Timeout", "No answer.")] * 3
    await job.cycle()
    job.runtime.time += timedelta(minutes=1)

    await job.cycle()

    assert len(job.target.resources["User"]) == 2
    assert job.members() == {"ada", "bob"}


async def test_an_account_that_was_made_without_an_answer_is_disabled_when_it_is_no_longer_wanted(job: Job) -> None:
    job.source = FakeSource()
    job.source.put(entry(ADA))
    job.answers["after create"] = [Unanswered("Timeout", "No answer.")]
    await job.cycle()
    job.source.put(entry(ADA, assigned=False))

    await job.cycle()

    assert job.account("ada")["active"] is False


async def test_one_refused_member_does_not_keep_the_others_out(job: Job) -> None:
    for number in range(7):
        job.source.put(entry(Key("User", f"u{number}")))
        job.source.join("red", Key("User", f"u{number}"))
    await job.cycle()
    group = next(iter(job.target.resources["Group"]))
    job.target.change_by_hand("Group", group, [PatchOperation("remove", "members")])
    await job.ledger.commit(Commit(lost=[RED]))
    job.target.resources["User"].pop(job.account("u3")["id"])

    result = await job.cycle()

    assert result.counts.references_failed == 1
    assert job.members() == {"ada", "bob", "u0", "u1", "u2", "u3", "u4", "u5", "u6"}
    assert job.account("u3")["active"] is True


async def test_many_unlinked_entries_are_matched_by_one_listing(job: Job) -> None:
    for number in range(30):
        job.source.put(entry(Key("User", f"u{number:02}")))
        job.target.make_by_hand("User", {"userName": f"U{number:02}@example.org"})

    result = await job.cycle()

    assert job.sent()["list", "User"] == 1
    assert job.sent()["find", "User"] == 0
    assert len(job.target.resources["User"]) == 32
    assert result.counts.updated == 30


async def test_a_target_with_far_more_than_is_looked_up_is_not_listed(job: Job) -> None:
    for number in range(30):
        job.source.put(entry(Key("User", f"u{number:02}")))
    for number in range(3400):
        job.target.resources["User"][f"x{number}"] = {"id": f"x{number}", "userName": f"x{number}"}

    await job.cycle()

    assert job.sent()["list", "User"] == 1
    assert job.sent()["find", "User"] == 32


async def test_two_accounts_of_a_name_in_the_target_are_a_fault_that_names_them(job: Job) -> None:
    """M5: DuplicateTargetEntries."""
    twins = [job.target.make_by_hand("User", {"userName": "ada@example.org"}) for _ in range(2)]

    await job.cycle()

    escrow = job.ledger.links[ADA].escrow
    assert escrow is not None
    assert escrow.code == "DuplicateTargetEntries"
    assert all(twin in escrow.reason for twin in twins)


async def test_removals_at_the_threshold_are_held_back_until_it_is_raised(job: Job) -> None:
    """P3, P4."""
    job.settings = JobSettings(deletion_threshold=2)
    await job.cycle()
    job.source.put(entry(ADA, assigned=False))
    job.source.put(entry(BOB, assigned=False))
    job.source.put(entry(CEM))

    result = await job.cycle()

    assert result.held
    assert job.account("ada")["active"] is True
    assert job.account("cem")["active"] is True

    job.settings = JobSettings(deletion_threshold=None)
    await job.restart()
    await job.cycle()
    assert job.account("ada")["active"] is job.account("bob")["active"] is False


async def test_names_may_be_passed_on_in_one_page(job: Job) -> None:
    await job.cycle()
    job.source.put(entry(CEM, userPrincipalName="ada@example.org"))
    job.source.put(entry(ADA, userPrincipalName="lovelace@example.org"))

    await job.cycle()

    assert job.account("ada")["id"] == job.ledger.links[CEM].target_id
    assert job.account("lovelace")["id"] == job.ledger.links[ADA].target_id


async def test_a_refused_name_does_not_keep_a_leaver_signed_in(job: Job) -> None:
    await job.cycle()
    job.target.make_by_hand("User", {"userName": "taken@example.org"})
    job.source.put(entry(ADA, assigned=False, userPrincipalName="taken@example.org"))

    await job.cycle()

    assert job.account("ada")["active"] is False


async def test_a_reading_of_everything_finds_who_vanished_without_a_word(job: Job) -> None:
    """A lost change does no harm."""
    await job.cycle()
    job.source.put(entry(CEM))
    await job.cycle()
    del job.source.entries[CEM]
    await job.restart()

    await job.cycle()

    assert {user["userName"] for user in job.target.resources["User"].values()} == {
        "ada@example.org",
        "bob@example.org",
    }


async def test_a_page_that_is_larger_than_asked_for_is_read_page_by_page(job: Job) -> None:
    job.settings = JobSettings(page_size=1, members_per_request=1)

    result = await job.cycle()

    assert result.counts.created == 3
    assert job.members() == {"ada", "bob"}


async def test_connection_tests_are_answered_by_the_fake() -> None:
    job = Job()
    assert (await job.target.test({"User": "userName", "Group": "displayName"})).ok
    job.answers["before find"] = [Refused("Unauthorized", "No.", 401)]
    assert (await job.target.test({"User": "userName", "Group": "displayName"})).code == "Unauthorized"
    assert isinstance(await job.target.create("User", {"userName": "a"}), Done)
