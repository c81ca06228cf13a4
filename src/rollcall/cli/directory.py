"""`rollcall directory`: look at users and groups, and change them one at a time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any
from uuid import UUID

import orjson
import typer
from rich.console import Console

from rollcall import directory
from rollcall.cli import output
from rollcall.cli.directory_import import import_people
from rollcall.cli.naming import as_id, assignments, group_named, principal_named, user_named
from rollcall.cli.output import Answer
from rollcall.cli.ring import AsJson, At, ConfigFile, Data, TenantName, answer_in_tenant
from rollcall.db import TenantDatabase
from rollcall.main import Parts

app = typer.Typer(no_args_is_help=True, help="Users and groups: import them, look at them, change them.")
app.command("import")(import_people)

Upn = Annotated[str, typer.Argument(metavar="UPN", help="The userPrincipalName, or the id.")]
Limit = Annotated[int, typer.Option("--limit", min=1, help="How many at most.")]
Principal = Annotated[
    str, typer.Argument(metavar="USER_OR_GROUP", help="A userPrincipalName, a group's displayName, or an id.")
]
GroupName = Annotated[str, typer.Argument(metavar="GROUP", help="The displayName, or the id.")]

# A page of a listing; longer ones are read page by page.
_PAGE = 1000


@app.command()
def users(
    limit: Limit = 50,
    deleted: Annotated[bool, typer.Option("--deleted", help="Those that were deleted and can be restored.")] = False,
    tenant: TenantName = None,
    data: Data = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """List users, oldest first.

    Example: rollcall directory users --limit 10
    """

    async def work(_parts: Parts, db: TenantDatabase) -> Answer:
        found = await _listed(
            limit, lambda after, count: db.read(directory.list_users, after=after, limit=count, deleted=deleted)
        )
        shown, more = found[:limit], len(found) > limit
        rows = [
            (
                each.attributes["userPrincipalName"],
                each.attributes["displayName"],
                "enabled" if each.attributes["accountEnabled"] else "disabled",
                each.id,
            )
            for each in shown
        ]
        return _listing("users", shown, more, ("userPrincipalName", "displayName", "sign-in", "id"), rows)

    answer_in_tenant(At(data, config, tenant), as_json, work)


@app.command()
def groups(
    limit: Limit = 50,
    deleted: Annotated[bool, typer.Option("--deleted", help="Those that were deleted and can be restored.")] = False,
    tenant: TenantName = None,
    data: Data = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """List groups, oldest first.

    Example: rollcall directory groups
    """

    async def work(_parts: Parts, db: TenantDatabase) -> Answer:
        found = await _listed(
            limit, lambda after, count: db.read(directory.list_groups, after=after, limit=count, deleted=deleted)
        )
        shown, more = found[:limit], len(found) > limit
        rows = [(each.attributes["displayName"], each.attributes.get("description"), each.id) for each in shown]
        return _listing("groups", shown, more, ("displayName", "description", "id"), rows)

    answer_in_tenant(At(data, config, tenant), as_json, work)


async def _listed(limit: int, page: Callable[[UUID | None, int], Awaitable[list[Any]]]) -> list[Any]:
    """One more than `limit` where there are more."""
    found: list[Any] = []
    after: UUID | None = None
    while len(found) <= limit and (some := await page(after, min(_PAGE, limit + 1 - len(found)))):
        found += some
        after = some[-1].id
    return found


def _listing(name: str, shown: list[Any], more: bool, columns: tuple[str, ...], rows: list[tuple[Any, ...]]) -> Answer:
    def show(console: Console) -> None:
        output.table(console, columns, rows)
        if more:
            output.note(f"There are more; --limit shows more than {len(shown)}.")
        elif not shown:
            output.note(f"There are no such {name}.")

    return Answer({name: [_object(each) for each in shown], "more": more}, show)


def _object(found: directory.User | directory.Group) -> dict[str, Any]:
    manager = {"manager": found.manager} if isinstance(found, directory.User) else {}
    return {"id": found.id, **found.attributes, **manager, "deletedDateTime": found.deleted}


@app.command()
def user(
    upn: Upn,
    tenant: TenantName = None,
    data: Data = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Show one user: attributes, manager and groups.

    Example: rollcall directory user ada@example.com
    """

    async def work(_parts: Parts, db: TenantDatabase) -> Answer:
        found = await user_named(db, upn)
        manager = None if found.manager is None else await db.read(directory.read_user, found.manager)
        member_of = await db.read(directory.list_groups_of, found.id)
        names = [group.attributes["displayName"] for group in member_of]

        def show(console: Console) -> None:
            rows = [("id", found.id), *found.attributes.items()]
            if manager is not None:
                rows.append(("manager", manager.attributes["userPrincipalName"]))
            if found.deleted is not None:
                rows.append(("deleted", found.deleted))
            rows += [("member of", name) for name in names]
            output.pairs(console, rows)

        groups = [{"id": group.id, "displayName": group.attributes["displayName"]} for group in member_of]
        return Answer(_object(found) | {"memberOf": groups}, show)

    answer_in_tenant(At(data, config, tenant), as_json, work)


