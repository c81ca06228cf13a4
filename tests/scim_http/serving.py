"""An ASGI application on a real loopback port, served by granian as in production."""

from __future__ import annotations

import asyncio
import multiprocessing
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from granian.constants import Interfaces
from granian.server.embed import Server

from rollcall.scim_http.server import Application
from tests.scim_http.asgi import application

_ATTEMPTS = 500


@asynccontextmanager
async def served(app: Application, port: int | None = None) -> AsyncIterator[str]:
    """Serve `app`, which needs something of this process, in this event loop; yields its base URL."""
    port = port or free_port()
    server = Server(app, "127.0.0.1", port, interface=Interfaces.ASGI, websockets=False, log_enabled=False)
    serving = asyncio.create_task(server.serve())
    try:
        await _accepting(port)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.stop()  # type: ignore[no-untyped-call]  # granian leaves it untyped
        await serving


@asynccontextmanager
async def served_apart(**settings: Any) -> AsyncIterator[str]:
    """Serve `application(**settings)` over an empty store in a process of its own; yields its base URL."""
    port = free_port()
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=(port, settings), daemon=True)
    process.start()
    try:
        await _accepting(port)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        await asyncio.to_thread(process.join)
        process.close()


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    return port


def _serve(port: int, settings: dict[str, Any]) -> None:
    server = Server(
        application(**settings), "127.0.0.1", port, interface=Interfaces.ASGI, websockets=False, log_enabled=False
    )
    asyncio.run(server.serve())


async def _accepting(port: int) -> None:
    for _ in range(_ATTEMPTS):
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except ConnectionRefusedError:
            await asyncio.sleep(0.02)
        else:
            writer.close()
            await writer.wait_closed()
            return
    raise AssertionError("granian does not accept connections")
