"""The SCIM endpoint of the workspaces half: token → organisation → its accounts and groups → SCIM on the wire."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from uuid import UUID

from rollcall.crypto import hash_token
from rollcall.db import Database
from rollcall.runtime import Runtime
from rollcall.scim.error import ScimError, forbidden, unauthorized
from rollcall.scim_http.server import Application, Request, ResourceStore, scim_app
from rollcall.workspaces.accounts import AccountStore
from rollcall.workspaces.audit import Actor
from rollcall.workspaces.model import parse_id
from rollcall.workspaces.organisations import (
    LAST_USED_PRECISION_SECONDS,
    find_credential,
    note_use,
    organisation_id,
)
from rollcall.workspaces.settings.synchronization import is_within
from rollcall.workspaces.token import is_token

MOUNT = "/scim/v2/{organisation}"
REVOCATION_SECONDS = 1.0
"""How long a token that was just accepted is accepted without asking the database."""

_REMEMBERED_AT_MOST = 10_000
_NOBODY = UUID(int=0)


def workspaces_scim_app(database: Database, runtime: Runtime, *, base_url: str | None = None) -> Application:
    """The SCIM service provider of all organisations, an ASGI application for paths from `/scim/v2/{organisation}` on.

    `base_url` is scheme and host as the outside world knows them; without it the Host header counts.
    """
    gate = Gate(database, runtime)

    async def store_for(request: Request) -> ResourceStore:
        admitted = await gate.admit(request.path_params["organisation"], request.token, request.peer)
        actor = Actor(f"scim:{admitted.credential}", request.peer, request.header("user-agent") or "")
        return AccountStore(database.tenant(admitted.organisation), runtime, request.base_url, actor)

    return scim_app(store_for, mount=MOUNT, base_url=base_url, runtime=runtime)


def tenant_url(base_url: str, key: str) -> str:
    """The Tenant URL of an organisation, by its key or its id."""
    return f"{base_url.rstrip('/')}{MOUNT.format(organisation=key)}"


@dataclass(frozen=True, slots=True)
class Admitted:
    """Which organisation a request may change, and by which of its credentials."""

    organisation: UUID
    credential: UUID


class Gate:
    """Decides which organisation a token opens. Accepted tokens are remembered for a second, refused ones never."""

    def __init__(self, database: Database, runtime: Runtime) -> None:
        self._database = database
        self._runtime = runtime
        # A key belongs to its organisation for ever, so it may be remembered for as long as there is room.
        self._organisations: OrderedDict[str, UUID] = OrderedDict()
        self._accepted: OrderedDict[tuple[UUID, bytes, str], tuple[float, Admitted]] = OrderedDict()

    async def admit(self, organisation: str, token: str | None, network: str = "") -> Admitted:
        """The organisation, when the token is a live credential of it and synchronization is on.

        Raises ScimError 401, with one answer for a missing, malformed, unknown, revoked or expired token, a token of
        another organisation and an unknown organisation; 403 when synchronization is off, or `network` is none that the
        organisation takes calls from.
        """
        if token is None or not is_token(token):
            raise _unauthorized()
        tenant = await self._find(organisation)
        token_hash = hash_token(token)
        now = self._runtime.monotonic()
        until, admitted = self._accepted.get((tenant, token_hash, network), (-1.0, None))
        if admitted is not None and until > now:
            return admitted
        admitted = Admitted(tenant, await self._check(tenant, token_hash, network))
        self._accepted[tenant, token_hash, network] = now + REVOCATION_SECONDS, admitted
        self._accepted.move_to_end((tenant, token_hash, network))
        if len(self._accepted) > _REMEMBERED_AT_MOST:
            self._accepted.popitem(last=False)
        return admitted

    async def _check(self, tenant: UUID, token_hash: bytes, network: str) -> UUID:
        """The id of the credential."""
        tenant_database, now = self._database.tenant(tenant), self._runtime.now()
        credential = await tenant_database.read(find_credential, token_hash, now)
        if credential is None:
            self._accepted.pop((tenant, token_hash, network), None)
            raise _unauthorized()
        if not credential["synchronization"]:
            self._accepted.pop((tenant, token_hash, network), None)
            raise forbidden("User synchronization is turned off")
        if not is_within(network, tuple(credential["scim_networks"])):
            self._accepted.pop((tenant, token_hash, network), None)
            raise forbidden("This organisation takes no calls from this network")
        last_used = credential["last_used"]
        if last_used is None or (now - last_used).total_seconds() >= LAST_USED_PRECISION_SECONDS:
            await tenant_database.write(note_use, credential["id"], now)
        identifier: UUID = credential["id"]
        return identifier

    async def _find(self, organisation: str) -> UUID:
        """The organisation's id; for an unknown one an id that no organisation has, so that it is refused alike."""
        given = parse_id(organisation)
        if given is not None:
            return given
        known = self._organisations.get(organisation)
        if known is not None:
            return known
        if "\x00" in organisation:
            return _NOBODY
        found = await self._database.system(organisation_id, organisation)
        if found is None:
            return _NOBODY
        self._organisations[organisation] = found
        if len(self._organisations) > _REMEMBERED_AT_MOST:
            self._organisations.popitem(last=False)
        return found


def _unauthorized() -> ScimError:
    return unauthorized("The secret token is missing or not valid for this Tenant URL.")
