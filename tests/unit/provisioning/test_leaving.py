"""What happens to people and groups who leave, cell by cell, and to those who come back (rules D1 to D8, S5)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest

from rollcall.provisioning.connectors.contract import Unanswered
from rollcall.provisioning.dry_run import plan_cycle
from rollcall.provisioning.mapping import compile_mapping
from rollcall.provisioning.model import FilterClause, FilterGroup, JobSettings, Key
from tests.unit.provisioning.builders import ADA, BOB, GROUPS, MANAGER, RED, USERS, direct, entry, users
from tests.unit.provisioning.one_job import Job

SALES = FilterGroup("Sales only", (FilterClause("department", "EQUALS", ("Sales",)),))
NOTHING: list[tuple[str, str]] = []
DISABLE, DELETE, DELETE_GROUP = [("update", "User")], [("delete", "User")], [("delete", "Group")]


@dataclass(frozen=True)
class Column:
    """One column of the table: the job it is about."""

    settings: JobSettings = field(default_factory=JobSettings)
    says_how_to_disable: bool = True
    update: bool = True
    delete: bool = True

    def job(self) -> Job:
        """A job with ada in the group red, both provisioned."""
        mapping = USERS if self.says_how_to_disable else users(direct("givenName", "name.givenName"))
        actions: dict[str, Any] = {"update": self.update, "delete": self.delete}
        people = replace(mapping, filters=(SALES,), **actions)
        mappings = {"User": people, "Group": replace(GROUPS, **actions)}
        return Job(self.settings, mappings={kind: compile_mapping(each) for kind, each in mappings.items()})


COLUMNS = {
    "defaults": Column(),
    "skip": Column(JobSettings(skip_out_of_scope_deletions=True)),
    "no IsSoftDeleted": Column(says_how_to_disable=False),
    "no delete": Column(delete=False),
    "no update": Column(update=False),
    "no soft delete": Column(JobSettings(soft_delete=False)),
    "no soft delete, skip": Column(JobSettings(soft_delete=False, skip_out_of_scope_deletions=True)),
    "no soft delete, no delete": Column(JobSettings(soft_delete=False), delete=False),
}
OUT = dict(zip(COLUMNS, [DISABLE, NOTHING, NOTHING, DISABLE, NOTHING, DELETE, NOTHING, NOTHING], strict=True))
PURGE = dict(zip(COLUMNS, [DELETE, DELETE, DELETE, NOTHING, DELETE, DELETE, DELETE, NOTHING], strict=True))
GROUP_OUT = {name: NOTHING if "skip" in name or "no delete" in name else DELETE_GROUP for name in COLUMNS}
GROUP_DELETED = {name: NOTHING if "no delete" in name else DELETE_GROUP for name in COLUMNS}


def ada(**attributes: Any) -> Any:
    """Ada of Sales, changed."""
    return entry(ADA, **{"department": "Sales", "givenName": "Ada", **attributes})


def leave_group(job: Job) -> None:
    job.source.leave("red", ADA)
    job.source.put(ada(assigned=False))


Event = Callable[[Job], None]
EVENTS: dict[str, tuple[Event, dict[str, list[tuple[str, str]]]]] = {
    "unassigned": (lambda job: job.source.put(ada(assigned=False)), OUT),
    "unassigned by leaving the group": (leave_group, OUT),
    "fails the scoping filter": (lambda job: job.source.put(ada(department="Legal")), OUT),
    "blocked": (lambda job: job.source.put(ada(accountEnabled=False)), OUT),
    "soft-deleted": (lambda job: job.source.put(ada(state="deleted")), OUT),
    "purged": (lambda job: job.source.purge(ADA), PURGE),
    "group leaves scope": (lambda job: job.source.put(entry(RED, assigned=False)), GROUP_OUT),
    "group deleted": (lambda job: job.source.put(entry(RED, state="deleted")), GROUP_DELETED),
    "group purged": (lambda job: job.source.purge(RED), GROUP_DELETED),
}


async def provisioned(column: Column) -> Job:
    """The column's job after its first cycle."""
    job = column.job()
    job.source.put(ada())
    job.source.put(entry(RED))
    job.source.join("red", ADA)
    await job.cycle()
    assert job.members() == {"ada"}
    return job


