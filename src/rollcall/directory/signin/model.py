"""What the identity provider speaks of: registrations of applications, what they ask for, and what people granted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

SignInAudience = Literal["AzureADMyOrg", "AzureADMultipleOrgs"]
GroupMembershipClaims = Literal["None", "SecurityGroup", "ApplicationGroup"]


@dataclass(frozen=True, slots=True)
class Registration:
    """An application as its owner registered it (Graph's application); tenants know it by a service principal.

    `is_public`: it keeps no secret (a browser or a device). `logout_url` is called in a hidden frame (OpenID Connect
    Front-Channel Logout), `backchannel_logout_url` from server to server (Back-Channel Logout). Calls in a frame carry `sid` alone, as Entra's do, or `iss` with it (`logout_with_issuer`).
    """

    tenant_id: UUID
    id: UUID
    app_id: UUID
    display_name: str
    sign_in_audience: SignInAudience = "AzureADMyOrg"
    redirect_uris: tuple[str, ...] = ()
    post_logout_redirect_uris: tuple[str, ...] = ()
    is_public: bool = False
    group_membership_claims: GroupMembershipClaims = "None"
    logout_url: str | None = None
    backchannel_logout_url: str | None = None
    logout_with_issuer: bool = False


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """What an application asks of a person's browser (OpenID Connect Core §3.1.2.1), checked."""

    app_id: UUID
    redirect_uri: str
    scope: tuple[str, ...]
    challenge: str
    state: str | None = None
    nonce: str | None = None
    response_mode: Literal["query", "form_post"] = "query"
    prompt: tuple[str, ...] = ()
    max_age_seconds: int | None = None
    login_hint: str | None = None


@dataclass(frozen=True, slots=True)
class ProtocolFault:
    """Why a request of an application is refused (RFC 6749 §4.1.2.1, §5.2), with Entra's number of the error.

    `number` is what follows AADSTS. Without `redirect_uri` only the person may be told, since it is not known whose
    address the request names.
    """

    error: str
    description: str
    number: int
    redirect_uri: str | None = None
    state: str | None = None
    response_mode: str = "query"

    def text(self) -> str:
        """The sentence as Entra writes it, so that what looks for its numbers finds them."""
        return f"AADSTS{self.number}: {self.description}"


@dataclass(frozen=True, slots=True)
class SignedIn:
    """That a person proved who they are: who, in which session, when, and by which methods (RFC 8176)."""

    tenant_id: UUID
    user_id: UUID
    session_id: UUID
    at: datetime
    methods: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Grant:
    """That a person let an application in; codes and refresh tokens are parts of it, and end with it."""

    id: UUID
    app_id: UUID
    signed_in: SignedIn
    scope: tuple[str, ...]
    nonce: str | None = None


@dataclass(frozen=True, slots=True)
class Person:
    """What tokens tell of a user.

    `groups` are ids, None where the application is told of none; `too_many_groups`: there are more than fit a token.
    `roles` are values of app roles. `assigned`: the user, or a group they are a direct member of, is assigned.
    """

    id: UUID
    tenant_id: UUID
    attributes: Mapping[str, Any]
    enabled: bool
    groups: Sequence[UUID] | None = None
    too_many_groups: bool = False
    roles: Sequence[str] = ()
    assigned: bool = False
    extra: Mapping[str, Any] = field(default_factory=dict)
