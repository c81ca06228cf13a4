"""`rollcall job` from a first connection to the log, between the two halves over the wire."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.cli.program import Program, Up

PEOPLE = """userPrincipalName,displayName,givenName,memberOf
ada@example.com,Ada Lovelace,Ada,Analysts
alan@example.com,Alan Turing,Alan [b]M.,Analysts
grace@example.com,Grace Hopper,Grace,
"""


def organisation(program: Program, up: Up, key: str) -> tuple[str, str]:
    """Tenant URL and Secret Token of a new organisation."""
    made = program.ok("organisation", "create", key, key, "--base-url", up.line["workspaces_url"], "--json").json
    return made["tenant_url"], made["secret_token"]


@pytest.fixture(scope="module")
def connected(program: Program, up: Up) -> Program:
    """Three people, two of them assigned through a group, and a job that has not run."""
    url, token = organisation(program, up, "contoso")
    (program.folder / "people.csv").write_text(PEOPLE)
    (program.folder / "token.txt").write_text(f"{token}\n")
    program.ok("directory", "import", "people.csv")
    words = ("--application", "Workspaces", "--template", "tutorial", "--secret-token", "file:token.txt")
    program.ok("job", "create", url, *words)
    program.ok("application", "assign", "Workspaces", "Analysts")
    return program


def plan(program: Program, *words: str) -> Any:
    return program("job", "plan", "Workspaces", "--json", *words).json


def test_a_job_is_planned_run_and_then_in_step(connected: Program) -> None:
    """G1, G3."""
    first, again = plan(connected), plan(connected)
    text = connected("job", "plan", "Workspaces", "--exit-code")
    ran = connected.ok("job", "run", "Workspaces", "--json").json
    status = connected.ok("job", "status", "Workspaces", "--json").json
    after = connected("job", "plan", "Workspaces", "--exit-code")

    assert first["digest"] == again["digest"], "a plan writes nothing"
    assert {(each["action"], each["name"]) for each in first["objects"]} == {
        ("create", "ada@example.com"),
        ("create", "alan@example.com"),
        ("create", "Analysts"),
    }
    assert {change["attribute"] for change in first["objects"][0]["changes"]} >= {"userName", "active", "externalId"}
    (members,) = first["references"]
    assert (members["name"], members["attribute"], len(members["added"])) == ("Analysts", "members", 2)
    assert first["totals"]["create"] == 3
    assert text.code == 3
    assert "name.givenName: Alan [b]M." in text.out
    assert (ran["kind"], ran["counts"]["created"], ran["problem"]) == ("initial", 3, None)
    assert (status["in_step"], status["standing"]["users"], status["standing"]["groups"]) == (True, 2, 1)
    assert (after.code, "Nothing to do" in after.out) == (0, True)


def test_a_change_shows_old_and_new_value_in_plan_and_log(connected: Program) -> None:
    connected.ok("job", "run", "Workspaces")
    connected.ok("directory", "set", "ada@example.com", "givenName=Augusta")
    planned = plan(connected)["objects"]
    text = connected.ok("job", "plan", "Workspaces").out
    connected.ok("job", "run", "Workspaces")
    (record,) = connected.ok("job", "logs", "Workspaces", "--object", "ada@example.com", "--limit", "1", "--json").json[
        "records"
    ]

    wanted = {"attribute": "name.givenName", "old": "Ada", "new": "Augusta"}
    assert planned[0]["changes"] == [wanted]
    assert "name.givenName: Ada → Augusta" in text
    told = {"displayName": "name.givenName", "oldValue": "Ada", "newValue": "Augusta"}
    assert (record["provisioningAction"], record["modifiedProperties"]) == ("update", [told])
    assert (record["provisioningStatusInfo"]["status"], record["sourceIdentity"]["displayName"]) == (
        "success",
        "ada@example.com",
    )
    assert [step["provisioningStepType"] for step in record["provisioningSteps"]] == [
        "import",
        "matching",
        "scoping",
        "matching",
        "export",
    ]


def test_on_demand_brings_one_person_in_step_and_shows_the_steps(connected: Program) -> None:
    """O2, O6, O8."""
    connected.ok("job", "run", "Workspaces")
    connected.ok("directory", "set", "ada@example.com", "surname=King")
    connected.ok("directory", "set", "alan@example.com", "surname=Mathison")

    shown = connected.ok("job", "on-demand", "ada@example.com").out
    left = plan(connected)["objects"]

    assert "→ King" in shown
    for line in (
        "2. Import: success",
        "3. Determine scope: success",
        "4. Match: success",
        "5. Perform action: success",
    ):
        assert line in shown
    assert [each["name"] for each in left] == ["alan@example.com"]


def test_on_demand_takes_filters_and_dry_runs_and_says_what_it_can_not_take(connected: Program) -> None:
    """O1, O2, O9."""
    connected.ok("directory", "set", "ada@example.com", "department=Engines", "surname=Byron")
    logged = connected.ok("job", "logs", "--json").json["records"]
    dry = connected.ok("job", "on-demand", "--filter", 'department eq "engines"', "--dry-run", "--json").json
    nobody = connected("job", "on-demand")
    unknown = connected("job", "on-demand", "--filter", 'departmint eq "x"')
    no_group = connected("job", "on-demand", "ada@example.com", "--members", "alan@example.com")
    other_job = connected("job", "on-demand", "ada@example.com", "--job", "Nothing")

    (report,) = dry["reports"]
    assert (dry["dry_run"], report["name"], report["result"]) == (True, "ada@example.com", "success")
    assert json.loads(report["graph"]["key"])["result"] == "Success"
    assert connected.ok("job", "logs", "--json").json["records"] == logged
    assert "--filter" in nobody.err
    assert "Did you mean department?" in unknown.err
    assert "no group" in no_group.err
    assert other_job.code != 0
    told = connected.ok("job", "on-demand", "Analysts", "--members", "ada@example.com").out
    assert "ada@example.com" in told
    assert "→ Byron" in told
    assert "2 objects: " in told


def test_a_person_is_explained_by_upn_mail_name_and_id(connected: Program) -> None:
    """O3: scope, mappings, link and requests of one person, as text and as data."""
    connected.ok("directory", "set", "ada@example.com", "mail=a.lovelace@example.org")
    told = connected.ok("job", "explain", "Workspaces", "ada@example.com", "--json").json
    words = ("A.Lovelace@example.org", "Ada Lovelace", told["key"][1])
    others = [connected.ok("job", "explain", "Workspaces", word, "--json").json for word in words]
    text = connected.ok("job", "explain", "Workspaces", "ada@example.com", "--verbose").out
    group = connected.ok("job", "explain", "Workspaces", "Analysts").out

    assert [each["key"] for each in others] == [told["key"]] * 3
    assert told["key"][0] == "User"
    assert (told["scope"]["verdict"], told["source"]["assigned_by"]) == ("active", ["group Analysts"])
    assert {each["target"] for each in told["mappings"]} >= {"userName", "active"}
    assert "[IsSoftDeleted]" in text
    assert group.startswith("Group Analysts in Workspaces")


def test_an_explanation_of_a_past_moment_comes_from_the_log(connected: Program) -> None:
    early = connected.ok("job", "explain", "Workspaces", "ada@example.com", "--at", "2020-01-01", "--json").json
    refused = connected("job", "explain", "Workspaces", "ada@example.com", "--at", "yesterday")
    later = connected("job", "explain", "Workspaces", "ada@example.com", "--at", "2999-01-01T00:00:00Z")

    assert early["past"]
    assert early["silence"].startswith("The job did not exist yet")
    assert (refused.code, later.code) == (2, 2)
    assert "2026-11-24T09:00:00Z" in refused.err


def test_nobody_can_be_explained_and_who_could_be_is_said(connected: Program) -> None:
    unknown, too_many = (
        connected("job", "explain", "Workspaces", "nobody"),
        connected("job", "explain", "Workspaces", "ada", "alan"),
    )
    nowhere = connected("job", "explain", "Workspaces", "00000000-0000-0000-0000-000000000007")

    assert (unknown.code, too_many.code, nowhere.code) == (2, 2, 2)
    assert "userPrincipalName, mail, displayName or id" in unknown.err
    assert "Say which job and whom" in too_many.err


def test_on_demand_refuses_somebody_who_is_not_there(connected: Program) -> None:
    refused = connected("job", "on-demand", "nobody@example.com")

    assert (refused.code, "nobody@example.com" in refused.err) == (2, True)


def test_apply_shows_the_plan_and_asks(connected: Program) -> None:
    connected.ok("job", "run", "Workspaces")
    connected.ok("directory", "set", "alan@example.com", "surname=Turing")
    unasked = connected("job", "apply", "Workspaces")
    applied = connected.ok("job", "apply", "Workspaces", "--yes")

    assert unasked.code == 2
    assert "→ Turing" in unasked.out
    assert "--yes" in unasked.err
    assert "1 updated" in applied.out


def test_the_connection_is_tested_before_anything_is_made(connected: Program, up: Up) -> None:
    url, token = organisation(connected, up, "fabrikam")
    wrong = connected("job", "create", url, "--secret-token", token[:-1], "--application", "Fabrikam", "--json")
    nowhere = connected(
        "job", "create", f"{url}/nowhere", "--secret-token", token, "--application", "Fabrikam", "--json"
    )
    down = connected("job", "create", "http://127.0.0.1:9/scim", "--secret-token", token, "--application", "Fabrikam")

    assert (wrong.code, wrong.json["error"]["code"]) == (1, "wrong_token")
    assert (nowhere.code, nowhere.json["error"]["code"]) == (1, "wrong_url")
    assert (down.code, down.out) == (1, "")
    assert "Nothing listens" in down.err
    assert [job["display_name"] for job in connected.ok("job", "list", "--json").json["jobs"]] == ["Workspaces"]
    assert "Fabrikam" not in connected.ok("application", "list").out


def test_the_token_may_come_from_the_environment_or_standard_input(connected: Program, up: Up) -> None:
    url, token = organisation(connected, up, "tokens")
    program = Program(connected.folder, {**connected.environment, "SOME_TOKEN": token})
    for number, (given, stdin) in enumerate((("env:SOME_TOKEN", ""), ("-", f"{token}\n"))):
        name = f"token {number}"
        program.ok("job", "create", url, "--secret-token", given, "--name", name, stdin=stdin)
        program.ok("job", "delete", name, "--yes")

    assert program("job", "create", url, "--secret-token", "env:NO_SUCH").code == 2
    assert program("job", "create", url, "--secret-token", "file:no-such").code == 2


def test_a_new_token_is_tested_and_then_used(connected: Program, up: Up) -> None:
    url, token = organisation(connected, up, "rotating")
    connected.ok("job", "create", url, "--secret-token", token, "--name", "rotating")
    base = ("--base-url", up.line["workspaces_url"], "--json")
    new = connected.ok("organisation", "token", "rotating", *base).json
    third = connected("organisation", "token", "rotating", *base)
    refused = connected("job", "credentials", "rotating", "--secret-token", "wrong")
    connected.ok("job", "credentials", "rotating", "--secret-token", new["secret_token"])
    connected.ok("organisation", "revoke", "rotating", token[-4:])
    tested = connected("job", "test", "rotating", "--json")
    connected.ok("organisation", "revoke", "rotating", new["credential_id"])
    organisations = connected.ok("organisation", "list").out
    connected.ok("job", "delete", "rotating", "--yes")

    assert third.json["error"]["code"] == "too_many_credentials"
    assert refused.code == 1
    assert (tested.code, tested.json["ok"]) == (0, True)
    assert organisations.count("revoked") == 2


def test_a_target_that_is_down_fails_the_run_and_is_told_everywhere(connected: Program) -> None:
    with connected.up("--seed", "none", "--data", connected.folder / "second") as second:
        url, token = organisation(connected, second, "away")
        connected.ok("job", "create", url, "--secret-token", token, "--name", "away", "--scope", "all")
    planned, ran = connected("job", "plan", "away"), connected("job", "run", "away")
    status = connected.ok("job", "status", "away")
    log = connected.ok("job", "logs", "away", "--status", "failure", "--limit", "1")
    tested = connected("job", "test", "away")
    connected.ok("job", "delete", "away", "--yes")

    assert "fails User ada@example.com: Nothing listens" in planned.out
    assert (ran.code, tested.code) == (1, 1)
    assert "rollcall job logs away --status failure" in ran.out
    assert "Not in step: " in status.out
    assert "waits User ada@example.com: Nothing listens" in status.out
    assert "Nothing listens" in log.out
    assert "Nothing listens" in tested.err


def filtered(program: Program, *clauses: dict[str, Any], file: str = "filtered.json") -> str:
    """A file with the job's mappings and one scoping filter for people; without clauses, none."""
    document = program.ok("job", "schema", "show", "Workspaces", "--json").json
    users = document["synchronizationRules"][0]["objectMappings"][0]
    users["scope"] = {"groups": [{"name": "Chosen", "clauses": list(clauses)}] if clauses else []}
    (program.folder / file).write_text(json.dumps(document))
    return file