def writes(job: Job) -> list[tuple[str, str]]:
    """What the last cycle sent for the objects themselves; the change of a membership is another matter."""
    return [request for request in job.target.requests if request[0] in ("create", "update", "delete")]


@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("event", EVENTS)
async def test_each_event_sends_what_its_cell_says(event: str, column: str) -> None:
    """D1, D2, D7: the whole table of deprovisioning, row by column."""
    job = await provisioned(COLUMNS[column])
    happen, expected = EVENTS[event]

    happen(job)
    await job.cycle()

    # Memberships that ended with the object in the source are taken out as well.
    sent = [request for request in writes(job) if request != ("update", "Group")]
    assert sent == expected[column]
    gone_or_locked_out = not job.target.resources["User"] or job.account("ada").get("active") is False
    assert gone_or_locked_out == any(kind == "User" for _, kind in sent)


RETURNS: dict[str, list[tuple[str, str]]] = {
    "defaults": [("update", "User"), ("update", "Group")],
    "skip": NOTHING,
    "no IsSoftDeleted": NOTHING,
    "no delete": [("update", "User"), ("update", "Group")],
    "no update": NOTHING,
    "no soft delete": [("create", "User"), ("update", "Group")],
    "no soft delete, skip": NOTHING,
    "no soft delete, no delete": NOTHING,
}


@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("out", [{"assigned": False}, {"accountEnabled": False}, {"state": "deleted"}])
async def test_who_comes_back_is_enabled_with_memberships(column: str, out: dict[str, Any]) -> None:
    """D1, D2, better than R3: unassigned and assigned, blocked and unblocked, deleted and restored."""
    job = await provisioned(COLUMNS[column])
    job.source.put(ada(**out))
    await job.cycle()

    job.source.put(ada())
    await job.cycle()

    assert writes(job) == RETURNS[column]
    assert job.account("ada").get("active") is not False
    assert job.members() == {"ada"}


@pytest.mark.parametrize("column", COLUMNS)
async def test_who_is_out_of_scope_before_the_first_cycle_is_never_made(column: str) -> None:
    """D5, S5."""
    job = COLUMNS[column].job()
    outs: list[dict[str, Any]] = [{"accountEnabled": False}, {"state": "deleted"}, {"department": "Legal"}]
    for number, out in enumerate(outs):
        job.source.put(replace(ada(**out), key=Key("User", str(number))))

    await job.cycle()

    assert job.target.requests == []


async def test_who_was_unassigned_long_ago_is_deleted_when_purged() -> None:
    """D4, better: somebody unassigned and disabled earlier is still managed."""
    job = await provisioned(Column())
    job.source.put(ada(assigned=False))
    await job.cycle()

    job.source.purge(ADA)
    await job.cycle()

    assert writes(job) == DELETE


async def test_a_repeated_disable_is_redundant_and_the_return_works_at_once() -> None:
    """D6, better: no restart is needed between unassign and assign."""
    job = await provisioned(Column())
    job.source.put(ada(assigned=False))
    await job.cycle()
    job.source.put(ada(assigned=False, mobile="+1"))

    await job.cycle()

    assert writes(job) == NOTHING
    assert job.ledger.log[-1].code == "RedundantSoftDelete"
    job.source.put(ada())
    await job.cycle()
    assert job.account("ada")["active"] is True


async def test_deletes_instead_of_disables_count_for_the_guard() -> None:
    """D2, P2."""
    job = await provisioned(Column(JobSettings(soft_delete=False, deletion_threshold=1)))
    job.source.put(ada(assigned=False))

    result = await job.cycle()

    assert (result.counts.withheld, writes(job)) == (1, NOTHING)
    assert job.ledger.log[-1].action == "stagedDelete"


