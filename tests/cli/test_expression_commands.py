"""`rollcall expression`, `rollcall config` and the ring around every command."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer

import rollcall
from rollcall.cli.ring import ring
from rollcall.config import Config
from rollcall.errors import Unavailable
from tests.cli.program import Program

JOIN = 'Join(" ", [givenName], [surname])'


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Program:
    """The program without any database."""
    return Program(tmp_path_factory.mktemp("alone"))


def test_an_expression_is_evaluated_with_the_value_of_every_part(alone: Program) -> None:
    words = ("expression", "eval", JOIN, "--attribute", "givenName=[b]Ada", "--attribute", "surname=Lovelace")
    said, as_json = alone.ok(*words), alone.ok(*words, "--json").json

    assert said.out.splitlines()[0] == "[b]Ada Lovelace"
    assert "[givenName] = [b]Ada" in said.out
    assert as_json["value"] == "[b]Ada Lovelace"
    assert [part["value"] for part in as_json["explanation"]["parts"]] == [" ", "[b]Ada", "Lovelace"]


def test_an_expression_is_evaluated_for_a_user_of_the_directory(program: Program) -> None:
    (program.folder / "people.csv").write_text(
        "userPrincipalName,displayName,mobilePhone,accountEnabled\nada@example.com,Ada,+44 1,false\n"
    )
    program.ok("directory", "import", "people.csv")
    mobile = program.ok("expression", "eval", "ToUpper([mobile])", "--user", "ada@example.com", "--json").json
    blocked = program.ok("expression", "eval", "Not([IsSoftDeleted])", "--user", "ada@example.com", "--json").json

    assert mobile["value"] == "+44 1", "by the name that mappings use"
    assert blocked["value"] == "False"


def test_a_faulty_expression_is_2_and_one_that_fails_on_its_values_1(alone: Program) -> None:
    faulty, failing = (
        alone("expression", "eval", "Join("),
        alone("expression", "eval", "CDate([x])", "--attribute", "x=1"),
    )

    assert (faulty.code, failing.code) == (2, 1)
    assert "At character 6" in faulty.err
    assert failing.out.startswith("It fails: CDate at character 1")


def test_an_expression_is_checked_before_anybody_is_mapped_with_it(alone: Program) -> None:
    unknown = alone("expression", "check", "ToUpper([giveName])")
    unfit = alone("expression", "check", '"maybe"', "--target", "active", "--json")
    warned = alone.ok("expression", "check", 'Switch([department], , "IT", "1")')
    random = alone.ok("expression", "check", "Guid()", "--target", "externalId", "--matching")
    sound = alone.ok("expression", "check", 'Join(" ", [givenName], [surname])', "--target", "displayName")
    group = alone("expression", "check", "[givenName]", "--kind", "Group")

    assert (unknown.code, "Write [givenName]" in unknown.out) == (1, True)
    assert (unfit.code, unfit.json["ok"]) == (1, False)
    assert [each["severity"] for each in unfit.json["findings"]] == ["error"]
    assert "there is no default" in warned.out
    assert "never finds the object again" in random.out
    assert sound.out.strip() == "Nothing is wrong with it."
    assert (group.code, "unknown attribute" in group.out) == (1, True)
    assert alone("expression", "check", "[mail]", "--target", "emails[").code == 2


@pytest.mark.parametrize(
    ("expression", "target", "code", "said"),
    [
        ("[manager]", "title", 1, "[manager] refers to other objects"),
        ("[mail]", "active", 0, "the target is of type Boolean and the value is text"),
        ("[mail]", "nonsense", 0, "no SCIM schema knows"),
        ("[otherMails]", "title", 0, "SchemaPropertyCanOnlyAcceptValue. Take one value with Item"),
        ('Joinn(",", [mail])', "title", 1, "Did you mean Join?"),
    ],
)
def test_a_check_for_a_target_says_what_saving_a_schema_says(
    alone: Program, expression: str, target: str, code: int, said: str
) -> None:
    checked = alone("expression", "check", expression, "--target", target)

    assert (checked.code, said in checked.out) == (code, True), checked.out


def test_an_attribute_that_nobody_has_is_pointed_out_with_the_nearest_name(alone: Program) -> None:
    told = alone.ok("expression", "eval", "[givenNam]")
    as_json = alone.ok("expression", "eval", "[givenNam]", "--json").json
    given = alone.ok("expression", "eval", "[givenNam]", "--attribute", "givenNam=Ada")

    assert "Write [givenName]" in told.err
    assert [each["severity"] for each in as_json["problems"]] == ["warning"]
    assert "givenName" not in given.err


def test_an_entry_of_a_test_file_that_is_no_test_is_named_by_its_number(alone: Program) -> None:
    (alone.folder / "odd.json").write_text('[{"expression": "1", "expected": "1"}, 5]')

    assert "Test 2 of odd.json is no object" in alone("expression", "test", "odd.json").err


def test_an_application_needs_a_user_whose_roles_are_meant(program: Program) -> None:
    (program.folder / "roles.csv").write_text("userPrincipalName,displayName\nrole@example.com,Role\n")
    program.ok("directory", "import", "roles.csv")
    program.ok("application", "create", "Roles")
    words = ("expression", "eval", "IsPresent([appRoleAssignments])", "--application", "Roles")
    outside = program.ok(*words, "--user", "role@example.com", "--json").json

    assert outside["value"] == "False", "nobody is assigned"
    assert program(*words).code == 2
    assert "Say --user" in program(*words).err


def test_a_file_of_mapping_tests_ends_with_its_counts(alone: Program) -> None:
    good = {"expression": JOIN, "source": {"givenName": "Ada", "surname": "Lovelace"}, "expected": "Ada Lovelace"}
    file = alone.folder / "tests.json"
    file.write_text(json.dumps([good, good]))
    passed = alone("expression", "test", file)
    file.write_text(json.dumps([good, {**good, "expected": "Ada [b]Byron"}]))
    failed, as_json = alone("expression", "test", file), alone("expression", "test", file, "--json")

    assert (passed.code, passed.out.splitlines()[-1]) == (0, "2 passed, 0 failed")
    assert (failed.code, failed.out.splitlines()[-1]) == (1, "1 passed, 1 failed")
    assert "'Ada [b]Byron'" in failed.out
    assert [each["number"] for each in as_json.json["failures"]] == [2]


@pytest.mark.parametrize("content", ["{", "{}", "[1]", '[{"expression": "[a]"}]'])
def test_a_file_that_holds_no_mapping_tests_is_refused(alone: Program, content: str) -> None:
    file = alone.folder / "bad.json"
    file.write_text(content)

    assert alone("expression", "test", file).code == 2


def test_settings_are_shown_with_their_origin_and_secrets_as_dots(alone: Program) -> None:
    (alone.folder / "some.toml").write_text(
        '[identity]\nport = 7\n[database]\nurl = "postgresql://me:opensesame@db/x"\n'
    )
    said = alone.ok("config", "show", "--config", "some.toml", "--data", "elsewhere", "--json")

    assert said.json["identity.port"] == {"value": "7", "origin": "file some.toml"}
    assert said.json["data"] == {"value": str(alone.folder / "elsewhere"), "origin": "flag --data"}
    assert "opensesame" not in said.out
    assert "opensesame" not in alone.ok("config", "show", "--config", "some.toml").out


def test_the_version_is_told(alone: Program) -> None:
    assert alone.ok("--version").out == f"rollcall {rollcall.__version__}\n"


def test_what_nobody_foresaw_is_a_sentence_with_an_id_and_the_traceback_only_in_the_log(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def break_down() -> None:
        with ring(False) as known:
            known.config = Config(data=tmp_path)
            raise LookupError("boom")

    with pytest.raises(typer.Exit) as ended:
        break_down()
    said = capsys.readouterr()
    log = (tmp_path / "errors.log").read_text()

    assert ended.value.exit_code == 1
    assert "boom" not in said.err + said.out
    assert "LookupError: boom" in log
    assert log.split()[0] in said.err


def test_a_refusal_inside_a_group_of_tasks_is_told_as_itself(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as ended, ring(True):
        raise ExceptionGroup("tasks", [Unavailable("Away.")])

    assert ended.value.exit_code == 2
    assert json.loads(capsys.readouterr().out)["error"]["message"] == "Away."


def test_an_interrupted_command_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as ended, ring(False):
        raise KeyboardInterrupt

    assert ended.value.exit_code == 130
    assert capsys.readouterr() == ("", "")


def test_migrating_a_database_that_is_up_to_date_tells_its_revision(program: Program) -> None:
    said, again = program.ok("migrate", "--json").json, program.ok("migrate").out

    assert len(said["revision"]) == 4
    assert said["revision"] in again


def test_migrating_needs_the_owners_address(program: Program) -> None:
    application_only = {name: value for name, value in program.environment.items() if name != "ROLLCALL_DATABASE_URL"}

    said = Program(program.folder, application_only)("migrate")

    assert said.code == 2
    assert "ROLLCALL_DATABASE_URL" in said.err