ADA_ONLY = {"sourceOperandName": "givenName", "operatorName": "EQUALS", "targetOperand": {"values": ["Ada"]}}


def test_a_filter_shows_who_leaves_and_asks_before_it_is_saved(connected: Program) -> None:
    """S7: the next cycle disables who fell out, and enables who comes back."""
    connected.ok("directory", "set", "ada@example.com", "givenName=Ada")
    connected.ok("job", "run", "Workspaces")
    file = filtered(connected, ADA_ONLY)
    tried = connected.ok("job", "schema", "set", file, "Workspaces", "--dry-run", "--json").json
    asked = connected("job", "schema", "set", file, "Workspaces")
    unchanged = plan(connected)["objects"]
    saved = connected.ok("job", "schema", "set", file, "Workspaces", "--yes")
    after = plan(connected)["objects"]
    connected.ok("job", "run", "Workspaces")
    connected.ok("job", "schema", "set", filtered(connected), "Workspaces", "--yes")
    back = plan(connected)["objects"]
    connected.ok("job", "run", "Workspaces")

    assert tried["saved"] is False
    assert tried["scope_change"]["users"]["leaving"] == {"count": 1, "names": ["alan@example.com"]}
    assert (asked.code, "--yes" in asked.err) == (2, True)
    assert "1 person leaves scope: alan@example.com." in asked.err
    assert "Of those who leave, 1 is in the application and is disabled in the next cycle." in asked.err
    assert unchanged == []
    assert "looks at everybody again" in saved.out
    assert [(each["action"], each["name"]) for each in after] == [("disable", "alan@example.com")]
    assert [change for change in back[0]["changes"] if change["attribute"] == "active"] == [
        {"attribute": "active", "old": False, "new": True}
    ]


