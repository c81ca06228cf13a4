"""What every page of the workspaces half works with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from starlette.requests import Request

from rollcall.crypto import Sealer
from rollcall.db import Database
from rollcall.passwords import SlowHash
from rollcall.runtime import Runtime
from rollcall.web import Cookies, Forms, Pages
from rollcall.workspaces.sending import Post
from rollcall.workspaces.settings.connection_store import find_configuration
from rollcall.workspaces.sso.configuration import Installation, SsoConfiguration
from rollcall.workspaces.sso.logout import Logout
from rollcall.workspaces.sso.oidc import RelyingParty
from rollcall.workspaces.sso.session_reading import SessionReader


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
    hashing: SlowHash

    async def find(self, configuration: UUID) -> tuple[UUID, SsoConfiguration] | None:
        """The organisation of a single sign-on configuration, and the configuration; None for an unknown id."""
        return await find_configuration(self.database, self.sealer, configuration)
