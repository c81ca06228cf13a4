"""`rollcall job failures`, on an application that is away: listed, shown, retried, given up."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.cli.program import Program, Up
from tests.cli.test_job_commands import PEOPLE, organisation


@pytest.fixture(scope="module")
def failing(program: Program, up: Up) -> Iterator[Program]:
    """Three people and a job whose application went away before its first cycle."""
    (program.folder / "people.csv").write_text(PEOPLE)
    program.ok("directory", "import", "people.csv")
    with program.up("--seed", "none", "--data", program.folder / "second") as second:
        url, token = organisation(program, second, "away")
        program.ok("job", "create", url, "--secret-token", token, "--name", "away", "--scope", "all")
    assert program("job", "run", "away").code == 1
    yield program
    program.ok("job", "delete", "away", "--yes")


def test_what_failed_is_listed_with_why_and_when_again(failing: Program) -> None:
    """E1."""
    listed = failing.ok("job", "failures", "list", "away")
    data = failing.ok("job", "failures", "list", "away", "--json").json

    assert "User ada@example.com WebExceptionProtocolError 1 attempt since" in listed.out
    assert "again at" in listed.out
    assert "Nothing listens" in listed.out
    assert data["total"] == len(data["failures"]) > 0
    assert data["next"] is None
    assert "rollcall job failures list away" in failing.ok("job", "status", "away").out


def test_a_list_goes_on_where_it_ended(failing: Program) -> None:
    whole = failing.ok("job", "failures", "list", "away", "--json").json["failures"]
    pages: list[dict[str, Any]] = []
    after: tuple[str, ...] = ()
    while True:
        page = failing.ok("job", "failures", "list", "away", "--limit", "1", *after, "--json").json
        pages += page["failures"]
        if page["next"] is None:
            break
        after = ("--after", page["next"])

    assert pages == whole
    assert len(pages) > 1


def test_one_failure_is_shown_with_what_was_asked_and_what_to_do(failing: Program) -> None:
    shown = failing.ok("job", "failures", "show", "ada@example.com", "--job", "away")
    (data,) = failing.ok("job", "failures", "show", "ada@example.com", "--job", "away", "--json").json["failures"]

    assert "What to do: Check the network and whether the application is up" in shown.out
    assert "Last request at" in shown.out
    assert "GET /Users?" in shown.out
    assert "Answer: none" in shown.out
    assert data["exchange"]["status"] is None
    assert data["failure"]["attempts"] == 1


def test_what_is_retried_is_tried_in_the_next_cycle(failing: Program) -> None:
    said = failing.ok("job", "failures", "retry", "ada@example.com", "--job", "away")
    failing("job", "run", "away")
    (after,) = failing.ok("job", "failures", "show", "ada@example.com", "--job", "away", "--json").json["failures"]

    assert "1 object is tried again once the job runs: it is disabled." in said.out
    assert "rollcall job start away" in said.out
    assert after["failure"]["attempts"] == 2


def test_what_is_given_up_is_listed_so_and_the_log_says_who_did(failing: Program) -> None:
    words = ("--job", "away", "--by", "Grace [b]Hopper")
    said = failing.ok("job", "failures", "give-up", "grace@example.com", *words)
    listed = failing.ok("job", "failures", "list", "away", "--given-up")
    log = failing.ok("job", "logs", "away", "--status", "warning")
    again = failing.ok("job", "failures", "retry", "--all", "--job", "away", "--json").json

    assert "1 object is given up" in said.out
    assert "grace@example.com" in listed.out
    assert "given up" in listed.out
    assert "ada@example.com" not in listed.out
    assert "given up by Grace [b]Hopper after" in log.out
    assert again["total"] == again["counts"]["objects"]
    assert failing.ok("job", "failures", "list", "away", "--given-up").out == ""


def test_giving_everything_up_is_asked_about(failing: Program) -> None:
    asked = failing("job", "failures", "give-up", "--all", "--job", "away")

    assert asked.code != 0
    assert "--yes" in asked.err
    assert failing.ok("job", "failures", "list", "away", "--given-up").out == ""


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("list", "--code", "Nonsense"), "There is no code 'Nonsense'. Codes: AttributeValidationFailed"),
        (("list", "--kind", "device"), "There is no kind 'device'; there are User and Group."),
        (("list", "--after", "nonsense"), "'nonsense' is no place in this list."),
        (("list", "nonsense"), "There is no job 'nonsense'"),
        (("show", "nobody@example.com"), "There is no user or group 'nobody@example.com'"),
        (("retry",), "Name users and groups, or say --all"),
        (("retry", "ada@example.com", "--all"), "Name users and groups, or say --all"),
        (("give-up", "ada@example.com", "--by", " "), "Who gives up?"),
    ],
)
def test_what_can_not_be_done_is_refused_with_what_can(failing: Program, words: tuple[str, ...], said: str) -> None:
    job = ("--job", "away") if words[0] != "list" else ()
    name = ("away",) if words[0] == "list" and len(words) == 3 else ()

    refused = failing("job", "failures", words[0], *name, *words[1:], *job)

    assert (refused.code, refused.out) == (2, "")
    assert said in refused.err


def test_somebody_of_whom_nothing_failed_is_refused_with_how_to_see_who_did(failing: Program) -> None:
    (failing.folder / "late.csv").write_text("userPrincipalName,displayName\nlate@example.com,Late\n")
    failing.ok("directory", "import", "late.csv")

    refused = failing("job", "failures", "retry", "late@example.com", "--job", "away")

    assert (refused.code, refused.out) == (2, "")
    assert "Nothing failed of User" in refused.err
    assert "rollcall job failures list" in refused.err
