"""The relying party: sends a browser to a provider, and makes a session of the answer once every check passed.

start    → a transaction is kept, the browser goes to the provider
finish   CB-1 read · CB-2 find · CB-3 use up · CB-4 issuer · CB-5 error · CB-6, CB-7 exchange · OID token · replay
         · groups · who · the door's decision · link and session, in one transaction
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

import structlog
from psycopg.errors import UniqueViolation

from rollcall.crypto import Sealer
from rollcall.db import Database, TenantDatabase, Tx
from rollcall.outbound import Document, Limits, Reach, ask, fetch_json, open_session
from rollcall.runtime import Runtime, new_secret
from rollcall.workspaces.sso.authorization import Answer, authorization_url, check_error, check_issuer, read_answer
from rollcall.workspaces.sso.configuration import Installation, Pinned, SsoConfiguration, Strength, addresses, pinned
from rollcall.workspaces.sso.discovery import Metadata
from rollcall.workspaces.sso.entra import consent_address
from rollcall.workspaces.sso.exchange import Tokens, exchange_code
from rollcall.workspaces.sso.failure import (
    BAD_RESPONSE,
    CONSENT_NEEDED,
    EXPIRED,
    IDENTITY_CONFLICT,
    INTERACTION,
    SETUP_ERROR,
    WRONG_PROVIDER,
    SsoFailed,
    token_invalid,
)
from rollcall.workspaces.sso.group_lookup import Graph, look_up_groups
from rollcall.workspaces.sso.groups_claim import Listed, Missing, Snapshot, needs_lookup, read_groups, resolve
from rollcall.workspaces.sso.id_token import Expected, IdToken, check_id_token
from rollcall.workspaces.sso.identity_links import make_link, note_link_used, read_facts, remember_token
from rollcall.workspaces.sso.providers import Providers
from rollcall.workspaces.sso.sessions import Kind, Provided, SignIn, create_session, groups_in_scim
from rollcall.workspaces.sso.sessions import Limits as SessionLimits
from rollcall.workspaces.sso.signed_token import read_token
from rollcall.workspaces.sso.transactions import Asking, Secrets, Transaction, begin_transaction, use_transaction
from rollcall.workspaces.sso.who import Known, Subject, who

EXCHANGE_SECONDS = 10.0
LOOKUP_SECONDS = 5.0
_ANSWER_BYTES = 256 * 1024
_LOOKUP_BYTES = 1024 * 1024
_TRIES = 2
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Arrival:
    """Somebody whom a provider vouches for, before the door. `user` is None for nobody we know."""

    configuration: SsoConfiguration
    asking: Asking
    subject: Subject
    user: UUID | None
    snapshot: Snapshot
    guest: bool
    authenticated: datetime | None
    strength: tuple[str, ...]
    claims: dict[str, Any] = field(repr=False)
    """For what a new user is called; nothing in it decides."""


@dataclass(frozen=True, slots=True)
class Admitted:
    """The door opens, for this user; one made just now, perhaps."""

    user: UUID
    kind: Kind
    limits: SessionLimits


@dataclass(frozen=True, slots=True)
class Denied:
    """The door stays closed, for a reason of the access decision."""

    reason: str


class Door(Protocol):
    """What a sign-in leads to. Both functions run inside the transaction that makes the session."""

    guests: bool

    async def domain_verified(self, tx: Tx, domain: str) -> bool:
        """Whether the organisation has proved that a domain is its own."""

    async def admit(self, tx: Tx, arrival: Arrival) -> Admitted | Denied:
        """Decide, and create the user where the door does that. Raises Raced when the user name is taken by then."""


@dataclass(frozen=True, slots=True)
class Started:
    """Where the browser goes, and the handle it keeps meanwhile in a cookie."""

    url: str
    browser: str


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A session was made; the browser gets `handle`, and goes to `return_to`, a path of our own."""

    handle: str
    session: UUID
    user: UUID
    asking: Asking
    linked: bool


