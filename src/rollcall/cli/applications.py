"""`rollcall application`: the applications of the directory, and who is entitled to them."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import typer
from rich.console import Console

from rollcall import directory, provisioning
from rollcall.cli import application_sign_in, job_nested, output
from rollcall.cli.naming import application_named, principal_named, role_named
from rollcall.cli.output import Answer
from rollcall.cli.ring import AsJson, At, ConfigFile, Data, TenantName, answer_in_tenant
from rollcall.db import TenantDatabase
from rollcall.directory import DEFAULT_APP_ROLE, AppRole
from rollcall.errors import Conflict, NotFound
from rollcall.main import Parts
from rollcall.provisioning import Job, LeftOut

app = typer.Typer(no_args_is_help=True, help="Applications of the directory, and who is entitled to them.")
application_sign_in.add_commands(app)

Application = Annotated[str, typer.Argument(metavar="APPLICATION", help="The application's name, or its id.")]
Principal = Annotated[
    str, typer.Argument(metavar="USER_OR_GROUP", help="A userPrincipalName, a group's displayName, or an id.")
]
Role = Annotated[str | None, typer.Option("--role", metavar="ROLE", help="In this app role, by value, name or id.")]
RoleName = Annotated[str, typer.Argument(metavar="ROLE", help="The role's value, name or id.")]


@app.command()
def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A name that no other application has.")],
    tenant: TenantName = None,
    data: Data = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Add an application to the directory.

    Example: rollcall application create Workspaces
    """

    async def work(_parts: Parts, db: TenantDatabase) -> Answer:
        try:
            await application_named(db, name)
        except NotFound:
            made = await db.write(directory.create_service_principal, name)
        else:
            raise Conflict(f"There is an application named {name!r} already. Choose another name.")
        text = f"Made the application {name}. Entitle people: rollcall application assign {name} USER_OR_GROUP."
        return Answer({"id": made, "display_name": name}, lambda console: console.print(output.safe(text)))

    answer_in_tenant(At(data, config, tenant), as_json, work, found=True)


