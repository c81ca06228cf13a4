"""The SAML 2.0 service provider: sends a browser to a provider, and hands what it answers to the same road as OpenID Connect.

start     → a transaction is kept, the browser goes to the provider, by redirect or with a form
receive   the provider's post, without any cookie: XML · SGN · ASR · replay · groups; kept for a minute under a handle
complete  the browser with its cookie: who · the door's decision · link and session, in one transaction
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import timedelta
from urllib.parse import urlencode
from uuid import UUID

import orjson

from rollcall.crypto import Sealer
from rollcall.db import Database, TenantDatabase
from rollcall.outbound import Limits, Reach, fetch_text, open_session
from rollcall.runtime import Runtime, random_bytes
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
from rollcall.workspaces.sso.configuration import (
    Addresses,
    Installation,
    SamlProvider,
    SsoConfiguration,
    addresses,
)
from rollcall.workspaces.sso.failure import BAD_RESPONSE, EXPIRED, INTERACTION, SsoFailed, saml_error, token_invalid
from rollcall.workspaces.sso.identity_links import remember_token
from rollcall.workspaces.sso.saml_handoffs import keep_handoff, take_handoff, unsolicited_handoff
from rollcall.workspaces.sso.saml_keys import keep_key, read_key
from rollcall.workspaces.sso.saml_own_metadata import own_metadata
from rollcall.workspaces.sso.saml_person import Wanted, check_wanted, claims_of, saml_groups, subject_of
from rollcall.workspaces.sso.saml_providers import SamlProviders
from rollcall.workspaces.sso.saml_redirect import LONGEST_RELAY_STATE, redirect_url
from rollcall.workspaces.sso.saml_request import Envelope, authn_request, posted, written
from rollcall.workspaces.sso.saml_response import Expected, SamlRefusal, read_response
from rollcall.workspaces.sso.saml_signing_key import SamlKey, make_key
from rollcall.workspaces.sso.saml_xml import Element, decode_message, p, parse
from rollcall.workspaces.sso.transactions import (
    Asking,
    Secrets,
    Transaction,
    begin_transaction,
    open_transaction,
    use_transaction_of_any,
)

UNASKED_DOOR = "home"
"""Where an answer that nobody asked for leads to."""


@dataclass(frozen=True, slots=True)
class Posted:
    """A form for the provider, where it takes requests in no other way."""

    url: str
    fields: tuple[tuple[str, str], ...]


class ServiceProvider:
    """Signs people in through SAML 2.0, for all organisations of the installation."""

    def __init__(
        self, database: Database, runtime: Runtime, sealer: Sealer, installation: Installation, reach: Reach
    ) -> None:
        self._database = database
        self._runtime = runtime
        self._sealer = sealer
        self._installation = installation
        self._reach = reach
        self.providers = SamlProviders(self._fetch, runtime, reach)

    async def start(
        self, organisation: UUID, configuration: SsoConfiguration, asking: Asking, browser: str | None
    ) -> Started:
        """Send a browser to the provider; to a page of ours first where a form has to go there."""
        tenant = self._database.tenant(organisation)
        provider = await self.providers.current(tenant, configuration)
        request_id = new_message_id()
        begun = await tenant.write(
            begin_transaction,
            self._runtime,
            self._sealer,
            configuration.id,
            "saml",
            asking,
            Secrets(request=request_id),
            browser,
        )
        if provider.sso_by_post:
            own = f"{self.ours(configuration).base}/request?{urlencode({'state': begun.state})}"
            return Started(own, begun.browser)
        key = (await self.key(organisation, configuration)).private if provider.sign_requests else None
        request = self._request(configuration, provider, asking, request_id)
        hint = asking.login_hint
        return Started(
            redirect_url(provider.sso_url, "SAMLRequest", written(request), begun.state, key, hint), begun.browser
        )

    async def form(
        self, organisation: UUID, configuration: SsoConfiguration, state: str, browser: str | None
    ) -> Posted | None:
        """The form that carries a request to the provider; None unless this browser began it."""
        if browser is None or not configuration.on or not _is_handle(state):
            return None
        tenant = self._database.tenant(organisation)
        transaction = await tenant.read(
            open_transaction, self._sealer, configuration.id, "saml", state, browser, self._runtime.now()
        )
        if transaction is None:
            return None
        provider = await self.providers.current(tenant, configuration)
        request = self._request(configuration, provider, transaction.asking, transaction.secrets.request)
        key = await self.key(organisation, configuration) if provider.sign_requests else None
        return Posted(provider.sso_url, (("SAMLRequest", posted(request, key)), ("RelayState", state)))

    async def receive(
        self,
        organisation: UUID,
        configuration: SsoConfiguration,
        answer: str,
        relay_state: str,
        door_of: Callable[[Asking], Door],
    ) -> str | TurnedAway:
        """Where the browser goes on with its cookie after a provider's post; every check of the answer is done."""
        asking: Asking | None = None
        tenant = self._database.tenant(organisation)
        try:
            if not answer:
                raise SsoFailed(BAD_RESPONSE, "CB-1", "no SAMLResponse")
            provider = await self.providers.current(tenant, configuration)
            transaction = await self._find(tenant, configuration, provider, answer, relay_state)
            asking = Asking(UNASKED_DOOR) if transaction is None else transaction.asking
            vouched: Vouched | None
            try:
                vouched = await self._check(organisation, configuration, provider, answer, transaction, door_of(asking))
            except SsoFailed as failed:
                if failed.code != INTERACTION or not asking.silent:
                    raise
                vouched = None  # goes on to a visible sign-in, where the browser's cookie is
            browser_hash = None if transaction is None else transaction.browser_hash
            handle = await tenant.write(
                keep_handoff, self._sealer, configuration.id, browser_hash, asking, vouched, self._runtime.now()
            )
        except SsoFailed as failed:
            return turned_away(self._runtime, failed, configuration, asking)
        return f"{self.ours(configuration).base}/complete?{urlencode({'h': handle})}"

    async def complete(
        self,
        organisation: UUID,
        configuration: SsoConfiguration,
        handle: str,
        browser: Browser,
        door_of: Callable[[Asking], Door],
        *,
        agreed: bool = False,
    ) -> SignedIn | TurnedAway | Tried:
        """The session for an answer that was received, for the browser that began.

        `agreed`: the person said yes to an answer nobody asked for (check ASR-13); such a one needs no transaction.
        """
        asking: Asking | None = None
        tenant = self._database.tenant(organisation)
        try:
            if not configuration.on or not _is_handle(handle) or (browser.handle is None and not agreed):
                raise SsoFailed(EXPIRED, "CB-2", "no cookie, or the configuration is off")
            owner = None if agreed else browser.handle
            found = await tenant.write(take_handoff, self._sealer, configuration.id, handle, owner, self._runtime.now())
            if found is None:
                raise SsoFailed(EXPIRED, "CB-2", "nothing waits for this browser, or not any more")
            asking = found.asking
            if found.vouched is None:
                raise SsoFailed(INTERACTION, "ASR-1", "the provider wants to be seen")
            door = door_of(asking)
            return await let_in(tenant, self._runtime, configuration, asking, found.vouched, browser, door)
        except SsoFailed as failed:
            return turned_away(self._runtime, failed, configuration, asking)

    async def unasked(self, organisation: UUID, configuration: SsoConfiguration, handle: str) -> str | None:
        """Whom an answer that nobody asked for would sign in, as the provider calls them; None when none waits."""
        if not configuration.on or not _is_handle(handle):
            return None
        found = await self._database.tenant(organisation).read(
            unsolicited_handoff, self._sealer, configuration.id, handle, self._runtime.now()
        )
        if found is None or found.vouched is None:
            return None
        claims = found.vouched.claims
        return str(claims.get("preferred_username") or claims.get("name") or claims["sub"])

    async def metadata(self, organisation: UUID, configuration: SsoConfiguration) -> bytes:
        """Our metadata for a configuration (check SML-1)."""
        key = await self.key(organisation, configuration)
        provider = await self.providers.current(self._database.tenant(organisation), configuration)
        ours = addresses(self._installation, configuration.id)
        return own_metadata(ours, key.certificate, signs_requests=provider.sign_requests)

    async def key(self, organisation: UUID, configuration: SsoConfiguration) -> SamlKey:
        """The key of a configuration, made when it is needed first."""
        tenant = self._database.tenant(organisation)
        found = await tenant.read(read_key, self._sealer, configuration.id)
        if found is None:
            now = self._runtime.now()
            made = await asyncio.to_thread(make_key, str(configuration.id), now)
            await tenant.write(keep_key, self._sealer, configuration.id, made, now)
            found = await tenant.read(read_key, self._sealer, configuration.id)
            assert found is not None, "a key is kept now"
        return found

    def ours(self, configuration: SsoConfiguration) -> Addresses:
        """Our addresses for a configuration."""
        return addresses(self._installation, configuration.id)

    def _request(
        self, configuration: SsoConfiguration, provider: SamlProvider, asking: Asking, request_id: str
    ) -> Element:
        ours = self.ours(configuration)
        return authn_request(
            Envelope(request_id, ours.entity_id, provider.sso_url, self._runtime.now()),
            ours.acs,
            passive=asking.silent,
            force=not asking.silent and (asking.prompt == "login" or asking.max_age_seconds is not None),
            contexts=required_strength(configuration, asking).values,
        )

    async def _find(
        self,
        tenant: TenantDatabase,
        configuration: SsoConfiguration,
        provider: SamlProvider,
        answer: str,
        relay_state: str,
    ) -> Transaction | None:
        """The transaction, used up now; None for an answer nobody asked for, where the configuration takes such."""
        if not configuration.on:
            raise SsoFailed(EXPIRED, "CB-2", "the configuration is off")
        if _is_handle(relay_state):
            found = await tenant.write(
                use_transaction_of_any, self._sealer, configuration.id, "saml", relay_state, self._runtime.now()
            )
            if found is not None:
                return found
        if await asyncio.to_thread(_answers_something, answer):
            raise SsoFailed(EXPIRED, "CB-2", "no such transaction, or it was used")
        if not provider.unsolicited:
            raise token_invalid("ASR-13", "nobody asked for this answer")
        return None

    async def _check(
        self,
        organisation: UUID,
        configuration: SsoConfiguration,
        provider: SamlProvider,
        answer: str,
        transaction: Transaction | None,
        door: Door,
    ) -> Vouched:
        now, ours, skew = self._runtime.now(), self.ours(configuration), timedelta(seconds=configuration.skew_seconds)
        asking = Asking(UNASKED_DOOR) if transaction is None else transaction.asking
        expected = Expected(
            acs_url=ours.acs,
            audience=ours.entity_id,
            issuer=provider.entity_id,
            certificates=provider.certificates,
            request_id=None if transaction is None else transaction.secrets.request,
            now=now,
            skew=skew,
            response_suffices=provider.response_signature_suffices,
            expired_certificates=provider.expired_certificates,
            name_attribute=provider.name_attribute,
            group_attribute=configuration.group_claim,
        )
        found = await asyncio.to_thread(lambda: read_response(decode_message(answer), expected))
        if isinstance(found, SamlRefusal):
            raise saml_error(found.code, found.message)
        wanted = Wanted(required_strength(configuration, asking), asking.max_age_seconds, door.guests, now)
        subject = subject_of(found, configuration)
        strength, guest = check_wanted(found, wanted, skew)
        tenant = self._database.tenant(organisation)
        seen_as = f"assertion {found.assertion_id}"
        if not await tenant.write(remember_token, found.issuer, seen_as, found.good_until, now):
            raise token_invalid("ASR-10", "used before")
        hint = orjson.dumps({"name": asdict(found.sent_name), "index": found.session_index}).decode()
        return Vouched(
            subject,
            found.sent_name.value,
            saml_groups(found.attributes, configuration.group_claim),
            session=found.session_index,
            session_ends=found.session_until,
            authenticated=found.authenticated_at,
            strength=strength,
            guest=guest,
            sealed_hint=self._sealer.seal(hint, hint_context(organisation, configuration.id)),
            claims=claims_of(found, subject),
        )

    async def _fetch(self, url: str) -> bytes:
        limits = Limits()
        async with open_session(self._reach, limits.seconds) as session:
            return await fetch_text(session, url, self._reach, limits)


def new_message_id() -> str:
    """A name for a message of ours; it must not begin with a digit."""
    return f"id{random_bytes(16).hex()}"


def hint_context(organisation: UUID, configuration_id: UUID) -> str:
    """What the kept name of a person at a provider is bound to."""
    return f"saml name {organisation} {configuration_id}"


def _is_handle(sent: str) -> bool:
    return 0 < len(sent) <= LONGEST_RELAY_STATE and sent.isascii() and "\x00" not in sent


def _answers_something(answer: str) -> bool:
    """Whether an answer says that it is to a request. Raises SsoFailed when it is none."""
    root = parse(decode_message(answer))
    if root.tag != p("Response"):
        raise token_invalid("XML-2", "the root is no samlp:Response")
    return root.get("InResponseTo") is not None