async def test_a_delete_instead_of_a_disable_says_why() -> None:
    """D2."""
    job = await provisioned(Column(JobSettings(soft_delete=False)))
    job.source.put(ada(accountEnabled=False))

    await job.cycle()

    assert job.ledger.log[-1].reason == "Sign-in is blocked for this user (accountEnabled is false)."


async def after(job: Job, **passed: float) -> list[tuple[str, str]]:
    """What the cycle sends that runs when so much time has passed."""
    job.runtime.time += timedelta(**passed)
    await job.cycle()
    return writes(job)


MONTH = JobSettings(delete_after_days=30)


async def test_who_was_disabled_is_deleted_when_the_days_are_over_and_not_a_moment_before() -> None:
    """D2, better: disable now, delete after so many days."""
    job = await provisioned(Column(MONTH))
    job.source.put(ada(assigned=False))

    assert await after(job) == DISABLE
    assert await after(job, days=30, milliseconds=-1) == NOTHING
    assert job.target.requests == []
    assert await after(job, milliseconds=1) == DELETE

    assert job.ledger.log[-1].reason == "Disabled for 30 days; the job deletes after 30."
    assert ADA not in job.ledger.links
    assert await after(job, days=1) == NOTHING


async def test_who_comes_back_after_the_deletion_is_made_anew() -> None:
    job = await provisioned(Column(MONTH))
    job.source.put(ada(assigned=False))
    await job.cycle()
    await after(job, days=30)

    job.source.put(ada())
    await job.cycle()

    assert writes(job) == [("create", "User"), ("update", "Group")]
    assert job.members() == {"ada"}


async def test_a_plan_shows_who_would_be_deleted_and_why() -> None:
    job = await provisioned(Column(MONTH))
    job.source.put(ada(assigned=False))
    await job.cycle()
    job.runtime.time += timedelta(days=31)

    planned = await plan_cycle(job.road())

    ((key, action, reason),) = [(each.key, each.action, each.reason) for each in planned.objects]
    assert (key, action) == (ADA, "delete")
    assert reason == "Disabled for 31 days; the job deletes after 30."
    assert await after(job) == DELETE


async def test_the_days_begin_anew_with_each_leaving() -> None:
    job = await provisioned(Column(MONTH))
    for _ in range(2):
        job.source.put(ada(assigned=False))
        await job.cycle()
        assert await after(job, days=20) == NOTHING
        job.source.put(ada())
        await job.cycle()
        assert job.ledger.links[ADA].disabled_at is None

    assert await after(job, days=20) == NOTHING


async def test_who_is_found_disabled_when_leaving_is_deleted_after_the_days_too() -> None:
    job = await provisioned(Column(MONTH))
    job.account("ada")["active"] = False
    job.verify = True
    await job.restart()
    job.source.put(ada(assigned=False))
    await job.cycle()
    assert job.ledger.log[-1].code == "RedundantSoftDelete"

    assert await after(job, days=30) == DELETE


async def test_without_a_way_to_disable_the_days_count_from_leaving() -> None:
    job = await provisioned(replace(COLUMNS["no IsSoftDeleted"], settings=MONTH))
    job.source.put(ada(assigned=False))

    assert await after(job) == NOTHING
    assert await after(job, days=29) == NOTHING
    assert await after(job, days=1) == DELETE
    assert job.ledger.log[-1].reason == "Out of scope for 30 days; the job deletes after 30."


@pytest.mark.parametrize(
    "column",
    [
        Column(replace(MONTH, delete_after_days=0)),
        Column(MONTH, delete=False),
        Column(replace(MONTH, skip_out_of_scope_deletions=True)),
    ],
)
async def test_a_job_that_does_not_delete_never_deletes(column: Column) -> None:
    """A13, D7."""
    job = await provisioned(column)
    job.source.put(ada(assigned=False))
    await job.cycle()

    assert await after(job, days=400) == NOTHING