def test_a_wider_scope_shows_who_enters_before_it_is_saved(connected: Program) -> None:
    """S1: mode all."""
    shown = connected.ok("job", "settings", "Workspaces", "scope=all", "--dry-run")
    asked = connected("job", "settings", "Workspaces", "scope=all")
    kept = connected.ok("job", "settings", "Workspaces", "--json").json

    assert "1 person enters scope: grace@example.com." in shown.err
    assert "Nothing was saved." in shown.out
    assert asked.code == 2
    assert kept["scope"] == "assigned"


def test_deletions_that_a_setting_makes_due_are_counted_and_asked_about(connected: Program) -> None:
    """D1, D2, P2: who is disabled already is deleted by the next cycle; a filter at the threshold says so."""
    connected.ok("directory", "set", "ada@example.com", "givenName=Ada")
    connected.ok("job", "run", "Workspaces")
    file = filtered(connected, ADA_ONLY)
    connected.ok("job", "settings", "Workspaces", "deletion_threshold=1")
    reached = connected.ok("job", "schema", "set", file, "Workspaces", "--dry-run")
    connected.ok("job", "settings", "Workspaces", "deletion_threshold=500")
    connected.ok("job", "schema", "set", file, "Workspaces", "--yes")
    connected.ok("job", "run", "Workspaces")

    asked = connected("job", "settings", "Workspaces", "soft_delete=false")
    soon = connected.ok("job", "settings", "Workspaces", "delete_after_days=0.0000001", "--dry-run", "--json").json
    later = connected.ok("job", "settings", "Workspaces", "delete_after_days=30", "--json").json
    kept = connected.ok("job", "settings", "Workspaces", "--json").json
    saved = connected.ok("job", "settings", "Workspaces", "soft_delete=false", "--yes", "--json").json
    planned = plan(connected)["objects"]
    connected.ok("job", "settings", "Workspaces", "soft_delete=true", "delete_after_days=0")
    connected.ok("job", "schema", "set", filtered(connected), "Workspaces", "--yes")
    connected.ok("job", "run", "Workspaces")

    assert "1 removal reaches the deletion threshold of 1:" in reached.err
    assert (asked.code, "--yes" in asked.err) == (2, True)
    assert "1 account is disabled already, for long enough to be deleted in the next cycle." in asked.err
    assert (soon["saved"], soon["due_deletions"]) == (False, 1)
    assert (later["delete_after_days"], later["due_deletions"]) == (30, 0)
    assert kept["soft_delete"] is True
    assert (saved["soft_delete"], saved["due_deletions"]) == (False, 1)
    assert [(each["action"], each["name"]) for each in planned] == [("delete", "alan@example.com")]


