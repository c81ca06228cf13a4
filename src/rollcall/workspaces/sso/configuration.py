"""What a single sign-on configuration is, and what each kind of it pins: authority, issuer, client, tenants."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import quote
from uuid import UUID

CONSUMER_TENANT = "9188040d-6c67-4c5b-b112-36a304b66dad"
"""The tenant of personal Microsoft accounts; refused unless the operator says otherwise (check TEN-4)."""
TENANT_TEMPLATE = "{tenantid}"
"""Stands in the issuer of metadata that is good for many tenants."""
PRODUCT_ALGORITHMS = ("RS256", "PS256", "ES256", "EdDSA")
ENTRA_ALGORITHMS = ("RS256",)
DEFAULT_SCOPES = ("openid", "profile", "email")
ENTRA_GROUPS_ATTRIBUTE = "http://schemas.microsoft.com/ws/2008/06/identity/claims/groups"


class Kind(StrEnum):
    """The four kinds of *Add SSO configuration*."""

    ENTRA_MULTI_TENANT = "entra_multi_tenant"
    ENTRA = "entra"
    OPENID_CONNECT = "openid_connect"
    SAML = "saml"

    @property
    def is_entra(self) -> bool:
        """Whether tokens of it follow Entra's rules (checks TEN)."""
        return self in (Kind.ENTRA_MULTI_TENANT, Kind.ENTRA)

    @property
    def words(self) -> str:
        """Its name in the menu, and the default name of a configuration."""
        return _TITLES[self]


_TITLES = {
    Kind.ENTRA_MULTI_TENANT: "Microsoft Entra ID (Multi-Tenant)",
    Kind.ENTRA: "Microsoft Entra ID",
    Kind.OPENID_CONNECT: "OpenID Connect",
    Kind.SAML: "SAML 2.0",
}


class GroupSource(StrEnum):
    """Which groups count at sign-in."""

    TOKEN_THEN_SCIM = "token_then_scim"  # noqa: S105 - a setting, no secret
    TOKEN_ONLY = "token_only"  # noqa: S105 - a setting, no secret
    SCIM_ONLY = "scim_only"


class MatchBy(StrEnum):
    """How a provisioned user is found at the first sign-in (checks LNK-2, LNK-3)."""

    EXTERNAL_ID = "external_id"
    USER_NAME = "user_name"


@dataclass(frozen=True, slots=True)
class Client:
    """Our registration at a provider. `secret` and `key` are open here, and shown nowhere.

    `key`: a private key as JSON Web Key, for private_key_jwt; it goes before the secret. Neither: a public client.
    """

    id: str
    secret: str | None = field(default=None, repr=False)
    key: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Strength:
    """What a sign-in has to show: one of these values in `acr`, `amr` or `acrs`, resp. AuthnContextClassRef.

    `mfa`: several factors, however the provider says so. Neither: nothing is required.
    """

    mfa: bool = False
    values: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return self.mfa or bool(self.values)


@dataclass(frozen=True, slots=True)
class SamlProvider:
    """What a SAML 2.0 configuration knows of its identity provider. Certificates are PEM, at most four."""

    entity_id: str
    sso_url: str
    certificates: tuple[str, ...]
    sso_by_post: bool = False
    """Whether requests go there in a form: the provider takes no others."""
    slo_url: str | None = None
    slo_response_url: str | None = None
    """Where answers to its logout requests go, if that is another place."""
    metadata_url: str | None = None
    metadata_certificate: str | None = None
    """Signs the metadata; with it a change of all certificates needs nobody's approval (check SGN-5)."""
    sign_requests: bool = False
    response_signature_suffices: bool = False
    expired_certificates: bool = False
    unsolicited: bool = False
    name_attribute: str | None = None
    """The attribute that is the person's key in the place of a transient NameID (check ASR-11)."""


@dataclass(frozen=True, slots=True)
class SsoConfiguration:
    """One connection of an organisation to one identity provider, with its secrets opened.

    `tenants`: Entra tenant ids, lower case; one for *Microsoft Entra ID*, one or more for *Multi-Tenant*. `client`: the
    organisation's own registration; None where the installation's is used. `issuer`: of *OpenID Connect* only.
    """

    id: UUID
    kind: Kind
    name: str
    on: bool = True
    tenants: tuple[str, ...] = ()
    client: Client | None = None
    issuer: str | None = None
    scopes: tuple[str, ...] = DEFAULT_SCOPES
    group_claim: str = "groups"
    group_source: GroupSource = GroupSource.TOKEN_THEN_SCIM
    match_by: MatchBy = MatchBy.EXTERNAL_ID
    guests_at_dashboard: bool = False
    guests_at_workspaces: bool = True
    strength: Strength = Strength()
    saml: SamlProvider | None = None

    group_lookup: bool = False
    """Whether groups that do not fit into a token are asked for at the provider (check GRP-11)."""
    security_groups_only: bool = True
    claims_mapping: bool = False
    """Whether the registration signs with a key of its own, which the discovery address has to ask for (check KEY-6)."""
    domain_hint: str | None = None
    untyped_logout_tokens: bool = False
    skew_seconds: int = 60

    def __post_init__(self) -> None:
        assert 0 <= self.skew_seconds <= 300, "clocks may differ by 300 seconds at most (check OID-7)"
        assert (self.saml is not None) == (self.kind is Kind.SAML), "SAML goes with its provider"


