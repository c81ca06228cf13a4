"""The SCIM operations on resources: request in, one call to the store, answer out (RFC 7644 §3.3 to §3.6)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from rollcall.scim.dialect import normalise_patch, normalise_query, normalise_resource
from rollcall.scim.error import not_implemented
from rollcall.scim.message import list_response, parse_patch, parse_projection, parse_search
from rollcall.scim.projection import EVERYTHING, Projection, project
from rollcall.scim.resource import check
from rollcall.scim.schema import Resource, ResourceType
from rollcall.scim.version import is_not_modified
from rollcall.scim_http.references import Locator
from rollcall.scim_http.request import Request
from rollcall.scim_http.response import Response
from rollcall.scim_http.store import ResourceStore


@dataclass(frozen=True, slots=True)
class Resources:
    """The operations, with the limits of this server.

    `max_results` is the most resources on a page, `page_size` how many come where none are asked for. A PATCH of a
    resource type in `quiet_patch` answers 204 unless attributes are asked for, so that the resource need not be loaded.
    """

    resource_types: tuple[ResourceType, ...]
    locator: Locator
    max_body_bytes: int
    max_results: int
    page_size: int
    quiet_patch: frozenset[str]

    async def create(self, store: ResourceStore, request: Request, resource_type: ResourceType) -> Response:
        """201 with the new resource and its Location (RFC 7644 §3.3)."""
        projection = parse_projection(request.query())
        body = normalise_resource(await request.json(self.max_body_bytes), resource_type)
        created = await store.create(resource_type, check(body, resource_type, "create"))
        return self._one(request, resource_type, created, projection, 201)

    async def read(
        self, store: ResourceStore, request: Request, resource_type: ResourceType, resource_id: str
    ) -> Response:
        """200 with the resource, or 304 where the caller has this version already (RFC 7644 §3.4.1, §3.14)."""
        projection = parse_projection(request.query())
        found = await store.read(resource_type, resource_id, projection)
        if is_not_modified(request.header("if-none-match"), found["meta"]["version"]):
            return Response(304, None, (("ETag", found["meta"]["version"]),))
        return self._one(request, resource_type, found, projection)

    async def replace(
        self, store: ResourceStore, request: Request, resource_type: ResourceType, resource_id: str
    ) -> Response:
        """200 with the resource as it is now (RFC 7644 §3.5.1)."""
        projection = parse_projection(request.query())
        body = normalise_resource(await request.json(self.max_body_bytes), resource_type)
        wanted = check(body, resource_type, "replace")
        replaced = await store.replace(resource_type, resource_id, wanted, request.header("if-match"))
        return self._one(request, resource_type, replaced, projection)

    async def patch(
        self, store: ResourceStore, request: Request, resource_type: ResourceType, resource_id: str
    ) -> Response:
        """200 with the resource as it is now, or 204 (RFC 7644 §3.5.2)."""
        projection: Projection | None = parse_projection(request.query())
        if resource_type.name in self.quiet_patch and projection == EVERYTHING:
            projection = None
        operations = parse_patch(normalise_patch(await request.json(self.max_body_bytes), resource_type))
        patched = await store.patch(resource_type, resource_id, operations, request.header("if-match"), projection)
        if projection is None:
            return Response(204, None, (("ETag", patched["meta"]["version"]),))
        return self._one(request, resource_type, patched, projection)

    async def delete(
        self, store: ResourceStore, request: Request, resource_type: ResourceType, resource_id: str
    ) -> Response:
        """204 (RFC 7644 §3.6)."""
        await store.delete(resource_type, resource_id, request.header("if-match"))
        return Response(204)

    async def find(self, store: ResourceStore, request: Request, resource_types: Sequence[ResourceType]) -> Response:
        """A page of the resources of these types; parameters in the URL, or in the body of a POST (RFC 7644 §3.4.2)."""
        asked: dict[str, Any] = await request.json(self.max_body_bytes) if request.method == "POST" else request.query()
        total, found, start_index = 0, list[Resource](), 1
        for resource_type in resource_types:
            query = parse_search(normalise_query(asked, resource_type))
            if query.sort_by is not None and len(resource_types) > 1:
                raise not_implemented("Resources of several types can't be sorted together: search one resource type.")
            start_index = query.start_index
            count = self.page_size if query.count is None else min(query.count, self.max_results)
            rest = replace(query, start_index=max(1, start_index - total), count=count - len(found))
            page = await store.query(resource_type, rest)
            total += page.total
            found += [self._shown(request, resource_type, resource, query.projection) for resource in page.resources]
        return Response(200, list_response(found, total, start_index))

    def _shown(
        self, request: Request, resource_type: ResourceType, resource: Resource, projection: Projection
    ) -> Resource:
        return project(self.locator.locate(resource, resource_type, request.base_url), resource_type, projection)

    def _one(
        self,
        request: Request,
        resource_type: ResourceType,
        resource: Resource,
        projection: Projection,
        status: int = 200,
    ) -> Response:
        located = self.locator.locate(resource, resource_type, request.base_url)
        headers = (("Location", located["meta"]["location"]), ("ETag", located["meta"]["version"]))
        return Response(status, project(located, resource_type, projection), headers)