def test_a_filter_that_changes_nothing_is_saved_without_asking(connected: Program) -> None:
    everybody = {"sourceOperandName": "userPrincipalName", "operatorName": "IS NOT NULL"}
    saved = connected.ok("job", "schema", "set", filtered(connected, everybody), "Workspaces")
    connected.ok("job", "schema", "set", filtered(connected), "Workspaces")

    assert "Nobody enters or leaves scope." in saved.out


def test_settings_are_shown_changed_and_refused_with_every_fault(connected: Program) -> None:
    changed = connected.ok("job", "settings", "Workspaces", "interval=PT5M", "deletion_threshold=7", "--json").json
    refused = connected("job", "settings", "Workspaces", "scope=some", "shoe_size=40", "--json")

    assert (changed["interval_seconds"], changed["deletion_threshold"]) == (300, 7)
    assert len(refused.json["error"]["details"]) == 2
    assert connected("job", "settings", "interval=PT1S").code == 2
    assert "PT5M" in connected.ok("job", "settings").out


def test_mappings_go_out_and_come_back(connected: Program) -> None:
    shown = connected.ok("job", "schema", "show", "Workspaces").out
    (connected.folder / "mappings.json").write_text(shown)
    connected.ok("job", "schema", "set", "mappings.json")
    again = connected.ok("job", "schema", "show", "--json").json
    (connected.folder / "bad.json").write_text(
        '{"synchronizationRules": [{"objectMappings": [{"sourceObjectName": "Dog"}]}]}'
    )
    refused = connected("job", "schema", "set", "bad.json", "--json")

    assert again == json.loads(shown)
    assert refused.code == 2
    assert len(refused.json["error"]["details"]) == 4
    assert connected("job", "schema", "set", "people.csv").code == 2
    assert connected("job", "schema", "set", "nowhere.json").code == 2