@app.command()
def assign(
    application: Application,
    principal: Principal,
    role: Role = None,
    tenant: TenantName = None,
    data: Data = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Entitle a user, or a group with its members, to an application; warn of groups inside it that jobs leave out.

    Example: rollcall application assign Workspaces Founders

    Example: rollcall application assign Workspaces ada@example.com --role Editor
    """

    async def work(parts: Parts, db: TenantDatabase) -> Answer:
        found = await application_named(db, application)
        principal_id, name = await principal_named(db, principal)
        added = await db.write(directory.assign, found.id, principal_id, _role(found, role) or DEFAULT_APP_ROLE)
        left_out = await _left_out(parts, db, found.id, principal_id)
        text = f"{name} {'is now' if added else 'was already'} assigned to {found.display_name}."

        def show(console: Console) -> None:
            console.print(output.safe(text))
            for job, groups in left_out:
                job_nested.warn(console, job, groups)

        named = {job.display_name: job_nested.to_json(groups) for job, groups in left_out}
        return Answer({"id": found.id, "changed": added, "left_out": named}, show)

    answer_in_tenant(At(data, config, tenant), as_json, work)


def _role(application: directory.ServicePrincipal, word: str | None) -> UUID | None:
    return None if word is None else role_named(application, word).id


async def _left_out(
    parts: Parts, db: TenantDatabase, application: UUID, principal: UUID
) -> list[tuple[Job, list[LeftOut]]]:
    """By job of the application, the groups inside this one that it leaves out; only jobs that leave any out."""
    jobs = [job for job in await db.read(provisioning.list_jobs) if job.service_principal_id == application]
    found = [(job, await job_nested.left_out(parts, db.tenant, job, principal)) for job in jobs]
    return [(job, groups) for job, groups in found if groups]


@app.command()
def unassign(
    application: Application,
    principal: Principal,
    role: Role = None,
    tenant: TenantName = None,
    data: Data = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Take an assignment away; whoever is entitled in no other way is disabled in the application.

    Without `--role`, the assignments in all roles are taken away.

    Example: rollcall application unassign Workspaces ada@example.com
    """

    async def work(_parts: Parts, db: TenantDatabase) -> Answer:
        found = await application_named(db, application)
        principal_id, name = await principal_named(db, principal)
        removed = await db.write(directory.unassign, found.id, principal_id, _role(found, role))
        text = f"{name} {'is no longer' if removed else 'was not'} assigned to {found.display_name}."
        return Answer({"id": found.id, "changed": removed}, lambda console: console.print(output.safe(text)))

    answer_in_tenant(At(data, config, tenant), as_json, work)


@app.command()
def roles(
    application: Application,
    tenant: TenantName = None,
    data: Data = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """List the app roles of an application, in the order in which role functions take them.

    Example: rollcall application roles Workspaces
    """

    async def work(_parts: Parts, db: TenantDatabase) -> Answer:
        found = await application_named(db, application)

        def show(console: Console) -> None:
            rows = [(each.display_name, each.value, each.is_enabled, each.id) for each in found.app_roles]
            output.table(console, ("role", "value", "enabled", "id"), rows)
            if not rows:
                output.note(f"No app role yet. Add one: rollcall application add-role {found.display_name} NAME.")

        return Answer({"roles": found.app_roles}, show)

    answer_in_tenant(At(data, config, tenant), as_json, work)


@app.command("add-role")
def add_role(
    application: Application,
    name: Annotated[str, typer.Argument(metavar="DISPLAY_NAME", help="A name that no other role of it has.")],
    value: Annotated[
        str | None, typer.Option("--value", help="What goes out for the role; without it, its name.")
    ] = None,
    description: Annotated[str, typer.Option("--description", help="What the role is for.")] = "",
    tenant: TenantName = None,
    data: Data = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Add an app role, in which users and groups can be assigned.

    Example: rollcall application add-role Workspaces Editor --value editor
    """

    async def work(parts: Parts, db: TenantDatabase) -> Answer:
        found = await application_named(db, application)
        role = AppRole(parts.runtime.new_id(), name, value, description)
        await db.write(directory.add_app_role, found.id, role)
        text = f"{found.display_name} has the role {name} now."
        return Answer({"id": found.id, "role": role}, lambda console: console.print(output.safe(text)))

    answer_in_tenant(At(data, config, tenant), as_json, work)


@app.command("remove-role")
def remove_role(
    application: Application,
    role: RoleName,
    tenant: TenantName = None,
    data: Data = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Remove an app role that nobody is assigned in any more.

    Example: rollcall application remove-role Workspaces Editor
    """

    async def work(_parts: Parts, db: TenantDatabase) -> Answer:
        found = await application_named(db, application)
        removed = role_named(found, role)
        await db.write(directory.remove_app_role, found.id, removed.id)
        text = f"{found.display_name} no longer has the role {removed.display_name}."
        return Answer({"id": found.id, "role": removed}, lambda console: console.print(output.safe(text)))

    answer_in_tenant(At(data, config, tenant), as_json, work)


@app.command("list")
def list_all(tenant: TenantName = None, data: Data = None, config: ConfigFile = None, as_json: AsJson = False) -> None:
    """List the applications with the number of their assignments.

    Example: rollcall application list
    """

    async def work(_parts: Parts, db: TenantDatabase) -> Answer:
        found = [
            {"id": each.id, "display_name": each.display_name, "assignments": await _count(db, each)}
            for each in await db.read(directory.list_service_principals)
        ]

        def show(console: Console) -> None:
            rows = [(each["display_name"], each["assignments"], each["id"]) for each in found]
            output.table(console, ("application", "assignments", "id"), rows)

        return Answer({"applications": found}, show)

    answer_in_tenant(At(data, config, tenant), as_json, work)


async def _count(db: TenantDatabase, application: directory.ServicePrincipal) -> int:
    count = 0
    after = None
    while page := await db.read(directory.list_assignments, application.id, after=after, limit=1000):
        count += len(page)
        after = page[-1].id
    return count
