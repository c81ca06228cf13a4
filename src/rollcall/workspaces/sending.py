"""How mails leave the workspaces half."""

from __future__ import annotations

from typing import Protocol

from rollcall.mail import Mail, NotSent, Sent


class Post(Protocol):
    """Hands a mail to the mail server of the installation."""

    async def __call__(self, mail: Mail) -> Sent | NotSent:
        """Whatever becomes of the mail is a value."""