EXAMPLE = Path(__file__).parents[1] / "unit" / "provisioning" / "data" / "synchronization-schema-example.json"


def test_a_published_schema_goes_in_and_comes_out_as_it_was(connected: Program) -> None:
    connected.ok("job", "schema", "reset", "Workspaces", "--yes")
    before = connected.ok("job", "schema", "show", "Workspaces", "--json").json
    shutil.copy(EXAMPLE, connected.folder / "example.json")
    set_ = connected.ok("job", "schema", "set", "example.json", "Workspaces", "--yes", "--json").json
    shown = connected.ok("job", "schema", "show", "Workspaces")
    connected.ok("job", "schema", "reset", "Workspaces", "--yes")
    after = connected.ok("job", "schema", "show", "Workspaces", "--json").json

    assert (set_["saved"], set_["warnings"]) == (True, [])
    assert json.loads(shown.out) == json.loads(EXAMPLE.read_bytes())
    assert after == before, "reset brings the template's mappings back (rule A14)"
    assert after["id"].startswith("scim.")


def test_a_schema_is_checked_without_a_database(connected: Program, tmp_path: Path) -> None:
    elsewhere = Program(tmp_path, connected.environment)
    document = json.loads(EXAMPLE.read_bytes())
    (tmp_path / "right.json").write_text(json.dumps(document))
    mapping = document["synchronizationRules"][0]["objectMappings"][0]
    mapping["attributeMappings"][2]["source"] = {"type": "Attribute", "name": "dispalyName"}
    mapping["enabled"] = "yes"
    mapping["flowtypes"] = "Add"
    (tmp_path / "wrong.json").write_text(json.dumps(document))

    right = elsewhere("job", "schema", "check", "right.json", "--json")
    wrong = elsewhere("job", "schema", "check", "wrong.json", "--json")
    told = elsewhere("job", "schema", "check", "wrong.json")

    place = "synchronizationRules[0].objectMappings[0]"
    assert (right.code, right.json) == (0, {"ok": True, "faults": [], "warnings": []})
    assert wrong.code == 1
    assert [each["path"] for each in wrong.json["faults"]] == [
        f"{place}.attributeMappings[2].source.name",
        f"{place}.enabled",
    ]
    assert "displayName" in wrong.json["faults"][0]["message"]
    assert [each["path"] for each in wrong.json["warnings"]] == [f"{place}.flowtypes"]
    assert told.code == 1
    assert told.out.rstrip().endswith("2 faults, 1 warning")
    assert not list(tmp_path.glob("rollcall*")), "nothing is opened"
    assert elsewhere("job", "schema", "check", "nowhere.json").code == 2