@app.command()
def group(
    name: GroupName,
    limit: Limit = 50,
    tenant: TenantName = None,
    data: Data = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Show one group: attributes and direct members.

    Example: rollcall directory group Founders
    """

    async def work(_parts: Parts, db: TenantDatabase) -> Answer:
        found = await group_named(db, name)
        members = await _listed(
            limit, lambda after, count: db.read(directory.list_members, found.id, after=after, limit=count)
        )
        shown, more = members[:limit], len(members) > limit

        def show(console: Console) -> None:
            output.pairs(console, [("id", found.id), *found.attributes.items()])
            output.table(console, ("member", "kind", "id"), [(each.display_name, each.kind, each.id) for each in shown])
            if more:
                output.note(f"There are more members; --limit shows more than {len(shown)}.")

        return Answer(_object(found) | {"members": shown, "more": more}, show)

    answer_in_tenant(At(data, config, tenant), as_json, work)


@app.command("set")
def set_attributes(
    upn: Upn,
    changes: Annotated[
        list[str],
        typer.Argument(metavar="ATTRIBUTE=VALUE...", help="Graph names; nothing after the = takes the value away."),
    ],
    tenant: TenantName = None,
    data: Data = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Change attributes of a user; `manager` takes a userPrincipalName, lists and objects are written as JSON.

    Example: rollcall directory set ada@example.com jobTitle="Chief Analyst" manager=charles@example.com

    Example: rollcall directory set ada@example.com accountEnabled=false
    """

    async def work(_parts: Parts, db: TenantDatabase) -> Answer:
        found = await user_named(db, upn)
        values: dict[str, Any] = {name: _value(text) for name, text in assignments(changes).items()}
        if isinstance(values.get("manager"), str):
            values["manager"] = (await user_named(db, values["manager"])).id
        changed = await db.write(directory.update_user, found.id, values)
        text = f"Changed {upn}." if changed else f"Nothing to change; {upn} has these values already."
        return _done(found.id, changed, text)

    answer_in_tenant(At(data, config, tenant), as_json, work)


def _value(text: str) -> Any:
    """What a value on the command line stands for: true, false, a list or object in JSON, nothing, or text."""
    if not text:
        return None
    if text in ("true", "false") or text[0] in "[{":
        try:
            return orjson.loads(text)
        except orjson.JSONDecodeError:
            return text
    return text


def _done(object_id: UUID, changed: bool, text: str) -> Answer:
    return Answer({"id": object_id, "changed": changed}, lambda console: console.print(output.safe(text)))


@app.command()
def delete(
    upn: Upn, tenant: TenantName = None, data: Data = None, config: ConfigFile = None, as_json: AsJson = False
) -> None:
    """Delete a user; for 30 days `restore` brings it back.

    Example: rollcall directory delete ada@example.com
    """

    async def work(_parts: Parts, db: TenantDatabase) -> Answer:
        found = await user_named(db, upn)
        await db.write(directory.delete_user, found.id)
        return _done(found.id, True, f"Deleted {upn}; rollcall directory restore {upn} brings it back for 30 days.")

    answer_in_tenant(At(data, config, tenant), as_json, work)


@app.command()
def restore(
    upn: Upn, tenant: TenantName = None, data: Data = None, config: ConfigFile = None, as_json: AsJson = False
) -> None:
    """Bring a deleted user back, with its memberships and assignments.

    Example: rollcall directory restore ada@example.com
    """

    async def work(_parts: Parts, db: TenantDatabase) -> Answer:
        found = await user_named(db, upn, deleted=True)
        await db.write(directory.restore_user, found.id)
        return _done(found.id, True, f"Restored {upn}.")

    answer_in_tenant(At(data, config, tenant), as_json, work)


@app.command()
def purge(
    upn: Upn, tenant: TenantName = None, data: Data = None, config: ConfigFile = None, as_json: AsJson = False
) -> None:
    """Remove a user for good, deleted before or not; nothing brings it back.

    Example: rollcall directory purge ada@example.com
    """

    async def work(_parts: Parts, db: TenantDatabase) -> Answer:
        present = as_id(upn) is not None or await db.read(directory.find_user, upn) is not None
        found = await user_named(db, upn, deleted=not present)
        await db.write(directory.purge_user, found.id)
        return _done(found.id, True, f"Purged {upn}.")

    answer_in_tenant(At(data, config, tenant), as_json, work)


@app.command("add-member")
def add_member(
    group: GroupName,
    member: Principal,
    tenant: TenantName = None,
    data: Data = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Add a user, or another group, to a group.

    Example: rollcall directory add-member Founders ada@example.com

    Example: rollcall directory add-member Sales "Sales Nord"
    """

    async def work(_parts: Parts, db: TenantDatabase) -> Answer:
        into, (member_id, name) = await group_named(db, group), await principal_named(db, member)
        added = await db.write(directory.add_member, into.id, member_id)
        return _done(into.id, added, f"{name} {'is now' if added else 'was already'} a member of {group}.")

    answer_in_tenant(At(data, config, tenant), as_json, work)


@app.command("remove-member")
def remove_member(
    group: GroupName,
    member: Principal,
    tenant: TenantName = None,
    data: Data = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Take a user, or another group, out of a group.

    Example: rollcall directory remove-member Founders ada@example.com
    """

    async def work(_parts: Parts, db: TenantDatabase) -> Answer:
        out_of, (member_id, name) = await group_named(db, group), await principal_named(db, member)
        removed = await db.write(directory.remove_member, out_of.id, member_id)
        return _done(out_of.id, removed, f"{name} {'is no longer' if removed else 'was not'} a member of {group}.")

    answer_in_tenant(At(data, config, tenant), as_json, work)
