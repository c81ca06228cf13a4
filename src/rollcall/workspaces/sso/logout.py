"""Logout with the provider: asking for it (OUT-3), and being told of it in front and in the back (OUT-4 to OUT-7, BCL)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode, urlsplit
from uuid import UUID

import structlog

from rollcall.crypto import Sealer
from rollcall.db import Database, Rate, Tx, take_turn
from rollcall.errors import Throttled
from rollcall.runtime import Runtime
from rollcall.workspaces.sso.arrivals import Started
from rollcall.workspaces.sso.configuration import Kind, SsoConfiguration, addresses, issuer_of
from rollcall.workspaces.sso.failure import SsoFailed, token_invalid
from rollcall.workspaces.sso.identity_links import remember_token
from rollcall.workspaces.sso.logout_token import (
    LARGEST,
    ExpectedLogout,
    LogoutToken,
    check_logout_token,
)
from rollcall.workspaces.sso.oidc import RelyingParty, hint_context
from rollcall.workspaces.sso.saml_logout import SamlLogout
from rollcall.workspaces.sso.sessions import end_sessions_by_sid, end_sessions_of_subject, logout_facts
from rollcall.workspaces.sso.signed_token import read_token
from rollcall.workspaces.sso.transactions import Asking, Secrets, begin_transaction, use_transaction

BACK_CHANNEL_RATE = Rate(50, 1.0)
_LONGEST_SID = 255
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Told:
    """A logout that a provider told us of: `check` names what it failed, `ended` how many sessions ended."""

    ended: int = 0
    check: str | None = None


class Logout:
    """Ends sessions as providers say, and asks providers to end theirs."""

    def __init__(self, party: RelyingParty, database: Database, runtime: Runtime, sealer: Sealer) -> None:
        self._party = party
        self._database = database
        self._runtime = runtime
        self._sealer = sealer
        self.saml = SamlLogout(party.saml, database, runtime, sealer)

    async def at_provider(
        self, organisation: UUID, configuration: SsoConfiguration, session_id: UUID, browser: str | None
    ) -> Started | None:
        """Where the browser goes to be logged out at the provider too; None where the provider has no such place.

        Called before the session ends here, whose row holds the hint. Raises SsoFailed when the provider is away.
        """
        if configuration.kind is Kind.SAML:
            return await self.saml.at_provider(organisation, configuration, session_id, browser)
        tenant, pins = self._database.tenant(organisation), self._party.pins(configuration)
        metadata = await self._party.providers.metadata(tenant, pins)
        facts = await tenant.read(logout_facts, session_id)
        if metadata.end_session_endpoint is None or facts is None or facts["configuration_id"] != configuration.id:
            return None
        begun = await tenant.write(
            begin_transaction,
            self._runtime,
            self._sealer,
            configuration.id,
            "logout",
            Asking(door="logout"),
            Secrets(),
            browser,
        )
        parameters = {
            "client_id": pins.client.id,
            "post_logout_redirect_uri": addresses(self._party.installation, configuration.id).post_logout,
            "state": begun.state,
        }
        if facts["sealed_id_token"] is not None:
            context = hint_context(organisation, configuration.id)
            parameters["id_token_hint"] = self._sealer.open(bytes(facts["sealed_id_token"]), context)
        if configuration.kind.is_entra and facts["login_hint"]:
            parameters["logout_hint"] = facts["login_hint"]
        separator = "&" if urlsplit(metadata.end_session_endpoint).query else "?"
        return Started(f"{metadata.end_session_endpoint}{separator}{urlencode(parameters)}", begun.browser)

    async def came_back(
        self, organisation: UUID, configuration: SsoConfiguration, state: str, browser: str | None
    ) -> bool:
        """Whether a browser comes back from a logout that it began here."""
        if browser is None:
            return False
        found = await self._database.tenant(organisation).write(
            use_transaction, self._sealer, configuration.id, "logout", state, browser, self._runtime.now()
        )
        return found is not None

    async def front_channel(
        self, organisation: UUID, configuration: SsoConfiguration, pairs: Sequence[tuple[str, str]]
    ) -> Told:
        """End the sessions with the `sid` in the query; whose cookie comes along counts for nothing (checks OUT-4 to OUT-6)."""
        values = dict(pairs)
        sid = values.get("sid", "")
        if len(values) != len(pairs) or not sid or len(sid) > _LONGEST_SID or "\x00" in sid:
            return Told(check="OUT-6")
        if "iss" in values and not self._is_issuer(configuration, values["iss"]):
            return Told(check="OUT-5")
        tenant = self._database.tenant(organisation)
        ended = await tenant.write(end_sessions_by_sid, configuration.id, sid)
        _log.info("frontchannel_logout", configuration=str(configuration.id), ended=ended)
        return Told(ended)

    async def back_channel(self, organisation: UUID, configuration: SsoConfiguration, text: str) -> Told:
        """End the sessions that a logout token names. Raises Throttled over 50 a second (check BCL-10)."""
        tenant, now = self._database.tenant(organisation), self._runtime.now()
        wait = await self._database.system(take_turn, BACK_CHANNEL_RATE, now, "backchannel", str(configuration.id))
        if wait:
            raise Throttled("Too many logout tokens at once.", code="rate_limited", retry_after_seconds=wait)
        try:
            if len(text) > LARGEST:
                raise token_invalid("BCL-1", "too large")
            unread = read_token(text, LARGEST)
            pins = self._party.pins(configuration)
            metadata = await self._party.providers.metadata(tenant, pins)
            keys = await self._party.providers.keys(
                tenant, pins, unread.header.get("kid"), str(unread.header.get("alg"))
            )
            token = check_logout_token(
                text,
                keys,
                ExpectedLogout(
                    pins,
                    metadata.algorithms,
                    now,
                    configuration.skew_seconds,
                    configuration.untyped_logout_tokens,
                    self._party.installation.consumer_tenant,
                ),
            )
            ended = await tenant.write(_end_named, configuration.id, token, now)
        except SsoFailed as failed:
            _log.warning(
                "backchannel_logout_refused",
                configuration=str(configuration.id),
                code=failed.code,
                check=failed.check,
                noted=failed.noted,
            )
            if failed.status >= 500:
                raise
            return Told(check=failed.check or "BCL-3")
        _log.info("backchannel_logout", configuration=str(configuration.id), ended=ended)
        return Told(ended)

    def _is_issuer(self, configuration: SsoConfiguration, issuer: str) -> bool:
        try:
            pins = self._party.pins(configuration)
        except SsoFailed:
            return False
        if not pins.many_tenants:
            return issuer == pins.issuer
        return any(issuer == issuer_of(pins, tenant) for tenant in pins.tenants)


async def _end_named(tx: Tx, configuration_id: UUID, token: LogoutToken, now: datetime) -> int:
    """Remember the token and end the sessions it names, both or neither. Raises SsoFailed BCL-7 for a second use."""
    if not await remember_token(tx, f"logout {token.issuer}", token.replay_id, token.until, now):
        raise token_invalid("BCL-7", "used before")
    if token.sid is not None:
        return await end_sessions_by_sid(tx, configuration_id, token.sid, token.subject)
    assert token.subject is not None, "a logout token names somebody"
    return await end_sessions_of_subject(tx, configuration_id, token.subject)
