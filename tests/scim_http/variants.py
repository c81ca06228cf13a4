"""Service providers that can do more or less than ours: without PATCH, without filters, with Bulk, with members always."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from rollcall.scim_http.server import Application
from tests.scim_http.asgi import AsgiClient, Reply, application

_BULK_RESPONSE = "urn:ietf:params:scim:api:messages:2.0:BulkResponse"
Refusal = Callable[[dict[str, Any]], int | None]


def _nothing(_operation: dict[str, Any]) -> int | None:
    return None


@dataclass
class Variant:
    """A service provider over a store in memory, and what it can't do.

    `bulk_operations`: how many operations a Bulk request may hold, 0: none is served. `refuses` gives the status with
    which one operation of a Bulk request is refused; `cut`: the connection breaks after a Bulk request was carried out.
    `throttled`: so many requests are answered 429 first. `answers`: bodies of its discovery endpoints by their name; one that is not there is 404.
    """

    app: Application = field(default_factory=application)
    patch: bool = True
    filter: bool = True
    shows_members: bool = False
    bulk_operations: int = 0
    bulk_bytes: int = 0
    largest: int = 0
    refuses: Refusal = _nothing
    forgets: Refusal = _nothing
    cut: bool = False
    throttled: int = 0
    answers: dict[str, Any] = field(default_factory=dict)
    requests: list[tuple[str, str]] = field(default_factory=list)
    bodies: list[Any] = field(default_factory=list)
    if_match: list[str | None] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Answer a request."""
        path, _, query = request.raw_path.removeprefix("/scim").partition("?")
        content = await request.read()
        self.requests.append((request.method, path))
        self.bodies.append(json.loads(content) if content else None)
        if path.strip("/") in ("ServiceProviderConfig", "Schemas", "ResourceTypes"):
            return self._discovered(path.strip("/"))
        if self.throttled:
            self.throttled -= 1
            return web.Response(status=429, headers={"Retry-After": "5"})
        if self.largest and len(content) > self.largest:
            return _error(413, "Too large.")
        if path == "/Bulk":
            return await self._bulk(request, self.bodies[-1])
        if request.method == "PATCH" and not self.patch:
            return _error(501, "There is no PATCH here.")
        if not self.filter and "filter=" in query:
            return _error(501, "There are no filters here.")
        if request.method == "PUT":
            self.if_match.append(request.headers.get("If-Match"))
        if self.shows_members:
            query = query.replace("excludedAttributes=members", "")
        target = f"{path}?{query}" if query else path
        headers = {"If-Match": request.headers.get("If-Match", "")}
        return _handed_on(await AsgiClient(self.app)(request.method, target, content or None, headers))

    def _discovered(self, name: str) -> web.Response:
        if name not in self.answers:
            return _error(404, "There is no such endpoint.")
        return web.json_response(self.answers[name], content_type="application/scim+json")

    async def _bulk(self, request: web.Request, body: Any) -> web.StreamResponse:
        if not self.bulk_operations:
            return _error(404, "There is no Bulk here.")
        if len(body["Operations"]) > self.bulk_operations:
            return _error(413, "Too many operations.")
        answered = [each for operation in body["Operations"] if (each := await self._one(operation)) is not None]
        if self.cut:
            assert request.transport is not None
            request.transport.abort()
        shown = {"schemas": [_BULK_RESPONSE], "Operations": answered}
        return web.json_response(shown, content_type="application/scim+json")

    async def _one(self, operation: dict[str, Any]) -> dict[str, Any] | None:
        named = {"method": operation["method"], "bulkId": operation["bulkId"]}
        if status := self.refuses(operation):
            return {**named, "status": str(status), "response": {"status": str(status), "detail": "Not this one."}}
        reply = await AsgiClient(self.app)(operation["method"], operation["path"], operation.get("data"))
        if self.forgets(operation):
            return None
        answer = {**named, "status": str(reply.status), "location": reply.headers.get("location", operation["path"])}
        return answer if reply.status < 300 else {**answer, "response": reply.json}


def _handed_on(reply: Reply) -> web.Response:
    named = ("content-type", "etag", "location")
    kept = {name: value for name, value in reply.headers.items() if name in named}
    return web.Response(status=reply.status, body=reply.content, headers=kept)


def _error(status: int, detail: str) -> web.Response:
    body = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"], "status": str(status), "detail": detail}
    return web.json_response(body, status=status, content_type="application/scim+json")
