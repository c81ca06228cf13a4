"""Serves the two halves over HTTP, each in a process of its own."""

from __future__ import annotations

import errno
import socket
from collections.abc import Awaitable, Callable
from html import escape

from granian.constants import Interfaces
from granian.log import LogLevels
from granian.server.embed import Server
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

import rollcall
from rollcall.errors import Unavailable
from rollcall.main.monitoring import health_routes, metrics_route, worker_app
from rollcall.main.opening import Parts
from rollcall.provisioning import Worker
from rollcall.workspaces import workspaces_scim_app

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} · Rollcall</title>
<style>
:root {{ color-scheme: light dark; --ink: #1d2433; --dim: #5b6577; --line: #dfe3ea; --ground: #f6f7f9; --card: #fff;
  --good: #1f7a4d; }}
@media (prefers-color-scheme: dark) {{ :root {{ --ink: #e6e9ef; --dim: #9aa5b8; --line: #2c3444; --ground: #12161f;
  --card: #1a202c; --good: #4cc38a; }} }}
body {{ margin: 0; background: var(--ground); color: var(--ink); font: 16px/1.55 system-ui, sans-serif; }}
main {{ max-width: 40rem; margin: 12vh auto 0; padding: 0 1.25rem; }}
section {{ background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 1.5rem 1.75rem; }}
h1 {{ font-size: 1.35rem; margin: 0 0 .25rem; }}
p {{ margin: .5rem 0; }} .state {{ color: var(--good); font-weight: 600; }} .dim {{ color: var(--dim); }}
code {{ font: .875rem ui-monospace, monospace; overflow-wrap: anywhere; }}
dl {{ display: grid; grid-template-columns: max-content 1fr; gap: .35rem 1.25rem; margin: 1.25rem 0 0; }}
dt {{ color: var(--dim); }} dd {{ margin: 0; }}
</style></head><body><main><section>
<h1>{title}</h1><p class="state">● Serving</p><p class="dim">{about}</p>
<dl>{rows}</dl></section></main></body></html>"""


def _front_page(title: str, about: str, rows: dict[str, str]) -> Callable[[Request], Awaitable[Response]]:
    """A page that says what answers at this address, and nothing that only some may know."""
    facts = "".join(f"<dt>{escape(name)}</dt><dd><code>{escape(value)}</code></dd>" for name, value in rows.items())
    page = _PAGE.format(title=escape(title), about=escape(about), rows=facts)

    async def front(_request: Request) -> Response:
        return HTMLResponse(page, headers={"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"})

    return front


def identity_app(parts: Parts) -> ASGIApp:
    """The identity half over HTTP."""
    front = _front_page(
        "Rollcall identity",
        "Directory and provisioning service. The commands of rollcall job and rollcall directory work with it.",
        {"Version": rollcall.__version__, "Live": "/health/live", "Ready": "/health/ready"},
    )
    return Starlette(routes=[Route("/", front), *health_routes(parts.database.check), metrics_route(parts)])


def workspaces_app(parts: Parts) -> ASGIApp:
    """The workspaces half over HTTP: its SCIM endpoint, and health."""
    front = _front_page(
        "Rollcall workspaces",
        "An application that organisations sign in to and that is provisioned through SCIM 2.0.",
        {"Version": rollcall.__version__, "SCIM": "/scim/v2/{organisation}", "Ready": "/health/ready"},
    )
    scim = workspaces_scim_app(parts.database, parts.runtime, base_url=parts.config.workspaces.base_url)
    return _by_prefix("/scim/", scim, Starlette(routes=[Route("/", front), *health_routes(parts.database.check)]))


def _by_prefix(prefix: str, inside: ASGIApp, outside: ASGIApp) -> ASGIApp:
    """Requests below `prefix` go straight to `inside`, with the whole path; all others to `outside`."""

    async def app(scope: dict[str, object], receive: object, send: object) -> None:
        chosen = inside if scope["type"] == "http" and str(scope["path"]).startswith(prefix) else outside
        await chosen(scope, receive, send)  # type: ignore[arg-type]  # handed on as they came

    return app  # type: ignore[return-value]  # ASGI's own types, in other words


def free_port(host: str, port: int) -> int:
    """The port, or any free one for 0. Raises Unavailable when somebody listens there already."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            taken = error.errno == errno.EADDRINUSE
            why = "is taken by another program" if taken else f"can't be used: {error.strerror}"
            raise Unavailable(f"Port {port} on {host} {why}. Choose another one; 0 is any free one.") from None
        return int(probe.getsockname()[1])


async def _serve(app: ASGIApp, host: str, port: int) -> None:
    server = Server(
        app, address=host, port=port, interface=Interfaces.ASGI, log_level=LogLevels.critical, websockets=False
    )
    await server.serve()


async def serve_identity(parts: Parts) -> None:
    """Serve the identity half until cancelled. Raises Unavailable when the port is taken."""
    settings = parts.config.identity
    await _serve(identity_app(parts), settings.host, free_port(settings.host, settings.port))


async def serve_workspaces(parts: Parts) -> None:
    """Serve the workspaces half until cancelled. Raises Unavailable when the port is taken."""
    settings = parts.config.workspaces
    await _serve(workspaces_app(parts), settings.host, free_port(settings.host, settings.port))


async def serve_worker(parts: Parts, worker: Worker) -> None:
    """Show the worker's health and metrics until cancelled, where it is told a port."""
    settings = parts.config.worker
    if settings.metrics_port:
        port = free_port(settings.metrics_host, settings.metrics_port)
        await _serve(worker_app(parts, worker), settings.metrics_host, port)