@dataclass(frozen=True, slots=True)
class TurnedAway:
    """No session. `reference` finds the line in the log. `asking` is None where no transaction was found.

    A silent re-check that needs to be seen has the code `sso_interaction_required`: go on to a visible sign-in.
    """

    code: str
    message: str
    status: int
    reference: str
    check: str | None = None
    asking: Asking | None = None
    consent_url: str | None = None
    """Where an administrator approves the application, when that is what is missing (check TEN-7)."""

    @property
    def goes_on(self) -> bool:
        """Whether a visible sign-in follows without a word."""
        return self.code == INTERACTION and self.asking is not None and self.asking.silent


@dataclass(frozen=True, slots=True)
class Tried:
    """What *Test sign-in* found: everything was checked, and nobody was signed in."""

    token: IdToken
    snapshot: Snapshot
    user: UUID | None


@dataclass(frozen=True, slots=True)
class Browser:
    """What is noted of the browser. `handle`: its sign-ins under way. `session`: the one it came with, which ends."""

    handle: str | None = None
    session: str | None = None
    user_agent: str = ""
    network: str = ""


@dataclass(frozen=True, slots=True)
class _Checked:
    token: IdToken
    tokens: Tokens
    groups: Listed | Missing
    looked_up: tuple[str, ...] | None


class RelyingParty:
    """Signs people in through OpenID Connect, for all organisations of the installation."""

    def __init__(self, database: Database, runtime: Runtime, sealer: Sealer, installation: Installation) -> None:
        self.installation = installation
        self._database = database
        self._runtime = runtime
        self._sealer = sealer
        self.reach = Reach(allowed=installation.allowed_addresses, loopback_http=installation.loopback_http)
        self.providers = Providers(self._fetch, runtime, self.reach)

    async def start(
        self, organisation: UUID, configuration: SsoConfiguration, asking: Asking, browser: str | None
    ) -> Started:
        """Send a browser to the provider. Raises SsoFailed when the provider is away or set up wrongly."""
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
            checked = await self._check(organisation, configuration, answer, transaction, door)
            return await self._let_in(organisation, configuration, asking, checked, browser, door)
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
    ) -> _Checked:
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
                strength=_required(configuration.strength, asking),
                guests=door.guests,
                consumer_tenant=self.installation.consumer_tenant,
            ),
        )
        if answer.issuer is not None and answer.issuer != token.issuer:
            raise SsoFailed(WRONG_PROVIDER, "CB-4", "iss of the answer is not that of the token")
        if not await tenant.write(remember_token, token.issuer, token.replay_id, token.until, now):
            raise token_invalid("OID-16", "used before")
        single = not configuration.kind.is_entra
        groups = read_groups(token.claims, configuration.group_claim, single=single)
        looked_up = await self._look_up(tenant, configuration, token, groups)
        return _Checked(token, tokens, groups, looked_up)

    async def _look_up(
        self, tenant: TenantDatabase, configuration: SsoConfiguration, token: IdToken, groups: Listed | Missing
    ) -> tuple[str, ...] | None:
        if not needs_lookup(groups, configuration.group_source, configured=_looks_up(configuration)):
            return None
        pins = self.pins(configuration, token.tenant)
        metadata: Metadata = await self.providers.metadata(tenant, pins)
        graph = Graph(self.installation.graph, metadata, pins.client, configuration.security_groups_only)
        return await look_up_groups(self.ask(LOOKUP_SECONDS, _LOOKUP_BYTES), self._runtime, graph, token.subject)

    async def _let_in(
        self,
        organisation: UUID,
        configuration: SsoConfiguration,
        asking: Asking,
        checked: _Checked,
        browser: Browser,
        door: Door,
    ) -> SignedIn | Tried:
        tenant = self._database.tenant(organisation)
        if asking.testing:
            return await tenant.read(_try, configuration, checked, door)
        sealed = None
        if not configuration.kind.is_entra:
            sealed = self._sealer.seal(checked.tokens.id_token, hint_context(organisation, configuration.id))
        for _ in range(_TRIES):
            try:
                return await tenant.write(_enter, self._runtime, configuration, asking, checked, browser, door, sealed)
            except (Raced, UniqueViolation):
                continue  # somebody made the same link or user meanwhile; now it is there to be read (check LNK-7)
        raise SsoFailed(IDENTITY_CONFLICT, "LNK-7", "somebody else has the user name")

    def _turned_away(self, failed: SsoFailed, configuration: SsoConfiguration, asking: Asking | None) -> TurnedAway:
        reference = str(self._runtime.new_id())
        _log.warning(
            "sso_failed",
            reference=reference,
            configuration=str(configuration.id),
            code=failed.code,
            check=failed.check,
            noted=failed.noted,
        )
        return TurnedAway(
            failed.code,
            failed.message,
            failed.status,
            reference,
            failed.check,
            asking,
            self._consent_url(configuration, asking) if failed.code == CONSENT_NEEDED else None,
        )

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


