"""`rollcall directory` and `rollcall application`, as processes on a real database."""

from __future__ import annotations

import pytest

from tests.cli.program import Program

PEOPLE = """userPrincipalName,displayName,givenName,manager,memberOf
ada@example.com,Ada [bold]Lovelace[/],Ada,charles@example.com,Analysts
charles@example.com,Charles Babbage,Charles,,Analysts
"""


@pytest.fixture(scope="module")
def people(program: Program) -> Program:
    (program.folder / "people.csv").write_text(PEOPLE)
    program.ok("directory", "import", "people.csv")
    return program


def user(program: Program, upn: str) -> dict[str, object]:
    found: dict[str, object] = program.ok("directory", "user", upn, "--json").json
    return found


def test_before_the_first_import_a_listing_says_how_to_begin(tmp_path_factory: pytest.TempPathFactory) -> None:
    alone = Program(tmp_path_factory.mktemp("alone"))

    said = alone("directory", "users")

    assert said.code == 2
    assert "rollcall directory import FILE" in said.err


def test_importing_again_changes_nothing(people: Program) -> None:
    said = people.ok("directory", "import", "people.csv", "--json").json

    assert (said["created"], said["unchanged"], said["groups_unchanged"], said["bad_rows"]) == (0, 2, 1, [])


def test_the_first_import_made_the_tenant_named_default(people: Program) -> None:
    assert [each["name"] for each in people.ok("tenant", "list", "--json").json["tenants"]] == ["default"]


def test_names_are_never_read_as_markup(people: Program) -> None:
    assert "Ada [bold]Lovelace[/]" in people.ok("directory", "users").out
    assert "Ada [bold]Lovelace[/]" in people.ok("directory", "user", "ada@example.com").out
    assert "Ada [bold]Lovelace[/]" in people.ok("directory", "group", "Analysts").out


def test_bad_rows_are_listed_by_line_and_nothing_is_imported(people: Program) -> None:
    file = people.folder / "bad.csv"
    file.write_text("userPrincipalName,displayName\nnobody,Nobody\nnew@example.com,New\n,Nameless\n")

    said, as_json = people("directory", "import", file), people("directory", "import", file, "--json")

    assert (said.code, as_json.code) == (1, 1)
    assert "line 2: " in said.err
    assert "line 4: " in said.err
    error = as_json.json["error"]
    assert (error["code"], len(error["details"])) == ("bad_rows", 2)
    assert people("directory", "user", "new@example.com").code == 2


def test_bad_rows_are_skipped_when_one_says_so(people: Program) -> None:
    file = people.folder / "half.csv"
    file.write_text("userPrincipalName,displayName\nnobody,Nobody\nhalf@example.com,Half\n")

    said = people.ok("directory", "import", file, "--skip-bad-rows", "--json").json

    assert (said["created"], [row["line"] for row in said["bad_rows"]]) == (1, [2])


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("directory", "import", "nowhere.csv"), "nowhere.csv"),
        (("directory", "import", "people.csv", "--assign", "Nothing"), "There is no application 'Nothing'"),
        (("directory", "user", "nobody@example.com"), "There is no user 'nobody@example.com'"),
        (("directory", "set", "ada@example.com", "shoeSize=40"), "'shoeSize'"),
        (("directory", "set", "ada@example.com", "shoeSize"), "NAME=VALUE"),
        (("directory", "restore", "ada@example.com"), "There is no deleted user"),
        (("directory", "add-member", "Nobody", "ada@example.com"), "There is no group 'Nobody'"),
        (("directory", "users", "--tenant", "elsewhere"), "There is no tenant 'elsewhere'"),
        (("directory", "users", "--data", "~/x"), "--data"),
    ],
)
def test_what_can_not_begin_is_said_in_a_sentence_with_exit_code_2(
    people: Program, words: tuple[str, ...], sentence: str
) -> None:
    said = people(*words)

    assert (said.code, said.out) == (2, "")
    assert sentence in said.err
    assert "Traceback" not in said.err


def test_a_refusal_as_json_has_code_message_and_details(people: Program) -> None:
    said = people("directory", "user", "nobody@example.com", "--json")

    assert said.code == 2
    assert said.json["error"]["code"] == "not_found"
    assert set(said.json["error"]) == {"code", "message", "details"}
    assert said.err == ""


