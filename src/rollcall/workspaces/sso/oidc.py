"""The relying party: sends a browser to a provider, and makes a session of the answer once every check passed.

start    → a transaction is kept, the browser goes to the provider
finish   CB-1 read · CB-2 find · CB-3 use up · CB-4 issuer · CB-5 error · CB-6, CB-7 exchange · OID token · replay
         · groups · who · the door's decision · link and session, in one transaction
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from rollcall.crypto import Sealer
from rollcall.db import Database, TenantDatabase
from rollcall.outbound import Document, Limits, Reach, ask, fetch_json, open_session
from rollcall.runtime import Runtime, new_secret
from rollcall.workspaces.sso.arrivals import (
    Browser,
    Door,
    SignedIn,
    Started,
    Tried,
    TurnedAway,
    Vouched,
    let_in,
    required_strength,
    turned_away,
)
from rollcall.workspaces.sso.authorization import Answer, authorization_url, check_error, check_issuer, read_answer
from rollcall.workspaces.sso.configuration import Installation, Kind, Pinned, SsoConfiguration, addresses, pinned
from rollcall.workspaces.sso.discovery import Metadata
from rollcall.workspaces.sso.entra import consent_address
from rollcall.workspaces.sso.exchange import exchange_code
from rollcall.workspaces.sso.failure import (
    CONSENT_NEEDED,
    EXPIRED,
    SETUP_ERROR,
    WRONG_PROVIDER,
    SsoFailed,
    token_invalid,
)
from rollcall.workspaces.sso.group_lookup import Graph, look_up_groups
from rollcall.workspaces.sso.groups_claim import Listed, Missing, needs_lookup, read_groups
from rollcall.workspaces.sso.id_token import Expected, IdToken, check_id_token
from rollcall.workspaces.sso.identity_links import remember_token
from rollcall.workspaces.sso.providers import Providers
from rollcall.workspaces.sso.saml import ServiceProvider
from rollcall.workspaces.sso.signed_token import read_token
from rollcall.workspaces.sso.transactions import Asking, Secrets, Transaction, begin_transaction, use_transaction
from rollcall.workspaces.sso.who import Subject

EXCHANGE_SECONDS = 10.0
LOOKUP_SECONDS = 5.0
_ANSWER_BYTES = 256 * 1024
_LOOKUP_BYTES = 1024 * 1024


class RelyingParty:
    """Signs people in through OpenID Connect, for all organisations of the installation; `saml` does it through SAML."""

    def __init__(self, database: Database, runtime: Runtime, sealer: Sealer, installation: Installation) -> None:
        self.installation = installation
        self._database = database
        self._runtime = runtime
        self._sealer = sealer
        self.reach = Reach(allowed=installation.allowed_addresses, loopback_http=installation.loopback_http)
        self.providers = Providers(self._fetch, runtime, self.reach)
        self.saml = ServiceProvider(database, runtime, sealer, installation, self.reach)

    async def start(
        self, organisation: UUID, configuration: SsoConfiguration, asking: Asking, browser: str | None
    ) -> Started:
        """Send a browser to the provider, of any kind. Raises SsoFailed when the provider is away or set up wrongly."""
        if configuration.kind is Kind.SAML:
            return await self.saml.start(organisation, configuration, asking, browser)
        tenant, pins = self._database.tenant(organisation), self.pins(configuration, asking.tenant)
        metadata = await self.providers.metadata(tenant, pins)
        secrets = Secrets(nonce=new_secret(), verifier=new_secret())
        begun = await tenant.write(
            begin_transaction, self._runtime, self._sealer, configuration.id, "oidc", asking, secrets, browser
        )
        back = addresses(self.installation, configuration.id).redirect_uri
        url = authorization_url(metadata, configuration, pins.client.id, back, begun.state, secrets, asking)
        return Started(url, begun.browser)

    async def finish(
        self,
        organisation: UUID,
        configuration: SsoConfiguration,
        pairs: Sequence[tuple[str, str]],
        browser: Browser,
        door_of: Callable[[Asking], Door],
    ) -> SignedIn | TurnedAway | Tried:
        """What becomes of an answer. No session, user or link is made before the last step, nor on any failure.

        `door_of`: the door that the sign-in was begun for.
        """
        asking: Asking | None = None
        try:
            answer = read_answer(pairs)
            transaction = await self._find(organisation, configuration, answer, browser)
            asking = transaction.asking
            door = door_of(asking)
            vouched = await self._check(organisation, configuration, answer, transaction, door)
            tenant = self._database.tenant(organisation)
            return await let_in(tenant, self._runtime, configuration, asking, vouched, browser, door)
        except SsoFailed as failed:
            return self._turned_away(failed, configuration, asking)

    def pins(self, configuration: SsoConfiguration, tenant: str | None = None) -> Pinned:
        """What a configuration pins. Raises SsoFailed `sso_setup_error` when it can't be used."""
        pins = pinned(configuration, self.installation, tenant)
        if pins is None:
            raise SsoFailed(SETUP_ERROR, noted="no client, or a tenant that is not configured")
        return pins

    async def _find(
        self, organisation: UUID, configuration: SsoConfiguration, answer: Answer, browser: Browser
    ) -> Transaction:
        if not configuration.on or browser.handle is None:
            raise SsoFailed(EXPIRED, "CB-2", "no cookie, or the configuration is off")
        transaction = await self._database.tenant(organisation).write(
            use_transaction, self._sealer, configuration.id, "oidc", answer.state, browser.handle, self._runtime.now()
        )
        if transaction is None:
            raise SsoFailed(EXPIRED, "CB-2", "no such transaction, or it was used")
        return transaction

    async def _check(
        self,
        organisation: UUID,
        configuration: SsoConfiguration,
        answer: Answer,
        transaction: Transaction,
        door: Door,
    ) -> Vouched:
        tenant, asking = self._database.tenant(organisation), transaction.asking
        pins = self.pins(configuration, asking.tenant)
        metadata = await self.providers.metadata(tenant, pins)
        check_issuer(answer, metadata, many_tenants=pins.many_tenants)
        check_error(answer, silent=asking.silent)
        tokens = await exchange_code(
            self.ask(EXCHANGE_SECONDS),
            metadata,
            pins.client,
            self._runtime.now(),
            str(self._runtime.new_id()),
            code=answer.code,
            verifier=transaction.secrets.verifier,
            uri=addresses(self.installation, configuration.id).redirect_uri,
        )
        unread = read_token(tokens.id_token)
        keys = await self.providers.keys(tenant, pins, unread.header.get("kid"), str(unread.header.get("alg")))
        now = self._runtime.now()
        token = check_id_token(
            tokens.id_token,
            keys,
            Expected(
                pins=pins,
                algorithms=metadata.algorithms,
                nonce=transaction.secrets.nonce,
                now=now,
                skew_seconds=configuration.skew_seconds,
                max_age_seconds=asking.max_age_seconds,
                strength=required_strength(configuration, asking),
                guests=door.guests,
                consumer_tenant=self.installation.consumer_tenant,
            ),
        )
        if answer.issuer is not None and answer.issuer != token.issuer:
            raise SsoFailed(WRONG_PROVIDER, "CB-4", "iss of the answer is not that of the token")
        if not await tenant.write(remember_token, token.issuer, token.replay_id, token.until, now):
            raise token_invalid("OID-16", "used before")
        return await self._vouched(organisation, configuration, token, tokens.id_token)

    async def _vouched(
        self, organisation: UUID, configuration: SsoConfiguration, token: IdToken, written: str
    ) -> Vouched:
        entra = configuration.kind.is_entra
        groups = read_groups(token.claims, configuration.group_claim, single=not entra)
        tenant = self._database.tenant(organisation)
        return Vouched(
            Subject(token.issuer, token.subject, token.user_name, object_id=entra),
            str(token.claims["sub"]),
            groups,
            looks_up=_looks_up(configuration),
            looked_up=await self._look_up(tenant, configuration, token, groups),
            session=token.sid,
            session_ends=token.session_expiry,
            authenticated=token.authenticated,
            strength=token.strength,
            guest=token.guest,
            login_hint=token.login_hint,
            sealed_hint=None if entra else self._sealer.seal(written, hint_context(organisation, configuration.id)),
            claims=dict(token.claims),
        )

    async def _look_up(
        self, tenant: TenantDatabase, configuration: SsoConfiguration, token: IdToken, groups: Listed | Missing
    ) -> tuple[str, ...] | None:
        if not needs_lookup(groups, configuration.group_source, configured=_looks_up(configuration)):
            return None
        pins = self.pins(configuration, token.tenant)
        metadata: Metadata = await self.providers.metadata(tenant, pins)
        graph = Graph(self.installation.graph, metadata, pins.client, configuration.security_groups_only)
        return await look_up_groups(self.ask(LOOKUP_SECONDS, _LOOKUP_BYTES), self._runtime, graph, token.subject)

    def _turned_away(self, failed: SsoFailed, configuration: SsoConfiguration, asking: Asking | None) -> TurnedAway:
        url = self._consent_url(configuration, asking) if failed.code == CONSENT_NEEDED else None
        return turned_away(self._runtime, failed, configuration, asking, url)

    def _consent_url(self, configuration: SsoConfiguration, asking: Asking | None) -> str | None:
        if not configuration.kind.is_entra:
            return None
        tenant = asking.tenant if asking is not None else None
        pins = self.pins(configuration, tenant)
        chosen = pins.tenants[0] if len(pins.tenants) == 1 else None
        back = addresses(self.installation, configuration.id).redirect_uri
        return consent_address(self.installation.entra_authority, chosen, pins.client.id, back, new_secret())

    def ask(self, seconds: float, size: int = _ANSWER_BYTES) -> Any:
        """One request to a provider, within so many seconds."""
        limits = Limits(seconds, size)

        async def asked(method: str, url: str, **more: Any) -> Document:
            async with open_session(self.reach, seconds) as session:
                return await ask(session, method, url, self.reach, limits, **more)

        return asked

    async def _fetch(self, url: str) -> dict[str, Any]:
        limits = Limits()
        async with open_session(self.reach, limits.seconds) as session:
            return await fetch_json(session, url, self.reach, limits)


def hint_context(organisation: UUID, configuration_id: UUID) -> str:
    """What a kept ID token is bound to."""
    return f"id token {organisation} {configuration_id}"


def _looks_up(configuration: SsoConfiguration) -> bool:
    return configuration.kind.is_entra and configuration.group_lookup
