"""`rollcall job start`, `pause`, `restart`, `audit`, and `status` of a job in quarantine."""

from __future__ import annotations

import pytest

from tests.cli.program import Program, Up

PEOPLE = "userPrincipalName,displayName\nada@example.com,Ada Lovelace\ngrace@example.com,Grace Hopper\n"


@pytest.fixture(scope="module")
def refused(program: Program, up: Up) -> Program:
    """A job of everybody whose application does not accept the token any more, and that has met with that once."""
    made = program.ok("organisation", "create", "acme", "Acme", "--base-url", up.line["workspaces_url"], "--json").json
    (program.folder / "people.csv").write_text(PEOPLE)
    program.ok("directory", "import", "people.csv")
    words = ("--name", "Acme", "--application", "Acme", "--scope", "all", "--secret-token", made["secret_token"])
    program.ok("job", "create", made["tenant_url"], *words)
    program.ok("organisation", "revoke", "acme", made["secret_token"][-4:])
    assert any(program("job", "test", "Acme").code for _ in range(100)), "a revoked token is refused within a second"
    assert program("job", "run", "Acme").code == 1
    return program


def test_quarantine_is_shown_with_its_reason_and_what_to_do(refused: Program) -> None:
    """Q1, Q8."""
    shown = refused.ok("job", "status", "Acme").out
    data = refused.ok("job", "status", "Acme", "--json").json

    assert "In quarantine since" in shown
    assert "EncounteredQuarantineException" in shown
    assert "Enter a valid secret token." in shown
    status = data["synchronization_job"]["status"]
    assert (status["code"], status["quarantine"]["error"]["code"]) == ("Quarantine", "Unauthorized")
    assert (status["countSuccessiveCompleteFailures"], status["lastExecution"]["state"]) == (1, "Failed")
    assert data["quarantine"]["next_attempt"] == data["not_before"]


def test_a_restart_says_what_it_reset_and_a_start_lets_the_job_out_of_quarantine(refused: Program) -> None:
    """Q6, 10."""
    partly = refused.ok("job", "restart", "Acme", "--scope", "Escrows, watermark", "--json").json
    paused = refused.ok("job", "pause", "Acme", "--json").json
    still = refused.ok("job", "status", "Acme", "--json").json["quarantine"]
    whole = refused.ok("job", "restart", "Acme").out
    refused.ok("job", "pause", "Acme")
    audited = refused.ok("job", "audit", "Acme", "--json").json["records"]

    assert (partly["reset"], paused["state"]) == (["Escrows", "Watermark"], "Paused")
    assert still is not None
    assert "is out of quarantine" in whole
    activities = [record["activity"] for record in audited if record["who"].endswith(" (command line)")]
    assert activities[:4] == [
        "Disable/pause provisioning configuration",
        "Enable/restart provisioning configuration",
        "Disable/pause provisioning configuration",
        "Enable/restart provisioning configuration",
    ]
    assert audited[-1]["activity"] == "Quarantine"
    assert "Quarantine" in refused.ok("job", "audit", "Acme").out


@pytest.mark.parametrize("scope", ["Everything", "Watermark,,Escrows", "None,Full"])
def test_an_unknown_reset_scope_is_refused_with_those_that_are_allowed(refused: Program, scope: str) -> None:
    """10."""
    before = refused.ok("job", "list", "--json").json
    said = refused("job", "restart", "Acme", "--scope", scope)

    assert (said.code, said.out) == (2, "")
    assert "nothing was reset" in said.err
    assert refused.ok("job", "list", "--json").json == before


def test_what_somebody_changed_is_in_the_audit_log_old_and_new_and_without_secrets(refused: Program, up: Up) -> None:
    """13 audit."""
    words = ("organisation", "create", "seen", "Seen", "--base-url", up.line["workspaces_url"], "--json")
    made = refused.ok(*words).json
    token = made["secret_token"]
    refused.ok("job", "create", made["tenant_url"], "--secret-token", token, "--name", "Seen")
    refused.ok("job", "settings", "Seen", "deletion_threshold=7", "notification_emails=ops@example.com")
    refused.ok("job", "settings", "Seen", "deletion_threshold=7")
    refused.ok("job", "credentials", "Seen", "--secret-token", token, "--expires", "2035-01-31")
    document = refused.folder / "seen.json"
    document.write_text(refused.ok("job", "schema", "show", "Seen", "--json").out.replace("jobTitle", "department"))
    refused.ok("job", "schema", "set", str(document), "Seen", "--yes")
    said = refused.ok("job", "audit", "Seen")
    records = refused.ok("job", "audit", "Seen", "--json").json["records"]

    assert [record["activity"] for record in records] == [
        "Update attribute mappings or scope",
        "Update provisioning setting or credentials",
        "Update provisioning setting or credentials",
    ], "what changes nothing is not told"
    mappings, credentials, settings = (record["details"] for record in records)
    assert settings == {
        "deletion_threshold": {"old": 500, "new": 7},
        "notification_emails": {"old": [], "new": ["ops@example.com"]},
    }
    assert credentials == {"secret_token": "replaced", "expires": {"old": None, "new": "2035-02-01T00:00:00+00:00"}}
    assert mappings == {"User title": {"old": "[jobTitle]", "new": "[department]"}}
    assert "deletion_threshold: 500 → 7" in said.out
    assert token not in said.out + str(records)
    assert all(record["who"].endswith(" (command line)") for record in records)


def test_a_job_to_which_nothing_was_done_has_an_empty_audit_log(refused: Program, up: Up) -> None:
    made = refused.ok(
        "organisation", "create", "quiet", "Quiet", "--base-url", up.line["workspaces_url"], "--json"
    ).json
    refused.ok("job", "create", made["tenant_url"], "--secret-token", made["secret_token"], "--name", "Quiet")

    assert refused.ok("job", "audit", "Quiet").err == "Nothing was done to this job yet.\n"