def _required(own: Strength, asking: Asking) -> Strength:
    return Strength(own.mfa or asking.mfa, (*own.values, *asking.strengths))


def _looks_up(configuration: SsoConfiguration) -> bool:
    return configuration.kind.is_entra and configuration.group_lookup


async def _known(
    tx: Tx, configuration: SsoConfiguration, checked: _Checked, door: Door
) -> tuple[Subject, UUID | None, bool]:
    token = checked.token
    subject = Subject(token.issuer, token.subject, token.user_name)
    name, _, domain = (token.user_name or "").rpartition("@")
    verified = bool(name and domain) and await door.domain_verified(tx, domain.lower())
    found = who(await read_facts(tx, configuration, subject, domain_verified=verified), configuration)
    return (subject, found.user, found.link) if isinstance(found, Known) else (subject, None, True)


async def _snapshot(tx: Tx, configuration: SsoConfiguration, checked: _Checked, user: UUID | None) -> Snapshot:
    return resolve(
        checked.groups,
        configuration.group_source,
        provisioned=None if user is None else await groups_in_scim(tx, user),
        lookup_configured=_looks_up(configuration),
        looked_up=checked.looked_up,
    )


async def _try(tx: Tx, configuration: SsoConfiguration, checked: _Checked, door: Door) -> Tried:
    _, user, _ = await _known(tx, configuration, checked, door)
    return Tried(checked.token, await _snapshot(tx, configuration, checked, user), user)


async def _enter(
    tx: Tx,
    runtime: Runtime,
    configuration: SsoConfiguration,
    asking: Asking,
    checked: _Checked,
    browser: Browser,
    door: Door,
    sealed: bytes | None,
) -> SignedIn:
    """Who, decision, link and session at once: if the door stays closed, nothing of it is kept."""
    token = checked.token
    subject, user, to_link = await _known(tx, configuration, checked, door)
    snapshot = await _snapshot(tx, configuration, checked, user)
    arrival = Arrival(
        configuration,
        asking,
        subject,
        user,
        snapshot,
        token.guest,
        token.authenticated,
        token.strength,
        dict(token.claims),
    )
    decision = await door.admit(tx, arrival)
    if isinstance(decision, Denied):
        raise DoorClosed(decision.reason)
    linked = False
    if to_link:
        owner, linked = await make_link(tx, runtime, configuration, subject, decision.user)
        if owner != decision.user:
            raise Raced(decision.user)
    else:
        await note_link_used(tx, configuration.id, subject, runtime.now())
    provided = Provided(
        configuration=configuration.id,
        issuer=token.issuer,
        subject=token.subject,
        token_subject=str(token.claims["sub"]),
        session=token.sid,
        strength=token.strength,
        guest=token.guest,
        snapshot=snapshot,
        ends=token.session_expiry,
        sealed_id_token=sealed,
        login_hint=token.login_hint,
    )
    sign_in = SignIn(
        decision.kind,
        "sso",
        decision.limits,
        user=decision.user,
        authenticated=token.authenticated,
        provided=provided,
        user_agent=browser.user_agent,
        network=browser.network,
        continues=asking.silent,
    )
    session, handle = await create_session(tx, runtime, sign_in, replaces=browser.session)
    return SignedIn(handle, session, decision.user, asking, linked)


class Raced(Exception):
    """The same person was linked, or made, by another request at the same time; the sign-in looks once more."""


class DoorClosed(SsoFailed):
    """The access decision said no, for `code`, a reason of its own."""

    def __init__(self, reason: str) -> None:
        super().__init__(BAD_RESPONSE)
        self.code = reason
        self.status = 403
        self.message = "You may not enter here."
