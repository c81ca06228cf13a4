"""What an earlier request did is in the log even when its answer was lost."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from rollcall.provisioning.connectors.contract import Unanswered
from rollcall.provisioning.model import Entry, Key, LogRecord
from tests.unit.provisioning.one_job import Job

ADA = Key("User", "ada")
LOST = Unanswered("Timeout", "No answer came within 30 s.")


def person(state: Any = "present", *, assigned: bool = True, **attributes: Any) -> Entry:
    named = {"userPrincipalName": "ada@example.org", "mailNickname": "ada", "accountEnabled": True}
    return Entry(ADA, state, {**named, **attributes}, assigned=assigned)


def done(job: Job) -> list[LogRecord]:
    """The records of what was done, in their order."""
    return [record for record in job.ledger.log if record.status == "success"]


async def later(job: Job) -> None:
    """A cycle when what failed is due again."""
    job.runtime.time = job.runtime.time.replace(year=job.runtime.time.year + 1)
    await job.cycle()


async def test_a_creation_whose_answer_was_lost_is_logged_once_it_is_seen() -> None:
    job = Job()
    job.source.put(person(givenName="Ada"))
    job.answers["after create"] = [LOST]
    await job.cycle()
    assert not done(job)

    await later(job)
    await later(job)

    (record,) = done(job)
    assert (record.action, record.target_id) == ("create", job.account("ada")["id"])
    assert ("name.givenName", None, "Ada") in record.modified
    assert "answer was lost" in record.reason


async def test_an_update_whose_answer_was_lost_is_logged_with_old_and_new_values() -> None:
    job = Job()
    job.source.put(person(givenName="Ada"))
    await job.cycle()
    job.source.put(person(givenName="Countess"))
    job.answers["after update"] = [LOST]
    await job.cycle()

    await later(job)
    await later(job)

    assert [record.action for record in done(job)] == ["create", "update"]
    assert set(done(job)[-1].modified) == {
        ("name.givenName", "Ada", "Countess"),
        ("name.formatted", "Ada", "Countess"),
    }


async def test_what_came_between_is_logged_before_what_follows() -> None:
    job = Job()
    job.source.put(person(givenName="Ada"))
    await job.cycle()
    job.source.put(person(givenName="Countess"))
    job.answers["after update"] = [LOST]
    await job.cycle()
    job.source.put(person(givenName="Lovelace"))

    await later(job)

    names = [record.modified for record in done(job) if record.action == "update"]
    assert [next(change for change in each if change[0] == "name.givenName") for each in names] == [
        ("name.givenName", "Ada", "Countess"),
        ("name.givenName", "Countess", "Lovelace"),
    ]


@pytest.mark.parametrize(
    ("leaver", "moment", "action"),
    [
        (person(assigned=False), "after update", "disable"),
        (person("gone", assigned=False), "after delete", "delete"),
    ],
)
async def test_a_removal_whose_answer_was_lost_is_logged_once_it_is_seen(
    leaver: Entry, moment: str, action: str
) -> None:
    job = Job()
    job.source.put(person())
    await job.cycle()
    job.source.put(leaver)
    job.answers[moment] = [LOST]
    await job.cycle()

    await later(job)
    await later(job)

    assert [record.action for record in done(job)] == ["create", action]


async def test_a_request_that_came_to_nothing_is_not_logged_as_done() -> None:
    job = Job()
    job.source.put(person())
    job.answers["before create"] = [LOST]
    await job.cycle()

    await later(job)

    (record,) = done(job)
    assert (record.action, record.reason) == ("create", "")


async def test_what_comes_to_light_hides_what_a_mapping_redacts() -> None:
    redacted = {
        kind: replace(compiled, redacted=frozenset({"name.givenName"})) if kind == "User" else compiled
        for kind, compiled in Job().mappings.items()
    }
    job = Job(mappings=redacted)
    job.source.put(person(givenName="Ada"))
    job.answers["after create"] = [LOST]
    await job.cycle()

    await later(job)

    assert ("name.givenName", None, "[Redact]") in done(job)[0].modified
