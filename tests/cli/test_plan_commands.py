"""`rollcall job plan --out`, `apply FILE`, `plans`, `show-plan`, `approve` and `reject-plan`; approvals with a worker that runs."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.program import Program, Up

_PATIENCE_SECONDS = 30.0
_JOB, _OTHER = "Planned", "Elsewhere"


@pytest.fixture(scope="module")
def planned(program: Program, up: Up) -> Program:
    """Two assigned people and two jobs that nobody has started, each for an organisation of its own."""
    (program.folder / "people.csv").write_text(
        "userPrincipalName,displayName,givenName,memberOf\nada@example.com,Ada,Ada,Staff\nbob@example.com,Bob,Bob,Staff\n"
    )
    program.ok("directory", "import", "people.csv")
    for name in (_JOB, _OTHER):
        words = ("organisation", "create", name.lower(), name, "--base-url", up.line["workspaces_url"], "--json")
        made = program.ok(*words).json
        (program.folder / "token.txt").write_text(f"{made['secret_token']}\n")
        told = ("--application", name, "--template", "tutorial", "--secret-token", "file:token.txt")
        program.ok("job", "create", made["tenant_url"], *told)
        program.ok("application", "assign", name, "Staff")
    return program


@pytest.fixture
def job(planned: Program) -> Iterator[Program]:
    """The same, in step before and after each test."""
    planned.ok("job", "run", _JOB)
    yield planned
    planned.ok("job", "settings", _JOB, "approval=never")
    planned.ok("job", "pause", _JOB)
    planned.ok("job", "run", _JOB)


def change(job: Program, surname: str) -> None:
    job.ok("directory", "set", "ada@example.com", f"surname={surname}")


def plan_file(job: Program, name: str = "plan.json") -> Path:
    job.ok("job", "plan", _JOB, "--out", name)
    return job.folder / name


def plan_states(job: Program) -> list[str]:
    return [each["state"] for each in job.ok("job", "plans", _JOB, "--json").json["plans"]]


def soon(holds: Callable[[], bool]) -> None:
    """Wait for what a worker does."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < deadline, "the worker did not do it"
        time.sleep(0.1)


def test_a_plan_is_kept_in_each_format_and_its_exit_code_says_whether_there_is_something_to_do(job: Program) -> None:
    nothing = job("job", "plan", _JOB, "--exit-code", "--out", "none.json")
    change(job, "Formats")
    codes = [
        job("job", "plan", _JOB, "--exit-code", "--out", f"kept.{ending}").code
        for ending in ("json", "html", "txt", "md")
    ]
    unknown = job("job", "plan", _JOB, "--out", "kept.docx")

    assert (nothing.code, codes) == (0, [3, 3, 3, 3])
    assert json.loads((job.folder / "kept.json").read_text())["totals"]["update"] == 1
    for ending in ("html", "txt", "md"):
        assert "Formats" in (job.folder / f"kept.{ending}").read_text()
    assert (unknown.code, ".html" in unknown.err) == (2, True)
    assert not (job.folder / "kept.docx").exists()


def test_a_kept_plan_is_applied_once(job: Program) -> None:
    change(job, "Applied")
    plan_file(job)

    applied = job.ok("job", "apply", "plan.json", "--json").json
    again = job("job", "apply", "plan.json")

    assert (applied["counts"]["updated"], applied["problem"]) == (1, None)
    assert (again.code, "Nothing of the plan is left" in again.err) == (2, True)
    assert "not to be done any more: update User ada@example.com" in again.err


def test_what_moved_since_a_plan_was_made_is_shown_and_nothing_is_done(job: Program) -> None:
    change(job, "Before")
    plan_file(job)
    change(job, "After")
    before = job.ok("job", "logs", _JOB, "--json").json["records"]

    moved = job("job", "apply", "plan.json")

    assert moved.code == 2
    assert "name.familyName: planned" in moved.err
    assert '→ "Before", now' in moved.err
    assert '→ "After"' in moved.err
    assert job.ok("job", "logs", _JOB, "--json").json["records"] == before


def _as_is(text: str) -> str:
    return text


