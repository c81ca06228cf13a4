"""What every page of the workspaces half works with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from starlette.requests import Request

from rollcall.crypto import Sealer
from rollcall.db import Database
from rollcall.mail import Mail, NotSent, Sent
from rollcall.runtime import Runtime
from rollcall.web import Cookies, Forms, Pages
from rollcall.workspaces.sso.configuration import Installation
from rollcall.workspaces.sso.logout import Logout
from rollcall.workspaces.sso.oidc import RelyingParty
from rollcall.workspaces.sso.session_reading import SessionReader


class Post(Protocol):
    """Hands a mail to the mail server of the installation."""

    async def __call__(self, mail: Mail) -> Sent | NotSent:
        """Whatever becomes of the mail is a value."""


@dataclass(frozen=True, slots=True)
class House:
    """The parts behind the pages. `post` is None where the installation has no mail server.

    `network`: where a request comes from, as far as tries are counted by it.
    """

    database: Database
    runtime: Runtime
    sealer: Sealer
    base_url: str
    pages: Pages
    forms: Forms
    cookies: Cookies
    sessions: SessionReader
    party: RelyingParty
    logout: Logout
    installation: Installation
    post: Post | None
    network: Callable[[Request], str]
