"""Reads the session of a browser by its handle, and notes that it is used."""

from __future__ import annotations

from collections import OrderedDict
from uuid import UUID

from rollcall.crypto import hash_token
from rollcall.db import Database
from rollcall.runtime import Runtime
from rollcall.workspaces.sso.sessions import SEEN_PRECISION, Session, note_seen, organisation_of_handle, read_session

_REMEMBERED_AT_MOST = 10_000
_LONGEST_HANDLE = 100


class SessionReader:
    """Finds sessions. A handle belongs to its organisation for ever, so that is remembered; the row is read each time."""

    def __init__(self, database: Database, runtime: Runtime) -> None:
        self._database = database
        self._runtime = runtime
        self._organisations: OrderedDict[bytes, UUID] = OrderedDict()

    async def read(self, handle: str | None) -> tuple[UUID, Session] | None:
        """The organisation and the live session of a handle; None for a forged, ended or expired one (check C4)."""
        organisation = await self.organisation(handle)
        if organisation is None or handle is None:
            return None
        tenant, now = self._database.tenant(organisation), self._runtime.now()
        session = await tenant.read(read_session, handle, now)
        if session is None:
            self._organisations.pop(hash_token(handle), None)
            return None
        if now - session.last_seen >= SEEN_PRECISION:
            await tenant.write(note_seen, session.id, now)
        return organisation, session

    async def organisation(self, handle: str | None) -> UUID | None:
        """The organisation a handle belongs to; None for a forged or dead one. Whether it is live, only the row says."""
        if not handle or len(handle) > _LONGEST_HANDLE or not handle.isascii() or "\x00" in handle:
            return None
        key = hash_token(handle)
        known = self._organisations.get(key)
        if known is not None:
            return known
        found = await self._database.system(organisation_of_handle, handle)
        if found is not None:
            self._organisations[key] = found
            if len(self._organisations) > _REMEMBERED_AT_MOST:
                self._organisations.popitem(last=False)
        return found