async def test_the_guard_holds_back_deletions_whose_days_are_over() -> None:
    """P2, P3."""
    job = await provisioned(Column(replace(MONTH, deletion_threshold=2)))
    job.source.put(ada(assigned=False))
    await job.cycle()
    job.settings = replace(job.settings, deletion_threshold=1)

    assert await after(job, days=30) == NOTHING
    assert job.ledger.log[-1].action == "stagedDelete"
    logged = len(job.ledger.log)
    assert await after(job, days=1) == NOTHING
    assert len(job.ledger.log) == logged  # held back is held back, and said once

    job.settings = replace(job.settings, deletion_threshold=None)
    await job.restart()
    assert await after(job) == DELETE


async def test_who_came_back_unseen_is_not_deleted() -> None:
    """The ledger only says whom to look at; what counts is how the source is now."""
    job = await provisioned(Column(MONTH))
    job.source.put(ada(assigned=False))
    await job.cycle()
    job.source.entries[ADA] = ada()  # without a word in the log of changes

    assert await after(job, days=30) == [("update", "User"), ("update", "Group")]
    assert job.account("ada")["active"] is True


async def test_many_whose_days_are_over_are_deleted_page_by_page() -> None:
    job = await provisioned(Column(replace(MONTH, page_size=2, deletion_threshold=None, deletion_percent=None)))
    for number in range(5):
        job.source.put(replace(ada(userPrincipalName=f"{number}@example.org"), key=Key("User", str(number))))
    await job.cycle()
    for number in range(5):
        job.source.put(
            replace(ada(userPrincipalName=f"{number}@example.org", assigned=False), key=Key("User", str(number)))
        )
    await job.cycle()

    assert await after(job, days=31) == DELETE * 5
    assert [user["userName"] for user in job.target.resources["User"].values()] == ["ada@example.org"]


def _drop(job: Job) -> None:
    """The target forgets ada's ties, as many do when somebody is disabled."""
    target_id = job.account("ada")["id"]
    job.target._drop_references(target_id)
    job.account("ada").pop(MANAGER.rpartition(":")[0], None)


async def test_memberships_and_manager_ties_are_sent_again_on_return() -> None:
    """Better than R3, R5: a target may have dropped them while the account was disabled."""
    job = Job()
    for each in (entry(BOB, manager="ada"), entry(ADA, manager="bob"), entry(RED)):
        job.source.put(each)
    job.source.join("red", ADA)
    job.source.join("red", BOB)
    await job.cycle()
    job.source.put(entry(ADA, manager="bob", accountEnabled=False))
    await job.cycle()
    _drop(job)
    assert job.members() == {"bob"}

    job.source.put(entry(ADA, manager="bob"))
    await job.cycle()

    extension = MANAGER.rpartition(":")[0]
    assert job.members() == {"ada", "bob"}
    assert job.account("bob")[extension]["manager"]["value"] == job.account("ada")["id"]
    assert job.account("ada")[extension]["manager"]["value"] == job.account("bob")["id"]
    assert job.sent()["update", "Group"] == 1
    assert await after(job) == NOTHING


async def test_a_membership_that_ended_meanwhile_is_not_sent_again() -> None:
    job = await provisioned(Column())
    job.source.put(ada(assigned=False))
    await job.cycle()
    job.source.leave("red", ADA)
    job.source.put(ada())

    await job.cycle()

    assert job.members() == set()
    assert await after(job) == NOTHING


async def test_a_return_without_an_answer_sends_memberships_too() -> None:
    """Law: what may have happened counts as if it had."""
    job = await provisioned(Column())
    job.source.put(ada(assigned=False))
    await job.cycle()
    _drop(job)
    job.source.put(ada())
    job.answers["after update"] = [Unanswered("Timeout", "No answer.")]

    await job.cycle()
    await after(job, hours=1)

    assert job.account("ada")["active"] is True
    assert job.members() == {"ada"}


async def test_a_disable_without_an_answer_and_a_return_send_memberships_again() -> None:
    job = await provisioned(Column())
    job.source.put(ada(assigned=False))
    job.answers["after update"] = [Unanswered("Timeout", "No answer.")]
    await job.cycle()
    _drop(job)
    job.source.put(ada())

    await job.cycle()

    assert job.members() == {"ada"}
