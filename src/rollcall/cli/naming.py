"""How a word on the command line finds what it names: a user, a group, an application, a job."""

from __future__ import annotations

from uuid import UUID

from rollcall import directory, provisioning
from rollcall.db import TenantDatabase
from rollcall.errors import Conflict, Invalid, NotFound


def as_id(word: str) -> UUID | None:
    """The id that a word is, if it is one."""
    try:
        return UUID(word)
    except ValueError:
        return None


async def user_named(db: TenantDatabase, word: str, *, deleted: bool = False) -> directory.User:
    """The user of this userPrincipalName or id; with `deleted`, a soft-deleted one. Raises NotFound, Conflict."""
    if (user_id := as_id(word)) is not None:
        return await db.read(directory.read_user, user_id)
    if not deleted:
        user = await db.read(directory.find_user, word)
        if user is None:
            raise NotFound(f"There is no user {word!r}. People are named by userPrincipalName or id.")
        return user
    found = await _deleted_named(db, word)
    if not found:
        raise NotFound(f"There is no deleted user {word!r}.")
    if len(found) > 1:
        ids = ", ".join(str(user.id) for user in found)
        raise Conflict(f"Several deleted users were named {word!r}; name one by its id: {ids}.")
    return found[0]


async def _deleted_named(db: TenantDatabase, word: str) -> list[directory.User]:
    found: list[directory.User] = []
    after: UUID | None = None
    while page := await db.read(directory.list_users, after=after, limit=1000, deleted=True):
        found += [user for user in page if user.attributes["userPrincipalName"].casefold() == word.casefold()]
        after = page[-1].id
    return found


async def group_named(db: TenantDatabase, word: str) -> directory.Group:
    """The group of this displayName or id. Raises NotFound, and Conflict when several have the name."""
    if (group_id := as_id(word)) is not None:
        return await db.read(directory.read_group, group_id)
    found = await db.read(directory.find_groups, word)
    if not found:
        raise NotFound(f"There is no group {word!r}. Groups are named by displayName or id.")
    if len(found) > 1:
        ids = ", ".join(str(group.id) for group in found)
        raise Conflict(f"Several groups are named {word!r}; name one by its id: {ids}.")
    return found[0]


async def principal_named(db: TenantDatabase, word: str) -> tuple[UUID, str]:
    """Id and name of the user or group that a word names. Raises NotFound, Conflict."""
    user = await db.read(directory.find_user, word)
    if user is not None:
        return user.id, user.attributes["userPrincipalName"]
    if (some_id := as_id(word)) is not None:
        return some_id, word
    try:
        group = await group_named(db, word)
    except NotFound:
        raise NotFound(
            f"There is no user or group {word!r}. Users are named by userPrincipalName, groups by displayName."
        ) from None
    return group.id, group.attributes["displayName"]


async def key_named(db: TenantDatabase, job_id: UUID, word: str) -> provisioning.Key:
    """The user or group that a word names: an id, also of somebody who is gone, a UPN, mail or name.

    Raises NotFound, and Conflict when several have the name.
    """
    if (some_id := as_id(word)) is not None:
        kind = await db.read(directory.kind_of_principal, some_id)
        kind = kind or await db.read(provisioning.kind_of, job_id, str(some_id))
        if kind is None:
            raise NotFound(f"Neither the directory nor the job knows anybody with the id {word}.")
        return provisioning.Key(kind, str(some_id))
    user = await db.read(directory.find_user, word)
    if user is not None:
        return provisioning.Key("User", str(user.id))
    groups = [provisioning.Key("Group", str(each.id)) for each in await db.read(directory.find_groups, word)]
    people = [provisioning.Key("User", str(each)) for each in await db.read(directory.find_people, word)]
    found = people + groups
    if not found:
        raise NotFound(f"There is no user or group {word!r}. Name them by userPrincipalName, mail, displayName or id.")
    if len(found) > 1:
        raise Conflict(
            f"Several are named {word!r}; name one by its id: {', '.join(f'{key.kind} {key.id}' for key in found[:10])}."
        )
    return found[0]


async def application_named(db: TenantDatabase, word: str) -> directory.ServicePrincipal:
    """The application of this name or id. Raises NotFound naming what there is, and Conflict for several."""
    applications = await db.read(directory.list_service_principals)
    found = [each for each in applications if word.casefold() in (each.display_name.casefold(), str(each.id))]
    if not found:
        known = ", ".join(each.display_name for each in applications[:20]) or "none yet"
        raise NotFound(
            f"There is no application {word!r}. Applications: {known}. Make one: rollcall application create NAME.",
            code="no_application",
        )
    if len(found) > 1:
        ids = ", ".join(str(each.id) for each in found)
        raise Conflict(f"Several applications are named {word!r}; name one by its id: {ids}.")
    return found[0]


def role_named(application: directory.ServicePrincipal, word: str) -> directory.AppRole:
    """The application's role of this value, name or id. Raises NotFound naming what there is, Conflict for several."""
    roles = application.app_roles
    found = [each for each in roles if word in (each.value, each.display_name, str(each.id))]
    if len(found) > 1:
        ids = ", ".join(str(each.id) for each in found)
        raise Conflict(f"Several app roles go by {word!r}; name one by its id: {ids}.")
    if not found:
        known = ", ".join(each.value or each.display_name for each in roles[:20]) or "none yet"
        raise NotFound(
            f"{application.display_name} has no app role {word!r}. Roles: {known}. "
            f"Add one: rollcall application add-role {application.display_name} NAME."
        )
    return found[0]


async def job_named(db: TenantDatabase, word: str | None) -> provisioning.Job:
    """The job of this name or id; without a word, the only one. Raises NotFound naming what there is."""
    jobs = await db.read(provisioning.list_jobs)
    if not jobs:
        raise NotFound("There is no job yet. Make one: rollcall job create TENANT_URL.")
    if word is None and len(jobs) > 1:
        names = ", ".join(job.display_name for job in jobs[:10])
        raise NotFound(f"There are several jobs; say which one. Jobs: {names}.")
    return await db.read(provisioning.find_job, word or "")


def assignments(words: list[str]) -> dict[str, str]:
    """Names and values out of words of the form NAME=VALUE. Raises Invalid."""
    pairs = [word.partition("=") for word in words]
    faults = tuple(name for name, equals, _ in pairs if not (name and equals))
    if faults:
        raise Invalid(f"{faults[0]!r} has not the form NAME=VALUE.")
    return {name: value for name, _, value in pairs}
