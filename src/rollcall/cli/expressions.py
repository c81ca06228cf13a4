"""`rollcall expression`: try an expression of the mapping language, and run a file of mapping tests."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer
from rich.console import Console
from rich.tree import Tree

from rollcall import provisioning
from rollcall.cli import output
from rollcall.cli.expression_tree import branch, grow
from rollcall.cli.json_files import read_json
from rollcall.cli.naming import application_named, assignments, user_named
from rollcall.cli.output import Answer
from rollcall.cli.ring import (
    DID_NOT_SUCCEED,
    AsJson,
    At,
    ConfigFile,
    Data,
    TenantName,
    answer_in_tenant,
    print_answer,
    ring,
)
from rollcall.db import TenantDatabase
from rollcall.errors import Invalid
from rollcall.main import Parts
from rollcall.provisioning import Explanation
from rollcall.runtime import SystemRuntime


class Kind(StrEnum):
    """Kinds of source objects."""

    User = "User"
    Group = "Group"


app = typer.Typer(no_args_is_help=True, help="Try expressions of attribute mappings, and test them.")


@app.command("eval")
def evaluate(
    expression: Annotated[str, typer.Argument(metavar="EXPRESSION", help="An expression of the mapping language.")],
    user: Annotated[
        str | None, typer.Option("--user", metavar="UPN", help="Evaluate it for this user of the directory.")
    ] = None,
    application: Annotated[
        str | None,
        typer.Option("--application", metavar="NAME", help="With the user's roles in this application, by name or id."),
    ] = None,
    attribute: Annotated[
        list[str] | None,
        typer.Option("--attribute", metavar="NAME=VALUE", help="A source attribute; may be given several times."),
    ] = None,
    tenant: TenantName = None,
    data: Data = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Print what an expression comes to, with the value of every part; exit code 1 when it fails.

    Example: rollcall expression eval 'Join(" ", [givenName], [surname])' --user ada@example.com

    Example: rollcall expression eval 'ToUpper([city])' --attribute city=Zürich

    Example: rollcall expression eval 'SingleAppRoleAssignment([appRoleAssignments])' --user ada@example.com --application Example
    """
    if user is None:
        if application is not None:
            with ring(as_json):
                raise Invalid("Whose roles in the application? Say --user UPN too.")
        with ring(as_json):
            print_answer(_evaluated(expression, _attributes(attribute)), as_json)
        return

    async def work(_parts: Parts, db: TenantDatabase) -> Answer:
        found = await user_named(db, user)
        manager = {} if found.manager is None else {"manager": str(found.manager)}
        attributes = {"id": str(found.id), **found.attributes, **manager}
        source = provisioning.attributes_of_user(attributes, deleted=found.deleted is not None)
        if application is not None:
            principal = await application_named(db, application)
            source = await provisioning.attributes_for(db, principal.id, found.id)
        return _evaluated(expression, {**source, **_attributes(attribute)})

    answer_in_tenant(At(data, config, tenant), as_json, work)


def _attributes(words: list[str] | None) -> dict[str, Any]:
    """Attributes as the source would have them: JSON lists, objects and booleans as such, all else as text."""
    values: dict[str, Any] = {}
    for name, text in assignments(list(words or ())).items():
        values[name] = text
        if text in ("true", "false", "null") or text[:1] in ("[", "{"):
            try:
                values[name] = orjson.loads(text)
            except orjson.JSONDecodeError:
                continue
    return values


def _evaluated(expression: str, source: dict[str, Any]) -> Answer:
    compiled = provisioning.compile_expression(expression)
    tree = compiled.explain(source, provisioning.trial_context(SystemRuntime()))

    problems = provisioning.unknown_in_trial(expression, source)

    def show(console: Console) -> None:
        for problem in problems:
            output.err().print(f"[yellow]{problem.severity}[/] {output.safe(str(problem))}")
        console.print(output.safe(_result(tree)))
        shown = Tree(branch(tree))
        grow(shown, tree)
        console.print(shown)

    data = {"value": tree.value, "error": tree.error, "explanation": tree, "problems": problems}
    return Answer(data, show, DID_NOT_SUCCEED if tree.error is not None else 0)


def _result(part: Explanation) -> str:
    if part.error is not None:
        return f"It fails: {part.error}"
    return "null (the attribute does not flow)" if part.value is None else part.value


@app.command("check")
def check(
    expression: Annotated[str, typer.Argument(metavar="EXPRESSION", help="An expression of the mapping language.")],
    target: Annotated[
        str | None, typer.Option("--target", metavar="ATTRIBUTE", help="The target attribute that it is for.")
    ] = None,
    matching: Annotated[bool, typer.Option("--matching", help="The target attribute is a matching one.")] = False,
    kind: Annotated[Kind, typer.Option("--kind", help="Whose attributes it reads.")] = Kind.User,
    as_json: AsJson = False,
) -> None:
    """Say what is wrong with an expression before anybody is mapped with it; exit code 1 for an error, 0 for warnings.

    Example: rollcall expression check 'Switch([department], , "IT", "1")' --target active

    Example: rollcall expression check 'Guid()' --target externalId --matching
    """
    with ring(as_json):
        found = provisioning.check_expression(expression, kind=kind.value, target=target, matching=matching)
        errors = [each for each in found if each.severity == "error"]

        def show(console: Console) -> None:
            for each in found:
                colour = "red" if each.severity == "error" else "yellow"
                console.print(f"[{colour}]{each.severity}[/] {output.safe(str(each))}")
            if not found:
                console.print("Nothing is wrong with it.")

        print_answer(Answer({"ok": not errors, "findings": found}, show, DID_NOT_SUCCEED if errors else 0), as_json)


@app.command("test")
def run_tests(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A JSON list of mapping tests.")],
    as_json: AsJson = False,
) -> None:
    """Run a file of mapping tests; the last line is `N passed, N failed`, and the exit code 1 when one failed.

    A test is an object with `expression`, `source` and one of `expected`, `matches`, `ignored` or `error`.

    Example: rollcall expression test mappings.tests.json
    """
    with ring(as_json):
        tests = read_json(file)
        if not isinstance(tests, list):
            raise Invalid(f"{file} holds no JSON list of mapping tests.")
        for number, each in enumerate(tests, 1):
            if not isinstance(each, dict):
                raise Invalid(f"Test {number} of {file} is no object; write it as {{...}}.")
        context = provisioning.trial_context(SystemRuntime())
        passed, failures = 0, []
        for number, each in enumerate(tests, 1):
            verdict = _run_one(file, number, each, context)
            passed += verdict.outcome == "passed"
            if verdict.outcome == "failed":
                failures.append({"number": number, "expression": each["expression"], "message": verdict.message})
        data = {"passed": passed, "failed": len(failures), "failures": failures}
        print_answer(Answer(data, lambda console: _report(console, data), DID_NOT_SUCCEED if failures else 0), as_json)


def _run_one(file: Path, number: int, test: dict[str, Any], context: Any) -> Any:
    try:
        return provisioning.run_vector(test, context)
    except Invalid as refusal:
        raise Invalid(f"Test {number} of {file}: {refusal.message}") from None


def _report(console: Console, data: dict[str, Any]) -> None:
    for each in data["failures"]:
        console.print(f"[red]failed[/] {each['number']}: {output.safe(each['expression'])}")
        console.print(f"    {output.safe(each['message'])}")
    console.print(f"{data['passed']} passed, {data['failed']} failed")