def test_a_schema_is_checked_and_saved_for_a_job_with_its_scope_and_its_warnings(connected: Program) -> None:
    """S10: role functions don't go with everybody in scope, from either side."""
    document = connected.ok("job", "schema", "show", "Workspaces", "--json").json
    users = document["synchronizationRules"][0]["objectMappings"][0]
    del users["flowTypes"]
    role = {"type": "Function", "expression": "AppRoleAssignmentsComplex([appRoleAssignments])"}
    users["attributeMappings"].append({"targetAttributeName": "roles", "source": role, "matchingPriorty": 0})
    (connected.folder / "roles.json").write_text(json.dumps(document))

    said = connected.ok("job", "schema", "set", "roles.json", "Workspaces", "--yes")
    refused = connected("job", "settings", "Workspaces", "scope=all", "--yes", "--json")
    saved = connected.ok("job", "schema", "show", "Workspaces", "--json").json
    connected.ok("job", "schema", "reset", "Workspaces", "--yes")
    connected.ok("job", "settings", "Workspaces", "scope=all", "--yes")
    alone = connected("job", "schema", "check", "roles.json")
    checked = connected("job", "schema", "check", "roles.json", "--job", "Workspaces")
    unsaved = connected("job", "schema", "set", "roles.json", "Workspaces", "--yes")
    connected.ok("job", "settings", "Workspaces", "scope=assigned", "--yes")

    assert "did you mean matchingPriority?" in said.err
    assert saved["synchronizationRules"][0]["objectMappings"][0]["flowTypes"] == "Add, Update, Delete"
    assert "rule S10" in refused.json["error"]["details"][0]
    assert (alone.code, checked.code, unsaved.code) == (0, 1, 2)
    assert "rule S10" in checked.out
    assert "rule S10" in unsaved.err


