"""How mails leave the workspaces half."""

from __future__ import annotations

import asyncio
from typing import Protocol

import structlog

from rollcall.mail import Mail, NotSent, Sent

_log = structlog.get_logger()


class Post(Protocol):
    """Hands a mail to the mail server of the installation."""

    async def __call__(self, mail: Mail) -> Sent | NotSent:
        """Whatever becomes of the mail is a value."""


class Outbox:
    """Sends mails apart from the answer, which then takes as long for an address that gets no mail."""

    def __init__(self, post: Post) -> None:
        self._post = post
        self._sending: set[asyncio.Task[None]] = set()

    def send(self, mail: Mail) -> None:
        """Have it sent; what becomes of it is in the process log."""
        task = asyncio.create_task(self._sent(mail))
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    async def settled(self) -> None:
        """Wait for mails that are on their way."""
        await asyncio.gather(*self._sending)

    async def _sent(self, mail: Mail) -> None:
        outcome = await self._post(mail)
        if isinstance(outcome, NotSent):
            _log.warning("not_mailed", status=outcome.status, permanent=outcome.permanent)
        else:
            assert isinstance(outcome, Sent), "there is no third outcome"
