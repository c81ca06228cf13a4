"""Single logout by SAML: asking the provider for it, doing what a provider asks, and reading what it answers (check OUT-9)."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import orjson
import structlog

from rollcall.crypto import Sealer
from rollcall.db import Database, Rate, TenantDatabase, Tx, take_turn
from rollcall.errors import Throttled
from rollcall.runtime import Runtime
from rollcall.workspaces.audit import Actor, Happening, record
from rollcall.workspaces.sso.arrivals import Started, TurnedAway, turned_away
from rollcall.workspaces.sso.configuration import SamlProvider, SsoConfiguration
from rollcall.workspaces.sso.failure import SsoFailed, token_invalid
from rollcall.workspaces.sso.identity_links import remember_token
from rollcall.workspaces.sso.saml import ServiceProvider, hint_context, new_message_id
from rollcall.workspaces.sso.saml_logout_message import (
    ExpectedLogoutMessage,
    LogoutRequested,
    read_logout_request,
    read_logout_response,
)
from rollcall.workspaces.sso.saml_redirect import Redirected, read_redirect, redirect_url
from rollcall.workspaces.sso.saml_request import Envelope, logout_request, logout_response, written
from rollcall.workspaces.sso.saml_response import NameId
from rollcall.workspaces.sso.sessions import end_sessions_by_sid, end_sessions_of_subject, logout_facts
from rollcall.workspaces.sso.transactions import Asking, Secrets, begin_transaction, use_transaction

RATE = Rate(50, 1.0)
ACTION = "logout.saml.received"
_log = structlog.get_logger()


class SamlLogout:
    """Ends sessions as SAML providers say, and asks providers to end theirs."""

    def __init__(self, service: ServiceProvider, database: Database, runtime: Runtime, sealer: Sealer) -> None:
        self._service = service
        self._database = database
        self._runtime = runtime
        self._sealer = sealer

    async def at_provider(
        self, organisation: UUID, configuration: SsoConfiguration, session_id: UUID, browser: str | None
    ) -> Started | None:
        """Where the browser goes to be logged out at the provider too; None where the provider has no such place.

        Called before the session ends here, whose row holds the name that the provider knows the person by.
        """
        tenant = self._database.tenant(organisation)
        provider = await self._service.providers.current(tenant, configuration)
        facts = await tenant.read(logout_facts, session_id)
        if provider.slo_url is None or facts is None or facts["configuration_id"] != configuration.id:
            return None
        if facts["sealed_id_token"] is None:
            return None
        context = hint_context(organisation, configuration.id)
        kept = orjson.loads(self._sealer.open(bytes(facts["sealed_id_token"]), context))
        request_id = new_message_id()
        begun = await tenant.write(
            begin_transaction,
            self._runtime,
            self._sealer,
            configuration.id,
            "logout",
            Asking(door="logout"),
            Secrets(request=request_id),
            browser,
        )
        envelope = self._envelope(configuration, request_id, provider.slo_url)
        message = logout_request(envelope, NameId(**kept["name"]), kept["index"])
        key = await self._service.key(organisation, configuration)
        url = redirect_url(provider.slo_url, "SAMLRequest", written(message), begun.state, key.private)
        return Started(url, begun.browser)

    async def received(
        self, organisation: UUID, configuration: SsoConfiguration, query: bytes, browser: str | None, network: str
    ) -> str | TurnedAway | None:
        """What becomes of a message in a query: where the browser goes on with our answer, or None for a neutral page.

        A request ends the sessions that it names; whose cookie comes along counts for nothing. Raises Throttled over 50 a
        second.
        """
        tenant = self._database.tenant(organisation)
        wait = await self._database.system(take_turn, RATE, self._runtime.now(), "saml-logout", str(configuration.id))
        if wait:
            raise Throttled("Too many logouts at once.", code="rate_limited", retry_after_seconds=wait)
        try:
            message = read_redirect(query)
            if message.name == "SAMLResponse":
                await self._answered(tenant, configuration, message, browser)
                return None
            return await self._requested(organisation, configuration, message, network)
        except SsoFailed as failed:
            await tenant.write(_refused, self._runtime, configuration.id, failed.check or "OUT-9", network)
            return turned_away(self._runtime, failed, configuration, None)

    async def _requested(
        self, organisation: UUID, configuration: SsoConfiguration, message: Redirected, network: str
    ) -> str | None:
        tenant = self._database.tenant(organisation)
        provider = await self._service.providers.current(tenant, configuration)
        asked = read_logout_request(message, self._expected(configuration, provider))
        await tenant.write(_end_named, self._runtime, configuration.id, asked, network)
        where = provider.slo_response_url or provider.slo_url
        if where is None:
            return None
        answer = logout_response(self._envelope(configuration, new_message_id(), where), asked.id)
        key = await self._service.key(organisation, configuration)
        return redirect_url(where, "SAMLResponse", written(answer), message.relay_state, key.private)

    async def _answered(
        self, tenant: TenantDatabase, configuration: SsoConfiguration, message: Redirected, browser: str | None
    ) -> None:
        """The provider's answer to a logout that this browser began; it is noted, and ends nothing more."""
        begun = None
        if browser is not None and message.relay_state:
            state, now = message.relay_state, self._runtime.now()
            begun = await tenant.write(use_transaction, self._sealer, configuration.id, "logout", state, browser, now)
        if begun is None:
            return
        provider = await self._service.providers.current(tenant, configuration)
        done = read_logout_response(message, self._expected(configuration, provider, begun.secrets.request))
        _log.info("saml_logout_answered", configuration=str(configuration.id), done=done)

    def _envelope(self, configuration: SsoConfiguration, identifier: str, where: str) -> Envelope:
        return Envelope(identifier, self._service.ours(configuration).entity_id, where, self._runtime.now())

    def _expected(
        self, configuration: SsoConfiguration, provider: SamlProvider, request_id: str | None = None
    ) -> ExpectedLogoutMessage:
        return ExpectedLogoutMessage(
            self._service.ours(configuration).single_logout,
            provider.entity_id,
            provider.certificates,
            self._runtime.now(),
            timedelta(seconds=configuration.skew_seconds),
            provider.expired_certificates,
            request_id,
        )


async def _end_named(tx: Tx, runtime: Runtime, configuration_id: UUID, asked: LogoutRequested, network: str) -> None:
    """Remember the request and end the sessions it names, both or neither. Raises SsoFailed OUT-9 for a second use."""
    if not await remember_token(tx, f"saml logout {asked.issuer}", asked.id, asked.until, runtime.now()):
        raise token_invalid("OUT-9", "used before")
    if asked.sessions:
        ended = 0
        for index in asked.sessions:
            ended += await end_sessions_by_sid(tx, configuration_id, index, asked.name.value)
    else:
        ended = await end_sessions_of_subject(tx, configuration_id, asked.name.value)
    happened = Happening(ACTION, "sso_configuration", str(configuration_id), details={"ended": ended})
    await record(tx, runtime, _from(network), happened)
    _log.info("saml_logout", configuration=str(configuration_id), ended=ended)


async def _refused(tx: Tx, runtime: Runtime, configuration_id: UUID, check: str, network: str) -> None:
    happened = Happening(ACTION, "sso_configuration", str(configuration_id), "denied", check)
    await record(tx, runtime, _from(network), happened)


def _from(network: str) -> Actor:
    return Actor("system", ip=network)
