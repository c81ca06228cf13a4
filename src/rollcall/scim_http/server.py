"""The SCIM server: an ASGI application that routes requests to the operations and turns every failure into an answer."""

from __future__ import annotations

import traceback
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias

import structlog

from rollcall.errors import Refusal
from rollcall.runtime import Runtime, SystemRuntime
from rollcall.scim.error import ScimError, method_not_allowed, not_found, not_implemented
from rollcall.scim.schema import GROUP, USER, ResourceType
from rollcall.scim_http.discovery import ENDPOINTS, discover
from rollcall.scim_http.mount import Mount
from rollcall.scim_http.references import Locator
from rollcall.scim_http.request import Disconnected, Receive, Request, Scope, Send
from rollcall.scim_http.resources import Resources
from rollcall.scim_http.response import Response, error_response, from_refusal, our_mistake, send_response
from rollcall.scim_http.store import Page, ResourceStore

__all__ = ["Page", "Request", "ResourceStore", "scim_app"]

StoreFor: TypeAlias = Callable[[Request], Awaitable[ResourceStore]]
Application: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

_SYSTEM = SystemRuntime()
_log = structlog.get_logger("rollcall.scim_http")


def scim_app(
    store_for: StoreFor,
    *,
    resource_types: Sequence[ResourceType] = (USER, GROUP),
    base_url: str | None = None,
    mount: str = "",
    max_body_bytes: int = 1024 * 1024,
    max_results: int = 200,
    page_size: int = 100,
    quiet_patch: frozenset[str] = frozenset({"Group"}),
    runtime: Runtime = _SYSTEM,
) -> Application:
    """A SCIM service provider over the stores that `store_for` opens.

    `store_for` authenticates the request and raises ScimError or Refusal; only ServiceProviderConfig is served without
    it (RFC 7643 §5). `mount` is the path above the endpoints and may name parameters (`/scim/v2/{organisation}`), which
    `store_for` finds in `request.path_params`. `base_url` (scheme and host) is what locations begin with; without it,
    what the caller wrote into the Host header.
    """
    operations = Resources(
        tuple(resource_types), Locator(resource_types), max_body_bytes, max_results, page_size, quiet_patch
    )
    router = _Router(store_for, operations)
    mounted = Mount(mount, base_url)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _live(receive, send)
            return
        assert scope["type"] == "http", "SCIM is served over HTTP"
        started = runtime.monotonic()
        request = None
        try:
            request = mounted.open(scope, receive)
            response = await router.answer(request)
        except Disconnected:
            return
        except ScimError as error:
            response = error_response(error)
        except Refusal as refusal:
            response = error_response(from_refusal(refusal))
        except Exception as error:  # the outermost ring: our own mistake ends this request, never the process
            error_id = str(runtime.new_id())
            # As text: a renderer that is given the exception may print local variables, and with them the token.
            told = "".join(traceback.format_exception(error))
            _log.error("scim_request_failed", error_id=error_id, method=scope["method"], exception=told)
            response = error_response(our_mistake(error_id))
        await send_response(send, request, response)
        # No path and no query: they hold names and addresses of people.
        _log.info(
            "scim_request",
            method=scope["method"],
            resource_type=router.subject(request),
            status=response.status,
            duration_ms=round((runtime.monotonic() - started) * 1000, 2),
        )

    return app


class _Router:
    """From method and path to the operation (RFC 7644 §3.2, table 2)."""

    def __init__(self, store_for: StoreFor, operations: Resources) -> None:
        self._store_for = store_for
        self._operations = operations
        self._types = {each.endpoint.strip("/"): each for each in operations.resource_types}

    def subject(self, request: Request | None) -> str | None:
        """What the request is about, in a word that no caller chose."""
        head = request.segments[0] if request is not None and request.segments else ""
        resource_type = self._types.get(head)
        return resource_type.name if resource_type is not None else head if head in ENDPOINTS else None

    async def answer(self, request: Request) -> Response:
        head = request.segments[0] if request.segments else ""
        if head == "ServiceProviderConfig":
            return self._discover(request)
        store = await self._store_for(request)
        resource_type = self._types.get(head)
        if resource_type is None:
            return await self._without_type(store, request, head)
        match request.segments[1:]:
            case []:
                return await self._collection(store, request, resource_type)
            case [".search"]:
                _allow(request, "POST")
                return await self._operations.find(store, request, (resource_type,))
            case [resource_id]:
                return await self._member(store, request, resource_type, resource_id)
        raise not_found("There is no such endpoint.")

    async def _collection(self, store: ResourceStore, request: Request, resource_type: ResourceType) -> Response:
        if request.method == "POST":
            return await self._operations.create(store, request, resource_type)
        _allow(request, "GET", "HEAD", "POST")
        return await self._operations.find(store, request, (resource_type,))

    async def _member(
        self, store: ResourceStore, request: Request, resource_type: ResourceType, resource_id: str
    ) -> Response:
        match request.method:
            case "GET" | "HEAD":
                return await self._operations.read(store, request, resource_type, resource_id)
            case "PATCH":
                return await self._operations.patch(store, request, resource_type, resource_id)
            case "PUT":
                return await self._operations.replace(store, request, resource_type, resource_id)
            case "DELETE":
                return await self._operations.delete(store, request, resource_type, resource_id)
        raise _not_allowed(request, "GET", "HEAD", "PATCH", "PUT", "DELETE")

    async def _without_type(self, store: ResourceStore, request: Request, head: str) -> Response:
        if head in ENDPOINTS:
            return self._discover(request)
        if head == "Me":  # RFC 7644 §3.11: a service provider without it answers 501
            raise not_implemented("There is no resource for the caller: a secret token belongs to an application.")
        match request.segments:
            case []:
                _allow(request, "GET", "HEAD")
                return await self._operations.find(store, request, self._operations.resource_types)
            case [".search"]:
                _allow(request, "POST")
                return await self._operations.find(store, request, self._operations.resource_types)
            case ["Bulk"]:
                _allow(request, "POST")
                raise not_implemented("Bulk is not served: send the operations one by one.")
        raise not_found("There is no such endpoint.")

    def _discover(self, request: Request) -> Response:
        return discover(request, self._operations.resource_types, self._operations.max_results)


def _allow(request: Request, *methods: str) -> None:
    if request.method not in methods:
        raise _not_allowed(request, *methods)


def _not_allowed(request: Request, *methods: str) -> ScimError:
    return method_not_allowed(f"This endpoint does not know {request.method[:20]}.", ", ".join(methods))


async def _live(receive: Receive, send: Send) -> None:
    """The lifespan protocol, for a server that this application is alone on; there is nothing to open or close."""
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
