"""What watches a process over HTTP: health and metrics, for those who may see them."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable
from ipaddress import ip_address

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from rollcall import directory, provisioning
from rollcall.errors import Unavailable
from rollcall.main.opening import Parts

_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip")
_CLOSED = (
    "Metrics are shown to programs on this machine, and elsewhere to those who send the token of the setting "
    "metrics.token as a bearer token.\n"
)

Check = Callable[[], Awaitable[None]]


def health_routes(*ready_checks: Check, live_check: Callable[[], bool] = lambda: True) -> list[Route]:
    """`/health/live`: the process turns; `/health/ready`: what it needs answers too. A check raises Unavailable."""

    async def live(_request: Request) -> Response:
        if live_check():
            return JSONResponse({"status": "ok"})
        return JSONResponse({"status": "unavailable", "reason": "The worker's loop does not turn."}, status_code=503)

    async def ready(_request: Request) -> Response:
        try:
            for check in ready_checks:
                await check()
        except Unavailable as refusal:
            return JSONResponse({"status": "unavailable", "reason": refusal.message}, status_code=503)
        return JSONResponse({"status": "ok"})

    return [Route("/health/live", live), Route("/health/ready", ready)]


def metrics_route(parts: Parts) -> Route:
    """`/metrics`: what this process did, and what the database holds now."""

    async def metrics(request: Request) -> Response:
        if not _may_see(request, parts.config.metrics.token):
            return PlainTextResponse(_CLOSED, status_code=403)
        try:
            tenants = await parts.database.system(directory.list_tenants)
            jobs = await parts.database.system(provisioning.job_gauges, [tenant.id for tenant in tenants])
        except Unavailable as refusal:
            return PlainTextResponse(f"{refusal.message}\n", status_code=503)
        return Response(parts.metrics.exposition(jobs), media_type=_CONTENT_TYPE)

    return Route("/metrics", metrics)


def _may_see(request: Request, token: str | None) -> bool:
    """Who has the token; without one, whoever asks from this machine itself and not through a proxy on it."""
    if token:
        given = request.headers.get("authorization", "")
        return hmac.compare_digest(given.encode(), f"Bearer {token}".encode())
    if request.client is None or any(name in request.headers for name in _FORWARDED):
        return False
    try:
        return ip_address(request.client.host).is_loopback
    except ValueError:
        return False


def worker_app(parts: Parts, worker: provisioning.Worker) -> ASGIApp:
    """What a worker shows of itself."""
    checks = health_routes(parts.database.check, worker.check_queue, live_check=worker.is_turning)
    return Starlette(routes=[*checks, metrics_route(parts)])
