"""Values that no log may show: neither what was matched with, nor whose a taken one is, nor what was refused."""

from __future__ import annotations

from rollcall.provisioning.conflicts import Holder, conflict_reason
from rollcall.provisioning.connectors.contract import Refused, Unanswered
from rollcall.provisioning.mapping import compile_mapping
from rollcall.provisioning.model import AttributeMapping, JobSettings, Key, ObjectMapping
from tests.unit.provisioning.builders import ADA, IS_ACTIVE, USER_NAME, computed, entry
from tests.unit.provisioning.one_job import MAPPINGS, Job

SECRET = "SSN-1"
ACTIVE = computed(IS_ACTIVE, "active")


def job(*attributes: AttributeMapping) -> Job:
    """A job whose user has the secret as `ssn`."""
    made = Job(JobSettings(), mappings={**MAPPINGS, "User": compile_mapping(ObjectMapping("User", attributes))})
    made.source.put(entry(ADA, ssn=SECRET))
    return made


async def test_the_matching_step_hides_a_redacted_value() -> None:
    """13 Redact."""
    made = job(USER_NAME, computed("Redact([ssn])", "externalId", matching_priority=2), ACTIVE)

    await made.cycle()

    (record,) = made.ledger.log
    (matching,) = [step for step in record.steps if step["name"] == "EntryImport"]
    assert matching["details"]["externalId"] == "[Redact]"
    assert matching["details"]["userName"] == "ada@example.org"
    assert SECRET not in repr(made.ledger.log)
    assert made.account("ada")["externalId"] == SECRET


async def test_a_refused_value_that_is_redacted_is_not_quoted() -> None:
    for target in ("active", "meta.created", "profileUrl"):
        made = job(USER_NAME, computed('Redact(Join(" ", [ssn], "x"))', target))

        await made.cycle()

        written = repr(made.ledger.log) + repr(made.ledger.links)
        assert SECRET not in written
        assert SECRET.lower() not in written


async def test_the_reason_of_a_refused_value_says_what_is_expected_without_the_value() -> None:
    made = job(USER_NAME, computed("Redact([ssn])", "active"))

    await made.cycle()

    assert "active: True or False is expected, not [Redact]." in repr(made.ledger.log)


def test_whose_a_taken_value_is_is_said_without_a_redacted_value() -> None:
    holders = [Holder("externalId", SECRET, "7"), Holder("userName", "ada", "8")]

    reason = conflict_reason("Taken.", holders, {"externalId"})

    assert "externalId [Redact] belongs to object 7" in reason
    assert 'userName "ada" belongs to object 8' in reason
    assert SECRET not in reason


async def test_a_conflict_over_a_redacted_value_is_logged_and_kept_without_it() -> None:
    made = job(USER_NAME, computed("Redact([ssn])", "externalId"), ACTIVE)
    made.target.make_by_hand("User", {"userName": "z", "externalId": "SSN-2"})
    await made.cycle()
    made.source.put(entry(ADA, ssn="SSN-2"))
    made.answers["before update"] = [Refused("EntryConflict", "Taken.", 409)] * 9

    await made.cycle()

    assert "externalId [Redact] belongs to object" in repr(made.ledger.log)
    assert "SSN-2" not in repr(made.ledger.log)
    (kept,) = [link.escrow.reason for link in made.ledger.links.values() if link.escrow]
    assert "externalId [Redact] belongs to object" in kept
    assert "SSN-2" not in kept


def everything_kept(made: Job) -> str:
    """All that a job writes down: its log, what it keeps of failures, and the requests and answers kept with them."""
    ledger = made.ledger
    return repr((ledger.log, [link.escrow for link in ledger.links.values()], ledger.exchanges))


ECHO = f"It did not like {SECRET} at all."


async def test_a_target_that_repeats_a_redacted_value_at_any_step_is_not_quoted() -> None:
    """13 Redact."""
    for moment in ("before create", "before find"):
        made = job(USER_NAME, computed("Redact([ssn])", "externalId", matching_priority=2), ACTIVE)
        made.answers[moment] = [Refused("UnprocessableEntity", ECHO, 422, answered=ECHO)] * 9

        await made.cycle()

        written = everything_kept(made)
        assert "It did not like [Redact] at all." in written, moment
        assert SECRET not in written, moment


async def test_what_stops_a_cycle_is_told_without_the_redacted_value_that_the_target_repeats() -> None:
    """Q1: this sentence goes into the status of the job, mails and webhooks."""
    denied = Refused("Unauthorized", ECHO, 401, denied=True)
    away = Unanswered("Timeout", ECHO, away=True)
    later = Refused("TooManyRequests", ECHO, 429, retry_after_seconds=86_400.0)
    for moment in ("before create", "before find"):
        for answer in (denied, away, later):
            made = job(USER_NAME, computed("Redact([ssn])", "externalId", matching_priority=2), ACTIVE)
            for number in range(8):
                made.source.put(
                    entry(Key("User", f"u{number}"), ssn=f"SSN-9{number}", userPrincipalName=f"u{number}@example.org")
                )
            made.answers[moment] = [answer] * 99

            result = await made.cycle()

            assert result.problem is not None
            assert "It did not like [Redact]" in result.problem.reason
            assert SECRET not in result.problem.reason


async def test_a_password_is_shown_nowhere_though_nobody_says_so() -> None:
    """RFC 7643 §4.1.1: a password is never returned."""
    made = job(USER_NAME, computed("[ssn]", "password"), ACTIVE)
    made.answers["before create"] = [Refused("UnprocessableEntity", ECHO, 422, answered=ECHO)]

    await made.cycle()
    made.answers.clear()
    made.source.put(entry(ADA, ssn=SECRET, displayName="Ada L."))
    await made.cycle()

    assert made.account("ada")["password"] == SECRET
    assert "[Redact]" in everything_kept(made)
    assert SECRET not in everything_kept(made)
