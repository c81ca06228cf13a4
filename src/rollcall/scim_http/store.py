"""The bargain between the SCIM protocol and storage: six methods, each with the sentence that it must keep."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from rollcall.scim.message import Query
from rollcall.scim.patch import Operation
from rollcall.scim.resource import Projection
from rollcall.scim.schema import Resource, ResourceType


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a query: how many resources match in all, and those on this page."""

    total: int
    resources: list[Resource]


class ResourceStore(Protocol):
    """The resources of one tenant. Each method raises ScimError and does all of its work or none.

    What comes in is checked against its schema. What goes out carries `schemas`, `id` and `meta` with
    `resourceType`, `created`, `lastModified` and `version` (an entity tag, quotes included), whatever the projection;
    the server adds `meta.location`, fills in the `$ref` of references, and leaves out what the projection or
    `returned` says. A projection is a hint: what it leaves out need not be loaded. `if_match` is the header as it was
    sent; `rollcall.scim.version.check_if_match` compares it.
    """

    async def create(self, resource_type: ResourceType, resource: Resource) -> Resource:
        """Keep a new resource under a new id and return it whole; a taken unique value is `uniqueness`, 409."""

    async def read(self, resource_type: ResourceType, resource_id: str, projection: Projection) -> Resource:
        """The resource with this id, or `not_found`."""

    async def replace(
        self, resource_type: ResourceType, resource_id: str, resource: Resource, if_match: str | None
    ) -> Resource:
        """Put `resource` in the place of what is there, but for read-only attributes, and return it whole.

        An immutable attribute that would change is `mutability`, 400 (RFC 7644 §3.5.1).
        """

    async def patch(
        self,
        resource_type: ResourceType,
        resource_id: str,
        operations: Sequence[Operation],
        if_match: str | None,
        projection: Projection | None,
    ) -> Resource:
        """Apply the operations in order, all or none (RFC 7644 §3.5.2), and return the resource.

        Without a projection nobody wants to see the resource: `id` and `meta.version` are enough. Operations that
        change nothing change neither `lastModified` nor the version (§3.5.2.1).
        """

    async def delete(self, resource_type: ResourceType, resource_id: str, if_match: str | None) -> None:
        """Remove the resource; from then on it is `not_found`, in no query and in no group (RFC 7644 §3.6)."""

    async def query(self, resource_type: ResourceType, query: Query) -> Page:
        """The resources that match, in a stable order, from `start_index` on and at most `count` (§3.4.2).

        An attribute that this resource type does not have is treated as one without a value (§3.4.2.1).
        """
