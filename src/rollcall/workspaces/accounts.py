"""The accounts and groups of one organisation as a SCIM ResourceStore on PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence

from psycopg.errors import UniqueViolation

from rollcall.db import TenantDatabase
from rollcall.runtime import Runtime
from rollcall.scim.attribute import Resource, ResourceType
from rollcall.scim.message import Query
from rollcall.scim.patch import Operation
from rollcall.scim.resource import Projection
from rollcall.scim_http.store import Page
from rollcall.workspaces import accounts_groups, accounts_listing, accounts_users
from rollcall.workspaces.audit import SYSTEM, Actor


class AccountStore:
    """Keeps the bargain of `rollcall.scim_http.store.ResourceStore` for Users and Groups.

    Each method is one transaction. `base_url` is the Tenant URL, with which filters on `$ref` and `meta.location`
    compare. `actor`: who the audit log is told did what is written through it.
    """

    def __init__(self, database: TenantDatabase, runtime: Runtime, base_url: str = "", actor: Actor = SYSTEM) -> None:
        self._database = database
        self._runtime = runtime
        self._base_url = base_url
        self._actor = actor

    async def create(self, resource_type: ResourceType, resource: Resource) -> Resource:
        """See ResourceStore."""
        write = self._database.write
        if resource_type.name == "User":
            return await write(accounts_users.create_user, self._runtime, resource_type, resource, actor=self._actor)
        return await write(
            accounts_groups.create_group, self._runtime, resource_type, resource, self._base_url, actor=self._actor
        )

    async def read(self, resource_type: ResourceType, resource_id: str, projection: Projection) -> Resource:
        """See ResourceStore; groups of users and members of groups are read only if the projection wants them."""
        if resource_type.name == "User":
            wanted = not projection.leaves_out("groups", resource_type)
            return await self._database.read(accounts_users.read_user, resource_id, with_groups=wanted)
        wanted = not projection.leaves_out("members", resource_type)
        return await self._database.read(accounts_groups.read_group, resource_id, with_members=wanted)

    async def replace(
        self, resource_type: ResourceType, resource_id: str, resource: Resource, if_match: str | None
    ) -> Resource:
        """See ResourceStore."""
        write, runtime = self._database.write, self._runtime
        try:
            if resource_type.name == "User":
                return await write(
                    accounts_users.replace_user,
                    runtime,
                    resource_type,
                    resource_id,
                    resource,
                    if_match,
                    actor=self._actor,
                )
            return await write(
                accounts_groups.replace_group,
                runtime,
                resource_type,
                resource_id,
                resource,
                if_match,
                self._base_url,
                actor=self._actor,
            )
        except UniqueViolation:
            raise _taken(resource_type) from None

    async def patch(
        self,
        resource_type: ResourceType,
        resource_id: str,
        operations: Sequence[Operation],
        if_match: str | None,
        projection: Projection | None,
    ) -> Resource:
        """See ResourceStore; a group of which only members change is never loaded."""
        try:
            if resource_type.name == "User":
                return await self._database.write(
                    accounts_users.patch_user,
                    self._runtime,
                    resource_type,
                    resource_id,
                    operations,
                    if_match,
                    with_groups=projection is not None and not projection.leaves_out("groups", resource_type),
                    actor=self._actor,
                )
            return await self._database.write(
                accounts_groups.patch_group,
                self._runtime,
                resource_type,
                resource_id,
                operations,
                if_match,
                with_members=projection is not None and not projection.leaves_out("members", resource_type),
                base_url=self._base_url,
                actor=self._actor,
            )
        except UniqueViolation:
            raise _taken(resource_type) from None

    async def delete(self, resource_type: ResourceType, resource_id: str, if_match: str | None) -> None:
        """See ResourceStore; of a user a tombstone with hashed identity keys stays."""
        if resource_type.name == "User":
            await self._database.write(
                accounts_users.delete_user, self._runtime, resource_type, resource_id, if_match, actor=self._actor
            )
        else:
            await self._database.write(
                accounts_groups.delete_group, self._runtime, resource_id, if_match, actor=self._actor
            )

    async def query(self, resource_type: ResourceType, query: Query) -> Page:
        """See ResourceStore; filter, order and page are SQL."""
        total, resources = await self._database.read(accounts_listing.find, resource_type, query, self._base_url)
        return Page(total, resources)


def _taken(resource_type: ResourceType) -> Exception:
    if resource_type.name == "User":
        return accounts_users.user_name_taken()
    return accounts_groups.display_name_taken()
