"""`rollcall job held`, `allow` and `reject`: removals that a guard held back, in lots, and what somebody decides about them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.cli.program import Program, Up

_JOB = "Guarded job"
_NOBODY = "00000000-0000-7000-8000-000000000000"
_PEOPLE = ("ada", "bob", "cleo", "dora", "emil", "finn")


@pytest.fixture(scope="module")
def guarded(program: Program, up: Up) -> Program:
    """A job of six people and a group of all of them, of whom a cycle may remove one."""
    words = ("organisation", "create", "guarded", "Guarded", "--base-url", up.line["workspaces_url"], "--json")
    made = program.ok(*words).json
    rows = "".join(f"{name}@example.com,{name.title()},Staff\n" for name in _PEOPLE)
    (program.folder / "people.csv").write_text(f"userPrincipalName,displayName,memberOf\n{rows}")
    program.ok("directory", "import", "people.csv")
    told = ("--name", _JOB, "--application", "Guarded", "--scope", "all", "--secret-token", made["secret_token"])
    program.ok("job", "create", made["tenant_url"], *told)
    program.ok("job", "settings", _JOB, "deletion_threshold=2", "membership_removal_threshold=2")
    return program


@pytest.fixture
def job(guarded: Program) -> Iterator[Program]:
    """The same with everybody in the application and nothing held back, before and after each test."""
    guarded.ok("job", "run", _JOB)
    yield guarded
    for name in _PEOPLE:
        guarded.ok("directory", "set", f"{name}@example.com", "accountEnabled=true")
        guarded("directory", "add-member", "Staff", f"{name}@example.com")
    guarded.ok("job", "run", _JOB)
    if held(guarded)["lots"]:
        guarded.ok("job", "reject", _JOB, "--by", "the next test")


def held(job: Program, *words: str) -> Any:
    return job.ok("job", "held", _JOB, "--json", *words).json


def leave(job: Program, *names: str) -> str:
    """These leave, which is too many for one cycle; the lot in which they are held back."""
    before = {lot["id"] for lot in held(job)["lots"]}
    for name in names:
        job.ok("directory", "set", f"{name}@example.com", "accountEnabled=false")
    job.ok("job", "run", _JOB)
    (lot,) = (lot["id"] for lot in held(job)["lots"] if lot["id"] not in before)
    return str(lot)


def disabled(job: Program) -> int:
    return int(job.ok("job", "status", _JOB, "--json").json["standing"]["disabled"])


def test_nothing_held_back_is_said_and_there_is_nothing_to_decide(job: Program) -> None:
    """P4."""
    shown = job.ok("job", "held", _JOB).out
    decided = [job("job", word, _JOB, "--by", "Ada") for word in ("allow", "reject")]

    assert shown == f"Nothing of {_JOB} is held back.\n"
    assert (held(job)["lots"], held(job)["objects"]) == ([], [])
    assert [said.code for said in decided] == [2, 2]
    assert all("Nothing of this job is held back." in said.err for said in decided)


def test_a_lot_is_shown_with_its_evidence_and_what_to_do_and_the_next_cycle_sends_it_when_it_is_allowed(
    job: Program,
) -> None:
    """P3, P4."""
    lot = leave(job, "ada", "bob")
    text = job.ok("job", "held", _JOB).out
    (shown,) = held(job)["lots"]
    before = disabled(job)
    allowed = job.ok("job", "allow", _JOB, "--by", "Grace, ticket 4711").out
    nothing = held(job)
    job.ok("job", "run", _JOB)
    (kept,) = [each for each in held(job, "--all")["lots"] if each["id"] == lot]

    assert "2 removals held back" in text
    assert "the job's deletion threshold is 2" in text
    assert ("ada@example.com" in text, "bob@example.com" in text) == (True, True)
    assert f"rollcall job allow '{_JOB}'" in text
    assert (shown["guard"], shown["objects"], shown["memberships"]) == ("deletion_threshold", 2, 0)
    assert "2 removals allowed by Grace, ticket 4711." in allowed
    assert (nothing["lots"], nothing["objects"]) == ([], [])
    assert (before, disabled(job)) == (0, 2)
    assert (kept["decision"], kept["decided_by"], kept["number"]) == ("allowed", "Grace, ticket 4711", 2)
    assert "allowed" in job.ok("job", "held", _JOB, "--all").out
    records = job.ok("job", "audit", _JOB, "--json").json["records"]
    audited = next(each for each in records if each["activity"] != "Quarantine")
    assert (audited["activity"], audited["who"]) == ("Allow removals that were held back", "Grace, ticket 4711")
    assert audited["details"] == {"objects": 2, "memberships": 0, "lots": lot}


def test_what_is_rejected_stays_as_it_is(job: Program) -> None:
    """P4."""
    leave(job, "cleo", "dora")
    said = job.ok("job", "reject", _JOB, "--by", "Grace", "--json").json
    job.ok("job", "run", _JOB)

    assert (said["removals"], said["by"], len(said["lots"])) == (2, "Grace", 1)
    assert (disabled(job), held(job)["lots"]) == (0, [])


def test_of_several_lots_one_is_decided_by_its_id_and_the_others_wait_on(job: Program) -> None:
    """P4."""
    first, second = leave(job, "ada", "bob"), leave(job, "cleo", "dora")
    both = held(job)
    job.ok("job", "allow", _JOB, "--by", "Grace", "--lot", first)
    waiting = held(job)
    job.ok("job", "run", _JOB)
    gone = disabled(job)
    again = job("job", "reject", _JOB, "--by", "Grace", "--lot", first)
    rest = job.ok("job", "reject", _JOB, "--by", "Grace", "--json").json

    assert {lot["id"] for lot in both["lots"]} == {first, second}
    assert ({lot["id"] for lot in waiting["lots"]}, {each["lot"] for each in waiting["objects"]}) == (
        {second},
        {second},
    )
    assert gone == 2
    assert (again.code, "allowed already, by Grace" in again.err) == (2, True)
    assert (rest["lots"], rest["removals"]) == ([second], 2)


def test_all_lots_are_allowed_at_once_where_none_is_named(job: Program) -> None:
    """P4."""
    lots = {leave(job, "ada", "bob"), leave(job, "cleo", "dora")}
    said = job.ok("job", "allow", _JOB, "--by", "Grace", "--json").json
    job.ok("job", "run", _JOB)

    assert (set(said["lots"]), said["removals"], disabled(job)) == (lots, 4, 4)


def test_memberships_are_held_back_and_allowed_as_a_lot_of_their_own(job: Program) -> None:
    for name in ("ada", "bob"):
        job.ok("directory", "remove-member", "Staff", f"{name}@example.com")
    job.ok("job", "run", _JOB)
    text = job.ok("job", "held", _JOB).out
    (shown,) = held(job)["lots"]
    before = job.ok("job", "status", _JOB, "--json").json["standing"]["references"]
    said = job.ok("job", "allow", _JOB, "--by", "Grace").out
    job.ok("job", "run", _JOB)

    assert "2 membership removals held back" in text
    assert "Staff" in text
    assert (shown["guard"], shown["objects"], shown["memberships"]) == ("membership_removal_threshold", 0, 2)
    assert "2 removals allowed" in said
    assert job.ok("job", "status", _JOB, "--json").json["standing"]["references"] == before - 2


def test_an_unknown_lot_an_id_that_is_none_and_nobody_who_decides_are_refused(job: Program) -> None:
    lot = leave(job, "ada", "bob")
    for word in ("allow", "reject"):
        unknown = job("job", word, _JOB, "--by", "Grace", "--lot", _NOBODY)
        wrong = job("job", word, _JOB, "--by", "Grace", "--lot", "first")
        nobody = job("job", word, _JOB, "--by", " ")
        unsaid = job("job", word, _JOB)

        assert (unknown.code, f"Nothing is held back as {_NOBODY}" in unknown.err) == (2, True)
        assert (wrong.code, "rollcall job held" in wrong.err) == (2, True)
        assert (nobody.code, "--by" in nobody.err) == (2, True)
        assert (unsaid.code, "--by" in unsaid.err) == (2, True)
    assert [each["id"] for each in held(job)["lots"]] == [lot], "nothing was decided"