@dataclass(frozen=True, slots=True)
class Installation:
    """What the operator sets for all organisations.

    `registration`: the client of *Multi-Tenant*; without it that kind can't be used. `loopback_http`: plain HTTP to this
    machine, for development. `allowed_addresses`: hosts and networks that outbound calls may reach although they are
    private (check DIS-3).
    """

    base_url: str
    entra_authority: str = "https://login.microsoftonline.com"
    graph: str = "https://graph.microsoft.com"
    registration: Client | None = None
    consumer_tenant: bool = False
    loopback_http: bool = False
    allowed_addresses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Pinned:
    """What is believed of a provider, and nothing beside it.

    `issuer`: exact, or for many tenants with `{tenantid}` in it. `tenants`: those whose tokens are taken; empty where
    tenants mean nothing.
    """

    entra: bool
    issuer: str
    discovery_url: str
    client: Client
    tenants: tuple[str, ...] = ()
    algorithms: tuple[str, ...] = PRODUCT_ALGORITHMS

    @property
    def many_tenants(self) -> bool:
        """Whether the metadata is a template for several tenants."""
        return TENANT_TEMPLATE in self.issuer


def pinned(configuration: SsoConfiguration, installation: Installation, tenant: str | None = None) -> Pinned | None:
    """What an OpenID Connect configuration pins; None when it lacks a client, or `tenant` is none of its tenants.

    `tenant`: the one the person chose. Guests must be sent to its own authority, so with it, as with a single tenant
    configured, nothing of any other tenant is taken.
    """
    assert configuration.kind is not Kind.SAML, "SAML pins an entity id and certificates"
    multi = configuration.kind is Kind.ENTRA_MULTI_TENANT
    client = installation.registration if multi else configuration.client
    if client is None:
        return None
    if not configuration.kind.is_entra:
        assert configuration.issuer is not None, "an OpenID Connect configuration has an issuer"
        return Pinned(False, configuration.issuer, well_known(configuration.issuer), client)
    if tenant is not None and tenant not in configuration.tenants:
        return None
    tenants = (tenant,) if tenant is not None else configuration.tenants
    if not tenants:
        return None
    one = len(tenants) == 1
    authority = f"{installation.entra_authority}/{tenants[0] if one else 'organizations'}/v2.0"
    issuer = f"{installation.entra_authority}/{tenants[0] if one else TENANT_TEMPLATE}/v2.0"
    question = f"?appid={quote(client.id, safe='')}" if configuration.claims_mapping else ""
    return Pinned(True, issuer, well_known(authority) + question, client, tenants, ENTRA_ALGORITHMS)


def well_known(issuer: str) -> str:
    """Where an issuer's metadata is (OpenID Connect Discovery §4)."""
    return f"{issuer.removesuffix('/')}/.well-known/openid-configuration"


def issuer_of(pins: Pinned, tenant: str) -> str:
    """The issuer of one tenant's tokens."""
    return pins.issuer.replace(TENANT_TEMPLATE, tenant)


@dataclass(frozen=True, slots=True)
class Addresses:
    """What an administrator copies into the provider's registration, for one configuration.

    `base`: what all of them begin with. The last three are of SAML: our entity id, under which our metadata is, and where
    assertions and logouts come to.
    """

    base: str
    redirect_uri: str
    frontchannel_logout: str
    backchannel_logout: str
    post_logout: str
    third_party_login: str
    entity_id: str
    acs: str
    single_logout: str


def addresses(installation: Installation, configuration_id: UUID) -> Addresses:
    """Our addresses for a configuration; each has its own, which is the defence against mixed-up answers (C33)."""
    base = f"{installation.base_url.rstrip('/')}/sso/{configuration_id}"
    return Addresses(
        base,
        f"{base}/callback",
        f"{base}/frontchannel-logout",
        f"{base}/backchannel-logout",
        f"{base}/signed-out",
        f"{base}/start",
        f"{base}/metadata",
        f"{base}/acs",
        f"{base}/slo",
    )
