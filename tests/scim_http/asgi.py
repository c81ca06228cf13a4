"""A client that calls an ASGI application in this process, byte for byte as a web server would."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from rollcall.scim.error import unauthorized
from rollcall.scim_http.memory import MemoryStore
from rollcall.scim_http.request import Message
from rollcall.scim_http.server import Application, Request, ResourceStore, scim_app

TOKEN = "a-secret-token"
HOST = "scim.example"


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer; header names are lower case."""

    status: int
    headers: dict[str, str]
    content: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.content)


@dataclass
class AsgiClient:
    """Sends requests to `app`; `chunks` is how large the pieces are in which a body arrives."""

    app: Application
    token: str | None = TOKEN
    chunk_bytes: int = 65536
    root_path: str = ""
    network: str = "192.0.2.1"
    messages: list[Message] = field(default_factory=list)

    async def __call__(
        self,
        method: str,
        target: str,
        body: Any = None,
        headers: dict[str, str] | None = None,
        query: str | None = None,
    ) -> Reply:
        """`target` is the raw request target; `body` bytes, or something to send as JSON."""
        path, _, in_target = target.partition("?")
        content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        sent = {"host": HOST}
        if self.token is not None:
            sent["authorization"] = f"Bearer {self.token}"
        if body is not None:
            sent |= {"content-type": "application/scim+json", "content-length": str(len(content))}
        sent |= {name.lower(): value for name, value in (headers or {}).items()}
        scope: dict[str, Any] = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": method,
            "scheme": "https",
            "path": unquote(path, errors="replace"),
            "raw_path": path.encode("latin-1"),
            "query_string": (in_target if query is None else query).encode("latin-1"),
            "root_path": self.root_path,
            "headers": [(k.encode("latin-1"), v.encode("latin-1")) for k, v in sent.items() if v],
            "client": (self.network, 40000),
            "server": (HOST, 443),
        }
        pieces = [content[at : at + self.chunk_bytes] for at in range(0, len(content), self.chunk_bytes)] or [b""]
        pending: list[Message] = [
            {"type": "http.request", "body": piece, "more_body": at < len(pieces) - 1}
            for at, piece in enumerate(pieces)
        ]
        self.messages = []

        async def receive() -> Message:
            return pending.pop(0) if pending else {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            self.messages.append(message)

        await self.app(scope, receive, send)
        start, *bodies = self.messages
        return Reply(
            start["status"],
            {name.decode(): value.decode("latin-1") for name, value in start["headers"]},
            b"".join(each["body"] for each in bodies),
        )


def application(store: ResourceStore | None = None, **settings: Any) -> Application:
    """A server over a store in memory, which lets in who holds TOKEN."""
    kept = MemoryStore() if store is None else store

    async def store_for(request: Request) -> ResourceStore:
        if request.token != TOKEN:
            raise unauthorized("The token is wrong.")
        return kept

    return scim_app(store_for, **settings)
