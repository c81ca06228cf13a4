"""Stands between a program and PostgreSQL, follows the statements that pass, and holds the program at a chosen one.

It speaks as much of the protocol as that takes (PostgreSQL, Frontend/Backend Protocol, Message Formats).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment of a program: these pieces of SQL have passed one after another, and the last one is about to be carried out.

    Or, of the transaction it is in, the commit is about to be (`commit`), or has been and nobody knows (`committed`).
    """

    pieces: tuple[str, ...]
    at: Literal["statement", "commit", "committed"] = "statement"


@dataclass
class Turnstile:
    """Connections to one server; `reached` is set when the program stands at the moment."""

    socket: str
    port: int = 0
    moment: Moment | None = None
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    _passed: int = 0
    _writers: set[asyncio.StreamWriter] = field(default_factory=set)

    def hold_at(self, moment: Moment | None) -> None:
        """From now on, hold who comes to this moment."""
        self.moment, self._passed = moment, 0
        self.reached.clear()

    def cut(self) -> None:
        """End all connections, as the server sees it and as the program sees it."""
        for writer in self._writers:
            writer.close()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection of the program."""
        server_reader, server_writer = await asyncio.open_unix_connection(self.socket)
        self._writers |= {writer, server_writer}
        connection = _Connection(self, server_writer)
        back = asyncio.create_task(connection.answer(server_reader, writer))
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                await connection.ask(reader)
        finally:
            back.cancel()
            self._writers -= {writer, server_writer}
            writer.close()
            server_writer.close()

    def is_at(self, statement: str) -> bool:
        """Whether this statement is the last piece of the moment."""
        if self.moment is None or self._passed == len(self.moment.pieces):
            return False
        if self.moment.pieces[self._passed] not in statement:
            return False
        self._passed += 1
        return self._passed == len(self.moment.pieces)


@dataclass
class _Connection:
    turnstile: Turnstile
    server: asyncio.StreamWriter
    prepared: dict[bytes, str] = field(default_factory=dict)
    in_question: bool = False
    silent: bool = False

    async def ask(self, reader: asyncio.StreamReader) -> None:
        """From the program to the server, message by message."""
        head = await reader.readexactly(4)
        self.server.write(head + await reader.readexactly(int.from_bytes(head) - 4))
        while True:
            kind = await reader.readexactly(1)
            length = await reader.readexactly(4)
            content = await reader.readexactly(int.from_bytes(length) - 4)
            statement = self._statement(kind, content)
            if statement is not None:
                await self._consider(" ".join(statement.split()))
            self.server.write(kind + length + content)
            await self.server.drain()

    def _statement(self, kind: bytes, content: bytes) -> str | None:
        """The statement that a message has carried out: a query, or the binding of one that was parsed before."""
        if kind == b"Q":
            return content[:-1].decode()
        if kind == b"P":
            name, statement, _ = content.split(b"\0", 2)
            self.prepared[name] = statement.decode()
        if kind == b"B":
            return self.prepared.get(content.split(b"\0", 2)[1])
        return None

    async def _consider(self, statement: str) -> None:
        moment = self.turnstile.moment
        if self.turnstile.is_at(statement):
            assert moment is not None
            self.in_question = True
            if moment.at == "statement":
                await self._hold()
        elif self.in_question and statement.startswith("commit"):
            assert moment is not None
            if moment.at == "commit":
                await self._hold()
            self.silent = True

    async def _hold(self) -> None:
        self.turnstile.reached.set()
        await asyncio.Event().wait()

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """From the server to the program; silent once the moment's commit is on its way."""
        with suppress(ConnectionError):
            while chunk := await reader.read(1 << 16):
                if self.silent:
                    await self._hold()
                writer.write(chunk)
                await writer.drain()
        writer.close()


@asynccontextmanager
async def turnstile_to(socket: str) -> AsyncIterator[Turnstile]:
    """A turnstile before the server with this socket, on a loopback port of its own."""
    turnstile = Turnstile(socket)
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        await turnstile.serve(reader, writer)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    turnstile.port = server.sockets[0].getsockname()[1]
    try:
        yield turnstile
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
