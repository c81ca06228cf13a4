"""Nothing but the lock-out itself keeps somebody who leaves from being locked out (rules D1, S5, A5, A7)."""

from __future__ import annotations

from datetime import timedelta
from itertools import permutations

import pytest

from rollcall.provisioning.mapping import compile_mapping
from rollcall.provisioning.mapping_explain import explain_mapping
from rollcall.provisioning.model import AttributeMapping, JobSettings, ObjectMapping
from rollcall.provisioning.scoping import decide
from tests.unit.provisioning.builders import ADA, GROUPS, IS_ACTIVE, USER_NAME, computed, direct, entry
from tests.unit.provisioning.expression_context import context
from tests.unit.provisioning.one_job import Job

ACTIVE = computed(IS_ACTIVE, "active")
NAME_OR_NOTHING = computed("IIF(IsNullOrEmpty([mail]), IgnoreObjectFlow, [mail])", "userName", matching_priority=1)
FAILING_NAME = computed('FormatDateTime([mail], , "yyyy", "yyyy")', "externalId", matching_priority=2)


def job_with(*attributes: AttributeMapping, settings: JobSettings | None = None) -> Job:
    """A job with these mappings of users."""
    mappings = {"User": compile_mapping(ObjectMapping("User", attributes)), "Group": compile_mapping(GROUPS)}
    return Job(settings or JobSettings(), mappings=mappings)


def accounts(job: Job) -> list[object]:
    """Whether each account may be used."""
    return [each.get("active") for each in job.target.resources["User"].values()]


@pytest.mark.parametrize("mappings", list(permutations([NAME_OR_NOTHING, ACTIVE])))
async def test_a_name_that_says_to_leave_the_object_alone_does_not_keep_a_leaver_in(
    mappings: tuple[AttributeMapping, ...],
) -> None:
    """D1: whatever the order of the mappings."""
    job = job_with(*mappings)
    job.source.put(entry(ADA, mail="a@x"))
    await job.cycle()
    job.source.put(entry(ADA, assigned=False))

    await job.cycle()

    assert accounts(job) == [False]


async def test_a_lock_out_that_says_to_leave_the_object_alone_is_obeyed() -> None:
    """Then it was asked for."""
    kept = computed('IIF([IsSoftDeleted], IgnoreObjectFlow, "True")', "active")
    job = job_with(USER_NAME, kept)
    job.source.put(entry(ADA))
    await job.cycle()
    job.source.put(entry(ADA, assigned=False))

    result = await job.cycle()

    assert accounts(job) == [True]
    assert result.counts.failed == 0


async def test_a_lock_out_that_can_not_be_worked_out_is_a_failure_that_is_tried_again() -> None:
    """A skip would leave the account open for ever, and nobody would hear of it."""
    job = job_with(USER_NAME, computed('IIF([IsSoftDeleted], CBool([flag]), "True")', "active"))
    job.source.put(entry(ADA, flag="0"))
    await job.cycle()
    job.source.put(entry(ADA, assigned=False, flag="perhaps"))

    result = await job.cycle()

    escrow = job.ledger.links[ADA].escrow
    assert escrow is not None
    assert (escrow.code, result.counts.failed) == ("AttributeValidationFailed", 1)
    assert "active" in escrow.reason


@pytest.mark.parametrize("name", [FAILING_NAME, direct("mail", "externalId", 2, clear_when_null=True)])
async def test_a_name_that_fails_or_is_gone_does_not_keep_a_leaver_in(name: AttributeMapping) -> None:
    job = job_with(USER_NAME, name, ACTIVE)
    job.source.put(entry(ADA, mail="2020"))
    await job.cycle()
    job.source.put(entry(ADA, assigned=False, mail=None if name.clear_when_null else "no year"))

    result = await job.cycle()

    assert accounts(job) == [False]
    assert result.counts.failed == 0


async def test_a_required_name_that_is_to_be_cleared_does_not_keep_a_leaver_in() -> None:
    """A7: nothing is emptied for somebody who leaves."""
    job = job_with(direct("mail", "userName", 1, clear_when_null=True), ACTIVE)
    job.source.put(entry(ADA, mail="a@x"))
    await job.cycle()
    job.source.put(entry(ADA, assigned=False))

    await job.cycle()

    assert accounts(job) == [False]


async def test_the_days_until_deletion_begin_anew_though_the_return_could_not_be_sent() -> None:
    """Disabled at first, then back with a mapping that fails, then gone again: the second leaving counts."""
    title = computed('IIF(IsPresent([x]), CDate([x]), "")', "title")
    job = job_with(USER_NAME, ACTIVE, title, settings=JobSettings(delete_after_days=30))
    job.source.put(entry(ADA))
    await job.cycle()
    for day in range(35):
        if day in (0, 29):
            job.source.put(entry(ADA, assigned=False))
        if day == 2:
            job.source.put(entry(ADA, x="no date"))
        await job.cycle()
        job.runtime.time += timedelta(days=1)

    assert accounts(job) == [False]


def test_the_explanation_says_that_a_name_does_not_hinder() -> None:
    of = entry(ADA, assigned=False, mail="")
    compiled = compile_mapping(ObjectMapping("User", (NAME_OR_NOTHING, ACTIVE)))

    name, active = explain_mapping(of, decide(of, JobSettings()), compiled, context())

    assert name.verdict.endswith("does not keep somebody who leaves from being locked out")
    assert (active.value, active.failed, name.failed) == (False, False, False)