def test_attributes_are_set_and_taken_away(people: Program) -> None:
    people.ok(
        "directory",
        "set",
        "charles@example.com",
        "jobTitle=Inventor",
        "accountEnabled=false",
        "manager=ada@example.com",
    )
    changed = user(people, "charles@example.com")
    people.ok("directory", "set", "charles@example.com", "jobTitle=", "manager=", "accountEnabled=true")
    cleared = user(people, "charles@example.com")

    assert (changed["jobTitle"], changed["accountEnabled"]) == ("Inventor", False)
    assert changed["manager"] == user(people, "ada@example.com")["id"]
    assert "jobTitle" not in cleared
    assert cleared["manager"] is None


def test_a_deleted_user_is_restored_with_its_groups_and_a_purged_one_is_gone(people: Program) -> None:
    people.ok("directory", "import", _one(people, "gone@example.com"))
    people.ok("directory", "add-member", "Analysts", "gone@example.com")
    people.ok("directory", "delete", "gone@example.com")
    deleted = people.ok("directory", "users", "--deleted").out
    people.ok("directory", "restore", "gone@example.com")
    restored = user(people, "gone@example.com")
    people.ok("directory", "remove-member", "Analysts", "gone@example.com")
    people.ok("directory", "delete", "gone@example.com")
    people.ok("directory", "purge", "gone@example.com")

    assert "gone@example.com" in deleted
    assert [each["displayName"] for each in restored["memberOf"]] == ["Analysts"]  # type: ignore[attr-defined]
    assert "gone@example.com" not in people.ok("directory", "users", "--deleted").out
    assert people("directory", "restore", "gone@example.com").code == 2


def _one(program: Program, upn: str) -> str:
    (program.folder / "one.csv").write_text(f"userPrincipalName,displayName\n{upn},{upn}\n")
    return "one.csv"


def test_a_listing_says_when_there_is_more(people: Program) -> None:
    said = people.ok("directory", "users", "--limit", "1")
    as_json = people.ok("directory", "users", "--limit", "1", "--json").json

    assert len(said.out.splitlines()) == 1
    assert "--limit" in said.err
    assert (len(as_json["users"]), as_json["more"]) == (1, True)
    assert people.ok("directory", "groups", "--limit", "9", "--json").json["more"] is False


def test_an_application_is_made_once_and_counts_its_assignments(people: Program) -> None:
    people.ok("application", "create", "Example")
    again = people("application", "create", "example")
    people.ok("application", "assign", "Example", "Analysts")
    people.ok("application", "assign", "Example", "ada@example.com")
    second = people.ok("application", "assign", "Example", "ada@example.com", "--json").json
    assigned = people.ok("application", "list", "--json").json["applications"]
    people.ok("application", "unassign", "Example", "Analysts")
    left = people.ok("application", "list", "--json").json["applications"]

    assert again.code == 2
    assert second["changed"] is False
    assert [(each["display_name"], each["assignments"]) for each in assigned] == [("Example", 2)]
    assert left[0]["assignments"] == 1


def test_a_person_assigned_in_a_role_has_it_in_expressions_and_the_role_stays_until_nobody_has_it(
    people: Program,
) -> None:
    people.ok("application", "create", "Roles")
    empty = people.ok("application", "roles", "Roles")
    people.ok("application", "add-role", "Roles", "Editor", "--value", "editor")
    unknown = people("application", "assign", "Roles", "ada@example.com", "--role", "Owner")
    people.ok("application", "assign", "Roles", "ada@example.com", "--role", "editor")
    words = ("expression", "eval", "SingleAppRoleAssignment([appRoleAssignments])", "--user", "ada@example.com")
    seen = people.ok(*words, "--application", "Roles", "--json").json["value"]
    refused = people("application", "remove-role", "Roles", "Editor")
    people.ok("application", "unassign", "Roles", "ada@example.com", "--role", "Editor")
    people.ok("application", "remove-role", "Roles", "Editor")

    assert "add-role" in empty.err
    assert (unknown.code, "Roles: editor" in unknown.err) == (2, True)
    assert "editor" in str(seen).casefold()
    assert (refused.code, "unassign" in refused.err) == (2, True)
    assert people.ok("application", "roles", "Roles", "--json").json["roles"] == []


def test_with_several_tenants_one_has_to_say_which(program: Program, people: Program) -> None:
    people.ok("tenant", "create", "other")

    assert "several tenants" in people("directory", "users").err
    assert people.ok("directory", "users", "--tenant", "other", "--json").json["users"] == []
    assert people("tenant", "create", "Other").code == 2
