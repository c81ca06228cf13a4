"""`rollcall job logs` as a program: asked by each option, followed until Ctrl-C, exported; and how long it is kept."""

from __future__ import annotations

import csv
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.program import Program, Up
from tests.cli.test_job_commands import PEOPLE, organisation


@pytest.fixture(scope="module")
def logged(program: Program, up: Up) -> Program:
    """A job that has run once, and again after a change."""
    url, token = organisation(program, up, "logged")
    (program.folder / "people.csv").write_text(PEOPLE)
    (program.folder / "token.txt").write_text(f"{token}\n")
    program.ok("directory", "import", "people.csv")
    words = ("--application", "Workspaces", "--template", "tutorial", "--secret-token", "file:token.txt")
    program.ok("job", "create", url, *words)
    program.ok("application", "assign", "Workspaces", "Analysts")
    program.ok("job", "run")
    program.ok("directory", "set", "ada@example.com", "givenName==1+1")
    program.ok("job", "run")
    return program


@pytest.mark.parametrize(
    ("words", "number"),
    [
        (("--user", "ada@example.com"), 2),
        (("--user", "ada@example.com", "--attribute", "name"), 2),
        (("--group", "Analysts", "--attribute", "members"), 1),
        (("--action", "create", "--status", "success"), 3),
        (("--since", "1h", "--action", "update", "--attribute", "name.givenName"), 1),
        (("--until", "1h"), 0),
        (("--status", "failure"), 0),
        (("--code", "Unauthorized"), 0),
        (("--limit", "2"), 2),
    ],
)
def test_the_log_is_asked_by_options(logged: Program, words: tuple[str, ...], number: int) -> None:
    told = logged.ok("job", "logs", *words, "--json").json

    assert len(told["records"]) == number


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--user", "nobody@example.com"), "no user or group"),
        (("--user", "Analysts"), "--group"),
        (("--action", "remove"), "stagedDelete"),
        (("--status", "bad"), "skipped"),
        (("--since", "yesterday"), "2h, 7d"),
        (("--cycle", "7"), "is no id"),
        (("--cycle", "00000000-0000-7000-8000-000000000000"), "no cycle"),
        (("--attribute", "displayNam"), "Did you mean"),
        (("--code", "Unauthorised"), "Unauthorized"),
        (("--id", "00000000-0000-7000-8000-000000000000"), "no record"),
        (("--export", "log.xlsx"), ".jsonl"),
        (("--export", "nowhere/log.csv"), "can't be written"),
        (("--follow", "--csv"), "at a time"),
        (("--cursor", "x"), "none that a page"),
    ],
)
def test_what_is_unknown_is_refused_with_what_is_allowed(logged: Program, words: tuple[str, ...], says: str) -> None:
    said = logged("job", "logs", *words)

    assert said.code == 2
    assert says in said.err


def test_one_record_is_shown_with_request_answer_and_who_had_it_done(logged: Program) -> None:
    (record,) = logged.ok("job", "logs", "--user", "ada@example.com", "--limit", "1", "--json").json["records"]
    text = logged.ok("job", "logs", "--id", record["id"]).out

    assert record["initiatedBy"]["initiatorType"] == "user", "rollcall job run is by hand"
    for part in ("Request: PATCH /Users/", "HttpStatus: 200", "initiated by:", "→ =1+1", record["cycleId"]):
        assert part in text


def test_the_log_is_exported_as_three_tables_and_as_json_lines(logged: Program) -> None:
    whole = logged.ok("job", "logs", "--limit", "1000", "--json").json["records"]
    logged.ok("job", "logs", "--export", "log.csv")
    logged.ok("job", "logs", "--export", "log.jsonl")
    printed = logged.ok("job", "logs", "--csv").out

    def table(name: str) -> list[dict[str, str]]:
        with (logged.folder / name).open(encoding="utf-8-sig", newline="") as file:
            return list(csv.DictReader(file, strict=True))

    logs, steps, modified = table("log.csv"), table("log-steps.csv"), table("log-modified-properties.csv")
    assert [each["changeId"] for each in logs] == [each["changeId"] for each in whole]
    assert len(steps) == sum(len(each["provisioningSteps"]) for each in whole)
    assert "'=1+1" in {each["newValue"] for each in modified}
    assert [json.loads(line) for line in (logged.folder / "log.jsonl").read_text().splitlines()] == whole
    assert (logged.folder / "log.csv").read_bytes().startswith(b"\xef\xbb\xbf")
    assert len(list(csv.DictReader(printed.splitlines()))) == len(whole)
    assert not list(Path(logged.folder).glob("*.part"))


@pytest.fixture
def following(logged: Program) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "rollcall", "job", "logs", "--follow", "--json", "--user", "alan@example.com"],
        cwd=logged.folder,
        env=logged.whole_environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    yield process
    process.kill()
    process.communicate()


def test_the_log_is_followed_until_interrupted(logged: Program, following: subprocess.Popen[str]) -> None:
    assert following.stderr is not None
    assert following.stdout is not None
    assert "end with Ctrl-C" in following.stderr.readline()
    logged.ok("directory", "set", "alan@example.com", "givenName=Alan Mathison")
    logged.ok("job", "run")
    record = json.loads(following.stdout.readline())
    following.send_signal(signal.SIGINT)
    out, err = following.communicate(timeout=60)

    assert record["modifiedProperties"][0]["newValue"] == "Alan Mathison"
    assert (following.returncode, out, "Traceback" in err) == (130, "", False)


def test_a_tenant_says_how_long_its_log_is_kept(logged: Program) -> None:
    before = logged.ok("tenant", "settings", "--json").json
    after = logged.ok("tenant", "settings", "log_kept_days=90", "--json").json
    refused = [logged("tenant", "settings", word) for word in ("log_kept_days=0", "log_kept_days=x", "other=1")]

    assert (before, after) == ({"log_kept_days": 400}, {"log_kept_days": 90})
    assert [each.code for each in refused] == [2, 2, 2]