@pytest.mark.parametrize(
    ("spoil", "words", "said"),
    [
        pytest.param(lambda text: text.replace("Refused", "Accepted"), (), "changed after it was made", id="edited"),
        pytest.param(lambda text: text[: len(text) // 2], (), "broken off", id="truncated"),
        pytest.param(lambda _: "", (), "no plan", id="empty"),
        pytest.param(lambda _: '{"a": 1}', (), "no plan", id="another document"),
        pytest.param(lambda text: text.replace('"version": 1', '"version": 2'), (), "version 2", id="another version"),
        pytest.param(lambda _: "[" * 100_000, (), "no plan", id="nested without end"),
        pytest.param(_as_is, ("--job", _OTHER), "its own job only", id="another job"),
        pytest.param(_as_is, ("--job", "Nobody"), "no job 'Nobody'", id="an unknown job"),
    ],
)
def test_a_file_that_is_no_plan_of_this_job_as_it_was_written_is_refused(
    job: Program, request: pytest.FixtureRequest, spoil: Callable[[str], str], words: tuple[str, ...], said: str
) -> None:
    change(job, f"Refused {request.node.callspec.id}")
    file = plan_file(job)
    file.write_text(spoil(file.read_text()))

    refused = job("job", "apply", "plan.json", *words)

    assert (refused.code, refused.out) == (2, "")
    assert said in refused.err
    assert job("job", "plan", _JOB, "--exit-code").code == 3, "nothing was done"


def test_a_file_that_can_not_be_read_is_named(job: Program) -> None:
    (job.folder / "folder.json").mkdir(exist_ok=True)
    (job.folder / "random.json").write_bytes(bytes(range(256)) * 8)

    assert "missing.json can't be read" in job("job", "apply", "missing.json").err
    assert "folder.json can't be read" in job("job", "apply", "folder.json").err
    assert "no plan" in job("job", "apply", "random.json").err


def test_a_plan_that_waits_is_told_everywhere_and_a_worker_carries_it_out_once_it_is_approved(job: Program) -> None:
    job.ok("job", "settings", _JOB, "approval=always")
    change(job, "Approved")
    job.ok("job", "start", _JOB)
    soon(lambda: plan_states(job)[:1] == ["waiting"])

    status, data = job.ok("job", "status", _JOB).out, job.ok("job", "status", _JOB, "--json").json
    run = job("job", "run", _JOB)
    shown = job.ok("job", "show-plan", _JOB).out
    job.ok("job", "show-plan", data["plan"]["id"], "--out", "shown.json")
    file = job("job", "apply", "shown.json")
    nameless = job("job", "approve", _JOB, "--by", " ")
    approved = job.ok("job", "approve", _JOB, "--by", "Grace [b]", "--comment", "checked").out
    soon(lambda: plan_states(job)[:1] == ["applied"])
    after, twice = job.ok("job", "status", _JOB), job("job", "approve", _JOB, "--by", "Grace")

    assert "Not in step: a plan waits for approval (1 update)" in status
    assert f"rollcall job approve {_JOB} --by NAME" in status
    assert (data["in_step"], data["plan"]["state"]) == (False, "waiting")
    assert (run.code, f"rollcall job show-plan {_JOB}" in run.out) == (1, True)
    assert "→ Approved" in shown
    assert f"rollcall job reject-plan {_JOB} --by NAME" in shown
    assert (file.code, "approval=always" in file.err) == (2, True)
    assert "--by NAME" in nameless.err
    assert "Approved by Grace [b]; a worker" in approved
    assert "In step" in after.out
    assert (twice.code, "is applied already" in twice.err) == (2, True)
    (kept, *_) = job.ok("job", "plans", "--json").json["plans"]
    assert (kept["decided_by"], kept["comment"]) == ("Grace [b]", "checked")
    (record,) = job.ok("job", "logs", _JOB, "--object", "ada@example.com", "--limit", "1", "--json").json["records"]
    assert record["modifiedProperties"][0]["newValue"] == "Approved"


def test_without_a_worker_the_approval_carries_the_plan_out_itself(job: Program) -> None:
    job.ok("job", "settings", _JOB, "approval=always")
    change(job, "Alone")
    handed_in = job("job", "run", _JOB)
    told = job.ok("job", "approve", _JOB, "--by", "Grace", "--json").json

    assert (handed_in.code, "waits for approval" in handed_in.out) == (1, True)
    assert (told["counts"]["updated"], told["problem"]) == (1, None)
    assert plan_states(job)[0] == "applied"


def test_a_rejected_plan_is_told_and_not_sent(job: Program) -> None:
    job.ok("job", "settings", _JOB, "approval=over", "approval_over=1")
    change(job, "One")
    assert job("job", "run", _JOB).code == 0, "one is not over one"
    change(job, "Two")
    job.ok("directory", "set", "bob@example.com", "surname=Two")
    job("job", "run", _JOB)
    rejected = job.ok("job", "reject-plan", _JOB, "--by", "Grace").out
    again, status = job("job", "run", _JOB), job.ok("job", "status", _JOB).out
    other = job("job", "approve", _JOB, "--by", "Grace")

    assert "Rejected by Grace" in rejected
    assert (again.code, "Grace rejected the plan" in again.out) == (1, True)
    assert "Not in step: a plan was rejected (2 update)" in status
    assert (other.code, "is rejected already" in other.err) == (2, True)
    assert job("job", "plan", _JOB, "--exit-code").code == 3
    change(job, "Three")
    job.ok("directory", "set", "bob@example.com", "surname=One")
    job("job", "run", _JOB)
    assert plan_states(job)[:2] == ["waiting", "rejected"]


def test_who_stops_asking_for_approvals_leaves_no_plan_that_waits(job: Program) -> None:
    job.ok("job", "settings", _JOB, "approval=always")
    change(job, "Never")
    job("job", "run", _JOB)
    job.ok("job", "settings", _JOB, "approval=never")
    job.ok("job", "run", _JOB)

    assert plan_states(job)[0] == "superseded"
    late = job("job", "approve", _JOB, "--by", "Grace")
    assert (late.code, "is superseded already" in late.err) == (2, True)


def test_a_plan_that_is_not_there_is_told_with_the_way_on(job: Program) -> None:
    for command in ("show-plan", "approve", "reject-plan"):
        by: list[Any] = [] if command == "show-plan" else ["--by", "Grace"]
        assert "There is no plan and no job 'Nope'" in job("job", command, "Nope", *by).err
        assert f"The job {_OTHER} has no plan" in job("job", command, _OTHER, *by).err
    assert "No plan waits" in job.ok("job", "plans", _OTHER).err
