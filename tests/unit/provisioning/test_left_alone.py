"""Whole cycles in which an input filter leaves a group alone: its members are not changed either."""

from __future__ import annotations

from dataclasses import replace

from rollcall.provisioning.mapping import compile_mapping
from rollcall.provisioning.model import FilterClause, FilterGroup, Key
from tests.unit.provisioning.builders import ADA, BOB, RED, entry
from tests.unit.provisioning.one_job import MAPPINGS, Job

OPEN = FilterGroup("Open", (FilterClause("description", "NOT EQUALS", ("frozen",)),))


def job_with_frozen_group() -> Job:
    mapping = replace(MAPPINGS["Group"].mapping, input_filters=(OPEN,))
    job = Job(mappings={**MAPPINGS, "Group": compile_mapping(mapping)})
    job.source.put(entry(ADA))
    job.source.put(entry(BOB))
    job.source.put(entry(RED, description="open"))
    job.source.join("red", ADA)
    return job


async def test_the_members_of_a_group_that_is_left_alone_stay_as_they_are() -> None:
    """Until it is looked at again; then everything that happened meanwhile is sent, without a restart."""
    job = job_with_frozen_group()
    await job.cycle()
    job.source.put(entry(RED, description="frozen", displayName="Crimson"))
    await job.cycle()
    job.source.join("red", BOB)
    job.source.leave("red", ADA)
    await job.cycle()
    frozen, sent = job.members(), job.sent()
    idle = await job.cycle()
    job.source.put(entry(RED, description="open"))
    await job.cycle()

    assert frozen == {"ada"}
    assert not sent
    assert idle.counts.requests == 0
    assert job.members() == {"bob"}


async def test_a_restart_does_not_change_what_is_left_alone() -> None:
    """A reading of everything compares all members, and keeps its hands off these."""
    job = job_with_frozen_group()
    await job.cycle()
    job.source.put(entry(RED, description="frozen"))
    job.source.join("red", BOB)
    await job.restart()
    job.verify = True
    await job.cycle()
    frozen = job.members()
    job.source.put(entry(RED, description="open"))
    await job.cycle()

    assert frozen == {"ada"}
    assert job.members() == {"ada", "bob"}


async def test_somebody_who_is_left_alone_keeps_the_manager_in_the_application() -> None:
    cem = Key("User", "cem")
    mapping = replace(
        MAPPINGS["User"].mapping, input_filters=(replace(OPEN, clauses=(FilterClause("city", "IS NULL"),)),)
    )
    job = Job(mappings={**MAPPINGS, "User": compile_mapping(mapping)})
    job.source.put(entry(ADA, manager="cem"))
    job.source.put(entry(BOB))
    await job.cycle()
    job.source.put(entry(ADA, manager="cem", city="Oulu"))
    job.source.put(entry(cem))
    await job.cycle()
    before = job.account("ada")
    job.source.put(entry(ADA, manager="cem"))
    await job.cycle()

    assert "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User" not in before
    assert (
        job.account("ada")["urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"]["manager"]["value"]
        == (job.account("cem")["id"])
    )
