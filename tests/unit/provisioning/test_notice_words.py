"""What a notice says to people; every command in it exists."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
import typer

from rollcall.cli import app
from rollcall.provisioning.notice_rules import EVENTS
from rollcall.provisioning.notice_words import NoticeWords, words_of
from rollcall.provisioning.webhook_signature import key_of, print_secret, signed_headers

AT = datetime(2026, 3, 1, 8, 15, tzinfo=UTC)
JOB = UUID(int=7)


def words(kind: str = "quarantine", *, name: str = "Sales", details: Mapping[str, Any] | None = None) -> NoticeWords:
    return words_of(kind, "It\x1b[2J stopped.", details or {}, at=AT, job_id=JOB, job_name=name, installation=None)


@pytest.mark.parametrize("kind", EVENTS)
def test_every_kind_says_what_to_do_with_commands_that_exist(kind: str) -> None:
    told = words(kind)

    assert "Sales" in told.heading
    assert told.steps
    for step in told.steps:
        command: Any = typer.main.get_command(app)
        words_left = iter(step.command.split()[1:])
        while hasattr(command, "commands"):
            command = command.commands[next(words_left)]
        options = {option for param in command.params for option in param.opts}
        assert {word for word in step.command.split() if word.startswith("--")} <= options
        assert "Sales" in step.command


def test_a_decision_is_asked_for_with_the_commands_that_take_it() -> None:
    """P4: allow or reject; a plan by its id, so that the one that was mailed is the one that is approved."""
    held, approval = words("held"), words("approval", details={"plan_id": "0199-7"})

    assert [step.command for step in held.steps] == [
        "rollcall job held Sales",
        "rollcall job allow Sales --by 'YOUR NAME'",
        "rollcall job reject Sales --by 'YOUR NAME'",
    ]
    assert [step.command for step in approval.steps] == [
        "rollcall job show-plan 0199-7",
        "rollcall job approve 0199-7 --by 'YOUR NAME'",
        "rollcall job reject-plan 0199-7 --by 'YOUR NAME'",
        "rollcall job plans Sales",
    ]


@pytest.mark.parametrize("kind", EVENTS)
def test_where_there_are_several_tenants_every_command_says_which(kind: str) -> None:
    told = words_of(
        kind, "", {}, at=AT, job_id=JOB, job_name="JOB of PLAN", installation=None, tenant_name="contoso & co"
    )

    assert all(step.command.endswith(" --tenant 'contoso & co'") for step in told.steps)
    assert all(step.command.count("'JOB of PLAN'") == 1 for step in told.steps)


@pytest.mark.parametrize("name", ["a\nb", "--yes", "\x1b[2J", " "])
def test_a_name_that_can_not_be_copied_is_replaced_by_the_id(name: str) -> None:
    told = words(name=name)

    assert all(str(JOB) in step.command for step in told.steps)
    assert told.heading.isprintable()


def test_names_are_quoted_for_the_shell() -> None:
    assert words(name="a; rm -rf ~").steps[0].command == "rollcall job status 'a; rm -rf ~'"


def test_facts_are_for_people_and_without_secrets() -> None:
    facts = words(
        details={
            "failures": 1284,
            "nextAttempt": "2026-03-01T14:15:00+00:00",
            "since": "2026-02-27T01:02:03+01:00",
            "names": [f"n{number}" for number in range(12)],
            "secret_token": "abc",
            "answer": "Authorization: Bearer abcdefghij",
            "missing": None,
            "cycle": str(JOB),
        }
    )

    assert facts.since == "27 February 2026, 00:02 UTC"
    assert facts.facts == (
        ("Failures", "1,284"),
        ("Next attempt", "1 March 2026, 14:15 UTC"),
        ("Names", "n0, n1, n2, n3, n4, n5, n6, n7, n8, n9 and 2 more"),
        ("Answer", "Authorization: Bearer ••••"),
    )
    assert "\x1b" not in facts.message


def test_a_signature_is_that_of_the_published_example() -> None:
    headers = signed_headers(
        ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        datetime.fromtimestamp(1614265330, UTC),
        b'{"test": 2432232314}',
    )

    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert headers["webhook-timestamp"] == "1614265330"


def test_a_secret_is_printed_and_read() -> None:
    assert key_of(print_secret(b"x" * 32)) == b"x" * 32
    with pytest.raises(ValueError, match="base64"):
        key_of("whsec_no base64")
