"""Serves the two halves over HTTP, each in a process of its own."""

from __future__ import annotations

import asyncio
import errno
import socket
from functools import partial

from granian.constants import Interfaces
from granian.log import LogLevels
from granian.server.embed import Server
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

import rollcall
from rollcall.directory.signin.keys import KeyRing
from rollcall.directory.signin.provider import Provider
from rollcall.directory.signin.signing_in import SigningIn
from rollcall.directory.signin.telling import Teller
from rollcall.errors import Unavailable
from rollcall.mail import send_mail
from rollcall.main.monitoring import health_routes, metrics_route, worker_app
from rollcall.main.opening import Parts, mail_server
from rollcall.main.sign_in_links import identity_address, proving_of
from rollcall.main.sign_in_routes import sign_in_routes
from rollcall.main.site import Site, site_of
from rollcall.outbound import Reach
from rollcall.passwords import SlowHash
from rollcall.provisioning import Worker
from rollcall.web import is_secure, network_of
from rollcall.workspaces import workspaces_scim_app
from rollcall.workspaces.pages import House, Post, workspace_pages
from rollcall.workspaces.sso.configuration import Client, Installation
from rollcall.workspaces.sso.logout import Logout
from rollcall.workspaces.sso.oidc import RelyingParty
from rollcall.workspaces.sso.session_reading import SessionReader


def identity_app(parts: Parts) -> ASGIApp:
    """The identity half over HTTP."""
    site = site_of(parts, "identity")
    front = _front_page(
        site,
        "Rollcall identity",
        "Directory and provisioning service. The commands of rollcall job and rollcall directory work with it.",
        {"Version": rollcall.__version__, "Your account": "/security", "Ready": "/health/ready"},
    )
    provider = provider_of(parts, site.base_url)
    signing_in = SigningIn(provider, proving_of(parts), site.pages, site.cookies, site.forms)
    routes = sign_in_routes(signing_in)
    return site.app([front, *health_routes(parts.database.check), metrics_route(parts), *routes])


def workspaces_app(parts: Parts) -> ASGIApp:
    """The workspaces half over HTTP: its SCIM endpoint, and health."""
    site = site_of(parts, "workspaces")
    scim = workspaces_scim_app(parts.database, parts.runtime, base_url=parts.config.workspaces.base_url)
    pages = workspace_pages(house_of(parts, site))
    return _by_prefix("/scim/", scim, site.app([*health_routes(parts.database.check), *pages]))


def house_of(parts: Parts, site: Site) -> House:
    """What the pages of the workspaces half work with."""
    database, runtime, sealer = parts.database, parts.runtime, parts.sealer
    installation = _installation(parts, site.base_url)
    party = RelyingParty(database, runtime, sealer, installation)
    return House(
        database,
        runtime,
        sealer,
        site.base_url,
        site.pages,
        site.forms,
        site.cookies,
        SessionReader(database, runtime),
        party,
        Logout(party, database, runtime, sealer),
        installation,
        _post(parts),
        network_of,
        SlowHash(),
    )


def _installation(parts: Parts, base_url: str) -> Installation:
    entra = parts.config.entra
    return Installation(
        base_url,
        entra_authority=entra.authority,
        graph=entra.graph,
        registration=None if entra.client_id is None else Client(entra.client_id, entra.client_secret),
        consumer_tenant=entra.consumer_accounts,
        loopback_http=not is_secure(base_url),
    )


def _post(parts: Parts) -> Post | None:
    server = mail_server(parts.config)
    return None if server is None else partial(send_mail, server)


def provider_of(parts: Parts, base_url: str) -> Provider:
    """The identity provider over these parts, reached at `base_url`."""
    keys = KeyRing(parts.database, parts.sealer, parts.runtime)
    return Provider(parts.database, parts.runtime, parts.sealer, base_url, keys)


def _front_page(site: Site, title: str, about: str, facts: dict[str, str]) -> Route:
    """A page that says what answers at this address, and nothing that only some may know."""

    async def front(request: Request) -> Response:
        return site.pages.page(request, "web/front.html", title=title, about=about, facts=facts.items())

    return Route("/", front)


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
    port = free_port(settings.host, settings.port)
    async with asyncio.TaskGroup() as tasks:
        telling = tasks.create_task(_teller_of(parts).run())
        await _serve(identity_app(parts), settings.host, port)
        telling.cancel()


def _teller_of(parts: Parts) -> Teller:
    """Tells applications of sessions that ended. It runs here, since only this process knows by which address it goes."""
    settings = parts.config.identity
    reach = Reach(private=settings.private_addresses, loopback_http=settings.private_addresses)
    return Teller(provider_of(parts, identity_address(parts)), reach)


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
