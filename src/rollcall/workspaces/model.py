"""The values of the workspaces half: organisations and what provisioning authenticates with."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from rollcall.errors import Invalid

CREDENTIALS_LIVE_AT_MOST = 2
TOMBSTONE_DAYS = 30

_KEY = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_NAME_LENGTH = 100
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class Organisation:
    """One customer, the tenant boundary. `key` stands in its Tenant URL and never changes."""

    id: UUID
    key: str
    name: str
    synchronization: bool
    created: datetime


@dataclass(frozen=True, slots=True)
class Credential:
    """What may be shown of a SCIM credential after its token was shown once; `ends_with` are its last four characters.

    `created_by`: as the audit log names whoever did; empty where it was not written down.
    """

    id: UUID
    name: str
    ends_with: str
    created: datetime
    expires: datetime | None
    revoked: datetime | None
    last_used: datetime | None
    created_by: str = ""

    def is_live(self, now: datetime) -> bool:
        """Whether its token is accepted at `now`."""
        return self.revoked is None and (self.expires is None or now < self.expires)


@dataclass(frozen=True, slots=True)
class IssuedCredential:
    """A new credential together with its token, which is shown now and never again."""

    credential: Credential
    token: str


def check_key(key: str) -> str:
    """`key` if it can stand in a Tenant URL. Raises Invalid."""
    if not _KEY.fullmatch(key):
        raise Invalid(
            f"The organisation key {key!r} can't stand in a Tenant URL. "
            "Use 1 to 63 small letters, digits and hyphens, with no hyphen at either end.",
            code="organisation_key_invalid",
        )
    if is_uuid(key):
        raise Invalid("An organisation key must not look like an id. Choose a word.", code="organisation_key_invalid")
    return key


def check_name(name: str, noun: str) -> str:
    """`name` without blanks around it. Raises Invalid when it is empty or over 100 characters."""
    name = name.strip()
    if not 1 <= len(name) <= _NAME_LENGTH:
        raise Invalid(f"The name of {noun} must have 1 to {_NAME_LENGTH} characters.", code="name_invalid")
    return name


def is_uuid(text: str) -> bool:
    """Whether `text` is a UUID in its canonical form: 36 characters, small letters (RFC 9562 §4)."""
    return _UUID.fullmatch(text) is not None


def parse_id(text: str) -> UUID | None:
    """The UUID that `text` is the canonical form of, or None: an id of ours is never spelt otherwise."""
    return UUID(text) if is_uuid(text) else None
