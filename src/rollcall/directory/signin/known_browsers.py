"""Browsers in which people signed in before: they have tries of their own, which nobody else can use up (check C24)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

import orjson

from rollcall.crypto import Sealer
from rollcall.errors import Refusal

KNOWN_FOR_SECONDS = 180 * 24 * 3600
_MOST_USERS = 4
_CONTEXT = "browser of people who signed in"


@dataclass(frozen=True, slots=True)
class KnownBrowser:
    """A browser, and the users who signed in with it, the latest first."""

    id: str
    users: tuple[UUID, ...] = ()

    def knows(self, users: Collection[UUID]) -> bool:
        """Whether one of these signed in here before."""
        return not set(self.users).isdisjoint(users)

    def with_user(self, user_id: UUID) -> KnownBrowser:
        """The same after a sign-in."""
        others = tuple(each for each in self.users if each != user_id)
        return KnownBrowser(self.id, (user_id, *others)[:_MOST_USERS])

    def sealed(self, sealer: Sealer) -> str:
        """As its cookie carries it: nobody can make one up, or say of whom it speaks."""
        text = orjson.dumps({"id": self.id, "users": [each.hex for each in self.users]}).decode()
        return base64.urlsafe_b64encode(sealer.seal(text, _CONTEXT)).decode()


def read_known_browser(sealer: Sealer, sealed: str | None) -> KnownBrowser | None:
    """What a cookie says; None for none, or one that is not ours."""
    try:
        raw = base64.b64decode((sealed or "").encode(), altchars=b"-_", validate=True)
        read = orjson.loads(sealer.open(raw, _CONTEXT))
    except (binascii.Error, ValueError, Refusal):
        return None
    return KnownBrowser(read["id"], tuple(UUID(each) for each in read["users"]))
