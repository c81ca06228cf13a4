"""28 days of failures in milliseconds: how often objects and references are tried, and what ends it (rules E1 to E4)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from rollcall.provisioning.connectors.contract import Refused, Unanswered
from rollcall.provisioning.model import JobSettings, Key, ReferenceKey
from tests.unit.provisioning.builders import ADA, RED, entry
from tests.unit.provisioning.one_job import Job

HOUR = timedelta(hours=1)
FORBIDDEN = Refused("InsufficientRights", "No.", 403)
SWIFT = JobSettings()
ENTRA = JobSettings(retry_schedule="entra", interval_seconds=2400)
MEMBER = ReferenceKey(RED, "members", ADA)


class Always(list[Any]):
    """The answer for every request of its moment."""

    def pop(self, _index: Any = -1) -> Any:
        return self[0]


def refused(settings: JobSettings, moment: str, answer: Any = FORBIDDEN, *keys: Key) -> Job:
    """A job whose target gives this answer at that moment, always; Ada, and others if they are named."""
    job = Job(settings)
    for key in (ADA, *keys):
        job.source.put(entry(key))
    job.answers[moment] = Always([answer])
    return job


async def attempts(job: Job, request: str, until: timedelta, step: timedelta) -> list[timedelta]:
    """Cycles at every step; how long after the first one a request of this kind was sent."""
    began, sent = job.runtime.time, []
    while (passed := job.runtime.time - began) <= until:
        await job.cycle()
        sent += [passed] * any(name == request for name, _ in job.target.requests)
        job.runtime.time = began + passed + step
    return sent


async def test_entra_tries_31_times_and_then_gives_up_and_disables_the_job() -> None:
    """E2."""
    job = refused(ENTRA, "before create")

    sent = await attempts(job, "create", timedelta(days=40), HOUR)

    assert sent == [timedelta(0), 6 * HOUR, 12 * HOUR, *(day * 24 * HOUR for day in range(1, 29))]
    (exhausted,) = job.ledger.exhausted
    assert exhausted.names == ("User ada@example.org",)
    escrow = job.ledger.links[ADA].escrow
    assert escrow is not None
    assert escrow.given_up
    assert "was tried 31 times since" in job.ledger.log[-1].reason
    assert job.ledger.log[-1].reason.endswith("is given up after 28 days.")


async def test_swift_goes_on_after_28_days_once_a_day() -> None:
    """Better than E2."""
    job = refused(SWIFT, "before create")

    sent = await attempts(job, "create", timedelta(days=40), HOUR)

    late = [moment for moment in sent if moment > timedelta(days=29)]
    assert len(late) == pytest.approx(11, abs=1)
    assert job.ledger.exhausted == []


async def test_a_fault_that_goes_by_is_tried_in_each_regular_cycle() -> None:
    """E3."""
    job = refused(ENTRA, "before create", Unanswered("InternalServerError", "A fault.", status=500))

    sent = await attempts(job, "create", 4 * HOUR, timedelta(seconds=ENTRA.interval_seconds))

    assert len(sent) == 7


async def test_a_change_in_the_source_is_tried_at_once_and_a_given_up_object_begins_anew() -> None:
    """E4."""
    job = refused(ENTRA, "before create")
    await attempts(job, "create", timedelta(days=29), HOUR)
    job.source.put(entry(ADA, givenName="Lou"))

    await job.cycle()

    escrow = job.ledger.links[ADA].escrow
    assert escrow is not None
    assert (escrow.attempts, escrow.given_up, escrow.first_failed) == (1, False, job.runtime.time)


async def test_what_is_given_up_is_tried_when_everything_is_evaluated_again() -> None:
    job = refused(ENTRA, "before create")
    await attempts(job, "create", timedelta(days=29), HOUR)
    del job.answers["before create"]
    await job.cycle()
    assert job.target.resources["User"] == {}

    await job.restart()
    await job.cycle()

    assert len(job.target.resources["User"]) == 1
    assert job.ledger.links[ADA].escrow is None


async def test_a_reference_is_tried_by_the_same_schedule_and_given_up_too() -> None:
    """E1, E2: nothing that failed is forgotten, neither is a membership."""
    job = refused(ENTRA, "before update", FORBIDDEN, RED)
    job.source.join("red", ADA)

    sent = await attempts(job, "update", timedelta(days=40), HOUR)

    assert sent == [timedelta(0), 6 * HOUR, 12 * HOUR, *(day * 24 * HOUR for day in range(1, 29))]
    (exhausted,) = job.ledger.exhausted
    assert exhausted.names == ("members of Group red",)
    escrow = job.ledger.references[MEMBER].escrow
    assert escrow is not None
    assert (escrow.attempts, escrow.given_up) == (31, True)
    assert job.ledger.log[-1].reason.endswith("is given up after 28 days.")


async def test_a_given_up_reference_is_sent_when_everything_is_evaluated_again() -> None:
    job = refused(ENTRA, "before update", FORBIDDEN, RED)
    job.source.join("red", ADA)
    await attempts(job, "update", timedelta(days=29), HOUR)
    del job.answers["before update"]
    await job.cycle()
    assert job.members() == set()

    await job.restart()
    await job.cycle()

    assert job.members() == {"ada"}
    assert job.ledger.references[MEMBER].escrow is None


async def test_a_failed_reference_is_sent_at_once_when_its_end_was_made_anew() -> None:
    job = refused(ENTRA, "before update", FORBIDDEN, RED)
    job.source.join("red", ADA)
    await job.cycle()
    del job.answers["before update"]
    (target_id,) = job.target.resources["User"]
    job.target.delete_by_hand("User", target_id)
    job.source.put(entry(ADA, givenName="Lou"))

    await job.cycle()

    assert job.members() == {"ada"}


async def test_a_reference_whose_refusal_may_mean_that_an_end_is_gone_is_tried_once_more_at_once() -> None:
    """Both ends are read in between; a second refusal waits for its time."""
    job = refused(ENTRA, "before update", Refused("AttributeValidationFailed", "No such member.", 400), RED)
    job.source.join("red", ADA)

    await job.cycle()

    assert job.sent()["update", "Group"] == 2
    escrow = job.ledger.references[MEMBER].escrow
    assert escrow is not None
    assert (escrow.attempts, escrow.next_attempt) == (2, job.runtime.time + 6 * HOUR)