def test_a_started_job_runs_by_itself_and_a_paused_one_does_not(connected: Program) -> None:
    started = connected.ok("job", "start", "--json").json
    paused = connected.ok("job", "pause", "--json").json
    listed = connected.ok("job", "list", "--json").json["jobs"]

    assert (started["state"], paused["state"]) == ("Active", "Paused")
    assert [job["state"] for job in listed] == ["Paused"]
    assert "sync_schema" not in listed[0]


@pytest.mark.parametrize("command", ["plan", "run", "apply", "status", "logs", "start", "pause", "restart", "test"])
def test_an_unknown_job_is_named_with_those_there_are(connected: Program, command: str) -> None:
    said = connected("job", command, "nonsense")

    assert (said.code, said.out) == (2, "")
    assert "'nonsense'" in said.err
    assert "Workspaces" in said.err


def test_what_the_application_can_do_is_shown_with_what_follows_from_it(connected: Program) -> None:
    told = connected.ok("job", "capabilities", "Workspaces", "--json").json
    text = connected.ok("job", "capabilities", "Workspaces", "--refresh").out

    by_name = {each["name"]: each for each in told["capabilities"]}
    assert (by_name["patch"]["value"], by_name["patch"]["origin"]) == (True, "ServiceProviderConfig")
    assert by_name["bulk"]["value"] is False
    assert told["profile"] == "rfc"
    assert "Changes are sent as PATCH." in " ".join(text.split())
    assert "Request profile rfc; last asked 20" in text


def test_a_job_is_made_with_a_request_profile(connected: Program, up: Up) -> None:
    url, token = organisation(connected, up, "profiled")
    words = ("--application", "Profiled", "--secret-token", token, "--request-profile", "okta")
    connected.ok("job", "create", url, *words)

    settings = connected.ok("job", "settings", "Profiled", "--json").json

    assert settings["request_profile"] == "okta"


def test_groups_that_a_job_leaves_out_are_named_until_it_takes_them_in(program: Program, up: Up) -> None:
    """S2: the warning names the group, where it is, how many people, and the remedy; without any there is none."""
    url, token = organisation(program, up, "nested")
    (program.folder / "nested.csv").write_text(
        "userPrincipalName,displayName,memberOf\neve@n.example,Eve,Nested outer\nfay@n.example,Fay,Nested inner\n"
    )
    program.ok("directory", "import", "nested.csv")
    assert "is now a member" in program.ok("directory", "add-member", "Nested outer", "Nested inner").out
    program.ok("application", "create", "Nested")
    program.ok("application", "assign", "Nested", "Nested outer")
    (program.folder / "nested.txt").write_text(token)
    words = ("--application", "Nested", "--template", "tutorial", "--secret-token", "file:nested.txt")
    made = program.ok("job", "create", url, *words)
    told = [
        made.out,
        program.ok("job", "status", "Nested").out,
        program("job", "plan", "Nested").out,
        program.ok("application", "assign", "Nested", "Nested outer").out,
    ]
    data = program.ok("job", "status", "Nested", "--json").json["left_out"]
    program.ok("job", "settings", "Nested", "nested_groups=flatten", "--yes")
    program.ok("job", "run", "Nested")
    after = program.ok("job", "status", "Nested")

    for out in told:
        assert "Left out: 1 group inside assigned groups" in out
        assert "Nested inner" in out
        assert "in Nested outer: 1 person" in out
        assert "rollcall job settings Nested nested_groups=flatten" in out
    assert [(each["name"], each["inside"], each["people"]) for each in data] == [("Nested inner", "Nested outer", 1)]
    assert "Left out" not in after.out
    assert "2 users" in after.out
