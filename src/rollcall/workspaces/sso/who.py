"""Who a person is: an existing link, a provisioned user to link, or nobody we know (checks LNK)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from rollcall.workspaces.sso.configuration import Kind, MatchBy, SsoConfiguration
from rollcall.workspaces.sso.failure import IDENTITY_CONFLICT, USER_DELETED, SsoFailed


@dataclass(frozen=True, slots=True)
class Subject:
    """A person as the provider knows them: `key` within `issuer`, for Entra the object id within its tenant.

    `user_name`: for the first match under LNK-3 alone. Never the address: it can be set freely. `object_id`: whether the
    key is a GUID, which external ids are compared with without case.
    """

    issuer: str
    key: str
    user_name: str | None = None
    object_id: bool = False


@dataclass(frozen=True, slots=True)
class Candidate:
    """A living user who may be this person. `linked`: whether this configuration has a link to them already."""

    user: UUID
    linked: bool = False


@dataclass(frozen=True, slots=True)
class Facts:
    """What is stored that bears on a person, all of one organisation. Break-glass accounts are never among it (LNK-6)."""

    linked: UUID | None = None
    by_external_id: Sequence[Candidate] = ()
    by_user_name: Sequence[Candidate] = ()
    domain_verified: bool = False
    buried: bool = False


@dataclass(frozen=True, slots=True)
class Known:
    """The user; `link`: whether a link has to be made."""

    user: UUID
    link: bool = False


class Nobody:
    """Nobody whom we know: the door decides whether a user is created."""


def who(facts: Facts, configuration: SsoConfiguration) -> Known | Nobody:
    """Who the person is. Raises SsoFailed `identity_conflict` or `user_deleted`."""
    if facts.linked is not None:
        return Known(facts.linked)
    found = _match(facts.by_external_id, "LNK-2")
    if found is None and may_match_names(configuration) and facts.domain_verified:
        found = _match(facts.by_user_name, "LNK-3")
    if found is not None:
        return Known(found, link=True)
    if facts.buried:
        raise SsoFailed(USER_DELETED, "LNK-4")
    return Nobody()


def may_match_names(configuration: SsoConfiguration) -> bool:
    """Whether a user name may stand for a person: only as configured, and never over several tenants (check LNK-3)."""
    one_directory = configuration.kind is not Kind.ENTRA_MULTI_TENANT or len(configuration.tenants) == 1
    return configuration.match_by is MatchBy.USER_NAME and one_directory


def _match(candidates: Sequence[Candidate], check: str) -> UUID | None:
    """The one user, if there is exactly one; somebody linked to another subject is not linked again (check LNK-5)."""
    if not candidates:
        return None
    if any(each.linked for each in candidates):
        raise SsoFailed(IDENTITY_CONFLICT, "LNK-5")
    if len(candidates) > 1:
        raise SsoFailed(IDENTITY_CONFLICT, check)
    return candidates[0].user
